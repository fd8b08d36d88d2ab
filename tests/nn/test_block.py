"""One block, against torch's own layer with the same weights."""

from collections.abc import Callable

import torch
from torch.nn import TransformerEncoderLayer

from glassformer.nn.block import TransformerBlock


def test_the_block_is_that_of_torch(
    as_torch_layer: Callable[[TransformerBlock], TransformerEncoderLayer],
) -> None:
    """Same weights, same input, same padding: same output, and the same gradient at the input."""
    generator = torch.Generator().manual_seed(0)
    ours = TransformerBlock(8, 2)
    theirs = as_torch_layer(ours)
    look = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    x = torch.randn(2, 5, 8, generator=generator, requires_grad=True)
    mine = ours(x, look[:, None, None, :])
    other = theirs(x, src_key_padding_mask=~look)
    # The same float32 sums in another order.
    torch.testing.assert_close(mine, other, rtol=0, atol=1e-5)
    (slope,) = torch.autograd.grad(mine.square().sum(), x)
    (expected,) = torch.autograd.grad(other.square().sum(), x)
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-4)


def test_a_block_adds_to_its_input() -> None:
    """With nothing to add, the input comes out as it went in: the residual path is free."""
    block = TransformerBlock(8, 2)
    for last in (block.attention.output, block.feed_forward.down):
        for parameter in last.parameters():
            torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 3, 8)
    assert torch.equal(block(x), x)

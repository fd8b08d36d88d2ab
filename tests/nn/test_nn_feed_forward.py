"""The feed-forward layers that learn, against transformers' own with the same weights."""

from typing import Any

import pytest
import torch
from torch.nn import functional
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP

from glassformer.nn.feed_forward import FeedForward, GatedFeedForward

# The same float32 sums: a few rounding steps of 1.2e-7 on values of about 1.
ROUNDING = 1e-6


def slopes(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The gradient of the squared output at the input."""
    z = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(layer(z).square().sum(), z)
    return slope


def test_the_plain_layer_is_torchs_sequence() -> None:
    """Linear, GELU, linear, with our weights: the same output and the same gradient."""
    torch.manual_seed(0)
    ours = FeedForward(6, 10)
    theirs = torch.nn.Sequential(torch.nn.Linear(6, 10), torch.nn.GELU(), torch.nn.Linear(10, 6))
    theirs[0].load_state_dict(ours.up.state_dict())
    theirs[2].load_state_dict(ours.down.state_dict())
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=ROUNDING)
    torch.testing.assert_close(slopes(ours, x), slopes(theirs, x), rtol=0, atol=ROUNDING)


def test_the_gated_layer_is_that_of_llama() -> None:
    """LlamaMLP with our weights: the same output and the same gradient."""
    torch.manual_seed(0)
    ours = GatedFeedForward(6, 10)
    mlp: Any = LlamaMLP  # without annotations
    theirs = mlp(LlamaConfig(hidden_size=6, intermediate_size=10, num_attention_heads=1))
    theirs.load_state_dict(
        {f"{k.split('.')[0]}_proj.weight": v for k, v in ours.state_dict().items()}
    )
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=ROUNDING)
    torch.testing.assert_close(slopes(ours, x), slopes(theirs, x), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("width", [12, 48, 100])
def test_both_have_as_many_matrix_weights_if_not_told_otherwise(width: int) -> None:
    """4 D units with two matrices, 8 D / 3 with three: 8 D² weights, up to rounding one unit."""
    plain, gated = FeedForward(width), GatedFeedForward(width)
    matrices = plain.up.weight.numel() + plain.down.weight.numel()
    assert matrices == 8 * width * width
    assert abs(sum(p.numel() for p in gated.parameters()) - matrices) <= 1.5 * width


def test_the_bend_can_be_chosen() -> None:
    """Both take another activation, and use it."""
    torch.manual_seed(0)
    x = torch.randn(4, 6)
    plain, gated = FeedForward(6, 10, functional.relu), GatedFeedForward(6, 10, functional.relu)
    expected = plain.down(functional.relu(plain.up(x)))
    torch.testing.assert_close(plain(x), expected, rtol=0, atol=ROUNDING)
    expected = gated.down(functional.relu(gated.gate(x)) * gated.up(x))
    torch.testing.assert_close(gated(x), expected, rtol=0, atol=ROUNDING)

"""The attention that learns, against torch's own module with the same weights."""

import pytest
import torch

from glassformer.nn.attention import MultiHeadAttention

# The same float32 sums in another order: a few rounding steps of 1.2e-7 on values of about 1.
ROUNDING = 1e-5


def copy_to_torch(ours: MultiHeadAttention, width: int) -> torch.nn.MultiheadAttention:
    """A module of torch's own, with our weights."""
    theirs = torch.nn.MultiheadAttention(width, ours.heads, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([part.weight for part in parts]),
            "in_proj_bias": torch.cat([part.bias for part in parts]),
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    return theirs


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_output_and_weights_are_those_of_torch(heads: int, *, masked: bool) -> None:
    """Same weights, same input: same output, and the scores give the same attention map."""
    generator = torch.Generator().manual_seed(heads)
    ours = MultiHeadAttention(8, heads)
    x = torch.randn(3, 5, 8, generator=generator)
    mask = torch.rand(5, 5, generator=generator) < 0.5
    mask |= torch.eye(5, dtype=torch.bool)
    look = mask[None, None] if masked else None
    theirs, weights = copy_to_torch(ours, 8)(
        *(x, x, x),
        attn_mask=~mask if masked else None,  # torch's module means the opposite by True
        average_attn_weights=False,
    )
    torch.testing.assert_close(ours(x, look), theirs, rtol=0, atol=ROUNDING)
    maps = ours.scores(x, look).softmax(-1)
    torch.testing.assert_close(maps, weights, rtol=0, atol=ROUNDING)


def test_scores_need_not_be_mutual() -> None:
    """What a word looks for is not what it is found by: the scores are not symmetric."""
    scores = MultiHeadAttention(8, 2).scores(torch.randn(1, 4, 8))
    assert (scores - scores.transpose(-2, -1)).abs().max() > 0.01


@pytest.mark.parametrize("heads", [0, 3, 16])
def test_heads_must_divide_the_width(heads: int) -> None:
    """Anything else is an error that says what came."""
    with pytest.raises(ValueError, match=f"expected heads that divide the width 8, got {heads}"):
        MultiHeadAttention(8, heads)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_a_mask_of_numbers_is_refused(dtype: torch.dtype) -> None:
    """The fused operator would add it to the scores: 0 and 1 instead of never and always."""
    mask = torch.ones(1, 1, 4, 4, dtype=dtype)
    with pytest.raises(ValueError, match=f"expected mask as a tensor of bool, got {dtype}"):
        MultiHeadAttention(8, 2)(torch.randn(1, 4, 8), mask)

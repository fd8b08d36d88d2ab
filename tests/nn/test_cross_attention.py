"""The cross-attention that learns, against torch's own module with the same weights."""

import pytest
import torch

from glassformer.nn.cross_attention import CrossAttention

# The same float32 sums in another order: a few rounding steps of 1.2e-7 on values of about 1.
ROUNDING = 1e-5


@pytest.mark.parametrize("source_width", [None, 10])
@pytest.mark.parametrize("masked", [False, True])
def test_output_and_weights_are_those_of_torch(source_width: int | None, *, masked: bool) -> None:
    """Same weights, same texts: same output, and the scores give the same attention map."""
    torch.manual_seed(0)
    E = source_width or 8
    ours = CrossAttention(8, 2, source_width)
    theirs = torch.nn.MultiheadAttention(8, 2, kdim=E, vdim=E, batch_first=True)
    weights = {name: getattr(ours, name).weight for name in ("query", "key", "value")}
    if source_width is None:
        projections = {"in_proj_weight": torch.cat(list(weights.values()))}
    else:
        projections = {f"{name[0]}_proj_weight": weight for name, weight in weights.items()}
    theirs.load_state_dict(
        {
            **projections,
            "in_proj_bias": torch.cat([getattr(ours, name).bias for name in weights]),
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x, source = torch.randn(3, 4, 8), torch.randn(3, 6, E)
    real = torch.arange(6) < torch.tensor([6, 4, 1])[:, None]
    look = real[:, None, None, :] if masked else None
    expected, maps = theirs(
        *(x, source, source),
        key_padding_mask=~real if masked else None,
        average_attn_weights=False,
    )
    torch.testing.assert_close(ours(x, source, look), expected, rtol=0, atol=ROUNDING)
    ours_maps = ours.scores(x, source, look).softmax(-1)
    torch.testing.assert_close(ours_maps, maps, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("heads", [0, 3, 16])
def test_heads_must_divide_the_width(heads: int) -> None:
    """Anything else is an error that says what came."""
    with pytest.raises(ValueError, match=f"expected heads that divide the width 8, got {heads}"):
        CrossAttention(8, heads)

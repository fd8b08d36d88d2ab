"""The attention that learns, against torch's own module with the same weights.

Within a text and into another one, with groups, and out of a cache.
"""

import pytest
import torch

from glassformer.nn.attention import MultiHeadAttention
from glassformer.nn.position import rotary_angles

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


@pytest.mark.parametrize("source_width", [None, 10])
@pytest.mark.parametrize("masked", [False, True])
def test_looking_into_another_text_is_that_of_torch(
    source_width: int | None, *, masked: bool
) -> None:
    """Same weights, same texts: same output, and the scores give the same attention map."""
    torch.manual_seed(0)
    E = source_width or 8
    ours = MultiHeadAttention(8, 2, source_width=source_width)
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
    torch.testing.assert_close(ours(x, look, source=source), expected, rtol=0, atol=ROUNDING)
    ours_maps = ours.scores(x, look, source=source).softmax(-1)
    torch.testing.assert_close(ours_maps, maps, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_it_is_torchs_module_with_equal_heads_in_a_group(groups: int) -> None:
    """Keys and values copied for each head of a group: the same output, masked or not."""
    torch.manual_seed(groups)
    ours = MultiHeadAttention(8, 4, groups=groups)
    theirs = torch.nn.MultiheadAttention(8, 4, batch_first=True)
    wide = {}
    for name in ("key", "value"):
        for kind in ("weight", "bias"):
            rows = getattr(getattr(ours, name), kind).unflatten(0, (groups, 2))
            wide[name, kind] = rows.repeat_interleave(4 // groups, dim=0).flatten(0, 1)
    stacked = {
        kind: torch.cat([getattr(ours.query, kind), wide["key", kind], wide["value", kind]])
        for kind in ("weight", "bias")
    }
    theirs.load_state_dict(
        {
            "in_proj_weight": stacked["weight"],
            "in_proj_bias": stacked["bias"],
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x = torch.randn(3, 5, 8)
    look = torch.ones(5, 5).tril().bool()
    for mask, hidden in ((None, None), (look[None, None], ~look)):
        expected, _ = theirs(x, x, x, attn_mask=hidden)
        torch.testing.assert_close(ours(x, mask), expected, rtol=0, atol=ROUNDING)


def test_fewer_groups_have_fewer_parameters() -> None:
    """Keys and values shrink with the groups, queries and output stay."""
    sizes = [
        sum(p.numel() for p in MultiHeadAttention(8, 4, groups=groups).parameters())
        for groups in (1, 2, 4)
    ]
    assert sizes == [2 * 72 + 2 * 9 * 2, 2 * 72 + 2 * 9 * 4, 4 * 72]


@pytest.mark.parametrize(("heads", "groups"), [(4, 3), (4, 8), (4, 0)])
def test_groups_must_divide_the_heads(heads: int, groups: int) -> None:
    """Anything else is an error that says what came."""
    with pytest.raises(ValueError, match=f"expected groups .*, got {groups} and {heads}"):
        MultiHeadAttention(8, heads, groups=groups)


def test_heads_must_divide_the_width_unless_their_own_is_given() -> None:
    """Three heads of a width of 8 need a width of their own."""
    with pytest.raises(ValueError, match="expected heads that divide the width 8, got 3"):
        MultiHeadAttention(8, 3, groups=1)
    assert MultiHeadAttention(8, 3, groups=1, head_width=5)(torch.ones(1, 2, 8)).shape == (1, 2, 8)


def test_keys_and_values_may_come_in_parts() -> None:
    """Kept from a shorter text and completed, they give what the whole text gives."""
    torch.manual_seed(0)
    attention, x = MultiHeadAttention(8, 4, groups=2), torch.randn(3, 7, 8)
    look = torch.ones(7, 7, dtype=torch.bool).tril()[None, None]
    angles = rotary_angles(torch.arange(7), 2)
    sin, cos = (part.float() for part in angles)
    before = attention.keys_and_values(x[:, :5], (sin[:5], cos[:5]))
    after = attention.keys_and_values(x[:, 5:], (sin[5:], cos[5:]))
    k, v = (torch.cat(parts, dim=2) for parts in zip(before, after, strict=True))
    last = attention.gather(x[:, 5:], k, v, look[:, :, 5:], angles=(sin[5:], cos[5:]))
    whole = attention(x, look, angles=(sin, cos))
    torch.testing.assert_close(last, whole[:, 5:], rtol=0, atol=ROUNDING)
    # The causal shortcut is the causal mask.
    k, v = attention.keys_and_values(x)
    short = attention.gather(x, k, v, causal=True)
    torch.testing.assert_close(short, attention(x, look), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_gradients_are_those_of_small_steps(groups: int) -> None:
    """Autograd's gradient of each weight and of the input is the slope that small steps find."""
    torch.manual_seed(groups)
    attention = MultiHeadAttention(8, 4, groups=groups, source_width=6).double()
    weights = dict(attention.named_parameters())
    x, source = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    look = torch.rand(2, 1, 3, 5) < 0.6

    def output(x: torch.Tensor, source: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(weights, values, strict=True))
        found: torch.Tensor = torch.func.functional_call(
            attention, given, (x, look), {"source": source}
        )
        return found

    inputs = [x, source, *(weight.detach() for weight in weights.values())]
    assert torch.autograd.gradcheck(output, [value.requires_grad_() for value in inputs])


def test_without_scaling_the_scores_are_plain_products() -> None:
    """T5 leaves the scale to its weights."""
    torch.manual_seed(0)
    plain, scaled = MultiHeadAttention(8, 2, scaled=False), MultiHeadAttention(8, 2)
    scaled.load_state_dict(plain.state_dict())
    x = torch.randn(1, 5, 8)
    torch.testing.assert_close(plain.scores(x), scaled.scores(x) * 2, rtol=0, atol=ROUNDING)
    weights = plain.scores(x).softmax(-1)
    v = plain.value(x).unflatten(-1, (2, 4)).transpose(1, 2)
    expected = plain.output((weights @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(plain(x), expected, rtol=0, atol=ROUNDING)

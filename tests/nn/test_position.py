"""The positions of the torch twin: against the NumPy side, written apart, and transformers."""

import numpy as np
import pytest
import torch
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Attention

from glassformer.nn.attention import MultiHeadAttention
from glassformer.nn.position import (
    RelativeBias,
    alibi,
    relative_bucket,
    rotary,
    rotary_angles,
    sinusoidal,
)
from glassformer.position import alibi as numpy_alibi
from glassformer.position import relative as numpy_relative
from glassformer.position import rope as numpy_rope
from glassformer.position.sinusoidal import sinusoidal_positions

ROUNDING = 1e-6


@pytest.mark.parametrize(("T", "D", "start"), [(1, 2, 0), (50, 32, 0), (7, 64, 1000)])
def test_sinusoids_are_those_of_the_numpy_side(T: int, D: int, start: int) -> None:
    """Both compute angles in float64 and round once."""
    ours, theirs = sinusoidal(T, D, start).numpy(), sinusoidal_positions(T, D, start)
    assert np.abs(ours - theirs).max() <= ROUNDING


@pytest.mark.parametrize("start", [0, 5, 5000])
def test_rotary_is_that_of_the_numpy_side(start: int) -> None:
    """The same pairs, turned by the same angles, in both precisions."""
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 8))
    for dtype in (np.float32, np.float64):
        ours = rotary(torch.from_numpy(x.astype(dtype)), start).numpy()
        theirs = numpy_rope.rotary(x.astype(dtype), start, pairing="halves")
        assert ours.dtype == dtype
        # Numbers of about 1 are turned: a few roundings.
        assert np.abs(ours - theirs).max() <= 10 * np.finfo(dtype).eps


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 8, 12, 16, 20])
def test_alibi_is_that_of_the_numpy_side(heads: int) -> None:
    """The same slope for each head, powers of two or not."""
    ours, theirs = alibi(heads, 9).numpy(), numpy_alibi.alibi_bias(heads, 9)
    lower = np.tril(np.ones((9, 9), bool))
    assert np.abs(ours - theirs)[:, lower].max() <= ROUNDING


def test_alibi_of_eight_heads_by_hand() -> None:
    """Slopes 1/2 to 1/256, times the distance."""
    bias = alibi(8, 4)
    assert bias[:, 3, 0].tolist() == [-3 / 2**i for i in range(1, 9)]
    assert not bias.diagonal(dim1=1, dim2=2).any()


def test_buckets_and_bias_are_those_of_t5() -> None:
    """T5's decoder numbers distances alike, and reads the same table."""
    config = T5Config(d_model=8, num_heads=2, d_kv=4, is_decoder=True)
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    places = torch.arange(300)
    distance = places[:, None] - places
    numbered = T5Attention._relative_position_bucket
    expected = numbered(-distance, bidirectional=False)  # type: ignore[no-untyped-call]
    assert torch.equal(relative_bucket(distance), expected)
    ours = RelativeBias(2)
    ours.table.load_state_dict(theirs.relative_attention_bias.state_dict())
    assert torch.equal(
        ours(40), theirs.relative_attention_bias(expected[:40, :40]).permute(2, 0, 1)
    )


def test_the_bias_is_that_of_the_numpy_side() -> None:
    """The same table read for the same buckets, beyond the furthest distance too."""
    ours = RelativeBias(3)
    torch.nn.init.normal_(ours.table.weight, generator=torch.Generator().manual_seed(0))
    table = ours.table.weight.detach().numpy()
    theirs = numpy_relative.relative_bias(table, 200, bidirectional=False)
    assert np.array_equal(ours(200).detach().numpy(), theirs)


def test_a_bias_that_forbids_is_a_mask() -> None:
    """Far below all others, a bias hides what a mask hides; with both, both count."""
    attention, x = MultiHeadAttention(8, 2), torch.randn(2, 5, 8)
    mask = torch.ones(1, 1, 5, 5, dtype=torch.bool).tril()
    as_bias = torch.zeros(1, 5, 5).masked_fill(~mask[0], -1e9)
    torch.testing.assert_close(attention(x, bias=as_bias), attention(x, mask))
    bias = alibi(2, 5)
    weights = attention.scores(x, mask, bias).softmax(-1)
    v = attention.value(x).view(2, 5, 2, 4).transpose(1, 2)
    expected = attention.output((weights @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, mask, bias), expected, rtol=0, atol=1e-5)
    assert not weights[~mask.expand(2, 2, 5, 5)].any()


def test_rotated_attention_does_not_notice_where_a_text_stands() -> None:
    """Queries and keys are turned, values are not: scores know the distance only."""
    attention = MultiHeadAttention(8, 2)
    sin, cos = (part.float() for part in rotary_angles(torch.arange(6), 4))
    x = torch.randn(1, 1, 8).expand(1, 6, 8)
    scores = attention.scores(x, angles=(sin, cos))[0]
    turned = attention(x, angles=(sin, cos))
    for distance in range(-5, 6):
        along = scores.diagonal(distance, dim1=1, dim2=2)
        assert (along - along[:, :1]).abs().max() <= 1e-5
    assert (turned - turned[:, :1]).abs().max() <= 1e-5


def test_an_odd_width_is_refused() -> None:
    """Every hand needs two numbers."""
    with pytest.raises(ValueError, match="expected an even width of at least 2, got 3"):
        sinusoidal(4, 3)
    with pytest.raises(ValueError, match="expected an even width of at least 2, got 3"):
        rotary(torch.zeros(1, 4, 3))

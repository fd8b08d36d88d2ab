"""ALiBi: by hand, by property, and against Bloom, Falcon and MPT of transformers."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.bloom.modeling_bloom import build_alibi_tensor as of_bloom
from transformers.models.falcon.modeling_falcon import build_alibi_tensor as of_falcon
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor as of_mpt

from glassformer.attention.mask import causal_mask
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention
from glassformer.position.alibi import alibi_bias, alibi_slopes
from glassformer.softmax import softmax

HEADS = st.integers(1, 70)


@st.composite
def queries_and_keys(draw: st.DrawFn) -> tuple[int, int]:
    """T queries that are the last of S positions."""
    S = draw(st.integers(1, 12))
    return draw(st.integers(1, S)), S


# By hand


def test_slopes_of_eight_heads() -> None:
    """1/2, 1/4, ... 1/256, exactly: the paper's example."""
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]


def test_slopes_of_other_numbers_of_heads() -> None:
    """Four heads step by 1/4; six have these, and two from half-way between."""
    four = [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]
    assert alibi_slopes(4).tolist() == four
    assert alibi_slopes(6).tolist() == [*four, 2.0**-1, 2.0**-3]
    assert alibi_slopes(1).tolist() == [2.0**-8]


def test_bias_of_three_positions() -> None:
    """Eight heads; the first takes off 1/2 a step, to either side, the last 1/256."""
    bias = alibi_bias(8, 3)
    assert bias.shape == (8, 3, 3)
    assert bias[0].tolist() == [[0, -0.5, -1], [-0.5, 0, -0.5], [-1, -0.5, 0]]
    assert bias[7, 2].tolist() == [-2 / 256, -1 / 256, 0]
    assert not np.signbit(bias[:, 0, 0]).any()  # 0, not minus 0, which would be printed


def test_bias_with_three_cached_keys() -> None:
    """The one query stands at the last of four places."""
    assert alibi_bias(8, 1, 4)[0].tolist() == [[-1.5, -1, -0.5, 0]]


# Invariants


@given(HEADS)
def test_slopes_are_those_between_the_first_and_the_last(H: int) -> None:
    """All different, above 0 and below 1, and the smallest is 2^-8, whatever H is."""
    slopes = alibi_slopes(H)
    assert slopes.shape == (H,)
    assert len(set(slopes.tolist())) == H
    assert slopes.max() < 1
    assert slopes.min() == 2.0**-8


@given(st.integers(0, 6))
def test_slopes_of_a_power_of_two_are_geometric(power: int) -> None:
    """Each the same fraction of the one before, and the first is that fraction of 1."""
    H = 2**power
    slopes = alibi_slopes(H)
    assert slopes[0] == pytest.approx(2 ** (-8 / H), rel=1e-15)
    assert slopes[1:] / slopes[:-1] == pytest.approx(np.full(H - 1, slopes[0]), rel=1e-14)


@given(HEADS, queries_and_keys())
def test_bias_at_a_distance_is_the_same_everywhere(H: int, sizes: tuple[int, int]) -> None:
    """Each entry is the slope times minus the distance, whatever the length."""
    T, S = sizes
    bias, slopes = alibi_bias(H, T, S), alibi_slopes(H)
    for h, t, s in np.ndindex(bias.shape):
        assert bias[h, t, s] == -slopes[h] * abs(S - T + t - s)


@given(HEADS, queries_and_keys())
def test_a_cache_changes_nothing(H: int, sizes: tuple[int, int]) -> None:
    """The last T queries get with a cache what they get without one."""
    T, S = sizes
    assert np.array_equal(alibi_bias(H, T, S), alibi_bias(H, S)[:, S - T :])


def test_attention_does_not_change_when_the_text_begins_later() -> None:
    """Fillers in front that are masked, and only those, leave every output as it was."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 8, 9, 4))
    late = causal_mask(9) & (np.arange(9) >= 3)
    whole, _ = scaled_dot_product_attention(q, k, v, late, bias=alibi_bias(8, 9))
    alone, _ = scaled_dot_product_attention(
        q[:, 3:], k[:, 3:], v[:, 3:], causal_mask(6), bias=alibi_bias(8, 6)
    )
    assert np.abs(whole[:, 3:] - alone).max() <= 1e-14


def test_equal_scores_give_weights_that_fall_by_the_same_factor() -> None:
    """Each step further back multiplies a weight by e to minus the slope."""
    weights = softmax(alibi_bias(4, 1, 50))[:, 0]
    ratios = weights[:, :-1] / weights[:, 1:]
    assert ratios == pytest.approx(np.exp(-alibi_slopes(4))[:, None].repeat(49, 1), rel=1e-12)


# Against transformers


@given(HEADS, queries_and_keys())
def test_it_is_that_of_bloom_up_to_a_constant_for_each_query(
    H: int, sizes: tuple[int, int]
) -> None:
    """Bloom adds slope times key position: under a causal mask the weights are the same."""
    T, S = sizes
    bloom = of_bloom(torch.ones(1, S), H, torch.float64).numpy().reshape(H, 1, S)
    ours = np.where(causal_mask(T, S), alibi_bias(H, T, S), -np.inf)
    theirs = np.where(causal_mask(T, S), bloom, -np.inf)
    # Slopes are computed in float32 there: the last digit of 11 steps.
    assert np.abs(softmax(ours) - softmax(theirs)).max() <= 1e-5
    difference = bloom - alibi_bias(H, T, S)
    for t in range(T):
        seen = difference[:, t, : S - T + t + 1]
        assert np.ptp(seen, axis=-1) == pytest.approx(np.zeros(H), abs=1e-5)


@given(HEADS, st.integers(1, 12))
def test_the_last_row_is_that_of_mpt(H: int, S: int) -> None:
    """MPT counts from the last key, as ours does for the last query; other slopes' rule, too."""
    mpt = np.asarray(of_mpt(H, S))  # type: ignore[no-untyped-call]
    assert mpt.shape == (H, 1, S)
    assert np.abs(alibi_bias(H, 1, S) - mpt).max() <= 1e-5


@given(HEADS)
def test_slopes_are_those_of_falcon(H: int) -> None:
    """Falcon rounds them to bfloat16, which keeps 8 binary digits."""
    falcon = of_falcon(torch.ones(1, 2), H, torch.float32).numpy()[:, 0, 1]
    assert alibi_slopes(H) == pytest.approx(falcon, rel=2**-8)


# Errors


@pytest.mark.parametrize("H", [0, -1])
def test_no_head_is_refused(H: int) -> None:
    """A head that is not there has no slope."""
    with pytest.raises(ValueError, match=f"expected at least 1 head, got {H}"):
        alibi_slopes(H)
    with pytest.raises(ValueError, match=f"expected at least 1 head, got {H}"):
        alibi_bias(H, 3)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("size", [2.5, 2.0, "2"])
def test_sizes_that_are_no_whole_numbers_are_refused(size: Any) -> None:
    """Half a head is a mistake, and the message says whose."""
    for name, sizes in [("H", (size, 3)), ("T", (8, size)), ("S", (8, 3, size))]:
        with pytest.raises(ValueError, match=f"expected {name} as a whole number, got {size!r}"):
            alibi_bias(*sizes)
    with pytest.raises(ValueError, match=f"expected H as a whole number, got {size!r}"):
        alibi_slopes(size)


@pytest.mark.parametrize(("T", "S"), [(5, 3), (0, 3), (0, None), (-1, None)])
def test_queries_without_a_key_of_their_own_are_refused(T: int, S: int | None) -> None:
    """Each query is one of the positions, so more queries than keys is a mistake."""
    with pytest.raises(ValueError, match=rf"expected at least 1 query .*, got T={T} and S="):
        alibi_bias(8, T, S)

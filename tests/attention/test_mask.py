"""Masks: by hand, by property, and against torch and transformers."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention.bias import causal_lower_right
from transformers.masking_utils import sdpa_mask

from glassformer.attention.mask import causal_mask, padding_mask

SIZES = st.integers(1, 12)


@st.composite
def queries_and_keys(draw: st.DrawFn) -> tuple[int, int]:
    """T queries that are the last of S positions."""
    S = draw(SIZES)
    return draw(st.integers(1, S)), S


@st.composite
def padded_batch(draw: st.DrawFn) -> tuple[list[int], int]:
    """The lengths of a batch of sequences, and what all of them were padded to."""
    S = draw(SIZES)
    return draw(st.lists(st.integers(0, S), min_size=1, max_size=5)), S


# By hand


def test_causal_mask_of_three_tokens() -> None:
    """Each token sees itself and those before it."""
    assert causal_mask(3).astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_causal_mask_of_two_new_tokens_and_three_cached_ones() -> None:
    """The last query stands at the last key, so the first of two misses only that one."""
    assert causal_mask(2, 5).astype(int).tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]


def test_padding_mask_of_two_sequences() -> None:
    """Three real tokens of four, and one of four; heads and queries are left to broadcasting."""
    mask = padding_mask([3, 1], S=4)
    assert mask.shape == (2, 1, 1, 4)
    assert mask[:, 0, 0].astype(int).tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def test_padding_on_the_left_is_the_mirror_image() -> None:
    """Reversing the keys puts the real tokens at the end, as the documentation promises."""
    mask = padding_mask([3, 1], S=4)[..., ::-1]
    assert mask[:, 0, 0].astype(int).tolist() == [[0, 1, 1, 1], [0, 0, 0, 1]]


# Invariants


@given(queries_and_keys())
def test_each_query_sees_one_key_more_than_the_one_before(sizes: tuple[int, int]) -> None:
    """Query i sees S - T + i + 1 keys, and they are the first ones."""
    T, S = sizes
    mask = causal_mask(T, S)
    assert mask.shape == (T, S)
    assert mask.dtype == bool
    assert mask.sum(-1).tolist() == list(range(S - T + 1, S + 1))
    assert (np.diff(mask.astype(int)) <= 0).all()  # once forbidden, forbidden to the end


@given(queries_and_keys())
def test_a_cache_changes_nothing(sizes: tuple[int, int]) -> None:
    """The last T tokens see with a cache what they see without one."""
    T, S = sizes
    assert np.array_equal(causal_mask(T, S), causal_mask(S)[S - T :])


@given(padded_batch())
def test_padding_mask_lets_look_at_the_real_tokens(batch: tuple[list[int], int]) -> None:
    """As many keys as the sequence is long, and they are the first ones."""
    lengths, S = batch
    mask = padding_mask(lengths, S)
    assert mask.shape == (len(lengths), 1, 1, S)
    assert mask.dtype == bool
    assert mask.sum(-1).ravel().tolist() == lengths
    assert (np.diff(mask.astype(int)) <= 0).all()
    assert np.array_equal(mask, padding_mask(np.array(lengths, np.uint8), S))


@given(padded_batch(), st.data())
def test_both_masks_combine_over_heads_and_queries(
    batch: tuple[list[int], int], data: st.DataObject
) -> None:
    """`&` forbids what either forbids, at each (sequence, head, query, key)."""
    lengths, S = batch
    T = data.draw(st.integers(1, S))
    both = causal_mask(T, S) & padding_mask(lengths, S)
    for b, h, i, j in np.ndindex(len(lengths), 2, T, S):
        scores = np.broadcast_to(both, (len(lengths), 2, T, S))
        assert scores[b, h, i, j] == (j <= S - T + i and j < lengths[b])


# Against torch and transformers


@given(queries_and_keys())
def test_causal_mask_is_that_of_torch_and_transformers(sizes: tuple[int, int]) -> None:
    """Two libraries' masks aligned to the last key are ours."""
    T, S = sizes
    ours = causal_mask(T, S)
    of_torch = causal_lower_right(T, S)._materialize()
    of_transformers = sdpa_mask(1, T, S, q_offset=S - T, allow_is_causal_skip=False)
    assert np.array_equal(ours, np.asarray(of_torch))
    assert np.array_equal(ours[None, None], np.asarray(of_transformers))


@pytest.mark.parametrize("side", ["left", "right"])
@given(padded_batch(), st.data())
def test_combined_mask_is_that_of_transformers(
    side: str, batch: tuple[list[int], int], data: st.DataObject
) -> None:
    """From the same lengths, padded on either side, transformers builds the same mask."""
    lengths, S = batch
    T = data.draw(st.integers(1, S))
    real = np.array([[1] * n + [0] * (S - n) for n in lengths])
    padding = padding_mask(lengths, S)
    if side == "left":
        real, padding = real[:, ::-1].copy(), padding[..., ::-1]
    theirs = sdpa_mask(
        len(lengths),
        T,
        S,
        q_offset=S - T,
        attention_mask=torch.tensor(real).bool(),
        allow_is_causal_skip=False,
    )
    assert np.array_equal(causal_mask(T, S) & padding, np.asarray(theirs))


# Errors


@pytest.mark.parametrize(("T", "S"), [(5, 3), (0, 3), (0, None), (-1, None), (1, 0)])
def test_queries_without_a_key_of_their_own_are_refused(T: int, S: int | None) -> None:
    """Each query is one of the positions, so more queries than keys is a mistake."""
    with pytest.raises(ValueError, match=rf"expected at least 1 query .*, got T={T} and S="):
        causal_mask(T, S)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "lengths", [[], np.array([], int), [1.5], [[1, 2]], 3, [True], ["2"], np.ones((2, 2), int)]
)
def test_lengths_that_are_no_row_of_whole_numbers_are_refused(lengths: Any) -> None:
    """A mask passed as lengths, or a float, would give a mask that looks right."""
    with pytest.raises(ValueError, match="expected a row of whole numbers as lengths, got"):
        padding_mask(lengths, S=4)


@pytest.mark.usefixtures("unchecked_shapes")
def test_sizes_that_are_no_whole_numbers_are_refused() -> None:
    """S = 2.5 would give a mask of width 3."""
    for size in (2.5, 2.0, "2", None):
        with pytest.raises(ValueError, match=r"expected S as a whole number, got "):
            padding_mask([1], S=size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected T as a whole number, got 2\.0"):
        causal_mask(2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("lengths", [[2, 5], [-1, 2], np.array([2, 5])])
def test_lengths_that_do_not_fit_are_refused(lengths: list[int]) -> None:
    """A sequence longer than S was cut off; nobody should find out later."""
    with pytest.raises(ValueError, match="expected lengths from 0 to S=4, got"):
        padding_mask(lengths, S=4)

"""Sinusoidal positions: by hand, by their identities, and against three models of transformers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.m2m_100.modeling_m2m_100 import M2M100SinusoidalPositionalEmbedding
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding
from transformers.models.xlm.modeling_xlm import create_sinusoidal_embeddings

from glassformer.position.sinusoidal import frequencies, shift_matrix, sinusoidal_positions

WIDTHS = st.integers(1, 40).map(lambda half: 2 * half)
PLACES = st.integers(0, 10_000)
# An angle of up to 10,000 radians is rounded by 1e-12; sums of 40 such terms by a few of them.
ROUNDING = 1e-10


def exact(T: int, D: int, start: int = 0, base: float = 10_000.0) -> np.ndarray:
    """Positions in float64, for identities."""
    return sinusoidal_positions(T, D, start, base=base, dtype=np.float64)


# By hand


def test_four_numbers_are_two_hands() -> None:
    """At width 4 the speeds are 1 and 1/100, and each hand gives its sine, then its cosine."""
    by_hand = [
        [0, 1, 0, 1],
        [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)],
        [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)],
    ]
    assert exact(3, 4) == pytest.approx(np.array(by_hand), abs=1e-15)
    assert exact(3, 4)[1] == pytest.approx([0.84147, 0.54030, 0.01000, 0.99995], abs=1e-5)


def test_eight_numbers_slow_down_by_tens() -> None:
    """At width 8 each hand is ten times as slow as the one before."""
    assert frequencies(8) == pytest.approx([1, 0.1, 0.01, 0.001], rel=1e-15)
    assert frequencies(4, base=16.0) == pytest.approx([1, 0.25], rel=1e-15)


def test_halves_are_the_same_numbers_in_another_order() -> None:
    """All sines in the first half, all cosines in the second."""
    halves = sinusoidal_positions(50, 12, layout="halves")
    in_turn = sinusoidal_positions(50, 12)
    assert np.array_equal(halves[:, :6], in_turn[:, 0::2])
    assert np.array_equal(halves[:, 6:], in_turn[:, 1::2])


def test_the_page_says_25_587() -> None:
    """The likeness of positions three apart, at width 64."""
    table = exact(106, 64)
    assert table[5] @ table[2] == pytest.approx(25.587, abs=5e-4)
    assert table[105] @ table[102] == pytest.approx(25.587, abs=5e-4)


# Identities


@given(PLACES, WIDTHS, st.floats(1.5, 1e6))
def test_all_positions_are_equally_long(p: int, D: int, base: float) -> None:
    """Each hand contributes 1 to the square, wherever it stands."""
    assert np.square(exact(1, D, p, base)).sum() == pytest.approx(D / 2, rel=1e-12)


@given(PLACES, PLACES, st.integers(0, 10_000), WIDTHS)
def test_the_dot_product_knows_the_distance_only(p: int, q: int, move: int, D: int) -> None:
    """Moving both positions alike changes nothing, and swapping them neither."""
    dot = exact(1, D, p)[0] @ exact(1, D, q)[0]
    moved = exact(1, D, p + move)[0] @ exact(1, D, q + move)[0]
    assert moved == pytest.approx(dot, abs=ROUNDING)
    cosines = sum(math.cos((p - q) * 10_000.0 ** (-2 * i / D)) for i in range(D // 2))
    assert dot == pytest.approx(cosines, abs=ROUNDING)


@given(PLACES, st.integers(-10_000, 10_000), WIDTHS, st.sampled_from([10.0, 10_000.0]))
def test_a_shift_is_one_rotation_for_all_positions(p: int, k: int, D: int, base: float) -> None:
    """One matrix moves each position by k, and changes no length."""
    R = shift_matrix(k, D, base=base)
    moved = exact(5, D, p, base) @ R
    assert np.abs(moved - exact(5, D, p + k, base)).max() <= ROUNDING
    assert np.abs(R @ R.T - np.eye(D)).max() <= 1e-14


@given(st.integers(-99, 99), st.integers(-99, 99), WIDTHS)
def test_shifts_add_up(j: int, k: int, D: int) -> None:
    """Moving by j and then by k is moving by their sum; moving by 0 is nothing."""
    both = shift_matrix(j, D) @ shift_matrix(k, D)
    assert np.abs(both - shift_matrix(j + k, D)).max() <= 1e-13
    assert np.array_equal(shift_matrix(0, D), np.eye(D))


@given(st.integers(0, 20), st.integers(0, 1000))
def test_a_later_start_is_the_rest_of_the_table(T: int, start: int) -> None:
    """A decoder that has cached the beginning asks for the rest, and gets the same numbers."""
    whole = sinusoidal_positions(start + T, 6, layout="halves")
    assert np.array_equal(sinusoidal_positions(T, 6, start, layout="halves"), whole[start:])


def test_speeds_fall_from_one_by_one_factor() -> None:
    """The slowest is a step short of 1 / base: the exponent ends at (D - 2) / D."""
    speeds = frequencies(512)
    assert speeds[0] == 1
    assert speeds[1:] / speeds[:-1] == pytest.approx(10_000 ** (-2 / 512), rel=1e-14)
    assert speeds[-1] == pytest.approx(10_000 ** (-510 / 512), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_only_the_result_is_rounded(dtype: type[np.floating]) -> None:
    """Position 100,001 does not fit in float16; its sine and cosine do."""
    table = sinusoidal_positions(3, 8, 100_001, dtype=dtype)
    assert table.dtype == dtype
    assert np.array_equal(table, exact(3, 8, 100_001).astype(dtype))
    close = 1e-10 + float(np.finfo(dtype).eps)
    assert float(table[1, 0]) == pytest.approx(math.sin(100_002), abs=close)


def test_no_positions_are_an_empty_table() -> None:
    """Nothing asked for is no error."""
    assert sinusoidal_positions(0, 8).shape == (0, 8)


# Independent oracles


def test_xlm_has_the_same_table() -> None:
    """XLM keeps the layout of the paper."""
    theirs = torch.empty(300, 64)
    create_sinusoidal_embeddings(300, 64, out=theirs)  # type: ignore[no-untyped-call]
    assert np.abs(sinusoidal_positions(300, 64) - theirs.numpy()).max() <= 2e-7  # one rounding


def test_marian_has_the_same_table_in_halves() -> None:
    """Marian puts all sines first."""
    marian = MarianSinusoidalPositionalEmbedding(300, 64)
    theirs = marian.create_weight().numpy()  # type: ignore[no-untyped-call]
    assert np.abs(sinusoidal_positions(300, 64, layout="halves") - theirs).max() <= 2e-7


def test_m2m_100_is_the_formula_with_another_base() -> None:
    """Its exponents are stretched to 1, which is the paper's formula for base^(D / (D - 2))."""
    theirs = M2M100SinusoidalPositionalEmbedding.get_embedding(300, 64).numpy()
    base = 10_000 ** (64 / 62)
    ours = sinusoidal_positions(300, 64, layout="halves", base=base)
    # It computes angles of up to 300 in float32, which rounds each by up to 300 * 1.2e-7.
    assert np.abs(ours - theirs).max() <= 1e-4
    paper = sinusoidal_positions(300, 64, layout="halves")
    assert np.abs(paper - theirs).max() > 1


# Bad input


@pytest.mark.parametrize("D", [7, 0, 1, -2])
def test_a_width_without_pairs_is_refused(D: int) -> None:
    """Every hand needs two numbers."""
    for function in (
        frequencies,
        lambda D: sinusoidal_positions(3, D),
        lambda D: shift_matrix(1, D),
    ):
        with pytest.raises(ValueError, match=f"expected an even width of at least 2, got {D}"):
            function(D)


@pytest.mark.parametrize("base", [0.0, -1.0, math.nan, math.inf])
def test_a_base_that_is_no_base_is_refused(base: float) -> None:
    """Zero, negative, NaN and infinity have no meaning here."""
    with pytest.raises(ValueError, match=f"expected a base above 0, got {base}"):
        sinusoidal_positions(3, 4, base=base)


@pytest.mark.usefixtures("unchecked_shapes")
def test_other_bad_input_is_refused() -> None:
    """A negative count, an unknown layout, and a dtype that cannot hold a sine."""
    with pytest.raises(ValueError, match="expected a number of positions from 0 on, got -1"):
        sinusoidal_positions(-1, 4)
    with pytest.raises(ValueError, match="'interleaved' or 'halves', got 'neox'"):
        sinusoidal_positions(3, 4, layout="neox")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected floats as dtype, got int64"):
        sinusoidal_positions(3, 4, dtype=np.int64)

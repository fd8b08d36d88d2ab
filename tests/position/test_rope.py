"""Rotary positions: by hand, by property, and against two models of transformers."""

import math
from typing import Any, get_args

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers.models.cohere import modeling_cohere as cohere
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama

from glassformer.position.rope import Pairing, rotary, turn_pairs

PAIRINGS: tuple[Pairing, ...] = get_args(Pairing)
FLOATS = [np.float16, np.float32, np.float64]
# An angle of up to 10,000 is rounded by half of 1.8e-12; features are up to 3, widths up to 16.
ROUNDING = 1e-9


@st.composite
def vectors(draw: st.DrawFn, count: int = 1) -> list[np.ndarray]:
    """Arrays (*B, T, K) of one shape, with an even K."""
    batch = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    shape = (*batch, draw(st.integers(1, 5)), 2 * draw(st.integers(1, 8)))
    numbers = st.floats(-3, 3, width=32)
    return [draw(hnp.arrays(np.float64, shape, elements=numbers)) for _ in range(count)]


pairings = st.sampled_from(PAIRINGS)
positions = st.integers(0, 5000)
bases = st.floats(2, 1e6)


# By hand


def test_each_pair_turns_at_its_own_speed() -> None:
    """With K = 8 and base 10,000 the angles of a step are 1, 0.1, 0.01 and 0.001."""
    x = np.array([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    angles = [1, 0.1, 0.01, 0.001]
    expected = np.array([[*map(math.cos, angles), *map(math.sin, angles)]])
    assert rotary(x, start=1) == pytest.approx(expected, rel=1e-14)
    half = rotary(x[:, 2:6], start=1, base=16.0)
    assert half == pytest.approx(
        np.array([[math.cos(1), math.cos(0.25), math.sin(1), math.sin(0.25)]]), rel=1e-14
    )


def test_one_pair_turns_by_one_radian_a_step() -> None:
    """(1, 0) goes to (cos m, sin m), and (0, 1) a quarter of a turn ahead of it."""
    for pairing in PAIRINGS:
        turned = rotary(np.tile([1.0, 0.0], (3, 1)), start=2, pairing=pairing)
        assert turned == pytest.approx(
            np.array([[math.cos(m), math.sin(m)] for m in (2, 3, 4)]), rel=1e-15
        )
        ahead = rotary(np.array([[0.0, 1.0]]), start=1, pairing=pairing)
        assert ahead == pytest.approx(np.array([[-math.sin(1), math.cos(1)]]), rel=1e-15)


def test_which_features_make_a_pair() -> None:
    """Halves: 0 with 2 and 1 with 3; neighbours: 0 with 1 and 2 with 3; a quarter turn each."""
    x, quarter = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[math.pi / 2, math.pi / 2]])
    assert turn_pairs(x, quarter) == pytest.approx(np.array([[-3.0, -4.0, 1.0, 2.0]]))
    of_neighbours = turn_pairs(x, quarter, "neighbours")
    assert of_neighbours == pytest.approx(np.array([[-2.0, 1.0, -4.0, 3.0]]))


# Invariants


@given(vectors(2), pairings, bases, st.tuples(positions, positions, positions))
def test_scores_depend_only_on_distance(
    qk: list[np.ndarray], pairing: Pairing, base: float, places: tuple[int, int, int]
) -> None:
    """Moving queries and keys together leaves their scores unchanged."""
    (q, k), (m, n, shift) = qk, places

    def scores(m: int, n: int) -> np.ndarray:
        turned_k = rotary(k, n, base, pairing)
        return rotary(q, m, base, pairing) @ turned_k.swapaxes(-1, -2)

    assert np.abs(scores(m, n) - scores(m + shift, n + shift)).max() <= ROUNDING


def test_scores_depend_on_distance() -> None:
    """And they do depend on it, on its sign too."""
    q, k = np.array([[2.0, 0.0]]), np.array([[math.cos(1), math.sin(1)]])  # 1 radian ahead
    three = [(rotary(q, 10) @ rotary(k, n).T).item() for n in (9, 10, 11)]
    assert three == pytest.approx([2.0, 2 * math.cos(1), 2 * math.cos(2)], rel=1e-13)


@given(vectors(), pairings, positions)
def test_turning_keeps_lengths_and_position_zero(
    xs: list[np.ndarray], pairing: Pairing, start: int
) -> None:
    """Each vector stays as long as it was, and position 0 turns by nothing."""
    (x,) = xs
    lengths = np.linalg.norm(rotary(x, start, pairing=pairing), axis=-1)
    assert np.abs(lengths - np.linalg.norm(x, axis=-1)).max() <= 1e-14
    assert np.array_equal(rotary(x, 0, pairing=pairing)[..., 0, :], x[..., 0, :])


@given(vectors(), pairings, positions, positions)
def test_turning_twice_is_turning_by_the_sum(
    xs: list[np.ndarray], pairing: Pairing, a: int, b: int
) -> None:
    """Angles add up, position by position."""
    one = xs[0][..., :1, :]
    twice = rotary(rotary(one, a, pairing=pairing), b, pairing=pairing)
    assert np.abs(twice - rotary(one, a + b, pairing=pairing)).max() <= ROUNDING


@given(vectors(), pairings, positions, st.data())
def test_positions_follow_each_other_from_start(
    xs: list[np.ndarray], pairing: Pairing, start: int, data: st.DataObject
) -> None:
    """With a cache, position by position, the result is that of all at once."""
    (x,) = xs
    t = data.draw(st.integers(0, x.shape[-2] - 1))
    alone = rotary(x[..., t:, :], start + t, pairing=pairing)
    assert np.array_equal(rotary(x, start, pairing=pairing)[..., t:, :], alone)


@given(vectors(), positions)
def test_a_reordering_of_features_turns_one_pairing_into_the_other(
    xs: list[np.ndarray], start: int
) -> None:
    """First the even features, then the odd ones."""
    (x,) = xs
    order = [*range(0, x.shape[-1], 2), *range(1, x.shape[-1], 2)]
    neighbours = rotary(x, start, pairing="neighbours")[..., order]
    assert np.array_equal(neighbours, rotary(x[..., order], start, pairing="halves"))


@given(st.integers(1, 128), bases, pairings)
def test_no_pair_turns_by_more_than_a_radian_a_step(P: int, base: float, pairing: Pairing) -> None:
    """The first by 1, each later one by less: catches a missing minus sign."""
    x = np.zeros((1, 2 * P))
    first, second = (
        (slice(0, P), slice(P, None))
        if pairing == "halves"
        else (slice(0, None, 2), slice(1, None, 2))
    )
    x[:, first] = 1
    turned = rotary(x, 1, base, pairing)[0]
    angles = np.arctan2(turned[second], turned[first])
    assert angles[0] == pytest.approx(1, rel=1e-15)
    assert (np.diff(angles) < 0).all()
    assert angles[-1] >= 1 / base


@given(vectors(), positions)
def test_neighbours_are_complex_numbers_times_a_phase(xs: list[np.ndarray], start: int) -> None:
    """The form of Meta's own code for Llama, written anew."""
    (x,) = xs
    T, K = x.shape[-2:]
    phase = np.exp(1j * np.outer(start + np.arange(T), 10000.0 ** (-np.arange(0, K, 2) / K)))
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * phase
    both = np.stack([z.real, z.imag], axis=-1).reshape(x.shape)
    assert np.abs(rotary(x, start, pairing="neighbours") - both).max() <= 1e-14


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_input_unchanged(dtype: type, pairing: Pairing) -> None:
    """Read-only arrays pass, far positions are computed before they are rounded."""
    x: np.ndarray = np.linspace(-1, 1, 24, dtype=dtype).reshape(3, 8)
    x.flags.writeable = False
    turned = rotary(x, start=100_000, pairing=pairing)
    assert turned.dtype == dtype
    exact = rotary(x.astype(np.float64), start=100_000, pairing=pairing)
    assert np.abs(turned - exact).max() <= 2 * np.finfo(dtype).eps  # of numbers up to 1.5


@pytest.mark.parametrize("shape", [(0, 4), (0, 3, 4), (3, 0, 4)])
def test_nothing_stays_nothing(shape: tuple[int, ...]) -> None:
    """No position, or an empty batch, is no error."""
    assert rotary(np.zeros(shape)).shape == shape


# Against transformers


def theirs(model: Any, config: Any, x: np.ndarray, start: int) -> np.ndarray:
    """Turn queries by the rotary embedding of a model that has one."""
    t = torch.tensor(x)
    embedding = getattr(model, type(config).__name__.replace("Config", "RotaryEmbedding"))(config)
    cos, sin = embedding(t, torch.arange(start, start + x.shape[-2])[None])
    queries, keys = model.apply_rotary_pos_emb(t, t, cos, sin)
    assert torch.equal(queries, keys)
    return queries.numpy()


@pytest.mark.parametrize("base", [1e4, 5e5])
@pytest.mark.parametrize("start", [0, 37])
@pytest.mark.parametrize("model", ["llama", "cohere"])
def test_it_is_that_of_llama_and_of_cohere(model: str, start: int, base: float) -> None:
    """Halves are Llama's pairs, neighbours Cohere's; both compute angles in float32."""
    x = np.random.default_rng(0).standard_normal((2, 3, 50, 16), dtype=np.float32)
    rope = {"rope_type": "default", "rope_theta": base}
    sizes: Any = {"hidden_size": 48, "num_attention_heads": 3, "rope_parameters": rope}
    if model == "llama":
        expected = theirs(llama, transformers.LlamaConfig(**sizes), x, start)
        ours = rotary(x, start, base)
    else:
        expected = theirs(cohere, transformers.CohereConfig(**sizes), x, start)
        ours = rotary(x, start, base, pairing="neighbours")
    # An angle of 87 is rounded by 4e-6, its frequency by as much again; features are up to 4.
    assert np.abs(ours - expected).max() <= 4e-5


def test_it_is_that_of_gptj() -> None:
    """Neighbours, with sines and cosines computed by GPT-J's own function."""
    x = np.random.default_rng(0).standard_normal((2, 3, 50, 16), dtype=np.float32)
    sin, cos = gptj.create_sinusoidal_positions(50, 16)[None].chunk(2, dim=-1)
    expected = gptj.apply_rotary_pos_emb(torch.tensor(x.swapaxes(1, 2)), sin, cos).transpose(1, 2)
    assert np.abs(rotary(x, pairing="neighbours") - expected.numpy()).max() <= 4e-5


# Errors


@pytest.mark.parametrize("K", [7, 1, 0])
def test_an_odd_width_is_refused(K: int) -> None:
    """A feature without a partner cannot be turned."""
    with pytest.raises(ValueError, match=f"expected an even head width for RoPE, got {K}"):
        rotary(np.ones((3, K)))


@pytest.mark.parametrize("base", [0.0, -1.0, math.nan, math.inf])
def test_a_base_without_frequencies_is_refused(base: float) -> None:
    """Zero, negative, NaN and infinity would turn by NaN or not at all."""
    with pytest.raises(ValueError, match=f"expected a base above 0, got {base}"):
        rotary(np.ones((3, 4)), base=base)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "came"),
    [
        (np.ones((3, 4), int), "int64"),
        (torch.ones(3, 4), "torch.float32"),
        ([[1.0, 2.0]], "list"),
    ],
)
def test_other_things_than_arrays_of_floats_are_refused(x: Any, came: str) -> None:
    """The message says what it was."""
    with pytest.raises(ValueError, match=f"expected x as a NumPy array of floats, got {came}"):
        rotary(x)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_vector_without_positions_is_refused() -> None:
    """One axis could be positions or features."""
    with pytest.raises(ValueError, match=r"expected x of shape \(\*B, T, K\), got \(4,\)"):
        rotary(np.ones(4))


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_unknown_pairing_is_refused() -> None:
    """A misspelt one must not silently be the other."""
    bad: Any = "interleaved"
    with pytest.raises(ValueError, match=r"expected a pairing out of \('halves', .*'interleaved'"):
        rotary(np.ones((3, 4)), pairing=bad)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(3, 1), (3, 4), (2, 2), (1, 2), (2,), (1, 3, 2)])
def test_angles_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    """Not even those that NumPy would stretch."""
    with pytest.raises(ValueError, match=r"expected x \(\*B, T, K\) and angles \(T, K / 2\), got"):
        turn_pairs(np.ones((3, 4)), np.ones(shape))

"""Embedding: lookup, gradient and cosine; by hand, by property, and against torch."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassformer.embedding import cosine_similarity, embed, embed_gradient

FLOATS = [np.float16, np.float32, np.float64]
EPS = float(np.finfo(np.float64).eps)


@st.composite
def lookups(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Ids of any shape, also none at all, and a table that has a row for each."""
    V, D = draw(st.integers(1, 9)), draw(st.integers(1, 4))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    kind = draw(st.sampled_from([np.int64, np.int32, np.uint8, np.uint64]))
    ids = draw(hnp.arrays(kind, shape, elements=st.integers(0, V - 1)))
    # Whole numbers, so that sums do not depend on the order.
    numbers = st.integers(-100, 100).map(float)
    return ids, draw(hnp.arrays(np.float64, (V, D), elements=numbers))


# By hand


def test_each_id_fetches_its_row() -> None:
    """Rows 2, 0, 2 of a table, in a batch of one text."""
    table = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert embed(np.array([[2, 0, 2]]), table).tolist() == [[[3.0, 30.0], [1.0, 10.0], [3.0, 30.0]]]
    assert embed(np.array(1), table).tolist() == [2.0, 20.0]


def test_gradients_of_a_repeated_token_add_up() -> None:
    """Token 2 came twice, token 0 once, token 1 never."""
    upstream = np.array([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]])
    gradient = embed_gradient(np.array([2, 0, 2]), upstream, V=3)
    assert gradient.tolist() == [[3.0, 4.0], [0.0, 0.0], [11.0, 22.0]]


def test_cosines_of_angles_known_from_school() -> None:
    """0, 45, 90 and 180 degrees, whatever the lengths."""
    y = np.array([[5.0, 0.0], [2.0, 2.0], [0.0, 0.1], [-3.0, 0.0]])
    cosines = cosine_similarity(np.array([[2.0, 0.0]]), y)
    assert cosines == pytest.approx(np.array([[1.0, math.sqrt(0.5), 0.0, -1.0]]), abs=2 * EPS)


# Invariants


@given(lookups())
def test_a_lookup_is_one_hot_times_table(inputs: tuple[np.ndarray, np.ndarray]) -> None:
    """The page's equation, with the matrix product that the lookup saves."""
    ids, table = inputs
    assert np.array_equal(embed(ids, table), np.eye(len(table))[ids] @ table)


@given(lookups(), st.data())
def test_the_gradient_is_the_transpose_of_the_lookup(
    inputs: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    """For any direction of the table: sum(embed(direction) * g) = sum(direction * gradient)."""
    ids, direction = inputs
    numbers = st.integers(-100, 100).map(float)
    upstream = data.draw(hnp.arrays(np.float64, (*ids.shape, direction.shape[1]), elements=numbers))
    gradient = embed_gradient(ids, upstream, len(direction))
    assert (embed(ids, direction) * upstream).sum() == (direction * gradient).sum()
    untouched = np.setdiff1d(np.arange(len(direction)), ids)
    assert not gradient[untouched].any()


@given(hnp.arrays(np.float64, (5, 3), elements=st.floats(0.1, 10)), st.floats(1e-3, 1e3))
def test_cosine_sees_directions_only(x: np.ndarray, factor: float) -> None:
    """Neither a length nor a turn of the whole space changes it; each vector is its own twin."""
    cosines = cosine_similarity(x, x)
    turn = np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    assert np.abs(cosine_similarity(factor * x, x) - cosines).max() <= 20 * EPS
    assert np.abs(cosine_similarity(x @ turn, x @ turn) - cosines).max() <= 20 * EPS
    assert np.abs(np.diag(cosines) - 1).max() <= 4 * EPS
    assert cosines.max() <= 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type[np.floating]) -> None:
    """float32 in, float32 out, on read-only arrays; the result is no window into the table."""
    table: np.ndarray = np.linspace(-1, 1, 12, dtype=dtype).reshape(4, 3)
    ids = np.array([3, 0, 3])
    table.flags.writeable = ids.flags.writeable = False
    vectors = embed(ids, table)
    assert vectors.dtype == dtype
    assert not np.shares_memory(vectors, table)
    assert embed_gradient(ids, table[:3], 4).dtype == dtype
    assert cosine_similarity(table, table).dtype == dtype


def test_many_small_gradients_are_not_lost_in_float16() -> None:
    """10,000 times 0.001 is 10; added up in float16, it would stop at 4."""
    gradient = embed_gradient(np.zeros(10_000, int), np.full((10_000, 1), 0.001, np.float16), 1)
    assert gradient[0, 0] == pytest.approx(10, rel=1e-3)
    naive = np.zeros((1, 1), np.float16)
    np.add.at(naive, np.zeros(10_000, int), np.float16(0.001))
    assert naive[0, 0] <= 4


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float16, 6e4), (np.float32, 1e30), (np.float32, 1e-30)]
)
def test_cosine_of_very_long_and_short_vectors(dtype: type[np.floating], size: float) -> None:
    """The squares of these numbers do not fit into the format; the cosine does."""
    x = np.array([[1.0, 1.0], [1.0, 0.0]], dtype) * dtype(size)
    expected = np.array([[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    assert np.abs(cosine_similarity(x, x) - expected).max() <= 2 * np.finfo(dtype).eps


# Against torch


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_and_gradients_are_those_of_torch(dtype: type[np.floating]) -> None:
    """torch.nn.Embedding and its autograd, for a batch with many repeated tokens."""
    rng = np.random.default_rng(0)
    ids = rng.integers(11, size=(4, 50))
    table: np.ndarray = rng.standard_normal((11, 8)).astype(dtype)
    upstream: np.ndarray = rng.standard_normal((4, 50, 8)).astype(dtype)
    module = torch.nn.Embedding(11, 8, _weight=torch.from_numpy(table.copy()))
    vectors = module(torch.from_numpy(ids))
    vectors.backward(torch.from_numpy(upstream))
    assert np.array_equal(embed(ids, table), vectors.detach().numpy())
    assert module.weight.grad is not None
    theirs = module.weight.grad.numpy()
    # Sums of about 18 numbers near 1; torch adds them up in the dtype itself.
    bound = 40 * np.finfo(dtype).eps
    assert np.abs(embed_gradient(ids, upstream, 11) - theirs).max() <= bound


def test_cosine_is_that_of_torch() -> None:
    """torch.nn.functional.cosine_similarity, for every pair."""
    x, y = np.random.default_rng(0).standard_normal((2, 6, 8))
    theirs = torch.nn.functional.cosine_similarity(
        torch.from_numpy(x)[:, None], torch.from_numpy(y)[None], dim=-1
    )
    assert np.abs(cosine_similarity(x, y) - theirs.numpy()).max() <= 10 * EPS


# Errors

TABLE = np.ones((4, 2))
BAD_IDS = [
    (np.array([0, -1]), r"expected ids in 0\.\.3, got -1\.\.0"),
    (np.array([4]), r"expected ids in 0\.\.3, got 4\.\.4"),
    (np.array([0.0]), "expected ids as a NumPy array of integers, got float64"),
    (np.array([True, False, True, True]), "expected ids as a NumPy array of integers, got bool"),
    ([0, 1], "expected ids as a NumPy array of integers, got list"),
    (torch.tensor([0]), "expected ids as a NumPy array of integers, got torch.int64"),
    (1, "expected ids as a NumPy array of integers, got int"),
]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(("ids", "message"), BAD_IDS)
def test_ids_that_name_no_row_are_refused(ids: np.ndarray, message: str) -> None:
    """Not even -1, which NumPy would silently take for the last row."""
    with pytest.raises(ValueError, match=message):
        embed(ids, TABLE)
    with pytest.raises(ValueError, match=message):
        embed_gradient(ids, np.ones((*np.shape(ids), 2)), V=4)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones(4), r"expected table with 2 axes, got shape \(4,\)"),
        (np.ones((4, 2), int), "expected table as a NumPy array of floats, got int64"),
        (torch.ones(4, 2), "expected table as a NumPy array of floats, got torch.float32"),
        (np.ones((0, 2)), r"expected ids in 0\.\.-1, got 0\.\.0"),
    ],
)
def test_what_is_no_table_is_refused(table: np.ndarray, message: str) -> None:
    """The message says what came instead."""
    with pytest.raises(ValueError, match=message):
        embed(np.array([0]), table)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (1, 3, 2)])
def test_an_upstream_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    """One gradient for each id: the message shows both shapes."""
    message = re.escape(f"expected ids (*B) and upstream (*B, D), got (3,) and {shape}")
    with pytest.raises(ValueError, match=message):
        embed_gradient(np.array([0, 1, 2]), np.ones(shape), V=4)
    with pytest.raises(ValueError, match="expected upstream as a NumPy array of floats, got int64"):
        embed_gradient(np.array([0]), np.ones((1, 2), int), V=4)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((1, 2)), "expected finite vectors in x, none of them zero"),
        (np.full((1, 2), np.nan), "expected finite vectors in x, none of them zero"),
        (np.full((1, 2), np.inf), "expected finite vectors in x, none of them zero"),
        (np.ones((1, 3)), r"expected vectors of one width, got \(1, 3\) and \(4, 2\)"),
        (np.ones(2), r"expected x with 2 axes, got shape \(2,\)"),
        (np.ones((1, 2), int), "expected x as a NumPy array of floats, got int64"),
    ],
)
def test_vectors_without_a_direction_are_refused(x: np.ndarray, message: str) -> None:
    """A vector of zeros has no angle; 0 would say that it is unrelated."""
    with pytest.raises(ValueError, match=message):
        cosine_similarity(x, TABLE)


def test_nothing_to_look_up_is_no_error() -> None:
    """An empty text gives no vectors, no gradient, and no cosine."""
    none = np.zeros((2, 0), int)
    assert embed(none, TABLE).shape == (2, 0, 2)
    assert not embed_gradient(none, np.zeros((2, 0, 2)), V=4).any()
    assert cosine_similarity(TABLE[:0], TABLE).shape == (0, 4)

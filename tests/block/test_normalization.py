"""LayerNorm and RMSNorm: by hand, by property, and against torch and transformers."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from glassformer.block.normalization import layer_norm, rms_norm

FLOATS = [np.float16, np.float32, np.float64]
# A mean, a mean of squares, a root and a few products of numbers near 1.
ROUNDING = 20 * np.finfo(np.float64).eps
TINY = 1e-30  # an epsilon that changes no digit of what is compared here


def plain_layer_norm(x: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Without gain and bias."""
    D = x.shape[-1]
    return layer_norm(x, np.ones(D), np.zeros(D), epsilon)


def plain_rms_norm(x: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Without gain."""
    return rms_norm(x, np.ones(x.shape[-1]), epsilon)


BOTH = pytest.mark.parametrize("norm", [plain_layer_norm, plain_rms_norm])


def vectors(least: int = 1) -> st.SearchStrategy[np.ndarray]:
    """Vectors of whole numbers, of any batch shape: their sums are exact."""
    shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=5).filter(lambda s: s[-1] >= least)
    numbers = st.integers(-50, 50).map(float)
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=numbers))


# By hand


def test_four_numbers_by_hand() -> None:
    """9, 3, 3, 1 has mean 4, standard deviation 3 and root mean square 5."""
    x = np.array([9.0, 3.0, 3.0, 1.0])
    by_hand = np.array([5, -1, -1, -3]) / 3
    assert plain_layer_norm(x, TINY) == pytest.approx(by_hand, rel=ROUNDING)
    assert plain_rms_norm(x, TINY) == pytest.approx([1.8, 0.6, 0.6, 0.2], rel=ROUNDING)


def test_gain_multiplies_and_bias_is_added_afterwards() -> None:
    """Each feature has its own gain and bias, and the bias is not multiplied."""
    x = np.array([[9.0, 3.0, 3.0, 1.0]])
    gain, bias = np.array([3.0, 6.0, 0.0, -3.0]), np.array([1.0, 0.0, 7.0, 0.0])
    assert layer_norm(x, gain, bias, TINY) == pytest.approx(np.array([[6, -2, 7, 3]]), rel=ROUNDING)
    assert rms_norm(x, 5 * gain, TINY) == pytest.approx(np.array([[27, 18, 0, -3]]), rel=ROUNDING)


def test_the_variance_is_that_of_the_population() -> None:
    """A one among three zeros becomes the root of 3; with the sample variance it would be 1.5."""
    assert plain_layer_norm(np.eye(4), TINY)[0, 0] == pytest.approx(math.sqrt(3), rel=ROUNDING)


def test_epsilon_is_inside_the_root() -> None:
    """Variance 9 and epsilon 16 make a divisor of 5, mean square 25 and epsilon 144 one of 13."""
    x = np.array([9.0, 3.0, 3.0, 1.0])
    assert plain_layer_norm(x, 16.0) == pytest.approx([1, -0.2, -0.2, -0.6], rel=ROUNDING)
    assert plain_rms_norm(x, 144.0) == pytest.approx(x / 13, rel=ROUNDING)


@pytest.mark.parametrize("dtype", FLOATS)
def test_constant_vectors_give_the_bias(dtype: type[np.floating]) -> None:
    """No division by zero: only the bias is left; RMSNorm keeps constants, and zeros too."""
    x = np.full((2, 3), 7, dtype)
    bias = np.array([1, 2, 3], dtype)
    assert layer_norm(x, np.ones(3, dtype), bias).tolist() == [[1, 2, 3]] * 2
    assert plain_rms_norm(x) == pytest.approx(np.ones((2, 3)), rel=1e-6)
    assert plain_rms_norm(0 * x).tolist() == [[0, 0, 0]] * 2


def test_one_feature_is_a_constant_vector() -> None:
    """The mean of one number is that number."""
    assert plain_layer_norm(np.array([[5.0], [-2.0]])).tolist() == [[0], [0]]
    assert plain_rms_norm(np.array([[5.0], [-2.0]]), TINY).tolist() == [[1], [-1]]


# Invariants


@given(vectors(least=2))
def test_every_vector_has_mean_0_and_mean_square_1(x: np.ndarray) -> None:
    """Whatever came in, unless it was constant."""
    assume((np.ptp(x, axis=-1) > 0).all())
    y = plain_layer_norm(x, TINY)
    assert np.abs(y.mean(-1)).max() <= ROUNDING
    assert np.square(y).mean(-1) == pytest.approx(np.ones(x.shape[:-1]), rel=ROUNDING)
    assume(x.any(-1).all())
    z = plain_rms_norm(x, TINY)
    assert np.square(z).mean(-1) == pytest.approx(np.ones(x.shape[:-1]), rel=ROUNDING)


@given(vectors(), st.integers(-1000, 1000))
def test_layer_norm_does_not_see_a_shift(x: np.ndarray, shift: int) -> None:
    """The same added to every feature changes nothing."""
    # The mean of D whole numbers near 1000 is rounded; where all are equal, nothing else is left.
    far = plain_layer_norm(x + shift, epsilon=1.0) - plain_layer_norm(x, epsilon=1.0)
    assert np.abs(far).max() <= 1000 * ROUNDING


@BOTH
@given(x=vectors(), scale=st.floats(0.01, 100))
def test_the_scale_is_not_seen_and_the_sign_is(
    norm: Callable[[np.ndarray, float], np.ndarray], x: np.ndarray, scale: float
) -> None:
    """A vector and its positive multiples give the same; its negative gives the negative."""
    assume((np.ptp(x, axis=-1) > 0).all())
    y = norm(x, TINY)
    # A mean that is not a whole number is rounded: by 50 eps, seen against a deviation of 0.4.
    assert np.abs(norm(scale * x, TINY) - y).max() <= 100 * ROUNDING
    assert np.array_equal(norm(-x, TINY), -y)


@given(vectors())
def test_layer_norm_is_the_rms_norm_of_the_centred_vector(x: np.ndarray) -> None:
    """The two differ by the mean only."""
    centred = x - x.mean(-1, keepdims=True)
    assert np.array_equal(plain_layer_norm(x), plain_rms_norm(centred)) or (
        np.abs(plain_layer_norm(x) - plain_rms_norm(centred)).max() <= ROUNDING
    )


@BOTH
@given(x=vectors())
def test_each_vector_is_normalized_by_itself(
    norm: Callable[[np.ndarray], np.ndarray], x: np.ndarray
) -> None:
    """No vector depends on the batch or the sentence that it is in."""
    y = norm(x)
    for at in np.ndindex(x.shape[:-1]):
        assert np.abs(y[at] - norm(x[at])).max() <= ROUNDING  # another order of summing


@given(vectors(least=2))
def test_no_feature_exceeds_the_root_of_the_others_number(x: np.ndarray) -> None:
    """Exercise 1: a feature is at most the root of D - 1."""
    limit = math.sqrt(x.shape[-1] - 1)
    assert np.abs(plain_layer_norm(x)).max() <= limit * (1 + ROUNDING)


@BOTH
def test_the_slope_falls_as_the_numbers_grow(norm: Callable[..., np.ndarray]) -> None:
    """The slopes at 10 x are a tenth of those at x, by central differences."""
    x = np.random.default_rng(0).normal(size=8)

    def slopes(at: np.ndarray) -> np.ndarray:
        step = 1e-5 * np.eye(8)
        return (norm(at + step, TINY) - norm(at - step, TINY)) / 2e-5

    # Central differences err by the step squared, and by rounding over the step.
    assert np.abs(10 * slopes(10 * x) - slopes(x)).max() <= 1e-8


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("other", FLOATS)
def test_dtype_is_kept_and_inputs_are_unchanged(
    dtype: type[np.floating], other: type[np.floating]
) -> None:
    """float32 in, float32 out, on read-only arrays, whatever the dtype of gain and bias."""
    x = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    gain, bias = np.ones(4, other), np.zeros(4, other)
    for array in (x, gain, bias):
        array.flags.writeable = False
    for y in (layer_norm(x, gain, bias), rms_norm(x, gain, np.float64(1e-6))):
        assert y.dtype == dtype
        assert y.shape == x.shape


@BOTH
def test_an_empty_batch_stays_an_empty_batch(norm: Callable[[np.ndarray], np.ndarray]) -> None:
    """No vectors is no error."""
    assert norm(np.zeros((2, 0, 4))).shape == (2, 0, 4)


# float16


@BOTH
def test_half_precision_does_not_overflow(norm: Callable[[np.ndarray], np.ndarray]) -> None:
    """The squares of numbers above 255 are infinite in float16, where the formula gives zeros."""
    x = np.array([[60000.0, -30000.0, 0.0, 1000.0]], np.float16)
    with np.errstate(over="ignore"):
        assert np.isinf(np.square(x)).any()
    exact = norm(x.astype(np.float64))
    assert norm(x) == pytest.approx(exact, rel=1e-3)  # one rounding to float16


# Oracles


@given(vectors(least=2), st.fractions(Fraction(1, 100), 10, max_denominator=100))
def test_layer_norm_is_the_equation_in_fractions(x: np.ndarray, epsilon: Fraction) -> None:
    """Mean and variance in exact arithmetic, one vector and one feature at a time."""
    y = plain_layer_norm(x, float(epsilon))
    for at in np.ndindex(x.shape[:-1]):
        numbers = [Fraction(number) for number in x[at].tolist()]
        mean = sum(numbers, Fraction(0)) / len(numbers)
        variance = sum(((n - mean) ** 2 for n in numbers), Fraction(0)) / len(numbers)
        exact = [float(n - mean) / math.sqrt(variance + epsilon) for n in numbers]
        assert y[at] == pytest.approx(exact, rel=1e-12, abs=100 * ROUNDING)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(np.float16, 2e-3), (np.float32, 2e-6), (np.float64, 1e-14)]
)
@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
@pytest.mark.parametrize("spread", [0.01, 1, 100])
def test_torch_gives_the_same(
    dtype: type[np.floating], bound: float, epsilon: float, spread: float
) -> None:
    """torch.nn.functional.layer_norm and rms_norm, for small and large vectors off centre."""
    rng = np.random.default_rng(0)
    x = (spread * rng.normal(2, 1, (3, 5, 64))).astype(dtype)
    gain, bias = rng.normal(size=(2, 64)).astype(dtype)
    t, g, b = map(torch.from_numpy, (x, gain, bias))
    for ours, theirs in (
        (layer_norm(x, gain, bias, epsilon), functional.layer_norm(t, (64,), g, b, epsilon)),
        (rms_norm(x, gain, epsilon), functional.rms_norm(t, (64,), g, epsilon)),
    ):
        # Relative to the largest result: a few roundings; the mean costs as many again.
        assert np.abs(ours - theirs.numpy()).max() <= bound * theirs.abs().max().item()


@pytest.mark.parametrize(("dtype", "bound"), [(np.float16, 3e-3), (np.float32, 2e-6)])
def test_the_llama_norm_of_transformers_gives_the_same(
    dtype: type[np.floating], bound: float
) -> None:
    """In float16 it rounds once more, before the gain."""
    rng = np.random.default_rng(1)
    x, gain = rng.normal(1, 3, (3, 5, 64)).astype(dtype), rng.normal(size=64).astype(dtype)
    theirs = LlamaRMSNorm(64, eps=1e-6)
    theirs.weight.data = torch.from_numpy(gain)
    expected = theirs(torch.from_numpy(x)).detach()
    off = np.abs(rms_norm(x, gain, 1e-6) - expected.numpy()).max()
    assert off <= bound * expected.abs().max().item()


# Errors

X, ONE = np.ones((2, 3, 4)), np.ones(4)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "gain", "message"),
    [
        (np.float64(1.0), ONE, "expected x as a NumPy array of floats, got float64"),
        (np.array(1.0), ONE, "expected x (*B, D) with at least one feature, got ()"),
        (np.ones((3, 0)), np.ones(0), "expected x (*B, D) with at least one feature, got (3, 0)"),
        (X, np.ones(3), "expected gain of shape (4,), got (3,)"),
        (X, np.ones(1), "expected gain of shape (4,), got (1,)"),
        (X, np.ones((3, 4)), "expected gain of shape (4,), got (3, 4)"),
        (X.astype(int), ONE, "expected x as a NumPy array of floats, got int64"),
        (torch.ones(2, 4), ONE, "expected x as a NumPy array of floats, got torch.float32"),
        (X, None, "expected gain as a NumPy array of floats, got NoneType"),
        (X * np.nan, ONE, "expected finite numbers in x, got NaN or infinity"),
        (X, ONE * np.inf, "expected finite numbers in gain, got NaN or infinity"),
    ],
)
def test_what_has_no_norm_is_refused(x: np.ndarray, gain: np.ndarray, message: str) -> None:
    """The message says what was expected and what came, in both norms."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer_norm(x, gain, np.zeros(4))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        rms_norm(x, gain)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_bias_that_does_not_fit_is_refused() -> None:
    """One number for all features would broadcast without an error."""
    with pytest.raises(ValueError, match=r"expected bias of shape \(4,\), got \(1,\)"):
        layer_norm(X, ONE, np.zeros(1))


@pytest.mark.parametrize("epsilon", [0.0, -1e-5, math.nan, math.inf])
def test_an_epsilon_that_is_not_positive_is_refused(epsilon: float) -> None:
    """Zero would make NaN of a constant vector."""
    with pytest.raises(ValueError, match=f"expected a positive epsilon, got {epsilon}"):
        layer_norm(X, ONE, ONE, epsilon)
    with pytest.raises(ValueError, match=f"expected a positive epsilon, got {epsilon}"):
        rms_norm(X, ONE, epsilon)


def test_an_epsilon_that_is_zero_in_the_dtype_is_refused() -> None:
    """1e-50 is fine in float64, and 0 in float32."""
    assert not plain_layer_norm(X, 1e-50).any()
    with pytest.raises(ValueError, match="expected a positive epsilon, got 1e-50"):
        plain_layer_norm(X.astype(np.float32), 1e-50)

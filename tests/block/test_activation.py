"""ReLU, GELU, its tanh formula and SiLU: by hand, by property, against torch and decimals."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional
from transformers.activations import ACT2FN

from glassformer.block.activation import gelu, gelu_tanh, normal_cdf, relu, silu

Activation = Callable[[np.ndarray], np.ndarray]
Operator = Callable[[torch.Tensor], torch.Tensor]

FLOATS = [np.float16, np.float32, np.float64]
ALL = [relu, gelu, gelu_tanh, silu]
EPS = float(np.finfo(np.float64).eps)


def gelu_tanh_of_torch(x: torch.Tensor) -> torch.Tensor:
    """GELU by tanh, as torch names it."""
    return functional.gelu(x, approximate="tanh")


ORACLES: list[tuple[Activation, Operator]] = [
    (relu, functional.relu),
    (gelu, functional.gelu),
    (gelu_tanh, gelu_tanh_of_torch),
    (silu, functional.silu),
]


def exact_cdf(x: np.ndarray) -> np.ndarray:
    """The CDF by the error function of the C library, one number at a time."""
    return np.array([math.erfc(-number / math.sqrt(2)) / 2 for number in x.tolist()])


# By hand


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (relu, [0.0, 0.0, 1.0]),
        # Of a normal distribution, 84.134 % lie below 1, and as many above -1.
        (gelu, [-0.158655, 0.0, 0.841345]),
        # tanh(0.797885 * 1.044715) = 0.682384
        (gelu_tanh, [-0.158808, 0.0, 0.841192]),
        # 1 / (1 + 1 / e) = 0.731059
        (silu, [-0.268941, 0.0, 0.731059]),
    ],
)
def test_minus_one_zero_and_one_by_hand(activation: Activation, expected: list[float]) -> None:
    """The three numbers that one can look up in a table."""
    assert activation(np.array([-1.0, 0.0, 1.0])) == pytest.approx(expected, abs=6e-7)


def test_the_table_of_every_statistics_book() -> None:
    """One, two and three standard deviations hold 68.27, 95.45 and 99.73 %; half is below 0."""
    around = normal_cdf(np.array([1.0, 2.0, 3.0])) - normal_cdf(np.array([-1.0, -2.0, -3.0]))
    assert around == pytest.approx([0.6827, 0.9545, 0.9973], abs=5e-5)
    assert normal_cdf(np.array(0.0)) == 0.5


# Invariants

NUMBERS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4),
    elements=st.floats(-50, 50),
)


@given(NUMBERS)
@pytest.mark.parametrize("activation", ALL)
def test_each_number_is_on_its_own(activation: Activation, x: np.ndarray) -> None:
    """Any shape goes in and comes out, and no number notices its neighbours."""
    together = activation(x)
    assert together.shape == x.shape
    alone = [activation(np.array([number]))[0] for number in x.flat]
    # NumPy's exp and tanh may round differently in the vectorized middle of an array.
    assert together.ravel() == pytest.approx(alone, rel=4 * EPS, abs=1e-300)


@given(hnp.arrays(np.float64, 5, elements=st.floats(allow_nan=False, allow_infinity=False)))
@pytest.mark.parametrize("activation", ALL)
def test_the_output_lies_between_zero_and_the_input(activation: Activation, x: np.ndarray) -> None:
    """The gate passes a share from 0 to 1, of every finite number, the largest too."""
    y = activation(x)
    assert (np.abs(y) <= np.abs(x)).all()
    assert (y * np.sign(x) >= 0).all()


@given(hnp.arrays(np.float64, 5, elements=st.floats(-30, 30)))
@pytest.mark.parametrize("activation", ALL)
def test_what_passes_on_both_sides_adds_up(activation: Activation, x: np.ndarray) -> None:
    """The gates of x and -x sum to 1, so f(x) - f(-x) = x: noise has no preferred sign."""
    assert activation(x) - activation(-x) == pytest.approx(x, rel=4 * EPS, abs=4 * EPS)


def test_the_mean_of_a_coin_with_probability_cdf_is_gelu() -> None:
    """A number that passes if it is above standard normal noise: the derivation of GELU."""
    n, x = 100_000, np.array([-2.0, -0.5, 0.3, 1.5])
    noise = np.random.default_rng(0).standard_normal((n, 1))
    mean = np.where(noise < x, x, 0).mean(0)
    share = exact_cdf(x)
    deviation = np.abs(x) * np.sqrt(share * (1 - share) / n)
    assert (np.abs(mean - gelu(x)) <= 4 * deviation).all()


def test_gelu_and_silu_dip_below_zero_and_are_not_monotone() -> None:
    """GELU's lowest point is -0.17 at -0.75, and -3 comes out above -1: the page's correction."""
    x = np.linspace(-5, 0, 5001)
    assert gelu(x).min() == pytest.approx(-0.16997, abs=5e-6)
    assert x[gelu(x).argmin()] == pytest.approx(-0.752, abs=1e-3)
    for activation in (gelu, gelu_tanh, silu):
        assert activation(np.array(-3.0)) > activation(np.array(-1.0))


def test_only_relu_ignores_the_size_of_its_input() -> None:
    """ReLU(2x) = 2 ReLU(x); the gates of the others open further."""
    x = np.linspace(-2, 2, 9)
    assert np.array_equal(relu(2 * x), 2 * relu(x))
    for activation in (gelu, gelu_tanh, silu):
        assert np.abs(activation(2 * x) - 2 * activation(x)).max() > 0.1


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", [*ALL, normal_cdf])
def test_dtype_is_kept_and_input_unchanged(
    activation: Activation, dtype: type[np.floating]
) -> None:
    """No float64 creeps in, whatever the shape, and the functions are pure."""
    for shape in ((), (0,), (2, 0), (3,), (2, 3, 4)):
        x = np.random.default_rng(0).normal(0, 3, shape).astype(dtype)
        before = x.copy()
        y = activation(x)
        assert isinstance(y, np.ndarray)
        assert y.dtype == dtype
        assert y.shape == shape
        assert np.array_equal(x, before)
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ALL)
def test_the_largest_numbers_of_the_format_pass_and_the_smallest_do_not(
    activation: Activation, dtype: type[np.floating]
) -> None:
    """The cube and the exponential overflow inside without a warning or a NaN."""
    most = np.finfo(dtype).max
    assert np.array_equal(activation(np.array([-most, most])), np.array([0, most], dtype))


@pytest.mark.parametrize("activation", [*ALL, normal_cdf])
def test_half_precision_computes_in_more_and_rounds_once(activation: Activation) -> None:
    """Float16 in gives the float64 result to the nearest float16, ties aside."""
    x = np.linspace(-2, 8, 10_001).astype(np.float16)  # below, 1 + tanh cancels in float32 too
    exact = activation(x.astype(np.float64)).astype(np.float16)
    assert (activation(x) == exact).mean() > 0.99


# The CDF


def test_the_table_is_as_exact_as_rounding_allows() -> None:
    """Between all entries and beyond both ends; the bound is what the docstring says."""
    x = np.linspace(-45, 12, 200_003)  # an odd number, so that every distance to an entry occurs
    off = np.abs(normal_cdf(x) - exact_cdf(x))
    assert off.max() <= 4e-16
    for dtype in (np.float16, np.float32):
        narrow = x.astype(dtype)
        off = np.abs(normal_cdf(narrow) - exact_cdf(narrow))
        assert off.max() <= np.finfo(dtype).eps


def test_small_shares_keep_their_digits() -> None:
    """The share below -20 is 3e-89, and right in seven digits, where 1 + erf would say 0."""
    x = np.linspace(-37, -1, 10_001)
    assert normal_cdf(x) == pytest.approx(exact_cdf(x), rel=1e-7, abs=0)


def test_the_density_is_the_slope_of_the_cdf() -> None:
    """Central differences give the bell curve, from which the series is derived."""
    x, step = np.linspace(-6, 6, 1000), 1e-5
    measured = (normal_cdf(x + step) - normal_cdf(x - step)) / (2 * step)
    # The method errs by step squared, and by rounding over step: 1e-10 and 1e-16 / 1e-5.
    assert np.abs(measured - np.exp(-x * x / 2) / math.sqrt(2 * math.pi)).max() <= 1e-10


@given(st.floats(-6, 6))
def test_the_cdf_agrees_with_a_series_in_decimals(x: float) -> None:
    """Fifty digits of x + x³/3 + x⁵/15 + ..., a series that no table and no library is behind."""
    with localcontext(prec=50):
        exact = Decimal(x)
        term, n, total = exact, 1, exact
        while abs(term) > Decimal("1e-40"):
            n += 2
            term *= exact * exact / n
            total += term
        pi = Decimal("3.14159265358979323846264338327950288419716939937511")
        cdf = float(total * (-exact * exact / 2).exp() / (2 * pi).sqrt() + Decimal("0.5"))
    assert abs(float(normal_cdf(np.array(x))) - cdf) <= 4e-16


# Independent oracles


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("ours", "theirs"), ORACLES)
def test_torch_gives_the_same(ours: Activation, theirs: Operator, dtype: type[np.floating]) -> None:
    """In each precision, from where all is cut off to where all passes."""
    x = np.concatenate([np.linspace(-30, 30, 60_001), [-5e4, 5e4]]).astype(dtype)
    expected = theirs(torch.from_numpy(x)).numpy()
    # A few roundings, relative to the input: 1 + erf and 1 + tanh err by eps before they are
    # multiplied by it, however small the product. Formulas, not digits: the two GELUs differ
    # by 5e-4.
    bound = 4 * float(np.finfo(dtype).eps) * np.maximum(1, np.abs(x.astype(np.float64)))
    assert (np.abs(ours(x).astype(np.float64) - expected) <= bound).all()


@pytest.mark.parametrize(
    ("name", "ours"),
    [("relu", relu), ("gelu", gelu), ("gelu_new", gelu_tanh), ("silu", silu)],
)
def test_the_names_in_transformers_mean_these(name: str, ours: Activation) -> None:
    """GPT-2's `gelu_new` is the tanh formula and `gelu` is exact, as the page says."""
    x = np.linspace(-8, 8, 1001)
    theirs = ACT2FN[name](torch.from_numpy(x)).numpy()
    assert np.abs(ours(x) - theirs).max() <= 16 * EPS


@pytest.mark.parametrize(("ours", "theirs"), ORACLES)
def test_slopes_are_those_of_autograd(ours: Activation, theirs: Operator) -> None:
    """Central differences of ours, the derivative of torch's."""
    x, step = np.linspace(-6, 6, 1000), 1e-5  # none of the 1000 is 0, ReLU's corner
    z = torch.from_numpy(x).requires_grad_()
    (slope,) = torch.autograd.grad(theirs(z).sum(), z)
    measured = (ours(x + step) - ours(x - step)) / (2 * step)
    assert np.abs(measured - slope.numpy()).max() <= 1e-9


def test_the_two_gelus_differ_by_half_a_thousandth() -> None:
    """The largest difference that the page prints; a tolerance above it cannot tell them apart."""
    x = np.linspace(-8, 8, 160_001)
    assert np.abs(gelu(x) - gelu_tanh(x)).max() == pytest.approx(4.732e-4, abs=1e-7)


# Bad input


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("activation", [*ALL, normal_cdf])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([1, 2]), "expected x as a NumPy array of floats, got int64"),
        (np.array([True]), "expected x as a NumPy array of floats, got bool"),
        (np.array([1j]), "expected x as a NumPy array of floats, got complex128"),
        ([1.0], "expected x as a NumPy array of floats, got list"),
        (1.0, "expected x as a NumPy array of floats, got float"),
        (torch.zeros(2), "expected x as a NumPy array of floats, got torch.float32"),
        (np.array([0.0, math.nan]), "expected finite numbers in x, got NaN or infinity"),
        (np.array([0.0, math.inf]), "expected finite numbers in x, got NaN or infinity"),
        (np.array([-math.inf, 0.0]), "expected finite numbers in x, got NaN or infinity"),
    ],
)
def test_bad_input_is_refused(activation: Activation, x: np.ndarray, message: str) -> None:
    """An error that says what came, never a silent NaN."""
    with pytest.raises(ValueError, match=message):
        activation(x)

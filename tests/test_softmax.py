"""Softmax, log-softmax and cross-entropy: by hand, by property, and against torch and decimals."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassformer.softmax import cross_entropy, log_softmax, softmax

FLOATS = [np.float16, np.float32, np.float64]
# The largest relative error of one rounding is eps / 2; a few exponentials, a sum and a division
# stay within 8 eps for the short rows drawn here.
ROUNDING = 8 * np.finfo(np.float64).eps


def rows(limit: float = 50.0, *, most: int = 8) -> st.SearchStrategy[np.ndarray]:
    """One row of scores, none farther from 0 than `limit`."""
    scores = st.floats(-limit, limit, allow_subnormal=False)
    return hnp.arrays(np.float64, st.integers(1, most), elements=scores)


# By hand


def test_scores_that_are_logarithms_give_shares() -> None:
    """Scores ln 6, ln 3 and ln 1 have exponentials 6, 3 and 1: shares of ten."""
    logits = np.log([6.0, 3.0, 1.0])
    assert softmax(logits) == pytest.approx([0.6, 0.3, 0.1], rel=ROUNDING)
    assert log_softmax(logits) == pytest.approx(np.log([0.6, 0.3, 0.1]), rel=ROUNDING)
    assert cross_entropy(logits, np.array(1)) == pytest.approx(-math.log(0.3), rel=ROUNDING)


def test_temperature_is_a_power_of_the_shares() -> None:
    """At temperature 1/2 the exponentials are squared: 36, 9 and 1 of 46."""
    p = softmax(np.log([6.0, 3.0, 1.0]), temperature=0.5)
    assert p == pytest.approx([36 / 46, 9 / 46, 1 / 46], rel=ROUNDING)


def test_cross_entropy_is_the_mean_over_every_batch_axis() -> None:
    """The mean is over all targets, whatever the shape they stand in."""
    row = np.log([6.0, 3.0, 1.0])
    logits = np.broadcast_to(row, (2, 2, 3))
    loss = cross_entropy(logits, np.array([[0, 0], [1, 2]]))
    by_hand = -(2 * math.log(0.6) + math.log(0.3) + math.log(0.1)) / 4
    assert loss == pytest.approx(by_hand, rel=ROUNDING)


def test_equal_scores_lose_the_logarithm_of_the_vocabulary() -> None:
    """A model that knows nothing starts at ln V."""
    loss = cross_entropy(np.zeros((2, 50_257), np.float32), np.array([0, 50_256]))
    assert loss == pytest.approx(math.log(50_257), rel=1e-6)  # float32 has seven digits


# Invariants


@given(rows(1e308))
def test_any_finite_scores_give_probabilities(logits: np.ndarray) -> None:
    """No finite input overflows, and the result is none negative and sums to 1."""
    p = softmax(logits)
    assert (p >= 0).all()
    assert p.sum() == pytest.approx(1, rel=ROUNDING)
    assert (log_softmax(logits) <= 0).all()


@given(rows(), st.integers(-1000, 1000))
def test_the_same_added_to_each_score_changes_nothing(logits: np.ndarray, shift: int) -> None:
    """Only differences of scores count."""
    logits = np.round(logits * 2**20) / 2**20  # so that the shift itself does not round
    assert np.array_equal(softmax(logits + shift), softmax(logits))
    assert np.array_equal(log_softmax(logits + shift), log_softmax(logits))


@given(rows(), st.floats(0.1, 10))
def test_ratios_of_probabilities_come_from_differences_of_scores(
    logits: np.ndarray, temperature: float
) -> None:
    """p_i / p_j = exp((z_i - z_j) / temperature), the rule that softmax is derived from."""
    log_p = log_softmax(logits, temperature)
    ratios = log_p[:, None] - log_p[None, :]
    differences = (logits[:, None] - logits[None, :]) / temperature
    assert np.abs(ratios - differences).max() <= 1000 * ROUNDING  # the terms are up to 1000 large


@given(rows(), st.floats(0.01, 100))
def test_the_order_of_the_scores_is_kept(logits: np.ndarray, temperature: float) -> None:
    """A larger score never gets a smaller probability, at any temperature."""
    order = np.argsort(logits)
    assert (np.diff(softmax(logits, temperature)[order]) >= 0).all()
    assert (np.diff(log_softmax(logits, temperature)[order]) >= 0).all()


@given(rows(most=5), st.floats(1e-300, 0.1))
def test_a_low_temperature_approaches_the_argmax(logits: np.ndarray, temperature: float) -> None:
    """All but exp(-gap / temperature) of the probability goes to the largest score."""
    ranked = np.sort(logits)
    gap = ranked[-1] - ranked[-2] if len(ranked) > 1 else np.inf
    assume(gap > 0)
    left = (len(ranked) - 1) * np.exp(-gap / max(temperature, 1e-290))
    assert softmax(logits, temperature)[logits.argmax()] >= 1 - left - ROUNDING


@given(rows(), st.floats(100, 1e300))
def test_a_high_temperature_approaches_equal_shares(logits: np.ndarray, temperature: float) -> None:
    """Each probability is within a factor exp(spread / temperature) of 1 / V."""
    factor = np.exp(np.ptp(logits) / temperature) * (1 + ROUNDING)
    p = softmax(logits, temperature) * len(logits)
    assert p.max() <= factor
    assert p.min() >= 1 / factor


@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=4), elements=st.floats(-9, 9)), st.data())
def test_every_axis_is_as_good_as_the_last(logits: np.ndarray, data: st.DataObject) -> None:
    """Softmax along an axis is softmax along the last one, seen from another side."""
    axis = data.draw(st.integers(-logits.ndim, logits.ndim - 1))
    for function in (softmax, log_softmax):
        moved = np.moveaxis(function(np.moveaxis(logits, axis, -1)), -1, axis)
        # Sums along different axes add in a different order.
        assert np.abs(function(logits, axis=axis) - moved).max() <= 20 * ROUNDING


@given(rows(700))
def test_log_softmax_is_the_logarithm_where_that_exists(logits: np.ndarray) -> None:
    """Both functions tell of the same distribution."""
    p = softmax(logits)
    normal = p > np.finfo(np.float64).tiny
    assert log_softmax(logits)[normal] == pytest.approx(np.log(p[normal]), rel=1e-13, abs=ROUNDING)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("temperature", [0.25, 1.0, np.float64(3)])
def test_dtype_is_kept_and_input_unchanged(dtype: type[np.floating], temperature: float) -> None:
    """The functions are pure, and do not promote what they were given."""
    logits = np.array([[2.0, 1.0, 0.1], [5.0, -np.inf, 5.0]], dtype)
    before = logits.copy()
    for function in (softmax, log_softmax):
        result = function(logits, temperature)
        assert result.dtype == dtype
        assert result.shape == logits.shape
    cross_entropy(logits, np.array([0, 2]))
    assert np.array_equal(logits, before)


def test_an_empty_batch_stays_an_empty_batch() -> None:
    """No rows is no error: there is nothing to normalise."""
    assert softmax(np.zeros((0, 3))).shape == (0, 3)
    assert log_softmax(np.zeros((0, 3))).shape == (0, 3)


# What the naive version gets wrong


def naive(logits: np.ndarray) -> np.ndarray:
    """The equation, typed as it stands."""
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True)


def test_the_naive_version_fails_where_ours_does_not() -> None:
    """At scores of 1000 the naive version is NaN; ours is what it is at 2, 1 and 0.1."""
    logits = np.array([1002.0, 1001.0, 1000.1])
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(naive(logits)).all()
    assert softmax(logits) == pytest.approx(naive(logits - 1000), rel=1e-12)  # 1000.1 is rounded


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_long_row_sums_to_one_in_every_dtype(dtype: type[np.floating]) -> None:
    """100,000 equal scores: their number is above float16's largest, 65,504."""
    p = softmax(np.zeros(100_000, dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        broken = naive(np.zeros(100_000, np.float16))
    assert broken.max() == 0
    assert p.max() == p.min() == dtype(1e-5)


def test_temperature_divides_differences_not_scores() -> None:
    """Dividing before subtracting would overflow to infinity minus infinity."""
    assert np.array_equal(softmax(np.array([2.0, 1.0]), temperature=1e-307), [1, 0])
    extreme = np.array([-3e38, 3e38], np.float32)
    assert np.array_equal(softmax(extreme, temperature=1e-30), [0, 1])
    assert np.array_equal(log_softmax(extreme), [-np.inf, 0])


def test_log_softmax_is_finite_where_the_probability_is_zero() -> None:
    """The surprise of an almost impossible word is a number, not infinity."""
    logits = np.array([[1000.0, 0.0]])
    assert softmax(logits)[0, 1] == 0
    assert log_softmax(logits)[0, 1] == -1000
    assert cross_entropy(logits, np.array([1])) == 1000


def test_half_precision_computes_in_more() -> None:
    """What float16 cannot hold becomes -inf without a warning; the loss is still right."""
    assert log_softmax(np.array([6e4, -6e4], np.float16))[1] == -np.inf
    assert cross_entropy(np.array([[6e4, -6e4]], np.float16), np.array([1])) == 120_000


# Forbidden entries


@given(rows(), st.data())
def test_forbidden_entries_get_exactly_nothing(logits: np.ndarray, data: st.DataObject) -> None:
    """-inf leaves an entry out: the others are what they would be without it."""
    flags = hnp.arrays(bool, logits.shape)
    allowed = data.draw(flags)
    p = softmax(np.where(allowed, logits, -np.inf))
    assert (p[~allowed] == 0).all()
    if allowed.any():
        assert p[allowed] == pytest.approx(softmax(logits[allowed]), rel=ROUNDING)


@pytest.mark.parametrize("temperature", [1e-30, 1.0, 1e30])
def test_a_row_that_may_look_nowhere_gives_zeros(temperature: float) -> None:
    """All -inf gives zeros and log-probabilities of -inf, never NaN; other rows do not notice."""
    logits = np.array([[-np.inf, -np.inf], [0.0, 0.0]])
    assert np.array_equal(softmax(logits, temperature), np.array([[0, 0], [0.5, 0.5]]))
    log_p = log_softmax(logits, temperature)
    assert np.array_equal(log_p[0], [-np.inf, -np.inf])
    assert log_p[1] == pytest.approx(math.log(0.5), rel=ROUNDING)
    assert cross_entropy(logits, np.array([0, 0])) == math.inf


def test_torch_gives_nan_for_such_a_row() -> None:
    """The page says that torch differs here: this fails if torch changes its mind."""
    assert torch.softmax(torch.full((2,), -torch.inf), -1).isnan().all()


# Independent oracles


@given(rows(1000), st.floats(0.01, 100))
def test_softmax_agrees_with_decimal_arithmetic(logits: np.ndarray, temperature: float) -> None:
    """50 decimal digits and the naive formula give the same numbers."""
    with localcontext(prec=50):
        powers = [(Decimal(z) / Decimal(temperature)).exp() for z in logits.tolist()]
        total = sum(powers, Decimal(0))
        exact = np.array([float(power / total) for power in powers])
        exact_log = [float((power / total).ln()) for power in powers]
    # Rounding an exponent z / temperature of up to 200,000 moves e to that power by as many eps.
    spread = 1 + np.ptp(logits) / temperature
    reachable = exact > np.finfo(np.float64).tiny
    p, log_p = softmax(logits, temperature), log_softmax(logits, temperature)
    error = np.abs(p - exact)[reachable] / exact[reachable]
    assert error.max() <= spread * ROUNDING
    assert np.abs(log_p - exact_log).max() <= spread * ROUNDING


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_torch_gives_the_same(dtype: type[np.floating], axis: int) -> None:
    """torch.softmax and torch.log_softmax, in each precision, with forbidden entries."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 5, (6, 7, 5)).astype(dtype)
    logits[rng.random(logits.shape) < 0.1] = -np.inf
    logits[0] = 0  # along axes 0 and 1 no row is forbidden throughout
    logits[:, 0] = 0
    logits[..., 0] = 0
    ours, log_ours = softmax(logits, axis=axis), log_softmax(logits, axis=axis)
    theirs = torch.softmax(torch.from_numpy(logits), axis).numpy()
    log_theirs = torch.log_softmax(torch.from_numpy(logits), axis).numpy()
    eps = float(np.finfo(dtype).eps)
    assert np.abs(ours - theirs).max() <= 4 * eps  # probabilities are at most 1
    forbidden = np.isneginf(log_theirs)
    assert np.array_equal(np.isneginf(log_ours), forbidden)
    # Log-probabilities are at most about 40 in size here, so their last digit is 40 eps.
    assert np.abs(log_ours[~forbidden] - log_theirs[~forbidden]).max() <= 4 * 40 * eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch_gives_the_same_loss(dtype: type[np.floating]) -> None:
    """torch.nn.functional.cross_entropy, whose mean is over all targets too."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 5, (4, 6, 11)).astype(dtype)
    targets = rng.integers(0, 11, (4, 6))
    theirs = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits).reshape(24, 11), torch.from_numpy(targets).reshape(24)
    )
    # A mean of 24 losses of size 10, each rounded a few times.
    assert abs(cross_entropy(logits, targets) - theirs.item()) <= 50 * np.finfo(dtype).eps


def test_the_jacobian_is_that_of_autograd() -> None:
    """diag(p) - p pT, the page's formula, is the derivative that torch computes."""
    logits = np.random.default_rng(2).normal(0, 2, 6)
    p = softmax(logits)
    z = torch.from_numpy(logits).requires_grad_()
    rows_of_p = torch.softmax(z, -1).unbind()
    jacobian = [torch.autograd.grad(row, z, retain_graph=True)[0].numpy() for row in rows_of_p]
    assert np.abs(np.diag(p) - np.outer(p, p) - jacobian).max() <= ROUNDING


def test_the_gradient_of_the_loss_is_probability_minus_truth() -> None:
    """Central differences of our loss give (p - one-hot) / number of targets."""
    rng = np.random.default_rng(3)
    logits, targets = rng.normal(0, 2, (3, 5)), np.array([4, 0, 0])
    step = 1e-5
    numeric = np.zeros_like(logits)
    for index in np.ndindex(logits.shape):
        nudge = np.zeros_like(logits)
        nudge[index] = step
        up, down = cross_entropy(logits + nudge, targets), cross_entropy(logits - nudge, targets)
        numeric[index] = (up - down) / (2 * step)
    analytic = (softmax(logits) - np.eye(5)[targets]) / 3
    # The method errs by step squared, and by rounding over step: 1e-10 and 1e-16 / 1e-5.
    assert np.abs(numeric - analytic).max() <= 1e-9


# Bad input

NAN, INF = math.nan, math.inf
BAD_LOGITS = [
    ([2.0, 1.0], "expected logits as a NumPy array of floats, got list"),
    (np.array([2, 1]), "expected logits as a NumPy array of floats, got int64"),
    (torch.zeros(2), "expected logits as a NumPy array of floats, got torch.float32"),
    (np.array([2.0, NAN]), "expected finite logits or -inf, got nan"),
    (np.array([[2.0, 1.0], [INF, 0.0]]), "expected finite logits or -inf, got inf"),
    (np.array([NAN, INF]), "expected finite logits or -inf, got nan"),
    (np.zeros((2, 0)), r"expected at least one score on axis -1, got shape \(2, 0\)"),
    (np.array(1.0), r"expected an axis of logits of shape \(\), got -1"),
]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(("logits", "message"), BAD_LOGITS)
def test_bad_logits_are_refused(logits: np.ndarray, message: str) -> None:
    """What has no softmax is an error that says what came, never a silent NaN."""
    with pytest.raises(ValueError, match=message):
        softmax(logits)
    with pytest.raises(ValueError, match=message):
        log_softmax(logits)
    with pytest.raises(ValueError, match=message):
        cross_entropy(logits, np.array(0))


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN, INF])
def test_bad_temperatures_are_refused(
    function: Callable[..., np.ndarray], temperature: float
) -> None:
    """Zero names its limit; negative, NaN and infinity have no meaning here."""
    message = f"expected a temperature from .* got {temperature} .*argmax"
    with pytest.raises(ValueError, match=message):
        function(np.array([2.0, 1.0]), temperature)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("temperature", ["1", None, np.array([1.0, 2.0])])
def test_a_temperature_that_is_no_number_is_refused(temperature: float) -> None:
    """A temperature for each row would be another function."""
    with pytest.raises(ValueError, match="expected a temperature from "):
        softmax(np.array([2.0, 1.0]), temperature)


def test_a_temperature_that_is_zero_in_the_dtype_is_refused() -> None:
    """1e-50 is fine in float64, and 0 in float32."""
    assert softmax(np.array([2.0, 1.0]), 1e-50)[0] == 1
    with pytest.raises(ValueError, match=r"from 1\.2e-38 to 3\.4e\+38, got 1e-50"):
        softmax(np.array([2.0, 1.0], np.float32), 1e-50)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("axis", [2, -3, None, "0", 1.0])
def test_an_axis_that_is_not_there_is_refused(axis: int) -> None:
    """The message names the shape and the axis."""
    with pytest.raises(ValueError, match=rf"axis of logits of shape \(2, 3\), got {axis}"):
        softmax(np.zeros((2, 3)), axis=axis)


BAD_TARGETS = [
    (np.array([0, 3]), r"expected targets in 0\.\.2, got 0\.\.3"),
    (np.array([0, -100]), r"expected targets in 0\.\.2, got -100\.\.0"),
    (np.array([0.0, 1.0]), "expected targets as a NumPy array of integers, got float64"),
    (np.array([True, False]), "expected targets as a NumPy array of integers, got bool"),
    ([0, 1], "expected targets as a NumPy array of integers, got list"),
    (np.array([0]), r"got \(2, 3\) and \(1,\)"),
    (np.array([[0, 1]]), r"got \(2, 3\) and \(1, 2\)"),
]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(("targets", "message"), BAD_TARGETS)
def test_bad_targets_are_refused(targets: np.ndarray, message: str) -> None:
    """A target that names no score is an error: -100 is not silently left out, as in torch."""
    with pytest.raises(ValueError, match=message):
        cross_entropy(np.zeros((2, 3)), targets)


def test_a_mean_of_nothing_is_refused() -> None:
    """No target has no mean loss: an error, not NaN."""
    with pytest.raises(ValueError, match=r"at least one target .* got \(0, 3\) and \(0,\)"):
        cross_entropy(np.zeros((0, 3)), np.zeros(0, np.int64))

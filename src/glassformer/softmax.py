# --8<-- [start:softmax]
"""Softmax: scores become probabilities, without overflow; its logarithm, and the loss."""

import numpy as np
from jaxtyping import Float, Integer


def softmax(
    logits: Float[np.ndarray, "*S"],
    temperature: float = 1.0,
    axis: int = -1,
) -> Float[np.ndarray, "*S"]:
    """Turn scores into probabilities: none negative, summing to 1 along `axis`.

    Args:
        logits: Scores. -inf forbids an entry; a row of nothing but -inf gives zeros.
        temperature: Below 1 sharpens towards the largest score, above 1 flattens.
        axis: The axis whose entries compete with each other.

    Raises:
        ValueError: If a score is NaN or +inf, `axis` is empty, or temperature is 0 or negative.

    Source: Bridle 1990. Zeros for a row of -inf are ours.
    """
    powers = np.exp(_shift(logits, temperature, axis))
    total = powers.sum(axis, keepdims=True)
    # The largest score adds exp(0) = 1, so the total is below 1 only if all is forbidden.
    return (powers / np.maximum(total, 1)).astype(logits.dtype)


# --8<-- [end:softmax]
# --8<-- [start:shift]
def _shift(
    logits: Float[np.ndarray, "*S"],
    temperature: float,
    axis: int,
) -> Float[np.ndarray, "*S"]:
    """Subtract the largest score along `axis`, then divide: no result is above 0."""
    _check_logits(logits, temperature, axis)
    # A sum of 100,000 ones does not fit in float16, so float16 is computed in float32.
    x = logits.astype(np.promote_types(logits.dtype, np.float32))
    largest = x.max(axis, keepdims=True)
    largest[largest == -np.inf] = 0  # -inf minus -inf would be NaN; -inf minus 0 stays -inf
    with np.errstate(over="ignore"):  # too far below the largest: -inf is the right answer
        return (x - largest) / temperature


# --8<-- [end:shift]
# --8<-- [start:check_logits]
def _check_logits(logits: object, temperature: float, axis: int) -> None:
    """Refuse what has no softmax: no array of floats, no entry, NaN, +inf, temperature 0."""
    x = _expect(logits, "logits", "floats")
    if not (isinstance(axis, int) and -x.ndim <= axis < x.ndim):
        raise ValueError(f"expected an axis of logits of shape {x.shape}, got {axis}")
    if x.shape[axis] == 0:
        raise ValueError(f"expected at least one score on axis {axis}, got shape {x.shape}")
    largest = x.max(initial=-np.inf)  # NaN if a NaN is anywhere
    if not largest < np.inf:
        raise ValueError(f"expected finite logits or -inf, got {largest}")
    limits = np.finfo(np.promote_types(x.dtype, np.float32))
    number = isinstance(temperature, int | float | np.floating)
    if not (number and limits.tiny <= temperature <= limits.max):
        raise ValueError(
            f"expected a temperature from {limits.tiny:.1e} to {limits.max:.1e}, "
            f"got {temperature} (its limit at 0 is the argmax)"
        )


def _expect(array: object, name: str, numbers: str) -> np.ndarray:
    """Refuse lists, other libraries' tensors, and arrays of another kind of number."""
    dtype = getattr(array, "dtype", type(array).__name__)
    kinds = {"floats": "f", "integers": "iu"}[numbers]
    if not (isinstance(dtype, np.dtype) and dtype.kind in kinds):
        raise ValueError(f"expected {name} as a NumPy array of {numbers}, got {dtype}")
    return np.asarray(array)


# --8<-- [end:check_logits]
# --8<-- [start:log_softmax]
def log_softmax(
    logits: Float[np.ndarray, "*S"],
    temperature: float = 1.0,
    axis: int = -1,
) -> Float[np.ndarray, "*S"]:
    """Turn scores into log-probabilities, finite even where the probability rounds to 0.

    Args:
        logits: Scores. -inf forbids an entry: its log-probability is -inf.
        temperature: Below 1 sharpens towards the largest score, above 1 flattens.
        axis: The axis whose entries compete with each other.

    Raises:
        ValueError: As for `softmax`.
    """
    shifted = _shift(logits, temperature, axis)
    total = np.exp(shifted).sum(axis, keepdims=True)
    with np.errstate(over="ignore"):  # float16 ends at -65,504
        return (shifted - np.log(np.maximum(total, 1))).astype(logits.dtype)


# --8<-- [end:log_softmax]
# --8<-- [start:cross_entropy]
def cross_entropy(
    logits: Float[np.ndarray, "*B V"],
    targets: Integer[np.ndarray, "*B"],
) -> float:
    """Average the surprise, -log p, at the right answers.

    Args:
        logits: One score for each of the V possible answers.
        targets: The index of the right answer. To leave some out, select before calling.

    Returns:
        The mean over all targets, in nats; infinite if a right answer was forbidden.

    Raises:
        ValueError: If the shapes differ, there is no target, or one is not in 0..V-1.
    """
    shifted = _shift(logits, temperature=1.0, axis=-1)
    _check_targets(targets, logits)
    log_total = np.log(np.maximum(np.exp(shifted).sum(-1), 1))
    right = np.take_along_axis(shifted, targets[..., None], axis=-1)[..., 0]
    return float((log_total - right).mean(dtype=np.float64))


# --8<-- [end:cross_entropy]
# --8<-- [start:check_targets]
def _check_targets(targets: object, logits: np.ndarray) -> None:
    """Refuse targets that do not name one of the V answers for each row of logits."""
    ids = _expect(targets, "targets", "integers")
    if logits.shape[:-1] != ids.shape or ids.size == 0:
        raise ValueError(
            "expected logits (*B, V) and at least one target (*B), "
            f"got {logits.shape} and {ids.shape}"
        )
    if ids.min() < 0 or ids.max() >= logits.shape[-1]:
        raise ValueError(
            f"expected targets in 0..{logits.shape[-1] - 1}, got {ids.min()}..{ids.max()}"
        )


# --8<-- [end:check_targets]

# --8<-- [start:shift]
"""Softmax: scores become probabilities, without overflow; its logarithm, and the loss."""

import numpy as np
from jaxtyping import Float, Integer


def _expect(array: object, name: str, numbers: str) -> None:
    """Refuse lists, other libraries' tensors, and arrays of another kind of number."""
    dtype = getattr(array, "dtype", type(array).__name__)
    kinds = {"floats": "f", "integers": "iu"}[numbers]
    if not (isinstance(dtype, np.dtype) and dtype.kind in kinds):
        raise ValueError(f"expected {name} as a NumPy array of {numbers}, got {dtype}")


def _shift(
    logits: Float[np.ndarray, "*S"], temperature: float, axis: int
) -> Float[np.ndarray, "*S"]:
    """Subtract the largest score along `axis`, then divide by the temperature.

    The results are 0 or below, so their exponentials are at most 1.
    float16 becomes float32 here: a sum of 100,000 ones does not fit in float16.
    """
    _expect(logits, "logits", "floats")
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"expected an axis of logits of shape {logits.shape}, got {axis}")
    if logits.shape[axis] == 0:
        raise ValueError(f"expected at least one score on axis {axis}, got shape {logits.shape}")
    x = logits.astype(np.promote_types(logits.dtype, np.float32))
    largest = x.max(axis, keepdims=True)
    if not (largest < np.inf).all():  # a NaN anywhere makes the largest NaN
        raise ValueError("expected finite logits or -inf, got NaN or +inf")
    # A row of nothing but -inf has no largest score; shifted by 0 it stays -inf, not NaN.
    largest[largest == -np.inf] = 0
    with np.errstate(over="ignore"):  # too far below the largest: -inf is the right answer
        divisor = x.dtype.type(temperature)
        if not 0 < divisor < np.inf:
            raise ValueError(
                f"expected a finite temperature above 0, got {temperature} in {x.dtype} "
                "(the limit 0 is argmax, greedy decoding)"
            )
        return (x - largest) / divisor


# --8<-- [end:shift]
# --8<-- [start:softmax]
def softmax(
    logits: Float[np.ndarray, "*S"], temperature: float = 1.0, axis: int = -1
) -> Float[np.ndarray, "*S"]:
    """Turn scores into probabilities: none negative, summing to 1 along `axis`.

    Args:
        logits: Scores. -inf forbids an entry; a row of nothing but -inf gives zeros.
        temperature: Below 1 sharpens towards the largest score, above 1 flattens.
        axis: The axis whose entries compete with each other.

    Raises:
        ValueError: If a score is NaN or +inf, `axis` is empty, or temperature is not above 0.
    """
    powers = np.exp(_shift(logits, temperature, axis))
    total = powers.sum(axis, keepdims=True)
    # The largest score adds exp(0) = 1, so the total is below 1 only if all is forbidden.
    return (powers / np.maximum(total, 1)).astype(logits.dtype)


# --8<-- [end:softmax]
# --8<-- [start:log_softmax]
def log_softmax(
    logits: Float[np.ndarray, "*S"], temperature: float = 1.0, axis: int = -1
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
def cross_entropy(logits: Float[np.ndarray, "*B V"], targets: Integer[np.ndarray, "*B"]) -> float:
    """Average the surprise, -log p, at the right answers.

    Args:
        logits: One score for each of the V possible answers.
        targets: The index of the right answer. To leave some out, select before calling.

    Returns:
        The mean over all targets, in nats; infinite if a right answer was forbidden.

    Raises:
        ValueError: If the shapes differ, there is no target, or one is not in 0..V-1.
    """
    _expect(logits, "logits", "floats")
    _expect(targets, "targets", "integers")
    if logits.ndim == 0 or logits.shape[:-1] != targets.shape or targets.size == 0:
        raise ValueError(
            "expected logits (*B, V) and at least one target (*B), "
            f"got {logits.shape} and {targets.shape}"
        )
    V, low, high = logits.shape[-1], targets.min(), targets.max()
    if low < 0 or high >= V:
        raise ValueError(f"expected targets in 0..{V - 1}, got {low} to {high}")
    shifted = _shift(logits, temperature=1.0, axis=-1)
    log_total = np.log(np.maximum(np.exp(shifted).sum(-1), 1))
    right = np.take_along_axis(shifted, targets[..., None], axis=-1)[..., 0]
    return float((log_total - right).mean(dtype=np.float64))


# --8<-- [end:cross_entropy]

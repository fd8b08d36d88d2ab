# --8<-- [start:scaled_dot_product_attention]
"""Scaled dot-product attention: a lookup whose answer is a weighted average."""

import math

import numpy as np
from jaxtyping import Bool, Float

from glassformer.softmax import softmax


def scaled_dot_product_attention(
    q: Float[np.ndarray, "*B T K"],
    k: Float[np.ndarray, "*B S K"],
    v: Float[np.ndarray, "*B S M"],
    mask: Bool[np.ndarray, "*#B #T S"] | None = None,
    *,
    bias: Float[np.ndarray, "*#B #T S"] | None = None,
) -> tuple[Float[np.ndarray, "*B T M"], Float[np.ndarray, "*B T S"]]:
    """Average the values, weighted by how well each key matches the query.

    Args:
        q: Queries.
        k: Keys.
        v: Values.
        mask: True where a query may look. A query that may look nowhere gets zeros.
        bias: Added to the scores, in their dtype.

    Returns:
        The averages, and the weights used: rows that sum to 1, or to 0 for such a query.

    Raises:
        ValueError: If the shapes do not fit, or numbers are or become NaN or infinity.

    Source: Vaswani et al. 2017, section 3.2.1; the zeros are ours.
    """
    _check_vectors(q, k, v)
    scores = _dot_products(q, k) / math.sqrt(q.shape[-1])
    if bias is not None:
        scores = scores + _check_bias(bias, scores)
    if mask is not None:
        _check_mask(mask, scores.shape)
        scores = np.where(mask, scores, -np.inf)
    weights = softmax(scores).astype(np.result_type(q, k))
    return weights @ v, weights


# --8<-- [end:scaled_dot_product_attention]
# --8<-- [start:dot_products]
def _dot_products(
    q: Float[np.ndarray, "*B T K"], k: Float[np.ndarray, "*B S K"]
) -> Float[np.ndarray, "*B T S"]:
    """Every query with every key; in float32 at least, since float16 ends at 65,504."""
    wide = np.result_type(q, k, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        products = q.astype(wide, copy=False) @ k.astype(wide, copy=False).swapaxes(-1, -2)
    if not np.isfinite(products).all():
        raise ValueError(f"expected q and k whose dot products fit in {wide}, got an overflow")
    return products


# --8<-- [end:dot_products]
# --8<-- [start:check]
def _check_vectors(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> None:
    """Refuse vectors whose result would have a wrong shape, or a NaN that no mask can stop."""
    for name, x in (("q", q), ("k", k), ("v", v)):
        if not (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
            came = getattr(x, "dtype", type(x).__name__)
            raise ValueError(f"expected {name} as a NumPy array of floats, got {came}")
        # Not even where masked: a weight of 0 does not stop a NaN, since 0 * NaN is NaN.
        if not np.isfinite(x).all():
            raise ValueError(f"expected finite numbers in {name}, got NaN or infinity")
    if not (
        min(q.ndim, k.ndim, v.ndim) >= 2
        and (*q.shape[:-2], q.shape[-1]) == (*k.shape[:-2], k.shape[-1])
        and k.shape[:-1] == v.shape[:-1]
        and min(q.size, k.size, v.size) > 0
    ):
        raise ValueError(
            "expected q (*B, T, K), k (*B, S, K) and v (*B, S, M), none of them empty, "
            f"got {q.shape}, {k.shape} and {v.shape}"
        )


def _check_mask(mask: np.ndarray, scores: tuple[int, ...]) -> None:
    """Refuse a mask of numbers, whose sense nobody can tell, or one that does not fit."""
    if not (isinstance(mask, np.ndarray) and mask.dtype == bool):
        came = getattr(mask, "dtype", type(mask).__name__)
        raise ValueError(f"expected mask as a NumPy array of bool, got {came}")
    _check_fit("mask", mask.shape, scores)


def _check_bias(bias: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the bias in the dtype of the scores; refuse what would change more than them."""
    if not (isinstance(bias, np.ndarray) and bias.dtype.kind == "f"):
        came = getattr(bias, "dtype", type(bias).__name__)
        raise ValueError(f"expected bias as a NumPy array of floats, got {came}")
    _check_fit("bias", bias.shape, scores.shape)
    with np.errstate(over="ignore"):  # what does not fit in the scores' dtype is refused below
        same = bias.astype(scores.dtype)
    if not np.isfinite(same).all():
        raise ValueError(f"expected finite numbers in bias as {same.dtype}, got NaN or infinity")
    return same


def _check_fit(name: str, shape: tuple[int, ...], scores: tuple[int, ...]) -> None:
    """Refuse what would not broadcast to the scores, or would make them larger."""
    sizes = zip(reversed(shape), reversed(scores), strict=False)
    if not (
        2 <= len(shape) <= len(scores)
        and shape[-1] == scores[-1]
        and all(size in (1, full) for size, full in sizes)
    ):
        raise ValueError(f"expected a {name} that broadcasts to {scores}, got {shape}")


# --8<-- [end:check]

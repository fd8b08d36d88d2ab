# --8<-- [start:residual]
"""Residual connections: a layer adds to what it was given, with a norm before it or after."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float


def pre_norm(
    x: Float[np.ndarray, "*B D"],
    sublayer: Callable[[np.ndarray], np.ndarray],
    norm: Callable[[np.ndarray], np.ndarray],
) -> Float[np.ndarray, "*B D"]:
    """Add to `x` what the sublayer makes of the normalized `x`; the sum is not normalized.

    Args:
        x: Vectors that many layers add to.
        sublayer: Attention or feed-forward: returns one vector for each that it reads.
        norm: What a vector goes through before it is read.

    Raises:
        ValueError: If the sublayer returns another shape or dtype than that of `x`.

    Source: Xiong et al. 2020, who compare the two orders.
    """
    return _add(x, sublayer(norm(x)))


def post_norm(
    x: Float[np.ndarray, "*B D"],
    sublayer: Callable[[np.ndarray], np.ndarray],
    norm: Callable[[np.ndarray], np.ndarray],
) -> Float[np.ndarray, "*B D"]:
    """Add to `x` what the sublayer makes of `x`, and normalize the sum.

    Args:
        x: Vectors that each layer adds to and normalizes anew.
        sublayer: Attention or feed-forward: returns one vector for each that it reads.
        norm: What each sum goes through.

    Raises:
        ValueError: If the sublayer returns another shape or dtype than that of `x`.

    Source: Vaswani et al. 2017, section 3.1.
    """
    return norm(_add(x, sublayer(x)))


# --8<-- [end:residual]
# --8<-- [start:check]
def _add(x: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Add two arrays of the same shape and dtype; others would broadcast, or widen `x`."""
    expected = (x.shape, x.dtype)
    came = tuple(getattr(change, name, type(change).__name__) for name in ("shape", "dtype"))
    if came != expected:
        raise ValueError(
            f"expected a sublayer that returns {expected[0]} of {expected[1]}, "
            f"got {came[0]} of {came[1]}"
        )
    return x + change


# --8<-- [end:check]

# --8<-- [start:frequencies]
"""Sinusoidal positions: a clock with many hands tells where a word stands."""

from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import DTypeLike


def frequencies(D: int, base: float = 10_000.0) -> Float[np.ndarray, " D_half"]:
    """How far each of the D / 2 hands turns from one position to the next, in radians.

    Args:
        D: Width of the vectors, two numbers for each hand.
        base: The hands slow down from 1 radian a step towards 1 / base.

    Raises:
        ValueError: If the width is odd or not positive, or the base is not above 0.

    Source: Vaswani et al. 2017, section 3.5.
    """
    if D < 2 or D % 2:
        raise ValueError(f"expected an even width of at least 2, got {D}")
    if not 0 < base < np.inf:
        raise ValueError(f"expected a base above 0, got {base}")
    return base ** (-np.arange(0, D, 2) / D)


# --8<-- [end:frequencies]
# --8<-- [start:sinusoidal_positions]
def sinusoidal_positions(
    T: int,
    D: int,
    start: int = 0,
    *,
    base: float = 10_000.0,
    layout: Literal["interleaved", "halves"] = "interleaved",
    dtype: DTypeLike = np.float32,
) -> Float[np.ndarray, "T D"]:
    """Give each of T positions a vector: the sine and cosine of every hand's angle.

    Args:
        T: Number of positions.
        D: Width of a vector; even.
        start: The first position: the number of tokens that came before, if they are cached.
        base: See `frequencies`.
        layout: Sines and cosines in turn, as in the paper, or all sines before all cosines.
        dtype: Of the result; angles are computed in float64.

    Raises:
        ValueError: If a size, the base, the layout or the dtype is none.
    """
    _check(T, layout, dtype)
    angles = (start + np.arange(T))[:, None] * frequencies(D, base)  # (T, D / 2)
    pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # (T, D / 2, 2)
    if layout == "halves":
        pairs = pairs.swapaxes(-1, -2)  # (T, 2, D / 2)
    return pairs.reshape(T, D).astype(dtype)


# --8<-- [end:sinusoidal_positions]
# --8<-- [start:shift_matrix]
def shift_matrix(k: int, D: int, *, base: float = 10_000.0) -> Float[np.ndarray, "D D"]:
    """Make the one matrix that moves every position by k: PE(p + k) is PE(p) times this.

    Each hand turns by k times its frequency, wherever it stands. For interleaved vectors.

    Raises:
        ValueError: As for `frequencies`.
    """
    sin, cos = np.sin(k * frequencies(D, base)), np.cos(k * frequencies(D, base))
    matrix = np.zeros((D, D))
    for i in range(D // 2):
        here = slice(2 * i, 2 * i + 2)
        matrix[here, here] = [[cos[i], -sin[i]], [sin[i], cos[i]]]
    return matrix


# --8<-- [end:shift_matrix]
# --8<-- [start:check]
def _check(T: int, layout: str, dtype: DTypeLike) -> None:
    """Refuse a number of positions below 0, an unknown layout, and numbers that are no floats."""
    if T < 0:
        raise ValueError(f"expected a number of positions from 0 on, got {T}")
    if layout not in ("interleaved", "halves"):
        raise ValueError(f"expected the layout 'interleaved' or 'halves', got {layout!r}")
    if np.dtype(dtype).kind != "f":
        raise ValueError(f"expected floats as dtype, got {np.dtype(dtype)}")


# --8<-- [end:check]

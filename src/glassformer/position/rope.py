# --8<-- [start:turn_pairs]
"""Rotary positions: queries and keys are turned by angles that grow with the position."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from glassformer.position.sinusoidal import frequencies

Pairing = Literal["halves", "neighbours"]


def turn_pairs(
    x: Float[np.ndarray, "*B T K"],
    angles: Float[np.ndarray, "T P"],
    pairing: Pairing = "halves",
) -> Float[np.ndarray, "*B T K"]:
    """Turn each pair of features of each position by its angle.

    Args:
        x: Queries or keys.
        angles: In radians, for each position and pair.
        pairing: Which features make a pair: i and i + K / 2, or 2i and 2i + 1.

    Raises:
        ValueError: If x is no array of floats, shapes do not fit, or the pairing is unknown.

    Source: Su et al. 2021, whose pairs are neighbours.
    """
    _check(x, angles, pairing)
    K = x.shape[-1]
    halves = pairing == "halves"
    first, second = np.arange(K).reshape(2, -1) if halves else np.arange(K).reshape(-1, 2).T
    wide = np.promote_types(x.dtype, np.float32)  # float16 is computed in float32
    cos, sin = np.cos(angles).astype(wide), np.sin(angles).astype(wide)
    turned = np.empty_like(x)
    turned[..., first] = cos * x[..., first] - sin * x[..., second]
    turned[..., second] = sin * x[..., first] + cos * x[..., second]
    return turned


# --8<-- [end:turn_pairs]
# --8<-- [start:rotary]
def rotary(
    x: Float[np.ndarray, "*B T K"],
    start: int = 0,
    base: float = 10000.0,
    pairing: Pairing = "halves",
) -> Float[np.ndarray, "*B T K"]:
    """Turn queries or keys by their positions; never values.

    Args:
        x: Queries or keys of T consecutive positions.
        start: Position of the first: with a cache, the number of keys that it holds.
        base: The slowest pair turns by about 1 / base a step; see `frequencies`.
        pairing: Which features make a pair; the one that the weights were trained with.

    Raises:
        ValueError: If x is no array of floats or of odd width, or base or pairing is none.

    Source: Su et al. 2021.
    """
    _check(x, None, pairing)
    T, K = x.shape[-2:]
    positions = np.arange(start, start + T, dtype=np.float64)  # float16 ends at 65,504
    return turn_pairs(x, np.outer(positions, frequencies(K, base)), pairing)


# --8<-- [end:rotary]
# --8<-- [start:check]
def _check(x: object, angles: np.ndarray | None, pairing: str) -> None:
    """Refuse what cannot be turned pair by pair."""
    if not (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
        came = getattr(x, "dtype", type(x).__name__)
        raise ValueError(f"expected x as a NumPy array of floats, got {came}")
    if x.ndim < 2:
        raise ValueError(f"expected x of shape (*B, T, K), got {x.shape}")
    if x.shape[-1] < 2 or x.shape[-1] % 2:
        raise ValueError(f"expected an even head width for RoPE, got {x.shape[-1]}")
    if pairing not in get_args(Pairing):
        raise ValueError(f"expected a pairing out of {get_args(Pairing)}, got {pairing!r}")
    if angles is not None and (*angles.shape[:-1], 2 * angles.shape[-1]) != x.shape[-2:]:
        raise ValueError(
            f"expected x (*B, T, K) and angles (T, K / 2), got {x.shape} and {angles.shape}"
        )


# --8<-- [end:check]

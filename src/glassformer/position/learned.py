# --8<-- [start:learned_positions]
"""Learned positions: a table with a row for each position, trained like any other weight."""

import numpy as np
from jaxtyping import Bool, Float, Int


def learned_positions(
    table: Float[np.ndarray, "N D"], T: int, start: int = 0
) -> Float[np.ndarray, "T D"]:
    """Return the rows of T positions in turn, to be added to the vectors of T tokens.

    Args:
        table: A row for each of N positions.
        T: Number of tokens.
        start: Position of the first one: the number of tokens that came before.

    Raises:
        ValueError: If a position is outside the table.
    """
    _check_range(len(table), T, start)
    return table[start : start + T].copy()  # a copy, so that `+=` on it leaves the table alone


# --8<-- [end:learned_positions]
# --8<-- [start:check]
def _check_range(N: int, T: int, start: int) -> None:
    """Refuse positions without a row: a slice would be cut short, or count from the end."""
    if T < 0 or start < 0 or start + T > N:
        raise ValueError(f"expected positions in 0..{N - 1}, got {start}..{start + T - 1}")


# --8<-- [end:check]
# --8<-- [start:learned_positions_gradient]
def learned_positions_gradient(
    slopes: Float[np.ndarray, "*B T D"], N: int, start: int = 0
) -> Float[np.ndarray, "N D"]:
    """Return how the loss changes with each number of the table.

    Args:
        slopes: How the loss changes with each vector that a row was added to.
        N: Rows of the table; those that were not used get zeros.
        start: Position of the first vector.

    Raises:
        ValueError: If a position is outside the table.
    """
    T, D = slopes.shape[-2:]
    _check_range(N, T, start)
    gradient = np.zeros((N, D), slopes.dtype)
    gradient[start : start + T] = slopes.reshape(-1, T, D).sum(axis=0)
    return gradient


# --8<-- [end:learned_positions_gradient]
# --8<-- [start:position_ids]
def position_ids(keep: Bool[np.ndarray, "*B T"]) -> Int[np.ndarray, "*B T"]:
    """Number the real tokens of each text 0, 1, 2, ..., wherever its padding stands.

    Args:
        keep: True for a token, False for padding.

    Returns:
        The positions. Padding before the first token gets 0, other padding the one before it.
    """
    return np.maximum(keep.cumsum(axis=-1) - 1, 0)


# --8<-- [end:position_ids]

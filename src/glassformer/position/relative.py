# --8<-- [start:relative_positions]
"""Relative positions: what is learned belongs to a distance, not to a place."""

import math
from operator import index

import numpy as np
from jaxtyping import Float, Integer


def relative_positions(T: int, S: int | None = None) -> Integer[np.ndarray, "T S"]:
    """Return how far each key stands after each query; before it, the number is negative.

    Args:
        T: Number of queries: the last T of the S positions.
        S: Number of keys, cached ones included; T if not given.

    Raises:
        ValueError: If there is no query, or there are fewer keys than queries.
    """
    T, S = check_sizes(T, S)
    position = np.arange(S)
    return position - position[S - T :, None]


# --8<-- [end:relative_positions]
# --8<-- [start:size]
def check_size(name: str, size: object) -> int:
    """Refuse a size such as 2.5, which `np.arange` would take without a word."""
    try:
        return index(size)  # type: ignore[arg-type] # that is what is found out here
    except TypeError:
        raise ValueError(f"expected {name} as a whole number, got {size!r}") from None


def check_sizes(T: object, S: object = None) -> tuple[int, int]:
    """Return the numbers of queries and keys, as many if S is not given; each needs its key."""
    T, S = check_size("T", T), check_size("S", T if S is None else S)
    if not 1 <= T <= S:
        raise ValueError(f"expected at least 1 query and a key for each, got T={T} and S={S}")
    return T, S


# --8<-- [end:size]
# --8<-- [start:relative_position_bucket]
def relative_position_bucket(
    relative_position: Integer[np.ndarray, "*B"],
    *,
    bidirectional: bool = True,
    num_buckets: int = 32,
    max_distance: int = 128,
) -> Integer[np.ndarray, "*B"]:
    """Put distances into buckets: one each while small, then ever more to a bucket.

    Args:
        relative_position: Position of the key minus that of the query.
        bidirectional: Half of the buckets are for keys after the query; else 0 is for these too.
        num_buckets: How many there are in all.
        max_distance: From here on, all distances share the last bucket.

    Raises:
        ValueError: If the buckets do not reach, or distances are no whole numbers.

    Source: Raffel et al. 2020, section 2.1, and their code.
    """
    num_buckets = check_size("num_buckets", num_buckets)
    n = num_buckets // 2 if bidirectional else num_buckets  # for one direction
    if num_buckets != n * (1 + bidirectional) or not 1 <= n // 2 < max_distance:
        expected = "at least 2 buckets a direction, and a maximum distance above half of these"
        raise ValueError(f"expected {expected}, got {num_buckets} and {max_distance}")
    if relative_position.dtype.kind != "i":
        raise ValueError(f"expected signed whole numbers, got {relative_position.dtype}")
    before = np.maximum(-relative_position, 0)
    distance = np.abs(relative_position) if bidirectional else before
    exact = n // 2
    # From `exact` to `max_distance`, equal steps of the logarithm.
    steps = np.log(np.maximum(distance, exact) / exact) / math.log(max_distance / exact)
    wide = exact + np.floor(steps * (n - exact) + 1e-9).astype(int)  # a whole step stays whole
    bucket = np.where(distance < exact, distance, np.minimum(wide, n - 1))
    return bucket + n * ((relative_position > 0) & bidirectional)


# --8<-- [end:relative_position_bucket]
# --8<-- [start:relative_bias]
def relative_bias(
    table: Float[np.ndarray, "R H"],
    T: int,
    S: int | None = None,
    *,
    bidirectional: bool = True,
    max_distance: int = 128,
) -> Float[np.ndarray, "H T S"]:
    """Look up T5's bias: one learned number for each head and bucket of distances.

    Args:
        table: A row for each of R buckets, a column for each head.
        T: Number of queries: the last T of the S positions.
        S: Number of keys, cached ones included; T if not given.
        bidirectional: As in `relative_position_bucket`.
        max_distance: As in `relative_position_bucket`.

    Raises:
        ValueError: If there are fewer keys than queries, or the buckets do not reach.
    """
    _check_table("table (R, H)", table)
    distance = relative_positions(T, S)
    bucket = relative_position_bucket(
        distance, bidirectional=bidirectional, num_buckets=len(table), max_distance=max_distance
    )
    return table[bucket].transpose(2, 0, 1)


# --8<-- [end:relative_bias]
# --8<-- [start:shaw]
def clipped_rows(
    table: Float[np.ndarray, "R K"], T: int, S: int | None = None
) -> Float[np.ndarray, "T S K"]:
    """Look up a vector for each query and key by their distance, the far ones by the farthest.

    Args:
        table: Vectors for the distances -c, ..., c in order: an odd number R = 2c + 1 of them.
        T: Number of queries: the last T of the S positions.
        S: Number of keys, cached ones included; T if not given.

    Raises:
        ValueError: If R is even, or there are fewer keys than queries.

    Source: Shaw et al. 2018, section 3.2.
    """
    _check_table("table (R, K), R odd,", table)
    if len(table) % 2 == 0:
        raise ValueError(f"expected an odd number of vectors, for -c to c, got {len(table)}")
    c = len(table) // 2
    return table[np.clip(relative_positions(T, S), -c, c) + c]


def relative_key_bias(
    q: Float[np.ndarray, "*B T K"], table: Float[np.ndarray, "R K"], S: int | None = None
) -> Float[np.ndarray, "*B T S"]:
    """Compare each query with the vector of its distance to each key: a bias for attention.

    Source: Shaw et al. 2018, equation 4, its second term.
    """
    if q.shape[-1] != table.shape[-1]:
        raise ValueError(f"expected q (*B, T, K), table (R, K), got {q.shape} and {table.shape}")
    rows = clipped_rows(table, q.shape[-2], S)
    products = np.einsum("...tk,tsk->...ts", q, rows)
    return (products / math.sqrt(q.shape[-1])).astype(q.dtype)


def relative_value_sum(
    weights: Float[np.ndarray, "*B T S"], table: Float[np.ndarray, "R M"]
) -> Float[np.ndarray, "*B T M"]:
    """Average the vectors of the distances by the weights: to be added to attention's output.

    Source: Shaw et al. 2018, equation 3, its second term.
    """
    rows = clipped_rows(table, *weights.shape[-2:])
    return np.einsum("...ts,tsm->...tm", weights, rows).astype(weights.dtype)


# --8<-- [end:shaw]
# --8<-- [start:check]
def _check_table(name: str, table: object) -> None:
    """Refuse what has no rows of floats."""
    if not (isinstance(table, np.ndarray) and table.dtype.kind == "f" and table.ndim == 2):
        came = getattr(table, "dtype", type(table).__name__), getattr(table, "shape", "no shape")
        raise ValueError(f"expected {name} of floats, got {came[0]}, {came[1]}")


# --8<-- [end:check]

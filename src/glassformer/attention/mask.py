# --8<-- [start:causal_mask]
"""Masks: which query may look at which key. True means: may look."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Integer

from glassformer.position.relative import check_size, check_sizes


def causal_mask(T: int, S: int | None = None) -> Bool[np.ndarray, "T S"]:
    """Let each query look at its own position and all before it, never after.

    Args:
        T: Number of queries: the last T of the S positions.
        S: Number of keys, cached ones included; T if not given.

    Raises:
        ValueError: If there is no query, or there are fewer keys than queries.
    """
    T, S = check_sizes(T, S)
    position = np.arange(S)
    return position <= position[S - T :, None]


# --8<-- [end:causal_mask]
# --8<-- [start:padding_mask]
def padding_mask(
    lengths: Sequence[int] | Integer[np.ndarray, " B"], S: int
) -> Bool[np.ndarray, "B 1 1 S"]:
    """Let every query look at the first `length` keys of its sequence: the rest is padding.

    The shape broadcasts over heads and queries. Reverse the last axis for padding on the left.

    Args:
        lengths: How many of the S tokens of each sequence are real.
        S: The length to which all were padded.

    Raises:
        ValueError: If the lengths are not a row of whole numbers from 0 to S.
    """
    length, S = np.asarray(lengths), check_size("S", S)
    if length.ndim != 1 or length.size == 0 or length.dtype.kind not in "iu":
        raise ValueError(f"expected a row of whole numbers as lengths, got {lengths!r}")
    if length.min() < 0 or length.max() > S:
        raise ValueError(f"expected lengths from 0 to S={S}, got {length.min()} to {length.max()}")
    return np.arange(S) < length[:, None, None, None]


# --8<-- [end:padding_mask]

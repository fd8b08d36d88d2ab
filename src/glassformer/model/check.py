# --8<-- [start:check]
"""What all models refuse where texts come in: nothing to read, a mask or a table that is none."""

import numpy as np
from jaxtyping import Bool


def text_length(ids: object) -> int:
    """Return T, the number of tokens in each of the texts (*B, T).

    Raises:
        ValueError: If there is none, or `ids` are no array, or a single one.
    """
    if not (isinstance(ids, np.ndarray) and ids.ndim and ids.size):
        raise ValueError(f"expected ids (*B, T) of at least one token, got {ids!r}")
    return ids.shape[-1]


def check_width(name: str, table: np.ndarray, D: int) -> None:
    """Refuse a table whose rows are not D wide: a single number would spread over a vector.

    Raises:
        ValueError: If it is another width.
    """
    if table.shape[1:] != (D,):
        raise ValueError(f"expected {name} of width {D}, got {table.shape}")


def check_mask(name: str, mask: object, shape: tuple[int, ...]) -> None:
    """Refuse a mask of numbers, or one that has not one bool for each token.

    Raises:
        ValueError: If it is one of these.
    """
    if not (isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == shape):
        came = f"{getattr(mask, 'shape', mask)} of {getattr(mask, 'dtype', type(mask).__name__)}"
        raise ValueError(f"expected {name} {shape} of bool, got {came}")


def at_keys(
    name: str, mask: Bool[np.ndarray, "*B S"] | None, shape: tuple[int, ...]
) -> Bool[np.ndarray, "*B 1 1 S"] | None:
    """Shape a mask of tokens so that it hides keys from every head and query; None hides none.

    Raises:
        ValueError: If there is one that does not fit tokens of this shape.
    """
    if mask is None:
        return None
    check_mask(name, mask, shape)
    return mask[..., None, None, :]


# --8<-- [end:check]

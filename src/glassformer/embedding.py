# --8<-- [start:embed]
"""Token embedding: ids become vectors by a lookup; its gradient; how near two vectors are."""

import numpy as np
from jaxtyping import Float, Integer


def embed(
    ids: Integer[np.ndarray, "*B"],
    table: Float[np.ndarray, "V D"],
) -> Float[np.ndarray, "*B D"]:
    """Look up the vector of each token: row `ids[i]` of the table.

    Args:
        ids: Tokens, by their place in the vocabulary.
        table: One row for each token of the vocabulary.

    Raises:
        ValueError: If an id is not in 0..V-1, or is no integer.

    Source: Vaswani et al. 2017, section 3.4, without their factor of the root of D.
    """
    _check_array(table, "table", "floats", dimensions=2)
    _check_ids(ids, V=len(table))
    return table[ids]


# --8<-- [end:embed]
# --8<-- [start:embed_gradient]
def embed_gradient(
    ids: Integer[np.ndarray, "*B"],
    upstream: Float[np.ndarray, "*B D"],
    V: int,
) -> Float[np.ndarray, "V D"]:
    """Send the gradient of each vector back to the row of the table that it came from.

    Args:
        ids: The tokens that were looked up.
        upstream: The gradient of the loss with respect to each vector.
        V: Number of rows of the table.

    Returns:
        The gradient of the table: zero for rows not looked up, a sum for those looked up often.

    Raises:
        ValueError: If an id is not in 0..V-1, or `ids` and `upstream` do not fit.
    """
    _check_ids(ids, V)
    _check_array(upstream, "upstream", "floats")
    if upstream.shape[:-1] != ids.shape or upstream.ndim == 0:
        raise ValueError(
            f"expected ids (*B) and upstream (*B, D), got {ids.shape} and {upstream.shape}"
        )
    # Many small numbers are added up: float16 would lose most of them.
    wide = np.promote_types(upstream.dtype, np.float32)
    gradient = np.zeros((V, upstream.shape[-1]), wide)
    np.add.at(gradient, ids, upstream)  # gradient[ids] += upstream would keep one of each id
    with np.errstate(over="ignore"):  # float16 ends at 65,504
        return gradient.astype(upstream.dtype)


# --8<-- [end:embed_gradient]
# --8<-- [start:cosine_similarity]
def cosine_similarity(
    x: Float[np.ndarray, "T D"],
    y: Float[np.ndarray, "S D"],
) -> Float[np.ndarray, "T S"]:
    """Compare the directions of vectors, whatever their lengths.

    Args:
        x: Vectors, one a row.
        y: The vectors that each of them is compared with.

    Returns:
        The cosine of each angle: 1 for the same direction, 0 for a right angle, -1 for opposite.

    Raises:
        ValueError: If the widths differ, or a vector is zero, NaN or infinite.
    """
    for name, vectors in (("x", x), ("y", y)):
        _check_array(vectors, name, "floats", dimensions=2)
        if not (np.isfinite(vectors).all() and vectors.any(axis=-1).all()):
            raise ValueError(f"expected finite vectors in {name}, none of them zero")
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"expected vectors of one width, got {x.shape} and {y.shape}")
    cosines = _directions(x) @ _directions(y).T
    return np.clip(cosines, -1, 1).astype(np.result_type(x, y))  # rounding may give 1.0000001


def _directions(x: Float[np.ndarray, "T D"]) -> Float[np.ndarray, "T D"]:
    """Divide each vector by its length."""
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    # Largest number first: the squares of very long or short vectors would leave the format.
    wide = wide / np.abs(wide).max(axis=-1, keepdims=True)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)


# --8<-- [end:cosine_similarity]
# --8<-- [start:check]
def _check_array(array: object, name: str, numbers: str, dimensions: int | None = None) -> None:
    """Refuse lists, other libraries' tensors, other kinds of number, other numbers of axes."""
    dtype = getattr(array, "dtype", type(array).__name__)
    kinds = {"floats": "f", "integers": "iu"}[numbers]
    if not (isinstance(array, np.ndarray) and array.dtype.kind in kinds):
        raise ValueError(f"expected {name} as a NumPy array of {numbers}, got {dtype}")
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(f"expected {name} with {dimensions} axes, got shape {array.shape}")


def _check_ids(ids: np.ndarray, V: int) -> None:
    """Refuse ids that name no row; a negative one would silently count from the end."""
    _check_array(ids, "ids", "integers")
    if ids.size and not (ids.min() >= 0 and ids.max() < V):
        raise ValueError(f"expected ids in 0..{V - 1}, got {ids.min()}..{ids.max()}")


# --8<-- [end:check]

# --8<-- [start:weights]
"""Multi-head attention: several attentions side by side, each with projections of its own."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from glassformer.attention.scaled_dot_product import scaled_dot_product_attention


@dataclass(frozen=True)
class MultiHeadWeights:
    """The projections of all heads, side by side, and the one that joins what they found.

    Attributes:
        query: Columns `h*K` to `(h+1)*K` are those of head h; the same in `key` and `value`.
        key: As wide as `query`, unless heads share keys (grouped-query attention).
        value: M columns for each head.
        output: Rows `h*M` to `(h+1)*M` are those of head h.
        query_bias: Added to the queries; each bias may be missing.
        key_bias: Added to the keys.
        value_bias: Added to the values.
        output_bias: Added to the output.
    """

    query: Float[np.ndarray, "D HK"]
    key: Float[np.ndarray, "E GK"]
    value: Float[np.ndarray, "E GM"]
    output: Float[np.ndarray, "HM D"]
    query_bias: Float[np.ndarray, " HK"] | None = None
    key_bias: Float[np.ndarray, " GK"] | None = None
    value_bias: Float[np.ndarray, " GM"] | None = None
    output_bias: Float[np.ndarray, " D"] | None = None


# --8<-- [end:weights]
# --8<-- [start:heads]
def split_heads(x: Float[np.ndarray, "*B T HK"], H: int) -> Float[np.ndarray, "*B H T K"]:
    """Cut every vector into H slices, and give each head its slices, token by token.

    Raises:
        ValueError: If H does not divide the width.
    """
    if x.ndim < 2 or H < 1 or x.shape[-1] % H:
        raise ValueError(f"expected (*B, T, width) of a width that H={H} divides, got {x.shape}")
    *B, T, width = x.shape
    return x.reshape(*B, T, H, width // H).swapaxes(-3, -2)


def merge_heads(x: Float[np.ndarray, "*B H T M"]) -> Float[np.ndarray, "*B T HM"]:
    """Put the slices of all heads side by side again: undoes `split_heads`.

    Raises:
        ValueError: If there is no axis of heads.
    """
    if x.ndim < 3:
        raise ValueError(f"expected (*B, H, T, M), got {x.shape}")
    *B, H, T, M = x.shape
    return x.swapaxes(-3, -2).reshape(*B, T, H * M)


# --8<-- [end:heads]
# --8<-- [start:multi_head_attention]
def project(
    x: Float[np.ndarray, "*B T D"],
    matrix: Float[np.ndarray, "D E"],
    bias: Float[np.ndarray, " E"] | None = None,
) -> Float[np.ndarray, "*B T E"]:
    """Multiply each vector by the matrix, and add the bias if there is one."""
    return x @ matrix if bias is None else x @ matrix + bias


def multi_head_attention(
    x: Float[np.ndarray, "*B T D"],
    weights: MultiHeadWeights,
    H: int,
    mask: Bool[np.ndarray, "... #T T"] | None = None,
    *,
    bias: Float[np.ndarray, "... #T T"] | None = None,
) -> tuple[Float[np.ndarray, "*B T D"], Float[np.ndarray, "*B H T T"]]:
    """Let H heads look at the same words, each in its own way, and join what they found.

    Args:
        x: A vector for each word.
        weights: The projections.
        H: Number of heads.
        mask: True where a word may look; broadcasts to (*B, H, T, T).
        bias: Added to the scores; broadcasts in the same way.

    Returns:
        The new vectors, and the attention weights of every head.

    Raises:
        ValueError: If the weights fit neither each other nor x and H.

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    check_weights(weights, x, x, H, H)
    q = split_heads(project(x, weights.query, weights.query_bias), H)
    k = split_heads(project(x, weights.key, weights.key_bias), H)
    v = split_heads(project(x, weights.value, weights.value_bias), H)
    found, looks = scaled_dot_product_attention(q, k, v, mask, bias=bias)
    return project(merge_heads(found), weights.output, weights.output_bias), looks


# --8<-- [end:multi_head_attention]
# --8<-- [start:check]
def check_weights(
    weights: MultiHeadWeights, x: np.ndarray, source: np.ndarray, H: int, G: int
) -> None:
    """Refuse weights that fit neither each other nor the vectors they are to project.

    Args:
        weights: The projections.
        x: What asks.
        source: What is looked at.
        H: Number of heads.
        G: Number of heads with keys and values of their own.

    Raises:
        ValueError: If a shape or a dtype does not fit.
    """
    arrays = {"x": x, "source": source}
    arrays |= {name: array for name, array in vars(weights).items() if array is not None}
    for name, array in arrays.items():
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            came = getattr(array, "dtype", type(array).__name__)
            raise ValueError(f"expected {name} as a NumPy array of floats, got {came}")
        if array.dtype != x.dtype:  # NumPy would go on in the wider of the two
            raise ValueError(f"expected {name} of the dtype of x, {x.dtype}, got {array.dtype}")
    if H < 1 or G < 1 or H % G:
        raise ValueError(f"expected at least 1 head, and G that divides H, got H={H} and G={G}")
    if min(x.ndim, source.ndim) < 2:
        raise ValueError(f"expected vectors (*B, T, D), got {x.shape} and {source.shape}")
    D, E = x.shape[-1], source.shape[-1]
    K, M = (array.shape[at] // H for array, at in ((weights.query, -1), (weights.output, 0)))
    shapes = {"query": (D, H * K), "key": (E, G * K), "value": (E, G * M), "output": (H * M, D)}
    for name, shape in shapes.items():
        for full, expected in ((name, shape), (f"{name}_bias", shape[1:])):
            if full in arrays and (arrays[full].shape != expected or 0 in expected):
                fit = f"{full} {expected} for H={H}, G={G} and vectors of {D} and {E} numbers"
                raise ValueError(f"expected {fit}, got {arrays[full].shape}")


# --8<-- [end:check]

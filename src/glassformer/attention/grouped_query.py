# --8<-- [start:grouped_query_attention]
"""Grouped-query attention: several heads of queries share one head of keys and values."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from glassformer.attention.multi_head import (
    MultiHeadWeights,
    check_weights,
    merge_heads,
    project,
    split_heads,
)
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention


def repeat_heads(x: Float[np.ndarray, "*B G S K"], H: int) -> Float[np.ndarray, "*B H S K"]:
    """Give each of H heads the keys or values of its group; neighbours form a group.

    Raises:
        ValueError: If the groups do not divide the heads.
    """
    if x.ndim < 3 or x.shape[-3] < 1 or H < 1 or H % x.shape[-3]:
        raise ValueError(f"expected (*B, G, S, K) with G that divides H={H}, got {x.shape}")
    return x.repeat(H // x.shape[-3], axis=-3)


def grouped_query_attention(
    x: Float[np.ndarray, "*B T D"],
    weights: MultiHeadWeights,
    H: int,
    G: int,
    mask: Bool[np.ndarray, "... #T T"] | None = None,
    *,
    bias: Float[np.ndarray, "... #T T"] | None = None,
) -> tuple[Float[np.ndarray, "*B T D"], Float[np.ndarray, "*B H T T"]]:
    """Let H heads look, in G groups; the heads of a group see the same keys and values.

    Args:
        x: A vector for each word.
        weights: The projections; those of keys and values have columns for G heads only.
        H: Number of heads that ask.
        G: Number of heads that are asked. H of them is multi-head attention, 1 multi-query.
        mask: True where a word may look; broadcasts to (*B, H, T, T).
        bias: Added to the scores; broadcasts in the same way.

    Raises:
        ValueError: If the weights fit neither each other nor x, H and G.

    Source: Ainslie et al. 2023; with G = 1 Shazeer 2019.
    """
    check_weights(weights, x, x, H, G)
    q = split_heads(project(x, weights.query, weights.query_bias), H)
    k = split_heads(project(x, weights.key, weights.key_bias), G)
    v = split_heads(project(x, weights.value, weights.value_bias), G)
    found, looks = scaled_dot_product_attention(
        q, repeat_heads(k, H), repeat_heads(v, H), mask, bias=bias
    )
    return project(merge_heads(found), weights.output, weights.output_bias), looks


# --8<-- [end:grouped_query_attention]
# --8<-- [start:cache_bytes]
def cache_bytes(L: int, G: int, K: int, tokens: int = 1, bytes_each: int = 2) -> int:
    """Count the bytes in which a decoder keeps the keys and values of the text so far.

    Args:
        L: Number of layers.
        G: Number of heads of keys and values in a layer.
        K: Width of a key, and of a value.
        tokens: Length of the text.
        bytes_each: Bytes for a number: 2 in a 16-bit format.
    """
    if min(L, G, K, tokens, bytes_each) < 1:
        raise ValueError(f"expected positive numbers, got {(L, G, K, tokens, bytes_each)}")
    return tokens * L * G * (K + K) * bytes_each


# --8<-- [end:cache_bytes]
# --8<-- [start:group_heads]
def group_heads(weights: MultiHeadWeights, H: int, G: int) -> MultiHeadWeights:
    """Turn multi-head weights into grouped ones: keys and values become the mean of a group.

    Not the same function, but a start from which a little training recovers most of it.

    Args:
        weights: Projections for H heads of keys and values.
        H: Number of heads.
        G: Number of groups.

    Raises:
        ValueError: If the groups do not divide the heads, or the heads do not divide a width.

    Source: Ainslie et al. 2023.
    """
    if G < 1 or H % G or any(w.shape[-1] % H for w in (weights.key, weights.value)):
        shapes = f"{weights.key.shape} and {weights.value.shape}"
        raise ValueError(f"expected G that divides H, and H the widths, got {G=}, {H=}, {shapes}")

    def mean(columns: np.ndarray) -> np.ndarray:
        *rows, width = columns.shape
        by_group = columns.reshape(*rows, G, H // G, width // H)
        return by_group.mean(-2, dtype=columns.dtype).reshape(*rows, width // H * G)

    names = ("key", "value", "key_bias", "value_bias")
    found = {name: getattr(weights, name) for name in names}
    return replace(weights, **{name: mean(w) for name, w in found.items() if w is not None})


# --8<-- [end:group_heads]

# --8<-- [start:cross_attention]
"""Cross-attention: the words of one text look at those of another."""

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


def cross_attention(
    x: Float[np.ndarray, "*B T D"],
    source: Float[np.ndarray, "*B S E"],
    weights: MultiHeadWeights,
    H: int,
    mask: Bool[np.ndarray, "... #T S"] | None = None,
) -> tuple[Float[np.ndarray, "*B T D"], Float[np.ndarray, "*B H T S"]]:
    """Let H heads look from each word of one text at all words of another.

    Args:
        x: The words that look: of the text that is being written.
        source: The words that are looked at; they may have another width.
        weights: The projections; those of keys and values fit the source.
        H: Number of heads.
        mask: True where a word may look; broadcasts to (*B, H, T, S). Padding only, as a rule.

    Raises:
        ValueError: If the weights fit neither each other nor x, source and H.

    Source: Vaswani et al. 2017, section 3.2.3.
    """
    check_weights(weights, x, source, H, H)
    return look_up(x, *keys_and_values(source, weights, H), weights, mask)


# --8<-- [end:cross_attention]
# --8<-- [start:once]
def keys_and_values(
    source: Float[np.ndarray, "*B S E"], weights: MultiHeadWeights, H: int
) -> tuple[Float[np.ndarray, "*B H S K"], Float[np.ndarray, "*B H S M"]]:
    """Project the source: once for a text, however many words are then written about it."""
    k = split_heads(project(source, weights.key, weights.key_bias), H)
    return k, split_heads(project(source, weights.value, weights.value_bias), H)


def look_up(
    x: Float[np.ndarray, "*B T D"],
    k: Float[np.ndarray, "*B H S K"],
    v: Float[np.ndarray, "*B H S M"],
    weights: MultiHeadWeights,
    mask: Bool[np.ndarray, "... #T S"] | None = None,
) -> tuple[Float[np.ndarray, "*B T D"], Float[np.ndarray, "*B H T S"]]:
    """Look from each word of x at keys and values that are there already.

    Args:
        x: The words that look.
        k: Keys of the source, from `keys_and_values`.
        v: Its values.
        weights: The projections, of which those of queries and output are used.
        mask: True where a word may look.
    """
    q = split_heads(project(x, weights.query, weights.query_bias), k.shape[-3])
    found, looks = scaled_dot_product_attention(q, k, v, mask)
    return project(merge_heads(found), weights.output, weights.output_bias), looks


# --8<-- [end:once]

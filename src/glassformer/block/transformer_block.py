# --8<-- [start:weights]
"""The Transformer block: look around, then think, each time adding to what is there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from glassformer.attention.multi_head import MultiHeadWeights, multi_head_attention
from glassformer.block.activation import gelu
from glassformer.block.feed_forward import FeedForwardWeights, feed_forward
from glassformer.block.normalization import layer_norm
from glassformer.block.residual import pre_norm


@dataclass(frozen=True)
class BlockWeights:
    """All that one block has learned.

    Attributes:
        attention: The projections of its heads.
        feed_forward: The two matrices that work on each token by itself.
        attention_gain: Of the norm that belongs to attention, as the next.
        attention_bias: Added after that gain.
        feed_forward_gain: Of the norm that belongs to the feed-forward layer, as the next.
        feed_forward_bias: Added after that gain.
    """

    attention: MultiHeadWeights
    feed_forward: FeedForwardWeights
    attention_gain: Float[np.ndarray, " D"]
    attention_bias: Float[np.ndarray, " D"]
    feed_forward_gain: Float[np.ndarray, " D"]
    feed_forward_bias: Float[np.ndarray, " D"]


# --8<-- [end:weights]
# --8<-- [start:transformer_block]
Layer = Callable[[np.ndarray], np.ndarray]


def transformer_block(
    x: Float[np.ndarray, "*B T D"],
    weights: BlockWeights,
    H: int,
    mask: Bool[np.ndarray, "... #T T"] | None = None,
    *,
    connect: Callable[[np.ndarray, Layer, Layer], np.ndarray] = pre_norm,
    activation: Layer = gelu,
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "*B T D"]:
    """Let every token look at the others, then work on each by itself.

    Args:
        x: A vector for each token.
        weights: Made for vectors of this width.
        H: Number of attention heads.
        mask: True where a token may look; everywhere if not given.
        connect: `pre_norm`, or `post_norm` as in the first Transformer.
        activation: That of the feed-forward layer.
        epsilon: Of both norms.

    Raises:
        ValueError: If weights, heads or mask do not fit.

    Source: Vaswani et al. 2017, section 3.1; in pre-norm order, as in GPT-2.
    """

    def attend(x: np.ndarray) -> np.ndarray:
        return multi_head_attention(x, weights.attention, H, mask)[0]

    def attention_norm(x: np.ndarray) -> np.ndarray:
        return layer_norm(x, weights.attention_gain, weights.attention_bias, epsilon)

    def think(x: np.ndarray) -> np.ndarray:
        return feed_forward(x, weights.feed_forward, activation)

    def feed_forward_norm(x: np.ndarray) -> np.ndarray:
        return layer_norm(x, weights.feed_forward_gain, weights.feed_forward_bias, epsilon)

    x = connect(x, attend, attention_norm)
    return connect(x, think, feed_forward_norm)


# --8<-- [end:transformer_block]

# --8<-- [start:weights]
"""A decoder-only Transformer: from the ids of a text to a score for each possible next token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.block.activation import gelu
from glassformer.block.feed_forward import FeedForwardWeights
from glassformer.block.normalization import layer_norm
from glassformer.block.transformer_block import BlockWeights, transformer_block
from glassformer.embedding import embed
from glassformer.logits import unembed
from glassformer.model.check import check_width, text_length
from glassformer.model.weights import each_block, refuse, take, take_blocks, take_pair
from glassformer.position.learned import learned_positions


@dataclass(frozen=True)
class DecoderWeights:
    """All that a decoder has learned.

    Attributes:
        embedding: A vector for each token of the vocabulary.
        position: A vector for each position, up to the longest text.
        blocks: The weights of each block, from the bottom.
        gain: Of the norm after the last block.
        bias: Added after that gain.
        unembedding: What the last vector is compared with; the embedding, if not given.
        unembedding_bias: Added to the scores, if given.
    """

    embedding: Float[np.ndarray, "V D"]
    position: Float[np.ndarray, "N D"]
    blocks: tuple[BlockWeights, ...]
    gain: Float[np.ndarray, " D"]
    bias: Float[np.ndarray, " D"]
    unembedding: Float[np.ndarray, "V D"] | None = None
    unembedding_bias: Float[np.ndarray, " V"] | None = None


# --8<-- [end:weights]
# --8<-- [start:decoder_only]
def decoder_only(
    ids: Integer[np.ndarray, "*B T"],
    weights: DecoderWeights,
    H: int,
    *,
    activation: Callable[[np.ndarray], np.ndarray] = gelu,
) -> Float[np.ndarray, "*B T V"]:
    """Score every token of the vocabulary as the one after each position.

    Args:
        ids: The texts, none of them padded on the left.
        weights: Of a model with learned positions and pre-norm blocks, such as GPT-2.
        H: Number of attention heads in each block.
        activation: Of the feed-forward layers; GPT-2 has `gelu_tanh`.

    Returns:
        The logits; the last row of a text says how it goes on.

    Raises:
        ValueError: If a text is empty or too long, an id is unknown, or the weights do not fit.

    Source: Radford et al. 2019.
    """
    T = text_length(ids)
    check_width("positions", weights.position, weights.embedding.shape[-1])
    x = embed(ids, weights.embedding) + learned_positions(weights.position, T)
    mask = causal_mask(T)
    for block in weights.blocks:
        x = transformer_block(x, block, H, mask, activation=activation)
    x = layer_norm(x, weights.gain, weights.bias)
    table = weights.embedding if weights.unembedding is None else weights.unembedding
    return unembed(x, table, weights.unembedding_bias)


# --8<-- [end:decoder_only]
# --8<-- [start:decoder_weights]
def decoder_weights(state: Mapping[str, np.ndarray]) -> DecoderWeights:
    """Take the weights of our torch twin, as arrays by the names that it gives them.

    Raises:
        ValueError: If a name is missing, or one is not that of a decoder's weight.
    """
    left = dict(state)
    blocks = take_blocks(left, "blocks.{}.")
    embedding, position = take(left, "embedding.weight"), take(left, "position.weight")
    norm = take_pair(left, "norm")
    unembedding = take(left, "unembedding.weight"), take(left, "unembedding.bias")
    refuse(left, "a decoder")
    return DecoderWeights(embedding, position, blocks, *norm, *unembedding)


# --8<-- [end:decoder_weights]
# --8<-- [start:gpt2_weights]
def gpt2_weights(state: Mapping[str, np.ndarray]) -> DecoderWeights:
    """Take the weights of a GPT-2, as arrays by the names under which they are published.

    Names may begin with `transformer.`; stored masks are left out, and so is `lm_head.weight`
    where it is a copy of the embedding.

    Raises:
        ValueError: If a name is missing, or one is not that of a GPT-2's weight.
    """
    stems = {name.removeprefix("transformer."): array for name, array in state.items()}
    unused = (".attn.bias", ".attn.masked_bias")
    left = {name: array for name, array in stems.items() if not name.endswith(unused)}
    blocks = []
    for at in each_block(left, "h.{}."):
        stored = [
            take(left, f"{at}{part}.{kind}")
            for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "ln_1", "ln_2")
            for kind in ("weight", "bias")
        ]
        projections, biases, output, output_bias, up, up_bias, down, down_bias, *norms = stored
        query, key, value = np.split(projections, 3, axis=-1)
        query_bias, key_bias, value_bias = np.split(biases, 3)
        attention = MultiHeadWeights(
            query, key, value, output, query_bias, key_bias, value_bias, output_bias
        )
        feed_forward = FeedForwardWeights(up, down, up_bias, down_bias)
        blocks.append(BlockWeights(attention, feed_forward, *norms))
    names = ("wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias")
    embedding, position, gain, bias = (take(left, name) for name in names)
    own = left.pop("lm_head.weight", embedding)
    refuse(left, "a decoder")
    unembedding = None if np.array_equal(own, embedding) else own
    return DecoderWeights(embedding, position, tuple(blocks), gain, bias, unembedding)


# --8<-- [end:gpt2_weights]

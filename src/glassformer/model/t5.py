# --8<-- [start:weights]
"""T5: the encoder-decoder again, with places told by biases and norms before, not after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer

from glassformer.attention.cross import cross_attention
from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import MultiHeadWeights, multi_head_attention
from glassformer.block.activation import gelu_tanh, relu
from glassformer.block.feed_forward import (
    FeedForwardWeights,
    GatedFeedForwardWeights,
    feed_forward,
    gated_feed_forward,
)
from glassformer.block.normalization import rms_norm
from glassformer.embedding import embed
from glassformer.logits import unembed
from glassformer.model.check import at_keys, text_length
from glassformer.model.weights import drop_copies, each_block, refuse, take, take_matrices
from glassformer.position.relative import relative_bias


@dataclass(frozen=True)
class T5BlockWeights:
    """All that one block of the encoder has learned: no norm and no layer has a bias.

    Attributes:
        attention: The projections of its heads.
        feed_forward: Two matrices in v1.0, three in v1.1, of which one is a gate.
        attention_gain: Of the norm before attention.
        feed_forward_gain: Of the norm before the feed-forward layer.
    """

    attention: MultiHeadWeights
    feed_forward: FeedForwardWeights | GatedFeedForwardWeights
    attention_gain: Float[np.ndarray, " D"]
    feed_forward_gain: Float[np.ndarray, " D"]


@dataclass(frozen=True)
class T5DecoderBlockWeights(T5BlockWeights):
    """A block of the decoder, which also looks at the source.

    Attributes:
        cross: The projections by which it looks there.
        cross_gain: Of the norm before that look.
    """

    cross: MultiHeadWeights
    cross_gain: Float[np.ndarray, " D"]


@dataclass(frozen=True)
class T5Weights:
    """All that a T5 has learned.

    Attributes:
        embedding: A vector for each token of both texts.
        encoder: The weights of each block that reads, from the bottom.
        decoder: Those of each block that writes.
        encoder_bias: What a head adds for each bucket of distances, in every block that reads.
        decoder_bias: The same, in every block that writes.
        encoder_gain: Of the norm after the last block that reads.
        decoder_gain: Of the norm after the last block that writes.
        unembedding: What the last vectors are compared with; the embedding, scaled, if not given.
    """

    embedding: Float[np.ndarray, "V D"]
    encoder: tuple[T5BlockWeights, ...]
    decoder: tuple[T5DecoderBlockWeights, ...]
    encoder_bias: Float[np.ndarray, "R H"]
    decoder_bias: Float[np.ndarray, "R H"]
    encoder_gain: Float[np.ndarray, " D"]
    decoder_gain: Float[np.ndarray, " D"]
    unembedding: Float[np.ndarray, "V D"] | None = None


# --8<-- [end:weights]
# --8<-- [start:encode]
def t5_encode(
    ids: Integer[np.ndarray, "*B S"],
    weights: T5Weights,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    max_distance: int = 128,
    epsilon: float = 1e-6,
) -> Float[np.ndarray, "*B S D"]:
    """Read: make of each token a vector that knows the whole text.

    Args:
        ids: The texts.
        weights: Of any size; their biases have a column for each head.
        mask: True where there is a token, False where there is padding.
        max_distance: From here on, all distances share a bias.
        epsilon: Of all norms.

    Raises:
        ValueError: If a text is empty, an id unknown, or something does not fit.

    Source: Raffel et al. 2020, section 2.1.
    """
    S, H = text_length(ids), weights.encoder_bias.shape[-1]
    keys = at_keys("mask", mask, ids.shape)
    bias = relative_bias(weights.encoder_bias, S, max_distance=max_distance)
    x = embed(ids, weights.embedding)
    for w in weights.encoder:
        y = rms_norm(x, w.attention_gain, epsilon)
        x = x + multi_head_attention(y, _unscaled(w.attention, H), H, keys, bias=bias)[0]
        x = x + _think(rms_norm(x, w.feed_forward_gain, epsilon), w.feed_forward)
    return rms_norm(x, weights.encoder_gain, epsilon)


# --8<-- [end:encode]
# --8<-- [start:parts]
def _unscaled(weights: MultiHeadWeights, H: int) -> MultiHeadWeights:
    """Make queries larger by what attention will divide their scores by: T5 does not divide."""
    K = weights.query.shape[-1] // max(H, 1)  # that there is no head, attention finds
    return replace(weights, query=weights.query * K**0.5)


def _think(
    x: Float[np.ndarray, "*B T D"], weights: FeedForwardWeights | GatedFeedForwardWeights
) -> Float[np.ndarray, "*B T D"]:
    """Work on each token by itself: with ReLU as in v1.0, or with a gate as in v1.1."""
    if isinstance(weights, GatedFeedForwardWeights):
        return gated_feed_forward(x, weights, gelu_tanh)
    return feed_forward(x, weights, relu)


# --8<-- [end:parts]
# --8<-- [start:decode]
def t5_decode(
    decoder_ids: Integer[np.ndarray, "*B T"],
    source: Float[np.ndarray, "*B S D"],
    weights: T5Weights,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    decoder_mask: Bool[np.ndarray, "*B T"] | None = None,
    max_distance: int = 128,
    epsilon: float = 1e-6,
) -> Float[np.ndarray, "*B T V"]:
    """Score every token as the one that is written after each position.

    Args:
        decoder_ids: What is written so far, after a token that begins it: padding, in T5.
        source: What `t5_encode` made of the text to read.
        weights: The same as there.
        mask: True where the text to read has a token.
        decoder_mask: True where what is written has one.
        max_distance: From here on, all distances share a bias.
        epsilon: Of all norms.

    Raises:
        ValueError: If nothing is written, an id is unknown, or something does not fit.
    """
    T, H = text_length(decoder_ids), weights.decoder_bias.shape[-1]
    back, keys = causal_mask(T), at_keys("mask", mask, source.shape[:-1])
    if decoder_mask is not None:
        back = back & at_keys("decoder_mask", decoder_mask, decoder_ids.shape)
    bias = relative_bias(weights.decoder_bias, T, bidirectional=False, max_distance=max_distance)
    x = embed(decoder_ids, weights.embedding)
    for w in weights.decoder:
        y = rms_norm(x, w.attention_gain, epsilon)
        x = x + multi_head_attention(y, _unscaled(w.attention, H), H, back, bias=bias)[0]
        y = rms_norm(x, w.cross_gain, epsilon)
        x = x + cross_attention(y, source, _unscaled(w.cross, H), H, keys)[0]
        x = x + _think(rms_norm(x, w.feed_forward_gain, epsilon), w.feed_forward)
    x = rms_norm(x, weights.decoder_gain, epsilon)
    if weights.unembedding is None:
        return unembed(x * x.shape[-1] ** -0.5, weights.embedding)
    return unembed(x, weights.unembedding)


# --8<-- [end:decode]
# --8<-- [start:t5]
def t5(
    ids: Integer[np.ndarray, "*B S"],
    decoder_ids: Integer[np.ndarray, "*B T"],
    weights: T5Weights,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    decoder_mask: Bool[np.ndarray, "*B T"] | None = None,
    max_distance: int = 128,
    epsilon: float = 1e-6,
) -> Float[np.ndarray, "*B T V"]:
    """Read and write in one go; for the arguments see `t5_encode` and `t5_decode`.

    Raises:
        ValueError: If a text is empty, an id unknown, or something does not fit.
    """
    source = t5_encode(ids, weights, mask, max_distance=max_distance, epsilon=epsilon)
    return t5_decode(
        *(decoder_ids, source, weights, mask),
        decoder_mask=decoder_mask,
        max_distance=max_distance,
        epsilon=epsilon,
    )


# --8<-- [end:t5]
# --8<-- [start:t5_weights]
def t5_weights(state: Mapping[str, np.ndarray]) -> T5Weights:
    """Take the weights of a T5, v1.0 or v1.1, as arrays by the names they are published under.

    Copies of the embedding are left out, and a table of v1.0 that no block looks at. In v1.0 the
    unembedding is such a copy; v1.1, known by its gates, has one of its own.

    Raises:
        ValueError: If a name is missing or not that of a T5's weight, or a copy differs.
    """
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    left = {name: array for name, array in state.items() if name != unused}
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    embedding = drop_copies(left, "shared.weight", copies)
    own = left.pop("lm_head.weight", embedding)
    # The first block of each stack holds the bias of all its blocks.
    first = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    encoder_bias, decoder_bias = take(left, f"encoder.{first}"), take(left, f"decoder.{first}")
    encoder_gain, decoder_gain = (
        take(left, f"{stack}.final_layer_norm.weight") for stack in ("encoder", "decoder")
    )
    encoder = [_take_block(left, at, last=1) for at in each_block(left, "encoder.block.{}.")]
    decoder = []
    for at in each_block(left, "decoder.block.{}."):
        block = _take_block(left, at, last=2)
        cross, gain = _take_attention(left, f"{at}layer.1.", "EncDecAttention")
        decoder.append(T5DecoderBlockWeights(**vars(block), cross=cross, cross_gain=gain))
    refuse(left, "a T5")
    tied = np.array_equal(own, embedding) and not any(".wi_0." in name for name in state)
    return T5Weights(
        *(embedding, tuple(encoder), tuple(decoder)),
        *(encoder_bias, decoder_bias, encoder_gain, decoder_gain),
        unembedding=None if tied else own,
    )


def _take_block(left: dict[str, np.ndarray], at: str, last: int) -> T5BlockWeights:
    """Take what blocks of both stacks have; the feed-forward layer is the last."""
    attention, attention_gain = _take_attention(left, f"{at}layer.0.", "SelfAttention")
    gain = take(left, f"{at}layer.{last}.layer_norm.weight")
    dense = f"{at}layer.{last}.DenseReluDense."
    layer: FeedForwardWeights | GatedFeedForwardWeights
    if f"{dense}wi_0.weight" in left:
        layer = GatedFeedForwardWeights(*take_matrices(left, dense, ("wi_0", "wi_1", "wo")))
    else:
        layer = FeedForwardWeights(*take_matrices(left, dense, ("wi", "wo")))
    return T5BlockWeights(attention, layer, attention_gain, gain)


def _take_attention(
    left: dict[str, np.ndarray], at: str, name: str
) -> tuple[MultiHeadWeights, np.ndarray]:
    """Take four projections, and the gain of the norm before them."""
    parts = [f"{name}.{projection}" for projection in "qkvo"]
    *projections, gain = take_matrices(left, at, (*parts, "layer_norm"))
    return MultiHeadWeights(*projections), gain


# --8<-- [end:t5_weights]

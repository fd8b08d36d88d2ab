# --8<-- [start:weights]
"""The whole encoder-decoder: one stack of blocks reads a text, another writes one about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from glassformer.attention.cross import cross_attention
from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import MultiHeadWeights, multi_head_attention
from glassformer.block.activation import relu
from glassformer.block.feed_forward import feed_forward
from glassformer.block.normalization import layer_norm
from glassformer.block.residual import post_norm
from glassformer.block.transformer_block import BlockWeights, transformer_block
from glassformer.embedding import embed
from glassformer.logits import unembed
from glassformer.model.check import at_keys, check_width, text_length
from glassformer.model.weights import TWIN, drop_copies, refuse, take, take_blocks, take_pair
from glassformer.position.learned import learned_positions
from glassformer.position.sinusoidal import sinusoidal_positions


@dataclass(frozen=True)
class DecoderBlockWeights:
    """All that one block of the decoder has learned.

    Attributes:
        block: What it has in common with a block of the encoder.
        cross: The projections by which it looks at the source.
        cross_gain: Of the norm after that look.
        cross_bias: Added after that gain.
    """

    block: BlockWeights
    cross: MultiHeadWeights
    cross_gain: Float[np.ndarray, " D"]
    cross_bias: Float[np.ndarray, " D"]


@dataclass(frozen=True)
class EncoderDecoderWeights:
    """All that an encoder-decoder has learned.

    Attributes:
        embedding: A vector for each token of both texts, and what the last vectors are compared to.
        encoder: The weights of each block that reads, from the bottom.
        decoder: Those of each block that writes.
        position: A vector for each place; sinusoids if not given.
        unembedding_bias: Added to the scores, if given.
    """

    embedding: Float[np.ndarray, "V D"]
    encoder: tuple[BlockWeights, ...]
    decoder: tuple[DecoderBlockWeights, ...]
    position: Float[np.ndarray, "N D"] | None = None
    unembedding_bias: Float[np.ndarray, " V"] | None = None


# --8<-- [end:weights]
# --8<-- [start:encode]
Layer = Callable[[np.ndarray], np.ndarray]


def encode(
    ids: Integer[np.ndarray, "*B S"],
    weights: EncoderDecoderWeights,
    H: int,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    activation: Layer = relu,
) -> Float[np.ndarray, "*B S D"]:
    """Read: make of each token a vector that knows the whole text.

    Args:
        ids: The texts.
        weights: Of a model with post-norm blocks, such as the original.
        H: Number of attention heads in each block.
        mask: True where there is a token, False where there is padding.
        activation: Of the feed-forward layers.

    Raises:
        ValueError: If a text is empty, an id unknown, or something does not fit.

    Source: Vaswani et al. 2017, section 3.1.
    """
    x, keys = _enter(ids, weights), at_keys("mask", mask, ids.shape)
    for block in weights.encoder:
        x = transformer_block(x, block, H, keys, connect=post_norm, activation=activation)
    return x


# --8<-- [end:encode]
# --8<-- [start:decoder_block]
def decoder_block(
    x: Float[np.ndarray, "*B T D"],
    source: Float[np.ndarray, "*B S D"],
    weights: DecoderBlockWeights,
    H: int,
    mask: Bool[np.ndarray, "... #T T"] | None = None,
    *,
    source_mask: Bool[np.ndarray, "... #T S"] | None = None,
    activation: Layer = relu,
) -> tuple[Float[np.ndarray, "*B T D"], Float[np.ndarray, "*B H T S"]]:
    """Look at what is written, look at the source, then work on each token by itself.

    Args:
        x: A vector for each token written so far.
        source: What the encoder made of the text to read.
        weights: Made for vectors of this width.
        H: Number of attention heads.
        mask: True where a token may look among those written.
        source_mask: True where it may look in the source.
        activation: Of the feed-forward layer.

    Returns:
        The new vectors, and where each head looked in the source.
    """
    w = weights.block
    found, _ = multi_head_attention(x, w.attention, H, mask)
    x = layer_norm(x + found, w.attention_gain, w.attention_bias)
    found, looks = cross_attention(x, source, weights.cross, H, source_mask)
    x = layer_norm(x + found, weights.cross_gain, weights.cross_bias)
    found = feed_forward(x, w.feed_forward, activation)
    return layer_norm(x + found, w.feed_forward_gain, w.feed_forward_bias), looks


# --8<-- [end:decoder_block]
# --8<-- [start:decode]
def decode(
    decoder_ids: Integer[np.ndarray, "*B T"],
    source: Float[np.ndarray, "*B S D"],
    weights: EncoderDecoderWeights,
    H: int,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    decoder_mask: Bool[np.ndarray, "*B T"] | None = None,
    activation: Layer = relu,
) -> tuple[Float[np.ndarray, "*B T V"], list[Float[np.ndarray, "*B H T S"]]]:
    """Score every token as the one that is written after each position.

    Args:
        decoder_ids: What is written so far, after a token that begins it.
        source: What `encode` made of the text to read.
        weights: The same as there.
        H: Number of attention heads in each block.
        mask: True where the text to read has a token.
        decoder_mask: True where what is written has one.
        activation: Of the feed-forward layers.

    Returns:
        The logits, and for each block where its heads looked in the source.
    """
    x, keys = _enter(decoder_ids, weights), at_keys("mask", mask, source.shape[:-1])
    back = causal_mask(decoder_ids.shape[-1])
    if decoder_mask is not None:
        back = back & at_keys("decoder_mask", decoder_mask, decoder_ids.shape)
    maps = []
    for block in weights.decoder:
        x, looks = decoder_block(x, source, block, H, back, source_mask=keys, activation=activation)
        maps.append(looks)
    return unembed(x, weights.embedding, weights.unembedding_bias), maps


# --8<-- [end:decode]
# --8<-- [start:encoder_decoder]
def encoder_decoder(
    ids: Integer[np.ndarray, "*B S"],
    decoder_ids: Integer[np.ndarray, "*B T"],
    weights: EncoderDecoderWeights,
    H: int,
    mask: Bool[np.ndarray, "*B S"] | None = None,
    *,
    decoder_mask: Bool[np.ndarray, "*B T"] | None = None,
    activation: Layer = relu,
) -> Float[np.ndarray, "*B T V"]:
    """Read and write in one go, as in training; for the arguments see `encode` and `decode`.

    Raises:
        ValueError: If a text is empty, an id unknown, or something does not fit.
    """
    source = encode(ids, weights, H, mask, activation=activation)
    return decode(
        decoder_ids, source, weights, H, mask, decoder_mask=decoder_mask, activation=activation
    )[0]


# --8<-- [end:encoder_decoder]
# --8<-- [start:enter]
def _enter(
    ids: Integer[np.ndarray, "*B T"], weights: EncoderDecoderWeights
) -> Float[np.ndarray, "*B T D"]:
    """From ids to the vectors that enter a stack: which token, and where it stands."""
    T, D = text_length(ids), weights.embedding.shape[-1]
    x = embed(ids, weights.embedding) * D**0.5
    if weights.position is not None:
        check_width("positions", weights.position, D)
        return x + learned_positions(weights.position, T)
    return x + sinusoidal_positions(T, D, dtype=x.dtype)


# --8<-- [end:enter]
# --8<-- [start:encoder_decoder_weights]
CROSS = ("cross.query", "cross.key", "cross.value", "cross.output", "cross_norm")
"""How our torch twin calls what a block of the decoder has besides."""


def encoder_decoder_weights(state: Mapping[str, np.ndarray]) -> EncoderDecoderWeights:
    """Take the weights of our torch twin of the original, as arrays by the names it gives them.

    Raises:
        ValueError: If a name is missing, or one is not that of such a model's weight.
    """
    left = dict(state)
    encoder = take_blocks(left, "encoder.blocks.{}.")
    decoder = _take_decoder(left, "decoder.blocks.{}.", TWIN, CROSS)
    embedding = take(left, "embedding.token.weight")
    refuse(left, "an original encoder-decoder")
    return EncoderDecoderWeights(embedding, encoder, decoder)


def _take_decoder(
    left: dict[str, np.ndarray], prefix: str, parts: Sequence[str], cross: Sequence[str]
) -> tuple[DecoderBlockWeights, ...]:
    """Take the weights of the blocks that write; `cross` names what they have besides."""
    decoder = []
    for i, block in enumerate(take_blocks(left, prefix, parts)):
        *projections, norm = (take_pair(left, prefix.format(i) + part) for part in cross)
        attention = MultiHeadWeights(*(w for w, _ in projections), *(b for _, b in projections))
        decoder.append(DecoderBlockWeights(block, attention, *norm))
    return tuple(decoder)


# --8<-- [end:encoder_decoder_weights]
# --8<-- [start:marian_weights]
_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")


def marian_weights(state: Mapping[str, np.ndarray]) -> EncoderDecoderWeights:
    """Take the weights of a Marian translator, as arrays by the names they are published under.

    Its blocks are the original's, with SiLU in place of ReLU. Copies of the embedding are left out.

    Raises:
        ValueError: If a name is missing or not that of a Marian's weight, or a copy differs.
    """
    left = {name.removeprefix("model."): array for name, array in state.items()}
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    embedding = drop_copies(left, "shared.weight", copies)
    own = [f"self_attn.{name}" for name in _ATTENTION]
    parts = (*own, "fc1", "fc2", "self_attn_layer_norm", "final_layer_norm")
    cross = [part.replace("self", "encoder") for part in (*own, "self_attn_layer_norm")]
    encoder = take_blocks(left, "encoder.layers.{}.", parts)
    decoder = _take_decoder(left, "decoder.layers.{}.", parts, cross)
    position, same = (take(left, f"{s}.embed_positions.weight") for s in ("encoder", "decoder"))
    if not np.array_equal(position, same):
        raise ValueError("expected the same positions in encoder and decoder, got two tables")
    bias = take(left, "final_logits_bias")
    refuse(left, "a Marian translator")
    return EncoderDecoderWeights(embedding, encoder, decoder, position, bias[0])


# --8<-- [end:marian_weights]

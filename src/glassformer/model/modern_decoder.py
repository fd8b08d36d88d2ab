# --8<-- [start:weights]
"""A modern decoder: Llama, and with a window Mistral; GPT-2 with five of its parts exchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index

import numpy as np
from jaxtyping import Bool, Float, Integer

from glassformer.attention.grouped_query import repeat_heads
from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import (
    MultiHeadWeights,
    check_weights,
    merge_heads,
    project,
    split_heads,
)
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention
from glassformer.block.feed_forward import GatedFeedForwardWeights, gated_feed_forward
from glassformer.block.normalization import rms_norm
from glassformer.embedding import embed
from glassformer.logits import unembed
from glassformer.model.check import text_length
from glassformer.model.weights import each_block, refuse, take, take_matrices
from glassformer.position.rope import rotary


@dataclass(frozen=True)
class ModernBlockWeights:
    """All that one block has learned: seven matrices and two gains.

    Attributes:
        attention: The projections of its heads; those of keys and values are narrower.
        feed_forward: The three matrices of its gated layer.
        attention_gain: Of the norm before attention.
        feed_forward_gain: Of the norm before the feed-forward layer.
    """

    attention: MultiHeadWeights
    feed_forward: GatedFeedForwardWeights
    attention_gain: Float[np.ndarray, " D"]
    feed_forward_gain: Float[np.ndarray, " D"]


@dataclass(frozen=True)
class ModernDecoderWeights:
    """All that a modern decoder has learned; there is nothing for positions.

    Attributes:
        embedding: A vector for each token of the vocabulary.
        blocks: The weights of each block, from the bottom.
        gain: Of the norm after the last block.
        unembedding: What the last vector is compared with; the embedding, if not given.
    """

    embedding: Float[np.ndarray, "V D"]
    blocks: tuple[ModernBlockWeights, ...]
    gain: Float[np.ndarray, " D"]
    unembedding: Float[np.ndarray, "V D"] | None = None


# --8<-- [end:weights]
# --8<-- [start:rotary_attention]
def rotary_attention(
    x: Float[np.ndarray, "*B T D"],
    weights: MultiHeadWeights,
    H: int,
    G: int,
    mask: Bool[np.ndarray, "... #T T"] | None = None,
    *,
    base: float = 10000.0,
) -> Float[np.ndarray, "*B T D"]:
    """Grouped-query attention whose queries and keys are turned by their positions.

    Args:
        x: A vector for each token.
        weights: The projections.
        H: Number of heads that ask.
        G: Number of heads of keys and values.
        mask: True where a token may look.
        base: Of the speeds of RoPE.

    Raises:
        ValueError: If the weights fit neither each other nor x, H and G, or heads are odd.
    """
    check_weights(weights, x, x, H, G)
    q = rotary(split_heads(project(x, weights.query, weights.query_bias), H), base=base)
    k = rotary(split_heads(project(x, weights.key, weights.key_bias), G), base=base)
    v = split_heads(project(x, weights.value, weights.value_bias), G)
    found, _ = scaled_dot_product_attention(q, repeat_heads(k, H), repeat_heads(v, H), mask)
    return project(merge_heads(found), weights.output, weights.output_bias)


# --8<-- [end:rotary_attention]
# --8<-- [start:modern_decoder]
def modern_decoder(
    ids: Integer[np.ndarray, "*B T"],
    weights: ModernDecoderWeights,
    H: int,
    G: int,
    *,
    window: int | None = None,
    base: float = 10000.0,
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "*B T V"]:
    """Score every token of the vocabulary as the one after each position.

    Args:
        ids: The texts, none of them padded on the left.
        weights: Of a Llama, or of a model built like it.
        H: Number of heads that ask, in each block.
        G: Number of heads of keys and values.
        window: How many positions a token sees in a block, its own included; all, if not given.
        base: Of the speeds of RoPE: 10,000 in Llama 2, 500,000 in Llama 3.
        epsilon: Of all norms: 1e-6 in the first Llama.

    Raises:
        ValueError: If a text is empty, an id or the window is none, or the weights do not fit.

    Source: Touvron et al. 2023; with a window Jiang et al. 2023.
    """
    mask = window_mask(text_length(ids), window)
    x = embed(ids, weights.embedding)
    for block in weights.blocks:
        y = rms_norm(x, block.attention_gain, epsilon)
        x = x + rotary_attention(y, block.attention, H, G, mask, base=base)
        y = rms_norm(x, block.feed_forward_gain, epsilon)
        x = x + gated_feed_forward(y, block.feed_forward)
    x = rms_norm(x, weights.gain, epsilon)
    return unembed(x, weights.embedding if weights.unembedding is None else weights.unembedding)


# --8<-- [end:modern_decoder]
# --8<-- [start:window_mask]
def window_mask(T: int, window: int | None) -> Bool[np.ndarray, "T T"]:
    """Let each position look at the last `window` positions, its own included; None: at all.

    Raises:
        ValueError: If the window is not a whole number of at least 1.

    Source: Jiang et al. 2023.
    """
    mask = causal_mask(T)
    if window is None:
        return mask
    if not hasattr(window, "__index__") or index(window) < 1:
        raise ValueError(f"expected a window of at least 1 position, got {window!r}")
    return mask & ~np.tri(T, k=-index(window), dtype=bool)


# --8<-- [end:window_mask]
# --8<-- [start:llama_weights]
_LLAMA = (
    *("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
    *("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    *("input_layernorm", "post_attention_layernorm"),
)
_TWIN = (
    *("attention.query", "attention.key", "attention.value", "attention.output"),
    *("feed_forward.gate", "feed_forward.up", "feed_forward.down"),
    *("attention_norm", "feed_forward_norm"),
)


def llama_weights(state: Mapping[str, np.ndarray]) -> ModernDecoderWeights:
    """Take the weights of a Llama or Mistral, as arrays by their published names.

    Names may begin with `model.`; stored speeds of RoPE are left out. Heads must be stored for
    pairs of halves, as Hugging Face stores them; nothing in the file tells.

    Raises:
        ValueError: If a name is missing, or one is not that of a Llama's weight.
    """
    stems = {name.removeprefix("model."): array for name, array in state.items()}
    left = {name: w for name, w in stems.items() if not name.endswith(".rotary_emb.inv_freq")}
    return _take(left, ("embed_tokens", "norm", "lm_head"), "layers.{}.", _LLAMA)


def modern_decoder_weights(state: Mapping[str, np.ndarray]) -> ModernDecoderWeights:
    """Take the weights of our torch twin, as arrays by the names that it gives them.

    Raises:
        ValueError: If a name is missing, or one is not that of a modern decoder's weight.
    """
    ends = ("embedding.token", "stack.norm", "head.unembedding")
    return _take(dict(state), ends, "stack.blocks.{}.", _TWIN)


def _take(
    left: dict[str, np.ndarray], ends: Sequence[str], block: str, parts: Sequence[str]
) -> ModernDecoderWeights:
    """Take each weight once, matrices turned to (in, out); refuse what is left."""
    blocks = []
    for at in each_block(left, block):
        *matrices, attention_gain, feed_forward_gain = take_matrices(left, at, parts)
        attention = MultiHeadWeights(*matrices[:4])
        feed_forward = GatedFeedForwardWeights(*matrices[4:])
        blocks.append(
            ModernBlockWeights(attention, feed_forward, attention_gain, feed_forward_gain)
        )
    embedding, norm, unembedding = (f"{end}.weight" for end in ends)
    table, gain, own = take(left, embedding), take(left, norm), left.pop(unembedding, None)
    refuse(left, "a modern decoder")
    return ModernDecoderWeights(table, tuple(blocks), gain, own)


# --8<-- [end:llama_weights]

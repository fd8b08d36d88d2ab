# --8<-- [start:weights]
"""An encoder-only Transformer: each token's vector, after it has seen the whole text."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from glassformer.attention.multi_head import project
from glassformer.block.activation import gelu
from glassformer.block.normalization import layer_norm
from glassformer.block.residual import post_norm, pre_norm
from glassformer.block.transformer_block import BlockWeights, transformer_block
from glassformer.embedding import embed
from glassformer.logits import unembed
from glassformer.model.check import check_mask, check_width, text_length
from glassformer.model.weights import refuse, take, take_blocks, take_pair
from glassformer.position.learned import position_ids


@dataclass(frozen=True)
class TransformWeights:
    """One more layer, which BERT sends vectors through before it guesses hidden tokens.

    Attributes:
        dense: Its matrix.
        dense_bias: Added to its results.
        gain: Of the norm that follows.
        norm_bias: Added after that gain.
    """

    dense: Float[np.ndarray, "D D"]
    dense_bias: Float[np.ndarray, " D"]
    gain: Float[np.ndarray, " D"]
    norm_bias: Float[np.ndarray, " D"]


@dataclass(frozen=True)
class MaskedTokenWeights:
    """What turns the vector of a token into a guess of the token that stood there.

    Attributes:
        table: What vectors are compared with; BERT has the embedding here.
        bias: Added to the scores.
        transform: What the vectors go through first, if anything.
    """

    table: Float[np.ndarray, "V D"]
    bias: Float[np.ndarray, " V"]
    transform: TransformWeights | None = None


@dataclass(frozen=True)
class EncoderWeights:
    """All that an encoder has learned.

    Attributes:
        embedding: A vector for each token of the vocabulary.
        position: A vector for each position, up to the longest text.
        blocks: The weights of each block, from the bottom.
        gain: Of the one norm outside the blocks.
        bias: Added after that gain.
        type: A vector for each type of token, such as question and answer, if there are types.
        head: What guesses hidden tokens, if the model was stored with it.
    """

    embedding: Float[np.ndarray, "V D"]
    position: Float[np.ndarray, "N D"]
    blocks: tuple[BlockWeights, ...]
    gain: Float[np.ndarray, " D"]
    bias: Float[np.ndarray, " D"]
    type: Float[np.ndarray, "types D"] | None = None
    head: MaskedTokenWeights | None = None


# --8<-- [end:weights]
# --8<-- [start:encoder_only]
def encoder_only(
    ids: Integer[np.ndarray, "*B T"],
    weights: EncoderWeights,
    H: int,
    keep: Bool[np.ndarray, "*B T"] | None = None,
    types: Integer[np.ndarray, "*B T"] | None = None,
    *,
    positions: Integer[np.ndarray, "*#B T"] | None = None,
    norm_first: bool = False,
    epsilon: float = 1e-12,
) -> Float[np.ndarray, "*B T D"]:
    """Turn each token into a vector that knows the whole text.

    Args:
        ids: The texts.
        weights: Of a model with learned positions, such as BERT.
        H: Number of attention heads in each block.
        keep: True for a token, False for padding, on either side; all tokens if not given.
        types: The type of each token; 0 if not given.
        positions: Where each token stands; without it, tokens are counted and padding is not.
        norm_first: Whether the blocks are pre-norm; BERT's are not.
        epsilon: Of the norms.

    Returns:
        The vectors; those of padding mean nothing.

    Raises:
        ValueError: If a text is empty or too long, an id is unknown, or something does not fit.

    Source: Devlin et al. 2019.
    """
    keep = _check_keep(ids, keep)
    positions = position_ids(keep) if positions is None else positions
    x = embed(ids, weights.embedding)
    x = x + _lookup("positions", positions, weights.position, x)
    if weights.type is not None:
        x = x + _lookup("types", np.zeros_like(ids) if types is None else types, weights.type, x)
    elif types is not None:
        raise ValueError("expected no types, as the model has no vectors for them")
    connect = pre_norm if norm_first else post_norm
    x = x if norm_first else layer_norm(x, weights.gain, weights.bias, epsilon)
    mask = keep[..., None, None, :]  # every token sees every token, and no padding
    for block in weights.blocks:
        x = transformer_block(x, block, H, mask, connect=connect, epsilon=epsilon)
    return layer_norm(x, weights.gain, weights.bias, epsilon) if norm_first else x


def masked_token_logits(
    x: Float[np.ndarray, "*B D"], head: MaskedTokenWeights, *, epsilon: float = 1e-12
) -> Float[np.ndarray, "*B V"]:
    """Score every token of the vocabulary as the one that stands, or was hidden, at a place.

    Args:
        x: The encoder's vectors at the places asked about.
        head: Learned with the encoder.
        epsilon: Of the norm.

    Raises:
        ValueError: If the shapes do not fit.

    Source: Devlin et al. 2019.
    """
    if (layer := head.transform) is not None:
        x = gelu(project(x, layer.dense, layer.dense_bias))
        x = layer_norm(x, layer.gain, layer.norm_bias, epsilon)
    return unembed(x, head.table, head.bias)


# --8<-- [end:encoder_only]
# --8<-- [start:check]
def _check_keep(
    ids: Integer[np.ndarray, "*B T"], keep: Bool[np.ndarray, "*B T"] | None
) -> Bool[np.ndarray, "*B T"]:
    """Refuse texts without a token: there is nothing to see in them."""
    text_length(ids)
    if keep is None:
        return np.ones(ids.shape, bool)
    check_mask("keep", keep, ids.shape)
    if not keep.any(-1).all():
        raise ValueError("expected at least one token in each text, got one that is all padding")
    return keep


def _lookup(
    name: str, chosen: np.ndarray, table: np.ndarray, like: Float[np.ndarray, "*B T D"]
) -> Float[np.ndarray, "..."]:
    """Look up the vectors of positions or types; refuse those that do not belong to the tokens."""
    *shape, D = like.shape
    whole = isinstance(chosen, np.ndarray) and chosen.dtype.kind in "iu"
    if not (whole and chosen.shape in (tuple(shape), tuple(shape[-1:]))):
        came = f"{getattr(chosen, 'shape', chosen)} of {getattr(chosen, 'dtype', type(chosen))}"
        raise ValueError(f"expected {name} for ids {tuple(shape)}, got {came}")
    check_width(name, table, D)
    if chosen.min() < 0 or chosen.max() >= len(table):
        came = f"{chosen.min()}..{chosen.max()}"
        raise ValueError(f"expected {name} in 0..{len(table) - 1}, got {came}")
    return embed(chosen, table)


# --8<-- [end:check]
# --8<-- [start:bert_weights]
_BERT = (
    *("attention.self.query", "attention.self.key", "attention.self.value"),
    *("attention.output.dense", "intermediate.dense", "output.dense"),
    *("attention.output.LayerNorm", "output.LayerNorm"),
)


def bert_weights(state: Mapping[str, np.ndarray]) -> EncoderWeights:
    """Take the weights of a BERT, as arrays by the names under which they are published.

    Names may begin with `bert.`, and the gains and biases of norms may be called gamma and beta,
    as in the first files. The pooler and the guess of whether one sentence follows the other,
    which only the training used, are left out.

    Raises:
        ValueError: If a name is missing, or one is not that of a BERT's weight.
    """
    unused = ("pooler.", "cls.seq_relationship.", "embeddings.position_ids")
    left: dict[str, np.ndarray] = {}
    for stored, array in state.items():
        name = stored.removeprefix("bert.").replace("LayerNorm.gamma", "LayerNorm.weight")
        if not name.startswith(unused):
            left[name.replace("LayerNorm.beta", "LayerNorm.bias")] = array
    embedding, position, kind = (
        take(left, f"embeddings.{name}_embeddings.weight")
        for name in ("word", "position", "token_type")
    )
    norm = take_pair(left, "embeddings.LayerNorm")
    blocks = take_blocks(left, "encoder.layer.{}.", _BERT)
    head = None
    if any(name.startswith("cls.predictions.") for name in left):
        table = left.pop("cls.predictions.decoder.weight", embedding)  # a copy, unless untied
        bias = left.pop("cls.predictions.bias", None)
        if bias is None or "cls.predictions.decoder.bias" in left:  # the same, unless untied
            bias = take(left, "cls.predictions.decoder.bias")
        dense, dense_norm = (
            take_pair(left, f"cls.predictions.transform.{name}") for name in ("dense", "LayerNorm")
        )
        head = MaskedTokenWeights(table, bias, TransformWeights(*dense, *dense_norm))
    refuse(left, "a BERT")
    return EncoderWeights(embedding, position, blocks, *norm, kind, head)


# --8<-- [end:bert_weights]
# --8<-- [start:encoder_weights]
def encoder_weights(state: Mapping[str, np.ndarray]) -> EncoderWeights:
    """Take the weights of our torch twin, as arrays by the names that it gives them.

    It is pre-norm: pass `norm_first=True`, and its norms' `epsilon=1e-5`, to `encoder_only`.

    Raises:
        ValueError: If a name is missing, or one is not that of an encoder's weight.
    """
    left = dict(state)
    blocks = take_blocks(left, "blocks.{}.")
    embedding, position = take(left, "embedding.weight"), take(left, "position.weight")
    norm = take_pair(left, "norm")
    head = MaskedTokenWeights(take(left, "unembedding.weight"), take(left, "unembedding.bias"))
    refuse(left, "an encoder")
    return EncoderWeights(embedding, position, blocks, *norm, head=head)


# --8<-- [end:encoder_weights]

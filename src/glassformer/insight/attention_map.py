# --8<-- [start:attention_maps]
"""Attention maps, and what to do with them besides looking: replace, silence, weigh, follow."""

import copy
from collections.abc import Iterable
from typing import TypeVar, cast

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.reader import Reader

_Model = TypeVar("_Model", bound=Reader)


def attention_maps(
    model: Reader,
    ids: Int[torch.Tensor, "B T"],
    mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
) -> Float[torch.Tensor, "L B H T T"]:
    """Return where every head looks: its attention weights, each row of which sums to 1.

    Raises:
        ValueError: If the mask lets some position look nowhere.
    """
    maps = model.attention_scores(ids, mask).softmax(-1)
    if maps.isnan().any():
        raise ValueError("expected a mask with True in every row, got a row without")
    return maps


def _blocks(model: Reader) -> list[TransformerBlock]:
    """The blocks, as what they are."""
    return list(cast(Iterable[TransformerBlock], model.blocks))


# --8<-- [end:attention_maps]
# --8<-- [start:without_head]
def without_head(model: _Model, layer: int, head: int) -> _Model:
    """Return a copy of the model in which one head adds nothing.

    Args:
        model: Stays as it is.
        layer: Which layer, from 0.
        head: Which of its heads, from 0.

    Raises:
        ValueError: If there is no such layer or head.
    """
    layers, heads = len(model.blocks), _blocks(model)[0].attention.heads
    if not (0 <= layer < layers and 0 <= head < heads):
        raise ValueError(
            f"expected a layer below {layers} and a head below {heads}, got {layer} and {head}"
        )
    silent = copy.deepcopy(model)
    output = _blocks(silent)[layer].attention.output
    width = output.in_features // heads
    with torch.no_grad():
        output.weight[:, head * width : (head + 1) * width] = 0
    return silent


# --8<-- [end:without_head]
# --8<-- [start:with_maps]
def with_maps(
    model: Reader, ids: Int[torch.Tensor, "B T"], maps: Float[torch.Tensor, "L B H T T"]
) -> Float[torch.Tensor, "B T V"]:
    """Return the logits that the model would give if its heads looked where these maps say.

    Everything else is as ever: values are computed from what reaches them.

    Raises:
        ValueError: If the maps are not those of this model and these ids.
    """
    heads = _blocks(model)[0].attention.heads
    expected = (len(model.blocks), ids.shape[0], heads, ids.shape[1], ids.shape[1])
    if maps.shape != expected:
        raise ValueError(f"expected maps of shape {expected}, got {tuple(maps.shape)}")
    x = model.embed(ids)
    for block, look in zip(_blocks(model), maps, strict=True):
        mixed = look @ _values(block, x)
        x = x + block.attention.output(mixed.transpose(1, 2).flatten(2))
        x = x + block.feed_forward(block.feed_forward_norm(x))
    return model.unembedding(model.norm(x))


def _values(
    block: TransformerBlock, x: Float[torch.Tensor, "B T D"]
) -> Float[torch.Tensor, "B H T K"]:
    """What each head would take from each position."""
    values = block.attention.value(block.attention_norm(x))
    return values.unflatten(-1, (block.attention.heads, -1)).transpose(1, 2)


# --8<-- [end:with_maps]
# --8<-- [start:handed_over]
def handed_over(
    model: Reader,
    ids: Int[torch.Tensor, "B T"],
    mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
) -> Float[torch.Tensor, "L B H T"]:
    """Return how long the vector is that a position hands over to whoever looks at it fully.

    Times the weight it is what arrives: how much a head adds from there.

    Source: Kobayashi et al. 2020.
    """
    lengths = []
    for block, x in zip(_blocks(model), model.stream(ids, mask), strict=False):
        columns = torch.unflatten(block.attention.output.weight, 1, (block.attention.heads, -1))
        added = torch.einsum("bhtk,dhk->bhtd", _values(block, x), columns)
        lengths.append(added.norm(dim=-1))
    return torch.stack(lengths)


# --8<-- [end:handed_over]
# --8<-- [start:rollout]
def rollout(maps: Float[torch.Tensor, "L B H T T"]) -> Float[torch.Tensor, "B T T"]:
    """Return how much of each word is in each position at the end, if maps were all that counts.

    The heads of a layer are averaged, half of a position stays with itself (the residual path),
    and the layers are multiplied.

    Source: Abnar and Zuidema 2020.
    """
    L, B, _, T, _ = maps.shape
    total = torch.eye(T, dtype=maps.dtype).expand(B, T, T)
    for layer in range(L):
        total = (maps[layer].mean(1) + torch.eye(T, dtype=maps.dtype)) / 2 @ total
    return total


# --8<-- [end:rollout]

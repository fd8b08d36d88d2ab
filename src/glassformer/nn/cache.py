"""What a stack is given besides its vectors, refused if it does not fit: cache, source, masks."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float

from glassformer.nn.attention import KeysAndValues


class Cache(NamedTuple):
    """What a decoder keeps of the tokens so far; a step returns a new one.

    Attributes:
        length: Number of tokens so far.
        own: Keys and values of these tokens, for each block.
        source: Keys and values of the text that is read, for each block, if there is one.
        source_mask: True where that text has a token.
    """

    length: int
    own: tuple[KeysAndValues, ...]
    source: tuple[KeysAndValues, ...] = ()
    source_mask: Bool[torch.Tensor, "B 1 1 S"] | None = None


def check_cache(cache: Cache, own: tuple[int, ...], layers: int, *, cross: bool) -> None:
    """Refuse a cache that another model has made, or this one of another batch.

    Args:
        cache: What is to be gone on from.
        own: Shape of the keys and of the values of a block, (B, G, length, K).
        layers: Number of blocks.
        cross: Whether these look at another text.

    Raises:
        ValueError: If the blocks, or the shapes of what they keep, are others.
    """
    read = layers if cross else 0
    wrong = (len(cache.own), len(cache.source)) != (layers, read)
    wrong |= any(part.shape != own for pair in cache.own for part in pair)
    shapes = [part.shape for pair in cache.source for part in pair]
    wrong |= any((*shape[:2], shape[-1]) != (*own[:2], own[-1]) for shape in shapes)
    if wrong:
        came = [tuple(pairs[0][0].shape) for pairs in (cache.own, cache.source) if pairs]
        raise ValueError(
            f"expected a cache of {layers} blocks, {read} with a source, and keys {own}, "
            f"got {len(cache.own)}, {len(cache.source)} and {came}"
        )


def check_source(source: Float[torch.Tensor, "B S D"], x: Float[torch.Tensor, "B T D"]) -> None:
    """Refuse a text to look at that does not belong to the vectors that look.

    Raises:
        ValueError: If batch, width or type is another, or it is empty.
    """
    B, _, D = x.shape
    if source.ndim != 3 or source.shape[::2] != (B, D) or not source.numel():
        raise ValueError(f"expected a source ({B}, S, {D}), got shape {tuple(source.shape)}")
    if source.dtype != x.dtype:
        raise ValueError(f"expected a source of {x.dtype}, got {source.dtype}")


def at_keys(
    name: str, mask: Bool[torch.Tensor, "B S"] | None, x: Float[torch.Tensor, "B S D"] | None
) -> Bool[torch.Tensor, "B 1 1 S"] | None:
    """Shape a mask of tokens so that it hides keys from every head and query.

    Raises:
        ValueError: If it is not of True and False, one for each vector.
    """
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
        came = getattr(mask, "dtype", type(mask).__name__)
        raise ValueError(f"expected {name} as a tensor of bool, got {came}")
    shape = () if x is None else tuple(x.shape[:2])
    if mask.shape != shape:
        raise ValueError(
            f"expected {name} {shape}, one for each vector, got shape {tuple(mask.shape)}"
        )
    return mask[:, None, None, :]

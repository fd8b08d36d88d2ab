# --8<-- [start:take]
"""Weights by their names: out of the dictionary that a model is stored as, each once, none left."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import numpy as np

from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.block.feed_forward import FeedForwardWeights
from glassformer.block.transformer_block import BlockWeights


def take(left: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Take an array out of those that are left.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in left:
        raise ValueError(f"expected weights named {name!r}, got {sorted(left)}")
    return left.pop(name)


def take_pair(left: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Take a layer's weight and its bias; a matrix, stored as (out, in), becomes (in, out).

    Raises:
        ValueError: If one is missing.
    """
    return take(left, f"{name}.weight").T, take(left, f"{name}.bias")


def take_matrices(left: dict[str, np.ndarray], at: str, parts: Sequence[str]) -> list[np.ndarray]:
    """Take the weights of layers that have no bias, all named alike up to `at`; (in, out) each.

    Raises:
        ValueError: If one is missing.
    """
    return [take(left, f"{at}{part}.weight").T for part in parts]


def each_block(left: Mapping[str, np.ndarray], prefix: str) -> Iterator[str]:
    """Say how the names of each block begin, from the bottom, as long as there is one.

    Args:
        left: Those that are left; the caller takes those of a block before the next.
        prefix: The beginning, with {} for the block's number: "blocks.{}.".
    """
    for number in count():
        at = prefix.format(number)
        if not any(name.startswith(at) for name in left):
            return
        yield at


def drop_copies(left: dict[str, np.ndarray], name: str, copies: Sequence[str]) -> np.ndarray:
    """Take an array out, and with it those that are it once more, under other names.

    Raises:
        ValueError: If there is none of that name, or a copy differs.
    """
    array = take(left, name)
    for copy in copies:
        if not np.array_equal(left.pop(copy, array), array):
            raise ValueError(f"expected {copy} as a copy of {name}, got another table")
    return array


def refuse(left: Mapping[str, np.ndarray], model: str) -> None:
    """Refuse weights that nothing has asked for: they would be silently ignored.

    Args:
        left: Those that are left.
        model: What has taken the others, such as "a decoder".

    Raises:
        ValueError: If any are left.
    """
    if left:
        raise ValueError(f"expected only the weights of {model}, got also {sorted(left)}")


# --8<-- [end:take]
# --8<-- [start:take_blocks]
TWIN = (
    *("attention.query", "attention.key", "attention.value", "attention.output"),
    *("feed_forward.up", "feed_forward.down", "attention_norm", "feed_forward_norm"),
)
"""How our torch twin calls the parts of a block."""


def take_blocks(
    left: dict[str, np.ndarray], prefix: str, parts: Sequence[str] = TWIN
) -> tuple[BlockWeights, ...]:
    """Take the weights of all blocks.

    Args:
        left: Arrays by name, matrices as torch stores them; those taken are removed.
        prefix: How the names of a block begin, with {} for its number: "blocks.{}.".
        parts: What follows, for the projections query, key, value and output, the matrices
            up and down, and the norms of attention and feed-forward layer.

    Raises:
        ValueError: If a name is missing.
    """
    blocks = []
    for at in each_block(left, prefix):
        pairs = [take_pair(left, at + part) for part in parts]
        (*projections, up, down), norms = pairs[:6], pairs[6:]
        attention = MultiHeadWeights(*(w for w, _ in projections), *(b for _, b in projections))
        feed_forward = FeedForwardWeights(up[0], down[0], up[1], down[1])
        blocks.append(BlockWeights(attention, feed_forward, *norms[0], *norms[1]))
    return tuple(blocks)


# --8<-- [end:take_blocks]

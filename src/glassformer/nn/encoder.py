"""The smallest whole Transformer: embedding, position, a stack of blocks, scores."""

from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock


class Encoder(torch.nn.Module):
    """Reads a text in both directions and scores every word of the vocabulary at each position.

    Args:
        vocabulary_size: Number of different ids, V.
        width: Size of a vector, D.
        heads: Number of attention heads in a block, H.
        layers: Number of blocks, L.
        length: Longest text, in tokens.
        positions: Whether to add a learned vector for each position.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Raises:
        ValueError: If a size is below 1, or the heads do not divide the width.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        length: int = 32,
        positions: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(vocabulary_size, layers, length) < 1:
            raise ValueError(
                "expected a vocabulary, layers and a length of at least 1, "
                f"got {vocabulary_size}, {layers} and {length}"
            )
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.embedding = _vectors(vocabulary_size, width, spread=0.5)
            self.position = _vectors(length, width, spread=0.2) if positions else None
            self.blocks = torch.nn.ModuleList(TransformerBlock(width, heads) for _ in range(layers))
            self.norm = torch.nn.LayerNorm(width)
            self.unembedding = torch.nn.Linear(width, vocabulary_size)
        self.length = length

    def embed(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: the word's vector plus the position's.

        Raises:
            ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
        """
        check_ids(ids, self.embedding.num_embeddings, self.length)
        x = self.embedding(ids)
        return x if self.position is None else x + self.position.weight[: ids.shape[1]]

    def forward(
        self, ids: Int[torch.Tensor, "B T"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "B T V"]:
        """Score every word of the vocabulary at every position.

        Args:
            ids: The texts.
            mask: True where a position may look; everywhere if not given.
        """
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.unembedding(self.norm(x))

    def attention_scores(
        self, ids: Int[torch.Tensor, "B T"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "L B H T T"]:
        """Return the scores of every head; softmax over the last axis gives its attention map."""
        x = self.embed(ids)
        scores = []
        for block in cast(Iterable[TransformerBlock], self.blocks):
            scores.append(block.attention.scores(block.attention_norm(x), mask))
            x = block(x, mask)
        return torch.stack(scores)


def check_ids(ids: Int[torch.Tensor, "B T"], vocabulary_size: int, length: int | None) -> None:
    """Refuse ids that a model cannot read.

    Raises:
        ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
    """
    if ids.is_floating_point():
        raise ValueError(f"expected whole numbers as ids, got {ids.dtype}")
    too_long = length is not None and ids.shape[-1] > length
    if ids.ndim != 2 or not ids.numel() or too_long:
        most = "" if length is None else f" of at most {length} tokens"
        raise ValueError(f"expected ids (B, T){most}, got shape {tuple(ids.shape)}")
    smallest, largest = int(ids.min()), int(ids.max())
    if smallest < 0 or largest >= vocabulary_size:
        raise ValueError(f"expected ids in 0..{vocabulary_size - 1}, got {smallest}..{largest}")


def _vectors(rows: int, width: int, spread: float) -> torch.nn.Embedding:
    """A table of random vectors, less spread out than torch's, which are of standard deviation 1.

    Small positions above all: with large ones, models more often failed on two words that they
    had never met together.
    """
    table = torch.nn.Embedding(rows, width)
    torch.nn.init.normal_(table.weight, std=spread)
    return table

"""What the smallest encoder and decoder share: a stack of blocks between two tables of vectors."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.embedding import check_ids
from glassformer.nn.position import Angles


class Look(NamedTuple):
    """What decides where a position looks, besides its words: the same in every block.

    Attributes:
        mask: True where a position may look.
        bias: Added to the scores.
        angles: By which queries and keys are turned.
    """

    mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    bias: Float[torch.Tensor, "#H T T"] | None = None
    angles: Angles | None = None


class Reader(torch.nn.Module):
    """Scores every word of the vocabulary at each position of a text.

    A subclass makes the parts, embeds ids and says where a position looks.
    """

    embedding: torch.nn.Embedding
    blocks: torch.nn.ModuleList
    norm: torch.nn.LayerNorm
    unembedding: torch.nn.Linear
    length: int | None

    def embed(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: words, plus positions if those are vectors.

        Raises:
            ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
        """
        check_ids(ids, self.embedding.num_embeddings, self.length)
        return self.embedding(ids)

    def look(
        self,
        x: Float[torch.Tensor, "B T D"],  # noqa: ARG002 - subclasses need its length and type
        mask: Bool[torch.Tensor, "#B #H #T T"] | None,
    ) -> Look:
        """Return what decides where a position looks: here the mask and nothing else."""
        return Look(mask)

    def forward(
        self, ids: Int[torch.Tensor, "B T"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "B T V"]:
        """Score every word of the vocabulary at every position.

        Args:
            ids: The texts.
            mask: True where a position may look; as far as the model can, if not given.
        """
        x = self.embed(ids)
        look = self.look(x, mask)
        for block in self.blocks:
            x = block(x, *look)
        return self.unembedding(self.norm(x))

    def stream(
        self, ids: Int[torch.Tensor, "B T"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "stages B T D"]:
        """Return what enters the first block, and what leaves each: L + 1 stages."""
        states = [self.embed(ids)]
        look = self.look(states[0], mask)
        for block in self.blocks:
            states.append(block(states[-1], *look))
        return torch.stack(states)

    def attention_scores(
        self, ids: Int[torch.Tensor, "B T"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "L B H T T"]:
        """Return the scores of every head; softmax over the last axis gives its attention map."""
        states = self.stream(ids, mask)
        look = self.look(states[0], mask)
        blocks = cast(Iterable[TransformerBlock], self.blocks)
        scores = [
            block.attention.scores(
                block.attention_norm(x), look.mask, look.bias, angles=look.angles
            )
            for block, x in zip(blocks, states[:-1], strict=True)
        ]
        return torch.stack(scores)

"""The smallest Transformer that writes: each position sees itself and what came before."""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.embedding import random_vectors
from glassformer.nn.position import RelativeBias, alibi, rotary_angles, sinusoidal
from glassformer.nn.reader import Look, Reader

Positions = Literal["learned", "sinusoidal", "relative", "rope", "alibi", "none"]


class Decoder(Reader):
    """Reads a text from left to right, scoring every word of the vocabulary as the next one.

    Args:
        vocabulary_size: Number of different ids, V.
        width: Size of a vector, D.
        heads: Number of attention heads in a block, H.
        layers: Number of blocks, L.
        length: Longest text, in tokens, with learned positions; the others have no limit.
        positions: How the model tells where a token stands.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Raises:
        ValueError: If the positions are of no known kind, or the heads do not divide the width.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        length: int = 32,
        positions: Positions = "learned",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if positions not in get_args(Positions):
            raise ValueError(f"expected positions in {get_args(Positions)}, got {positions!r}")
        self.positions, self.heads = positions, heads
        self.length = length if positions == "learned" else None
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.embedding = random_vectors(vocabulary_size, width, spread=0.5)
            self.blocks = torch.nn.ModuleList(TransformerBlock(width, heads) for _ in range(layers))
            self.norm = torch.nn.LayerNorm(width)
            self.unembedding = torch.nn.Linear(width, vocabulary_size)
            # Drawn last, so that the same seed gives the same other weights to every scheme.
            if positions == "learned":
                self.position = random_vectors(length, width, spread=0.2)
            elif positions == "relative":
                self.relative = RelativeBias(heads)

    def embed(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: words, plus positions if those are vectors.

        Raises:
            ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
        """
        x = super().embed(ids)
        if self.positions == "learned":
            return x + self.position.weight[: ids.shape[1]]
        if self.positions == "sinusoidal":
            return x + sinusoidal(*x.shape[1:]).to(x.dtype)
        return x

    def look(
        self, x: Float[torch.Tensor, "B T D"], mask: Bool[torch.Tensor, "#B #H #T T"] | None
    ) -> Look:
        """Return the causal mask, and what positions do to the scores of every block."""
        T, D = x.shape[1:]
        causal = torch.ones(1, 1, T, T, dtype=torch.bool).tril()
        look = Look(causal if mask is None else causal & mask)
        if self.positions == "alibi":
            return look._replace(bias=alibi(self.heads, T).to(x.dtype))
        if self.positions == "relative":
            return look._replace(bias=self.relative(T))
        if self.positions == "rope":
            sin, cos = rotary_angles(torch.arange(T), D // self.heads)
            return look._replace(angles=(sin.to(x.dtype), cos.to(x.dtype)))
        return look

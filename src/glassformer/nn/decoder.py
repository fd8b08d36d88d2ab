"""The smallest Transformer that writes: each position sees itself and what came before."""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.encoder import check_ids
from glassformer.nn.position import RelativeBias, alibi, sinusoidal

Positions = Literal["learned", "sinusoidal", "relative", "rope", "alibi", "none"]


class Decoder(torch.nn.Module):
    """Reads a text from left to right, scoring every word of the vocabulary as the next one.

    Args:
        vocabulary_size: Number of different ids, V.
        width: Size of a vector, D.
        heads: Number of attention heads in a block, H.
        layers: Number of blocks, L.
        length: Longest text, in tokens, with learned positions; the others have no limit.
        positions: How the model tells where a token stands.
        seed: Decides the initial weights; torch's global generator stays as it was.
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
            self.embedding = torch.nn.Embedding(vocabulary_size, width)
            torch.nn.init.normal_(self.embedding.weight, std=0.5)
            rotate = positions == "rope"
            self.blocks = torch.nn.ModuleList(
                TransformerBlock(width, heads, rotate=rotate) for _ in range(layers)
            )
            self.norm = torch.nn.LayerNorm(width)
            self.unembedding = torch.nn.Linear(width, vocabulary_size)
            # Drawn last, so that the same seed gives the same other weights to every scheme.
            if positions == "learned":
                self.position = torch.nn.Embedding(length, width)
                torch.nn.init.normal_(self.position.weight, std=0.2)
            elif positions == "relative":
                self.relative = RelativeBias(heads)

    def embed(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: words, plus positions if those are vectors.

        Raises:
            ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
        """
        check_ids(ids, self.embedding.num_embeddings, self.length)
        x, T = self.embedding(ids), ids.shape[1]
        if self.positions == "learned":
            return x + self.position.weight[:T]
        if self.positions == "sinusoidal":
            return x + sinusoidal(T, x.shape[-1]).to(x.dtype)
        return x

    def forward(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T V"]:
        """Score every word of the vocabulary as the one after each position."""
        x = self.embed(ids)
        mask, bias = self._mask(ids), self._bias(x)
        for block in self.blocks:
            x = block(x, mask, bias)
        return self.unembedding(self.norm(x))

    def _mask(self, ids: Int[torch.Tensor, "B T"]) -> Bool[torch.Tensor, "1 1 T T"]:
        """The causal mask."""
        T = ids.shape[1]
        return torch.ones(1, 1, T, T, dtype=torch.bool).tril()

    def _bias(self, x: Float[torch.Tensor, "B T D"]) -> Float[torch.Tensor, "H T T"] | None:
        """What positions add to the scores of every block, if anything."""
        if self.positions == "alibi":
            return alibi(self.heads, x.shape[1]).to(x.dtype)
        return self.relative(x.shape[1]) if self.positions == "relative" else None

"""The smallest whole Transformer: embedding, position, a stack of blocks, scores."""

import torch
from jaxtyping import Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.embedding import random_vectors
from glassformer.nn.reader import Reader


class Encoder(Reader):
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
            self.embedding = random_vectors(vocabulary_size, width, spread=0.5)
            self.position = random_vectors(length, width, spread=0.2) if positions else None
            self.blocks = torch.nn.ModuleList(TransformerBlock(width, heads) for _ in range(layers))
            self.norm = torch.nn.LayerNorm(width)
            self.unembedding = torch.nn.Linear(width, vocabulary_size)
        self.length = length

    def embed(self, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: the word's vector plus the position's.

        Raises:
            ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
        """
        x = super().embed(ids)
        return x if self.position is None else x + self.position.weight[: ids.shape[1]]

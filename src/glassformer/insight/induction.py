# --8<-- [start:attention_only]
"""Induction heads: the smallest model that grows one, and how to find it."""

from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.decoder import Decoder
from glassformer.nn.position import Angles


class AttentionBlock(torch.nn.Module):
    """The first half of a block: look around, and add what was found."""

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__()
        self.attention_norm = block.attention_norm
        self.attention = block.attention

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
        bias: Float[torch.Tensor, "#H T T"] | None = None,
        angles: Angles | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Look at the other positions."""
        return x + self.attention(self.attention_norm(x), mask, bias, angles=angles)


class AttentionOnly(Decoder):
    """A decoder of nothing but attention, with rotary positions.

    Args:
        vocabulary_size: Number of different ids, V.
        width: Size of a vector, D.
        heads: Number of heads in a layer, H.
        layers: Number of layers, L.
        seed: Decides the initial weights; torch's global generator stays as it was.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        width: int = 32,
        heads: int = 1,
        layers: int = 2,
        seed: int = 0,
    ) -> None:
        if min(vocabulary_size, layers) < 1:
            raise ValueError(
                f"expected a vocabulary and layers of at least 1, got {vocabulary_size}, {layers}"
            )
        sizes = {"width": width, "heads": heads, "layers": layers, "seed": seed}
        super().__init__(vocabulary_size, positions="rope", **sizes)
        blocks = cast(Iterable[TransformerBlock], self.blocks)
        self.blocks = torch.nn.ModuleList(AttentionBlock(block) for block in blocks)


# --8<-- [end:attention_only]
# --8<-- [start:scores]
def previous_token_score(maps: Float[torch.Tensor, "L B H T T"]) -> Float[torch.Tensor, "L H"]:
    """Return how much of its weight each head gives to the token before, on average.

    The first token has none before it, and does not count.

    Raises:
        ValueError: If the texts have fewer than two tokens.
    """
    if maps.shape[-1] < 2:
        raise ValueError(f"expected texts of at least 2 tokens, got {maps.shape[-1]}")
    return maps.diagonal(-1, -2, -1).mean((1, 3))


def induction_score(
    maps: Float[torch.Tensor, "L B H T T"], ids: Int[torch.Tensor, "B T"]
) -> Float[torch.Tensor, "L H"]:
    """Return how much weight each head gives to what followed the same token before, on average.

    Tokens that come for the first time in their text do not count.

    Args:
        maps: Attention weights of causal heads.
        ids: The texts that they were reading.

    Raises:
        ValueError: If no token comes twice in its text.

    Source: Olsson et al. 2022, who call it the prefix matching score.
    """
    followed = (ids[:, :, None] == ids[:, None, :-1]).tril(-1)  # j < t is the same token
    counts = followed.any(-1)
    if not counts.any():
        raise ValueError("expected a token that comes twice in its text, got none")
    weight = (maps[..., 1:] * followed[:, None]).sum(-1)  # of t on j + 1
    return (weight * counts[:, None]).sum((1, 3)) / counts.sum()


# --8<-- [end:scores]

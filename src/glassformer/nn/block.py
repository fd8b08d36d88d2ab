# --8<-- [start:transformer_block]
"""One Transformer block: look around, then think, each time adding to what is there."""

import torch
from jaxtyping import Bool, Float

from glassformer.nn.attention import MultiHeadAttention
from glassformer.nn.feed_forward import FeedForward
from glassformer.nn.position import Angles


class TransformerBlock(torch.nn.Module):
    """A pre-norm block: each half reads a normalized copy and adds its result.

    Args:
        width: Size of a vector, D.
        heads: Number of attention heads, H.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = torch.nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward_norm = torch.nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
        bias: Float[torch.Tensor, "#H T T"] | None = None,
        angles: Angles | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Look at the other positions, then work on each position by itself."""
        x = x + self.attention(self.attention_norm(x), mask, bias, angles)
        return x + self.feed_forward(self.feed_forward_norm(x))


# --8<-- [end:transformer_block]

"""Multi-head self-attention that learns, on torch's fused operator."""

import torch
from jaxtyping import Bool, Float
from torch.nn.functional import scaled_dot_product_attention


class MultiHeadAttention(torch.nn.Module):
    """Several attentions side by side, each over its own slice of the width.

    Args:
        width: Size of a vector, D.
        heads: Number of heads, H; must divide the width.

    Raises:
        ValueError: If the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"expected heads that divide the width {width}, got {heads}")
        self.heads = heads
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.output = torch.nn.Linear(width, width)

    def forward(
        self, x: Float[torch.Tensor, "B T D"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position gather from those it may look at (True in the mask)."""
        q, k, v = (self._split(project(x)) for project in (self.query, self.key, self.value))
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def scores(
        self, x: Float[torch.Tensor, "B T D"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "B H T T"]:
        """Return the scaled scores, which the fused operator keeps to itself.

        Softmax over the last axis turns them into the attention weights.
        """
        q, k = self._split(self.query(x)), self._split(self.key(x))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def _split(self, x: Float[torch.Tensor, "B T D"]) -> Float[torch.Tensor, "B H T K"]:
        """Cut every vector into one slice for each head."""
        B, T, D = x.shape
        return x.view(B, T, self.heads, D // self.heads).transpose(1, 2)

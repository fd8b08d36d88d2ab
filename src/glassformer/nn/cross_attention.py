"""Cross-attention that learns, on torch's fused operator."""

import torch
from jaxtyping import Bool, Float
from torch.nn.functional import scaled_dot_product_attention


class CrossAttention(torch.nn.Module):
    """Several heads that look from one text at another.

    Args:
        width: Size of a vector that looks, D.
        heads: Number of heads, H; must divide the width.
        source_width: Size of a vector that is looked at, E; the same if not given.

    Raises:
        ValueError: If the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, source_width: int | None = None) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"expected heads that divide the width {width}, got {heads}")
        self.heads = heads
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(source_width or width, width)
        self.value = torch.nn.Linear(source_width or width, width)
        self.output = torch.nn.Linear(width, width)

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        source: Float[torch.Tensor, "B S E"],
        mask: Bool[torch.Tensor, "#B #H #T S"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position of x gather from the source (True in the mask: may look)."""
        q, k, v = (
            self._split(project(text))
            for project, text in ((self.query, x), (self.key, source), (self.value, source))
        )
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def scores(
        self,
        x: Float[torch.Tensor, "B T D"],
        source: Float[torch.Tensor, "B S E"],
        mask: Bool[torch.Tensor, "#B #H #T S"] | None = None,
    ) -> Float[torch.Tensor, "B H T S"]:
        """Return the scaled scores; softmax over the last axis gives the attention weights."""
        q, k = self._split(self.query(x)), self._split(self.key(source))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def _split(self, x: Float[torch.Tensor, "B T D"]) -> Float[torch.Tensor, "B H T K"]:
        """Cut every vector into one slice for each head."""
        B, T, D = x.shape
        return x.view(B, T, self.heads, D // self.heads).transpose(1, 2)

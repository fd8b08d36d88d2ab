"""Grouped-query self-attention that learns, on torch's fused operator."""

import torch
from jaxtyping import Bool, Float
from torch.nn.functional import scaled_dot_product_attention


class GroupedQueryAttention(torch.nn.Module):
    """Several heads that ask, in groups that share a head of keys and values.

    Args:
        width: Size of a vector, D.
        heads: Number of heads that ask, H.
        groups: Number of heads of keys and values, G; must divide the heads.
        head_width: Size of a query, a key and a value; width / heads if not given.

    Raises:
        ValueError: If the groups do not divide the heads, or the heads the width.
    """

    def __init__(self, width: int, heads: int, groups: int, head_width: int | None = None) -> None:
        super().__init__()
        if heads < 1 or groups < 1 or heads % groups:
            raise ValueError(f"expected groups that divide the heads, got {groups} and {heads}")
        if head_width is None and width % heads:
            raise ValueError(f"expected heads that divide the width {width}, got {heads}")
        self.head_width = width // heads if head_width is None else head_width
        self.query = torch.nn.Linear(width, heads * self.head_width)
        self.key = torch.nn.Linear(width, groups * self.head_width)
        self.value = torch.nn.Linear(width, groups * self.head_width)
        self.output = torch.nn.Linear(heads * self.head_width, width)

    def forward(
        self, x: Float[torch.Tensor, "B T D"], mask: Bool[torch.Tensor, "#B #H #T T"] | None = None
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position gather from those it may look at (True in the mask)."""
        q, k, v = (
            project(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        return self.output(mixed.transpose(1, 2).flatten(2))

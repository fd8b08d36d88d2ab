"""Multi-head self-attention that learns, on torch's fused operator."""

import torch
from jaxtyping import Bool, Float
from torch.nn.functional import scaled_dot_product_attention

from glassformer.nn.position import rotary


class MultiHeadAttention(torch.nn.Module):
    """Several attentions side by side, each over its own slice of the width.

    Args:
        width: Size of a vector, D.
        heads: Number of heads, H; must divide the width.
        rotate: Whether to turn queries and keys by their positions (RoPE).

    Raises:
        ValueError: If the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, *, rotate: bool = False) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"expected heads that divide the width {width}, got {heads}")
        self.heads = heads
        self.rotate = rotate
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.output = torch.nn.Linear(width, width)

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
        bias: Float[torch.Tensor, "#H T T"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position gather from those it may look at (True in the mask).

        The bias, if any, is added to the scaled scores.

        Raises:
            ValueError: If the mask is not of True and False: numbers would be added to the scores.
        """
        if mask is not None and mask.dtype != torch.bool:
            raise ValueError(f"expected mask as a tensor of bool, got {mask.dtype}")
        q, k = self._queries_and_keys(x)
        v = self._split(self.value(x))
        if bias is not None and mask is not None:
            bias = bias.masked_fill(~mask, -torch.inf)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask if bias is None else bias)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def scores(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
        bias: Float[torch.Tensor, "#H T T"] | None = None,
    ) -> Float[torch.Tensor, "B H T T"]:
        """Return the scaled scores, which the fused operator keeps to itself.

        Softmax over the last axis turns them into the attention weights.
        """
        q, k = self._queries_and_keys(x)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def _queries_and_keys(
        self, x: Float[torch.Tensor, "B T D"]
    ) -> tuple[Float[torch.Tensor, "B H T K"], Float[torch.Tensor, "B H T K"]]:
        """Project to queries and keys, and turn them if they are to be turned."""
        q, k = self._split(self.query(x)), self._split(self.key(x))
        return (rotary(q), rotary(k)) if self.rotate else (q, k)

    def _split(self, x: Float[torch.Tensor, "B T D"]) -> Float[torch.Tensor, "B H T K"]:
        """Cut every vector into one slice for each head."""
        B, T, D = x.shape
        return x.view(B, T, self.heads, D // self.heads).transpose(1, 2)

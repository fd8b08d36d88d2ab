"""Attention that learns, on torch's fused operator: within a text or into another, in groups."""

import torch
from jaxtyping import Bool, Float
from torch.nn.functional import scaled_dot_product_attention

from glassformer.nn.position import Angles, turn

KeysAndValues = tuple[torch.Tensor, torch.Tensor]


class MultiHeadAttention(torch.nn.Module):
    """Several attentions side by side, each over its own slice of the width.

    Args:
        width: Size of a vector that looks, D.
        heads: Number of heads that ask, H.
        groups: Number of heads of keys and values, G; as many as ask if not given.
        head_width: Size of a query, a key and a value, K; width / heads if not given.
        source_width: Size of a vector that is looked at; D if not given.
        bias: Whether the four projections add a bias.
        scaled: Whether scores are divided by the root of K; T5 leaves that to its weights.

    Raises:
        ValueError: If the heads do not divide the width, or the groups the heads.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        groups: int | None = None,
        head_width: int | None = None,
        source_width: int | None = None,
        bias: bool = True,
        scaled: bool = True,
    ) -> None:
        super().__init__()
        if heads < 1 or (head_width is None and width % heads):
            raise ValueError(f"expected heads that divide the width {width}, got {heads}")
        groups = heads if groups is None else groups
        if groups < 1 or heads % groups:
            raise ValueError(f"expected groups that divide the heads, got {groups} and {heads}")
        self.heads, self.groups = heads, groups
        self.head_width = width // heads if head_width is None else head_width
        self.scale = self.head_width**-0.5 if scaled else 1.0
        source_width = source_width or width
        self.query = torch.nn.Linear(width, heads * self.head_width, bias=bias)
        self.key = torch.nn.Linear(source_width, groups * self.head_width, bias=bias)
        self.value = torch.nn.Linear(source_width, groups * self.head_width, bias=bias)
        self.output = torch.nn.Linear(heads * self.head_width, width, bias=bias)

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T S"] | None = None,
        bias: Float[torch.Tensor, "#H T S"] | None = None,
        angles: Angles | None = None,
        *,
        source: Float[torch.Tensor, "B S E"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position gather from those it may look at (True in the mask).

        Args:
            x: What looks, and what is looked at unless there is a source.
            mask: True where a position may look; everywhere if not given.
            bias: Added to the scaled scores.
            angles: By which queries and keys are turned (RoPE), if they are.
            source: What is looked at, if it is another text.

        Raises:
            ValueError: If the mask is not of True and False: it would be added to the scores.
        """
        k, v = self.keys_and_values(x if source is None else source, angles)
        return self.gather(x, k, v, mask, bias, angles=angles)

    def keys_and_values(
        self, source: Float[torch.Tensor, "B S E"], angles: Angles | None = None
    ) -> KeysAndValues:
        """Return what the positions of a text offer, each (B, G, S, K): what a cache keeps."""
        k, v = self._split(self.key(source)), self._split(self.value(source))
        return (k if angles is None else turn(k, *angles)), v

    def gather(
        self,
        x: Float[torch.Tensor, "B T D"],
        k: Float[torch.Tensor, "B G S K"],
        v: Float[torch.Tensor, "B G S K"],
        mask: Bool[torch.Tensor, "#B #H #T S"] | None = None,
        bias: Float[torch.Tensor, "#H T S"] | None = None,
        *,
        angles: Angles | None = None,
        causal: bool = False,
    ) -> Float[torch.Tensor, "B T D"]:
        """Let every position gather from given keys and values, fresh or out of a cache.

        `causal` stands for a causal mask where there is neither mask nor bias, and is faster.
        """
        if mask is not None and mask.dtype != torch.bool:
            raise ValueError(f"expected mask as a tensor of bool, got {mask.dtype}")
        if bias is not None and mask is not None:
            bias = bias.masked_fill(~mask, -torch.inf)
        mixed = scaled_dot_product_attention(
            self._queries(x, angles),
            k,
            v,
            attn_mask=mask if bias is None else bias,
            is_causal=causal,
            scale=self.scale,
            enable_gqa=self.groups != self.heads,
        )
        return self.output(mixed.transpose(1, 2).flatten(2))

    def scores(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "#B #H #T S"] | None = None,
        bias: Float[torch.Tensor, "#H T S"] | None = None,
        angles: Angles | None = None,
        *,
        source: Float[torch.Tensor, "B S E"] | None = None,
    ) -> Float[torch.Tensor, "B H T S"]:
        """Return the scaled scores, which the fused operator keeps to itself.

        Softmax over the last axis turns them into the attention weights.
        """
        k, _ = self.keys_and_values(x if source is None else source, angles)
        k = k.repeat_interleave(self.heads // self.groups, dim=1)
        scores = self._queries(x, angles) @ k.transpose(-2, -1) * self.scale
        if bias is not None:
            scores = scores + bias
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def _queries(
        self, x: Float[torch.Tensor, "B T D"], angles: Angles | None
    ) -> Float[torch.Tensor, "B H T K"]:
        """What each position asks for, turned if it is to be turned."""
        q = self._split(self.query(x))
        return q if angles is None else turn(q, *angles)

    def _split(self, x: Float[torch.Tensor, "B T E"]) -> Float[torch.Tensor, "B N T K"]:
        """Cut every vector into one slice for each head."""
        return x.view(*x.shape[:-1], -1, self.head_width).transpose(1, 2)

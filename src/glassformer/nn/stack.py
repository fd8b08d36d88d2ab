"""A stack of blocks that learns, with the choices of its architecture and with a cache."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.architecture import ACTIVATIONS, Architecture
from glassformer.nn.attention import KeysAndValues, MultiHeadAttention
from glassformer.nn.cache import Cache, at_keys, check_cache, check_source
from glassformer.nn.feed_forward import FeedForward, GatedFeedForward
from glassformer.nn.position import Angles, RelativeBias, rotary_angles


class Look(NamedTuple):
    """What decides where a position looks, besides vectors: the same in every block.

    Attributes:
        mask: True where a position may look.
        bias: Added to the scores.
        angles: By which queries and keys are turned.
        causal: Whether to look back only; in place of a mask.
        source_mask: True where there is something to look at in the text that is read.
    """

    mask: Bool[torch.Tensor, "#B #H T S"] | None
    bias: Float[torch.Tensor, "H T S"] | None
    angles: Angles | None
    causal: bool
    source_mask: Bool[torch.Tensor, "B 1 1 N"] | None


class Block(torch.nn.Module):
    """A block that may normalize before or after, gate, share keys, and look at another text.

    Args:
        architecture: Its sizes and choices.
        cross: Whether it also looks at another text.
    """

    def __init__(self, architecture: Architecture, *, cross: bool = False) -> None:
        super().__init__()
        a = architecture
        self.post_norm = a.post_norm
        self.attention_norm, self.attention = a.make_norm(), self._attention(a)
        if cross:
            self.cross_norm, self.cross = a.make_norm(), self._attention(a)
        self.feed_forward_norm = a.make_norm()
        feed_forward = GatedFeedForward if a.gated else FeedForward
        self.feed_forward = feed_forward(a.width, a.F, ACTIVATIONS[a.activation], bias=a.bias)

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        look: Look,
        past: KeysAndValues | None = None,
        source: KeysAndValues | None = None,
    ) -> tuple[Float[torch.Tensor, "B T D"], KeysAndValues]:
        """Return the vectors after this block, and the keys and values that it made and had."""
        y = x if self.post_norm else self.attention_norm(x)
        k, v = self.attention.keys_and_values(y, look.angles)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        x = x + self.attention.gather(
            y, k, v, look.mask, look.bias, angles=look.angles, causal=look.causal
        )
        x = self.attention_norm(x) if self.post_norm else x
        if source is not None:
            y = x if self.post_norm else self.cross_norm(x)
            x = x + self.cross.gather(y, *source, look.source_mask)
            x = self.cross_norm(x) if self.post_norm else x
        if self.post_norm:
            return self.feed_forward_norm(x + self.feed_forward(x)), (k, v)
        return x + self.feed_forward(self.feed_forward_norm(x)), (k, v)

    def _attention(self, a: Architecture) -> MultiHeadAttention:
        """Attention with the architecture's sizes."""
        return MultiHeadAttention(
            *(a.width, a.heads),
            groups=a.G,
            head_width=a.K,
            bias=a.bias,
            scaled=a.scaled_scores,
        )


class Stack(torch.nn.Module):
    """Blocks one after the other, and with pre-norm blocks a norm after the last.

    Args:
        architecture: The sizes and choices of its blocks.
        layers: Number of blocks.
        causal: Whether positions look back only.
        cross: Whether the blocks also look at another text.
    """

    def __init__(
        self, architecture: Architecture, layers: int, *, causal: bool, cross: bool = False
    ) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.causal, self.cross = causal, cross
        self.blocks = torch.nn.ModuleList(Block(a, cross=cross) for _ in range(layers))
        if a.position == "relative":
            self.relative = RelativeBias(a.heads, a.buckets, a.furthest, both_ways=not causal)
        self.norm = torch.nn.Identity() if a.post_norm else a.make_norm()

    def forward(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "B T"] | None = None,
        *,
        positions: Int[torch.Tensor, "B T"] | None = None,
        source: Float[torch.Tensor, "B S D"] | None = None,
        source_mask: Bool[torch.Tensor, "B S"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Return the vectors after the last block.

        Args:
            x: The vectors that enter.
            mask: True where there is a token, False where there is padding.
            positions: Where each token stands, for RoPE; 0, 1, 2, ... if not given.
            source: The vectors of a text to look at.
            source_mask: True where that text has a token.

        Raises:
            ValueError: If a mask or the source does not fit the vectors.
        """
        look = self._look(x, mask, positions, 0, at_keys("source_mask", source_mask, source))
        for block, found in zip(self._blocks(), self._read(source, x), strict=True):
            x, _ = block(x, look, None, found)
        return self.norm(x)

    def step(
        self,
        x: Float[torch.Tensor, "B T D"],
        cache: Cache | None = None,
        *,
        source: Float[torch.Tensor, "B S D"] | None = None,
        source_mask: Bool[torch.Tensor, "B S"] | None = None,
    ) -> tuple[Float[torch.Tensor, "B T D"], Cache]:
        """Return the vectors of tokens that follow those in the cache, and the cache with them.

        Raises:
            ValueError: If the cache is of another model or batch, or comes with a source.
        """
        a = self.architecture
        if cache is None:
            found = tuple(pair for pair in self._read(source, x) if pair is not None)
            cache = Cache(0, (), found, at_keys("source_mask", source_mask, source))
        elif source is not None or source_mask is not None:
            raise ValueError("expected a source at the first step only, got one besides a cache")
        else:
            check_cache(
                cache, (x.shape[0], a.G, cache.length, a.K), len(self.blocks), cross=self.cross
            )
        look = self._look(x, None, None, cache.length, cache.source_mask)
        own = []
        for i, block in enumerate(self._blocks()):
            past = cache.own[i] if cache.own else None
            x, made = block(x, look, past, cache.source[i] if cache.source else None)
            own.append(made)
        return self.norm(x), cache._replace(length=cache.length + x.shape[1], own=tuple(own))

    def _blocks(self) -> Iterable[Block]:
        """The blocks, as what they are."""
        return cast(Iterable[Block], self.blocks)

    def _read(
        self, source: Float[torch.Tensor, "B S D"] | None, x: Float[torch.Tensor, "B T D"]
    ) -> list[KeysAndValues | None]:
        """What each block looks at in another text."""
        if source is None:
            return [None for _ in self.blocks]
        check_source(source, x)
        return [block.cross.keys_and_values(source) for block in self._blocks()]

    def _look(
        self,
        x: Float[torch.Tensor, "B T D"],
        mask: Bool[torch.Tensor, "B S"] | None,
        positions: Int[torch.Tensor, "B T"] | None,
        start: int,
        source_mask: Bool[torch.Tensor, "B 1 1 N"] | None,
    ) -> Look:
        """What decides where the positions of x look, the first of which is number `start`."""
        a, T = self.architecture, x.shape[1]
        S = start + T
        bias = self.relative(T, S) if a.position == "relative" else None
        narrow = self.causal and a.window is not None and a.window < S
        # The operator's own causal mask is faster; it cannot be combined with another.
        causal = self.causal and mask is None and bias is None and not narrow and start == 0
        allowed = at_keys("mask", mask, x)
        if self.causal and not causal:
            places = torch.arange(S, device=x.device)
            back = places[-T:, None] - places
            seen = (back >= 0) & (back < a.window) if narrow and a.window else back >= 0
            allowed = seen[None, None] if allowed is None else seen & allowed
        angles = None
        if a.position == "rope":
            where = torch.arange(start, S, device=x.device) if positions is None else positions
            sin, cos = rotary_angles(where, a.K, a.rope_base, a.stretch)
            angles = (sin.to(x.dtype), cos.to(x.dtype))
            if positions is not None:
                angles = (angles[0][:, None], angles[1][:, None])  # (B, 1, T, K / 2)
        return Look(allowed, bias, angles, causal, source_mask)

"""Position, for modules that learn: what tells attention where a token stands."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int


def sinusoidal(T: int, width: int, start: int = 0) -> Float[torch.Tensor, "T D"]:
    """Return a vector for each position: the sine and the cosine of every hand's angle, in turn.

    Source: Vaswani et al. 2017, section 3.5.
    """
    return sinusoidal_at(start + torch.arange(T), width)


def sinusoidal_at(
    positions: Int[torch.Tensor, "*B T"], width: int
) -> Float[torch.Tensor, "*B T D"]:
    """Return the same vectors for given positions."""
    return torch.stack(rotary_angles(positions, width), dim=-1).flatten(-2).float()


Angles = tuple[torch.Tensor, torch.Tensor]
"""Sine and cosine of the angles by which RoPE turns: each (T, K / 2), or (B, 1, T, K / 2)."""


@dataclass(frozen=True)
class Stretch:
    """How Llama 3.1 slows RoPE's slowest hands, for texts longer than those of pretraining.

    Attributes:
        factor: By how much they are slowed.
        low: Hands that turn fewer times than this within the old length are slowed fully.
        high: Hands that turn more often than this are left alone; those between, in part.
        length: The old length, in tokens.

    Source: the rope type "llama3" of `transformers`.
    """

    factor: float
    low: float
    high: float
    length: int


def rotary(x: Float[torch.Tensor, "*B T K"], start: int = 0) -> Float[torch.Tensor, "*B T K"]:
    """Turn queries or keys by their positions; number i is paired with number i + K / 2.

    Source: Su et al. 2021, with the pairing of Llama.
    """
    T, K = x.shape[-2:]
    sin, cos = rotary_angles(start + torch.arange(T), K)
    return turn(x, sin.to(x.dtype), cos.to(x.dtype))


def rotary_angles(
    positions: Int[torch.Tensor, "*B T"],
    head_width: int,
    base: float = 10_000.0,
    stretch: Stretch | None = None,
) -> Angles:
    """Return sine and cosine of every hand's angle at every position, in float64.

    Raises:
        ValueError: If the head width is odd.
    """
    if head_width < 2 or head_width % 2:
        raise ValueError(f"expected an even width of at least 2, got {head_width}")
    speeds = base ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    if stretch is not None:
        turns = speeds * stretch.length / (2 * math.pi)
        kept = ((turns - stretch.low) / (stretch.high - stretch.low)).clamp(0, 1)
        speeds = speeds * (kept + (1 - kept) / stretch.factor)
    angles = positions[..., None] * speeds.to(positions.device)
    return angles.sin(), angles.cos()


def turn(
    x: Float[torch.Tensor, "*B T K"],
    sin: Float[torch.Tensor, "*#B T half"],
    cos: Float[torch.Tensor, "*#B T half"],
) -> Float[torch.Tensor, "*B T K"]:
    """Turn each pair of numbers, i and i + K / 2, by its angle."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def alibi(heads: int, T: int) -> Float[torch.Tensor, "H T T"]:
    """Return what each head takes off the scores: its slope for each step of distance.

    Source: Press et al. 2022, section 3.
    """
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * i / power) for i in range(1, power + 1)]
    # For other numbers of heads, every second slope of twice as many: the authors' own code.
    slopes += [2 ** (-4 * i / power) for i in range(1, 2 * power, 2)][: heads - power]
    return -torch.tensor(slopes)[:, None, None] * _distances(T).abs()


def relative_bucket(
    distance: Int[torch.Tensor, "*B"],
    buckets: int = 32,
    furthest: int = 128,
    *,
    both_ways: bool = False,
) -> Int[torch.Tensor, "*B"]:
    """Number the distances back: the nearest each on its own, the others in ever wider groups.

    Distances ahead (below 0) share bucket 0, or have the upper half of the buckets to themselves
    if it is to be both ways.

    Source: Raffel et al. 2020, section 2.1, and the authors' code.
    """
    if both_ways:
        ahead = (distance < 0) * (buckets // 2)
        return ahead + relative_bucket(distance.abs(), buckets // 2, furthest)
    distance = distance.clamp(min=0)
    alone = buckets // 2
    ratio = (distance.clamp(min=1) / alone).log() / math.log(furthest / alone)
    grouped = alone + (ratio * (buckets - alone)).long()
    return torch.where(distance < alone, distance, grouped.clamp(max=buckets - 1))


class RelativeBias(torch.nn.Module):
    """A learned number for each head and each bucket of distances, added to the scores.

    Args:
        heads: Number of heads, H.
        buckets: Number of groups of distances.
        furthest: From this distance on, all share the last bucket.
        both_ways: Whether distances ahead have buckets of their own, as in an encoder.
    """

    def __init__(
        self, heads: int, buckets: int = 32, furthest: int = 128, *, both_ways: bool = False
    ) -> None:
        super().__init__()
        self.furthest, self.both_ways = furthest, both_ways
        self.table = torch.nn.Embedding(buckets, heads)
        torch.nn.init.zeros_(self.table.weight)

    def forward(self, T: int, S: int | None = None) -> Float[torch.Tensor, "H T S"]:
        """Return the bias of every head for the last T of S positions; all of them if not given."""
        distance = _distances(T, S).to(self.table.weight.device)
        bucket = relative_bucket(
            distance, self.table.num_embeddings, self.furthest, both_ways=self.both_ways
        )
        return self.table(bucket).permute(2, 0, 1)


def _distances(T: int, S: int | None = None) -> Int[torch.Tensor, "T S"]:
    """How far each of S keys is back from each of the last T queries; negative ahead."""
    places = torch.arange(T if S is None else S)
    return places[-T:, None] - places

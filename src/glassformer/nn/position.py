"""Position, for modules that learn: what tells attention where a token stands."""

import math

import torch
from jaxtyping import Float, Int


def sinusoidal(T: int, width: int, start: int = 0) -> Float[torch.Tensor, "T D"]:
    """Return a vector for each position: the sine and the cosine of every hand's angle, in turn.

    Source: Vaswani et al. 2017, section 3.5.
    """
    angles = _angles(T, width, start)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


def rotary(x: Float[torch.Tensor, "*B T K"], start: int = 0) -> Float[torch.Tensor, "*B T K"]:
    """Turn queries or keys by their positions; number i is paired with number i + K / 2.

    Source: Su et al. 2021, with the pairing of Llama.
    """
    T, K = x.shape[-2:]
    angles = _angles(T, K, start)
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
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
    distance: Int[torch.Tensor, "*B"], buckets: int = 32, furthest: int = 128
) -> Int[torch.Tensor, "*B"]:
    """Number the distances back: the nearest each on its own, the others in ever wider groups.

    Source: Raffel et al. 2020, for a decoder; distances ahead share bucket 0.
    """
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
    """

    def __init__(self, heads: int, buckets: int = 32, furthest: int = 128) -> None:
        super().__init__()
        self.furthest = furthest
        self.table = torch.nn.Embedding(buckets, heads)
        torch.nn.init.zeros_(self.table.weight)

    def forward(self, T: int) -> Float[torch.Tensor, "H T T"]:
        """Return the bias of every head for T positions."""
        bucket = relative_bucket(_distances(T), self.table.num_embeddings, self.furthest)
        return self.table(bucket).permute(2, 0, 1)


def _angles(T: int, width: int, start: int) -> Float[torch.Tensor, "T half"]:
    """How far each hand has turned at each position, in float64."""
    if width < 2 or width % 2:
        raise ValueError(f"expected an even width of at least 2, got {width}")
    speeds = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return (start + torch.arange(T))[:, None] * speeds


def _distances(T: int) -> Int[torch.Tensor, "T T"]:
    """How far each key is back from each query; negative ahead."""
    places = torch.arange(T)
    return places[:, None] - places

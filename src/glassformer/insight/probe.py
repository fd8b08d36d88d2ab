# --8<-- [start:fit_probe]
"""Linear probes: what can be read from vectors, and what changes when it is taken out of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.block import TransformerBlock
from glassformer.nn.reader import Reader


@dataclass(frozen=True)
class Probe:
    """A score for each of C classes, linear in a vector.

    Attributes:
        weight: What each number of a vector adds to each score.
        bias: What each score is without.
    """

    weight: Float[torch.Tensor, "D C"]
    bias: Float[torch.Tensor, " C"]

    def __call__(self, x: Float[torch.Tensor, "*N D"]) -> Float[torch.Tensor, "*N C"]:
        """Return the scores; the largest one is the probe's answer."""
        return x @ self.weight + self.bias


def fit_probe(
    x: Float[torch.Tensor, "N D"], labels: Int[torch.Tensor, " N"], ridge: float = 1e-3
) -> Probe:
    """Fit a probe whose answer is the class with the nearest mean (linear discriminant analysis).

    Distances are measured in units of the spread within the classes; frequent classes come nearer.

    Args:
        x: The vectors, which stay as they are: only the probe learns.
        labels: The class of each, from 0.
        ridge: Added to the spread in all directions, in units of the mean variance.

    Raises:
        ValueError: If there is no vector, or numbers, labels or ridge make no sense.
    """
    _check(x, labels)
    if not 0 < ridge < np.inf:
        raise ValueError(f"expected a positive ridge, got {ridge}")
    is_class = torch.nn.functional.one_hot(labels).double()
    counts = is_class.sum(0)
    middle = x.double().mean(0)
    centred = x.double() - middle
    means = is_class.T @ centred / counts.clamp(min=1)[:, None]
    within = centred - means[labels]
    spread = within.T @ within / len(x)
    spread.diagonal().add_(ridge * (centred.square().mean().item() or 1.0))
    weight = torch.linalg.solve(spread, means.T)
    bias = (counts / len(x)).log() - (means.T * weight).sum(0) / 2 - middle @ weight
    return Probe(weight.to(x.dtype), bias.to(x.dtype))


def accuracy(probe: Probe, x: Float[torch.Tensor, "N D"], labels: Int[torch.Tensor, " N"]) -> float:
    """Return the share of vectors whose class has the largest score.

    Raises:
        ValueError: If there is no vector, or numbers or labels make no sense.
    """
    _check(x, labels)
    return float((probe(x).argmax(-1) == labels).double().mean())


# --8<-- [end:fit_probe]
# --8<-- [start:check]
def _check(x: torch.Tensor, labels: torch.Tensor) -> None:
    """Refuse what cannot be probed."""
    if x.ndim != 2 or labels.shape != x.shape[:1] or not x.numel():
        shapes = f"{tuple(x.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected vectors (N, D) and labels (N,), N at least 1, got {shapes}")
    if not x.is_floating_point() or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"expected floats and whole labels, got {x.dtype} and {labels.dtype}")
    if not x.isfinite().all():
        raise ValueError("expected finite vectors, got NaN or infinity")
    if labels.min() < 0:
        raise ValueError(f"expected labels from 0, got {int(labels.min())}")


# --8<-- [end:check]
# --8<-- [start:control_labels]
def control_labels(
    words: Int[torch.Tensor, " N"], labels: Int[torch.Tensor, " N"], rng: np.random.Generator
) -> Int[torch.Tensor, " N"]:
    """Give every word one label at random, the same wherever it stands.

    Args:
        words: The id of the word at each place.
        labels: The true labels; each random one is drawn from them, so that they are as frequent.
        rng: Source of all randomness.

    Raises:
        ValueError: If there is no word, or not one label for each.

    Source: Hewitt and Liang 2019, section 2.
    """
    if words.ndim != 1 or words.shape != labels.shape or not len(words):
        shapes = f"{tuple(words.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected as many words as labels, at least 1, got {shapes}")
    kinds, kind = np.unique(words.cpu().numpy(), return_inverse=True)
    drawn = rng.integers(len(labels), size=len(kinds))
    return labels[torch.from_numpy(drawn[kind])]


# --8<-- [end:control_labels]
# --8<-- [start:intervene]
def mean_directions(
    x: Float[torch.Tensor, "N D"], labels: Int[torch.Tensor, " N"]
) -> Float[torch.Tensor, "D K"]:
    """Return orthonormal directions that span all differences between the means of the classes.

    Raises:
        ValueError: If there is no vector, or numbers or labels make no sense.
    """
    _check(x, labels)
    present = np.unique(labels.cpu().numpy()).tolist()
    means = torch.stack([x[labels == label].double().mean(0) for label in present])
    _, sizes, directions = torch.linalg.svd(means - means.mean(0), full_matrices=False)
    kept = sizes > 1e-6 * sizes.sum()  # the differences span one dimension fewer than the classes
    return directions[kept].T.to(x.dtype)


def move(
    x: Float[torch.Tensor, "*N D"],
    directions: Float[torch.Tensor, "D K"],
    middle: Float[torch.Tensor, " D"],
    factor: float = 0.0,
) -> Float[torch.Tensor, "*N D"]:
    """Scale the part of each vector that lies along some directions, seen from the middle.

    Args:
        x: The vectors.
        directions: Orthonormal.
        middle: What stays where it is.
        factor: 0 takes the part away, -1 turns it over, 1 changes nothing.
    """
    along = (x - middle) @ directions
    return x + (factor - 1) * along @ directions.T


def resume(
    model: Reader,
    x: Float[torch.Tensor, "B T D"],
    stage: int,
    mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
) -> Float[torch.Tensor, "B T V"]:
    """Read on from the middle of a model: the scores that it would end with.

    Args:
        model: Whose blocks read on.
        x: Vectors to read on from, such as an entry of its `stream`, changed or not.
        stage: How many blocks they have been through.
        mask: True where a position may look.

    Raises:
        ValueError: If the model has no such stage.
    """
    if not 0 <= stage <= len(model.blocks):
        raise ValueError(f"expected a stage from 0 to {len(model.blocks)}, got {stage}")
    look = model.look(x, mask)
    for block in cast(Iterable[TransformerBlock], model.blocks[stage:]):
        x = block(x, *look)
    return model.unembedding(model.norm(x))


# --8<-- [end:intervene]

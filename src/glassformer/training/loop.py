# --8<-- [start:fit]
"""The smallest training loop: measure the loss on a batch, step downhill, repeat."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch.optim.lr_scheduler import LinearLR

_Model = TypeVar("_Model", bound=torch.nn.Module)
_Batch = TypeVar("_Batch")


def fit(
    model: _Model,
    loss: Callable[[_Model, _Batch], torch.Tensor],
    batches: Sequence[_Batch],
    learning_rate: float,
    *,
    warm_up: int = 0,
) -> list[float]:
    """Take one step of Adam (Kingma and Ba 2015) for each batch, changing the model in place.

    Args:
        model: What learns.
        loss: How wrong the model is on a batch: one number, to be made small.
        batches: What it learns from, in this order; nothing here is random.
        learning_rate: Size of the first step; from there it falls in a straight line to zero.
        warm_up: Number of steps in which it first rises, from nearly nothing to that line.

    Returns:
        The loss at each step.

    Raises:
        ValueError: If there is no batch, or a loss is not finite.
    """
    if not batches:
        raise ValueError("expected at least one batch, got none")
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    schedules = [LinearLR(optimizer, 1.0, 0.0, total_iters=len(batches))]
    if warm_up:  # the two factors are multiplied
        schedules.append(LinearLR(optimizer, 1 / warm_up, 1.0, total_iters=warm_up - 1))
    losses = []
    for step, batch in enumerate(batches):
        value = loss(model, batch)
        if not math.isfinite(value.item()):
            raise ValueError(f"expected a finite loss, got {value.item()} at step {step}")
        optimizer.zero_grad()
        torch.autograd.backward(value)
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        losses.append(value.item())
    return losses


# --8<-- [end:fit]

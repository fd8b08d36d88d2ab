"""The training loop: against the equations of Adam, and by what it leaves alone."""

import math

import pytest
import torch

from glassformer.training.loop import fit

Batch = tuple[torch.Tensor, torch.Tensor]


def squared_error(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Mean of the squared differences from the truth."""
    x, truth = batch
    return (model(x) - truth).square().mean()


def data(steps: int) -> list[Batch]:
    """Batches of a linear relation, the same on each call."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(steps, 16, 3, generator=generator, dtype=torch.float64)
    return [(part, part @ torch.tensor([[1.0], [-2.0], [3.0]]).double()) for part in x]


def linear() -> torch.nn.Linear:
    """A linear map that begins at zero."""
    model = torch.nn.Linear(3, 1, dtype=torch.float64)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("warm_up", [0, 1, 7])
def test_steps_are_those_of_adam_with_a_rate_that_rises_and_falls(warm_up: int) -> None:
    """Losses and weights are those of the equations in Kingma and Ba 2015, algorithm 1."""
    model, batches, rate = linear(), data(30), 0.1
    losses = fit(model, squared_error, batches, rate, warm_up=warm_up)

    w = torch.zeros(4, dtype=torch.float64)  # three weights and the bias
    mean, square = torch.zeros_like(w), torch.zeros_like(w)
    expected = []
    for step, (x, truth) in enumerate(batches):
        inputs = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
        error = inputs @ w - truth[:, 0]
        expected.append(error.square().mean().item())
        gradient = 2 * inputs.T @ error / len(x)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        unbiased = mean / (1 - 0.9 ** (step + 1))
        scale = (square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
        rise = min((step + 1) / warm_up, 1) if warm_up else 1
        w = w - rate * rise * (1 - step / len(batches)) * unbiased / scale
    assert losses == pytest.approx(expected, rel=1e-9)  # float64, another order of operations
    assert torch.cat([model.weight[0], model.bias]).tolist() == pytest.approx(w.tolist(), rel=1e-9)


def test_a_few_examples_are_learned_by_heart() -> None:
    """On one small batch, over and over, the loss goes to nothing."""
    losses = fit(linear(), squared_error, data(1) * 300, 0.1)
    assert losses[0] > 1
    assert losses[-1] < 1e-4


def test_nothing_is_random() -> None:
    """Two runs agree bit by bit, and torch's global generator stays as it was."""
    models, batches = [linear(), linear()], data(20)
    before = torch.get_rng_state()
    first, second = (fit(model, squared_error, batches, 0.1) for model in models)
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_frozen_stays() -> None:
    """A parameter without gradient is not moved."""
    model = linear()
    model.bias.requires_grad_(False)
    fit(model, squared_error, data(5), 0.1)
    assert model.bias.item() == 0
    assert model.weight.abs().min() > 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_training(bad: float) -> None:
    """The error names the step, and the weights are those of the step before."""
    model, batches = linear(), data(3)
    with pytest.raises(ValueError, match=f"expected a finite loss, got {bad} at step 2"):
        fit(model, squared_error, [*batches[:2], (batches[2][0], batches[2][1] + bad)], 0.1)
    assert model.weight.isfinite().all()


def test_no_batches_are_refused() -> None:
    """Training on nothing is a mistake, not a silent success."""
    with pytest.raises(ValueError, match="expected at least one batch, got none"):
        fit(linear(), squared_error, [], 0.1)

"""Feed-forward layers that learn: two linear layers with a bend between them, plain and gated."""

from collections.abc import Callable

import torch
from jaxtyping import Float

Activation = Callable[[torch.Tensor], torch.Tensor]


class FeedForward(torch.nn.Module):
    """Works on each position by itself: up to many units, a bend, and back.

    Args:
        width: Size of a vector, D.
        units: Number of units, F; 4 D if not given.
        activation: The bend.
        bias: Whether both layers add a bias.
    """

    def __init__(
        self,
        width: int,
        units: int | None = None,
        activation: Activation = torch.nn.functional.gelu,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        units = 4 * width if units is None else units
        self.up = torch.nn.Linear(width, units, bias=bias)
        self.down = torch.nn.Linear(units, width, bias=bias)
        self.activation = activation

    def forward(self, x: Float[torch.Tensor, "*B D"]) -> Float[torch.Tensor, "*B D"]:
        """Return what is to be added to each position."""
        return self.down(self.activation(self.up(x)))


class GatedFeedForward(torch.nn.Module):
    """The same with a second matrix, whose output is multiplied by the bend's.

    Args:
        width: Size of a vector, D.
        units: Number of units, F; 8 D / 3 if not given, for as many weights as the plain layer.
        activation: The bend of the gate: SiLU makes it SwiGLU.
        bias: Whether the three layers add a bias.
    """

    def __init__(
        self,
        width: int,
        units: int | None = None,
        activation: Activation = torch.nn.functional.silu,
        *,
        bias: bool = False,
    ) -> None:
        super().__init__()
        units = round(8 * width / 3) if units is None else units
        self.gate = torch.nn.Linear(width, units, bias=bias)
        self.up = torch.nn.Linear(width, units, bias=bias)
        self.down = torch.nn.Linear(units, width, bias=bias)
        self.activation = activation

    def forward(self, x: Float[torch.Tensor, "*B D"]) -> Float[torch.Tensor, "*B D"]:
        """Return what is to be added to each position."""
        return self.down(self.activation(self.gate(x)) * self.up(x))

"""What the tests of whole models share: weights drawn so that no mistake hides, as arrays."""

from typing import Any

import numpy as np
import torch


def arrays(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """A model's weights, by their names in torch."""
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def shaken(model: Any, *, apart_from: str = "") -> Any:
    """The model with all weights drawn anew, except those with a given part in their name.

    Biases start at 0 and gains at 1, where a mistake may hide; spread wide, attention is not flat.
    """
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if not apart_from or apart_from not in name:
            torch.nn.init.normal_(weight, mean=float(weight.ndim == 1) / 2, std=0.2)
    return model.eval()

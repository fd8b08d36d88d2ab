"""The models that the tests of insight look into."""

from typing import Any

import torch

from glassformer.nn.reader import Reader


def spread(made: Reader, std: float) -> Any:
    """The model with weights that are all large and none special, so that no mistake hides."""
    torch.manual_seed(0)
    made.double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1) / 2, std=std)
    return made

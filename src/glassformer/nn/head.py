"""From the last vectors to scores, for modules that learn."""

import torch
from jaxtyping import Float

from glassformer.nn.architecture import ACTIVATIONS, Architecture


class TokenHead(torch.nn.Module):
    """Scores every token of the vocabulary; without a head, returns the vectors as they are.

    BERT's head (masked) transforms the vectors once more, normalizes, and gives each token a bias.

    Args:
        architecture: Its sizes and choices.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        if a.head == "masked":
            self.transform = torch.nn.Linear(a.width, a.width)
            self.norm = a.make_norm()
            self.bias = torch.nn.Parameter(torch.zeros(a.vocabulary_size))
        if a.head in ("tokens", "masked") and not a.tied:
            self.unembedding = torch.nn.Linear(a.width, a.vocabulary_size, bias=False)

    def forward(
        self, x: Float[torch.Tensor, "B T D"], table: Float[torch.Tensor, "V D"]
    ) -> Float[torch.Tensor, "B T N"]:
        """Return the logits; `table` are the embeddings, with which a tied head compares."""
        a = self.architecture
        if a.head == "none":
            return x
        if a.head == "masked":
            x = self.norm(ACTIVATIONS[a.activation](self.transform(x)))
        if a.scaled_output:
            x = x * a.width**-0.5
        weight = table if a.tied else self.unembedding.weight
        bias = self.bias if a.head == "masked" else None
        return torch.nn.functional.linear(x, weight, bias)

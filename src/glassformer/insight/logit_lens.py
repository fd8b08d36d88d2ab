# --8<-- [start:logit_lens]
"""The logit lens: what a model would say after each of its blocks."""

import torch
from jaxtyping import Bool, Float, Int
from torch.nn.functional import cross_entropy

from glassformer.nn.reader import Reader


def logit_lens(
    model: Reader,
    ids: Int[torch.Tensor, "B T"],
    mask: Bool[torch.Tensor, "#B #H #T T"] | None = None,
) -> Float[torch.Tensor, "stages B T V"]:
    """Return the logits read off what enters the first block, and off what leaves each.

    The last norm and the unembedding are applied to every stage, though made for the last.

    Source: nostalgebraist 2020.
    """
    return model.unembedding(model.norm(model.stream(ids, mask)))


# --8<-- [end:logit_lens]
# --8<-- [start:surprise]
def surprise(
    logits: Float[torch.Tensor, "stages B T V"], ids: Int[torch.Tensor, "B T"]
) -> Float[torch.Tensor, "stages B T-1"]:
    """Return how unlikely each stage found the word that came next, in nats.

    Raises:
        ValueError: If the texts have fewer than two tokens.
    """
    if ids.shape[1] < 2:
        raise ValueError(f"expected texts of at least 2 tokens, got {ids.shape[1]}")
    following = ids[:, 1:].expand(len(logits), -1, -1)
    return cross_entropy(logits[:, :, :-1].movedim(-1, 1), following, reduction="none")


def settled(
    logits: Float[torch.Tensor, "stages B T V"], ids: Int[torch.Tensor, "B T"]
) -> Int[torch.Tensor, "B T-1"]:
    """Return the stage from which on the word that came next is the likeliest, for good.

    The number of stages, if it is not the likeliest at the end.
    """
    right = logits[:, :, :-1].argmax(-1) == ids[:, 1:]
    stays = right.flip(0).int().cumprod(0)  # right here and at every later stage
    return len(logits) - stays.sum(0)


# --8<-- [end:surprise]

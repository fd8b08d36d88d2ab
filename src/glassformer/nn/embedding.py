"""From ids to vectors, for modules that learn."""

import torch
from jaxtyping import Float, Int

from glassformer.nn.architecture import Architecture
from glassformer.nn.position import sinusoidal_at


def check_ids(ids: Int[torch.Tensor, "B T"], vocabulary_size: int, length: int | None) -> None:
    """Refuse ids that a model cannot read.

    Raises:
        ValueError: If the texts are empty or too long, or an id is outside the vocabulary.
    """
    _check_whole("ids", ids)
    too_long = length is not None and ids.shape[-1] > length
    if ids.ndim != 2 or not ids.numel() or too_long:
        most = "" if length is None else f" of at most {length} tokens"
        raise ValueError(f"expected ids (B, T){most}, got shape {tuple(ids.shape)}")
    smallest, largest = int(ids.min()), int(ids.max())
    if smallest < 0 or largest >= vocabulary_size:
        raise ValueError(f"expected ids in 0..{vocabulary_size - 1}, got {smallest}..{largest}")


def check_numbers(
    name: str, numbers: Int[torch.Tensor, "B T"], ids: Int[torch.Tensor, "B T"], count: int | None
) -> None:
    """Refuse positions or token types that do not belong to the ids.

    Args:
        name: What they are.
        numbers: One for each id.
        ids: The texts.
        count: How many there are, if there is a limit.

    Raises:
        ValueError: If their shape is another, or one is not in 0..count-1.
    """
    _check_whole(name, numbers)
    if numbers.shape != ids.shape:
        raise ValueError(
            f"expected {name} {tuple(ids.shape)}, one for each id, got {tuple(numbers.shape)}"
        )
    smallest, largest = int(numbers.min()), int(numbers.max())
    if smallest < 0 or (count is not None and largest >= count):
        bound = "from 0 on" if count is None else f"in 0..{count - 1}"
        raise ValueError(f"expected {name} {bound}, got {smallest}..{largest}")


def _check_whole(name: str, numbers: object) -> None:
    """Refuse lists, arrays, and types that do not look up a row of a table."""
    dtype = getattr(numbers, "dtype", type(numbers).__name__)
    if not isinstance(numbers, torch.Tensor) or dtype not in (torch.int64, torch.int32):
        raise ValueError(
            f"expected whole numbers as {name}, got {dtype} instead of int64 or int32 of torch"
        )


def random_vectors(rows: int, width: int, spread: float) -> torch.nn.Embedding:
    """Make a table of random vectors, less spread out than torch's, whose standard deviation is 1.

    Small positions above all: with large ones, models more often failed on two words that they
    had never met together.
    """
    table = torch.nn.Embedding(rows, width)
    torch.nn.init.normal_(table.weight, std=spread)
    return table


class TextEmbedding(torch.nn.Module):
    """What enters the first block: a vector for each token, and for its place if those are vectors.

    Args:
        architecture: Its sizes and choices.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        spread = a.width**-0.5  # So that scores of an untrained model are of size 1.
        self.token = random_vectors(a.vocabulary_size, a.width, spread)
        if a.position == "learned" and a.length:
            self.position = random_vectors(a.length, a.width, 0.4 * spread)
        if a.token_types:
            self.token_type = random_vectors(a.token_types, a.width, 0.4 * spread)
        self.norm = a.make_norm() if a.embedding_norm else torch.nn.Identity()

    def forward(
        self,
        ids: Int[torch.Tensor, "B T"],
        *,
        start: int = 0,
        positions: Int[torch.Tensor, "B T"] | None = None,
        token_types: Int[torch.Tensor, "B T"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Return a vector for each token; `start` is the place of the first, unless all are given.

        Raises:
            ValueError: If a text is empty or too long, an id is outside the vocabulary, or
                positions or token types do not fit the ids and the model.
        """
        a = self.architecture
        check_ids(ids, a.vocabulary_size, None if a.length is None else a.length - start)
        T = ids.shape[-1]
        if positions is not None:
            if a.position in ("relative", "none"):
                raise ValueError(f"expected no positions with {a.position!r} ones, got some")
            check_numbers("positions", positions, ids, a.length)
        if token_types is not None:
            if not a.token_types:
                raise ValueError("expected no token types, as the model has no vectors for them")
            check_numbers("token types", token_types, ids, a.token_types)
        x = self.token(ids)
        if a.scaled_embedding:
            x = x * a.width**0.5
        if a.position in ("learned", "sinusoidal"):
            if positions is None:
                positions = torch.arange(start, start + T, device=ids.device)
            learned = a.position == "learned"
            x = x + (
                self.position(positions) if learned else sinusoidal_at(positions, a.width).to(x)
            )
        if a.token_types:
            x = x + self.token_type(torch.zeros_like(ids) if token_types is None else token_types)
        return self.norm(x)

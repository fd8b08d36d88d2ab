# --8<-- [start:recurrent]
"""What came before the Transformer: one recurrent network reads, another writes."""

import torch
from jaxtyping import Float, Int


class RecurrentEncoderDecoder(torch.nn.Module):
    """Reads a text word by word, then writes another, with or without looking back.

    Args:
        vocabulary_size: Number of different words, V.
        width: Numbers in a state, D.
        looks_back: Whether each step of writing attends to all states of reading.
            If not, it attends to the last one only, with the same parameters.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Source: Cho et al. 2014 (GRU); attention with a dot product as in Luong et al. 2015.
    """

    def __init__(
        self, vocabulary_size: int, *, width: int = 32, looks_back: bool = True, seed: int = 0
    ) -> None:
        super().__init__()
        self.begin = vocabulary_size  # the id that stands before the first word
        self.looks_back = looks_back
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.embedding = torch.nn.Embedding(vocabulary_size + 1, width)
            self.reader = torch.nn.GRU(width, width, batch_first=True)
            self.writer = torch.nn.GRU(width, width, batch_first=True)
            self.key = torch.nn.Linear(width, width, bias=False)
            self.mix = torch.nn.Linear(2 * width, width)
            self.unembedding = torch.nn.Linear(width, vocabulary_size)

    def forward(
        self, source: Int[torch.Tensor, "B S"], target: Int[torch.Tensor, "B T"]
    ) -> Float[torch.Tensor, "B T V"]:
        """Score every word as the next one, given the source and the target so far.

        Args:
            source: Texts of one length: there is no padding.
            target: What is written; a place sees only what stands before it.
        """
        seen, states, weights = self._run(source, target)
        return self.unembedding(torch.tanh(self.mix(torch.cat([weights @ seen, states], dim=-1))))

    def attention(
        self, source: Int[torch.Tensor, "B S"], target: Int[torch.Tensor, "B T"]
    ) -> Float[torch.Tensor, "B T S"]:
        """Return how much each step of writing looks at each step of reading."""
        return self._run(source, target)[2]

    @torch.no_grad()
    def write(self, source: Int[torch.Tensor, "B S"], length: int) -> Int[torch.Tensor, "B T"]:
        """Write the best word, append it, and go on: nothing but the source is given."""
        target = source[:, :0]
        for _ in range(length):
            unknown = torch.zeros_like(source[:, :1])
            scores = self(source, torch.cat([target, unknown], dim=1))
            target = torch.cat([target, scores[:, -1:].argmax(-1)], dim=1)
        return target

    def _run(
        self, source: Int[torch.Tensor, "B S"], target: Int[torch.Tensor, "B T"]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The states that may be looked at, those that look, and how much."""
        for ids in (source, target):
            outside = sorted({*ids.flatten().tolist()} - {*range(self.begin)})
            if ids.is_floating_point() or ids.ndim != 2 or not ids.numel() or outside:
                raise ValueError(
                    f"expected whole numbers in 0..{self.begin - 1} of shape (B, T), "
                    f"got {ids.dtype} of shape {tuple(ids.shape)}, outside: {outside[:3]}"
                )
        seen, last = self.reader(self.embedding(source))
        before = torch.nn.functional.pad(target[:, :-1], (1, 0), value=self.begin)
        states, _ = self.writer(self.embedding(before), last)
        scores = states @ self.key(seen).transpose(1, 2)
        if not self.looks_back:
            scores = scores.masked_fill(torch.arange(seen.shape[1]) < seen.shape[1] - 1, -torch.inf)
        return seen, states, scores.softmax(dim=-1)


# --8<-- [end:recurrent]

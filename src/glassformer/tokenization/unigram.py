# --8<-- [start:edges]
"""Unigram: each piece has a probability, and text is cut in the most probable way (Kudo 2018)."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import SupportsIndex

from glassformer.tokenization.bpe import _split
from glassformer.tokenization.vocabulary import (
    check_size,
    check_tokens,
    check_tuple,
    encode_chunks,
    known,
    save,
    utf8,
)

_UNKNOWN = "<unk>"
_LONGEST = 16  # letters in a piece
_LEAST = 1e-9  # uses of a piece: a letter that is never the best choice must not vanish

_Edge = tuple[int, int, float]  # where a piece begins and ends, and its score, ln p


def _edges(chunk: str, scores: Mapping[str, float], longest: int = _LONGEST) -> list[_Edge]:
    """Every place where a piece fits, from left to right."""
    return [
        (begin, end, scores[chunk[begin:end]])
        for begin in range(len(chunk))
        for end in range(begin + 1, min(begin + longest, len(chunk)) + 1)
        if chunk[begin:end] in scores
    ]


# --8<-- [end:edges]
# --8<-- [start:viterbi]
def _viterbi(chunk: str, edges: list[_Edge]) -> list[str]:
    """The most probable way to cut: for each end, the best beginning of its last piece."""
    best = [0.0, *[-math.inf] * len(chunk)]
    back = [0] * len(best)
    for begin, end, score in edges:
        if best[begin] + score > best[end]:
            best[end], back[end] = best[begin] + score, begin
    pieces, end = [], len(chunk)
    while end:
        pieces.append(chunk[back[end] : end])
        end = back[end]
    return pieces[::-1]


# --8<-- [end:viterbi]
# --8<-- [start:total]
def _add(a: float, b: float) -> float:
    """Add two probabilities given as logarithms."""
    low, high = sorted((a, b))
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _totals(length: int, edges: list[_Edge]) -> list[float]:
    """For each end, ln of the probability of all ways to get there: Viterbi, adding up."""
    total = [0.0, *[-math.inf] * length]
    for begin, end, score in edges:
        total[end] = _add(total[end], total[begin] + score)
    return total


# --8<-- [end:total]
# --8<-- [start:expect]
def _expect(
    chunks: Mapping[str, int], scores: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """How often each piece is used, on average over all ways to cut; and the log-likelihood."""
    expected, likelihood = dict.fromkeys(scores, 0.0), 0.0
    for chunk, times in chunks.items():
        n, edges = len(chunk), _edges(chunk, scores)
        before = _totals(n, edges)
        after = _totals(n, [(n - end, n - begin, s) for begin, end, s in reversed(edges)])
        for begin, end, score in edges:
            share = math.exp(before[begin] + score + after[n - end] - before[n])
            expected[chunk[begin:end]] += times * share
        likelihood += times * before[n]
    return expected, likelihood


def _maximize(expected: Mapping[str, float]) -> dict[str, float]:
    """Each piece gets its share of all uses as its probability; given as a logarithm."""
    total = sum(expected.values())
    return {piece: math.log(max(n, _LEAST) / total) for piece, n in expected.items()}


# --8<-- [end:expect]
# --8<-- [start:seeds]
def _seeds(chunks: Mapping[str, int]) -> dict[str, float]:
    """How often each stretch of letters stands in the text: the single ones, and what repeats."""
    counts = Counter[str]()
    for chunk, times in chunks.items():
        for begin in range(len(chunk)):
            for end in range(begin + 1, min(begin + _LONGEST, len(chunk)) + 1):
                counts[chunk[begin:end]] += times
    return {piece: float(n) for piece, n in counts.items() if n > 1 or len(piece) == 1}


# --8<-- [end:seeds]
# --8<-- [start:losses]
def _losses(chunks: Mapping[str, int], scores: Mapping[str, float]) -> dict[str, float]:
    """How much log-likelihood would be lost without each piece, the other scores unchanged."""
    losses = dict.fromkeys(scores, 0.0)
    for chunk, times in chunks.items():
        edges = _edges(chunk, scores)
        total = _totals(len(chunk), edges)[-1]
        for piece in {chunk[begin:end] for begin, end, _ in edges if end - begin > 1}:
            others = [edge for edge in edges if chunk[edge[0] : edge[1]] != piece]
            losses[piece] += times * (total - _totals(len(chunk), others)[-1])
    return losses


def _prune(scores: Mapping[str, float], losses: Mapping[str, float], size: int) -> dict[str, float]:
    """Keep every letter, and of the rest what would be missed most: four fifths, or `size`."""
    keep = max(size, int(0.8 * len(scores)))
    # Rounded, so that what is equally dear does not depend on the last digit.
    dearest = sorted(scores, key=lambda piece: (len(piece) > 1, -round(losses[piece], 9), piece))
    return {piece: scores[piece] for piece in dearest[:keep]}


# --8<-- [end:losses]
# --8<-- [start:learn]
def _learn(chunks: Mapping[str, int], size: int) -> dict[str, float]:
    """From all that repeats, drop what would be missed least, until few enough are left."""
    scores = _maximize(_seeds(chunks))
    while True:
        for _ in range(2):
            scores = _maximize(_expect(chunks, scores)[0])
        if len(scores) <= size:
            return scores
        scores = _prune(scores, _losses(chunks, scores), size)


# --8<-- [end:learn]
# --8<-- [start:tokenizer]
@dataclass(frozen=True)
class UnigramTokenizer:
    """A Unigram tokenizer; its chunks are those of our BPE, so that spaces belong to words.

    Id 0 is `<unk>`, then comes one id for each piece, then the special tokens.

    Attributes:
        pieces: What text may be cut into.
        scores: For each piece, the natural logarithm of its probability.
        special_tokens: Texts with an id of their own, such as `</s>`.

    Raises:
        ValueError: If two tokens are the same, one is empty, or a piece has no finite score.
    """

    pieces: tuple[str, ...] = field(repr=False)
    scores: tuple[float, ...] = field(repr=False)
    special_tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tuple("pieces", self.pieces)
        check_tuple("special tokens", self.special_tokens)
        check_tokens(map(utf8, self.tokens))
        if len(self.pieces) != len(self.scores) or not all(map(math.isfinite, self.scores)):
            raise ValueError(f"expected a finite score for each piece, got {self.scores}")

    @classmethod
    def train(
        cls, text: str, vocab_size: int, special_tokens: tuple[str, ...] = ()
    ) -> "UnigramTokenizer":
        """Learn pieces and their probabilities from a text.

        Args:
            text: What to learn from. A special token in it is text like any other.
            vocab_size: Number of ids in all. They will be fewer if little repeats in the text.
            special_tokens: These get the last ids.

        Raises:
            ValueError: If `vocab_size` or a special token makes no sense, or the text has a lone
                surrogate.

        Source: Kudo 2018, section 3.2; how the pieces to begin with are found is ours.
        """
        utf8(text)
        others = cls((), (), special_tokens).vocab_size
        check_size(vocab_size, others + len(set(text)))
        learned = _learn(Counter(_split(text)), vocab_size - others)
        pieces = sorted(learned, key=lambda piece: (-round(learned[piece], 9), piece))
        return cls(tuple(pieces), tuple(map(learned.__getitem__, pieces)), tuple(special_tokens))

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The text of each token, by id."""
        return (_UNKNOWN, *self.pieces, *self.special_tokens)

    @property
    def vocab_size(self) -> int:
        """Number of ids: each is at least 0 and less than this."""
        return len(self.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: i for i, piece in enumerate(self.pieces, start=1)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.pieces), default=1)

    @cached_property
    def _scores(self) -> dict[str, float]:
        return dict(zip(self.pieces, self.scores, strict=True))

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Turn text into ids, in the most probable way. Letters that are unknown become id 0.

        Args:
            text: Any text without lone surrogates.
            allow_special: Whether `</s>` in the text is the special token, or just text.

        Raises:
            ValueError: If the text has a lone surrogate.
        """
        utf8(text)
        special = {token: 1 + len(self._ids) + i for i, token in enumerate(self.special_tokens)}
        return encode_chunks(text, _split, self._encode_chunk, special if allow_special else {})

    def _encode_chunk(self, chunk: str) -> list[int]:
        scores = self._scores
        if unknown := set(chunk) - scores.keys():
            # Worse than any piece, and by how much, as in SentencePiece.
            scores = scores | dict.fromkeys(unknown, min(self.scores, default=0.0) - 10)
        pieces = _viterbi(chunk, _edges(chunk, scores, self._longest))
        ids = [self._ids.get(piece, 0) for piece in pieces]
        return [i for i, before in zip(ids, [1, *ids], strict=False) if i or before]

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Turn ids back into text.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        return "".join(self.tokens[i] for i in known(ids, self.vocab_size))

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON: the whole file or, if anything fails, none of it."""
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "UnigramTokenizer":
        """Read a tokenizer that `save` has written.

        Raises:
            ValueError: If the file holds anything else.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(*(tuple(saved[name]) for name in ("pieces", "scores", "special_tokens")))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError(f"expected a saved tokenizer, got {path}: {error}") from error


# --8<-- [end:tokenizer]

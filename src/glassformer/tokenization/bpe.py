# --8<-- [start:split]
"""Byte-pair encoding: text becomes integers, and which integers is learned from a text.

The pattern and the order of ids are those of GPT-2. Inside this module a token is a character,
the one whose number is the token's id: a list of tokens is a string, and a pair is two characters.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import SupportsIndex

import regex

from glassformer.tokenization.vocabulary import (
    check_size,
    check_tokens,
    check_tuple,
    encode_chunks,
    known,
    save,
    utf8,
)

_CHUNK = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def _split(text: str) -> list[str]:
    """Cut text into chunks: words, numbers, punctuation, white space. No merge crosses a cut."""
    if not isinstance(text, str):
        raise ValueError(f"expected text as str, got {type(text).__name__}")
    return regex.findall(_CHUNK, text)


# --8<-- [end:split]
# --8<-- [start:spell]
# GPT-2 numbers the bytes so that those with a visible Latin-1 character come first.
_BYTES = bytes(sorted(range(256), key=lambda b: chr(b) == " " or not chr(b).isprintable()))
_IDS = bytes.maketrans(_BYTES, bytes(range(256)))


def _spell(chunk: str) -> str:
    """Write a chunk with one character for each byte, the one whose number is the byte's id."""
    return utf8(chunk).translate(_IDS).decode("latin-1")


def _pairs(word: str) -> Iterator[str]:
    """Every two neighbours: "pizza" has pi, iz, zz and za."""
    return map(add, word, word[1:])


# --8<-- [end:spell]
# --8<-- [start:learn]
_Words = list[tuple[str, int]]  # each with the number of times it stands in the text
_Counts = dict[str, int]
_Where = dict[str, set[int]]


def _learn(chunks: Counter[str], number: int) -> list[str]:
    """Merge the most frequent pair, `number` times or until there is no pair left."""
    words = [(_spell(chunk), times) for chunk, times in chunks.items()]
    counts, where = _count(words)
    queue = sorted((-count, pair) for pair, count in counts.items())  # sorted, so a heap
    merges: list[str] = []
    while len(merges) < number and (pair := _pop_most_frequent(queue, counts)):
        for new in _merge(pair, chr(256 + len(merges)), words, counts, where):
            heappush(queue, (-counts[new], new))
        merges.append(pair)
    return merges


# --8<-- [end:learn]
# --8<-- [start:count]
def _count(words: _Words) -> tuple[_Counts, _Where]:
    """Count every pair, and note which words contain it."""
    counts: _Counts = defaultdict(int)
    where: _Where = defaultdict(set)
    for i, (word, times) in enumerate(words):
        for pair in _pairs(word):
            counts[pair] += times
            where[pair].add(i)
    return counts, where


# --8<-- [end:count]
# --8<-- [start:merge]
def _merge(pair: str, token: str, words: _Words, counts: _Counts, where: _Where) -> set[str]:
    """Replace the pair in the words that contain it, and return the pairs that this creates.

    Brings `counts` up to date; `where` may still name a word that has since lost the pair.
    """
    created = set()
    for i in where.pop(pair):
        word, times = words[i]
        if pair in word:
            words[i] = word.replace(pair, token), times
            changed = word[max(word.find(pair) - 1, 0) : word.rfind(pair) + 3]  # one more each side
            for old in _pairs(changed):
                counts[old] -= times
            for new in _pairs(changed.replace(pair, token)):
                counts[new] += times
                if token in new:
                    where[new].add(i)
                    created.add(new)
    return created


# --8<-- [end:merge]
# --8<-- [start:pop_most_frequent]
def _pop_most_frequent(queue: list[tuple[int, str]], counts: _Counts) -> str | None:
    """Take the pair with the highest count off the queue; among equals, the one of lowest ids.

    A count in the queue may be out of date, but only too high: once created, a pair only becomes
    rarer. So if the first in the queue is up to date, no other pair can be more frequent.
    """
    while queue:
        count, pair = heappop(queue)
        if -count == counts[pair]:
            return pair
        if counts[pair]:
            heappush(queue, (-counts[pair], pair))
    return None


# --8<-- [end:pop_most_frequent]
# --8<-- [start:apply]
def _apply(word: str, ranks: dict[str, int]) -> str:
    """Replay the merges on one word, in the order in which they were learned.

    A merge creates pairs with its neighbours only, and these can only belong to later merges.
    """
    queue = sorted((ranks[pair], pair) for pair in set(_pairs(word)) if pair in ranks)
    while queue:
        rank, pair = heappop(queue)
        token, pieces = chr(256 + rank), word.split(pair)
        word = token.join(pieces)
        created = set()
        for left, right in pairwise(pieces):
            created |= {left[-1:] + token, token + (right[:1] or token)}
        for new in created & ranks.keys():
            heappush(queue, (ranks[new], new))
    return word


# --8<-- [end:apply]
# --8<-- [start:spell_out]
def _spell_out(merges: Iterable[tuple[int, int]], special_tokens: Iterable[str]) -> list[bytes]:
    """The bytes of each token, by id. Refuses merges and special tokens that make no sense."""
    check_tuple("special tokens", special_tokens)
    tokens = [bytes([byte]) for byte in _BYTES]
    for left, right in merges:
        if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
            raise ValueError(f"expected a merge of ids below {len(tokens)}, got {left} and {right}")
        tokens.append(tokens[left] + tokens[right])
    tokens += map(utf8, special_tokens)
    check_tokens(tokens)
    return tokens


# --8<-- [end:spell_out]
# --8<-- [start:tokenizer]
@dataclass(frozen=True)
class BytePairTokenizer:
    """A byte-level BPE tokenizer, with the pattern and the order of ids of GPT-2.

    The first 256 ids are the bytes, then comes one for each merge, then the special tokens.

    Attributes:
        merges: The ids of the two tokens that each merge joins, in the order learned.
        special_tokens: Texts with an id of their own, such as "<|endoftext|>".

    Raises:
        ValueError: If a merge uses an id that comes after it, or two tokens are the same.
    """

    merges: tuple[tuple[int, int], ...] = field(repr=False)
    special_tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        len(self.tokens)  # made now, so that what is wrong with the merges is said now

    @classmethod
    def train(
        cls, text: str, vocab_size: int, special_tokens: tuple[str, ...] = ()
    ) -> "BytePairTokenizer":
        """Learn the merges from a text.

        Args:
            text: What to learn from. A special token in it is text like any other.
            vocab_size: Number of ids in all. They will be fewer if the text runs out of pairs.
            special_tokens: These get the last ids.

        Raises:
            ValueError: If `vocab_size` or a special token makes no sense, or the text cannot be
                written as UTF-8.
        """
        least = len(_spell_out((), special_tokens))
        check_size(vocab_size, least)
        merges = _learn(Counter(_split(text)), vocab_size - least)
        return cls(tuple((ord(pair[0]), ord(pair[1])) for pair in merges), tuple(special_tokens))

    @cached_property
    def tokens(self) -> tuple[bytes, ...]:
        """The bytes of each token, by id."""
        return tuple(_spell_out(self.merges, self.special_tokens))

    @property
    def vocab_size(self) -> int:
        """Number of ids: each is at least 0 and less than this."""
        return len(self.tokens)

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {chr(left) + chr(right): rank for rank, (left, right) in enumerate(self.merges)}

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Turn text into ids.

        Args:
            text: Any text that can be written as UTF-8, so without lone surrogates.
            allow_special: Whether "<|endoftext|>" in the text is the special token.
                If not, it is text like any other, and nobody can smuggle one in.

        Raises:
            ValueError: If the text cannot be written as UTF-8.
        """
        first = self.vocab_size - len(self.special_tokens)
        special = {token: first + i for i, token in enumerate(self.special_tokens)}
        return encode_chunks(text, _split, self._encode_chunk, special if allow_special else {})

    def _encode_chunk(self, chunk: str) -> list[int]:
        return [*map(ord, _apply(_spell(chunk), self._ranks))]

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Turn ids back into text. Bytes that are not UTF-8 become U+FFFD.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        tokens = (self.tokens[i] for i in known(ids, self.vocab_size))
        return b"".join(tokens).decode("utf-8", errors="replace")

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON: the whole file or, if anything fails, none of it."""
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "BytePairTokenizer":
        """Read a tokenizer that `save` has written.

        Raises:
            ValueError: If the file holds anything else.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(tuple((a, b) for a, b in saved["merges"]), tuple(saved["special_tokens"]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError(f"expected a saved tokenizer, got {path}: {error}") from error


# --8<-- [end:tokenizer]

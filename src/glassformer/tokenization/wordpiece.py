# --8<-- [start:split]
"""WordPiece, the tokenizer of BERT: of each word the longest piece that fits, from the left.

The pieces are learned as in byte-pair encoding, but another pair is merged, the one with the
highest score. Inside `_learn` a piece is again one character, whose number is the piece's id.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import SupportsIndex

import regex

from glassformer.tokenization.bpe import _count, _merge
from glassformer.tokenization.vocabulary import (
    check_size,
    check_tokens,
    check_tuple,
    encode_chunks,
    known,
    save,
    utf8,
)

_UNKNOWN = "[UNK]"
_MARK = "##"  # stands before a piece that continues a word

# Punctuation, and the ASCII signs that Unicode does not count as such, are words of one character.
_WORD = r"[\p{P}$+<=>^`|~]|[^\p{P}$+<=>^`|~\s]+"


def _split(text: str) -> list[str]:
    """Cut text into words and signs; the white space between them is dropped."""
    return regex.findall(_WORD, text)


def _letters(word: str) -> list[str]:
    """The smallest pieces of a word: those of "pizza" are p, ##i, ##z, ##z and ##a."""
    return [*word[:1], *(_MARK + letter for letter in word[1:])]


# --8<-- [end:split]
# --8<-- [start:best]
def _best(counts: Mapping[str, int], single: Mapping[str, int]) -> str | None:
    """The pair with the highest score; among equals, the one of lowest ids.

    All scores are looked at again for each merge: a score may rise while its pair waits, because
    one of its two pieces has become rarer. So the heap of byte-pair encoding would not do.
    """

    def rank(pair: str) -> tuple[float, str]:
        return -counts[pair] / (single[pair[0]] * single[pair[1]]), pair

    return min((pair for pair in counts if counts[pair]), key=rank, default=None)


# --8<-- [end:best]
# --8<-- [start:learn]
def _learn(words: Counter[str], alphabet: list[str], number: int) -> list[str]:
    """The alphabet, and `number` pieces made by merging, or fewer if no pair is left."""
    pieces = list(alphabet)
    ids = {piece: chr(i) for i, piece in enumerate(pieces)}
    spelled = [("".join(map(ids.__getitem__, _letters(word))), n) for word, n in words.items()]
    counts, where = _count(spelled)
    single = Counter[str]()  # how often each piece stands alone
    for word, times in spelled:
        for piece in word:
            single[piece] += times
    while len(pieces) < len(alphabet) + number and (pair := _best(counts, single)):
        new, changed = chr(len(pieces)), where[pair]
        _merge(pair, new, spelled, counts, where)
        merged = sum(times * word.count(new) for word, times in (spelled[i] for i in changed))
        for piece, change in ((new, merged), (pair[0], -merged), (pair[1], -merged)):
            single[piece] += change
        left, right = (pieces[ord(piece)] for piece in pair)
        pieces.append(left + right.removeprefix(_MARK))
    return pieces


# --8<-- [end:learn]
# --8<-- [start:longest_match]
def _longest_match(word: str, ids: Mapping[str, int], longest: int) -> list[int]:
    """From the left, take the longest piece that fits; if none does, the whole word is unknown."""
    found, begin = [], 0
    while begin < len(word):
        mark = _MARK if begin else ""
        for end in range(min(begin + longest, len(word)), begin, -1):
            if (piece := mark + word[begin:end]) in ids:
                break
        else:
            return [ids[_UNKNOWN]]
        found.append(ids[piece])
        begin = end
    return found


# --8<-- [end:longest_match]
# --8<-- [start:tokenizer]
@dataclass(frozen=True)
class WordPieceTokenizer:
    """A WordPiece tokenizer that cuts words as BERT does, but keeps case and accents.

    Id 0 is "[UNK]", then comes one id for each piece, then the special tokens.

    Attributes:
        pieces: Beginnings of words, and with "##" before them, what may follow in a word.
        special_tokens: Texts with an id of their own, such as "[CLS]".

    Raises:
        ValueError: If two tokens are the same, or one is empty.
    """

    pieces: tuple[str, ...] = field(repr=False)
    special_tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tuple("pieces", self.pieces)
        check_tuple("special tokens", self.special_tokens)
        check_tokens(map(utf8, self.tokens))

    @classmethod
    def train(
        cls, text: str, vocab_size: int, special_tokens: tuple[str, ...] = ()
    ) -> "WordPieceTokenizer":
        """Learn the pieces from a text: all its letters, then merges of the highest score.

        Args:
            text: What to learn from. A special token in it is text like any other.
            vocab_size: Number of ids in all. They will be fewer if the text runs out of pairs.
            special_tokens: These get the last ids.

        Raises:
            ValueError: If `vocab_size` or a special token makes no sense, or the text has a lone
                surrogate.

        Source: Schuster and Nakajima 2012; the score is the one in common use, not theirs.
        """
        utf8(text)
        least = cls((), special_tokens).vocab_size
        words = Counter(_split(text))
        alphabet = list(dict.fromkeys(letter for word in words for letter in _letters(word)))
        least += len(alphabet)
        check_size(vocab_size, least)
        return cls(tuple(_learn(words, alphabet, vocab_size - least)), tuple(special_tokens))

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
        return {piece: i for i, piece in enumerate((_UNKNOWN, *self.pieces))}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._ids))

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Turn text into ids. White space is lost, and a word that cannot be spelled is id 0.

        Args:
            text: Any text without lone surrogates.
            allow_special: Whether "[CLS]" in the text is the special token, or just text.

        Raises:
            ValueError: If the text has a lone surrogate.
        """
        utf8(text)
        special = {token: len(self._ids) + i for i, token in enumerate(self.special_tokens)}
        return encode_chunks(text, _split, self._encode_word, special if allow_special else {})

    def _encode_word(self, word: str) -> list[int]:
        return _longest_match(word, self._ids, self._longest)

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Turn ids back into words, with one space between them.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        words: list[str] = []
        for token in (self.tokens[i] for i in known(ids, self.vocab_size)):
            if words and token.startswith(_MARK):
                words[-1] += token.removeprefix(_MARK)
            else:
                words.append(token)
        return " ".join(words)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON: the whole file or, if anything fails, none of it."""
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "WordPieceTokenizer":
        """Read a tokenizer that `save` has written.

        Raises:
            ValueError: If the file holds anything else.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(tuple(saved["pieces"]), tuple(saved["special_tokens"]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError(f"expected a saved tokenizer, got {path}: {error}") from error


# --8<-- [end:tokenizer]

# --8<-- [start:encode_chunks]
"""What tokenizers have in common: special tokens, what they refuse, and how they are saved."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import chain
from operator import index
from pathlib import Path
from secrets import token_hex
from typing import Any, SupportsIndex

import regex

_Split = Callable[[str], list[str]]


def encode_chunks(
    text: str, split: _Split, encode: Callable[[str], list[int]], special: Mapping[str, int]
) -> list[int]:
    """Cut text into chunks, and encode each different chunk once; special tokens have their ids."""
    chunks = _split_around(special, text, split) if special else split(text)
    ids = {token: [i] for token, i in special.items()}
    for chunk in set(chunks) - ids.keys():
        ids[chunk] = encode(chunk)
    return list(chain.from_iterable(map(ids.__getitem__, chunks)))


def _split_around(special_tokens: Iterable[str], text: str, split: _Split) -> list[str]:
    """Cut out the special tokens, then cut what lies between them into chunks."""
    longest_first = map(regex.escape, sorted(special_tokens, key=len, reverse=True))
    stretches = regex.split(f"({'|'.join(longest_first)})", text)  # ordinary, special, ...
    return [c for i, s in enumerate(stretches) for c in ([s] if i % 2 else split(s))]


# --8<-- [end:encode_chunks]
# --8<-- [start:check]
def utf8(text: str) -> bytes:
    """Text as bytes; half of a surrogate pair, alone, is the only character that has none."""
    if not isinstance(text, str):
        raise ValueError(f"expected text as str, got {type(text).__name__}")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"expected text without lone surrogates, got {text!r}") from error


def check_tuple(name: str, tokens: Iterable[str]) -> None:
    """Refuse a text in the place of a tuple, which would be taken letter by letter."""
    if isinstance(tokens, str):
        raise ValueError(f"expected a tuple of {name}, got the text {tokens!r}")


def check_size(vocab_size: int, least: int) -> None:
    """Refuse a size that has no room for what is always there, or is no whole number."""
    if vocab_size not in range(least, 0x110000):
        got = f"got {vocab_size!r}"
        raise ValueError(f"expected a whole vocab_size from {least} to {0x10FFFF}, {got}")


def check_tokens(tokens: Iterable[bytes]) -> None:
    """Refuse an empty token, and two that are the same: each id has one meaning."""
    token, times = Counter([b"", *tokens]).most_common(1)[0]
    if times > 1:
        raise ValueError(f"expected tokens that differ, and none empty, got another {token!r}")


def known(ids: Iterable[SupportsIndex], vocab_size: int) -> list[int]:
    """The ids as integers; refuses one that is not in the vocabulary."""
    try:
        found = [index(i) for i in ids]
    except TypeError as error:
        raise ValueError(f"expected whole numbers as ids: {error}") from None
    if found and not 0 <= min(found) <= max(found) < vocab_size:
        got = f"{min(found)}..{max(found)}"
        raise ValueError(f"expected ids in 0..{vocab_size - 1}, got {got}")
    return found


# --8<-- [end:check]
# --8<-- [start:save]
def save(tokenizer: Any, path: str | Path) -> None:
    """Write a tokenizer as JSON: the whole file or, if anything fails, none of it."""
    path = Path(path)
    partial = path.with_name(f"{path.name}.{token_hex(8)}.partial")
    try:
        partial.write_text(json.dumps(asdict(tokenizer)), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


# --8<-- [end:save]

"""Byte-pair encoding in plain Python beside Rust's: `python benchmarks/bpe.py`, three minutes.

Both sides do the same work in the same run, by turns, on one thread, and must agree on the result.
The text is the source of the standard library, its files sorted by path and joined. The Rust side
is used in its quickest way: the text as one string, no offsets (`encode_batch_fast`). A tokenizer
encodes once only, so that the Rust cache is as cold as ours, which does not outlive a call.

A ratio is our median over theirs in processor time, which other programs on the machine disturb
less than time on the clock. Both are shown.
"""

import json
import os
import random
import string
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from glassformer.tokenization.bpe import BytePairTokenizer

MEGABYTE = 1_000_000
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())  # what Rust writes for the bytes, by id
Result = TypeVar("Result")
Times = list[tuple[float, float]]


def main() -> None:
    """Print a line for each measurement."""
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    print(f"{'processor seconds (on the clock)':36}{'ours':>14}{'tokenizers':>14}  ratio  bound")
    for size, repeats, bound in ((1, 7, "1.50"), (10, 3, "1.00")):
        text = standard_library(size * MEGABYTE)
        print(f"{len(text.encode()):,} bytes of source, medians of {repeats}")
        for vocab_size in (4_096, 16_384):
            compare_training(text, vocab_size, repeats, bound)
            compare_encoding(text, BytePairTokenizer.train(text, vocab_size), repeats, "1.00")
    words, learned = random_words(MEGABYTE), BytePairTokenizer.train(text[:MEGABYTE], 4_096)
    print("The worst case: 1,000,000 bytes of random words, hardly one of them twice")
    compare_training(words, 4_096, 3, "none")
    compare_encoding(words, learned, 3, "none")
    print("The same letters without the spaces: a single chunk")
    compare_encoding(words.replace(" ", ""), learned, 3, "none")


def compare_training(text: str, vocab_size: int, repeats: int, bound: str) -> None:
    """Train both sides on a text; they must learn the same merges."""
    ours: Times = []
    theirs: Times = []
    for _ in range(repeats):
        learned = timed(lambda: BytePairTokenizer.train(text, vocab_size), ours)
        rust = timed(lambda: rust_trained(text, vocab_size), theirs)
        if list(learned.merges) != rust_merges(rust):
            sys.exit("expected the same merges, got others")
    report(f"  train to {vocab_size:,} tokens", ours, theirs, bound)


def compare_encoding(text: str, learned: BytePairTokenizer, repeats: int, bound: str) -> None:
    """Encode a text with both sides, each time with new tokenizers; the ids must be the same."""
    ours: Times = []
    theirs: Times = []
    for _ in range(repeats):
        fresh, rust = BytePairTokenizer(learned.merges), rust_copy(learned)
        ids = timed(lambda: fresh.encode(text), ours)  # noqa: B023 -- called at once
        encodings = timed(lambda: rust.encode_batch_fast([text]), theirs)  # noqa: B023
        if ids != encodings[0].ids:
            sys.exit("expected the same ids, got others")
    report(f"  encode with {learned.vocab_size:,} tokens", ours, theirs, bound)


def timed(work: Callable[[], Result], times: Times) -> Result:
    """Do the work, and note its processor time and its time on the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    result = work()
    times.append((time.process_time() - processor, time.perf_counter() - clock))
    return result


def report(name: str, ours: Times, theirs: Times, bound: str) -> None:
    """Print the medians and their ratio."""
    medians = [[median(column) for column in zip(*times, strict=True)] for times in (ours, theirs)]
    columns = "".join(f"{processor:7.2f} ({clock:4.1f})" for processor, clock in medians)
    print(f"{name:36}{columns}{medians[0][0] / medians[1][0]:7.2f}  {bound}", flush=True)


def standard_library(size: int) -> str:
    """The first `size` bytes of the standard library's source."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)
    source = bytearray()
    for path in paths:
        source += path.read_bytes()
        if len(source) >= size:
            return source[:size].decode(errors="ignore")
    sys.exit(f"expected {size} bytes of source in {root}, got {len(source)}")


def random_words(size: int) -> str:
    """Words of 3 to 12 random letters."""
    rng = random.Random(0)  # noqa: S311 -- no secret
    letters = string.ascii_lowercase
    words = ("".join(rng.choices(letters, k=rng.randint(3, 12))) for _ in range(size // 4))
    return " ".join(words)[:size]


def rust_trained(text: str, vocab_size: int) -> Tokenizer:
    """The Rust tokenizer, trained with GPT-2's pattern and all bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=ALPHABET, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def rust_merges(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """The ids that each merge of a Rust tokenizer joins."""
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][left], model["vocab"][right]) for left, right in model["merges"]]


def rust_copy(learned: BytePairTokenizer) -> Tokenizer:
    """A Rust tokenizer with our merges."""
    characters = dict(zip(b"".join(learned.tokens[:256]), ALPHABET, strict=True))
    names = ["".join(characters[byte] for byte in token) for token in learned.tokens]
    vocabulary = {name: i for i, name in enumerate(names)}
    merges = [(names[left], names[right]) for left, right in learned.merges]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


if __name__ == "__main__":
    main()

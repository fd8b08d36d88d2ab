"""Byte-pair encoding: by hand, by property, and against `tokenizers` and `tiktoken`."""

import itertools
import json
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import regex
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from glassformer.tokenization import bpe
from glassformer.tokenization.bpe import BytePairTokenizer

END = "<|endoftext|>"
TEXTS = {
    "English": "The pizza came out of the oven and it tasted good. It's pizza day, isn't it? ",
    "code": "def f(x):\n    if x >= 10:\n        return x ** 2\n\n\treturn f(x+1)  # twice\n",
    "accents": "Crème brûlée, jalapeño, Zürich; e\u0301 is two characters, é is one. ",
    "Chinese": "披萨从烤箱里出来。味道很好。披萨很好吃、烤箱很热。",
    "Japanese": "ピザがオーブンから出てきて、おいしかった。",
    "Hebrew": "הפיצה יצאה מהתנור והיא הייתה טעימה. ",
    "Hindi": "पिज़्ज़ा ओवन से निकला और वह स्वादिष्ट था। ",
    "emoji": "🍕🍕🔥 👩‍🍳👩🏽‍🍳 🇮🇹 ❤️",
    "numbers": "3.14159, 1,000,000 and ½ or Ⅷ or ٣ of 2²; 12345678901234567890",
    "spaces": "a    b\n\n\n   c\t\t d\r\n  \u3000e\u00a0f\u2003  ",
    "control": "\0\x01\x1f\x7f\x80 \ufeff\ufffd\u200b\x00\x00",
    "contractions": "I'm you're he'd she'll we've it's don't I'M YOU'RE 'tis 's' ''s",
    "long runs": "a" * 300 + " " * 200 + "=" * 150 + "ab" * 100 + "\n" * 50,
    "nothing": "",
}
EVERYTHING = "".join(TEXTS.values())

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# Few letters, so that pairs repeat and counts tie; an emoji, so that bytes are merged too.
TINY_TEXT = st.text(st.sampled_from("aab '\n!1é🍕"), max_size=60)


def hugging_face(text: str, vocab_size: int) -> Tokenizer:
    """The Rust implementation, trained with GPT-2's pattern and the 256 bytes as its alphabet."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def hugging_face_merges(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """The ids that each merge joins."""
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][left], model["vocab"][right]) for left, right in model["merges"]]


def openai(tokenizer: BytePairTokenizer) -> tiktoken.Encoding:
    """OpenAI's implementation, given our tokens; the pattern is GPT-2's as tiktoken writes it."""
    ordinary = 256 + len(tokenizer.merges)
    return tiktoken.Encoding(
        "ours",
        pat_str=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
        mergeable_ranks={token: i for i, token in enumerate(tokenizer.tokens[:ordinary])},
        special_tokens={t: ordinary + i for i, t in enumerate(tokenizer.special_tokens)},
    )


def chunks_of_hugging_face(text: str) -> list[str]:
    """Where `tokenizers` cuts a text."""
    spans = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    return [text[begin:end] for _, (begin, end) in spans]


def naive(chunks: list[str], number: int) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Slow but obviously right training: the merges, and the chunks as it leaves them."""
    pieces = [BytePairTokenizer(()).encode(chunk) for chunk in chunks]
    merges: list[tuple[int, int]] = []
    while len(merges) < number:
        counts = Counter(pair for ids in pieces for pair in itertools.pairwise(ids))
        if not counts:
            break
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        for ids in pieces:
            for i in range(len(ids)):
                if (*ids[i : i + 2],) == pair:
                    ids[i : i + 2] = [256 + len(merges)]
        merges.append(pair)
    return merges, pieces


def classed_differently() -> set[str]:
    """The characters that `regex` and `tokenizers` cut differently: one has newer tables."""
    assigned = regex.findall(r"\P{C}", "".join(map(chr, range(0x110000))))
    # A letter makes a?, a number ?1?, white space stands alone, anything else makes ?!.
    probe = "".join(f"a{character}1{character}!" for character in assigned)
    ours = set(itertools.accumulate(map(len, bpe._split(probe))))
    theirs = set(itertools.accumulate(map(len, chunks_of_hugging_face(probe))))
    return {assigned[cut // 5] for cut in ours ^ theirs}


NEWER = classed_differently()
KNOWN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=NEWER))
TRAINED = BytePairTokenizer.train(EVERYTHING, 600, (END, "<|end|>"))
ORDINARY = 256 + len(TRAINED.merges)
TRAINED_OPENAI = openai(TRAINED)
TRAINED_ELSEWHERE = hugging_face(EVERYTHING, 598)


# By hand


def test_the_smallest_corpus() -> None:
    """Gage's replacements on "aaabdaaabac": Z = aa, Y = ab, X = ZY; the text becomes XdXac."""
    tokenizer = BytePairTokenizer.train("aaabdaaabac", 259)
    assert tokenizer.tokens[256:] == (b"aa", b"ab", b"aaab")
    ids = tokenizer.encode("aaabdaaabac")
    assert [tokenizer.tokens[i] for i in ids] == [b"aaab", b"d", b"aaab", b"a", b"c"]
    # With a byte's value as its id, as in minbpe, these are the ids.
    assert [i if i > 255 else bpe._BYTES[i] for i in ids] == [258, 100, 258, 97, 99]


def test_equal_counts_go_to_the_lowest_ids() -> None:
    """Of pairs that are equally frequent the one with the lowest ids is merged first."""
    tokenizer = BytePairTokenizer.train("ba\nab\nca", 259)
    assert tokenizer.tokens[256:] == (b"ab", b"ba", b"ca")


def test_the_merges_of_the_paper() -> None:
    """Each pair counts as often as its word: e+s stands in newest (6) and widest (3)."""
    text = "low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3
    tokenizer = BytePairTokenizer.train(text, 259)
    assert tokenizer.tokens[256:] == (b"es", b"est", b"lo")


def test_runs_are_merged_from_the_left() -> None:
    """In a run of equal tokens each is used once, from the left."""
    tokenizer = BytePairTokenizer.train("aaaa", 257)
    aa, a = 256, tokenizer.tokens.index(b"a")
    assert tokenizer.encode("a" * 5) == [aa, aa, a]


def test_earlier_merges_come_first() -> None:
    """The merge learned first wins, not the leftmost and not the one with the longest token."""
    b, c, a = (BytePairTokenizer(()).encode(letter)[0] for letter in "bca")
    tokenizer = BytePairTokenizer(((b, c), (a, b), (257, c)))
    assert tokenizer.tokens[256:] == (b"bc", b"ab", b"abc")
    assert [tokenizer.tokens[i] for i in tokenizer.encode("abc")] == [b"a", b"bc"]


def test_ids_are_those_of_gpt2_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's loader of GPT-2's files reads those that `tokenizers` writes, and has our ids."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    TRAINED_ELSEWHERE.model.save(str(tmp_path))
    files = str(tmp_path / "merges.txt"), str(tmp_path / "vocab.json")
    ids = data_gym_to_mergeable_bpe_ranks(*files)
    assert ids == {token: i for i, token in enumerate(TRAINED.tokens[:ORDINARY])}


# Invariants


@given(ANY_TEXT)
def test_every_text_comes_back(text: str) -> None:
    """Whatever Unicode holds, decoding undoes encoding."""
    assert TRAINED.decode(TRAINED.encode(text)) == text
    assert TRAINED.decode(TRAINED.encode(text, allow_special=True)) == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_kind_of_text_comes_back(text: str) -> None:
    """Also with a tokenizer that has never seen the script."""
    untrained = BytePairTokenizer(())
    assert untrained.decode(untrained.encode(text)) == text
    assert len(untrained.encode(text)) == len(text.encode())
    assert TRAINED.decode(TRAINED.encode(text)) == text


@given(ANY_TEXT)
def test_tokens_spell_the_bytes(text: str) -> None:
    """Ids are in the vocabulary, and their bytes in a row are the text's bytes."""
    ids = TRAINED.encode(text)
    assert all(0 <= i < TRAINED.vocab_size for i in ids)
    assert b"".join(TRAINED.tokens[i] for i in ids) == text.encode()


@given(KNOWN_TEXT)
def test_no_token_crosses_a_cut(text: str) -> None:
    """Encoding a text is encoding its chunks, cut by someone else, one after the other."""
    chunks = chunks_of_hugging_face(text)
    assert TRAINED.encode(text) == list(itertools.chain(*map(TRAINED.encode, chunks)))


@given(TINY_TEXT, st.integers(0, 30), st.integers(0, 30))
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(text: str, a: int, b: int) -> None:
    """More merges never change the first ones."""
    smaller, larger = (BytePairTokenizer.train(text, 256 + n).merges for n in sorted((a, b)))
    assert larger[: len(smaller)] == smaller


@given(TINY_TEXT, st.integers(0, 30))
def test_encoding_ends_where_training_does(text: str, number: int) -> None:
    """Encoding the text that was learned from gives the tokens that learning left it in."""
    chunks = bpe._split(text)
    merges, pieces = naive(chunks, number)
    tokenizer = BytePairTokenizer.train(text, 256 + number)
    assert list(tokenizer.merges) == merges
    assert [tokenizer.encode(chunk) for chunk in chunks] == pieces


@given(st.lists(st.integers(0, TRAINED.vocab_size - 1)))
def test_any_ids_decode(ids: list[int]) -> None:
    """A model may write any ids in a row: the text is that of their bytes, repaired."""
    text = TRAINED.decode(ids)
    assert text == b"".join(TRAINED.tokens[i] for i in ids).decode(errors="replace")
    assert TRAINED.decode(np.array(ids, dtype=np.int64)) == text


@given(TINY_TEXT)
def test_a_token_is_made_of_itself(text: str) -> None:
    """Each learned token, alone, is encoded as that one token, if it can stand alone."""
    tokenizer = BytePairTokenizer.train(text, 300)
    for i, token in enumerate(tokenizer.tokens[256:], start=256):
        alone = token.decode(errors="ignore")
        if alone.encode() == token and bpe._split(alone) == [alone]:
            assert tokenizer.encode(alone) == [i]


# Oracles


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("vocab_size", [256, 257, 300, 1000])
def test_trains_as_hugging_face_does(text: str, vocab_size: int) -> None:
    """The same merges, in the same order, with the same ids; as many, if the text runs out."""
    ours, theirs = BytePairTokenizer.train(text, vocab_size), hugging_face(text, vocab_size)
    assert list(ours.merges) == hugging_face_merges(theirs)
    assert ours.vocab_size == theirs.get_vocab_size()
    assert ours.encode(EVERYTHING) == theirs.encode(EVERYTHING).ids


@settings(max_examples=300)
@given(TINY_TEXT, TINY_TEXT)
def test_trains_as_hugging_face_does_on_small_texts(text: str, other: str) -> None:
    """Also where counts tie and runs overlap, and on text not trained on."""
    ours, theirs = BytePairTokenizer.train(text, 290), hugging_face(text, 290)
    assert list(ours.merges) == hugging_face_merges(theirs)
    assert ours.encode(text) == theirs.encode(text).ids
    assert ours.encode(other) == theirs.encode(other).ids


@given(KNOWN_TEXT)
def test_encodes_as_hugging_face_does(text: str) -> None:
    """The same ids for any text whose characters `tokenizers` knows."""
    assert TRAINED.encode(text) == TRAINED_ELSEWHERE.encode(text).ids


@given(KNOWN_TEXT)
def test_encodes_as_tiktoken_does(text: str) -> None:
    """The same ids from OpenAI's implementation with our tokens."""
    assert TRAINED.encode(text) == TRAINED_OPENAI.encode_ordinary(text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_encodes_every_kind_of_text_as_tiktoken_does(text: str) -> None:
    """Long runs, emoji, right-to-left and control characters included."""
    ids = TRAINED.encode(text)
    assert ids == TRAINED_OPENAI.encode_ordinary(text)
    assert TRAINED.decode(ids) == TRAINED_OPENAI.decode(ids)


def test_only_new_letters_are_cut_differently() -> None:
    """`regex` and `tokenizers` disagree on no character except letters and numbers added lately."""
    for character in NEWER:
        assert regex.fullmatch(r"[\p{L}\p{N}]", character)
        assert unicodedata.ucd_3_2_0.category(character) == "Cn"  # not in Unicode 3.2


# Special tokens


@given(st.lists(st.sampled_from([END, "<|end|>", "<|", "endoftext", "|>", " ", "a", "🍕", "\n"])))
def test_special_tokens_as_in_tiktoken(pieces: list[str]) -> None:
    """By default they are text, as in `encode_ordinary`; if allowed, they get their own ids."""
    text = "".join(pieces)
    assert TRAINED.encode(text) == TRAINED_OPENAI.encode(text, disallowed_special=())
    with_special = TRAINED_OPENAI.encode(text, allowed_special="all")
    assert TRAINED.encode(text, allow_special=True) == with_special


def test_special_tokens_are_not_smuggled_in() -> None:
    """What a user types never becomes the end of a document, unless asked for."""
    assert max(TRAINED.encode(f"Bad: {END}")) < ORDINARY
    assert TRAINED.encode(f"a{END}", allow_special=True)[-1] == ORDINARY
    assert TRAINED.decode([ORDINARY]) == END


def test_special_tokens_come_last_as_added_in_hugging_face() -> None:
    """The ids are those of `tokenizers` with special tokens added after training."""
    theirs = hugging_face(EVERYTHING, 598)
    theirs.add_special_tokens([END, "<|end|>"])
    text = f"pizza{END}  <|end|>\n{END}{END}<|endoftex"
    assert TRAINED.encode(text, allow_special=True) == theirs.encode(text).ids


def test_the_longest_special_token_wins() -> None:
    """Where two special tokens begin alike, the longer one is meant."""
    tokenizer = BytePairTokenizer((), ("<a>", "<a><b>"))
    assert tokenizer.encode("<a><b><a>", allow_special=True) == [257, 256]


# Bad input


@pytest.mark.parametrize("text", ["\ud800", "pizza \udfff!", "\ud83c\udf55"])
def test_lone_surrogates_are_refused(text: str) -> None:
    """They have no UTF-8: better an error than another text."""
    with pytest.raises(ValueError, match="expected text without lone surrogates, got"):
        TRAINED.encode(text)
    with pytest.raises(ValueError, match="expected text without lone surrogates, got"):
        BytePairTokenizer.train(text, 300)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("size", [0, -1, 255, 256, 300.5, float("nan"), "300", 0x110000])
def test_impossible_sizes_are_refused(size: int) -> None:
    """There is room for the bytes and the special tokens, or an error that says so."""
    with pytest.raises(ValueError, match="expected a whole vocab_size from 257 to 1114111, got"):
        BytePairTokenizer.train("pizza", size, (END,))


@pytest.mark.parametrize("ids", [[-1], [600], [0, 10**20], [5, -5]])
def test_ids_outside_the_vocabulary_are_refused(ids: list[int]) -> None:
    """A negative id must not count from the end."""
    with pytest.raises(ValueError, match=r"expected ids in 0\.\.599, got"):
        TRAINED.decode(ids)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("ids", [[1.0], ["a"], "ab"])
def test_ids_that_are_no_integers_are_refused(ids: list[int]) -> None:
    """Nothing is rounded or guessed."""
    with pytest.raises(ValueError, match=r"expected whole numbers as ids: .* as an integer"):
        TRAINED.decode(ids)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("text", [5, b"ab", None])
def test_what_is_no_text_is_refused(text: str) -> None:
    """Bytes are not decoded by a guess."""
    with pytest.raises(ValueError, match=r"expected text as str, got (int|bytes|NoneType)"):
        TRAINED.encode(text)


@pytest.mark.usefixtures("unchecked_shapes")
def test_special_tokens_are_checked_before_anything_is_learned() -> None:
    """A text in the place of a tuple, which would be taken letter by letter, or a text twice."""
    with pytest.raises(ValueError, match="expected a tuple of special tokens, got the text 'éü'"):
        BytePairTokenizer.train("pizza", 300, "éü")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected tokens that differ"):
        BytePairTokenizer.train("pizza", 300, ("<a>", "<a>"))


@pytest.mark.parametrize(
    ("merges", "special_tokens", "message"),
    [
        (((0, 256),), (), "a merge of ids below 256, got 0 and 256"),
        (((0, -1),), (), "a merge of ids below 256, got 0 and -1"),
        (((-1, 0),), (), "a merge of ids below 256, got -1 and 0"),
        (((0, 1), (0, 1)), (), "tokens that differ"),
        (((0, 1), (1, 2), (256, 2), (0, 257)), (), "tokens that differ"),
        ((), ("a",), "tokens that differ"),
        ((), (END, END), "tokens that differ"),
        ((), ("",), "none empty"),
        ((), ("\ud800",), "without lone surrogates"),
    ],
)
def test_senseless_tokenizers_are_refused(
    merges: tuple[tuple[int, int], ...], special_tokens: tuple[str, ...], message: str
) -> None:
    """A merge joins tokens that exist; each token has one id, so that each id has one meaning."""
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(merges, special_tokens)


# Files


@given(TINY_TEXT)
@settings(max_examples=20)
def test_a_saved_tokenizer_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Loading what was saved gives an equal tokenizer."""
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer = BytePairTokenizer.train(text, 300, (END, "<|🍕|>"))
    tokenizer.save(path)
    assert BytePairTokenizer.load(path) == tokenizer
    assert [file.name for file in path.parent.iterdir()] == ["tokenizer.json"]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b'{"merges": [[1, 2]], "spec', "Unterminated string"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b"[]", "list indices"),
        (b"null", "not subscriptable"),
        (b"{}", "'merges'"),
        (b'{"merges": []}', "'special_tokens'"),
        (b'{"merges": 5, "special_tokens": []}', "not iterable"),
        (b'{"merges": [5], "special_tokens": []}', "cannot unpack"),
        (b'{"merges": [[1, 2, 3]], "special_tokens": []}', "too many values"),
        (b'{"merges": [[1, 256]], "special_tokens": []}', "expected a merge of ids below 256"),
        (b'{"merges": [["a", "b"]], "special_tokens": []}', "not supported between"),
        (b'{"merges": [[1.5, 2]], "special_tokens": []}', "list indices must be integers"),
        (b'{"merges": [], "special_tokens": [5]}', "expected text as str, got int"),
        (b'{"merges": [], "special_tokens": null}', "not iterable"),
        (b'{"merges": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"expected a saved tokenizer, got .*tokenizer\.json"
    ) as error:
        BytePairTokenizer.load(path)
    assert message in str(error.value)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing fails half-way, the file is the old one and nothing else is left."""
    path = tmp_path / "tokenizer.json"
    BytePairTokenizer((), (END,)).save(path)

    def full(self: Path, text: str, encoding: str) -> int:
        self.write_bytes(text.encode(encoding)[:10])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space left"):
        TRAINED.save(path)
    assert BytePairTokenizer.load(path).special_tokens == (END,)
    assert list(tmp_path.iterdir()) == [path]

"""Unigram: by hand, by brute force over all ways to cut, and against `tokenizers`."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from glassformer.tokenization import bpe, unigram
from glassformer.tokenization.unigram import UnigramTokenizer

CORPUS = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
# All stretches that are shorter than a word they stand in, and how often each stands there.
COUNTS = {
    "h": 15, "hu": 15, "hug": 15, "u": 36, "ug": 20, "g": 20, "p": 17, "pu": 17, "un": 16, "n": 16,
    "b": 4, "bu": 4, "ugs": 5, "gs": 5, "s": 5,
}  # fmt: skip
TEXTS = {
    "English": "The pizza came out of the oven and it tasted good. It's pizza day, isn't it? ",
    "code": "def f(x):\n    if x >= 10:\n        return x ** 2\n\n\treturn f(x+1)  # twice\n",
    "accents": "Crème brûlée, jalapeño, Zürich; e\u0301 is two characters, é is one. ",
    "Chinese": "披萨从烤箱里出来。味道很好。",
    "Hindi": "पिज़्ज़ा ओवन से निकला और वह स्वादिष्ट था। ",
    "emoji": "🍕🍕🔥 👩‍🍳👩🏽‍🍳 🇮🇹 ❤️",
    "spaces": "a    b\n\n\n   c\t\t d\r\n  \u3000e\u00a0f\u2003  ",
    "control": "\0\x01\x1f\x7f\x80 \ufeff\ufffd\u200b\x00\x00 <unk> </s>",
    "long runs": "a" * 60 + " " * 30 + "=" * 50 + "ab" * 20 + "\n" * 20,
    "nothing": "",
}
EVERYTHING = "".join(TEXTS.values())
END = "</s>"
# Few letters, so that pieces overlap and repeat within a word.
WORDS = st.dictionaries(st.text("aab ", min_size=1, max_size=7), st.integers(1, 5), min_size=1)
TINY_TEXT = st.text(st.sampled_from("aab '\n!1é🍕"), max_size=60)


def cuts(word: str, pieces: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """Every way to write a word as a row of pieces."""
    for places in itertools.product([False, True], repeat=max(len(word) - 1, 0)):
        ends = [0, *(i for i, cut in enumerate(places, start=1) if cut), len(word)]
        cut = tuple(word[i:j] for i, j in itertools.pairwise(ends))
        if all(piece in pieces for piece in cut):
            yield cut


def exact(word: str, p: Mapping[str, Fraction]) -> dict[tuple[str, ...], Fraction]:
    """The probability of every cut."""
    return {cut: math.prod((p[x] for x in cut), start=Fraction(1)) for cut in cuts(word, p)}


def shares(counts: Mapping[str, int]) -> dict[str, Fraction]:
    """Counts as exact probabilities."""
    return {piece: Fraction(n, sum(counts.values())) for piece, n in counts.items()}


def scores_of(p: Mapping[str, Fraction]) -> dict[str, float]:
    """Their logarithms."""
    return {piece: math.log(share) for piece, share in p.items()}


def vocabulary(words: Mapping[str, int], seed: int) -> dict[str, Fraction]:
    """All letters and some longer pieces, with random probabilities."""
    rng = np.random.default_rng(seed)
    kept = [x for x in unigram._seeds(words) if len(x) == 1 or rng.random() < 0.7]
    return shares({piece: int(rng.integers(1, 100)) for piece in kept})


def least_size(text: str) -> int:
    """Room for <unk> and the letters."""
    return 1 + len(set(text))


@cache
def trained_on(text: str) -> UnigramTokenizer:
    """A tokenizer of all letters of a text, and 20 pieces more."""
    return UnigramTokenizer.train(text, least_size(text) + 20)


def hugging_face(tokenizer: UnigramTokenizer) -> Tokenizer:
    """The Rust implementation, given our pieces, scores and cuts between chunks."""
    pieces = [("<unk>", 0.0), *zip(tokenizer.pieces, tokenizer.scores, strict=True)]
    theirs = Tokenizer(models.Unigram(pieces, unk_id=0))
    theirs.pre_tokenizer = pre_tokenizers.Split(Regex(bpe._CHUNK), "isolated")
    theirs.add_special_tokens(list(tokenizer.special_tokens))
    return theirs


TRAINED = UnigramTokenizer.train(EVERYTHING, least_size(EVERYTHING) + 60, (END, "</"))
TRAINED_ELSEWHERE = hugging_face(TRAINED)
ORDINARY = 1 + len(TRAINED.pieces)
KNOWN_TEXT = st.text(st.sampled_from(sorted({*EVERYTHING, "ж", "語"})))


# By hand


def test_the_five_words() -> None:
    """P(p) is 17/210, not 5/210: p ug and pu g come out at 340/44100 each."""
    p = shares(COUNTS)
    assert p["p"] == Fraction(17, 210)
    ways = exact("pug", p)
    assert ways["p", "ug"] == ways["pu", "g"] == Fraction(17 * 20, 210**2)
    assert ways["p", "u", "g"] == Fraction(17 * 36 * 20, 210**3)
    edges = unigram._edges("pug", scores_of(p))
    assert unigram._viterbi("pug", edges) == ["p", "ug"]  # of equals, the longer last piece
    assert math.exp(unigram._totals(3, edges)[-1]) == pytest.approx(float(sum(ways.values())))


def test_expected_uses_of_one_word() -> None:
    """The word ab is cut as ab (1/2) or a b (1/4 x 1/4): of nine, eight use ab."""
    p = {"ab": Fraction(1, 2), "a": Fraction(1, 4), "b": Fraction(1, 4)}
    expected, likelihood = unigram._expect({"ab": 9}, scores_of(p))
    assert expected == pytest.approx({"ab": 8, "a": 1, "b": 1})
    assert likelihood == pytest.approx(9 * math.log(Fraction(9, 16)))
    assert unigram._maximize(expected) == pytest.approx(
        {"ab": math.log(0.8), "a": math.log(0.1), "b": math.log(0.1)}
    )


def test_a_loss_by_hand() -> None:
    """Without ab the word keeps a b: 1/16 of 9/16, so each of nine words loses ln 9."""
    p = {"ab": Fraction(1, 2), "a": Fraction(1, 4), "b": Fraction(1, 4)}
    losses = unigram._losses({"ab": 9}, scores_of(p))
    assert losses == pytest.approx({"ab": 9 * math.log(9), "a": 0, "b": 0})


def test_seeds() -> None:
    """Every letter, and what stands in the text at least twice."""
    assert unigram._seeds({"aba": 1, "ab": 1, "c": 1}) == {"a": 3, "ab": 2, "b": 2, "c": 1}
    assert max(map(len, unigram._seeds({"x" * 50: 2}))) == unigram._LONGEST


def test_pruning_keeps_letters_and_what_is_dear() -> None:
    """A fifth goes at a time, the cheapest first; of equals the later in the alphabet."""
    scores = dict.fromkeys(["ab", "bc", "cd", "de", "a", "b", "c", "d", "e", "z"], -1.0)
    losses = dict.fromkeys(scores, 0.0) | {"ab": 1 - 1e-13, "bc": 3.0, "cd": 2.0, "de": 1.0}
    assert unigram._prune(scores, losses, 9).keys() == scores.keys() - {"de"}
    assert unigram._prune(scores, losses, 8).keys() == scores.keys() - {"de", "ab"}
    assert unigram._prune(scores, losses, 6).keys() == scores.keys() - {"de", "ab"}


def test_the_smallest_vocabularies() -> None:
    """First the letters, then one piece more, and special tokens beside them."""
    for more, pieces in ((0, {" ", "a", "b"}), (1, {" ", "a", "b", " aab"})):
        tokenizer = UnigramTokenizer.train(" aab aab aab", 5 + more, (END,))
        assert set(tokenizer.pieces) == pieces
        assert tokenizer.vocab_size == 5 + more


# Brute force


@given(WORDS, st.integers(0, 10**6))
def test_viterbi_finds_the_most_probable_cut(words: dict[str, int], seed: int) -> None:
    """No cut of any word is more probable, in exact fractions, than rounding could hide."""
    p = vocabulary(words, seed)
    for word in words:
        ways = exact(word, p)
        found = unigram._viterbi(word, unigram._edges(word, scores_of(p)))
        assert float(ways[tuple(found)] / max(ways.values())) > 1 - 1e-12


@given(WORDS, st.integers(0, 10**6))
def test_totals_are_sums_over_all_cuts(words: dict[str, int], seed: int) -> None:
    """For every beginning of a word."""
    p = vocabulary(words, seed)
    for word in words:
        totals = unigram._totals(len(word), unigram._edges(word, scores_of(p)))
        for end, total in enumerate(totals):
            right = sum(exact(word[:end], p).values()) if end else 1
            assert math.exp(total) == pytest.approx(float(right), rel=1e-12)


@given(WORDS, st.integers(0, 10**6))
def test_expected_uses_are_averages_over_all_cuts(words: dict[str, int], seed: int) -> None:
    """In exact fractions; and so is the log-likelihood."""
    p = vocabulary(words, seed)
    uses, likelihood = dict.fromkeys(p, Fraction(0)), 0.0
    for word, times in words.items():
        ways = exact(word, p)
        total = sum(ways.values())
        for cut, probability in ways.items():
            for piece in cut:
                uses[piece] += times * probability / total
        likelihood += times * math.log(total)
    expected, ours = unigram._expect(words, scores_of(p))
    assert ours == pytest.approx(likelihood, rel=1e-12, abs=1e-12)
    for piece in p:
        assert expected[piece] == pytest.approx(float(uses[piece]), rel=1e-9, abs=1e-12)


@given(WORDS, st.integers(0, 10**6))
@settings(max_examples=30)
def test_losses_are_exact(words: dict[str, int], seed: int) -> None:
    """The log-likelihood with the piece minus that without it, also where it stands twice."""
    p = vocabulary(words, seed)
    losses = unigram._losses(words, scores_of(p))
    assert losses.keys() == p.keys()
    for piece in p:
        lost = 0.0
        for word, times in words.items():
            if len(piece) > 1:
                without = {x: share for x, share in p.items() if x != piece}
                with_it, rest = sum(exact(word, p).values()), sum(exact(word, without).values())
                lost += times * math.log(with_it / rest)
        assert losses[piece] == pytest.approx(lost, rel=1e-9, abs=1e-9)
        assert losses[piece] >= -1e-9


# Invariants


@given(WORDS, st.integers(0, 10**6))
def test_em_never_makes_the_text_less_probable(words: dict[str, int], seed: int) -> None:
    """But for rounding, and for the billionth of a use that no piece goes below."""
    scores = scores_of(vocabulary(words, seed))
    last = -math.inf
    for _ in range(6):
        expected, likelihood = unigram._expect(words, scores)
        assert likelihood >= last - 1e-6
        scores, last = unigram._maximize(expected), likelihood


@given(WORDS, st.integers(0, 10**6))
def test_every_letter_is_used_once(words: dict[str, int], seed: int) -> None:
    """However a word is cut, each of its letters is in exactly one piece."""
    expected, _ = unigram._expect(words, scores_of(vocabulary(words, seed)))
    covered = sum(len(piece) * n for piece, n in expected.items())
    assert covered == pytest.approx(sum(len(word) * times for word, times in words.items()))


@given(WORDS, st.integers(0, 10**6))
def test_probabilities_sum_to_one(words: dict[str, int], seed: int) -> None:
    """After each M step, but for what the least use adds."""
    expected, _ = unigram._expect(words, scores_of(vocabulary(words, seed)))
    assert sum(map(math.exp, unigram._maximize(expected).values())) == pytest.approx(1, abs=1e-6)


@given(TINY_TEXT, st.integers(0, 10))
def test_the_size_asked_for(text: str, more: int) -> None:
    """Never more ids, all letters among them, and fewer only if there is nothing to add."""
    text = f"{text} {text}"  # so that much repeats
    tokenizer = UnigramTokenizer.train(text, least_size(text) + more)
    seeds = unigram._seeds(Counter(bpe._split(text)))
    assert len(tokenizer.pieces) == min(len(seeds), len(set(text)) + more)
    assert set(text) <= set(tokenizer.pieces) <= set(seeds)
    assert all(later <= score + 1e-8 for score, later in itertools.pairwise(tokenizer.scores))


@given(TINY_TEXT, st.integers(0, 30))
def test_known_letters_come_back(text: str, more: int) -> None:
    """White space and all."""
    tokenizer = UnigramTokenizer.train(text + "ab", least_size(text + "ab") + more)
    for other in (text, text[::-1], text * 2):
        assert tokenizer.decode(tokenizer.encode(other)) == other


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_kind_of_text_comes_back(text: str) -> None:
    """If its letters were learned from."""
    ids = TRAINED.encode(text)
    assert TRAINED.decode(ids) == text
    assert all(0 < i < ORDINARY for i in ids)


def test_unknown_letters() -> None:
    """A run of them within a chunk is one <unk>, and what is known beside it stays."""
    tokenizer = UnigramTokenizer((" a", "b", "a"), (-1.0, -2.0, -2.0))
    assert [tokenizer.tokens[i] for i in tokenizer.encode(" axyb xa\ty")] == [
        *(" a", "<unk>", "b", "<unk>", "a", "<unk>", "<unk>"),
    ]
    assert UnigramTokenizer((), ()).encode("ab c") == [0, 0]
    assert UnigramTokenizer((), ()).encode("") == []


def test_a_piece_may_be_long() -> None:
    """Training makes none of more than 16 letters, but somebody else may."""
    tokenizer = UnigramTokenizer(("a", "a" * 40), (-1.0, -2.0))
    assert tokenizer.encode("a" * 41) in ([1, 2], [2, 1])


# Oracle


@given(KNOWN_TEXT)
def test_cuts_as_hugging_face_does(text: str) -> None:
    """The same ids from the Rust implementation, unknown letters included."""
    assert TRAINED.encode(text) == TRAINED_ELSEWHERE.encode(text).ids or equal_scores(text)


def equal_scores(text: str) -> bool:
    """Whether the two ways to cut are equally probable, but for rounding."""
    totals = [
        math.fsum(TRAINED.scores[i - 1] if i else -100 for i in ids)
        for ids in (TRAINED.encode(text), TRAINED_ELSEWHERE.encode(text).ids)
    ]
    return abs(totals[0] - totals[1]) < 1e-9


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("learned_from", ["English", "code", "long runs"])
def test_cuts_every_kind_of_text_as_hugging_face_does(text: str, learned_from: str) -> None:
    """Also text of which most letters are unknown."""
    ours = trained_on(TEXTS[learned_from])
    assert ours.encode(text) == hugging_face(ours).encode(text).ids


# Special tokens


@given(st.lists(st.sampled_from([END, "</", "s>", ">", "a", " ", "it", "<unk>"])))
def test_special_tokens_as_in_hugging_face(pieces: list[str]) -> None:
    """Allowed, they get their own ids, and the longest wins; otherwise they are text."""
    text = "".join(pieces)
    assert TRAINED.encode(text, allow_special=True) == TRAINED_ELSEWHERE.encode(text).ids
    ids = TRAINED.encode(text)
    assert max(ids, default=0) < ORDINARY
    assert TRAINED.decode(ids) == text


# Bad input


@pytest.mark.parametrize("text", ["\ud800", "pizza \udfff!", "\ud83c\udf55"])
def test_lone_surrogates_are_refused(text: str) -> None:
    """As by our other tokenizers."""
    for attempt in (TRAINED.encode, lambda text: UnigramTokenizer.train(text, 300)):
        with pytest.raises(ValueError, match="expected text without lone surrogates, got"):
            attempt(text)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("text", [5, b"ab", None])
def test_what_is_no_text_is_refused(text: str) -> None:
    """Bytes are not decoded by a guess."""
    for attempt in (TRAINED.encode, lambda text: UnigramTokenizer.train(text, 300)):
        with pytest.raises(ValueError, match=r"expected text as str, got (int|bytes|NoneType)"):
            attempt(text)


@pytest.mark.usefixtures("unchecked_shapes")
def test_special_tokens_are_checked_before_anything_is_learned() -> None:
    """A text in the place of a tuple, which would be taken letter by letter, or a text twice."""
    message = "expected a tuple of special tokens, got the text 'éü'"
    with pytest.raises(ValueError, match=message):
        UnigramTokenizer(("a",), (-1.0,), "éü")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        UnigramTokenizer.train("pizza", 300, "éü")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected tokens that differ"):
        UnigramTokenizer.train("pizza", 2, ("<a>", "<a>"))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("size", [0, -1, 5, 5.5, float("nan"), "300", 0x110000])
def test_impossible_sizes_are_refused(size: int) -> None:
    """There is room for <unk>, the letters and the special tokens, or an error that says so."""
    with pytest.raises(ValueError, match="expected a whole vocab_size from 6 to 1114111, got"):
        UnigramTokenizer.train("pizza", size, (END,))
    assert UnigramTokenizer.train("pizza", 6, (END,)).vocab_size == 6


@pytest.mark.parametrize("ids", [[-1], [TRAINED.vocab_size], [0, 10**20], [5, -5]])
def test_ids_outside_the_vocabulary_are_refused(ids: list[int]) -> None:
    """A negative id must not count from the end."""
    with pytest.raises(ValueError, match=rf"expected ids in 0\.\.{TRAINED.vocab_size - 1}, got"):
        TRAINED.decode(ids)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("ids", [[1.0], ["a"], "ab"])
def test_ids_that_are_no_integers_are_refused(ids: list[int]) -> None:
    """Nothing is rounded or guessed."""
    with pytest.raises(ValueError, match=r"expected whole numbers as ids: .* as an integer"):
        TRAINED.decode(ids)


@pytest.mark.parametrize(
    ("pieces", "scores", "special_tokens", "message"),
    [
        (("a", "b", "a"), (-1.0, -1.0, -1.0), (), "tokens that differ"),
        (("a", "<unk>"), (-1.0, -1.0), (), "tokens that differ"),
        (("a",), (-1.0,), ("a",), "tokens that differ"),
        (("",), (-1.0,), (), "none empty"),
        (("\ud800",), (-1.0,), (), "without lone surrogates"),
        (("a", "b"), (-1.0,), (), "a finite score for each piece"),
        (("a",), (-1.0, -1.0), (), "a finite score for each piece"),
        (("a",), (math.nan,), (), "a finite score for each piece"),
        (("a",), (-math.inf,), (), "a finite score for each piece"),
    ],
)
def test_senseless_tokenizers_are_refused(
    pieces: tuple[str, ...],
    scores: tuple[float, ...],
    special_tokens: tuple[str, ...],
    message: str,
) -> None:
    """Each token has one id, and each piece a score that can be added."""
    with pytest.raises(ValueError, match=message):
        UnigramTokenizer(pieces, scores, special_tokens)


# Files


@given(TINY_TEXT)
@settings(max_examples=20)
def test_a_saved_tokenizer_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Loading what was saved gives an equal tokenizer, to the last digit of each score."""
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer = UnigramTokenizer.train(text, least_size(text) + 12, (END, "<|🍕🍕|>"))
    tokenizer.save(path)
    assert UnigramTokenizer.load(path) == tokenizer
    assert [file.name for file in path.parent.iterdir()] == ["tokenizer.json"]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b"[]", "list indices"),
        (b'{"pieces": [], "scores": []}', "'special_tokens'"),
        (b'{"merges": [], "special_tokens": []}', "'pieces'"),
        (b'{"pieces": ["a"], "scores": [], "special_tokens": []}', "a finite score"),
        (b'{"pieces": ["a"], "scores": [NaN], "special_tokens": []}', "a finite score for"),
        (b'{"pieces": ["a"], "scores": ["b"], "special_tokens": []}', "real number"),
        (b'{"pieces": [5], "scores": [1], "special_tokens": []}', "expected text as str, got int"),
        (b'{"pieces": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"expected a saved tokenizer, got .*tokenizer\.json"
    ) as error:
        UnigramTokenizer.load(path)
    assert message in str(error.value)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    """Anybody can read it."""
    path = tmp_path / "tokenizer.json"
    UnigramTokenizer(("a",), (-0.5,), (END,)).save(path)
    saved = json.loads(path.read_text())
    assert saved == {"pieces": ["a"], "scores": [-0.5], "special_tokens": [END]}

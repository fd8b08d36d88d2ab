"""WordPiece: by hand, by property, and against `tokenizers`."""

import itertools
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from glassformer.tokenization import wordpiece
from glassformer.tokenization.wordpiece import WordPieceTokenizer

CORPUS = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
FIVE_WORDS = " ".join(word for word, times in CORPUS.items() for _ in range(times))
TEXTS = {
    "English": "The pizza came out of the oven and it tasted good. It's pizza day, isn't it? ",
    "code": "def f(x):\n    if x >= 10:\n        return x ** 2\n\n\treturn f(x+1)  # twice ##s\n",
    "accents": "Crème brûlée, jalapeño, Zürich; e\u0301 is two characters, é is one. ",
    "Chinese": "披萨从烤箱里出来。味道很好。",
    "Hindi": "पिज़्ज़ा ओवन से निकला और वह स्वादिष्ट था। ",
    "emoji": "🍕🍕🔥 👩‍🍳👩🏽‍🍳 🇮🇹 ❤️",
    "signs": "$5 + 3 < 10 ^ 2 = `x` | ~y @home #1 ## [UNK] [CLS] «so»",
    "spaces": "a    b\n\n\n   c\t\t d\r\n  \u3000e\u00a0f\u2003  ",
    "control": "\0\x01\x1f\x7f\x80 \ufeff\ufffd\u200b\x00\x00",
    "long runs": "a" * 90 + " " * 200 + "=" * 150 + "ab" * 40 + "\n" * 50,
    "nothing": "",
}
EVERYTHING = " ".join(TEXTS.values())
# Few letters, so that pairs repeat and scores tie, and signs that are words of their own.
TINY_TEXT = st.text(st.sampled_from("aaabbc  #'é🍕"), max_size=60)


def train(text: str, merges: int, special_tokens: tuple[str, ...] = ()) -> WordPieceTokenizer:
    """Learn so many merges, whatever the size of the alphabet."""
    letters = {letter for word in wordpiece._split(text) for letter in wordpiece._letters(word)}
    size = 1 + len(letters) + merges + len(special_tokens)
    return WordPieceTokenizer.train(text, size, special_tokens)


def show(tokenizer: WordPieceTokenizer, text: str) -> str:
    """The tokens of a text, with a space between them."""
    return " ".join(tokenizer.tokens[i] for i in tokenizer.encode(text))


def hugging_face(tokenizer: WordPieceTokenizer) -> Tokenizer:
    """The Rust implementation, given our pieces; and long words, which it would give up on."""
    ordinary = tokenizer.tokens[: 1 + len(tokenizer.pieces)]
    model = models.WordPiece(
        {piece: i for i, piece in enumerate(ordinary)}, max_input_chars_per_word=10**6
    )
    theirs = Tokenizer(model)
    theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    theirs.decoder = decoders.WordPiece(cleanup=False)
    theirs.add_special_tokens(list(tokenizer.special_tokens))
    return theirs


def naive(words: dict[str, int], number: int) -> list[str]:
    """Slow but obviously right training: all counts anew for each merge, and exact fractions."""
    spelled = {word: wordpiece._letters(word) for word in words}
    pieces = list(dict.fromkeys(itertools.chain(*spelled.values())))
    for _ in range(number):
        single, pairs = Counter[str](), Counter[tuple[str, str]]()
        for word, spelling in spelled.items():
            for piece in spelling:
                single[piece] += words[word]
            for pair in itertools.pairwise(spelling):
                pairs[pair] += words[word]
        if not pairs:
            break
        place = {piece: i for i, piece in enumerate(pieces)}
        ranked = sorted(
            (-Fraction(n, single[a] * single[b]), place[a], place[b], a, b)
            for (a, b), n in pairs.items()
        )
        *_, left, right = ranked[0]
        new = left + right[2:]
        for spelling in spelled.values():
            for i in range(len(spelling)):
                if spelling[i : i + 2] == [left, right]:
                    spelling[i : i + 2] = [new]
        pieces.append(new)
    return pieces


def cut_differently() -> set[str]:
    """The characters at which `regex` and `tokenizers` cut differently: one has newer tables."""
    assigned = regex.findall(r"[^\p{Cn}\p{Cs}]", "".join(map(chr, range(0x110000))))
    probe = "".join(f"a{character}b " for character in assigned)
    ours = {match.span() for match in regex.finditer(wordpiece._WORD, probe)}
    theirs = {span for _, span in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(probe)}
    return {assigned[begin // 4] for begin, _ in ours ^ theirs}


NEWER = cut_differently()
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KNOWN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=NEWER))
TRAINED = train(EVERYTHING, 100, ("[CLS]", "[SEP]", "[S"))
TRAINED_ELSEWHERE = hugging_face(TRAINED)
ORDINARY = 1 + len(TRAINED.pieces)


# By hand


def test_the_five_words() -> None:
    """The first merges are gs, hu, hugs and hug: 2/45 for hu + ##g is less than 1/15."""
    alphabet = ("h", "##u", "##g", "p", "##n", "b", "##s")
    assert train(FIVE_WORDS, 0).pieces == alphabet
    assert train(FIVE_WORDS, 4).pieces == (*alphabet, "##gs", "hu", "hugs", "hug")


def test_scores_of_the_five_words() -> None:
    """After two merges hu + ##g has 10 / (15 x 15) = 2/45, and hu + ##gs the best, 1/15."""
    counts = {"hg": 10, "hS": 5, "pu": 17, "ug": 5, "un": 16, "bu": 4}  # h is hu, S is ##gs
    single = {"h": 15, "g": 15, "S": 5, "p": 17, "u": 21, "n": 16, "b": 4}
    assert wordpiece._best(counts, single) == "hS"
    del counts["hS"]
    assert Fraction(10, 15 * 15) < Fraction(17, 17 * 21)
    assert wordpiece._best(counts, single) == "bu"  # of four equals the one of lowest ids


def test_the_longest_piece_goes_first() -> None:
    """From the left, and not the fewest pieces."""
    tokenizer = WordPieceTokenizer(("a", "ab", "##b", "##c", "##d", "##bcd"))
    assert show(tokenizer, "abcd") == "ab ##c ##d"
    assert show(tokenizer, "abcd abb ac") == "ab ##c ##d ab ##b a ##c"


def test_a_word_that_cannot_be_spelled_is_unknown_as_a_whole() -> None:
    """One letter is enough; the words beside it do not notice."""
    tokenizer = WordPieceTokenizer(("a", "##b", "b"))
    assert show(tokenizer, "ab abx ba b") == "a ##b [UNK] [UNK] b"
    assert tokenizer.encode("x") == [0]


def test_where_words_are_cut() -> None:
    """At white space, which is dropped, and around every sign."""
    words = wordpiece._split("It's\u3000(not) $5+3^2\t\n a_b «c» 9.5")
    assert " ".join(words) == "It ' s ( not ) $ 5 + 3 ^ 2 a _ b « c » 9 . 5"


def test_decoding_glues() -> None:
    """A piece with ## continues the word before it, if there is one."""
    tokenizer = WordPieceTokenizer(("h", "##u", "##g", "!"), ("[CLS]",))
    assert tokenizer.decode([1, 2, 3, 1, 4, 0, 5]) == "hug h ! [UNK] [CLS]"
    assert tokenizer.decode([2, 3]) == "##ug"
    assert tokenizer.decode([]) == ""


# Invariants


@given(TINY_TEXT, st.integers(0, 30))
def test_trains_as_the_naive_way(text: str, number: int) -> None:
    """The same pieces in the same order, also where scores tie and runs overlap."""
    words = Counter(wordpiece._split(text))
    assert list(train(text, number).pieces) == naive(words, number)


def test_trains_as_the_naive_way_on_all_kinds_of_text() -> None:
    """Also over hundreds of merges."""
    assert list(train(EVERYTHING, 150).pieces) == naive(Counter(wordpiece._split(EVERYTHING)), 150)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_words_come_back_one_space_apart(text: str) -> None:
    """What is learned from comes back, but for white space, and nothing is unknown."""
    ids = TRAINED.encode(text)
    assert 0 not in ids
    assert TRAINED.decode(ids) == " ".join(wordpiece._split(text))


@given(TINY_TEXT)
def test_decoded_text_is_encoded_alike(text: str) -> None:
    """A second round trip changes nothing."""
    tokenizer = train(text + " abc", 5)
    ids = tokenizer.encode(text)
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


@given(ANY_TEXT)
def test_white_space_is_only_a_cut(text: str) -> None:
    """More of it, or another kind, changes nothing; and each word is encoded by itself."""
    words = wordpiece._split(text)
    ids = TRAINED.encode(text)
    assert ids == TRAINED.encode(" \n".join(words) + "\t")
    assert ids == list(itertools.chain(*map(TRAINED.encode, words)))
    assert all(0 <= i < ORDINARY for i in ids)


@given(st.text(st.sampled_from("abc"), min_size=1, max_size=12))
def test_each_piece_is_the_longest(word: str) -> None:
    """No longer piece of the vocabulary would have fitted at its place."""
    tokenizer = WordPieceTokenizer(("a", "b", "ab", "##a", "##b", "##c", "##ca", "##bab", "abca"))
    ids = tokenizer.encode(word)
    if ids == [0]:
        assert word.startswith("c")
        return
    rest = word
    for i in ids:
        mark = "" if rest is word else "##"
        fitting = [
            p for p in tokenizer.pieces if p.startswith(mark) and rest.startswith(p[len(mark) :])
        ]
        fitting = [p for p in fitting if p.startswith("##") == bool(mark)]
        assert tokenizer.tokens[i] == max(fitting, key=len)
        rest = rest[len(tokenizer.tokens[i]) - len(mark) :]
    assert rest == ""


@given(TINY_TEXT, st.integers(0, 30), st.integers(0, 30))
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(text: str, a: int, b: int) -> None:
    """More merges never change the first ones."""
    smaller, larger = (train(text, n).pieces for n in sorted((a, b)))
    assert larger[: len(smaller)] == smaller


# Oracles


@given(KNOWN_TEXT)
def test_encodes_as_hugging_face_does(text: str) -> None:
    """The same ids, and the same text back."""
    ids = TRAINED.encode(text)
    assert ids == TRAINED_ELSEWHERE.encode(text).ids
    assert TRAINED.decode(ids) == TRAINED_ELSEWHERE.decode(ids, skip_special_tokens=False)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("learned_from", ["English", "code", "long runs"])
def test_encodes_every_kind_of_text_as_hugging_face_does(text: str, learned_from: str) -> None:
    """Also text of which many words are unknown."""
    ours = train(TEXTS[learned_from], 40)
    assert ours.encode(text) == hugging_face(ours).encode(text).ids


@settings(max_examples=200)
@given(TINY_TEXT, TINY_TEXT, st.integers(0, 20))
def test_encodes_as_hugging_face_does_on_small_texts(text: str, other: str, number: int) -> None:
    """Also where pieces overlap."""
    ours = train(text, number)
    assert ours.encode(other) == hugging_face(ours).encode(other).ids


@given(st.lists(st.integers(0, TRAINED.vocab_size - 1)))
def test_any_ids_decode_as_in_hugging_face(ids: list[int]) -> None:
    """A model may write any ids in a row."""
    text = TRAINED.decode(ids)
    assert text == TRAINED_ELSEWHERE.decode(ids, skip_special_tokens=False)
    assert TRAINED.decode(np.array(ids, dtype=np.int64)) == text


def test_hugging_face_trains_by_count() -> None:
    """The page says so: this fails if `tokenizers` changes its mind."""
    theirs = Tokenizer(models.WordPiece())
    theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=15, special_tokens=["[UNK]"], show_progress=False
    )
    theirs.train_from_iterator([FIVE_WORDS], trainer)
    ids = theirs.get_vocab()
    assert sorted(ids, key=lambda piece: ids[piece])[12:] == ["##ug", "##un", "hug"]


# Special tokens


@given(
    st.lists(st.sampled_from(["[CLS]", "[S", "[SEP]", "[UNK]", "[", "]", "CLS", " ", "a", "it"]))
)
def test_special_tokens_as_in_hugging_face(pieces: list[str]) -> None:
    """Allowed, they get their own ids, and the longest wins; otherwise they are text."""
    text = "".join(pieces)
    ids = TRAINED.encode(text, allow_special=True)
    assert ids == TRAINED_ELSEWHERE.encode(text).ids
    assert max(TRAINED.encode(text), default=0) < ORDINARY


# Bad input


@pytest.mark.parametrize("text", ["\ud800", "pizza \udfff!", "\ud83c\udf55"])
def test_lone_surrogates_are_refused(text: str) -> None:
    """As by our other tokenizers."""
    for attempt in (TRAINED.encode, lambda text: WordPieceTokenizer.train(text, 300)):
        with pytest.raises(ValueError, match="expected text without lone surrogates, got"):
            attempt(text)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("text", [5, b"ab", None])
def test_what_is_no_text_is_refused(text: str) -> None:
    """Bytes are not decoded by a guess."""
    for attempt in (TRAINED.encode, lambda text: WordPieceTokenizer.train(text, 300)):
        with pytest.raises(ValueError, match=r"expected text as str, got (int|bytes|NoneType)"):
            attempt(text)


@pytest.mark.usefixtures("unchecked_shapes")
def test_special_tokens_are_checked_before_anything_is_learned() -> None:
    """A text in the place of a tuple, which would be taken letter by letter, or a text twice."""
    message = "expected a tuple of special tokens, got the text 'éü'"
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(("a",), "éü")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer.train("pizza", 300, "éü")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected tokens that differ"):
        WordPieceTokenizer.train("pizza", 2, ("<a>", "<a>"))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("size", [0, -1, 5, 5.5, float("nan"), "300", 0x110000])
def test_impossible_sizes_are_refused(size: int) -> None:
    """There is room for [UNK], the letters and the special tokens, or an error that says so."""
    with pytest.raises(ValueError, match="expected a whole vocab_size from 6 to 1114111, got"):
        WordPieceTokenizer.train("pizza", size, ("[CLS]",))
    assert WordPieceTokenizer.train("pizza", 6, ("[CLS]",)).vocab_size == 6


def test_a_text_that_runs_out_of_pairs_is_no_error() -> None:
    """There are fewer ids then."""
    assert WordPieceTokenizer.train("aba", 300).tokens == ("[UNK]", "a", "##b", "##a", "ab", "aba")
    assert WordPieceTokenizer.train("", 300).tokens == ("[UNK]",)
    assert WordPieceTokenizer.train("", 1).encode("pizza!") == [0, 0]


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
    ("pieces", "special_tokens", "message"),
    [
        (("a", "b", "a"), (), "tokens that differ"),
        (("a", "[UNK]"), (), "tokens that differ"),
        (("a",), ("a",), "tokens that differ"),
        (("a",), ("b", "b"), "tokens that differ"),
        ((), ("[UNK]",), "tokens that differ"),
        (("",), (), "none empty"),
        (("a",), ("",), "none empty"),
        (("\ud800",), (), "without lone surrogates"),
    ],
)
def test_senseless_tokenizers_are_refused(
    pieces: tuple[str, ...], special_tokens: tuple[str, ...], message: str
) -> None:
    """Each token has one id, so that each id has one meaning."""
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(pieces, special_tokens)


# Files


@given(TINY_TEXT)
@settings(max_examples=20)
def test_a_saved_tokenizer_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Loading what was saved gives an equal tokenizer."""
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer = train(text, 20, ("[CLS]", "<|🍕|>"))
    tokenizer.save(path)
    assert WordPieceTokenizer.load(path) == tokenizer
    assert [file.name for file in path.parent.iterdir()] == ["tokenizer.json"]


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b"[]", "list indices"),
        (b'{"pieces": []}', "'special_tokens'"),
        (b'{"merges": [], "special_tokens": []}', "'pieces'"),
        (b'{"pieces": 5, "special_tokens": []}', "not iterable"),
        (b'{"pieces": [5], "special_tokens": []}', "expected text as str, got int"),
        (b'{"pieces": ["a", "a"], "special_tokens": []}', "tokens that differ"),
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
        WordPieceTokenizer.load(path)
    assert message in str(error.value)

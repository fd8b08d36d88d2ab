"""The pizza world: its ground truth is true, its chances are what they claim to be."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer import pizza
from glassformer.pizza import Sentence

# What each ending is about, written down here a second time.
MEANS = {
    "tasted good": "food",
    "tasted great": "food",
    "was delicious": "food",
    "was too salty": "food",
    "was too hot": "appliance",
    "was too old": "appliance",
    "was switched off": "appliance",
    "needed repair": "appliance",
    "was good": "either",
    "was great": "either",
    "looked good": "either",
    "looked great": "either",
}
WORDS = st.sampled_from(pizza.VOCABULARY[1:])


def draw(count: int, p_food: float = 0.5, seed: int = 0) -> list[Sentence]:
    """The first sentences of an endless stream."""
    return list(islice(pizza.sentences(np.random.default_rng(seed), p_food), count))


def ending(sentence: Sentence) -> str:
    """The words after "it"."""
    return str(sentence).split(" it ")[1]


def chi_squared(values: Iterable[str], kinds: int) -> float:
    """How far counts are from equal; about `kinds` if they are drawn with equal chances."""
    counts = Counter(values)
    assert len(counts) == kinds
    expected = counts.total() / kinds
    return sum((count - expected) ** 2 / expected for count in counts.values())


# By hand


def test_who_eats_whom() -> None:
    """What eats as it should is a "yum", and the other way round a "yikes"."""
    answers = {str(meal): meal.answer for meal in pizza.meals()}
    assert answers["Squatch eats pizza"] == "yum"
    assert answers["pizza eats Squatch"] == "yikes"
    assert len(answers) == 2 * len(pizza.CREATURES) * len(pizza.FOODS)
    assert Counter(answers.values())["yum"] == len(answers) / 2
    for meal in pizza.meals():
        assert meal.words[meal.asked] == "eats"
        assert meal.parts_of_speech in (("name", "verb", "noun"), ("noun", "verb", "name"))


def test_the_sentences_of_the_introduction_are_in_the_world() -> None:
    """The running example can be drawn, word for word, and encoded."""
    drawn = {str(sentence): sentence for sentence in draw(20_000)}
    good = drawn["the pizza came out of the oven and it tasted good"]
    hot = drawn["the pizza came out of the oven and it was too hot"]
    assert (good.answer, good.referent, good.rival) == ("pizza", 1, 6)
    assert (hot.answer, hot.referent, hot.rival) == ("oven", 6, 1)
    assert good.parts_of_speech == (
        *("determiner", "noun", "verb", "adverb", "preposition", "determiner", "noun"),
        *("conjunction", "pronoun", "verb", "adjective"),
    )
    assert pizza.encode([["tell", "me", "about", "pizza"]]).shape == (1, 4)


# Ground truth


def test_it_means_what_its_ending_fits() -> None:
    """The answer follows from the words of the ending, where these decide it."""
    for sentence in draw(1000):
        kind = MEANS[ending(sentence)]
        assert sentence.ambiguous == (kind == "either")
        expected = {"food": pizza.FOODS, "appliance": pizza.APPLIANCES}.get(
            kind, pizza.FOODS + pizza.APPLIANCES
        )
        assert sentence.answer in expected


def test_positions_point_to_the_words_they_speak_of() -> None:
    """What is asked about is "it"; referent and rival are the only food and the only appliance."""
    nouns = {*pizza.FOODS, *pizza.APPLIANCES}
    for sentence in draw(1000):
        assert sentence.referent is not None
        assert sentence.rival is not None
        assert sentence.words[sentence.asked] == "it"
        assert sentence.words[sentence.referent] == sentence.answer
        found = [i for i, word in enumerate(sentence.words) if word in nouns]
        assert sorted([sentence.referent, sentence.rival]) == found
        pair = {sentence.words[i] in pizza.FOODS for i in found}
        assert pair == {True, False}


def test_every_word_has_its_part_of_speech() -> None:
    """One for each word; the same word may be a verb here and an adjective there."""
    tags: dict[str, set[str]] = {}
    for sentence in draw(1000):
        for word, part in zip(sentence.words, sentence.parts_of_speech, strict=True):
            tags.setdefault(word, set()).add(part)
    assert tags.pop("baked") == {"verb", "adjective"}
    assert all(len(parts) == 1 for parts in tags.values())
    assert tags["it"] == {"pronoun"}
    assert tags["oven"] == {"noun"}


# Chances


def test_words_are_drawn_with_equal_chances() -> None:
    """No food, appliance, creature or ending is favoured, so that none can be guessed."""
    sentences = draw(6000)
    # With k kinds, chi squared exceeds k - 1 + 4 sqrt(2 (k - 1)) by chance less than once in 1000.
    for options in (pizza.FOODS, pizza.APPLIANCES, pizza.CREATURES, pizza.ADJECTIVES):
        words = [
            word
            for sentence in sentences
            for word, part in zip(sentence.words, sentence.parts_of_speech, strict=True)
            if word in options and (part == "adjective" or word not in pizza.ADJECTIVES)
        ]
        free = len(options) - 1
        assert chi_squared(words, len(options)) < free + 4 * math.sqrt(2 * free)
    assert chi_squared(map(ending, sentences), 12) < 11 + 4 * math.sqrt(22)


@pytest.mark.parametrize("p_food", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_it_means_the_food_as_often_as_asked(p_food: float) -> None:
    """After an ending that fits both, and only there, `p_food` decides."""
    unclear = [sentence for sentence in draw(6000, p_food) if sentence.ambiguous]
    share = np.mean([sentence.answer in pizza.FOODS for sentence in unclear])
    # Four standard deviations of the mean of so many coins: none for 0 and 1.
    assert abs(share - p_food) <= 4 * math.sqrt(p_food * (1 - p_food) / len(unclear))


def test_texts_that_differ_in_p_food_differ_in_nothing_else() -> None:
    """The same generator gives the same words; only unclear sentences may change their truth."""
    rare, often = draw(1000, 0.1), draw(1000, 0.9)
    assert [str(sentence) for sentence in rare] == [str(sentence) for sentence in often]
    changed = [a for a, b in zip(rare, often, strict=True) if a != b]
    assert changed
    assert all(sentence.ambiguous for sentence in changed)


def test_the_generator_decides_everything() -> None:
    """The same seed gives the same sentences, another seed gives others."""
    assert draw(100, seed=1) == draw(100, seed=1)
    assert draw(100, seed=1) != draw(100, seed=2)


@pytest.mark.parametrize("p_food", [-0.1, 1.1, math.nan])
def test_a_chance_outside_0_and_1_is_refused_at_once(p_food: float) -> None:
    """The error comes with the call, not with the first sentence."""
    with pytest.raises(ValueError, match="expected p_food between 0 and 1, got"):
        pizza.sentences(np.random.default_rng(0), p_food)


# Ids


@given(st.lists(st.lists(WORDS, min_size=1), min_size=1, max_size=5))
def test_encoding_comes_back(texts: list[list[str]]) -> None:
    """Any texts of known words survive the way to ids and back, padded to the longest."""
    ids = pizza.encode(texts)
    assert ids.shape == (len(texts), max(map(len, texts)))
    assert [pizza.decode(row) for row in ids] == texts


def test_the_vocabulary_holds_every_word_once() -> None:
    """Padding is id 0, no word has two ids, and whatever is drawn has one."""
    assert len(set(pizza.VOCABULARY)) == len(pizza.VOCABULARY)
    assert pizza.encode([["it"], ["it", "it"]]).tolist()[0][1] == 0
    assert pizza.encode([sentence.words for sentence in draw(1000)]).min() == 0
    assert pizza.encode([sentence.words for sentence in pizza.meals()]).min() > 0


def test_what_is_not_in_the_vocabulary_is_refused() -> None:
    """Unknown words, ids outside the table, and nothing at all are errors that say so."""
    with pytest.raises(ValueError, match=r"expected words of the pizza world, got \['sushi'\]"):
        pizza.encode([["the", "sushi"]])
    empty: list[list[list[str]]] = [[], [[]], [["it"], []]]
    for nothing in empty:
        with pytest.raises(ValueError, match=r"expected texts of at least one word, got \["):
            pizza.encode(nothing)
    with pytest.raises(ValueError, match=r"expected ids in 0\.\.\d+, got \[-1, 1000\]"):
        pizza.decode([-1, 1, 1000])

"""The vocabulary of all pizza texts and models: complete, without doubles, compatible."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer import pizza, pizza_words
from glassformer.pizza_reviews import reviews
from glassformer.pizza_texts import sentences, stories, texts
from glassformer.pizza_translation import translate

WORDS = st.sampled_from(pizza_words.VOCABULARY[1:])


def everything(rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """Texts of each kind, questions, summaries and translations among them."""
    yield from islice(texts(rng), 1000)
    for review in islice(reviews(rng), 1000):
        yield review.words
    for story in islice(stories(rng), 1000):
        yield story.summary
        yield from (question.words for question in story.questions)
    for sentence in islice(sentences(rng), 1000):
        yield translate(sentence).words


def test_a_word_has_the_same_id_as_in_the_smaller_world() -> None:
    """The vocabulary begins with that of `pizza`, and no word comes twice."""
    assert pizza_words.VOCABULARY[: len(pizza.VOCABULARY)] == pizza.VOCABULARY
    assert len(set(pizza_words.VOCABULARY)) == len(pizza_words.VOCABULARY)
    text = ["tell", "me", "about", "pizza"]
    assert pizza_words.encode([text]).tolist() == pizza.encode([text]).tolist()


def test_every_text_can_be_encoded_and_every_word_is_used() -> None:
    """The vocabulary misses nothing, and holds nothing in vain but the words of the meals."""
    used = {word for text in everything(np.random.default_rng(0)) for word in text}
    meals = {"eats", "tell", "me", "about", "yum", "yikes"}
    assert {*pizza_words.VOCABULARY} - {*pizza_words.SPECIAL} == used | meals
    assert used.isdisjoint(pizza_words.SPECIAL)


def test_every_english_word_has_a_part_of_speech() -> None:
    """Special tokens have none; words that `pizza` knows keep theirs."""
    assert {*pizza_words.ENGLISH} - {*pizza_words.SPECIAL} == {*pizza_words.PART_OF_SPEECH}
    assert pizza.PART_OF_SPEECH.items() <= pizza_words.PART_OF_SPEECH.items()


def test_different_words_have_different_translations() -> None:
    """Only "was" and "were" share theirs; no toy word but the names is an English one."""
    translated = {word for word in pizza_words.TOY if word != "were"}
    extra = [pizza_words.BAKED, pizza_words.IT_FOOD, pizza_words.IT_APPLIANCE, pizza_words.MANY]
    toys = [*(pizza_words.TOY[word] for word in translated), *extra]
    assert len(set(toys)) == len(toys)
    assert {*toys} & {*pizza_words.ENGLISH} == {*pizza.CREATURES}
    assert pizza_words.TOY["were"] == pizza_words.TOY["was"]


@given(st.lists(st.lists(WORDS, min_size=1), min_size=1, max_size=5))
def test_encoding_comes_back(many: list[list[str]]) -> None:
    """Any texts of known words survive the way to ids and back, padded to the longest."""
    ids = pizza_words.encode(many)
    assert ids.shape == (len(many), max(map(len, many)))
    assert [pizza_words.decode(row) for row in ids] == many


def test_what_is_not_in_the_vocabulary_is_refused() -> None:
    """Unknown words and ids outside the larger table are errors that say so."""
    with pytest.raises(ValueError, match=r"expected words of the pizza world, got \['sushi'\]"):
        pizza_words.encode([["the", "sushi"]])
    size = len(pizza_words.VOCABULARY)
    with pytest.raises(ValueError, match=rf"expected ids in 0\.\.{size - 1}, got \[{size}\]"):
        pizza_words.decode([size - 1, size])

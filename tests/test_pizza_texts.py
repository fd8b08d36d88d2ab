"""Sentences with number and stories: the ground truth is true, the chances are exact."""

import math
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer import pizza
from glassformer.pizza_grammar import parts_of_speech
from glassformer.pizza_texts import (
    Sentence,
    Story,
    log_probability,
    sentences,
    stories,
    texts,
)

# What an ending is about, and its form for several, written down here a second time.
ABOUT = {
    **dict.fromkeys(("tasted good", "tasted great", "was delicious", "was too salty"), "food"),
    **dict.fromkeys(
        ("was too hot", "was too old", "was switched off", "needed repair"), "appliance"
    ),
    **dict.fromkeys(("was good", "was great", "looked good", "looked great"), "either"),
}
FOODS = (*pizza.FOODS, "fish", *(f"{food}s" for food in pizza.FOODS))


def some_sentences(count: int = 2000, seed: int = 0) -> list[Sentence]:
    """The first sentences of an endless stream."""
    return list(islice(sentences(np.random.default_rng(seed)), count))


def some_stories(count: int = 1000, seed: int = 0) -> list[Story]:
    """The first stories of an endless stream."""
    return list(islice(stories(np.random.default_rng(seed)), count))


# Sentences, by hand


def test_number_shows_where_the_word_does_not() -> None:
    """For "fish", "the" and "came", one and several look alike; "they" tells."""
    one = "the fish came out of the oven and it tasted good"
    drawn = {str(s): s.numbers for s in some_sentences(60_000)}
    assert drawn[one] == (
        *("singular", "singular", "singular", "none", "none", "singular", "singular"),
        *("none", "singular", "singular", "none"),
    )
    assert drawn[one.replace("it", "they")] == (
        *("plural", "plural", "plural", "none", "none", "singular", "singular"),
        *("none", "plural", "plural", "none"),
    )


def test_number_decides_what_the_ending_leaves_open() -> None:
    """Where only one noun has the number of the pronoun, that is what it means."""
    decided = [s for s in some_sentences() if ABOUT[ending(s)] == "either" and not s.ambiguous]
    assert len(decided) > 200
    for sentence in decided:
        assert sentence.rival is not None
        assert sentence.numbers[sentence.rival] != sentence.numbers[sentence.asked]


# Sentences, ground truth


def ending(sentence: Sentence) -> str:
    """What is said of "it", in the singular."""
    return " ".join(sentence.words[sentence.asked + 1 :]).replace("were", "was")


def test_it_means_what_the_ending_and_the_number_fit() -> None:
    """The referent fits both; a rival fits both exactly if the sentence is ambiguous."""
    for s in some_sentences():
        assert s.referent is not None
        assert s.rival is not None
        assert s.words[s.asked] in ("it", "they")
        assert s.answer == s.words[s.referent]
        about = ABOUT[ending(s)]
        fits = [
            s.numbers[noun] == s.numbers[s.asked]
            and about in ("either", "food" if s.words[noun] in FOODS else "appliance")
            for noun in (s.referent, s.rival)
        ]
        assert fits == [True, s.ambiguous]


def test_words_agree() -> None:
    """Nouns in -s are plural, "it", "was" and names are not; "the" has its noun's number."""
    for s in some_sentences():
        assert len(s.words) == len(s.parts_of_speech) == len(s.numbers)
        for i, (word, part, number) in enumerate(
            zip(s.words, s.parts_of_speech, s.numbers, strict=True)
        ):
            if part == "noun" and word != "fish":
                assert number == ("plural" if word.endswith("s") else "singular")
            if word in ("they", "were"):
                assert number == "plural"
            if word in ("it", "was") or part == "name":
                assert number == "singular"
            if part == "determiner":
                assert number == next(
                    n for n, p in zip(s.numbers[i:], s.parts_of_speech[i:], strict=True)
                    if p == "noun"
                )  # fmt: skip
            assert (number == "none") == (
                part in ("adverb", "preposition", "conjunction")
                or (part == "adjective" and i > s.asked)
            )


def test_a_verb_has_the_number_of_its_subject() -> None:
    """Creatures are one each, whatever they put; appliances bake alone or together."""
    for s in some_sentences():
        verbs = [i for i, part in enumerate(s.parts_of_speech[: s.asked]) if part == "verb"]
        subject = 0 if s.parts_of_speech[0] == "name" else verbs[0] - 1
        assert {s.numbers[i] for i in verbs} == {s.numbers[subject]}


def test_nothing_can_be_guessed() -> None:
    """Number and truth are fair coins, each food, fish among them, is as likely as another."""
    drawn = some_sentences(6000)
    # Four standard deviations of a mean of so many coins.
    four = 2 / math.sqrt(len(drawn))
    assert abs(np.mean([s.words[s.asked] == "it" for s in drawn]) - 0.5) < four
    assert abs(np.mean([s.answer in FOODS for s in drawn]) - 0.5) < four
    tasted = Counter(s.answer.removesuffix("s") for s in drawn if ABOUT[ending(s)] == "food")
    expected = tasted.total() / 9
    assert len(tasted) == 9
    # Chi squared of 8 free counts exceeds 8 + 4 standard deviations less than once in 1000.
    assert sum((n - expected) ** 2 / expected for n in tasted.values()) < 8 + 4 * 4


# Stories


def test_a_story_by_hand() -> None:
    """Words, summary and answers of the first story in which a "big" pizza is ready."""
    story = next(s for s in some_stories() if "the big pizza came" in str(s))
    cook = story.words[story.words.index("pizza") - 4]
    food = story.words.index("came") - 1
    said = {q.kind: (" ".join(q.words), " ".join(story.words[q.start : q.stop]))
            for q in story.questions}  # fmt: skip
    oven = story.words[food + 5]
    assert said["came"] == (f"what came out of the {oven} ?", "the big pizza")
    assert said["who"] == (f"who put the pizza into the {oven} ?", cook)
    assert story.summary[2:4] == ("of", cook)


def test_answers_follow_from_the_story() -> None:
    """Each answer is found a second time, by reading the three sentences."""
    for story in some_stories():
        first, second, third, rest = str(story).split(" .")
        assert rest == ""
        event, said = third.split(" and it ")
        came, out = (part.strip() for part in event.split(" came out of "))
        meals = dict(who.split(" put ") for who in (first.strip(), second.strip()))
        cook = next(who for who, meal in meals.items() if meal == f"{came} into {out}")
        other = next(meal for who, meal in meals.items() if who != cook)
        about = came if ABOUT[said] == "food" else out
        answers = {q.kind: " ".join(story.words[q.start : q.stop]) for q in story.questions}
        assert answers == {
            "came": came,
            "who": cook,
            "which": about,
            "where": other.split(" into ")[1],
        }
        asked = {q.kind: " ".join(q.words) for q in story.questions}
        assert asked["which"] == f"what {said} ?"
        assert asked["where"].split()[3] == other.split(" into ")[0].split()[-1]
        assert " ".join(story.summary) == f"the {about.split()[-1]} of {cook} {said}"
        assert story.words[story.referent] == about.split()[-1]
        assert story.words[story.asked] == "it"
        assert {story.words[story.referent], story.words[story.rival]} == {
            came.split()[-1],
            out.split()[-1],
        }
        assert len(story.parts_of_speech) == len(story.words)


def test_the_answer_of_which_is_where_it_is_said() -> None:
    """The span lies in the third sentence, with "it", though the words come earlier too."""
    for story in some_stories(200):
        which = next(q for q in story.questions if q.kind == "which")
        third = len(story.words) - story.words[::-1].index(".", 1)
        assert third <= which.start < which.stop <= story.asked


# Chances


def test_chances_by_hand() -> None:
    """A coin for the kind of text, then what the grammar says, multiplied out."""
    scene, plain, adjective, kind, end, nouns, numbers = (
        1 / 5,
        3 / 4,
        1 / 12,
        1 / 3,
        1 / 4,
        1 / 64,
        1 / 4,
    )
    pieces = scene * kind * end * nouns * numbers / 2
    for text, chance in {
        "the pizza came out of the oven and it tasted good": pieces * plain * 8 / 9,
        "the pizza came out of the oven and it was too hot": pieces * plain,
        # Both truths give the same words.
        "the pizza came out of the oven and it was good": pieces * plain,
        # The pronoun tells which of the two coins fell.
        "the pizzas came out of the oven and it was good": pieces * plain / 2,
        "the oven baked the baked pizza and it was too hot": pieces * adjective,
        "Yeti put the pizza into the oven and it was too hot": pieces * plain / 4,
        # A ninth food; one of two coins for its number, as for the others.
        "the fish came out of the oven and they tasted good": pieces * plain * 8 / 9,
        "Yeti put the pizza into the oven . Squatch put the big pie into the grill . "
        "the pizza came out of the oven and it tasted good .": (
            plain * adjective / 2 / 2 / 2 / 4 / (4 * 3 * 8 * 7 * 8 * 7)
        ),
    }.items():
        assert math.exp(log_probability(text.split())) == pytest.approx(chance, rel=1e-9), text


@pytest.mark.parametrize(
    "text",
    [
        "the pizza came out of the oven and they tasted good",
        "the pizzas came out of the oven and they was delicious",
        "the fish came out of the oven and it was too hot",
        "the pizza came out of the pie and it tasted good",
        "the oven came out of the pizza and it was too hot",
        "the pizza came out of the oven and it tasted",
        (
            "Yeti put the pizza into the oven . Yeti put the pie into the grill . "
            "the pizza came out of the oven and it tasted good ."
        ),
        (
            "Yeti put the pizza into the oven . Squatch put the pie into the grill . "
            "the pizza came out of the grill and it tasted good ."
        ),
        (
            "Yeti put the big pizza into the oven . Squatch put the pie into the grill . "
            "the fresh pizza came out of the oven and it tasted good ."
        ),
        "",
    ],
)
def test_what_is_not_a_text_has_no_chance(text: str) -> None:
    """Wrong agreement, a food that bakes, an end that is missing, a story that does not hold."""
    assert log_probability(text.split()) == -math.inf


def test_there_are_as_many_texts_as_the_chances_say() -> None:
    """The mean of 1 / chance is the number of different texts: of both kinds as counted by hand."""
    drawn = list(islice(texts(np.random.default_rng(0)), 20_000))
    weights = np.exp([-log_probability(words) for words in drawn])
    assert np.isfinite(weights).all()
    long = np.array([words[-1] == "." for words in drawn])
    # Scenes and creatures, adjective or none, then for each kind of ending what is left.
    food, appliance = (16 + 2) * 16 * 4, 16 * 16 * 4
    either = 16 * 16 * 4 * 3 // 2  # "it" or "they", if the nouns differ in number
    count_sentences = (2 + 3 * 4) * (1 + 3) * (food + appliance + either)
    # No adjective, one here, one there, or two; which meal; endings; creatures, foods, appliances.
    count_stories = (1 + 3 + 3 + 6) * 2 * 8 * (4 * 3) * (8 * 7) * (8 * 7)
    for kind, count in ((~long, count_sentences), (long, count_stories)):
        sample = weights * kind
        assert abs(sample.mean() / count - 1) < 4 * sample.std() / count / math.sqrt(len(drawn))
        assert sample.std() / count / math.sqrt(len(drawn)) < 0.02
    assert abs(long.mean() - 0.5) < 2 / math.sqrt(len(drawn))


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_a_word_in_the_wrong_place_is_noticed(seed: int, place: int) -> None:
    """No text has "oven" after a word that is not "the"."""
    words = list(next(texts(np.random.default_rng(seed))))
    place = place % len(words) + 1
    if words[place - 1] != "the":
        words.insert(place, "oven")
        assert log_probability(words) == -math.inf


def test_the_generator_decides_everything() -> None:
    """The same seed gives the same texts, another seed gives others."""
    assert some_sentences(100) == some_sentences(100)
    assert some_stories(100) == some_stories(100)
    assert some_sentences(100) != some_sentences(100, seed=1)


def test_baked_is_a_verb_and_an_adjective() -> None:
    """The only word with two parts of speech has each in its place."""
    assert parts_of_speech(["the", "oven", "baked", "the", "baked", "pizza"]) == (
        *("determiner", "noun", "verb", "determiner", "adjective", "noun"),
    )

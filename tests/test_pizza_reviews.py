"""Reviews: the verdict is what a reader would say, and counting words does not find it."""

import math
from collections import Counter
from itertools import islice

import numpy as np

from glassformer.pizza_reviews import Review, reviews

GOOD = {"good", "great", "delicious", "fresh"}
BAD = {"bad", "awful", "cold", "burnt"}


def some(count: int = 4000, seed: int = 0) -> list[Review]:
    """The first reviews of an endless stream."""
    return list(islice(reviews(np.random.default_rng(seed)), count))


def half_is_positive(half: str) -> bool:
    """The verdict of half a review, read a second time."""
    words = half.split()
    (adjective,) = (GOOD | BAD) & {*words}
    return (adjective in GOOD) != ("not" in words)


def halves(review: Review) -> tuple[str, str | None]:
    """The half that counts, and the other one, if there are two."""
    text = str(review)
    if " but " in text:
        other, counts = text.split(" but ")
        return counts, other
    if text.startswith("although "):
        cut = text.rindex(" the ")
        return text[cut:], text[len("although ") : cut]
    if " although " in text:
        counts, other = text.split(" although ")
        return counts, other
    return text, None


def test_the_half_that_counts_decides() -> None:
    """What follows "but" counts, what follows "although" does not, "not" turns a verdict round."""
    for review in some():
        counts, other = halves(review)
        assert half_is_positive(counts) == review.positive
        if other is not None:
            assert half_is_positive(other) != review.positive
            assert counts.split()[1] != other.split()[1]
        kind = "mixed" if other else "negated" if "not" in counts.split() else "plain"
        assert review.kind == kind
        assert len(review.parts_of_speech) == len(review.words)


def test_verdicts_and_kinds_are_as_often_as_said() -> None:
    """Half of the reviews are positive, half of them mixed, 3 in 10 of the others negated."""
    drawn = some()
    bound = 2 / math.sqrt(len(drawn))  # four standard deviations of a coin
    kinds = Counter(review.kind for review in drawn)
    assert abs(np.mean([review.positive for review in drawn]) - 0.5) < bound
    assert abs(kinds["mixed"] / len(drawn) - 0.5) < bound
    assert abs(kinds["negated"] / len(drawn) - 0.15) < bound
    assert any("not bad at all" in str(review) for review in drawn)


def test_counting_words_is_not_enough() -> None:
    """The best linear rule on counts of words is far from right; on mixed reviews it guesses."""
    drawn = some()
    words = sorted({word for review in drawn for word in review.words})
    counts = np.array([[review.words.count(w) for w in words] for review in drawn], float)
    truth = np.array([1.0 if review.positive else -1.0 for review in drawn])
    half = len(drawn) // 2
    rule = np.linalg.lstsq(counts[:half], truth[:half], rcond=None)[0]
    right = (counts[half:] @ rule > 0) == (truth[half:] > 0)
    mixed = np.array([review.kind == "mixed" for review in drawn[half:]])
    assert 0.5 < right.mean() < 0.7
    assert abs(right[mixed].mean() - 0.5) < 2 / math.sqrt(mixed.sum())


def test_the_generator_decides_everything() -> None:
    """The same seed gives the same reviews, another seed gives others."""
    assert some(100) == some(100)
    assert some(100) != some(100, seed=1)

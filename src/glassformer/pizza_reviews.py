"""Reviews of pizza and service, whose verdict cannot be read off a single word.

"not bad at all" is praise, and in "the pizza was good but the service was awful" the second half
counts: whoever only counts words is often wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassformer import pizza
from glassformer.pizza_grammar import parts_of_speech
from glassformer.pizza_words import BLAME, PRAISE

SUBJECTS = (*pizza.FOODS, "service")
P_MIXED = 0.5
P_NOT = 0.3


@dataclass(frozen=True)
class Review:
    """A review and its verdict.

    Attributes:
        words: The review.
        positive: The verdict.
        kind: "plain", "negated" ("not"), or "mixed": of two halves, of which one counts.
    """

    words: tuple[str, ...]
    positive: bool
    kind: str

    def __str__(self) -> str:
        """Return the words with a space between them."""
        return " ".join(self.words)

    @property
    def parts_of_speech(self) -> tuple[str, ...]:
        """One for each word."""
        return parts_of_speech(self.words)


def reviews(rng: np.random.Generator) -> Iterator[Review]:
    """Yield reviews, for ever; half of them are positive, and half of each kind.

    What follows "but" counts; what follows "although" does not.
    """
    while True:
        positive, mixed = bool(rng.random() < 0.5), bool(rng.random() < P_MIXED)
        first, second = rng.choice(SUBJECTS, size=2, replace=False)
        counts, other = _half(rng, first, praise=positive), _half(rng, second, praise=not positive)
        text = counts
        if mixed:
            patterns = ("{0} but {1}", "although {0} {1}", "{1} although {0}")
            text = pizza.draw(rng, patterns).format(other, counts)
        kind = "mixed" if mixed else "negated" if "not" in text.split() else "plain"
        yield Review(tuple(text.split()), positive, kind)


def _half(rng: np.random.Generator, subject: str, *, praise: bool) -> str:
    """Write "the pizza was good", or "the pizza was not bad" or "not bad at all"."""
    negated = rng.random() < P_NOT
    adjective = pizza.draw(rng, PRAISE if praise != negated else BLAME)
    before = "not " if negated else ""
    after = " at all" if negated and rng.random() < 0.5 else ""
    return f"the {subject} was {before}{adjective}{after}"

"""Patterns: texts with slots that words are drawn for, so that a text can be drawn and be counted.

A pattern is a tuple of words and slots: "the FOOD1 came out of the APPLIANCE1". FOOD1 and FOOD2
are two different foods of one text, numbered as they appear.
"""

from collections.abc import Sequence

import numpy as np

from glassformer import pizza
from glassformer.pizza_words import PART_OF_SPEECH, PLURALS

SLOTS = {
    "FOOD": pizza.FOODS,
    "FOODS": tuple(PLURALS[food] for food in pizza.FOODS),
    "APPLIANCE": pizza.APPLIANCES,
    "APPLIANCES": tuple(PLURALS[appliance] for appliance in pizza.APPLIANCES),
    "CREATURE": pizza.CREATURES,
    "ADJECTIVE": pizza.ADJECTIVES,
}
_KINDS = {word: kind for kind, words in SLOTS.items() for word in words}


def fill(rng: np.random.Generator, symbols: Sequence[str]) -> tuple[str, ...]:
    """Draw a word for each slot, never the same word for two."""
    drawn: dict[str, str] = {}
    for slot in symbols:
        if slot[:-1] in SLOTS and slot not in drawn:
            left = [word for word in SLOTS[slot[:-1]] if word not in drawn.values()]
            drawn[slot] = pizza.draw(rng, left)
    return tuple(drawn.get(symbol, symbol) for symbol in symbols)


def to_pattern(words: Sequence[str]) -> tuple[str, ...]:
    """Put the slots back: the opposite of `fill`."""
    seen: dict[str, list[str]] = {kind: [] for kind in SLOTS}
    pattern = []
    for before, word in zip(("", *words), words, strict=False):
        kind = _KINDS.get(word)
        if kind is None or (word == "baked" and before != "the"):
            pattern.append(word)
            continue
        if word not in seen[kind]:
            seen[kind].append(word)
        pattern.append(f"{kind}{seen[kind].index(word) + 1}")
    return tuple(pattern)


def parts_of_speech(words: Sequence[str]) -> tuple[str, ...]:
    """Return one for each word; "baked" is an adjective after "the", and otherwise a verb."""
    return tuple(
        "adjective" if (before, word) == ("the", "baked") else PART_OF_SPEECH[word]
        for before, word in zip(("", *words), words, strict=False)
    )

"""The toy world of the running example: who eats what, what came out of where, what "it" means.

A small probabilistic grammar. Every sentence comes with its ground truth, so that whatever a page
claims a model has understood can be counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

FOODS = ("pizza", "bread", "pie", "cake", "soup", "lasagne", "stew", "pasta")
APPLIANCES = ("oven", "microwave", "toaster", "grill", "steamer", "stove", "fryer", "cooker")
CREATURES = ("Squatch", "Yeti", "Nessie", "Kraken")
ADJECTIVES = ("big", "fresh", "baked")

# Capitals stand for a word drawn from the tuple of that kind.
_KINDS = {"FOOD": FOODS, "APPLIANCE": APPLIANCES, "CREATURE": CREATURES, "ADJECTIVE": ADJECTIVES}
SCENES = (
    "the FOOD came out of the APPLIANCE",
    "the APPLIANCE baked the FOOD",
    "CREATURE took the FOOD out of the APPLIANCE",
    "CREATURE put the FOOD into the APPLIANCE",
    "CREATURE opened the APPLIANCE and saw the FOOD",
)
ENDINGS = {
    "food": ("tasted good", "tasted great", "was delicious", "was too salty"),
    "appliance": ("was too hot", "was too old", "was switched off", "needed repair"),
    "either": ("was good", "was great", "looked good", "looked great"),
}
_PARTS_OF_SPEECH = {
    "determiner": "the",
    "pronoun": "it me",
    "conjunction": "and",
    "preposition": "of into about",
    "adverb": "out off too",
    "verb": "came baked took put opened saw tasted was looked needed switched eats tell",
    "adjective": "good great delicious salty hot old",
    "noun": " ".join((*FOODS, *APPLIANCES, "repair")),
    "name": " ".join(CREATURES),
    "interjection": "yum yikes",
}
PART_OF_SPEECH = {word: part for part, words in _PARTS_OF_SPEECH.items() for word in words.split()}

PADDING = "<padding>"
VOCABULARY = (PADDING, *dict.fromkeys((*PART_OF_SPEECH, *ADJECTIVES)))


@dataclass(frozen=True)
class Sentence:
    """A sentence, a question about one of its words, and the true answer.

    Attributes:
        words: The sentence.
        parts_of_speech: One for each word; "baked" is a verb here and an adjective there.
        asked: Position of the word that is asked about: "it" or "eats".
        answer: What "it" means, such as "pizza"; or what to say to it, "yum" or "yikes".
        referent: Position of the noun that "it" means, if there is an "it".
        rival: Position of the other noun that "it" might have meant.
        ambiguous: Whether the words leave open which of the two it is.
    """

    words: tuple[str, ...]
    parts_of_speech: tuple[str, ...]
    asked: int
    answer: str
    referent: int | None = None
    rival: int | None = None
    ambiguous: bool = False

    def __str__(self) -> str:
        """Return the words with a space between them."""
        return " ".join(self.words)


def sentences(rng: np.random.Generator, p_food: float = 0.5) -> Iterator[Sentence]:
    """Yield sentences such as "the pizza came out of the oven and it tasted good", for ever.

    Args:
        rng: Source of all randomness.
        p_food: How often "it" means the food when the ending fits both: "it was good".

    Raises:
        ValueError: If `p_food` is not a probability.
    """
    if not 0 <= p_food <= 1:
        raise ValueError(f"expected p_food between 0 and 1, got {p_food}")
    return _sentences(rng, p_food)


def _sentences(rng: np.random.Generator, p_food: float) -> Iterator[Sentence]:
    """Apart from `sentences`, which refuses bad input when called, not at the first sentence."""
    while True:
        fits = draw(rng, tuple(ENDINGS))
        means_food = rng.random() < p_food if fits == "either" else fits == "food"
        pattern = f"{draw(rng, SCENES)} and it {draw(rng, ENDINGS[fits])}"
        if rng.random() < 0.25:
            pattern = pattern.replace("FOOD", "ADJECTIVE FOOD")
        symbols = pattern.split()
        words, parts = _fill(rng, symbols)
        food, appliance = symbols.index("FOOD"), symbols.index("APPLIANCE")
        referent, rival = (food, appliance) if means_food else (appliance, food)
        yield Sentence(
            words=words,
            parts_of_speech=parts,
            asked=words.index("it"),
            answer=words[referent],
            referent=referent,
            rival=rival,
            ambiguous=fits == "either",
        )


def _fill(
    rng: np.random.Generator, symbols: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw a word for each symbol; what a word is depends on the symbol it stands for."""
    words = tuple(draw(rng, _KINDS[s]) if s in _KINDS else s for s in symbols)
    parts = tuple(
        "adjective" if symbol == "ADJECTIVE" else PART_OF_SPEECH[word]
        for symbol, word in zip(symbols, words, strict=True)
    )
    return words, parts


def draw(rng: np.random.Generator, options: Sequence[str]) -> str:
    """Draw one of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def meals() -> list[Sentence]:
    """Return every "Squatch eats pizza" (answer: yum) and "pizza eats Squatch" (yikes)."""
    return [
        Sentence(words, tuple(PART_OF_SPEECH[word] for word in words), asked=1, answer=answer)
        for creature in CREATURES
        for food in FOODS
        for words, answer in (
            ((creature, "eats", food), "yum"),
            ((food, "eats", creature), "yikes"),
        )
    ]


def encode(
    texts: Sequence[Sequence[str]], vocabulary: Sequence[str] = VOCABULARY
) -> Int[np.ndarray, "B T"]:
    """Turn texts, given as words, into ids, padded at the end to the longest.

    Args:
        texts: What to encode.
        vocabulary: All words; the id of a word is its place. Padding comes first.

    Raises:
        ValueError: If there is no text, one has no word, or a word is not in the vocabulary.
    """
    if not all(texts) or not texts:
        raise ValueError(f"expected texts of at least one word, got {list(texts)}")
    unknown = sorted({word for text in texts for word in text} - set(vocabulary))
    if unknown:
        raise ValueError(f"expected words of the pizza world, got {unknown}")
    id_of = {word: i for i, word in enumerate(vocabulary)}
    ids = np.full((len(texts), max(map(len, texts))), id_of[PADDING])
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = [id_of[word] for word in text]
    return ids


def decode(
    ids: Sequence[int] | Int[np.ndarray, " T"], vocabulary: Sequence[str] = VOCABULARY
) -> list[str]:
    """Turn ids back into words, leaving out padding.

    Args:
        ids: What to decode.
        vocabulary: That with which it was encoded.

    Raises:
        ValueError: If an id is outside the vocabulary.
    """
    outside = [int(i) for i in ids if not 0 <= i < len(vocabulary)]
    if outside:
        raise ValueError(f"expected ids in 0..{len(vocabulary) - 1}, got {outside}")
    return [vocabulary[i] for i in ids if vocabulary[i] != PADDING]

"""Translations of pizza sentences into a toy language, with the true alignment of the words.

Behind its subject, a clause of the toy language is English in the mirror: "Squatch put the big
pizza into the oven" becomes "Squatch oven into pizza big put". So the verb comes last, adjectives
follow their nouns, and prepositions become postpositions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from glassformer import pizza
from glassformer.pizza_texts import Sentence
from glassformer.pizza_words import BAKED, IT_APPLIANCE, IT_FOOD, MANY, SINGULARS, TOY


@dataclass(frozen=True)
class Translation:
    """What a sentence is in the toy language.

    Attributes:
        words: The toy sentence.
        alignment: For each toy word the position of the English word that it translates.
        asked: Position of the toy pronoun: "sha" if it means a food, "sho" an appliance.
    """

    words: tuple[str, ...]
    alignment: tuple[int, ...]
    asked: int

    def __str__(self) -> str:
        """Return the words with a space between them."""
        return " ".join(self.words)


def translate(sentence: Sentence) -> Translation:
    """Translate a sentence word by word, in the order of the toy language.

    The pronoun has the gender of what it means, so that to translate is to know it. "ri" follows a
    noun or pronoun that means several: also "fish", whose English word does not tell.
    """
    pairs = [(word, i) for i in _order(sentence) for word in _words(sentence, i)]
    words, alignment = zip(*pairs, strict=True)
    return Translation(words, alignment, alignment.index(sentence.asked))


def _order(sentence: Sentence) -> Iterator[int]:
    """Positions in the toy order: of each clause the subject, then the rest, both mirrored."""
    ends = [i for i, word in enumerate(sentence.words) if word == "and"]
    starts = [0, *(i + 1 for i in ends)]
    for start, end in zip(starts, (*ends, len(sentence.words)), strict=True):
        verb = sentence.parts_of_speech.index("verb", start)
        yield from range(verb - 1, start - 1, -1)
        yield from range(end - 1, verb - 1, -1)
        yield from (end,) * (end < len(sentence.words))


def _words(sentence: Sentence, i: int) -> Iterator[str]:
    """The toy words for one English word: none, one, or a noun and the word for several."""
    word, part = sentence.words[i], sentence.parts_of_speech[i]
    singular = SINGULARS.get(word, word)
    if i == sentence.asked:
        meant = SINGULARS.get(sentence.answer, sentence.answer)
        yield IT_APPLIANCE if meant in pizza.APPLIANCES else IT_FOOD
    elif (word, part) == ("baked", "adjective"):
        yield BAKED
    elif singular in TOY:
        yield TOY[singular]
    if part in ("noun", "pronoun") and sentence.numbers[i] == "plural":
        yield MANY

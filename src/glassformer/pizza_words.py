"""All words of the pizza world: more English than `pizza` has, a toy language, special tokens.

One vocabulary serves every text and every model. It begins with that of `pizza`, so that a word
has the same id in both.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from glassformer import pizza

MASK, BEGIN, END = "<mask>", "<begin>", "<end>"
CLASSIFY, SEPARATE = "<classify>", "<separate>"
SPECIAL = (pizza.PADDING, MASK, BEGIN, END, CLASSIFY, SEPARATE)

# Its plural looks like its singular: only "it" or "they", later on, tells how many there are.
FISH = "fish"
PLURALS = {noun: f"{noun}s" for noun in (*pizza.FOODS, *pizza.APPLIANCES)}
SINGULARS = {plural: noun for noun, plural in PLURALS.items()}
PRAISE = ("good", "great", "delicious", "fresh")
BLAME = ("bad", "awful", "cold", "burnt")

_MORE_ENGLISH = {
    "noun": " ".join((*SINGULARS, FISH, "service")),
    "pronoun": "they all who what",
    "verb": "were is",
    "adverb": "not where",
    "adjective": " ".join(("big", *PRAISE, *BLAME)),
    "preposition": "at",
    "conjunction": "but although",
    "punctuation": ". ?",
}
PART_OF_SPEECH = pizza.PART_OF_SPEECH | {
    word: part for part, words in _MORE_ENGLISH.items() for word in words.split()
}

# Foods end in -a, appliances in -o, adjectives in -i, verbs in -ek. Names stay as they are; "the"
# and the "of" in "out of" are not translated. "baked" as an adjective is another word: see BAKED.
_TOY = {
    pizza.FOODS: "mopa lira tuka bela sopa guda rofa pata",
    pizza.APPLIANCES: "kero mivo dosto grilo zumo stavo frito bulo",
    pizza.CREATURES: " ".join(pizza.CREATURES),
    ("came", "baked", "took", "put", "opened", "saw"): "venek horek tomek metek abrek videk",
    ("tasted", "was", "were", "looked", "needed"): "gustek esek esek mirek nusek",
    ("switched", "out", "off", "into", "too", "and"): "klikek ul uz im tro e",
    ("good", "great", "delicious", "salty", "hot", "old"): "boni magi nami sali kali seni",
    ("big", "fresh", FISH, "repair"): "dubi novi fila fixo",
}
TOY = {
    word: toy for words, toys in _TOY.items() for word, toy in zip(words, toys.split(), strict=True)
}
BAKED = "hori"
# "it" and "they" agree with what they mean; MANY follows a noun or pronoun that means several.
IT_FOOD, IT_APPLIANCE, MANY = "sha", "sho", "ri"

ENGLISH = tuple(dict.fromkeys((*pizza.VOCABULARY, *SPECIAL, *PART_OF_SPEECH)))
VOCABULARY = tuple(
    dict.fromkeys((*ENGLISH, *TOY.values(), BAKED, IT_FOOD, IT_APPLIANCE, MANY)),
)


def encode(texts: Sequence[Sequence[str]]) -> Int[np.ndarray, "B T"]:
    """Turn texts, given as words, into ids, padded at the end to the longest.

    Raises:
        ValueError: If there is no text, one has no word, or a word is not in the vocabulary.
    """
    return pizza.encode(texts, VOCABULARY)


def decode(ids: Sequence[int] | Int[np.ndarray, " T"]) -> list[str]:
    """Turn ids back into words, leaving out padding.

    Raises:
        ValueError: If an id is outside the vocabulary.
    """
    return pizza.decode(ids, VOCABULARY)

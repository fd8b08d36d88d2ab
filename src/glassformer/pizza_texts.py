"""Sentences with number, and stories with a summary and questions: texts of the pizza world.

`texts` is what a language model learns. Its grammar is a list of patterns with their chances, so
that `log_probability` knows exactly how likely a text is, and which ones there are not.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from glassformer import pizza
from glassformer.pizza_grammar import SLOTS, fill, parts_of_speech, to_pattern
from glassformer.pizza_words import FISH

_CLEAR = ("food", "appliance")
P_ADJECTIVE = 0.25


@dataclass(frozen=True)
class Sentence(pizza.Sentence):
    """A sentence about one or several things, such as "the pizzas baked and they tasted good".

    "it" and "they" count as evidence: where only one of the nouns has the right number, the
    sentence is not ambiguous, whatever its ending.

    Attributes:
        numbers: For each word "singular", "plural" or "none": a noun's or pronoun's own, a
            verb's that of its subject, that of the noun for "the" and an adjective before it.
    """

    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """A question about a story, whose answer is a part of it.

    Attributes:
        words: The question.
        kind: "came" (what came out?), "who" (put it in?), "which" (was too hot?: what "it"
            means) or "where" (is what did not come out?).
        start: Position of the answer's first word in the story.
        stop: Position after its last word.
    """

    words: tuple[str, ...]
    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class Story:
    """Two creatures cook, one meal is ready: three sentences, each with its full stop.

    Attributes:
        words: The story.
        summary: One sentence: whose food or appliance, and what about it.
        questions: One of each kind.
        asked: Position of "it".
        referent: Position of the noun that "it" means.
        rival: Position of the noun of the same sentence that "it" might have meant.
    """

    words: tuple[str, ...]
    summary: tuple[str, ...]
    questions: tuple[Question, ...]
    asked: int
    referent: int
    rival: int

    def __str__(self) -> str:
        """Return the words with a space between them."""
        return " ".join(self.words)

    @property
    def parts_of_speech(self) -> tuple[str, ...]:
        """One for each word."""
        return parts_of_speech(self.words)


def sentences(rng: np.random.Generator) -> Iterator[Sentence]:
    """Yield sentences such as "the pizzas came out of the oven and they tasted good", for ever."""
    chances, plans = zip(*_sentence_plans(), strict=True)
    while True:
        symbols, means_food, ambiguous = plans[rng.choice(len(plans), p=chances)]
        words = fill(rng, symbols)
        parts, asked = parts_of_speech(words), _index(symbols, "it", "they")
        food = _index(symbols, "FOOD1", "FOODS1", FISH)
        appliance = _index(symbols, "APPLIANCE1", "APPLIANCES1")
        referent, rival = (food, appliance) if means_food else (appliance, food)
        numbers = _numbers(symbols, parts, asked)
        yield Sentence(words, parts, asked, words[referent], referent, rival, ambiguous, numbers)


def stories(rng: np.random.Generator) -> Iterator[Story]:
    """Yield stories, for ever."""
    chances, plans = zip(*_story_plans(), strict=True)
    while True:
        symbols, ready, means_food = plans[rng.choice(len(plans), p=chances)]
        yield _story(symbols, fill(rng, symbols), ready, means_food=means_food)


def texts(rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """Yield the words of sentences and stories, equally often, for ever: a corpus to learn."""
    single, long = sentences(rng), stories(rng)
    while True:
        yield next(single).words if rng.random() < 0.5 else next(long).words


def log_probability(words: Sequence[str]) -> float:
    """Return the logarithm of the chance that `texts` yields this text next; -inf if it cannot.

    Minus its mean over many texts is the entropy: the loss in nats, a text, of the best model.
    """
    pattern = to_pattern(words)
    if pattern not in _chances():
        return -math.inf
    slots = {symbol for symbol in pattern if symbol[:-1] in SLOTS}
    options = (len(SLOTS[slot[:-1]]) + 1 - int(slot[-1]) for slot in slots)
    return math.log(_chances()[pattern]) - sum(map(math.log, options))


@cache
def _sentence_plans() -> list[tuple[float, tuple[tuple[str, ...], bool, bool]]]:
    """List each pattern of a sentence: its chance, whether "it" is the food, and is ambiguous."""
    plans = []
    coins = product((False, True), repeat=5)
    for described, foods, appliances, means_food, fish in coins:
        for scene, fits in product(pizza.SCENES, pizza.ENDINGS):
            chance = P_ADJECTIVE if described else 1 - P_ADJECTIVE
            chance *= 0.5 if fits == "either" else (fits == "food") == means_food
            # As one more food, where "it" or "they" will tell its number.
            p_fish = 1 / (len(pizza.FOODS) + 1) if fits == "food" else 0.0
            chance *= p_fish if fish else 1 - p_fish
            if not chance:
                continue
            food = FISH if fish else "FOODS1" if foods else "FOOD1"
            appliance = "APPLIANCES1" if appliances else "APPLIANCE1"
            start = scene.replace("FOOD", f"{'ADJECTIVE1 ' * described}{food}")
            start = start.replace("APPLIANCE", appliance).replace("CREATURE", "CREATURE1")
            many = foods if means_food else appliances
            ambiguous = fits == "either" and foods == appliances
            for ending in pizza.ENDINGS[fits]:
                end = f"they {ending.replace('was', 'were')}" if many else f"it {ending}"
                symbols = tuple(f"{start} and {end}".split())
                plans.append((chance / 4 / 5 / 3 / 4, (symbols, means_food, ambiguous)))
    return plans


@cache
def _story_plans() -> list[tuple[float, tuple[tuple[str, ...], int, bool]]]:
    """List each pattern of a story: its chance, which meal is ready, whether "it" is the food."""
    plans = []
    for first, second, ready, fits in product((False, True), (False, True), (1, 2), _CLEAR):
        slots = iter(("ADJECTIVE1 ", "ADJECTIVE2 "))
        meals = [f"{next(slots) if d else ''}FOOD{i}" for i, d in ((1, first), (2, second))]
        chance = math.prod(P_ADJECTIVE if d else 1 - P_ADJECTIVE for d in (first, second))
        for ending in pizza.ENDINGS[fits]:
            symbols = (
                f"CREATURE1 put the {meals[0]} into the APPLIANCE1 . "
                f"CREATURE2 put the {meals[1]} into the APPLIANCE2 . "
                f"the {meals[ready - 1]} came out of the APPLIANCE{ready} and it {ending} ."
            )
            plans.append((chance / 2 / 2 / 4, (tuple(symbols.split()), ready, fits == "food")))
    return plans


def _story(
    symbols: tuple[str, ...], words: tuple[str, ...], ready: int, *, means_food: bool
) -> Story:
    """Write down what is true of a story of that pattern."""
    last = len(words) - 1 - words[-2::-1].index(".")  # where the third sentence begins
    food, asked = symbols.index(f"FOOD{ready}", last), words.index("it")
    appliance, creature = symbols.index(f"APPLIANCE{ready}", last), f"CREATURE{ready}"
    left = symbols.index(f"APPLIANCE{3 - ready}")
    cook = symbols.index(creature)
    referent, rival = (food, appliance) if means_food else (appliance, food)
    start, ending = last if means_food else appliance - 1, words[asked + 1 : -1]
    baked, used = words[food], words[appliance]
    other = words[symbols.index(f"FOOD{3 - ready}")]
    questions = (
        Question(("what", *words[food + 1 : appliance + 1], "?"), "came", last, food + 1),
        Question(("who", "put", "the", baked, "into", "the", used, "?"), "who", cook, cook + 1),
        Question(("what", *ending, "?"), "which", start, referent + 1),
        Question(("where", "is", "the", other, "?"), "where", left - 1, left + 1),
    )
    summary = ("the", words[referent], "of", words[cook], *ending)
    return Story(words, summary, questions, asked, referent, rival)


@cache
def _chances() -> dict[tuple[str, ...], float]:
    """How likely each pattern is in `texts`; several plans may come to the same pattern."""
    chances: dict[tuple[str, ...], float] = {}
    for chance, (symbols, *_) in (*_sentence_plans(), *_story_plans()):
        chances[symbols] = chances.get(symbols, 0.0) + chance / 2
    return chances


def _index(symbols: Sequence[str], *wanted: str) -> int:
    """Return the place of the first symbol that is one of those wanted."""
    return next(i for i, symbol in enumerate(symbols) if symbol in wanted)


def _numbers(symbols: Sequence[str], parts: Sequence[str], asked: int) -> tuple[str, ...]:
    """Return the number of each word; "fish" has that of the pronoun, which means it."""
    several = {"FOODS1", "APPLIANCES1", "they"} | ({FISH} if symbols[asked] == "they" else set())
    nouns = [i for i, part in enumerate(parts) if part in ("noun", "name", "pronoun")]
    numbers = []
    for i, part in enumerate(parts):
        bearer = i if i in nouns else None
        if part == "verb":
            bearer = nouns[0] if i < asked else asked
        elif part in ("determiner", "adjective") and i < asked:
            bearer = next(noun for noun in nouns if noun > i)
        plural = bearer is not None and symbols[bearer] in several
        numbers.append("none" if bearer is None else "plural" if plural else "singular")
    return tuple(numbers)

"""The toy language: its order, its gender, its number, and which word comes from which."""

from itertools import islice

import numpy as np

from glassformer import pizza
from glassformer.pizza_texts import Sentence, sentences
from glassformer.pizza_translation import Translation, translate
from glassformer.pizza_words import BAKED, TOY


def drawn(count: int = 2000) -> list[tuple[Sentence, Translation]]:
    """Sentences with their translations."""
    return [(s, translate(s)) for s in islice(sentences(np.random.default_rng(0)), count)]


def from_pizza(text: str, referent: int) -> Translation:
    """Translate a sentence about one food and one appliance; "it" means the noun there."""
    words, it = tuple(text.split()), text.split().index("it")
    parts = tuple(
        "adjective" if words[i - 1] == "the" and w in pizza.ADJECTIVES else pizza.PART_OF_SPEECH[w]
        for i, w in enumerate(words)
    )
    numbers = ("singular",) * len(words)
    return translate(Sentence(words, parts, it, words[referent], referent, numbers=numbers))


def test_by_hand() -> None:
    """Verb last, adjective after noun, postposition; "it" with the gender of what it means."""
    good = from_pizza("the pizza came out of the oven and it tasted good", 1)
    assert str(good) == "mopa kero ul venek e sha boni gustek"
    assert good.alignment == (1, 6, 3, 2, 7, 8, 10, 9)
    assert good.asked == 5
    hot = from_pizza("the pizza came out of the oven and it was too hot", 6)
    assert str(hot) == "mopa kero ul venek e sho kali tro esek"
    big = from_pizza("Squatch put the big pizza into the oven and it needed repair", 7)
    assert str(big) == "Squatch kero im mopa dubi metek e sho fixo nusek"
    saw = from_pizza("Yeti opened the oven and saw the pizza and it looked great", 7)
    assert str(saw) == "Yeti kero abrek e mopa videk e sha magi mirek"
    baked = from_pizza("the oven baked the baked pizza and it was switched off", 1)
    assert str(baked) == "kero mopa hori horek e sho uz klikek esek"


def test_the_alignment_is_word_for_word() -> None:
    """Each toy word is the translation of the English word to which it points."""
    for sentence, translation in drawn():
        for i, (word, source) in enumerate(
            zip(translation.words, translation.alignment, strict=True)
        ):
            english = sentence.words[source]
            if word == "ri":
                assert sentence.numbers[source] == "plural"
                assert translation.alignment[i - 1] == source
            elif english in ("it", "they"):
                assert i == translation.asked
            elif word == BAKED:
                assert sentence.parts_of_speech[source] == "adjective"
            else:
                assert word in (TOY.get(english), TOY.get(english.removesuffix("s")))


def test_only_articles_and_half_of_out_of_are_lost() -> None:
    """Every other English word has its place in the translation, and none has two."""
    for sentence, translation in drawn():
        kept = [i for i, word in enumerate(sentence.words) if word not in ("the", "of")]
        once = [
            source
            for word, source in zip(translation.words, translation.alignment, strict=True)
            if word != "ri"
        ]
        assert sorted(once) == kept


def test_the_pronoun_has_the_gender_and_number_of_what_it_means() -> None:
    """Foods and "sha" end in -a, appliances and "sho" in -o; "ri" after both or neither."""
    for sentence, translation in drawn():
        assert sentence.referent is not None
        noun = translation.alignment.index(sentence.referent)
        words = (*translation.words, "")
        assert words[translation.asked][-1] == words[noun][-1]
        assert (words[translation.asked + 1] == "ri") == (words[noun + 1] == "ri")


def test_verbs_come_last_in_their_clauses() -> None:
    """Before each "e" and at the end stands a verb, and elsewhere only in "off switched was"."""
    for _, translation in drawn():
        for clause in str(translation).split(" e "):
            *before, verb = clause.split()
            assert verb.endswith("ek")
            assert not any(word.endswith("ek") for word in before if word != "klikek")


def test_translating_needs_the_meaning_of_it() -> None:
    """The same English words have two translations exactly if they are ambiguous."""
    seen: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    clear = set()
    for sentence, translation in drawn(20_000):
        seen.setdefault(sentence.words, set()).add(translation.words)
        if not sentence.ambiguous:
            clear.add(sentence.words)
    assert all(len(seen[words]) == 1 for words in clear)
    assert any(len(translations) == 2 for translations in seen.values())

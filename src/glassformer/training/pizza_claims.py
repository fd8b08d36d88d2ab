"""What the trained pizza models can do, measured on texts that they have not learned from.

`CLAIMS` says what is claimed; `measure` says what is so.
"""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Int

from glassformer.nn.decoder import Decoder
from glassformer.nn.encoder import Encoder
from glassformer.nn.transformer import EncoderDecoder
from glassformer.pizza_texts import Sentence, log_probability, sentences, stories, texts
from glassformer.pizza_translation import translate
from glassformer.pizza_words import BEGIN, END, MASK, VOCABULARY, decode, encode
from glassformer.training.pizza_batches import (
    NOTHING,
    decoder_loss,
    encoder_batches,
    held_out,
    word_mask,
)

# Least and most of what is claimed, for each model.
CLAIMS = {
    "encoder": {
        # Share of right answers to what "it" and "they" mean, where the sentence decides it.
        "named": (0.995, 1.0),
        # Weight from "it" on "pizza" if it tasted good, and on "oven" if it was too hot: the
        # smaller of both, of one and the same head, the best.
        "look": (0.5, 1.0),
        # Share of right words behind the masks.
        "unmasked": (0.5, 1.0),
    },
    "decoder": {
        # By how many nats a text its loss is above the entropy of the texts.
        "excess": (-0.1, 0.1),
        # Share of the texts it writes that the grammar can write.
        "grammatical": (0.95, 1.0),
    },
    "translator": {
        # Share of sentences translated without a mistake.
        "exact": (0.99, 1.0),
        # Share of pronouns with the right gender.
        "gender": (0.99, 1.0),
    },
    "summarizer": {
        # Share of stories summarized without a mistake.
        "exact": (0.95, 1.0),
        # Share of summaries that name the right owner of the thing.
        "whose": (0.95, 1.0),
    },
}


@torch.no_grad()
def measure(
    name: str, model: torch.nn.Module, rng: np.random.Generator, count: int = 1000
) -> dict[str, float]:
    """Return what is so of a model, under the names of `CLAIMS`, on `count` texts.

    Raises:
        ValueError: If there is no such name, or the model is of another kind.
    """
    if name == "encoder" and isinstance(model, Encoder):
        return _encoder(model, rng, count)
    if name == "decoder" and isinstance(model, Decoder):
        return _decoder(model, rng, count)
    if name == "translator" and isinstance(model, EncoderDecoder):
        return _translator(model, rng, count)
    if name == "summarizer" and isinstance(model, EncoderDecoder):
        return _summarizer(model, rng, count)
    kind = type(model).__name__
    raise ValueError(f"expected a model of one of {sorted(CLAIMS)}, got {name!r}, {kind}")


def write(
    decoder: Decoder, rng: np.random.Generator, count: int, longest: int = 40
) -> list[list[str]]:
    """Let the decoder write texts, each word drawn with the chance that it gives."""
    ids = torch.full((count, 1), VOCABULARY.index(BEGIN))
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    while ids.shape[1] <= longest and not _ended(ids).all():
        chances = decoder(ids)[:, -1].softmax(-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1, generator=generator)], 1)
    return _words(ids)


def write_likeliest(
    model: EncoderDecoder, source: Int[torch.Tensor, "B S"], longest: int = 20
) -> list[list[str]]:
    """Let the model write about each source, taking the likeliest word each time."""
    mask = word_mask(source)
    ids = torch.full((len(source), 1), VOCABULARY.index(BEGIN))
    logits, cache = model.step(ids, source=model.read(source, mask), source_mask=mask)
    while ids.shape[1] <= longest and not _ended(ids).all():
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], 1)
        logits, cache = model.step(ids[:, -1:], cache)
    return _words(ids)


def _encoder(model: Encoder, rng: np.random.Generator, count: int) -> dict[str, float]:
    """Measure on sentences in which words meet that did not meet in training."""
    drawn = list(islice((s for s in _clear(sentences(rng)) if held_out(s.words)), count))
    ids = torch.from_numpy(encode([sentence.words for sentence in drawn]))
    asked = torch.tensor([sentence.asked for sentence in drawn])
    truth = torch.from_numpy(encode([[sentence.answer] for sentence in drawn])[:, 0])
    scores = model(ids, word_mask(ids)[:, None, None, :])
    named = scores[torch.arange(count), asked].argmax(-1) == truth
    (batch,) = encoder_batches(rng, 1, count)
    hidden, labels = batch
    at_mask = (labels != NOTHING) & (hidden == VOCABULARY.index(MASK))
    guesses = model(hidden, word_mask(hidden)[:, None, None, :]).argmax(-1)
    unmasked = (guesses == labels)[at_mask]
    return {"named": _share(named), "look": _look(model), "unmasked": _share(unmasked)}


def _look(model: Encoder) -> float:
    """How much of its weight a head puts on what is meant, when that changes: see `CLAIMS`."""
    start, found = "the pizza came out of the oven and it", []
    for end, noun in (("tasted good", "pizza"), ("was too hot", "oven")):
        words = f"{start} {end}".split()
        weights = model.attention_scores(torch.from_numpy(encode([words]))).softmax(-1)
        found.append(weights[:, 0, :, words.index("it"), words.index(noun)])  # (L, H)
    return float(torch.minimum(*found).max())


def _decoder(model: Decoder, rng: np.random.Generator, count: int) -> dict[str, float]:
    """Measure the loss on new texts and, on those the model writes, how many are grammatical."""
    drawn = list(islice(texts(rng), count))
    ids = torch.from_numpy(encode([(BEGIN, *words, END) for words in drawn]))
    entropy = -sum(map(log_probability, drawn)) / count
    words_a_text = float((ids[:, 1:] != 0).sum() / count)
    excess = float(decoder_loss(model, ids)) * words_a_text - entropy
    grammatical = [log_probability(words) > -math.inf for words in write(model, rng, count)]
    return {"excess": excess, "grammatical": sum(grammatical) / count}


def _translator(model: EncoderDecoder, rng: np.random.Generator, count: int) -> dict[str, float]:
    """Measure on sentences whose words decide what the pronoun means."""
    drawn = list(islice(_clear(sentences(rng)), count))
    truth = [translate(sentence) for sentence in drawn]
    english = torch.from_numpy(encode([sentence.words for sentence in drawn]))
    written = write_likeliest(model, english)
    pairs = list(zip(written, truth, strict=True))
    gender = [words[t.asked : t.asked + 1] == [t.words[t.asked]] for words, t in pairs]
    exact = [tuple(words) == t.words for words, t in pairs]
    return {"exact": sum(exact) / count, "gender": sum(gender) / count}


def _summarizer(model: EncoderDecoder, rng: np.random.Generator, count: int) -> dict[str, float]:
    """Measure on stories in which words meet that did not meet in training."""
    drawn = list(islice((story for story in stories(rng) if held_out(story.words)), count))
    written = write_likeliest(model, torch.from_numpy(encode([story.words for story in drawn])))
    pairs = [(tuple(words), story.summary) for words, story in zip(written, drawn, strict=True)]
    whose = [words[3:4] == truth[3:4] for words, truth in pairs]
    exact = [words == truth for words, truth in pairs]
    return {"exact": sum(exact) / count, "whose": sum(whose) / count}


def _clear(drawn: Iterator[Sentence]) -> Iterator[Sentence]:
    """Only the sentences whose words decide what "it" means."""
    return (sentence for sentence in drawn if not sentence.ambiguous)


def _share(right: Bool[torch.Tensor, " N"]) -> float:
    """The share of what is true."""
    return float(right.double().mean())


def _ended(ids: Int[torch.Tensor, "B T"]) -> Bool[torch.Tensor, " B"]:
    """Which texts have come to their end."""
    return (ids == VOCABULARY.index(END)).any(1)


def _words(ids: Int[torch.Tensor, "B T"]) -> list[list[str]]:
    """The words of each text, without the token that begins it, up to the one that ends it."""
    found = (decode(row) for row in ids[:, 1:].numpy())
    return [words[: words.index(END)] if END in words else words for words in found]

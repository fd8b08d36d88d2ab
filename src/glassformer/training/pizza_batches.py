"""What the pizza models learn from, a batch at a time, and how wrong they are on one.

`encoder_batches` hides words and asks what "it" means, `decoder_batches` asks for the next word,
`translator_batches` for the next word of a translation, `summarizer_batches` for that of a summary;
each loss is a cross-entropy in nats.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch.nn.functional import cross_entropy

from glassformer import pizza
from glassformer.nn.decoder import Decoder
from glassformer.nn.encoder import Encoder
from glassformer.nn.transformer import EncoderDecoder
from glassformer.pizza_reviews import Review, reviews
from glassformer.pizza_texts import Sentence, Story, sentences, stories, texts
from glassformer.pizza_translation import translate
from glassformer.pizza_words import (
    BEGIN,
    CLASSIFY,
    END,
    MASK,
    SEPARATE,
    SPECIAL,
    VOCABULARY,
    encode,
)

Pair = tuple[torch.Tensor, torch.Tensor]

NOTHING = -100  # the label of a position at which nothing is asked
_APART = tuple(zip(pizza.FOODS, pizza.APPLIANCES, strict=True))
_P_MASK = 0.3


def held_out(words: Sequence[str]) -> bool:
    """Whether encoder and summarizer never learn from a text: one in which a certain pair meets.

    Pizza and oven are such a pair: each food with the appliance that has its place in the list.
    """
    met = {word.removesuffix("s") for word in words}
    return any({*pair} <= met for pair in _APART)


def word_mask(ids: Int[torch.Tensor, "B T"]) -> Bool[torch.Tensor, "B T"]:
    """Return True where there is a word, False where there is padding."""
    return ids != VOCABULARY.index(pizza.PADDING)


def encoder_batches(
    rng: np.random.Generator, steps: int, size: int = 64
) -> Iterator[tuple[Int[torch.Tensor, "B T"], Int[torch.Tensor, "B T"]]]:
    """Yield texts, half of them with hidden words, and which word is asked for at each position.

    Where a word is hidden, that word; at "it" and "they", what they mean; elsewhere `NOTHING`.
    A batch has sentences, then stories, most of them behind a question, sentences again, reviews.
    """
    streams = sentences(rng), stories(rng), sentences(rng), reviews(rng)
    for step in range(steps):
        stream = streams[step % len(streams)]
        drawn = list(islice((text for text in stream if not held_out(text.words)), size))
        before = [_before(rng, text) for text in drawn]
        ids = encode([(*start, *text.words) for start, text in zip(before, drawn, strict=True)])
        hidden = (rng.random(ids.shape) < _P_MASK) & (rng.random((size, 1)) < 0.5)
        hidden &= ~np.isin(ids, [VOCABULARY.index(token) for token in SPECIAL])
        labels = np.where(hidden, ids, NOTHING)
        for row, start, text in zip(range(size), before, drawn, strict=True):
            if not isinstance(text, Review) and not hidden[row, len(start) + text.asked]:
                labels[row, len(start) + text.asked] = ids[row, len(start) + (text.referent or 0)]
        ids[hidden] = VOCABULARY.index(MASK)
        yield torch.from_numpy(ids), torch.from_numpy(labels)


def _before(rng: np.random.Generator, text: Sentence | Story | Review) -> tuple[str, ...]:
    """What stands before a text: nothing, a token to classify, or that and a question."""
    if isinstance(text, Sentence) or rng.random() < 0.25:
        return ()
    if isinstance(text, Review):
        return (CLASSIFY,)
    question = text.questions[int(rng.integers(len(text.questions)))]
    return (CLASSIFY, *question.words, SEPARATE)


def encoder_loss(model: Encoder, batch: Pair) -> Float[torch.Tensor, ""]:
    """Return the mean cross-entropy where a word is asked for."""
    ids, labels = batch
    scores = model(ids, word_mask(ids)[:, None, None, :])
    return cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=NOTHING)


def decoder_batches(
    rng: np.random.Generator, steps: int, size: int = 32
) -> Iterator[Int[torch.Tensor, "B T"]]:
    """Yield texts, each between `BEGIN` and `END`."""
    stream = texts(rng)
    for _ in range(steps):
        yield torch.from_numpy(encode([(BEGIN, *words, END) for words in islice(stream, size)]))


def decoder_loss(model: Decoder, ids: Int[torch.Tensor, "B T"]) -> Float[torch.Tensor, ""]:
    """Return the mean cross-entropy of the next word."""
    return _next_word(model(ids[:, :-1]), ids)


def translator_batches(
    rng: np.random.Generator, steps: int, size: int = 64
) -> Iterator[tuple[Int[torch.Tensor, "B S"], Int[torch.Tensor, "B T"]]]:
    """Yield sentences, and their translations, each between `BEGIN` and `END`."""
    stream = sentences(rng)
    for _ in range(steps):
        drawn = list(islice(stream, size))
        toy = [(BEGIN, *translate(sentence).words, END) for sentence in drawn]
        english = encode([sentence.words for sentence in drawn])
        yield torch.from_numpy(english), torch.from_numpy(encode(toy))


def summarizer_batches(
    rng: np.random.Generator, steps: int, size: int = 64
) -> Iterator[tuple[Int[torch.Tensor, "B S"], Int[torch.Tensor, "B T"]]]:
    """Yield stories, none of them held out, and their summaries between `BEGIN` and `END`."""
    stream = (story for story in stories(rng) if not held_out(story.words))
    for _ in range(steps):
        drawn = list(islice(stream, size))
        short = encode([(BEGIN, *story.summary, END) for story in drawn])
        yield torch.from_numpy(encode([story.words for story in drawn])), torch.from_numpy(short)


def writer_loss(model: EncoderDecoder, batch: Pair) -> Float[torch.Tensor, ""]:
    """Return the mean cross-entropy of the next word to write, given the source and those before.

    The loss of the translator and of the summarizer.
    """
    source, written = batch
    return _next_word(model(source, written[:, :-1], word_mask(source)), written)


def _next_word(
    scores: Float[torch.Tensor, "B T V"], ids: Int[torch.Tensor, "B N"]
) -> Float[torch.Tensor, ""]:
    """The mean cross-entropy of each word after the first; padding does not count."""
    padding = VOCABULARY.index(pizza.PADDING)
    return cross_entropy(scores.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=padding)

"""What holds for every whole model in NumPy that reads texts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.stored import V, arrays, bert, gpt2, llama, marian, original, stored_t5

from glassformer.block.activation import gelu_tanh, silu
from glassformer.model.decoder_only import decoder_only, gpt2_weights
from glassformer.model.encoder_decoder import (
    encoder_decoder,
    encoder_decoder_weights,
    marian_weights,
)
from glassformer.model.encoder_only import (
    EncoderWeights,
    bert_weights,
    encoder_only,
    masked_token_logits,
)
from glassformer.model.modern_decoder import llama_weights, modern_decoder
from glassformer.model.t5 import t5, t5_weights

# The same float32 sums in another order, through a few layers, relative to the largest number.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Model:
    """A model as these tests see it.

    Attributes:
        make: Builds one in torch, with random weights.
        take: Takes these, as arrays.
        run: Computes logits of the weights and the texts, and of a mask for each, if given.
        texts: How many texts it reads.
    """

    make: Callable[[], Any]
    take: Callable[[Mapping[str, np.ndarray]], Any]
    run: Callable[..., np.ndarray]
    texts: int = 1


def guess(weights: EncoderWeights, ids: Any, keep: Any = None, *, norm_first: bool) -> np.ndarray:
    """What an encoder and its head make of a text, with a type for each token."""
    types = ids % 3 if isinstance(ids, np.ndarray) else None
    x = encoder_only(ids, weights, 4, keep, types, norm_first=norm_first)
    assert weights.head is not None
    return masked_token_logits(x, weights.head)


def read_and_write(model: Any, *choices: Any, **others: Any) -> Callable[..., np.ndarray]:
    """Run an encoder-decoder with a mask for each of its texts."""

    def run(weights: Any, ids: Any, written: Any, mask: Any = None, seen: Any = None) -> np.ndarray:
        logits: np.ndarray = model(
            ids, written, weights, *choices, mask=mask, decoder_mask=seen, **others
        )
        return logits

    return run


MODELS = {
    "GPT-2": Model(
        gpt2, gpt2_weights, lambda w, ids: decoder_only(ids, w, 4, activation=gelu_tanh)
    ),
    "Llama": Model(llama, llama_weights, lambda w, ids: modern_decoder(ids, w, 4, 2)),
    "Mistral": Model(
        lambda: llama("Mistral"),
        llama_weights,
        lambda w, ids: modern_decoder(ids, w, 4, 2, window=2),
    ),
    "BERT": Model(bert, bert_weights, lambda *inputs: guess(*inputs, norm_first=False)),
    "BERT, norm first": Model(bert, bert_weights, lambda *inputs: guess(*inputs, norm_first=True)),
    "original": Model(original, encoder_decoder_weights, read_and_write(encoder_decoder, 3), 2),
    "Marian": Model(marian, marian_weights, read_and_write(encoder_decoder, 4, activation=silu), 2),
    "T5 v1.0": Model(stored_t5, t5_weights, read_and_write(t5, max_distance=6), 2),
    "T5 v1.1": Model(
        lambda: stored_t5(own=True, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
        t5_weights,
        read_and_write(t5, max_distance=6),
        2,
    ),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
writers = pytest.mark.parametrize("name", [name for name in MODELS if "BERT" not in name])
translators = pytest.mark.parametrize(
    "name", [n for n, model in MODELS.items() if model.texts == 2]
)


@cache
def scorer(name: str) -> Callable[..., np.ndarray]:
    """A model by its name, made once, as a function of texts and masks."""
    model = MODELS[name]
    weights = model.take(arrays(model.make()))
    return lambda *inputs: model.run(weights, *inputs)


def some_texts(model: Model, *batch: int) -> tuple[np.ndarray, ...]:
    """Ids for each text that the model reads, of several lengths, the same on each call."""
    rng = np.random.default_rng(0)
    return tuple(rng.integers(V, size=(*batch, T)) for T in (7, 5)[: model.texts])


def some_masks(model: Model, texts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """A mask for each text, of which the last token is padding; none for a decoder."""
    masked = model.texts == 2 or model.make is bert
    return tuple(np.arange(t.shape[-1]) + 0 * t < t.shape[-1] - 1 for t in texts) if masked else ()


@writers
@settings(max_examples=8)
@given(st.integers(0, 4), st.integers(1, V - 1))
def test_no_place_notices_what_is_written_later(name: str, changed: int, by: int) -> None:
    """Another token changes the logits at its own place and after it, and none before."""
    score, (*sources, written) = scorer(name), some_texts(MODELS[name], 2)
    other = written.copy()
    other[:, changed] = (other[:, changed] + by) % V
    differs = (score(*sources, written) != score(*sources, other)).any(-1)
    assert not differs[:, :changed].any()
    assert differs[:, changed : changed + 2].all()  # the window of our Mistral, and all others


@translators
@settings(max_examples=8)
@given(st.integers(0, 6), st.integers(1, V - 1))
def test_every_place_notices_every_token_of_the_source(name: str, changed: int, by: int) -> None:
    """Nothing of the source is hidden, neither its end nor its beginning."""
    score, (source, written) = scorer(name), some_texts(MODELS[name], 2)
    other = source.copy()
    other[:, changed] = (other[:, changed] + by) % V
    assert (score(source, written) != score(other, written)).any(-1).all()


@translators
@settings(max_examples=8)
@given(st.integers(0, V - 1), st.integers(0, V - 1))
def test_padding_may_be_anything(name: str, in_source: int, in_written: int) -> None:
    """No token notices what stands where there is none, on either side of either text."""
    score, (source, written) = scorer(name), some_texts(MODELS[name], 3)
    # On the right, on the left, and none; of the written text on the other side each time.
    mask, seen = np.ones(source.shape, bool), np.ones(written.shape, bool)
    mask[0, 5:] = mask[1, :3] = seen[0, :2] = seen[1, 3:] = False
    usual = score(source, written, mask, seen)
    filled = np.where(mask, source, in_source), np.where(seen, written, in_written)
    np.testing.assert_array_equal(usual[seen], score(*filled, mask, seen)[seen])


@every_model
def test_texts_of_a_batch_do_not_meet(model: Model) -> None:
    """Each text alone has the logits that it has in a batch, with any axes in front."""
    texts = some_texts(model, 2, 3)
    inputs = (*texts, *some_masks(model, texts))
    weights = model.take(arrays(model.make()))
    together = model.run(weights, *inputs)
    assert together.shape == (*texts[-1].shape, V)
    bound = ROUNDING * np.abs(together).max()
    for place in np.ndindex(2, 3):
        alone = model.run(weights, *(array[place] for array in inputs))
        np.testing.assert_allclose(alone, together[place], atol=bound, rtol=0)
    assert np.abs(together - together[:1, :1]).max() > 1000 * bound


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@every_model
def test_the_dtype_stays(model: Model, dtype: type) -> None:
    """float32 weights give float32 logits: nothing on the way is twice as wide."""
    state, texts = arrays(model.make()), some_texts(model, 2)
    cast: dict[str, np.ndarray] = {name: array.astype(dtype) for name, array in state.items()}
    logits, usual = (model.run(model.take(s), *texts) for s in (cast, state))
    assert logits.dtype == dtype
    # float16 has three decimal digits, of which some are lost on the way.
    np.testing.assert_allclose(logits, usual, atol=0.02 * np.abs(usual).max())


@every_model
def test_nothing_is_changed(model: Model) -> None:
    """Neither texts, nor masks, nor any weight."""
    state, texts = arrays(model.make()), some_texts(model, 2)
    inputs = (*texts, *some_masks(model, texts))
    before = {name: array.copy() for name, array in state.items()}
    copies = [array.copy() for array in inputs]
    model.run(model.take(state), *inputs)
    for array, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert state.keys() == before.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.zeros(0, int), r"expected ids \(\*B, T\) of at least one token"),
        (np.zeros((0, 5), int), r"expected ids \(\*B, T\) of at least one token"),
        (np.array(3), r"expected ids \(\*B, T\) of at least one token"),
        ([1, 2], r"expected ids \(\*B, T\) of at least one token"),
        (np.array([V]), r"expected ids in 0\.\.36, got 37\.\.37"),
        (np.array([-1]), r"expected ids in 0\.\.36, got -1"),
        (np.array([1.0]), "expected ids as a NumPy array of integers"),
    ],
)
@every_model
def test_bad_ids_are_refused(model: Model, ids: Any, message: str) -> None:
    """Nothing, or a token that is not there, in any of the texts."""
    weights, good = model.take(arrays(model.make())), np.array([1])
    for place in range(model.texts):
        texts = [ids if i == place else good for i in range(model.texts)]
        with pytest.raises(ValueError, match=message):
            model.run(weights, *texts)

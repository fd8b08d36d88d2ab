"""The whole decoder: by hand, by what must not change it, and against GPT-2 and the twin."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tests.model.stored import arrays, gpt2

from glassformer.block.activation import gelu_tanh
from glassformer.model.decoder_only import (
    DecoderWeights,
    decoder_only,
    decoder_weights,
    gpt2_weights,
)
from glassformer.nn.decoder import Decoder
from glassformer.softmax import log_softmax

# The same float32 sums in another order, through a few layers, on logits below 10.
ROUNDING = 1e-5


def some_ids(*shape: int) -> np.ndarray:
    """Ids below 37, the same on each call."""
    return np.random.default_rng(0).integers(37, size=shape)


SMALL = gpt2_weights(arrays(gpt2()))


def score(ids: np.ndarray, weights: DecoderWeights = SMALL) -> np.ndarray:
    """The logits of a small GPT-2."""
    return decoder_only(ids, weights, 4, activation=gelu_tanh)


# By hand


def test_a_decoder_without_blocks() -> None:
    """Two tokens, two numbers each: embedding plus position, norm, dot products."""
    weights = DecoderWeights(
        embedding=np.array([[1.0, 0.0], [0.0, 2.0]]),
        position=np.array([[2.0, 0.0], [0.0, 1.0]]),
        blocks=(),
        gain=np.ones(2),
        bias=np.array([0.0, 0.5]),
    )
    # [1, 0] + [2, 0] = [3, 0], normalized [1, -1], plus the bias [1, -0.5];
    # [0, 2] + [0, 1] = [0, 3], normalized [-1, 1], plus the bias [-1, 1.5].
    expected = [[1.0, -1.0], [-1.0, 3.0]]
    np.testing.assert_allclose(decoder_only(np.array([0, 1]), weights, 1), expected, atol=1e-4)


def test_an_unembedding_of_its_own() -> None:
    """Not tied: the last vectors are compared with another table, and a constant is added."""
    weights = DecoderWeights(
        embedding=np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        position=np.zeros((1, 2)),
        blocks=(),
        gain=np.ones(2),
        bias=np.zeros(2),
        unembedding=np.array([[3.0, 1.0], [0.0, 1.0], [1.0, 0.0]]),
        unembedding_bias=np.array([0.0, 0.0, 5.0]),
    )
    logits = decoder_only(np.array([0]), weights, 1)  # [1, -1] after the norm
    np.testing.assert_allclose(logits, [[2.0, -1.0, 6.0]], atol=1e-3)


# Invariants


@given(st.integers(1, 11))
def test_a_prefix_has_the_same_logits(T: int) -> None:
    """What was said of the first words stands, however the text goes on."""
    np.testing.assert_allclose(score(some_ids(11)[:T]), score(some_ids(11))[:T], atol=ROUNDING)


def test_the_same_words_elsewhere_have_other_logits() -> None:
    """Positions count: the same token three times gives three different rows."""
    rows = score(np.array([5, 5, 5]))
    assert min(np.abs(rows[i] - rows[j]).max() for i, j in ((0, 1), (1, 2), (0, 2))) > 0.01


# Oracles


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ({}, (2, 11)),
        ({}, (1, 1)),
        ({"n_head": 1, "n_layer": 1}, (3, 4)),
        ({"n_embd": 15, "n_head": 5, "n_layer": 3}, (2, 7)),
        ({"n_head": 24}, (1, 11)),
    ],
)
def test_logits_are_those_of_gpt2(sizes: dict[str, int], shape: tuple[int, int]) -> None:
    """The published names, the activation and each of the parts: all as in `transformers`."""
    model, ids = gpt2(**sizes), some_ids(*shape)
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    H = sizes.get("n_head", 4)
    ours = decoder_only(ids, gpt2_weights(arrays(model)), H, activation=gelu_tanh)
    # Relative to the largest logit, which is about 5 here.
    np.testing.assert_allclose(ours, expected, atol=ROUNDING * np.abs(expected).max())


@pytest.mark.parametrize("layers", [1, 3])
def test_logits_are_those_of_the_twin(layers: int) -> None:
    """Weights cross as a plain dictionary; the unembedding is not tied there."""
    twin = Decoder(37, width=12, heads=3, layers=layers, length=11, seed=1)
    for parameter in twin.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1) / 2, std=0.2)
    ids = some_ids(2, 11)
    with torch.no_grad():
        expected = twin(torch.from_numpy(ids)).numpy()
    ours = decoder_only(ids, decoder_weights(arrays(twin)), 3)
    np.testing.assert_allclose(ours, expected, atol=ROUNDING * np.abs(expected).max())


def test_the_loss_is_that_of_gpt2() -> None:
    """Each row is about the next token: `transformers`, which shifts its labels itself, agrees."""
    model, ids = gpt2(), some_ids(3, 11)
    model.loss_type = "ForCausalLM"
    labels = torch.from_numpy(ids)
    with torch.no_grad():
        expected = model(labels, labels=labels).loss.item()
    log_p = log_softmax(decoder_only(ids, gpt2_weights(arrays(model)), 4, activation=gelu_tanh))
    surprise = -np.take_along_axis(log_p[:, :-1], ids[:, 1:, None], -1)
    np.testing.assert_allclose(surprise.mean(), expected, rtol=ROUNDING)
    same_token = -np.take_along_axis(log_p, ids[..., None], -1)
    assert abs(same_token.mean() - expected) > 0.1


def test_a_new_model_knows_nothing() -> None:
    """With GPT-2's own start, the mean surprise is that at one of V equal chances."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=37,
        n_positions=11,
        n_embd=24,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    weights = gpt2_weights(arrays(transformers.GPT2LMHeadModel(config)))
    logits = score(some_ids(8, 11), weights)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert abs(-np.log(p).mean() - math.log(37)) < 0.05


# Errors


def test_a_text_beyond_the_table_is_refused() -> None:
    """There is no vector for the twelfth place."""
    assert score(some_ids(11)).shape == (11, 37)
    with pytest.raises(ValueError, match=r"expected positions in 0\.\.10, got 0\.\.11"):
        score(some_ids(12))


@pytest.mark.parametrize("take", [gpt2_weights, decoder_weights])
def test_missing_and_unknown_weights_are_named(take: Any) -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    model = gpt2() if take is gpt2_weights else Decoder(37, layers=1)
    state = arrays(model)
    for name in ("transformer.h.1.ln_2.bias", "blocks.0.attention_norm.bias"):
        if name in state:
            short = {other: array for other, array in state.items() if other != name}
            missing = name.removeprefix("transformer.")
            with pytest.raises(ValueError, match=f"expected weights named '{missing}', got "):
                take(short)
    with pytest.raises(ValueError, match=r"only the weights of a decoder, got also \['adapter'\]"):
        take({**state, "adapter": np.zeros(3)})


def test_heads_that_do_not_fit_are_refused() -> None:
    """24 numbers cannot be cut into 5 heads."""
    with pytest.raises(ValueError, match="H=5"):
        decoder_only(some_ids(3), SMALL, 5)


def test_an_untied_gpt2_keeps_its_own_unembedding() -> None:
    """Under the name of a copy there may be another table; the scores come from that one."""
    theirs = gpt2()
    theirs.lm_head.weight = torch.nn.Parameter(0.3 + theirs.lm_head.weight.detach())
    weights, ids = gpt2_weights(arrays(theirs)), some_ids(2, 7)
    assert weights.unembedding is not None
    assert SMALL.unembedding is None
    with torch.no_grad():
        expected = theirs(torch.from_numpy(ids)).logits.numpy()
    assert abs(score(ids, weights) - expected).max() <= ROUNDING


@pytest.mark.usefixtures("unchecked_shapes")
def test_positions_of_another_width_are_refused() -> None:
    """One number for each position would be added to every number of a vector."""
    narrow = replace(SMALL, position=SMALL.position[:, :1])
    with pytest.raises(ValueError, match=r"expected positions of width 24, got \(11, 1\)"):
        score(some_ids(2, 7), narrow)

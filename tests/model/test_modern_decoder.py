"""The modern decoder: by hand, by what must not change it, against Llama, Mistral and the twin."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.model.stored import arrays, llama, shaken

from glassformer import nn
from glassformer.attention.grouped_query import grouped_query_attention
from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.model.modern_decoder import (
    ModernDecoderWeights,
    llama_weights,
    modern_decoder,
    modern_decoder_weights,
    rotary_attention,
    window_mask,
)

# The same float32 sums in another order, through a few layers, relative to the largest logit.
ROUNDING = 1e-5
EPSILON = 1e-6  # that of `transformers`' Llama and Mistral if nothing else is said


def some_ids(*shape: int) -> np.ndarray:
    """Ids below 37, the same on each call."""
    return np.random.default_rng(0).integers(37, size=shape)


SMALL = llama_weights(arrays(llama()))


def score(ids: np.ndarray, weights: ModernDecoderWeights = SMALL, **choices: Any) -> np.ndarray:
    """The logits of a small Llama."""
    return modern_decoder(ids, weights, 4, 2, epsilon=EPSILON, **choices)


def assert_close(ours: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to rounding, measured by the largest logit."""
    np.testing.assert_allclose(ours, expected, atol=ROUNDING * np.abs(expected).max(), rtol=0)


# By hand


def test_a_modern_decoder_without_blocks() -> None:
    """Two tokens, two numbers each: no position, RMS norm, gain, dot products."""
    weights = ModernDecoderWeights(
        embedding=np.array([[3.0, 1.0], [0.0, 2.0]]),
        blocks=(),
        gain=np.array([1.0, 10.0]),
    )
    # [3, 1] / √5 and [0, 2] / √2, times the gain.
    last = np.array([[3 / 5**0.5, 10 / 5**0.5], [0.0, 20 / 2**0.5]])
    expected = last @ weights.embedding.T
    np.testing.assert_allclose(modern_decoder(np.array([0, 1]), weights, 1, 1), expected, atol=1e-3)


def test_an_unembedding_of_its_own() -> None:
    """Not tied: the last vectors are compared with another table."""
    weights = ModernDecoderWeights(
        embedding=np.array([[1.0, 1.0], [0.0, 0.0]]),
        blocks=(),
        gain=np.ones(2),
        unembedding=np.array([[3.0, 1.0], [0.0, 1.0]]),
    )
    np.testing.assert_allclose(modern_decoder(np.array([0]), weights, 1, 1), [[4, 1]], atol=1e-3)


def test_attention_by_hand() -> None:
    """Two places, one pair: the second query is turned by 1 radian; values are not turned."""
    x = np.array([[1.0, 0.0], [1.0, 0.0]])
    weights = MultiHeadWeights(np.eye(2), np.eye(2), np.array([[0.0, 5], [7, 0]]), np.eye(2))
    found = rotary_attention(x, weights, 1, 1)
    np.testing.assert_allclose(found, [[0, 5], [0, 5]], atol=1e-12)
    # Keys at places 0 and 1 are turned by 0 and 1; scores with the query at 0: 1 and cos 1.
    weights = replace(weights, value=np.array([[1.0, 0], [0, 1]]))
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    # Place 0 asks (1, 0); the keys are (1, 0) and (-sin 1, cos 1); the scores 1 and -sin 1.
    scores = np.array([1.0, -np.sin(1.0)]) / np.sqrt(2)
    shares = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(rotary_attention(x, weights, 1, 1)[0], shares, atol=1e-12)


def test_a_window_by_hand() -> None:
    """The own position counts; a window of 1 sees nothing else."""
    expected = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    np.testing.assert_array_equal(window_mask(4, 2), np.array(expected, bool))
    np.testing.assert_array_equal(window_mask(4, 1), np.eye(4, dtype=bool))
    np.testing.assert_array_equal(window_mask(4, None), causal_mask(4))


# Invariants


@given(st.integers(1, 12), st.integers(1, 14))
def test_a_window_lets_through_as_many_as_it_says(T: int, window: int) -> None:
    """Each position sees itself and those before it, at most `window` in all."""
    mask = window_mask(T, window)
    np.testing.assert_array_equal(mask.sum(-1), np.minimum(np.arange(T) + 1, window))
    assert not np.triu(mask, 1).any()


@pytest.mark.parametrize("window", [1, 2, 4])
def test_what_lies_outside_the_windows_is_not_noticed(window: int) -> None:
    """Through two blocks, a place is reached by 1 + 2 (w - 1) places and by no other."""
    ids = some_ids(11)
    other = ids.copy()
    other[2] = (other[2] + 1) % 37
    differs = (score(ids, window=window) != score(other, window=window)).any(-1)
    np.testing.assert_array_equal(np.flatnonzero(differs), np.arange(2, min(11, 2 * window + 1)))


def test_only_distances_count() -> None:
    """Attention gives each text what it gives it behind others that it may not see."""
    x = np.random.default_rng(0).normal(size=(9, 24))
    block = SMALL.blocks[0].attention
    weights = MultiHeadWeights(
        *(w.astype(np.float64) for w in vars(block).values() if w is not None)
    )
    alone = rotary_attention(x[5:], weights, 4, 2, causal_mask(4))
    apart = causal_mask(9)
    apart[5:, :5] = False
    behind = rotary_attention(x, weights, 4, 2, apart)[5:]
    np.testing.assert_allclose(behind, alone, atol=1e-12)
    unturned, _ = grouped_query_attention(x[5:], weights, 4, 2, causal_mask(4))
    assert np.abs(unturned - alone).max() > 0.01


def test_the_base_sets_the_speeds() -> None:
    """All pairs but the first turn more slowly with a larger base; the first does not care."""
    x = np.random.default_rng(0).normal(size=(5, 8))
    first = np.zeros((8, 8))
    first[[0, 4], [0, 4]] = 1  # halves: numbers 0 and 4 are the first pair
    some = np.random.default_rng(1).normal(size=(8, 8))
    for matrix, least, most in ((first, 0, 1e-12), (some, 0.001, np.inf)):
        weights = MultiHeadWeights(matrix, matrix, some, some)
        fast, slow = (rotary_attention(x, weights, 1, 1, base=base) for base in (10.0, 1e6))
        assert least <= np.abs(fast - slow).max() <= most


# Oracles


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ({}, (2, 11)),
        ({}, (1, 1)),
        ({"num_key_value_heads": 1}, (3, 4)),
        ({"num_key_value_heads": 4, "tie_word_embeddings": True}, (2, 7)),
        ({"hidden_size": 20, "head_dim": 6, "num_hidden_layers": 3}, (2, 7)),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}, (2, 30)),
    ],
)
def test_logits_are_those_of_llama(sizes: dict[str, Any], shape: tuple[int, int]) -> None:
    """The published names, the pairs of RoPE, the groups and the gate: all as in `transformers`."""
    model, ids = llama(**sizes), some_ids(*shape)
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    G = sizes.get("num_key_value_heads", 2)
    base = 50.0 if "rope_parameters" in sizes else 10_000.0
    ours = modern_decoder(ids, llama_weights(arrays(model)), 4, G, base=base, epsilon=EPSILON)
    assert_close(ours, expected)


@pytest.mark.parametrize("window", [1, 3, 11, 20])
@pytest.mark.parametrize("G", [1, 2])
def test_logits_are_those_of_mistral(window: int, G: int) -> None:
    """A window counts the own position, shorter than the text or longer."""
    model, ids = llama("Mistral", sliding_window=window, num_key_value_heads=G), some_ids(2, 11)
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    weights = llama_weights(arrays(model))
    assert_close(modern_decoder(ids, weights, 4, G, window=window, epsilon=EPSILON), expected)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("window", [None, 3])
def test_logits_are_those_of_the_twin(*, tied: bool, window: int | None) -> None:
    """Weights cross as a plain dictionary."""
    architecture = nn.Architecture(
        vocabulary_size=37,
        width=24,
        layers=2,
        heads=4,
        groups=2,
        units=29,
        position="rope",
        norm="rms",
        bias=False,
        gated=True,
        activation="silu",
        tied=tied,
        window=window,
    )
    twin, ids = shaken(nn.build(architecture)), some_ids(2, 11)
    with torch.no_grad():
        expected = twin(torch.from_numpy(ids)).numpy()
    weights = modern_decoder_weights(arrays(twin))
    assert_close(modern_decoder(ids, weights, 4, 2, window=window), expected)


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("window", [0, -1, 2.5, "3"])
def test_a_window_that_is_none_is_refused(window: Any) -> None:
    """A window of 0 would let a token see nothing, not even itself."""
    with pytest.raises(ValueError, match=r"expected a window of at least 1 position, got"):
        score(some_ids(3), window=window)


@pytest.mark.usefixtures("unchecked_shapes")
def test_weights_that_do_not_fit_are_refused() -> None:
    """Heads that do not divide, odd heads, and numbers that are none."""
    with pytest.raises(ValueError, match="H=5"):
        modern_decoder(some_ids(3), SMALL, 5, 2)
    with pytest.raises(ValueError, match=r"key \(24, 24\)"):
        modern_decoder(some_ids(3), SMALL, 4, 4)
    odd = MultiHeadWeights(*np.zeros((4, 3, 3)))
    with pytest.raises(ValueError, match="even head width"):
        rotary_attention(np.zeros((2, 3)), odd, 1, 1)
    with pytest.raises(ValueError, match="expected finite numbers"):
        score(some_ids(3), replace(SMALL, embedding=SMALL.embedding * np.float32("nan")))


def test_missing_and_unknown_weights_are_named() -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    state = arrays(llama())
    name = "layers.1.mlp.up_proj.weight"
    short = {other: array for other, array in state.items() if other != f"model.{name}"}
    with pytest.raises(ValueError, match=f"expected weights named '{name}', got "):
        llama_weights(short)
    bias = "model.layers.0.self_attn.q_proj.bias"
    with pytest.raises(ValueError, match=r"only the weights of a modern decoder, got also"):
        llama_weights({**state, bias: np.zeros(24)})
    with pytest.raises(ValueError, match=r"expected weights named 'embedding\.token\.weight'"):
        modern_decoder_weights(state)


def test_speeds_that_older_files_hold_are_left_out() -> None:
    """They are computed, not learned."""
    state = {**arrays(llama()), "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(3)}
    assert_close(score(some_ids(5), llama_weights(state)), score(some_ids(5)))

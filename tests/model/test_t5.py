"""T5 in NumPy: by hand, by what must not change it, against `transformers` and the twin."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.model.stored import V, arrays, shaken, stored_t5

from glassformer import nn
from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.block.feed_forward import FeedForwardWeights, GatedFeedForwardWeights
from glassformer.model.t5 import (
    T5BlockWeights,
    T5Weights,
    t5,
    t5_decode,
    t5_encode,
    t5_weights,
)

# The same float32 sums in another order, through a few blocks, relative to the largest logit.
ROUNDING = 1e-5
FURTHEST = 6  # shorter than the texts, so that the last bucket is shared

SOURCE = np.random.default_rng(0).integers(V, size=(3, 9))
WRITTEN = np.random.default_rng(1).integers(V, size=(3, 8))
# Padding on the right, on the left, and none; of the written text on the other side each time.
SOURCE_MASK = np.ones((3, 9), bool)
SOURCE_MASK[0, 6:] = SOURCE_MASK[1, :3] = False
WRITTEN_MASK = np.ones((3, 8), bool)
WRITTEN_MASK[0, :2] = WRITTEN_MASK[1, 5:] = False

V1_1: dict[str, Any] = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


SMALL = t5_weights(arrays(stored_t5()))


def score(ids: np.ndarray, decoder_ids: np.ndarray, **masks: Any) -> np.ndarray:
    """The logits of the small model."""
    return t5(ids, decoder_ids, SMALL, max_distance=FURTHEST, **masks)


# By hand


def test_a_t5_without_blocks() -> None:
    """Nothing but the embedding, the last norm, and a division by the root of 2 at the end."""
    table, ones = np.zeros((4, 1)), np.ones(2)
    weights = T5Weights(
        np.array([[3.0, 1.0], [0.0, 2.0]]), (), (), table, table, ones, np.array([1.0, 10.0])
    )
    # [3, 1] / √5 and [0, 2] / √2; for the decoder times the gain.
    expected = np.array([[3 / 5**0.5, 1 / 5**0.5], [0.0, 2**0.5]])
    source = t5_encode(np.array([0, 1]), weights)
    np.testing.assert_allclose(source, expected, atol=1e-6)  # 1e-6 is added to the mean square
    last = expected * [1, 10]
    np.testing.assert_allclose(
        t5_decode(np.array([0, 1]), source, weights),
        last @ weights.embedding.T / 2**0.5,
        atol=1e-5,
    )
    own = np.array([[1.0, 0.0], [5.0, 1.0]])
    untied = replace(weights, unembedding=own)
    np.testing.assert_allclose(t5_decode(np.array([0, 1]), source, untied), last @ own.T, atol=1e-5)


def test_scores_and_biases_by_hand() -> None:
    """A score of 4 log 2 is not divided by 2, the root of K; a bias of log 3 makes 1 to 3."""
    nothing = MultiHeadWeights(*np.zeros((4, 4, 4)))
    idle = FeedForwardWeights(np.zeros((4, 3)), np.zeros((3, 4)))
    # After the norm, tokens are 2 times a unit vector. Query and key: the first number alone.
    first = np.diag([1.0, 0, 0, 0])
    look = replace(nothing, query=first * np.log(2), key=first, value=np.eye(4), output=np.eye(4))
    ones, embedding = np.ones(4), np.eye(4)
    apart = np.array([[0.0], [np.log(3)], [0.0], [0.0]])  # bucket 1: some steps back

    def read(weights: MultiHeadWeights, table: np.ndarray) -> np.ndarray:
        block = T5BlockWeights(weights, idle, ones, ones)
        whole = T5Weights(embedding, (block,), (), table, table, ones, ones)
        return t5_encode(np.array([0, 1]), whole)

    # The first token scores itself 4 log 2: shares 16/17 and 1/17, each of a vector twice as long.
    found = np.array([1 + 2 * 16 / 17, 2 / 17, 0, 0])
    expected = found / np.sqrt(np.square(found).mean())
    np.testing.assert_allclose(read(look, np.zeros((4, 1)))[0], expected, atol=1e-5)
    # Without scores the second token, seen from which the first is 1 step back: 3/4 and 1/4.
    blind = replace(look, query=np.zeros((4, 4)))
    found = np.array([2 * 3 / 4, 1 + 2 / 4, 0, 0])
    expected = found / np.sqrt(np.square(found).mean())
    np.testing.assert_allclose(read(blind, apart)[1], expected, atol=1e-5)
    found = np.array([1 + 2 / 2, 2 / 2, 0, 0])  # the first sees the second ahead: no bias there
    expected = found / np.sqrt(np.square(found).mean())
    np.testing.assert_allclose(read(blind, apart)[0], expected, atol=1e-5)


# Invariants


def test_only_distances_count() -> None:
    """Padding in front moves a text to other places, and its logits stay: no place is absolute."""
    ids, decoder_ids = np.pad(SOURCE, ((0, 0), (4, 0))), np.pad(WRITTEN, ((0, 0), (2, 0)))
    seen, written = np.pad(SOURCE >= 0, ((0, 0), (4, 0))), np.pad(WRITTEN >= 0, ((0, 0), (2, 0)))
    moved = score(ids, decoder_ids, mask=seen, decoder_mask=written)[:, 2:]
    usual = score(SOURCE, WRITTEN)
    np.testing.assert_allclose(moved, usual, atol=ROUNDING * np.abs(usual).max())


def test_the_source_is_read_once() -> None:
    """Word by word from one reading, the logits are those of all words at once."""
    near: Any = {"max_distance": FURTHEST}
    source = t5_encode(SOURCE, SMALL, SOURCE_MASK, **near)
    rows = [
        t5_decode(WRITTEN[:, : t + 1], source, SMALL, SOURCE_MASK, **near)[:, -1] for t in range(8)
    ]
    expected = score(SOURCE, WRITTEN, mask=SOURCE_MASK)
    np.testing.assert_allclose(
        np.stack(rows, axis=1), expected, atol=ROUNDING * np.abs(expected).max()
    )


# Oracles


@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        ({}, (9, 8)),
        (V1_1, (9, 8)),
        ({}, (1, 1)),
        (V1_1, (1, 1)),
        ({**V1_1, "own": True}, (9, 8)),
        ({**V1_1, "own": True, "num_layers": 3}, (5, 7)),
        ({"num_heads": 1, "num_layers": 1, "num_decoder_layers": 1}, (4, 7)),
        ({**V1_1, "d_kv": 4, "d_model": 15, "relative_attention_num_buckets": 4}, (7, 3)),
        ({"layer_norm_epsilon": 0.1}, (9, 8)),
    ],
)
def test_logits_are_those_of_t5(sizes: dict[str, Any], shapes: tuple[int, int]) -> None:
    """v1.0 and v1.1, ids to logits, padding on either side: as `transformers` and the twin."""
    model = stored_t5(**sizes)
    ids, decoder_ids = SOURCE[:, : shapes[0]], WRITTEN[:, : shapes[1]]
    mask, decoder_mask = SOURCE_MASK[:, : shapes[0]], WRITTEN_MASK[:, : shapes[1]]
    if shapes == (1, 1):
        mask, decoder_mask = np.ones((2, 3, 1), bool)
    texts = [torch.from_numpy(array) for array in (ids, decoder_ids, mask, decoder_mask)]
    twin = nn.from_hugging_face(model.config, model.state_dict())
    with torch.no_grad():
        theirs = model(
            input_ids=texts[0],
            decoder_input_ids=texts[1],
            attention_mask=texts[2].long(),
            decoder_attention_mask=texts[3].long(),
        ).logits.numpy()
        of_the_twin = twin(*texts).numpy()
    ours = t5(
        *(ids, decoder_ids, t5_weights(arrays(model)), mask),
        decoder_mask=decoder_mask,
        max_distance=FURTHEST,
        epsilon=model.config.layer_norm_epsilon,
    )
    for expected in (theirs, of_the_twin):
        bound = ROUNDING * np.abs(expected).max()
        np.testing.assert_allclose(ours[decoder_mask], expected[decoder_mask], atol=bound, rtol=0)


def test_the_sizes_of_published_models_are_the_defaults() -> None:
    """32 buckets up to a distance of 128, an epsilon of 1e-6: said by `transformers` too."""
    config = transformers.T5Config(
        vocab_size=V, d_model=12, d_kv=4, num_heads=3, d_ff=17, num_layers=1
    )
    model = shaken(transformers.T5ForConditionalGeneration(config))
    ids = np.random.default_rng(2).integers(V, size=(2, 150))
    with torch.no_grad():
        text = torch.from_numpy(ids)
        expected = model(input_ids=text, decoder_input_ids=text).logits.numpy()
    ours = t5(ids, ids, t5_weights(arrays(model)))
    np.testing.assert_allclose(ours, expected, atol=ROUNDING * np.abs(expected).max(), rtol=0)


def test_the_version_is_in_the_weights() -> None:
    """Two matrices and no table of its own; or three and one, be it a copy of the embedding."""
    assert isinstance(SMALL.encoder[0].feed_forward, FeedForwardWeights)
    assert SMALL.unembedding is None
    for own in (True, False):
        later = t5_weights(arrays(stored_t5(**V1_1, own=own)))
        assert isinstance(later.decoder[0].feed_forward, GatedFeedForwardWeights)
        assert later.unembedding is not None
        assert np.array_equal(later.unembedding, later.embedding) != own


# Errors


@pytest.mark.parametrize("sizes", [{}, V1_1])
def test_missing_and_unknown_weights_are_named(sizes: dict[str, Any]) -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    state = arrays(stored_t5(**sizes))
    copies = {"lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}
    for name in state.keys() - copies:
        short = {other: array for other, array in state.items() if other != name}
        with pytest.raises(ValueError, match=r"expected weights named|got also"):
            t5_weights(short)
    with pytest.raises(ValueError, match=r"the weights of a T5, got also \['adapter'\]"):
        t5_weights({**state, "adapter": np.zeros(3)})


def test_a_table_that_no_block_looks_at_is_left_out() -> None:
    """The published files of v1.0 hold a bias for the look across, where no place is told."""
    state = arrays(stored_t5())
    name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    weights = t5_weights({**state, name: np.ones((8, 3), np.float32)})
    ours = t5(SOURCE, WRITTEN, weights, max_distance=FURTHEST)
    np.testing.assert_array_equal(ours, score(SOURCE, WRITTEN))


def test_a_copy_that_differs_is_refused() -> None:
    """One table serves both texts; another one would be silently left out."""
    state = arrays(stored_t5())
    name = "decoder.embed_tokens.weight"
    with pytest.raises(ValueError, match=rf"expected {name} as a copy of shared\.weight"):
        t5_weights({**state, name: state["shared.weight"] + 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: replace(w, encoder_bias=w.encoder_bias[:, :2]), "for H=2"),
        (lambda w: replace(w, encoder_bias=w.encoder_bias[:, :0]), "expected at least 1 head"),
        (lambda w: replace(w, decoder_gain=w.decoder_gain[:1]), r"expected gain of shape \(12,\)"),
        (lambda w: replace(w, embedding=w.embedding * np.float32("nan")), "expected finite"),
        (lambda w: replace(w, unembedding=w.embedding[:, :1]), r"expected x \(\*B, D\), table"),
    ],
)
@pytest.mark.usefixtures("unchecked_shapes")
def test_weights_that_do_not_fit_are_refused(
    change: Callable[[T5Weights], T5Weights], message: str
) -> None:
    """Each from a model of another size, or none at all."""
    with pytest.raises(ValueError, match=message):
        t5(SOURCE, WRITTEN, change(SMALL), max_distance=FURTHEST)

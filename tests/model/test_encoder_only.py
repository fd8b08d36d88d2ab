"""The whole encoder: by hand, by what must not change it, and against BERT and the twin."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.stored import arrays, bert, shaken

from glassformer.model.encoder_only import (
    EncoderWeights,
    MaskedTokenWeights,
    bert_weights,
    encoder_only,
    encoder_weights,
    masked_token_logits,
)
from glassformer.nn.encoder import Encoder
from glassformer.position.learned import position_ids

# The same float32 sums in another order, through a few layers, on numbers below 10.
ROUNDING = 1e-5


def some_ids(*shape: int, below: int = 37) -> np.ndarray:
    """Ids, the same on each call."""
    return np.random.default_rng(0).integers(below, size=shape)


SMALL = bert_weights(arrays(bert()))


# By hand


def no_blocks(**others: Any) -> EncoderWeights:
    """Two tokens, two positions, two numbers each, and a norm."""
    return EncoderWeights(
        embedding=np.array([[1.0, 0.0], [0.0, 2.0]]),
        position=np.array([[2.0, 0.0], [0.0, 1.0]]),
        blocks=(),
        gain=np.ones(2),
        bias=np.array([0.0, 0.5]),
        **others,
    )


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_without_blocks(norm_first: Any) -> None:
    """Embedding plus position, and the one norm, wherever it stands."""
    # [1, 0] + [2, 0] = [3, 0], normalized [1, -1], plus the bias [1, -0.5];
    # [0, 2] + [0, 1] = [0, 3], normalized [-1, 1], plus the bias [-1, 1.5].
    x = encoder_only(np.array([0, 1]), no_blocks(), 1, norm_first=norm_first)
    np.testing.assert_allclose(x, [[1.0, -0.5], [-1.0, 1.5]], atol=1e-12)


def test_types_are_added_before_the_norm() -> None:
    """[1, 0] + [2, 0] + [0, 9] = [3, 9]: now the second number is the larger one."""
    weights = no_blocks(type=np.array([[0.0, 0.0], [0.0, 9.0]]))
    ids, types = np.array([0, 1]), np.array([1, 0])
    x = encoder_only(ids, weights, 1, types=types)
    np.testing.assert_allclose(x, [[-1.0, 1.5], [-1.0, 1.5]], atol=1e-12)
    np.testing.assert_array_equal(
        encoder_only(ids, weights, 1), encoder_only(ids, no_blocks(), 1)
    )  # all of type 0, whose vector is zero here


def test_scores_of_a_hidden_token() -> None:
    """Dot products with a table, and a constant for each token."""
    head = MaskedTokenWeights(
        np.array([[3.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 0.0, 5.0])
    )
    logits = masked_token_logits(np.array([[1.0, -1.0]]), head)
    np.testing.assert_array_equal(logits, [[2.0, -1.0, 6.0]])


# Invariants


def test_every_place_notices_every_token() -> None:
    """Another token, before or after, changes every vector: nothing is hidden."""
    ids = some_ids(11)
    others = np.where(np.eye(11, dtype=bool), (ids + 1) % 37, ids)  # text i: token i is another
    x, changed = encoder_only(ids, SMALL, 4), encoder_only(others, SMALL, 4)
    assert (changed != x).any(-1).all()


@settings(max_examples=30)
@given(st.integers(1, 9), st.booleans(), st.data())
def test_padding_changes_nothing(T: int, left: Any, data: st.DataObject) -> None:
    """However a text is filled up, and on which side, its vectors are those of the text alone."""
    S = data.draw(st.integers(T, 17))
    filler = data.draw(st.lists(st.integers(0, 36), min_size=S - T, max_size=S - T))
    text = some_ids(T)
    parts = [np.array(filler, dtype=int), text] if left else [text, np.array(filler, dtype=int)]
    ids = np.concatenate(parts)
    keep = np.arange(S) >= S - T if left else np.arange(S) < T
    padded = encoder_only(ids, SMALL, 4, keep)[keep]
    np.testing.assert_allclose(padded, encoder_only(text, SMALL, 4), atol=ROUNDING)


def test_order_counts_only_by_positions() -> None:
    """Without position vectors, the words in another order have the same vectors in that order."""
    ids, order = some_ids(7), np.array([3, 1, 6, 0, 2, 5, 4])
    blind = replace(SMALL, position=np.zeros_like(SMALL.position))
    moved, still = encoder_only(ids[order], blind, 4), encoder_only(ids, blind, 4)[order]
    np.testing.assert_allclose(moved, still, atol=ROUNDING)
    moved, still = encoder_only(ids[order], SMALL, 4), encoder_only(ids, SMALL, 4)[order]
    assert np.abs(moved - still).max() > 1000 * ROUNDING


# Oracles


SIZES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (2, 11)),
    ({}, (1, 1)),
    ({"num_attention_heads": 1, "num_hidden_layers": 1}, (3, 4)),
    ({"hidden_size": 15, "num_attention_heads": 5, "num_hidden_layers": 3}, (2, 7)),
    ({"layer_norm_eps": 0.1}, (2, 5)),
    ({"type_vocab_size": 1}, (1, 3)),
]


@pytest.mark.parametrize("padded", ["not", "left", "right"])
@pytest.mark.parametrize(("sizes", "shape"), SIZES)
def test_vectors_and_scores_are_those_of_bert(
    sizes: dict[str, Any], shape: tuple[int, int], padded: str
) -> None:
    """The published names, the types, the padding, each part: all as in `transformers`."""
    model, ids = bert(**sizes), some_ids(*shape)
    types = some_ids(*shape, below=sizes.get("type_vocab_size", 3))
    keep = np.ones(shape, bool)
    if padded != "not" and shape[1] > 1:
        keep[0, : shape[1] // 2] = False
        keep = keep if padded == "left" else keep[:, ::-1].copy()
    for positions in (position_ids(keep), np.broadcast_to(np.arange(shape[1]), shape).copy()):
        with torch.no_grad():
            theirs = model(
                torch.from_numpy(ids),
                attention_mask=torch.from_numpy(keep.astype(int)),
                token_type_ids=torch.from_numpy(types),
                position_ids=torch.from_numpy(positions),
                output_hidden_states=True,
            )
        weights, epsilon = bert_weights(arrays(model)), model.config.layer_norm_eps
        H = sizes.get("num_attention_heads", 4)
        x = encoder_only(ids, weights, H, keep, types, positions=positions, epsilon=epsilon)
        assert weights.head is not None
        logits = masked_token_logits(x, weights.head, epsilon=epsilon)
        vectors = theirs.hidden_states[-1].numpy()
        for ours, expected in ((x, vectors), (logits, theirs.logits.numpy())):
            np.testing.assert_allclose(
                ours[keep], expected[keep], atol=ROUNDING * np.abs(expected).max()
            )


def test_positions_of_transformers_are_those_of_the_row() -> None:
    """Its default counts padding on the left too, so that ours must be told to."""
    model, ids, keep = bert(), some_ids(1, 7), np.arange(7)[None] >= 3
    with torch.no_grad():
        theirs = model.bert(
            torch.from_numpy(ids), attention_mask=torch.from_numpy(keep.astype(int))
        )
    expected = theirs.last_hidden_state.numpy()[keep]
    as_theirs = encoder_only(ids, SMALL, 4, keep, positions=np.arange(7))[keep]
    np.testing.assert_allclose(as_theirs, expected, atol=ROUNDING)
    assert np.abs(encoder_only(ids, SMALL, 4, keep)[keep] - expected).max() > 0.1


@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM", "BertForPreTraining"])
def test_the_same_weights_under_other_names(kind: str) -> None:
    """With the prefix and the head or without, and with the first files' gamma and beta."""
    model = bert(kind)
    state = arrays(model)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in state.items()
        if not name.startswith("cls.predictions.decoder.")  # left out of the first files
    }
    ids = some_ids(2, 5)
    with torch.no_grad():
        whole = getattr(model, "bert", model)(torch.from_numpy(ids)).last_hidden_state.numpy()
    for stored in (state, old):
        weights = bert_weights(stored)
        np.testing.assert_allclose(encoder_only(ids, weights, 4), whole, atol=ROUNDING)
        assert (weights.head is None) == (kind == "BertModel")
        if weights.head is not None:
            np.testing.assert_array_equal(weights.head.table, weights.embedding)


def test_a_table_that_is_not_tied() -> None:
    """Its own matrix, where a model was stored with one."""
    model = bert(tie_word_embeddings=False)
    assert not np.array_equal(
        model.cls.predictions.decoder.weight.detach(),
        model.bert.embeddings.word_embeddings.weight.detach(),
    )
    ids, weights = some_ids(2, 5), bert_weights(arrays(model))
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    assert weights.head is not None
    logits = masked_token_logits(encoder_only(ids, weights, 4), weights.head)
    np.testing.assert_allclose(logits, expected, atol=ROUNDING * np.abs(expected).max())


@pytest.mark.parametrize("layers", [1, 3])
def test_vectors_and_scores_are_those_of_the_twin(layers: int) -> None:
    """Pre-norm, no types, a table of its own; weights cross as a plain dictionary."""
    twin = Encoder(37, width=12, heads=3, layers=layers, length=11, seed=1)
    shaken(twin)
    ids, keep = some_ids(2, 11), np.arange(11) < np.array([[11], [6]])
    with torch.no_grad():
        expected = twin(torch.from_numpy(ids), torch.from_numpy(keep)[:, None, None]).numpy()
    weights = encoder_weights(arrays(twin))
    x = encoder_only(ids, weights, 3, keep, norm_first=True, epsilon=1e-5)
    assert weights.head is not None
    logits = masked_token_logits(x, weights.head)
    np.testing.assert_allclose(logits[keep], expected[keep], atol=ROUNDING * np.abs(expected).max())


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ids": np.zeros(12, int)}, r"expected positions in 0\.\.10, got 0\.\.11"),
        ({"keep": np.ones(3, int)}, r"expected keep \(3,\) of bool, got \(3,\) of int"),
        ({"keep": np.ones(4, bool)}, r"expected keep \(3,\) of bool, got \(4,\) of bool"),
        ({"keep": [True] * 3}, r"expected keep \(3,\) of bool, got .* of list"),
        ({"keep": np.zeros(3, bool)}, "one that is all padding"),
        ({"types": np.array([0, 1, 3])}, r"expected types in 0\.\.2, got 0\.\.3"),
        ({"types": np.zeros(4, int)}, r"expected types for ids \(3,\), got \(4,\)"),
        ({"types": np.zeros((2, 3), int)}, r"expected types for ids \(3,\), got \(2, 3\)"),
        ({"positions": np.array([0, 1, 11])}, r"expected positions in 0\.\.10, got 0\.\.11"),
        ({"positions": np.array([-1, 0, 1])}, r"expected positions in 0\.\.10, got -1\.\.1"),
        ({"positions": np.zeros((2, 3), int)}, r"expected positions for ids \(3,\)"),
        ({"positions": np.zeros(3)}, "expected positions for ids"),
        ({"H": 5}, "H=5"),
    ],
)
def test_bad_input_is_refused(changed: dict[str, Any], message: str) -> None:
    """Nothing, too much, a token that is not there, a mask that does not fit."""
    given_ = {"ids": np.array([1, 2, 3]), "weights": SMALL, "H": 4, **changed}
    with pytest.raises(ValueError, match=message):
        encoder_only(**given_)


def test_types_without_vectors_are_refused() -> None:
    """They would be ignored without a word."""
    with pytest.raises(ValueError, match="expected no types"):
        encoder_only(np.array([1]), replace(SMALL, type=None), 4, types=np.array([0]))


@pytest.mark.parametrize("take", [bert_weights, encoder_weights])
def test_missing_and_unknown_weights_are_named(take: Any) -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    state = arrays(bert() if take is bert_weights else Encoder(37, layers=1))
    copies = {f"cls.predictions.{name}" for name in ("decoder.weight", "decoder.bias", "bias")}
    for name in state.keys() - copies:
        short = {other: array for other, array in state.items() if other != name}
        with pytest.raises(
            ValueError, match=f"expected weights named '{name.removeprefix('bert.')}'"
        ):
            take(short)
    with pytest.raises(
        ValueError, match=r"expected only the weights of .*, got also \['adapter'\]"
    ):
        take({**state, "adapter": np.zeros(3)})


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "name",
    [
        *("embeddings.position_embeddings.weight", "encoder.layer.1.attention.self.key.weight"),
        *("encoder.layer.0.output.LayerNorm.bias", "embeddings.token_type_embeddings.weight"),
    ],
)
def test_weights_of_another_width_are_refused(name: str) -> None:
    """One array from a model of another size: an error, not a broadcast."""
    state = arrays(bert())
    state[f"bert.{name}"] = np.ones((*state[f"bert.{name}"].shape[:-1], 1), np.float32)
    with pytest.raises(ValueError, match="expected"):
        encoder_only(some_ids(3), bert_weights(state), 4)

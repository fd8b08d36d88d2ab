"""The whole encoder-decoder: by hand, by what must not change it, and against three others."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.stored import V, arrays, marian, original

from glassformer import nn
from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.block.activation import silu
from glassformer.block.feed_forward import FeedForwardWeights
from glassformer.block.transformer_block import BlockWeights
from glassformer.model.encoder_decoder import (
    DecoderBlockWeights,
    EncoderDecoderWeights,
    decode,
    decoder_block,
    encode,
    encoder_decoder,
    encoder_decoder_weights,
    marian_weights,
)

# The same float32 sums in another order, through a few blocks, on logits below 10.
ROUNDING = 1e-5
D, H = 12, 3

SMALL = encoder_decoder_weights(arrays(original()))


def some_ids(*shape: int, seed: int = 0) -> np.ndarray:
    """Ids below V, the same on each call."""
    return np.random.default_rng(seed).integers(V, size=shape)


SOURCE, WRITTEN = some_ids(3, 7), some_ids(3, 5, seed=1)
# Padding on the right, on the left, and none; of the written text on the other side each time.
SOURCE_MASK = np.ones((3, 7), bool)
SOURCE_MASK[0, 5:] = SOURCE_MASK[1, :3] = False
WRITTEN_MASK = np.ones((3, 5), bool)
WRITTEN_MASK[0, :2] = WRITTEN_MASK[1, 3:] = False


def score(ids: np.ndarray, decoder_ids: np.ndarray, **masks: Any) -> np.ndarray:
    """The logits of the small model."""
    return encoder_decoder(ids, decoder_ids, SMALL, H, **masks)


# By hand


def test_a_model_without_blocks() -> None:
    """Two tokens, two numbers each: root of 2 times the embedding, a clock's hand, dot products."""
    weights = EncoderDecoderWeights(np.array([[1.0, 0.0], [0.0, 2.0]]), (), ())
    sin, cos, root = math.sin(1), math.cos(1), math.sqrt(2)
    expected = [[root, 1], [sin, 2 * root + cos]]
    source = encode(np.array([0, 1]), weights, 1)
    np.testing.assert_allclose(source, expected, atol=1e-7)  # Sinusoids are computed in float64.
    logits, maps = decode(np.array([0, 1]), source, weights, 1)
    np.testing.assert_allclose(logits, [[root, 2], [sin, 4 * root + 2 * cos]], atol=1e-7)
    assert maps == []


def test_positions_and_biases_may_be_given() -> None:
    """A table in place of the sinusoids, and a constant for each token."""
    table, bias = np.array([[3.0, 0.0], [9.0, 9.0]]), np.array([0.5, -1.0])
    weights = EncoderDecoderWeights(np.eye(2), (), (), table, bias)
    logits, _ = decode(np.array([0]), np.zeros((1, 2)), weights, 1)
    np.testing.assert_allclose(logits, [[math.sqrt(2) + 3.5, -1.0]])


@pytest.mark.parametrize(("real", "expected"), [([True, True], [-1, 1]), ([True, False], [1, -1])])
def test_a_block_adds_what_it_finds_in_the_source(real: list[bool], expected: list[int]) -> None:
    """The mean of the source, [-4, 0], turns [1, -1] round; without its second token, nothing."""
    nothing = MultiHeadWeights(*np.zeros((4, 2, 2)))
    mean = replace(nothing, value=np.eye(2), output=np.eye(2))
    ones, zeros = np.ones(2), np.zeros(2)
    idle = FeedForwardWeights(np.zeros((2, 3)), np.zeros((3, 2)))
    weights = DecoderBlockWeights(
        BlockWeights(nothing, idle, ones, zeros, ones, zeros), mean, ones, zeros
    )
    source = np.array([[0.0, 0.0], [-8.0, 0.0]])
    x, looks = decoder_block(
        np.array([[1.0, -1.0]]), source, weights, 1, source_mask=np.array([[real]])
    )
    np.testing.assert_allclose(x, [expected], atol=1e-4)  # A norm adds 1e-5 to the variance.
    np.testing.assert_allclose(looks, [[np.array(real) / sum(real)]])


# Invariants


@settings(max_examples=12)
@given(st.integers(1, 7), st.integers(1, 5))
def test_more_padding_changes_nothing(S: int, T: int) -> None:
    """A text alone has the logits that it has when both are padded on the right."""
    alone = score(SOURCE[:, :S], WRITTEN[:, :T])
    padded = score(SOURCE, WRITTEN, mask=np.tile(np.arange(7) < S, (3, 1)))
    np.testing.assert_allclose(padded[:, :T], alone, atol=ROUNDING)


def test_the_source_is_read_once() -> None:
    """Word by word from one reading, the logits are those of all words at once."""
    source = encode(SOURCE, SMALL, H, SOURCE_MASK)
    rows = [decode(WRITTEN[:, : t + 1], source, SMALL, H, SOURCE_MASK)[0][:, -1] for t in range(5)]
    expected = score(SOURCE, WRITTEN, mask=SOURCE_MASK)
    np.testing.assert_allclose(np.stack(rows, axis=1), expected, atol=ROUNDING)


def test_maps_are_shares_of_the_source() -> None:
    """One map for each block and head; none of it on padding."""
    source = encode(SOURCE, SMALL, H, SOURCE_MASK)
    _, maps = decode(WRITTEN, source, SMALL, H, SOURCE_MASK)
    assert [looks.shape for looks in maps] == [(3, H, 5, 7)] * 2
    for looks in maps:
        np.testing.assert_allclose(looks.sum(-1), 1, atol=ROUNDING)
        assert (looks.swapaxes(1, 3)[~SOURCE_MASK] == 0).all()
        assert (looks.swapaxes(1, 3)[SOURCE_MASK] > 0).all()


# Oracles


@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        ({}, (7, 5)),
        ({}, (1, 1)),
        ({"width": 30, "heads": 5, "layers": (1, 3)}, (4, 9)),
        ({"width": 10, "heads": 1, "layers": (3, 1)}, (7, 5)),
    ],
)
def test_logits_are_those_of_the_original(sizes: dict[str, Any], shapes: tuple[int, int]) -> None:
    """Weights cross as a plain dictionary; padding on either side of both texts."""
    model = original(**sizes)
    ids, decoder_ids = some_ids(3, shapes[0]), some_ids(3, shapes[1], seed=1)
    masks = (SOURCE_MASK, WRITTEN_MASK) if shapes == (7, 5) else (None, None)
    with torch.no_grad():
        tensors = (None if m is None else torch.from_numpy(m) for m in masks)
        expected = model(torch.from_numpy(ids), torch.from_numpy(decoder_ids), *tensors).numpy()
    weights, heads = encoder_decoder_weights(arrays(model)), sizes.get("heads", H)
    ours = encoder_decoder(ids, decoder_ids, weights, heads, masks[0], decoder_mask=masks[1])
    np.testing.assert_allclose(ours, expected, atol=ROUNDING)


def torch_attention(weights: MultiHeadWeights, module: torch.nn.MultiheadAttention) -> None:
    """Give torch's module our weights: it keeps three projections in one matrix."""
    w = {name: torch.from_numpy(array) for name, array in vars(weights).items()}
    names = ("query", "key", "value")
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat([w[name].T for name in names]))
        module.in_proj_bias.copy_(torch.cat([w[f"{name}_bias"] for name in names]))
        module.out_proj.weight.copy_(w["output"].T)
        module.out_proj.bias.copy_(w["output_bias"])


def torch_layer(layer: Any, block: BlockWeights, last: str) -> None:
    """Give torch's layer what both kinds of block have."""
    torch_attention(block.attention, layer.self_attn)
    stored = {
        "linear1.weight": block.feed_forward.up.T,
        "linear2.weight": block.feed_forward.down.T,
        "linear1.bias": block.feed_forward.up_bias,
        "linear2.bias": block.feed_forward.down_bias,
        "norm1.weight": block.attention_gain,
        "norm1.bias": block.attention_bias,
        f"{last}.weight": block.feed_forward_gain,
        f"{last}.bias": block.feed_forward_bias,
    }
    layer.load_state_dict({n: torch.tensor(a) for n, a in stored.items()}, strict=False)


def torch_transformer(weights: EncoderDecoderWeights, units: int) -> Any:
    """The Transformer of torch with our weights; without its norms after the stacks."""
    nn_ = torch.nn
    sizes: Any = {"d_model": D, "nhead": H, "dim_feedforward": units, "dropout": 0.0}
    encoder = nn_.TransformerEncoder(
        nn_.TransformerEncoderLayer(**sizes, batch_first=True),
        len(weights.encoder),
        enable_nested_tensor=False,
    )
    decoder = nn_.TransformerDecoder(
        nn_.TransformerDecoderLayer(**sizes, batch_first=True), len(weights.decoder)
    )
    model = nn_.Transformer(D, H, custom_encoder=encoder, custom_decoder=decoder, batch_first=True)
    for layer, block in zip(encoder.layers, weights.encoder, strict=True):
        torch_layer(layer, block, "norm2")
    for layer, w in zip(decoder.layers, weights.decoder, strict=True):
        torch_layer(layer, w.block, "norm3")
        torch_attention(w.cross, layer.multihead_attn)
        norm = {"weight": torch.tensor(w.cross_gain), "bias": torch.tensor(w.cross_bias)}
        layer.norm2.load_state_dict(norm)
    return model.eval()


def test_both_stacks_are_those_of_torch() -> None:
    """torch.nn.Transformer, which nobody here wrote, between our embedding and our scores."""
    theirs = torch_transformer(SMALL, units=17)
    bare = replace(SMALL, encoder=(), decoder=())
    x, y = encode(SOURCE, bare, H), encode(WRITTEN, bare, H)  # What enters the stacks.
    # In torch, True hides. A query in the padding must see something there, or all becomes NaN.
    seen = (np.tri(5, dtype=bool) & WRITTEN_MASK[:, None]) | np.eye(5, dtype=bool)
    with torch.no_grad():
        expected = theirs(
            torch.from_numpy(x),
            torch.from_numpy(y),
            tgt_mask=torch.from_numpy(~seen).repeat_interleave(H, dim=0),
            src_key_padding_mask=torch.from_numpy(~SOURCE_MASK),
            memory_key_padding_mask=torch.from_numpy(~SOURCE_MASK),
        )
        scores = expected.numpy() @ SMALL.embedding.T
    ours = score(SOURCE, WRITTEN, mask=SOURCE_MASK, decoder_mask=WRITTEN_MASK)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours[WRITTEN_MASK], scores[WRITTEN_MASK], atol=ROUNDING)


@pytest.mark.parametrize("sizes", [{}, {"encoder_layers": 1, "decoder_layers": 1}])
def test_logits_are_those_of_marian(sizes: dict[str, int]) -> None:
    """Ids to logits, embedding and positions included, as `transformers` has them."""
    model = marian(**sizes)
    with torch.no_grad():
        expected = model(
            input_ids=torch.from_numpy(SOURCE),
            decoder_input_ids=torch.from_numpy(WRITTEN),
            attention_mask=torch.from_numpy(SOURCE_MASK).long(),
            decoder_attention_mask=torch.from_numpy(WRITTEN_MASK).long(),
        ).logits.numpy()
    weights = marian_weights(arrays(model))
    ours = encoder_decoder(
        SOURCE, WRITTEN, weights, 4, SOURCE_MASK, decoder_mask=WRITTEN_MASK, activation=silu
    )
    np.testing.assert_allclose(ours[WRITTEN_MASK], expected[WRITTEN_MASK], atol=ROUNDING)


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "mask", [np.ones((3, 7)), np.ones((3, 6), bool), np.ones((3, 1, 1, 7), bool), [[True] * 7] * 3]
)
def test_bad_masks_are_refused(mask: Any) -> None:
    """A mask of numbers, of another length, or of another shape would hide other tokens."""
    with pytest.raises(ValueError, match=r"expected mask \(3, 7\) of bool, got "):
        score(SOURCE, WRITTEN, mask=mask)
    source = encode(SOURCE, SMALL, H)
    with pytest.raises(ValueError, match=r"expected mask \(3, 7\) of bool, got "):
        decode(WRITTEN, source, SMALL, H, mask)
    with pytest.raises(ValueError, match=r"expected decoder_mask \(3, 7\) of bool, got "):
        decode(SOURCE, source, SMALL, H, decoder_mask=mask)


def test_a_text_beyond_the_table_is_refused() -> None:
    """With a table of positions, as Marian's, there is a longest text; with sinusoids, none."""
    weights = marian_weights(arrays(marian()))
    with pytest.raises(ValueError, match=r"expected positions in 0\.\.10, got 0\.\.11"):
        encode(np.zeros(12, int), weights, 4, activation=silu)
    assert encode(np.zeros(99, int), SMALL, H).shape == (99, D)


@pytest.mark.parametrize("taker", [encoder_decoder_weights, marian_weights])
def test_missing_and_unknown_weights_are_named(taker: Any) -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    state = arrays(marian() if taker is marian_weights else original())
    for name in state:
        if name.endswith(("encoder_attn_layer_norm.bias", "cross_norm.bias")):
            short = {other: array for other, array in state.items() if other != name}
            missing = name.removeprefix("model.")
            with pytest.raises(ValueError, match=f"expected weights named '{missing}', got "):
                taker(short)
    with pytest.raises(ValueError, match=r"got also \['adapter'\]"):
        taker({**state, "adapter": np.zeros(3)})


def test_blocks_of_another_order_are_refused() -> None:
    """A pre-norm model has a norm after each stack, for which there is no place here."""
    pre_norm = replace(nn.original(V, width=D, layers=1, heads=H), post_norm=False)
    with pytest.raises(ValueError, match=r"got also \['decoder.norm.bias'"):
        encoder_decoder_weights(arrays(nn.build(pre_norm)))


def test_two_tables_of_positions_are_refused() -> None:
    """Both stacks of a Marian have the same sinusoids; one that has not is no Marian."""
    state = arrays(marian())
    state["model.decoder.embed_positions.weight"] = np.zeros((11, 24), np.float32)
    with pytest.raises(ValueError, match="expected the same positions in encoder and decoder"):
        marian_weights(state)


def test_heads_that_do_not_fit_are_refused() -> None:
    """12 numbers cannot be cut into 5 heads."""
    with pytest.raises(ValueError, match="H=5"):
        encoder_decoder(SOURCE, WRITTEN, SMALL, 5)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.decoder.embed_tokens.weight"])
def test_a_copy_that_differs_is_refused(name: str) -> None:
    """It would be silently left out, and the scores would be others."""
    state = arrays(marian())
    assert marian_weights(state)
    with pytest.raises(ValueError, match=r"as a copy of shared\.weight, got another"):
        marian_weights({**state, name: state["model.shared.weight"] + 1})


@pytest.mark.usefixtures("unchecked_shapes")
def test_positions_of_another_width_are_refused() -> None:
    """One number for each position would be added to every number of a vector."""
    narrow = replace(SMALL, position=np.ones((11, 1), np.float32))
    with pytest.raises(ValueError, match=r"expected positions of width 12, got \(11, 1\)"):
        encode(SOURCE, narrow, H)

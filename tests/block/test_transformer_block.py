"""The whole block: by hand, by who may notice what, and against three other implementations."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from glassformer.attention.mask import causal_mask
from glassformer.attention.multi_head import MultiHeadWeights
from glassformer.block.activation import gelu, gelu_tanh, relu
from glassformer.block.feed_forward import FeedForwardWeights
from glassformer.block.residual import post_norm, pre_norm
from glassformer.block.transformer_block import BlockWeights, transformer_block
from glassformer.nn.block import TransformerBlock

D, H, T = 8, 2, 5
FLOATS = [np.float32, np.float64]
BOTH = pytest.mark.parametrize("connect", [pre_norm, post_norm])


def some_weights(seed: int = 0, dtype: type[np.floating] = np.float64) -> BlockWeights:
    """Every array random, gains and biases too."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5, shape).astype(dtype)

    return BlockWeights(
        MultiHeadWeights(*(draw(D, D) for _ in range(4)), *(draw(D) for _ in range(4))),
        FeedForwardWeights(draw(D, 4 * D), draw(4 * D, D), draw(4 * D), draw(D)),
        *(draw(D) for _ in range(4)),
    )


def some_texts(dtype: type[np.floating] = np.float64) -> np.ndarray:
    """Two texts of T vectors."""
    return np.random.default_rng(1).normal(size=(2, T, D)).astype(dtype)


def without(weights: BlockWeights, *parts: str) -> BlockWeights:
    """The same weights, with what these parts write set to zero."""
    a, f = weights.attention, weights.feed_forward
    if "attention" in parts:
        a = replace(a, output=np.zeros((D, D)), output_bias=np.zeros(D))
    if "feed_forward" in parts:
        f = replace(f, down=np.zeros((4 * D, D)), down_bias=np.zeros(D))
    return replace(weights, attention=a, feed_forward=f)


# By hand


def test_a_block_by_hand() -> None:
    """One token of two numbers: what each half adds can be followed in the head."""
    eye, zero, ones = np.eye(2), np.zeros(2), np.ones(2)
    up = np.array([[1.0, 0.0], [0.0, 1.0]])
    down = np.array([[10.0, 0.0], [0.0, 100.0]])
    weights = BlockWeights(
        MultiHeadWeights(eye, eye, eye, 3 * eye),
        FeedForwardWeights(up, down),
        *(ones, zero, ones, zero),
    )
    x = np.array([[5.0, 1.0]])
    # Normalized (1, -1); looking at itself only, attention adds 3 times that: (8, -2).
    # Normalized (1, -1) again; relu leaves (1, 0); the layer adds (10, 0): (18, -2).
    y = transformer_block(x, weights, 1, activation=relu)
    assert y == pytest.approx(np.array([[18.0, -2.0]]), abs=1e-4)  # epsilon beside a variance of 4
    # Post-norm: (5, 1) + 3 (5, 1) becomes (1, -1); (1, -1) + (10, 0) becomes (1, -1).
    y = transformer_block(x, weights, 1, connect=post_norm, activation=relu)
    assert y == pytest.approx(np.array([[1.0, -1.0]]), abs=1e-4)


# Invariants


def test_a_block_that_writes_nothing_is_the_identity() -> None:
    """The residual path is free: the same bits come out."""
    x = some_texts()
    assert np.array_equal(
        transformer_block(x, without(some_weights(), "attention", "feed_forward"), H), x
    )


@BOTH
def test_only_attention_carries_news_between_tokens(connect: Any) -> None:
    """A changed token is noticed by all through attention, by itself alone without it."""
    x, other = some_texts(), some_texts()
    other[:, 2, 0] += 1
    for weights, expected in (
        (some_weights(), [True] * T),
        (without(some_weights(), "attention"), [False, False, True, False, False]),
    ):
        y, z = (transformer_block(v, weights, H, connect=connect) for v in (x, other))
        assert (np.abs(y - z).max((0, 2)) > 1e-6).tolist() == expected


@BOTH
def test_a_causal_block_tells_nothing_to_earlier_tokens(connect: Any) -> None:
    """The mask reaches attention."""
    x, other = some_texts(), some_texts()
    other[:, 2, 0] += 1
    y, z = (
        transformer_block(v, some_weights(), H, causal_mask(T), connect=connect) for v in (x, other)
    )
    assert (np.abs(y - z).max((0, 2)) > 1e-6).tolist() == [False, False, True, True, True]


def test_the_feed_forward_layer_reads_what_attention_wrote() -> None:
    """Its contribution to one token changes with another token: it does not read the old x."""
    x, other = some_texts(), some_texts()
    other[:, 2, 0] += 1
    full, silent = some_weights(), without(some_weights(), "feed_forward")
    contributions = [
        (transformer_block(v, full, H) - transformer_block(v, silent, H))[:, 0] for v in (x, other)
    ]
    assert np.abs(contributions[0] - contributions[1]).max() > 1e-3


@BOTH
def test_order_is_not_seen(connect: Any) -> None:
    """Without a mask, shuffled tokens give shuffled results."""
    x, order = some_texts(), [3, 1, 4, 0, 2]
    y = transformer_block(x[:, order], some_weights(), H, connect=connect)
    # The terms of a few sums come in another order.
    assert (
        np.abs(y - transformer_block(x, some_weights(), H, connect=connect)[:, order]).max() < 1e-12
    )


def test_the_number_of_weights_is_12_d_squared_and_13_d() -> None:
    """The page's count, by adding up the arrays."""

    def count(part: object) -> int:
        return part.size if isinstance(part, np.ndarray) else sum(map(count, vars(part).values()))

    assert count(some_weights()) == 12 * D**2 + 13 * D


@BOTH
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_input_unchanged(connect: Any, dtype: type[np.floating]) -> None:
    """float32 in, float32 out, on a read-only array, with a batch or without."""
    x = some_texts(dtype)
    x.flags.writeable = False
    y = transformer_block(x, some_weights(dtype=dtype), H, causal_mask(T), connect=connect)
    assert y.shape == x.shape
    assert y.dtype == dtype
    alone = transformer_block(x[0], some_weights(dtype=dtype), H, causal_mask(T), connect=connect)
    assert np.abs(alone - y[0]).max() <= 100 * np.finfo(dtype).eps


# Oracles


def array(parameter: torch.Tensor) -> np.ndarray:
    """The numbers of a parameter."""
    return parameter.detach().numpy()


def assemble(
    matrices: list[torch.Tensor], biases: list[torch.Tensor], norms: list[Any]
) -> BlockWeights:
    """A record of matrices that are (in, out) already: query, key, value, output, up, down."""
    m, b = [array(p) for p in matrices], [array(p) for p in biases]
    return BlockWeights(
        MultiHeadWeights(*m[:4], *b[:4]),
        FeedForwardWeights(*m[4:], *b[4:]),
        *(array(p) for norm in norms for p in (norm.weight, norm.bias)),
    )


def shake(module: torch.nn.Module) -> None:
    """Make every parameter random, so that no zero bias or unit gain hides a mistake."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)


@pytest.mark.parametrize("masked", [False, True])
def test_the_twin_gives_the_same(*, masked: bool) -> None:
    """nn.block.TransformerBlock, with the same weights."""
    twin = TransformerBlock(D, H).double()
    shake(twin)
    a, f = twin.attention, twin.feed_forward
    layers: list[Any] = [a.query, a.key, a.value, a.output, f.up, f.down]
    weights = assemble(
        [layer.weight.T for layer in layers],
        [layer.bias for layer in layers],
        [twin.attention_norm, twin.feed_forward_norm],
    )
    mask, x = causal_mask(T), some_texts()
    expected = twin(torch.from_numpy(x), torch.from_numpy(mask)[None, None] if masked else None)
    ours = transformer_block(x, weights, H, mask if masked else None)
    # Some tens of roundings of numbers up to about 20.
    assert np.abs(ours - array(expected)).max() <= 1e-13


@BOTH
@pytest.mark.parametrize(("activation", "epsilon"), [(gelu, 1e-5), (relu, 0.1)])
def test_torch_s_layer_gives_the_same(connect: Any, activation: Any, epsilon: float) -> None:
    """TransformerEncoderLayer, norm first or last, causal, with its epsilon in both norms."""
    theirs = torch.nn.TransformerEncoderLayer(
        *(D, H, 4 * D, 0.0, activation.__name__, epsilon),
        batch_first=True,
        norm_first=connect is pre_norm,
        dtype=torch.float64,
    )
    shake(theirs)
    a = theirs.self_attn
    weights = assemble(
        [
            *(p.T for p in a.in_proj_weight.chunk(3)),
            *(p.weight.T for p in (a.out_proj, theirs.linear1, theirs.linear2)),
        ],
        [*a.in_proj_bias.chunk(3), *(p.bias for p in (a.out_proj, theirs.linear1, theirs.linear2))],
        [theirs.norm1, theirs.norm2],
    )
    mask, x = causal_mask(T), some_texts()
    expected = theirs(torch.from_numpy(x), src_mask=torch.from_numpy(~mask))
    settings = {"connect": connect, "activation": activation, "epsilon": epsilon}
    ours = transformer_block(x, weights, H, mask, **settings)
    assert np.abs(ours - array(expected)).max() <= 1e-13


def test_gpt_2_s_block_gives_the_same() -> None:
    """The block of transformers, whose attention is causal and whose GELU is by tanh."""
    settings: Any = GPT2Config  # their constructors are not typed
    make_block: Any = GPT2Block
    config = settings(
        n_embd=D,
        n_head=H,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
        attn_implementation="eager",
    )
    theirs = make_block(config, layer_idx=0).eval().double()
    shake(theirs)
    a, f = theirs.attn, theirs.mlp
    weights = assemble(
        [*a.c_attn.weight.chunk(3, dim=1), a.c_proj.weight, f.c_fc.weight, f.c_proj.weight],
        [*a.c_attn.bias.chunk(3), a.c_proj.bias, f.c_fc.bias, f.c_proj.bias],
        [theirs.ln_1, theirs.ln_2],
    )
    mask, x = causal_mask(T), some_texts()
    added = torch.zeros(T, T, dtype=torch.float64).masked_fill(~torch.from_numpy(mask), -torch.inf)
    expected = theirs(torch.from_numpy(x), attention_mask=added[None, None])
    ours = transformer_block(x, weights, H, mask, activation=gelu_tanh)
    assert np.abs(ours - array(expected)).max() <= 1e-13
    exact = transformer_block(x, weights, H, mask)
    assert np.abs(exact - array(expected)).max() > 1e-5  # the wrong GELU does not pass


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_does_not_fit_is_refused() -> None:
    """The parts say what they expected and what came."""
    x, weights = some_texts(), some_weights()
    with pytest.raises(ValueError, match="expected gain of shape"):
        transformer_block(x[..., :4], weights, H)
    with pytest.raises(ValueError, match="H=3"):
        transformer_block(x, weights, 3)
    with pytest.raises(ValueError, match="expected query of the dtype of x"):
        transformer_block(x.astype(np.float32), weights, H)
    with pytest.raises(ValueError, match="expected a mask"):
        transformer_block(x, weights, H, causal_mask(4))
    with pytest.raises(ValueError, match="expected finite numbers in x"):
        transformer_block(x * np.nan, weights, H)

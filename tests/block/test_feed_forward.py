"""The feed-forward layer, plain and gated: by hand, by property, against torch and transformers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, LlamaConfig, T5Config
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import LlamaMLP
from transformers.models.t5.modeling_t5 import T5DenseActDense, T5DenseGatedActDense

from glassformer.block.activation import gelu, gelu_tanh, relu, silu
from glassformer.block.feed_forward import (
    FeedForwardWeights,
    GatedFeedForwardWeights,
    feed_forward,
    gated_feed_forward,
)

D, F = 6, 10


def plain(seed: int = 0, *, biases: bool = True, dtype: Any = np.float64) -> FeedForwardWeights:
    """Random weights for width 6 and 10 units."""
    rng = np.random.default_rng(seed)
    up, down = rng.standard_normal((D, F)), rng.standard_normal((F, D))
    up_bias, down_bias = rng.standard_normal(F), rng.standard_normal(D)
    if not biases:
        return FeedForwardWeights(up.astype(dtype), down.astype(dtype))
    return FeedForwardWeights(*(a.astype(dtype) for a in (up, down, up_bias, down_bias)))


def gated(seed: int = 0, dtype: Any = np.float64) -> GatedFeedForwardWeights:
    """Random weights of a gated layer for width 6 and 10 units."""
    rng = np.random.default_rng(seed)
    gate, up = rng.standard_normal((2, D, F)).astype(dtype)
    return GatedFeedForwardWeights(gate, up, rng.standard_normal((F, D)).astype(dtype))


def some(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    """Random vectors, the same on each call."""
    return np.random.default_rng(1).standard_normal((*shape, D)).astype(dtype)


def array(parameter: torch.Tensor) -> np.ndarray:
    """The numbers of a parameter."""
    return parameter.detach().numpy()


# By hand


def test_a_layer_by_hand() -> None:
    """Units 1·1 + 2·3 - 6 = 1 and 1·2 - 2·1 + 0 = 0, each with its bias, written and biased."""
    weights = FeedForwardWeights(
        up=np.array([[1.0, 2.0], [3.0, -1.0]]),
        down=np.array([[10.0, 0.0], [5.0, 7.0]]),
        up_bias=np.array([-6.0, 0.5]),
        down_bias=np.array([0.0, 1.0]),
    )
    output = feed_forward(np.array([1.0, 2.0]), weights, relu)
    assert np.array_equal(output, [1 * 10 + 0.5 * 5, 0.5 * 7 + 1])


def test_a_gated_layer_by_hand() -> None:
    """ReLU(2 - 1) = 1 lets 3 pass, ReLU(-2) = 0 lets nothing pass of 5."""
    weights = GatedFeedForwardWeights(
        gate=np.array([[2.0, -2.0], [-1.0, 0.0]]),
        up=np.array([[1.0, 5.0], [2.0, 0.0]]),
        down=np.array([[10.0, 1.0], [100.0, 100.0]]),
    )
    assert np.array_equal(gated_feed_forward(np.array([1.0, 1.0]), weights, relu), [30.0, 3.0])


def test_two_gated_units_multiply_any_two_numbers() -> None:
    """What four plain units can do for ones only: the page's example."""
    weights = GatedFeedForwardWeights(
        gate=np.array([[1.0, -1.0], [0.0, 0.0]]),
        up=np.array([[0.0, 0.0], [1.0, 1.0]]),
        down=np.array([[1.0, 0.0], [-1.0, 0.0]]),
    )
    x = np.random.default_rng(0).standard_normal((100, 2))
    product = gated_feed_forward(x, weights, relu)[:, 0]
    assert product == pytest.approx(x[:, 0] * x[:, 1], rel=1e-15)


def test_the_usual_bends_are_gelu_and_silu() -> None:
    """Without being told, the plain layer takes exact GELU and the gated one SiLU."""
    x = some(3)
    assert np.array_equal(feed_forward(x, plain()), feed_forward(x, plain(), gelu))
    assert np.array_equal(gated_feed_forward(x, gated()), gated_feed_forward(x, gated(), silu))


# Invariants


@given(st.permutations(range(5)), st.integers(0, 4))
def test_each_token_is_on_its_own(order: list[int], changed: int) -> None:
    """Shuffled tokens give shuffled outputs, and a changed token changes its own output only."""
    x = some(5)
    other = x.copy()
    other[changed] += 1
    layers: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda x: feed_forward(x, plain()),
        lambda x: gated_feed_forward(x, gated()),
    ]
    for y in layers:
        assert np.abs(y(x[order]) - y(x)[order]).max() <= 1e-12
        difference = np.abs(y(other) - y(x)).max(-1)
        assert difference[changed] > 1e-3
        assert np.delete(difference, changed).max() <= 1e-12


@given(st.permutations(range(F)))
def test_units_have_no_order(order: list[int]) -> None:
    """Patterns, biases and rows shuffled alike compute the same."""
    x, w, g = some(4), plain(), gated()
    assert w.up_bias is not None
    same = FeedForwardWeights(w.up[:, order], w.down[order], w.up_bias[order], w.down_bias)
    assert np.abs(feed_forward(x, same) - feed_forward(x, w)).max() <= 1e-12
    alike = GatedFeedForwardWeights(g.gate[:, order], g.up[:, order], g.down[order])
    assert np.abs(gated_feed_forward(x, alike) - gated_feed_forward(x, g)).max() <= 1e-12


def test_without_a_bend_the_layer_is_one_matrix() -> None:
    """The two matrices multiply out, which the bend prevents."""
    x, w = some(7), plain()
    assert w.up_bias is not None
    assert w.down_bias is not None
    one = x @ (w.up @ w.down) + (w.up_bias @ w.down + w.down_bias)
    assert np.abs(feed_forward(x, w, lambda h: h) - one).max() <= 1e-13
    assert np.abs(feed_forward(x, w) - one).max() > 0.1


def test_the_gated_layer_is_linear_in_up_and_not_in_gate() -> None:
    """The property that catches the two matrices exchanged."""
    x, g = some(4), gated()
    once = gated_feed_forward(x, g)
    up_twice = gated_feed_forward(x, GatedFeedForwardWeights(g.gate, 2 * g.up, g.down))
    gate_twice = gated_feed_forward(x, GatedFeedForwardWeights(2 * g.gate, g.up, g.down))
    assert np.array_equal(up_twice, 2 * once)
    assert np.abs(gate_twice - 2 * once).max() > 0.1


def test_missing_biases_are_zeros() -> None:
    """None and a bias of zeros are the same layer, one at a time too."""
    x, w = some(4), plain(biases=False)
    expected = feed_forward(x, w)
    for up_bias in (None, np.zeros(F)):
        for down_bias in (None, np.zeros(D)):
            weights = FeedForwardWeights(w.up, w.down, up_bias, down_bias)
            assert np.array_equal(feed_forward(x, weights), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3, 4)])
def test_dtype_and_shape_are_kept_and_input_unchanged(
    shape: tuple[int, ...], dtype: type[np.floating]
) -> None:
    """One vector, none, or many: the same shape and precision come out, and nothing is written."""
    x = some(*shape, dtype=dtype)
    before = x.copy()
    for y in (feed_forward(x, plain(dtype=dtype)), gated_feed_forward(x, gated(dtype=dtype))):
        assert y.dtype == dtype
        assert y.shape == (*shape, D)
    assert np.array_equal(x, before)


# Independent oracles


@pytest.mark.parametrize(
    ("activation", "operator"),
    [(relu, torch.nn.functional.relu), (gelu, torch.nn.functional.gelu)],
)
def test_two_linear_layers_of_torch_give_the_same(activation: Any, operator: Any) -> None:
    """Torch stores (out, in), so the matrices are transposed; the widths differ to tell."""
    torch.manual_seed(0)
    first, second = torch.nn.Linear(D, F).double(), torch.nn.Linear(F, D).double()
    weights = FeedForwardWeights(
        *(array(p) for p in (first.weight.T, second.weight.T, first.bias, second.bias))
    )
    x = some(2, 5)
    theirs = second(operator(first(torch.from_numpy(x))))
    assert np.abs(feed_forward(x, weights, activation) - array(theirs)).max() <= 1e-14


def test_the_layer_of_gpt2() -> None:
    """GPT2MLP with random weights and biases; its matrices are (in, out), as ours."""
    torch.manual_seed(0)
    mlp: Any = GPT2MLP  # without annotations
    module = mlp(F, GPT2Config(n_embd=D, initializer_range=1.0)).double().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    weights = FeedForwardWeights(
        *(array(p) for p in (module.c_fc.weight, module.c_proj.weight)),
        *(array(p) for p in (module.c_fc.bias, module.c_proj.bias)),
    )
    x = some(2, 5)
    ours, theirs = feed_forward(x, weights, gelu_tanh), array(module(torch.from_numpy(x)))
    assert np.abs(ours - theirs).max() <= 1e-13
    # The other GELU is another layer: the bound can tell them apart.
    assert np.abs(feed_forward(x, weights) - theirs).max() > 1e-5


def test_the_layer_of_llama() -> None:
    """LlamaMLP with random weights: SwiGLU."""
    torch.manual_seed(0)
    config = LlamaConfig(hidden_size=D, intermediate_size=F, num_attention_heads=1)
    mlp: Any = LlamaMLP  # without annotations
    module = mlp(config).double()
    parts = (module.gate_proj, module.up_proj, module.down_proj)
    weights = GatedFeedForwardWeights(*(array(part.weight.T) for part in parts))
    x = some(2, 5)
    theirs = array(module(torch.from_numpy(x)))
    assert np.abs(gated_feed_forward(x, weights) - theirs).max() <= 1e-14


def test_the_layers_of_t5() -> None:
    """T5's first layer, ReLU without biases, and its second, gated with the tanh GELU."""
    torch.manual_seed(0)
    config = T5Config(d_model=D, d_ff=F, feed_forward_proj="relu")
    module = T5DenseActDense(config).double().eval()
    x = some(2, 5)
    weights = FeedForwardWeights(array(module.wi.weight.T), array(module.wo.weight.T))
    theirs = array(module(torch.from_numpy(x)))
    assert np.abs(feed_forward(x, weights, relu) - theirs).max() <= 1e-14
    config = T5Config(d_model=D, d_ff=F, feed_forward_proj="gated-gelu")
    second = T5DenseGatedActDense(config).double().eval()
    parts = (second.wi_0, second.wi_1, second.wo)
    gates = GatedFeedForwardWeights(*(array(part.weight.T) for part in parts))
    theirs = array(second(torch.from_numpy(x)))
    assert np.abs(gated_feed_forward(x, gates, gelu_tanh) - theirs).max() <= 1e-14


# Bad input

W, G = plain(), gated()
X = some(3)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "parts", "message"),
    [
        (
            X[:, :5],
            {},
            r"expected up of shape \(5, 10\) for x \(3, 5\) and 10 units, got \(6, 10\)",
        ),
        (X, {"up": W.up.T}, r"expected up of shape \(6, 10\) .* got \(10, 6\)"),
        (X, {"down": W.down.T}, r"expected up of shape \(6, 6\) .* got \(6, 10\)"),
        (X, {"down": W.down[:, :5]}, r"expected down of shape \(10, 6\) .* got \(10, 5\)"),
        (X, {"up_bias": np.zeros(1)}, r"expected up_bias of shape \(10,\) .* got \(1,\)"),
        (X, {"down_bias": np.zeros((3, 6))}, r"expected down_bias of shape \(6,\) .* got \(3, 6\)"),
        (np.array(1.0), {}, r"expected x \(\*B, D\) and down \(F, D\), got \(\) and \(10, 6\)"),
        (X, {"down": np.array(1.0)}, r"expected x .* and down .*, got \(3, 6\) and \(\)"),
        ([1.0], {}, "expected x as a NumPy array of floats, got list"),
        (X.astype(int), {}, "expected x as a NumPy array of floats, got int64"),
        (torch.zeros(3, 6), {}, "expected x as a NumPy array of floats, got torch.float32"),
        (X, {"up": W.up.tolist()}, "expected up as a NumPy array of floats, got list"),
        (X.astype(np.float32), {}, "expected up in the dtype of x, float32, got float64"),
        (np.where(X > 0, math.nan, X), {}, "expected finite numbers in x, got NaN or infinity"),
        (np.where(X > 0, math.inf, X), {}, "expected finite numbers in x, got NaN or infinity"),
    ],
)
def test_bad_input_is_refused(x: Any, parts: dict[str, Any], message: str) -> None:
    """What would give a wrong shape, another precision or NaN is an error that says what came."""
    with pytest.raises(ValueError, match=message):
        feed_forward(x, FeedForwardWeights(**{**vars(W), **parts}))
    if not parts:
        with pytest.raises(ValueError, match=message.replace("up", "(up|gate)", 1)):
            gated_feed_forward(x, G)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("part", ["gate", "up", "down"])
def test_each_matrix_of_the_gated_layer_is_checked(part: str) -> None:
    """A transposed one is refused; `down` tells the number of units, so another may be named."""
    with pytest.raises(ValueError, match=r"expected (gate|up|down) of shape"):
        gated_feed_forward(X, GatedFeedForwardWeights(**{**vars(G), part: vars(G)[part].T}))

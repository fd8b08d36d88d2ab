"""Multi-head attention: by hand, by property, against torch and against the twin."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.attention.mask import causal_mask, padding_mask
from glassformer.attention.multi_head import (
    MultiHeadWeights,
    merge_heads,
    multi_head_attention,
    project,
    split_heads,
)
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention
from glassformer.nn.attention import MultiHeadAttention

# Some tens of roundings of numbers near 1.
BOUND = {np.dtype(np.float32): 5e-6, np.dtype(np.float64): 1e-14}


def random_weights(
    rng: np.random.Generator, D: int, H: int, K: int, M: int, *, biases: bool = True
) -> MultiHeadWeights:
    """Weights that keep numbers near 1."""
    shapes = {"query": (D, H * K), "key": (D, H * K), "value": (D, H * M), "output": (H * M, D)}
    arrays = {name: rng.standard_normal(s) / math.sqrt(s[0]) for name, s in shapes.items()}
    if biases:
        arrays |= {f"{name}_bias": rng.standard_normal(s[1]) for name, s in shapes.items()}
    return MultiHeadWeights(**arrays)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[np.ndarray, MultiHeadWeights, int, np.ndarray]:
    """Vectors, weights of any widths, a number of heads, and a mask for each head."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.sampled_from([(), (2,), (3, 1)]))
    T, D, H, K, M = (draw(st.integers(1, 5)) for _ in range(5))
    weights = random_weights(rng, D, H, K, M, biases=draw(st.booleans()))
    return rng.standard_normal((*batch, T, D)), weights, H, rng.random((*batch, H, T, T)) < 0.7


# By hand


def test_each_head_gets_its_slice_of_every_token() -> None:
    """Two tokens of four numbers: the first head gets the first half of both."""
    x = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    heads = split_heads(x, 2)
    assert heads.tolist() == [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    assert merge_heads(heads).tolist() == x.tolist()


def test_two_heads_fetch_two_words() -> None:
    """By hand: one head fetches the word before, the other the word after, side by side."""
    loud = math.log(8)  # with K = 1: shares 8, 1, 1 of 10
    #              word  first  second  third
    x = np.array([[4.0, 1.0, 0.0, 0.0], [7.0, 0.0, 1.0, 0.0], [9.0, 0.0, 0.0, 1.0]])
    weights = MultiHeadWeights(
        query=np.array([[0.0, 0.0], [0.0, 0.0], [loud, loud], [0.0, 0.0]]),
        key=np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
        value=np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        output=np.eye(2, 4),
    )
    output, looks = multi_head_attention(x, weights, 2)
    assert looks[:, 1] == pytest.approx(np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))
    first, second = 0.8 * 4 + 0.1 * 7 + 0.1 * 9, 0.1 * 4 + 0.1 * 7 + 0.8 * 9
    assert output[1] == pytest.approx(np.array([first, second, 0, 0]))


# Invariants


@given(inputs())
def test_it_is_the_sum_over_heads_of_one_attention_each(inputs: tuple[Any, ...]) -> None:
    """Concatenating, then W_O: the same as each head with its own slices of all four, added up."""
    x, weights, H, mask = inputs
    K, M = weights.query.shape[1] // H, weights.output.shape[0] // H
    expected = np.zeros(x.shape)
    if weights.output_bias is not None:
        expected += weights.output_bias
    _, all_looks = multi_head_attention(x, weights, H, mask)
    for h in range(H):
        k, m = slice(h * K, (h + 1) * K), slice(h * M, (h + 1) * M)
        parts = {"query": k, "key": k, "value": m}
        q, k_, v = (
            project(
                x,
                getattr(weights, name)[:, part],
                None if weights.query_bias is None else getattr(weights, f"{name}_bias")[part],
            )
            for name, part in parts.items()
        )
        found, looks = scaled_dot_product_attention(q, k_, v, mask[..., h, :, :])
        assert np.abs(looks - all_looks[..., h, :, :]).max() <= BOUND[x.dtype]
        expected += found @ weights.output[m]
    output, _ = multi_head_attention(x, weights, H, mask)
    assert np.abs(output - expected).max() <= 10 * BOUND[x.dtype]


def test_a_bias_that_forbids_is_a_mask() -> None:
    """What is added reaches the scores of each head: a large negative bias hides as a mask does."""
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((2, 4, 6)), random_weights(rng, 6, 3, 2, 2)
    mask = rng.random((3, 4, 4)) < 0.7
    mask |= np.eye(4, dtype=bool)  # exp(-1e9) is 0, but a row of nothing else would be shared out
    masked, looks = multi_head_attention(x, weights, 3, mask)
    biased, other_looks = multi_head_attention(x, weights, 3, bias=np.where(mask, 0.0, -1e9))
    assert np.abs(masked - biased).max() <= BOUND[x.dtype]
    assert np.abs(looks - other_looks).max() <= BOUND[x.dtype]


@given(inputs(), st.data())
def test_what_no_head_may_see_cannot_matter(inputs: tuple[Any, ...], data: st.DataObject) -> None:
    """Changing a token leaves those alone that may not look at it: a forgotten transpose leaks."""
    x, weights, H, _ = inputs
    T = x.shape[-2]
    j = data.draw(st.integers(0, T - 1))
    other = x.copy()
    other[..., j, :] += 1
    before, after = (multi_head_attention(a, weights, H, causal_mask(T))[0] for a in (x, other))
    assert np.array_equal(before[..., :j, :], after[..., :j, :])


@given(inputs(), st.randoms(use_true_random=False))
def test_the_order_of_heads_does_not_matter(inputs: tuple[Any, ...], random: Any) -> None:
    """Heads shuffled in all four matrices and in the mask give the same output."""
    x, weights, H, mask = inputs
    order = random.sample(range(H), H)

    def shuffled(columns: np.ndarray) -> np.ndarray:
        per_head = columns.reshape(*columns.shape[:-1], H, -1)
        return per_head[..., order, :].reshape(columns.shape)

    moved = {n: shuffled(getattr(weights, n)) for n in ("query", "key", "value")}
    if weights.query_bias is not None:
        moved |= {f"{n}_bias": shuffled(getattr(weights, f"{n}_bias")) for n in tuple(moved)}
    moved["output"] = shuffled(weights.output.T).T
    output, looks = multi_head_attention(x, weights, H, mask)
    other, other_looks = multi_head_attention(
        x, replace(weights, **moved), H, mask[..., order, :, :]
    )
    assert np.abs(output - other).max() <= 10 * BOUND[x.dtype]
    assert np.abs(looks[..., order, :, :] - other_looks).max() <= BOUND[x.dtype]


@given(inputs())
def test_words_shuffled_are_outputs_shuffled(inputs: tuple[Any, ...]) -> None:
    """Without a mask, heads do not see the order of words."""
    x, weights, H, _ = inputs
    output, _ = multi_head_attention(x, weights, H)
    turned, _ = multi_head_attention(x[..., ::-1, :], weights, H)
    assert np.abs(output - turned[..., ::-1, :]).max() <= 10 * BOUND[x.dtype]


@pytest.mark.parametrize("D", [12, 7])
def test_the_number_of_parameters_does_not_depend_on_the_heads(D: int) -> None:
    """Narrower heads pay for more heads: 4 D^2, and 4 D with biases, whenever H divides D."""
    rng = np.random.default_rng(0)
    divisors = [H for H in range(1, D + 1) if D % H == 0]
    assert len(divisors) > 1
    for H in divisors:
        arrays = vars(random_weights(rng, D, H, D // H, D // H)).values()
        assert sum(array.size for array in arrays) == 4 * D**2 + 4 * D


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type) -> None:
    """float32 in, float32 out, on read-only arrays."""
    weights = random_weights(np.random.default_rng(0), 6, 3, 2, 2)
    cast = {name: array.astype(dtype) for name, array in vars(weights).items()}
    x: np.ndarray = np.linspace(-1, 1, 24, dtype=dtype).reshape(4, 6)
    for array in (x, *cast.values()):
        array.flags.writeable = False
    output, looks = multi_head_attention(x, MultiHeadWeights(**cast), 3, causal_mask(4))
    assert output.dtype == looks.dtype == dtype


# Against torch, and against the twin


def as_arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """What a torch module has learned, as a plain dictionary of arrays."""
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def of_torch(arrays: Mapping[str, np.ndarray]) -> MultiHeadWeights:
    """Weights of torch's module: (out, in), with the three projections stacked."""
    to_q, to_k, to_v = np.split(arrays["in_proj_weight"].T, 3, axis=1)
    q_bias, k_bias, v_bias = np.split(arrays["in_proj_bias"], 3)
    out, out_bias = arrays["out_proj.weight"].T, arrays["out_proj.bias"]
    return MultiHeadWeights(to_q, to_k, to_v, out, q_bias, k_bias, v_bias, out_bias)


def of_the_twin(arrays: Mapping[str, np.ndarray]) -> MultiHeadWeights:
    """Weights of `nn.MultiHeadAttention`: four layers, each (out, in)."""
    names = ("query", "key", "value", "output")
    return MultiHeadWeights(
        **{name: arrays[f"{name}.weight"].T for name in names},
        **{f"{name}_bias": arrays[f"{name}.bias"] for name in names},
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("H", [1, 2, 6])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_torchs_multihead_attention(dtype: torch.dtype, H: int, *, masked: bool) -> None:
    """Same weights, same words, same padding: same output, same weights of every head."""
    torch.manual_seed(0)
    B, T, D = 2, 5, 12
    module = torch.nn.MultiheadAttention(D, H, batch_first=True, dtype=dtype)
    torch.nn.init.normal_(module.in_proj_bias)
    torch.nn.init.normal_(module.out_proj.bias)
    x = torch.randn(B, T, D, dtype=dtype)
    mask = causal_mask(T) & padding_mask([5, 3], T) if masked else None
    hide = {} if mask is None else {
        "attn_mask": torch.tensor(~causal_mask(T)),  # True: may not look
        "key_padding_mask": torch.tensor(~padding_mask([5, 3], T)[:, 0, 0]),
    }  # fmt: skip
    expected, expected_looks = module(x, x, x, **hide, average_attn_weights=False)
    output, looks = multi_head_attention(x.numpy(), of_torch(as_arrays(module)), H, mask)
    assert np.abs(output - expected.detach().numpy()).max() <= BOUND[output.dtype]
    assert np.abs(looks - expected_looks.detach().numpy()).max() <= BOUND[output.dtype]


@pytest.mark.parametrize("H", [1, 3])
def test_it_is_the_twin(H: int) -> None:
    """What the twin learned, as a plain dictionary of arrays, gives the twin's output."""
    torch.manual_seed(0)
    twin = MultiHeadAttention(12, H)
    x = torch.randn(2, 5, 12)
    weights = of_the_twin(as_arrays(twin))
    output, looks = multi_head_attention(x.numpy(), weights, H, causal_mask(5))
    mask = torch.tensor(causal_mask(5))[None, None]
    expected = twin(x, mask)
    assert np.abs(output - expected.detach().numpy()).max() <= BOUND[output.dtype]
    maps = twin.scores(x, mask).softmax(-1)
    assert np.abs(looks - maps.detach().numpy()).max() <= BOUND[output.dtype]


# Errors

WEIGHTS = random_weights(np.random.default_rng(0), 4, 2, 2, 3)
X = np.ones((5, 4))


@pytest.mark.parametrize(
    ("shape", "H"), [((5, 4), 3), ((5, 4), 0), ((5, 4), -2), ((4,), 2), ((), 1)]
)
@pytest.mark.usefixtures("unchecked_shapes")
def test_heads_must_divide_the_width(shape: tuple[int, ...], H: int) -> None:
    """Anything else is an error that says what came."""
    with pytest.raises(ValueError, match=rf"expected .*H={H} divides, got \("):
        split_heads(np.ones(shape), H)


@pytest.mark.usefixtures("unchecked_shapes")
def test_merging_needs_an_axis_of_heads() -> None:
    """Two axes are too few."""
    with pytest.raises(ValueError, match=r"expected \(\*B, H, T, M\), got \(5, 4\)"):
        merge_heads(X)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("query", (5, 4)),
        ("query", (4, 5)),
        ("key", (4, 6)),
        ("value", (4, 4)),
        ("output", (6, 5)),
        ("output", (7, 4)),
        ("query_bias", (1,)),
        ("key_bias", (4, 1)),
        ("value_bias", (4,)),
        ("output_bias", (6,)),
    ],
)
def test_weights_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...]) -> None:
    """The message says which shape was expected and which came."""
    with pytest.raises(ValueError, match=r"expected \w+ \(.*\) for H=2, G=2 .*, got \("):
        multi_head_attention(X, replace(WEIGHTS, **{name: np.ones(shape)}), 2)


@pytest.mark.usefixtures("unchecked_shapes")
def test_weights_of_another_dtype_are_refused() -> None:
    """NumPy would silently go on in the wider of the two."""
    with pytest.raises(ValueError, match="expected query of the dtype of x, float32, got float64"):
        multi_head_attention(X.astype(np.float32), WEIGHTS, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("x", [torch.ones(5, 4), [[1.0] * 4], np.ones((5, 4), int)])
def test_other_things_than_arrays_of_floats_are_refused(x: Any) -> None:
    """The message says what it was."""
    with pytest.raises(ValueError, match="expected x as a NumPy array of floats, got "):
        multi_head_attention(x, WEIGHTS, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("H", [0, -1])
def test_there_must_be_a_head(H: int) -> None:
    """None and fewer are refused."""
    with pytest.raises(ValueError, match=f"expected at least 1 head, .* got H={H}"):
        multi_head_attention(X, WEIGHTS, H)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_single_vector_is_refused() -> None:
    """Without an axis of words there is nothing to look at."""
    with pytest.raises(ValueError, match=r"expected vectors \(\*B, T, D\), got \(4,\)"):
        multi_head_attention(X[0], WEIGHTS, 2)


def test_not_finite_is_refused() -> None:
    """A NaN in one word would reach all that look at it."""
    x = X.copy()
    x[2, 0] = np.nan
    with pytest.raises(ValueError, match="expected finite numbers in q, got NaN"):
        multi_head_attention(x, WEIGHTS, 2)

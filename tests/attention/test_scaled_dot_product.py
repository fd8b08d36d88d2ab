"""Attention: by hand, by property, and against torch's fused and modular attention."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassformer.attention.mask import causal_mask, padding_mask
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention

# A sum of at most 8 products, a softmax and a sum of at most 6: a few roundings of numbers near 10.
ROUNDING = 100 * np.finfo(np.float64).eps
FLOATS = [np.float16, np.float32, np.float64]


@st.composite
def attention_inputs(
    draw: st.DrawFn,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Queries, keys, values and a mask, with any batch axes, some queries seeing nothing."""
    T, S = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    K, M = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    batch = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    numbers = st.floats(-3, 3, width=32)
    q, k, v = (
        draw(hnp.arrays(np.float64, (*batch, *shape), elements=numbers))
        for shape in ((T, K), (S, K), (S, M))
    )
    return q, k, v, draw(hnp.arrays(bool, (*batch, T, S)))


def by_loops(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The equation for one query and one key at a time, without a matrix product."""
    output, weights = np.zeros((*q.shape[:-1], v.shape[-1])), np.zeros(mask.shape)
    for at in np.ndindex(q.shape[:-1]):
        keys, values = k[at[:-1]], v[at[:-1]]
        powers = [
            math.exp(sum(q[at] * key) / math.sqrt(len(key))) if may_look else 0.0
            for key, may_look in zip(keys, mask[at], strict=True)
        ]
        for j, power in enumerate(powers):
            if power:
                weights[*at, j] = power / sum(powers)
                output[at] += weights[*at, j] * values[j]
    return output, weights


# By hand


def test_scores_that_are_logarithms_give_shares() -> None:
    """q.k / sqrt(4) is ln 3 for one key and 0 for the other: three quarters and one quarter."""
    q = np.array([[1.0, 0.0, 0.0, 0.0]])
    k = np.array([[2 * math.log(3), 5.0, 0.0, 0.0], [0.0, 0.0, 7.0, 0.0]])
    v = np.array([[4.0, 0.0, 8.0], [0.0, 4.0, 8.0]])
    output, weights = scaled_dot_product_attention(q, k, v)
    assert weights == pytest.approx(np.array([[0.75, 0.25]]), rel=ROUNDING)
    assert output == pytest.approx(np.array([[3.0, 1.0, 8.0]]), rel=ROUNDING)


def test_a_bias_is_added_to_scores() -> None:
    """All dot products 0: a bias of ln 3 and 0 gives three quarters and one quarter."""
    q, k, v = np.zeros((2, 4)), np.ones((2, 4)), np.array([[4.0], [8.0]])
    bias = np.array([[math.log(3), 0.0], [0.0, math.log(3)]])
    output, weights = scaled_dot_product_attention(q, k, v, bias=bias)
    assert weights == pytest.approx(np.array([[0.75, 0.25], [0.25, 0.75]]), rel=ROUNDING)
    assert output == pytest.approx(np.array([[5.0], [7.0]]), rel=ROUNDING)


def test_one_hot_keys_and_a_large_query_are_a_dictionary() -> None:
    """When one key matches far better than the rest, its value comes back unmixed."""
    v = np.array([[10.0, 1.0], [20.0, 2.0], [30.0, 3.0]])
    output, _ = scaled_dot_product_attention(1000 * np.eye(3)[[2, 0]], np.eye(3), v)
    assert output.tolist() == [[30.0, 3.0], [10.0, 1.0]]


def test_a_query_that_may_look_nowhere_gets_zeros() -> None:
    """Not NaN, and not the average of what it may not see; its neighbour is unaffected."""
    x = np.ones((2, 3))
    output, weights = scaled_dot_product_attention(x, x, x, np.array([[True] * 2, [False] * 2]))
    assert output.tolist() == [[1.0] * 3, [0.0] * 3]
    assert weights.tolist() == [[0.5] * 2, [0.0] * 2]


# Invariants


@given(attention_inputs())
def test_the_matrix_form_is_the_equation(inputs: tuple[np.ndarray, ...]) -> None:
    """Every entry is what the equation says for that query, whatever the batch axes."""
    for ours, expected in zip(
        scaled_dot_product_attention(*inputs), by_loops(*inputs), strict=True
    ):
        assert ours.shape == expected.shape
        assert np.abs(ours - expected).max() <= ROUNDING


@given(attention_inputs())
def test_rows_of_weights_sum_to_one_or_to_nothing(inputs: tuple[np.ndarray, ...]) -> None:
    """Weights are shares: none negative, none where forbidden, nothing lost."""
    mask = inputs[-1]
    _, weights = scaled_dot_product_attention(*inputs)
    assert (weights >= 0).all()
    assert not weights[~mask].any()
    assert np.abs(weights.sum(-1) - mask.any(-1)).max() <= ROUNDING


@given(attention_inputs())
def test_the_output_lies_between_the_values(inputs: tuple[np.ndarray, ...]) -> None:
    """An average is nowhere above the largest value or below the smallest."""
    q, k, v, _ = inputs
    output, _ = scaled_dot_product_attention(q, k, v)
    assert (output <= v.max(-2, keepdims=True) + ROUNDING).all()
    assert (output >= v.min(-2, keepdims=True) - ROUNDING).all()


@given(attention_inputs(), st.data())
def test_what_a_query_may_not_see_cannot_matter(
    inputs: tuple[np.ndarray, ...], data: st.DataObject
) -> None:
    """Any other key and value in a place gives the same bits where that place is masked."""
    q, k, v, mask = inputs
    j = data.draw(st.integers(0, k.shape[-2] - 1))
    other_k, other_v = k.copy(), v.copy()
    other_k[..., j, :] = data.draw(st.floats(-1e6, 1e6))
    other_v[..., j, :] = data.draw(st.floats(-1e6, 1e6))
    blind = ~mask[..., j]
    before = scaled_dot_product_attention(q, k, v, mask)
    after = scaled_dot_product_attention(q, other_k, other_v, mask)
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old[blind], new[blind])


@given(attention_inputs(), st.randoms(use_true_random=False))
def test_order_of_keys_is_unseen_and_order_of_queries_is_kept(
    inputs: tuple[np.ndarray, ...], random: Any
) -> None:
    """Shuffling keys with their values changes nothing; shuffling queries shuffles the rows."""
    q, k, v, mask = inputs
    rows = random.sample(range(q.shape[-2]), q.shape[-2])
    columns = random.sample(range(k.shape[-2]), k.shape[-2])
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    shuffled_output, shuffled_weights = scaled_dot_product_attention(
        q[..., rows, :],
        k[..., columns, :],
        v[..., columns, :],
        mask[..., rows, :][..., columns],
    )
    # The terms of a sum come in another order.
    assert np.abs(shuffled_output - output[..., rows, :]).max() <= ROUNDING
    assert np.abs(shuffled_weights - weights[..., rows, :][..., columns]).max() <= ROUNDING


def test_self_attention_without_positions_is_permutation_equivariant() -> None:
    """In float32 too, shuffled tokens give shuffled outputs, to about 1e-7."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, 8), dtype=np.float32)
    order = rng.permutation(16)
    plain, _ = scaled_dot_product_attention(x, x, x)
    shuffled, _ = scaled_dot_product_attention(x[order], x[order], x[order])
    assert (
        np.abs(shuffled - plain[order]).max() <= 1e-6
    )  # ten times one rounding of a number near 1


@given(attention_inputs())
def test_all_heads_of_a_batch_share_a_mask_by_broadcasting(
    inputs: tuple[np.ndarray, ...],
) -> None:
    """A mask without batch axes is the same mask for each of them."""
    q, k, v, mask = inputs
    one = mask.reshape(-1, *mask.shape[-2:])[0]
    shared = scaled_dot_product_attention(q, k, v, one)
    repeated = scaled_dot_product_attention(q, k, v, np.broadcast_to(one, mask.shape).copy())
    for a, b in zip(shared, repeated, strict=True):
        assert np.array_equal(a, b)


@given(attention_inputs(), st.data())
def test_a_bias_the_same_for_all_keys_of_a_query_is_unseen(
    inputs: tuple[np.ndarray, ...], data: st.DataObject
) -> None:
    """Softmax does not notice a constant, and whole numbers shift a score by little rounding."""
    q, k, v, mask = inputs
    row = data.draw(hnp.arrays(np.float64, (q.shape[-2], 1), elements=st.integers(-9, 9)))
    bias = np.broadcast_to(row, (q.shape[-2], k.shape[-2]))
    plain = scaled_dot_product_attention(q, k, v, mask)
    for a, b in zip(scaled_dot_product_attention(q, k, v, mask, bias=bias), plain, strict=True):
        assert np.abs(a - b).max() <= ROUNDING


def test_a_mask_is_stronger_than_a_bias() -> None:
    """No bias makes a forbidden key seen, and who may look nowhere still gets zeros."""
    x, mask = np.ones((2, 3)), np.array([[True, False], [False, False]])
    _, weights = scaled_dot_product_attention(x, x, x, mask, bias=np.array([[0.0, 1e9]]))
    assert weights.tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bias_dtype", FLOATS)
def test_a_bias_does_not_change_the_dtype(dtype: type, bias_dtype: type) -> None:
    """A float64 bias is rounded to float32 scores, not they widened to it; it is unchanged."""
    x: np.ndarray = np.linspace(-1, 1, 12, dtype=dtype).reshape(4, 3)
    bias: np.ndarray = np.linspace(-1, 1, 16, dtype=bias_dtype).reshape(4, 4)
    bias.flags.writeable = False
    output, weights = scaled_dot_product_attention(x, x, x, bias=bias)
    assert output.dtype == weights.dtype == dtype
    same, _ = scaled_dot_product_attention(x, x, x, bias=bias.astype(dtype))
    assert np.array_equal(output, same)


def test_new_tokens_with_a_cache_get_what_they_get_without() -> None:
    """The last two of five tokens, their keys and values computed before, or all at once."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 2, 4, 5, 8))
    whole, _ = scaled_dot_product_attention(q, k, v, causal_mask(5))
    last, _ = scaled_dot_product_attention(q[..., 3:, :], k, v, causal_mask(2, 5))
    assert np.abs(last - whole[..., 3:, :]).max() <= ROUNDING


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type) -> None:
    """float32 in, float32 out, on read-only arrays, masked or not."""
    x: np.ndarray = np.linspace(-1, 1, 24, dtype=dtype).reshape(2, 4, 3)
    mask = causal_mask(4)
    x.flags.writeable = mask.flags.writeable = False
    for arguments in ((x, x, x), (x, x, x, mask)):
        output, weights = scaled_dot_product_attention(*arguments)
        assert output.dtype == weights.dtype == dtype


# Against torch


@pytest.mark.parametrize(
    ("dtype", "bound"),
    # Some tens of roundings, each half of 1.2e-7 or 2.2e-16 of numbers near 1.
    [(np.float32, 2e-6), (np.float64, 5e-15)],
)
@pytest.mark.parametrize("masked", ["nothing", "causal", "padding", "both"])
def test_output_is_that_of_torchs_fused_attention(dtype: type, bound: float, masked: str) -> None:
    """Batches and heads, more keys than queries, another width of the values."""
    B, H, T, S, K, M = 2, 3, 5, 7, 8, 6
    rng = np.random.default_rng(0)
    q: np.ndarray = rng.standard_normal((B, H, T, K)).astype(dtype)
    k: np.ndarray = rng.standard_normal((B, H, S, K)).astype(dtype)
    v: np.ndarray = rng.standard_normal((B, H, S, M)).astype(dtype)
    causal, padding = causal_mask(T, S), padding_mask([7, 4], S)
    everything = np.ones((T, S), bool)
    masks = {"nothing": None, "causal": causal, "padding": padding, "both": causal & padding}
    mask = masks[masked]
    output, _ = scaled_dot_product_attention(q, k, v, mask)
    expected = torch.nn.functional.scaled_dot_product_attention(
        torch.tensor(q),
        torch.tensor(k),
        torch.tensor(v),
        torch.tensor(everything if mask is None else mask),
    )
    assert np.abs(output - expected.numpy()).max() <= bound


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2e-6), (np.float64, 5e-15)])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 5, 7), (5, 7), (1, 7), (2, 1, 1, 7)])
def test_a_bias_is_torchs_float_attn_mask(
    dtype: type, bound: float, shape: tuple[int, ...]
) -> None:
    """What torch adds to the scaled scores, ours adds too: a table for all, a head, or a row."""
    rng = np.random.default_rng(0)
    q: np.ndarray = rng.standard_normal((2, 3, 5, 8)).astype(dtype)
    k, v = rng.standard_normal((2, 2, 3, 7, 8)).astype(dtype)
    bias: np.ndarray = rng.standard_normal(shape).astype(dtype)
    may_look = causal_mask(5, 7)
    output, _ = scaled_dot_product_attention(q, k, v, may_look, bias=bias)
    added: np.ndarray = np.where(may_look, bias, -np.inf).astype(dtype)
    expected = torch.nn.functional.scaled_dot_product_attention(
        torch.tensor(q), torch.tensor(k), torch.tensor(v), torch.tensor(added)
    )
    assert np.abs(output - expected.numpy()).max() <= bound


def test_zeros_for_a_query_that_may_look_nowhere_as_from_torchs_fused_attention() -> None:
    """The fused operator gives zeros too, where nn.MultiheadAttention gives NaN."""
    x = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)
    mask = np.array([[True, False, True], [False] * 3, [True] * 3])
    output, _ = scaled_dot_product_attention(x, x, x, mask)
    t = torch.tensor(x)
    fused = torch.nn.functional.scaled_dot_product_attention(t, t, t, torch.tensor(mask))
    assert np.abs(output - fused.numpy()).max() <= 2e-6
    module = torch.nn.MultiheadAttention(4, 1)
    outputs, _ = module(t, t, t, attn_mask=torch.tensor(~mask))  # True: may not look
    assert outputs.isnan().all(-1).tolist() == [False, True, False]


def test_weights_are_those_of_torchs_multihead_attention() -> None:
    """With its projections, ours gives its output and, for each head, its weights."""
    B, T, D, H = 2, 5, 12, 3
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(D, H, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(module.in_proj_bias)
    x = torch.randn(B, T, D, dtype=torch.float64)
    forbidden = torch.tensor(~causal_mask(T))  # True: may not look
    expected, expected_weights = module(x, x, x, attn_mask=forbidden, average_attn_weights=False)
    weight, bias = (p.detach().numpy() for p in (module.in_proj_weight, module.in_proj_bias))
    heads = (x.numpy() @ weight.T + bias).reshape(B, T, 3, H, D // H)
    q, k, v = heads.transpose(2, 0, 3, 1, 4)
    output, weights = scaled_dot_product_attention(q, k, v, causal_mask(T))
    joined = torch.tensor(output.swapaxes(1, 2).reshape(B, T, D))
    assert np.abs(weights - expected_weights.detach().numpy()).max() <= 5e-15
    assert (module.out_proj(joined) - expected).abs().max() <= 5e-15


# Errors

ONES = np.ones((2, 3, 4))


def attention_with(**arguments: Any) -> None:
    """A call that would be right but for these arguments."""
    scaled_dot_product_attention(**{"q": ONES, "k": ONES, "v": ONES, **arguments})


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("q", "k", "v"),
    [
        pytest.param((2, 3, 5), (2, 3, 4), (2, 3, 4), id="widths"),
        pytest.param((2, 3, 4), (2, 5, 4), (2, 3, 4), id="keys and values"),
        pytest.param((1, 3, 4), (2, 3, 4), (2, 3, 4), id="batches"),
        pytest.param((2, 3, 4), (2, 3, 4), (3, 4), id="batch axes"),
        pytest.param((4,), (4,), (4,), id="no positions"),
        pytest.param((2, 0, 4), (2, 3, 4), (2, 3, 4), id="no query"),
        pytest.param((2, 3, 4), (2, 0, 4), (2, 0, 4), id="no key"),
        pytest.param((2, 3, 0), (2, 3, 0), (2, 3, 4), id="no width"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]
) -> None:
    """The message shows the shapes that were expected and the three that came."""
    came = re.escape(f"got {q}, {k} and {v}")
    with pytest.raises(ValueError, match=r"expected q \(\*B, T, K\), k .*" + came):
        scaled_dot_product_attention(np.ones(q), np.ones(k), np.ones(v))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("name", ["q", "k", "v"])
@pytest.mark.parametrize(
    ("value", "came"),
    [
        (np.ones((2, 3, 4), int), "int64"),
        (torch.ones(2, 3, 4), "torch.float32"),
        ([[1.0]], "list"),
        (None, "NoneType"),
    ],
)
def test_other_things_than_arrays_of_floats_are_refused(
    name: str, value: object, came: str
) -> None:
    """The message names the argument and what it was."""
    with pytest.raises(ValueError, match=f"expected {name} as a NumPy array of floats, got {came}"):
        attention_with(**{name: value})


@pytest.mark.parametrize("name", ["q", "k", "v"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_is_refused_even_where_masked(name: str, value: float) -> None:
    """A weight of 0 times NaN is NaN, so no mask can keep it in."""
    x = ONES.copy()
    x[0, 2, 0] = value
    with pytest.raises(ValueError, match=f"expected finite numbers in {name}, got NaN or infinity"):
        attention_with(**{name: x}, mask=causal_mask(3))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "mask", [np.zeros((3, 3)), np.ones((3, 3), int), [[True]], torch.ones(3, 3).bool()]
)
def test_a_mask_of_numbers_is_refused(mask: object) -> None:
    """A 0 may mean "keep" (added to the scores) or "hide": nobody can tell."""
    with pytest.raises(ValueError, match="expected mask as a NumPy array of bool, got "):
        attention_with(mask=mask)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (2, 3), (3, 3, 3), (2, 2, 3, 3), (3, 4)])
def test_a_mask_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    """The message shows the shape of the scores and that of the mask."""
    with pytest.raises(ValueError, match=r"expected a mask that broadcasts to \(2, 3, 3\), got \("):
        attention_with(mask=np.ones(shape, bool))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "bias", [np.ones((3, 3), bool), np.ones((3, 3), int), [[1.0]], torch.ones(3, 3)]
)
def test_a_bias_that_is_no_array_of_floats_is_refused(bias: object) -> None:
    """A mask given as bias would shift the scores by 0 and 1."""
    with pytest.raises(ValueError, match="expected bias as a NumPy array of floats, got "):
        attention_with(bias=bias)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (2, 3), (3, 3, 3), (2, 2, 3, 3), (3, 4)])
def test_a_bias_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    """Not even one that NumPy would stretch the scores to."""
    with pytest.raises(ValueError, match=r"expected a bias that broadcasts to \(2, 3, 3\), got \("):
        attention_with(bias=np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_bias_that_is_not_finite_is_refused(value: float) -> None:
    """To forbid is what a mask is for."""
    with pytest.raises(ValueError, match="expected finite numbers in bias as float64, got NaN"):
        attention_with(bias=np.full((3, 3), value))


def test_a_bias_too_large_for_the_scores_is_refused() -> None:
    """-1e39 would become -inf in float32, and forbid."""
    x = np.ones((3, 4), np.float32)
    with pytest.raises(ValueError, match="expected finite numbers in bias as float32"):
        scaled_dot_product_attention(x, x, x, bias=np.full((3, 3), -1e39))


def test_float16_is_scored_in_float32() -> None:
    """Dot products beyond 65,504 are no reason to look nowhere; torch's operator agrees."""
    q = np.full((1, 1024), 10, np.float16)
    k = np.stack([np.full(1024, -10, np.float16), np.full(1024, -9.99, np.float16)])
    v = np.array([[1.0], [2.0]], np.float16)
    output, weights = scaled_dot_product_attention(q, k, v)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        torch.tensor(q), torch.tensor(k), torch.tensor(v)
    )
    assert output.dtype == weights.dtype == np.float16
    # Scores differ by 2.5 in the exponent: a step of float16 near 1 is 0.001.
    np.testing.assert_allclose(output, theirs.numpy(), atol=0.004)
    np.testing.assert_allclose(weights.sum(), 1, atol=0.001)


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_that_overflow_are_refused(sign: int) -> None:
    """An overflow to -inf would look like a mask that forbids all."""
    x = np.full((2, 4), 1e25, np.float32)
    with pytest.raises(ValueError, match="whose dot products fit in float32, got an overflow"):
        scaled_dot_product_attention(x, sign * x, x)

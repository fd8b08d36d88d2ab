"""Relative positions: by hand, by loops, and against T5's and Seamless M4T's own layers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.seamless_m4t_v2 import modeling_seamless_m4t_v2 as seamless
from transformers.models.t5.modeling_t5 import T5Attention

from glassformer.attention.mask import causal_mask
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention
from glassformer.position.relative import (
    clipped_rows,
    relative_bias,
    relative_key_bias,
    relative_position_bucket,
    relative_positions,
    relative_value_sum,
)

FLOATS = [np.float16, np.float32, np.float64]


@st.composite
def queries_and_keys(draw: st.DrawFn) -> tuple[int, int]:
    """T queries that are the last of S positions."""
    S = draw(st.integers(1, 12))
    return draw(st.integers(1, S)), S


# By hand


def test_a_key_before_its_query_is_at_a_negative_distance() -> None:
    """Three places, and the last two of four."""
    assert relative_positions(3).tolist() == [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]
    assert relative_positions(2, 4).tolist() == [[-2, -1, 0, 1], [-3, -2, -1, 0]]


def test_buckets_of_t5_for_both_directions() -> None:
    """Eight exact, then 8-11, 12-15, 16-22, 23-31, 32-45, 46-63, 64-90, 91 on; the future at 16."""
    ranges = [range(d, d + 1) for d in range(8)]
    ranges += [range(8, 12), range(12, 16), range(16, 23), range(23, 32), range(32, 46)]
    ranges += [range(46, 64), range(64, 91), range(91, 5000)]
    for bucket, distances in enumerate(ranges):
        d = np.array(distances)
        assert set(relative_position_bucket(-d).tolist()) == {bucket}
        if bucket:
            assert set(relative_position_bucket(d).tolist()) == {bucket + 16}


def test_buckets_of_a_small_causal_model() -> None:
    """Four buckets up to 8: 0, 1, 2-3, 4 on; what comes after the query is at 0."""
    d = np.array([3, 1, 0, -1, -2, -3, -4, -7, -8, -100])
    bucket = relative_position_bucket(d, bidirectional=False, num_buckets=4, max_distance=8)
    assert bucket.tolist() == [0, 0, 0, 1, 2, 2, 3, 3, 3, 3]


def test_a_whole_step_of_the_logarithm_stays_whole() -> None:
    """Rounded, ln 2 / ln 32 * 5 is less than 1: distance 8 starts bucket 5 all the same."""
    bucket = relative_position_bucket(-np.array([7, 8]), num_buckets=18, max_distance=128)
    assert bucket.tolist() == [4, 5]


def test_a_bias_is_looked_up_by_distance() -> None:
    """Two heads, four buckets for two directions: near or not, before or after."""
    table = np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 7.0], [3.0, 8.0]])
    bias = relative_bias(table, 3, max_distance=8)
    assert bias[0].tolist() == [[0, 3, 3], [1, 0, 3], [1, 1, 0]]
    assert bias[1].tolist() == [[5, 8, 8], [6, 5, 8], [6, 6, 5]]
    causal = relative_bias(table, 1, 4, bidirectional=False, max_distance=8)
    assert causal[:, 0].tolist() == [[2, 2, 1, 0], [7, 7, 6, 5]]


def test_rows_are_clipped_by_distance() -> None:
    """A table for -1, 0 and 1: whatever is further before gets the first row."""
    rows = clipped_rows(np.array([[10.0], [20.0], [30.0]]), 2, 4)[..., 0]
    assert rows.tolist() == [[10, 10, 20, 30], [10, 10, 10, 20]]


def test_a_query_chooses_its_distance() -> None:
    """One query looks back, the other ahead, with one table; divided by the root of 4."""
    table = np.array([[2.0, 0, 0, 0], [0.0, 0, 0, 0], [0.0, 2, 0, 0]])
    q = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0], [0.0, 3, 0, 0]])
    assert relative_key_bias(q, table).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    ahead = relative_key_bias(q[::-1], table)
    assert ahead.tolist() == [[0, 3, 3], [1, 0, 0], [1, 1, 0]]


def test_values_of_distances_are_averaged() -> None:
    """A quarter on the word before and three quarters on itself."""
    weights = np.array([[1.0, 0.0], [0.25, 0.75]])
    table = np.array([[4.0, 0.0], [0.0, 8.0], [100.0, 100.0]])
    assert relative_value_sum(weights, table).tolist() == [[0, 8], [1, 6]]


# Invariants


@given(queries_and_keys())
def test_a_cache_changes_nothing(sizes: tuple[int, int]) -> None:
    """The last T queries get with a cache what they get without one, in both forms."""
    T, S = sizes
    rng = np.random.default_rng(0)
    table, vectors, q = rng.random((8, 3)), rng.random((5, 4)), rng.random((2, S, 4))
    assert np.array_equal(relative_bias(table, T, S), relative_bias(table, S)[:, S - T :])
    last = relative_key_bias(q[:, S - T :], vectors, S)
    assert np.abs(last - relative_key_bias(q, vectors)[:, S - T :]).max() <= 1e-15


@given(
    bidirectional=st.booleans(),
    num_buckets=st.integers(1, 20).map(lambda n: 4 * n),
    more=st.integers(1, 300),
)
def test_buckets_are_in_order_and_all_are_used(
    *, bidirectional: bool, num_buckets: int, more: int
) -> None:
    """Further is never a lower bucket; directions share none; the last one begins in time."""
    n = num_buckets // 2 if bidirectional else num_buckets
    most = n // 2 + more
    d = np.arange(2 * most)
    options: Any = {"bidirectional": bidirectional, "num_buckets": num_buckets}
    before = relative_position_bucket(-d, max_distance=most, **options)
    assert (np.diff(before) >= 0).all()
    assert before[: n // 2].tolist() == list(range(n // 2))
    assert (before[most:] == n - 1).all()
    after = relative_position_bucket(d, max_distance=most, **options)
    assert np.array_equal(after[1:], before[1:] + n if bidirectional else 0 * d[1:])
    assert after[0] == 0


@given(queries_and_keys(), st.integers(0, 4), st.integers(1, 3), st.integers(1, 4))
def test_shaws_form_is_the_equation(sizes: tuple[int, int], c: int, B: int, K: int) -> None:
    """Equations 3 and 4 of the paper, one query and one key at a time."""
    T, S = sizes
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((B, n, K)) for n in (T, S, S))
    to_keys, to_values = rng.standard_normal((2, 2 * c + 1, K))
    bias = relative_key_bias(q, to_keys, S)
    output, weights = scaled_dot_product_attention(q, k, v, bias=bias)
    output = output + relative_value_sum(weights, to_values)
    for b, i in np.ndindex(B, T):
        places = [min(max(j - (S - T + i), -c), c) + c for j in range(S)]
        scores = [q[b, i] @ (k[b, j] + to_keys[r]) / math.sqrt(K) for j, r in enumerate(places)]
        powers = np.exp(scores)
        expected = sum(
            power / powers.sum() * (v[b, j] + to_values[r])
            for (j, r), power in zip(enumerate(places), powers, strict=True)
        )
        assert np.abs(output[b, i] - expected).max() <= 1e-13


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type) -> None:
    """Also if a table has more digits than the queries."""
    x: np.ndarray = np.linspace(-1, 1, 12, dtype=dtype).reshape(4, 3)
    weights: np.ndarray = np.full((4, 4), 0.25, dtype)
    table = np.linspace(-1, 1, 9).reshape(3, 3)
    for array in (x, weights, table):
        array.flags.writeable = False
    assert relative_key_bias(x, table).dtype == dtype
    assert relative_value_sum(weights, table).dtype == dtype
    assert relative_bias(np.ones((8, 2), dtype), 3).dtype == dtype


# Against transformers


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(32, 128), (32, 1000), (8, 20)])
def test_buckets_are_those_of_t5(
    *, bidirectional: bool, num_buckets: int, max_distance: int
) -> None:
    """For each distance up to 3,000, before and after."""
    d = np.arange(-3000, 3001)
    ours = relative_position_bucket(
        d, bidirectional=bidirectional, num_buckets=num_buckets, max_distance=max_distance
    )
    buckets: Any = T5Attention._relative_position_bucket
    theirs = buckets(torch.tensor(d), bidirectional, num_buckets, max_distance)
    assert np.array_equal(ours, theirs.numpy())


def t5_attention(*, is_decoder: bool) -> Any:
    """A small attention layer of T5 with random weights, its bias among them."""
    torch.manual_seed(0)
    config = transformers.T5Config(
        d_model=12, d_kv=4, num_heads=3, dropout_rate=0.0, is_decoder=is_decoder
    )
    config._attn_implementation = "eager"
    layer = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).eval().double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("is_decoder", [False, True])
def test_bias_is_that_of_t5(*, is_decoder: bool) -> None:
    """compute_bias, for all queries and for the last two with a cache."""
    layer = t5_attention(is_decoder=is_decoder)
    table = layer.relative_attention_bias.weight.detach().numpy()
    whole = layer.compute_bias(200, 200).detach().numpy()[0]
    assert np.array_equal(relative_bias(table, 200, bidirectional=not is_decoder), whole)
    last = layer.compute_bias(2, 200, past_seen_tokens=198).detach().numpy()[0]
    assert np.array_equal(relative_bias(table, 2, 200, bidirectional=not is_decoder), last)


def test_attention_is_that_of_t5() -> None:
    """The whole layer, which does not divide by the root of the width."""
    layer = t5_attention(is_decoder=False)
    x = torch.randn(2, 150, 12, dtype=torch.float64)
    expected = layer(x)[0].detach()
    q, k, v = (
        to(x).detach().numpy().reshape(2, 150, 3, 4).swapaxes(1, 2)
        for to in (layer.q, layer.k, layer.v)
    )
    bias = relative_bias(layer.relative_attention_bias.weight.detach().numpy(), 150)
    output, _ = scaled_dot_product_attention(q * math.sqrt(4), k, v, bias=bias)
    ours = layer.o(torch.tensor(output.swapaxes(1, 2).reshape(2, 150, 12)))
    assert (ours - expected).abs().max() <= 1e-11  # scores of some tens, exponentiated


def test_shaws_keys_are_those_of_seamless() -> None:
    """A speech encoder's whole layer, with a table of vectors for clipped distances."""
    torch.manual_seed(0)
    config = transformers.SeamlessM4Tv2Config(
        hidden_size=12,
        speech_encoder_attention_heads=3,
        position_embeddings_type="relative_key",
        left_max_position_embeddings=5,
        right_max_position_embeddings=5,
        speech_encoder_dropout=0.0,
    )
    config._attn_implementation = "eager"
    attention: Any = seamless.SeamlessM4Tv2ConformerSelfAttention
    layer = attention(config).eval().double()
    x = torch.randn(2, 20, 12, dtype=torch.float64)
    expected = layer(x)[0].detach()
    q, k, v = (
        to(x).detach().numpy().reshape(2, 20, 3, 4).swapaxes(1, 2)
        for to in (layer.linear_q, layer.linear_k, layer.linear_v)
    )
    bias = relative_key_bias(q, layer.distance_embedding.weight.detach().numpy())
    output, _ = scaled_dot_product_attention(q, k, v, bias=bias)
    ours = layer.linear_out(torch.tensor(output.swapaxes(1, 2).reshape(2, 20, 12)))
    assert (ours - expected).abs().max() <= 1e-13


def test_the_second_term_can_be_masked_as_any_score() -> None:
    """Under a causal mask the vectors for later words cannot matter."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 6, 4))
    table = rng.standard_normal((5, 4))
    other = table.copy()
    other[3:] = 9
    outputs = [
        scaled_dot_product_attention(q, k, v, causal_mask(6), bias=relative_key_bias(q, t))[0]
        for t in (table, other)
    ]
    assert np.array_equal(outputs[0], outputs[1])


# Errors


@pytest.mark.parametrize(("T", "S"), [(5, 3), (0, 3), (0, None), (-1, None)])
def test_queries_without_a_key_of_their_own_are_refused(T: int, S: int | None) -> None:
    """Each query is one of the positions, so more queries than keys is a mistake."""
    with pytest.raises(ValueError, match=rf"expected at least 1 query .*, got T={T} and S="):
        relative_positions(T, S)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("size", [2.5, 2.0, "2"])
def test_sizes_that_are_no_whole_numbers_are_refused(size: Any) -> None:
    """Half a position is a mistake, and the message says whose."""
    for name, sizes in [("T", (size,)), ("S", (3, size))]:
        with pytest.raises(ValueError, match=f"expected {name} as a whole number, got {size!r}"):
            relative_positions(*sizes)
    with pytest.raises(ValueError, match=f"expected num_buckets as a whole number, got {size!r}"):
        relative_position_bucket(np.arange(3), num_buckets=size)


@pytest.mark.parametrize(
    ("bidirectional", "num_buckets", "max_distance"),
    [(True, 2, 128), (True, 33, 128), (False, 1, 128), (False, 0, 128), (True, 32, 8)],
)
def test_buckets_that_do_not_reach_are_refused(
    *, bidirectional: bool, num_buckets: int, max_distance: int
) -> None:
    """Too few, a half one, or no room between the exact ones and the farthest."""
    with pytest.raises(ValueError, match=f"expected at least 2 .*, got {num_buckets} and "):
        relative_position_bucket(
            relative_positions(3),
            bidirectional=bidirectional,
            num_buckets=num_buckets,
            max_distance=max_distance,
        )


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("dtype", [np.float64, np.uint8, bool])
def test_distances_without_a_sign_are_refused(dtype: type) -> None:
    """Minus 1 would be 255."""
    with pytest.raises(ValueError, match="expected signed whole numbers, got "):
        relative_position_bucket(np.ones(3, dtype))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("table", [np.ones(8), np.ones((8, 2), int), [[1.0]], torch.ones(8, 2)])
def test_tables_that_are_none_are_refused(table: Any) -> None:
    """The message says what it was."""
    with pytest.raises(ValueError, match=r"expected table \(R, H\) of floats, got "):
        relative_bias(table, 3)
    with pytest.raises(ValueError, match=r"expected table \(R, K\), R odd, of floats, got "):
        clipped_rows(table, 3)


def test_an_even_number_of_vectors_is_refused() -> None:
    """-c to c are an odd number: an even one has lost its middle."""
    with pytest.raises(ValueError, match="expected an odd number of vectors, for -c to c, got 4"):
        clipped_rows(np.ones((4, 2)), 3)


@pytest.mark.usefixtures("unchecked_shapes")
def test_vectors_of_another_width_are_refused() -> None:
    """Queries and the vectors of distances are compared, so they are as wide."""
    with pytest.raises(ValueError, match=r"expected q .* got \(3, 4\) and \(5, 3\)"):
        relative_key_bias(np.ones((3, 4)), np.ones((5, 3)))

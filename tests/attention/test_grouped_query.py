"""Grouped-query attention: by hand, by property, against torch, transformers and the twin."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.llama.modeling_llama import LlamaAttention

from glassformer.attention.grouped_query import (
    cache_bytes,
    group_heads,
    grouped_query_attention,
    repeat_heads,
)
from glassformer.attention.mask import causal_mask, padding_mask
from glassformer.attention.multi_head import MultiHeadWeights, multi_head_attention
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention
from glassformer.nn.attention import MultiHeadAttention

# Some tens of roundings of numbers near 1.
ROUNDING = 1e-13
ROUNDING_32 = 5e-6


def random_weights(
    rng: np.random.Generator, D: int, heads: tuple[int, int], widths: tuple[int, int]
) -> MultiHeadWeights:
    """Weights for (H, G) heads of widths (K, M), with biases, that keep numbers near 1."""
    (H, G), (K, M) = heads, widths
    shapes = {"query": (D, H * K), "key": (D, G * K), "value": (D, G * M), "output": (H * M, D)}
    arrays = {name: rng.standard_normal(s) / math.sqrt(s[0]) for name, s in shapes.items()}
    arrays |= {f"{name}_bias": rng.standard_normal(s[1]) for name, s in shapes.items()}
    return MultiHeadWeights(**arrays)


def spread(weights: MultiHeadWeights, H: int, G: int) -> MultiHeadWeights:
    """Multi-head weights in which the heads of a group have equal keys and values."""

    def each(w: np.ndarray) -> np.ndarray:
        slices = np.split(w, G, axis=-1)
        return np.concatenate([slices[h * G // H] for h in range(H)], axis=-1)

    names = ("key", "value", "key_bias", "value_bias")
    return replace(weights, **{name: each(getattr(weights, name)) for name in names})


@st.composite
def inputs(draw: st.DrawFn) -> tuple[np.ndarray, MultiHeadWeights, int, int, np.ndarray]:
    """Vectors, weights of any widths, heads and groups, and a mask for each head."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.sampled_from([(), (2,), (3, 1)]))
    T, D, G, size, K, M = (draw(st.integers(1, 4)) for _ in range(6))
    H = G * size
    x = rng.standard_normal((*batch, T, D))
    return x, random_weights(rng, D, (H, G), (K, M)), H, G, rng.random((*batch, H, T, T)) < 0.7


# By hand


def test_neighbours_form_a_group() -> None:
    """Of six heads and two groups, the first three ask the first: repeated, not tiled."""
    groups = np.array([[[1.0]], [[2.0]]])
    assert repeat_heads(groups, 6).ravel().tolist() == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("L", "G", "K", "tokens", "expected"),
    [
        pytest.param(12, 12, 64, 1, 36_864, id="GPT-2 small"),
        pytest.param(32, 32, 128, 1, 524_288, id="Llama-2 7B"),
        pytest.param(32, 32, 128, 4096, 2 * 2**30, id="Llama-2 7B, 4,096 tokens"),
        pytest.param(80, 8, 128, 1, 327_680, id="Llama-2 70B"),
        pytest.param(80, 64, 128, 1, 2_621_440, id="Llama-2 70B, were it multi-head"),
        pytest.param(32, 8, 128, 1, 131_072, id="Llama-3 8B"),
    ],
)
def test_cache_of_public_models(L: int, G: int, K: int, tokens: int, expected: int) -> None:
    """Layers, groups, keys and values, two bytes each."""
    assert cache_bytes(L, G, K, tokens) == expected


def test_the_cache_is_that_of_transformers() -> None:
    """What transformers keeps for a text of five tokens has as many bytes."""
    config = transformers.LlamaConfig(
        vocab_size=7,
        hidden_size=24,
        intermediate_size=8,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
    )
    model: Any = transformers.LlamaModel(config)
    model.half().eval()
    kept = model(torch.tensor([[1, 2, 3, 4, 5]])).past_key_values
    tensors = [t for layer in kept.layers for t in (layer.keys, layer.values)]
    assert sum(t.numel() * t.element_size() for t in tensors) == cache_bytes(3, 2, 4, 5)


def test_the_mean_of_two_heads() -> None:
    """Columns 0 and 2 are the first numbers of two heads, 1 and 3 their second."""
    keys = np.array([[1.0, 2.0, 5.0, 8.0]])
    weights = MultiHeadWeights(np.ones((1, 4)), keys, 10 * keys, np.ones((4, 1)))
    grouped = group_heads(weights, H=2, G=1)
    assert grouped.key.tolist() == [[3, 5]]
    assert grouped.value.tolist() == [[30, 50]]
    assert grouped.key_bias is None


# Invariants


@given(inputs())
def test_it_is_multi_head_with_equal_heads_in_a_group(inputs: tuple[Any, ...]) -> None:
    """Sharing is the same as having copies."""
    x, weights, H, G, mask = inputs
    ours = grouped_query_attention(x, weights, H, G, mask)
    copies = multi_head_attention(x, spread(weights, H, G), H, mask)
    for a, b in zip(ours, copies, strict=True):
        assert np.abs(a - b).max() <= ROUNDING


@given(inputs())
def test_grouping_loses_nothing_where_heads_agree(inputs: tuple[Any, ...]) -> None:
    """The mean of equal heads is the head, so such a checkpoint keeps its function."""
    x, weights, H, G, mask = inputs
    found = group_heads(spread(weights, H, G), H, G)
    before, _ = grouped_query_attention(x, weights, H, G, mask)
    after, _ = grouped_query_attention(x, found, H, G, mask)
    assert np.abs(before - after).max() <= ROUNDING


@given(inputs())
def test_as_many_groups_as_heads_change_nothing(inputs: tuple[Any, ...]) -> None:
    """Grouping by ones is no grouping."""
    _, weights, _, G, _ = inputs
    same = group_heads(weights, G, G)
    assert np.array_equal(same.key, weights.key)
    assert np.array_equal(same.value, weights.value)


@given(inputs(), st.data())
def test_a_change_of_a_group_is_noticed_by_its_heads_only(
    inputs: tuple[Any, ...], data: st.DataObject
) -> None:
    """Other keys and queries of one group leave the maps of all other groups alone."""
    x, weights, H, G, _ = inputs
    g = data.draw(st.integers(0, G - 1))
    K = weights.key.shape[1] // G
    keys = weights.key.copy()
    keys[:, g * K : (g + 1) * K] += np.arange(1.0, 1 + keys.shape[0])[:, None]
    _, before = grouped_query_attention(x, weights, H, G)
    _, after = grouped_query_attention(x, replace(weights, key=keys), H, G)
    mine = np.arange(H) // (H // G) == g
    assert np.array_equal(before[..., ~mine, :, :], after[..., ~mine, :, :])


@given(inputs())
def test_what_no_head_may_see_cannot_matter(inputs: tuple[Any, ...]) -> None:
    """Changing the last token leaves all others alone under a causal mask."""
    x, weights, H, G, _ = inputs
    other = x.copy()
    other[..., -1, :] += 1
    mask = causal_mask(x.shape[-2])
    before, after = (grouped_query_attention(a, weights, H, G, mask)[0] for a in (x, other))
    assert np.array_equal(before[..., :-1, :], after[..., :-1, :])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type) -> None:
    """float32 in, float32 out, on read-only arrays; also for grouped weights."""
    wide = random_weights(np.random.default_rng(0), 6, (4, 4), (2, 3))
    cast = {name: array.astype(dtype) for name, array in vars(wide).items()}
    x: np.ndarray = np.linspace(-1, 1, 24, dtype=dtype).reshape(4, 6)
    for array in (x, *cast.values()):
        array.flags.writeable = False
    grouped = group_heads(MultiHeadWeights(**cast), 4, 2)
    assert {array.dtype for array in vars(grouped).values()} == {np.dtype(dtype)}
    output, looks = grouped_query_attention(x, grouped, 4, 2, causal_mask(4))
    assert output.dtype == looks.dtype == dtype


# Against torch, transformers and the twin


@pytest.mark.parametrize("G", [1, 2, 3, 6])
def test_repeated_heads_are_those_of_torch(G: int) -> None:
    """The fused operator of torch groups in the same way."""
    rng = np.random.default_rng(0)
    q = rng.standard_normal((2, 6, 5, 4), dtype=np.float32)
    k, v = rng.standard_normal((2, 2, G, 7, 4), dtype=np.float32)
    ours, _ = scaled_dot_product_attention(q, repeat_heads(k, 6), repeat_heads(v, 6))
    fused = torch.nn.functional.scaled_dot_product_attention(
        torch.tensor(q), torch.tensor(k), torch.tensor(v), enable_gqa=True
    )
    assert np.abs(ours - fused.numpy()).max() <= ROUNDING_32


@pytest.mark.parametrize("G", [1, 2, 3, 6])
@pytest.mark.parametrize("biased", [False, True])
def test_it_is_the_attention_of_llama(G: int, *, biased: bool) -> None:
    """Llama of transformers, with random weights, and positions that turn nothing."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {"attention_bias": biased, "attn_implementation": "eager"}
    config = transformers.LlamaConfig(
        hidden_size=24, num_attention_heads=6, num_key_value_heads=G, **settings
    )
    llama = LlamaAttention(config, layer_idx=0).eval()
    layers = (llama.q_proj, llama.k_proj, llama.v_proj, llama.o_proj)
    biases = []
    for layer in layers if biased else ():
        torch.nn.init.normal_(layer.bias)
        biases.append(layer.bias.detach().numpy())
    weights = MultiHeadWeights(*(layer.weight.detach().numpy().T for layer in layers), *biases)
    x = torch.randn(2, 5, 24)
    mask = causal_mask(5) & padding_mask([5, 3], 5)
    forbidden = torch.tensor(np.where(mask, 0, -np.inf), dtype=torch.float32)
    unturned = (torch.ones(2, 5, 4), torch.zeros(2, 5, 4))
    expected, expected_looks = llama(x, unturned, forbidden)
    output, looks = grouped_query_attention(x.numpy(), weights, 6, G, mask)
    assert np.abs(output - expected.detach().numpy()).max() <= ROUNDING_32
    assert np.abs(looks - expected_looks.detach().numpy()).max() <= ROUNDING_32


@pytest.mark.parametrize(("G", "K"), [(1, 4), (2, 3), (6, 4)])
def test_it_is_the_twin(G: int, K: int) -> None:
    """What the twin learned, as a plain dictionary of arrays, gives the twin's output."""
    torch.manual_seed(0)
    twin = MultiHeadAttention(24, 6, groups=G, head_width=K)
    arrays = {name: p.detach().numpy() for name, p in twin.named_parameters()}
    names = ("query", "key", "value", "output")
    weights = MultiHeadWeights(
        *(arrays[f"{name}.weight"].T for name in names), *(arrays[f"{name}.bias"] for name in names)
    )
    x = torch.randn(2, 5, 24)
    output, _ = grouped_query_attention(x.numpy(), weights, 6, G, causal_mask(5))
    expected = twin(x, torch.tensor(causal_mask(5))[None, None])
    assert np.abs(output - expected.detach().numpy()).max() <= ROUNDING_32


def test_a_bias_reaches_the_scores() -> None:
    """A large negative bias hides as a mask does, for each head by itself."""
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((2, 4, 6)), random_weights(rng, 6, (4, 2), (3, 2))
    mask = (rng.random((4, 4, 4)) < 0.7) | np.eye(4, dtype=bool)
    masked, _ = grouped_query_attention(x, weights, 4, 2, mask)
    biased, _ = grouped_query_attention(x, weights, 4, 2, bias=np.where(mask, 0.0, -1e9))
    assert np.abs(masked - biased).max() <= ROUNDING


# Errors

X = np.ones((5, 4))
WEIGHTS = random_weights(np.random.default_rng(0), 4, (4, 2), (3, 2))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(("H", "G"), [(4, 3), (4, 8), (0, 1), (4, 0)])
def test_groups_must_divide_the_heads(H: int, G: int) -> None:
    """The message shows both numbers."""
    with pytest.raises(ValueError, match=f"G that divides H, got H={H} and G={G}"):
        grouped_query_attention(X, WEIGHTS, H, G)
    with pytest.raises(ValueError, match=r"expected G that divides H, and H the widths, got "):
        group_heads(WEIGHTS, H, G) if H else group_heads(WEIGHTS, 4, -1)


@pytest.mark.usefixtures("unchecked_shapes")
def test_multi_head_weights_are_not_taken_for_grouped_ones() -> None:
    """Four heads of keys for two groups are refused, not cut in another way."""
    with pytest.raises(ValueError, match=r"expected key \(4, 6\) for H=4, G=2 .*, got \(4, 12\)"):
        grouped_query_attention(X, spread(WEIGHTS, 4, 2), 4, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(3, 5, 4), (8, 5, 4), (5, 4), (0, 5, 4)])
def test_heads_that_cannot_be_repeated_are_refused(shape: tuple[int, ...]) -> None:
    """Groups that do not divide four heads, no group, or no axis of groups."""
    with pytest.raises(ValueError, match=r"expected \(\*B, G, S, K\) with G that divides H=4, got"):
        repeat_heads(np.ones(shape), 4)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1, 0), (1, 1, 1, 1, 0)])
def test_a_cache_of_nothing_is_refused(sizes: tuple[int, ...]) -> None:
    """Sizes are positive."""
    with pytest.raises(ValueError, match="expected positive numbers, got"):
        cache_bytes(*sizes)

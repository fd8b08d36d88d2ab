"""Cross-attention: by hand, by property, against torch and against the twin."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.attention.cross import cross_attention, keys_and_values, look_up
from glassformer.attention.mask import causal_mask, padding_mask
from glassformer.attention.multi_head import MultiHeadWeights, multi_head_attention
from glassformer.nn.attention import MultiHeadAttention

# Some tens of roundings of numbers near 1.
ROUNDING = 1e-13
ROUNDING_32 = 5e-6


def random_weights(
    rng: np.random.Generator, D: int, E: int, H: int, widths: tuple[int, int]
) -> MultiHeadWeights:
    """Weights for heads of widths (K, M), with biases, that keep numbers near 1."""
    K, M = widths
    shapes = {"query": (D, H * K), "key": (E, H * K), "value": (E, H * M), "output": (H * M, D)}
    arrays = {name: rng.standard_normal(s) / math.sqrt(s[0]) for name, s in shapes.items()}
    arrays |= {f"{name}_bias": rng.standard_normal(s[1]) for name, s in shapes.items()}
    return MultiHeadWeights(**arrays)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, MultiHeadWeights, int, np.ndarray]:
    """Two texts of any lengths and widths, weights, heads, and a mask for each head."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.sampled_from([(), (2,), (3, 1)]))
    T, S, D, E, H, K, M = (draw(st.integers(1, 5)) for _ in range(7))
    x, source = rng.standard_normal((*batch, T, D)), rng.standard_normal((*batch, S, E))
    weights = random_weights(rng, D, E, H, (K, M))
    return x, source, weights, H, rng.random((*batch, H, T, S)) < 0.7


# By hand


def test_a_word_fetches_from_the_other_text() -> None:
    """Scores of ln 3 and 0: three quarters of the first source word, one of the second."""
    x = np.array([[math.log(3)], [0.0]])
    source = np.array([[1.0, 8.0], [0.0, 4.0]])
    weights = MultiHeadWeights(
        query=np.array([[1.0]]),
        key=np.array([[1.0], [0.0]]),
        value=np.array([[0.0], [1.0]]),
        output=np.array([[10.0]]),
    )
    output, looks = cross_attention(x, source, weights, 1)
    assert looks[0] == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5]]))
    assert output == pytest.approx(np.array([[70.0], [60.0]]))


# Invariants


@given(inputs())
def test_a_text_that_is_its_own_source_is_self_attention(inputs: tuple[Any, ...]) -> None:
    """The special case, with the same bits in and out."""
    _, source, weights, H, _ = inputs
    E, HM = source.shape[-1], weights.output.shape[0]
    square = replace(
        weights,
        query=weights.key + 1,
        output=np.ones((HM, E)),
        output_bias=np.ones(E),
    )
    ours = cross_attention(source, source, square, H)
    for a, b in zip(ours, multi_head_attention(source, square, H), strict=True):
        assert np.abs(a - b).max() <= ROUNDING


@given(inputs())
def test_the_source_can_be_read_once(inputs: tuple[Any, ...]) -> None:
    """Word by word with kept keys and values: what all words at once get."""
    x, source, weights, H, mask = inputs
    whole, all_looks = cross_attention(x, source, weights, H, mask)
    k, v = keys_and_values(source, weights, H)
    for t in range(x.shape[-2]):
        now = np.s_[..., t : t + 1, :]
        output, looks = look_up(x[now], k, v, weights, mask[now])
        assert np.abs(output - whole[now]).max() <= ROUNDING
        assert np.abs(looks - all_looks[now]).max() <= ROUNDING


@given(inputs(), st.data())
def test_a_hidden_word_of_the_source_cannot_matter(
    inputs: tuple[Any, ...], data: st.DataObject
) -> None:
    """Anything may stand where no word looks, and any amount of it."""
    x, source, weights, H, _ = inputs
    S = source.shape[-2]
    length = data.draw(st.integers(1, S))
    visible = np.arange(S) < length
    other = np.where(visible[:, None], source, data.draw(st.floats(-1e3, 1e3)))
    before, _ = cross_attention(x, source, weights, H, visible[None])
    after, _ = cross_attention(x, other, weights, H, visible[None])
    short, _ = cross_attention(x, source[..., :length, :], weights, H)
    assert np.array_equal(before, after)
    assert np.abs(before - short).max() <= ROUNDING


@given(inputs())
def test_each_word_looks_for_itself(inputs: tuple[Any, ...]) -> None:
    """Words that look do not see each other: one of them changed, the others keep their rows."""
    x, source, weights, H, mask = inputs
    other = x.copy()
    other[..., 0, :] += 1
    before, after = (cross_attention(a, source, weights, H, mask)[0] for a in (x, other))
    assert np.abs(before - after)[..., 1:, :].max(initial=0) <= ROUNDING


@given(inputs(), st.randoms(use_true_random=False))
def test_the_order_of_the_source_is_unseen(inputs: tuple[Any, ...], random: Any) -> None:
    """Shuffled source words, with their places in the mask, give the same output."""
    x, source, weights, H, mask = inputs
    order = random.sample(range(source.shape[-2]), source.shape[-2])
    output, looks = cross_attention(x, source, weights, H, mask)
    turned, other_looks = cross_attention(x, source[..., order, :], weights, H, mask[..., order])
    assert np.abs(output - turned).max() <= ROUNDING
    assert np.abs(looks[..., order] - other_looks).max() <= ROUNDING


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type) -> None:
    """float32 in, float32 out, on read-only arrays."""
    wide = random_weights(np.random.default_rng(0), 6, 4, 3, (2, 2))
    cast = {name: array.astype(dtype) for name, array in vars(wide).items()}
    x: np.ndarray = np.linspace(-1, 1, 18, dtype=dtype).reshape(3, 6)
    source: np.ndarray = np.linspace(-1, 1, 20, dtype=dtype).reshape(5, 4)
    for array in (x, source, *cast.values()):
        array.flags.writeable = False
    output, looks = cross_attention(x, source, MultiHeadWeights(**cast), 3)
    assert output.dtype == looks.dtype == dtype


# Against torch, and against the twin


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("E", [12, 20])
@pytest.mark.parametrize("H", [1, 3])
def test_it_is_torchs_multihead_attention(dtype: torch.dtype, E: int, H: int) -> None:
    """Another source, of the same or another width, padded: same output, same weights."""
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(12, H, kdim=E, vdim=E, batch_first=True, dtype=dtype)
    for bias in (module.in_proj_bias, module.out_proj.bias):
        torch.nn.init.normal_(bias)
    x, source = torch.randn(2, 5, 12, dtype=dtype), torch.randn(2, 7, E, dtype=dtype)
    mask = padding_mask([7, 4], 7)
    expected, expected_looks = module(
        *(x, source, source),
        key_padding_mask=torch.tensor(~mask[:, 0, 0]),  # True: may not look
        average_attn_weights=False,
    )
    a = {name: p.detach().numpy() for name, p in module.named_parameters()}
    if E == 12:
        matrices = np.split(a["in_proj_weight"], 3)
    else:
        matrices = [a[f"{name}_proj_weight"] for name in "qkv"]
    biases = [*np.split(a["in_proj_bias"], 3), a["out_proj.bias"]]
    weights = MultiHeadWeights(*(W.T for W in (*matrices, a["out_proj.weight"])), *biases)
    output, looks = cross_attention(x.numpy(), source.numpy(), weights, H, mask)
    bound = ROUNDING_32 if dtype == torch.float32 else ROUNDING
    assert np.abs(output - expected.detach().numpy()).max() <= bound
    assert np.abs(looks - expected_looks.detach().numpy()).max() <= bound


def test_it_is_the_cross_attention_of_torchs_decoder_layer() -> None:
    """Caught on its way through the layer: it is given the memory as keys and values."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerDecoderLayer(12, 3, 24, dropout=0.0, batch_first=True)
    caught: list[Any] = []
    layer.multihead_attn.register_forward_hook(lambda _, given, out: caught.extend([given, out]))
    memory = torch.randn(2, 7, 12)
    layer(torch.randn(2, 5, 12), memory)
    (asked, *_), (expected, _) = caught
    a = {name: p.detach().numpy() for name, p in layer.multihead_attn.named_parameters()}
    matrices = (*np.split(a["in_proj_weight"], 3), a["out_proj.weight"])
    biases = (*np.split(a["in_proj_bias"], 3), a["out_proj.bias"])
    weights = MultiHeadWeights(*(W.T for W in matrices), *biases)
    output, _ = cross_attention(asked.detach().numpy(), memory.numpy(), weights, 3)
    assert np.abs(output - expected.detach().numpy()).max() <= ROUNDING_32


@pytest.mark.parametrize("E", [12, 20])
def test_it_is_the_twin(E: int) -> None:
    """What the twin learned, as a plain dictionary of arrays, gives the twin's output."""
    torch.manual_seed(0)
    twin = MultiHeadAttention(12, 3, source_width=E)
    a = {name: p.detach().numpy() for name, p in twin.named_parameters()}
    names = ("query", "key", "value", "output")
    weights = MultiHeadWeights(
        *(a[f"{name}.weight"].T for name in names), *(a[f"{name}.bias"] for name in names)
    )
    x, source = torch.randn(2, 5, 12), torch.randn(2, 7, E)
    mask = padding_mask([7, 4], 7)
    output, looks = cross_attention(x.numpy(), source.numpy(), weights, 3, mask)
    expected = twin(x, torch.tensor(mask), source=source)
    maps = twin.scores(x, torch.tensor(mask), source=source).softmax(-1)
    assert np.abs(output - expected.detach().numpy()).max() <= ROUNDING_32
    assert np.abs(looks - maps.detach().numpy()).max() <= ROUNDING_32


# Errors

X, SOURCE = np.ones((5, 4)), np.ones((7, 6))
WEIGHTS = random_weights(np.random.default_rng(0), 4, 6, 2, (3, 2))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "source"),
    [
        pytest.param(SOURCE, X, id="exchanged"),
        pytest.param(X, X, id="width of the source"),
        pytest.param(np.ones((5, 3)), SOURCE, id="width of x"),
    ],
)
def test_texts_that_do_not_fit_are_refused(x: np.ndarray, source: np.ndarray) -> None:
    """The message says which matrix was to fit which vectors."""
    with pytest.raises(ValueError, match=r"expected \w+ \(.*\) for H=2, .*, got \("):
        cross_attention(x, source, WEIGHTS, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(2, 5, 4), (5, 4)])
def test_another_number_of_texts_than_of_sources_is_refused(shape: tuple[int, ...]) -> None:
    """Two texts and three sources, or one text for three."""
    with pytest.raises(ValueError, match=r"expected q \(\*B, T, K\), k .* got "):
        cross_attention(np.ones(shape), np.ones((3, 7, 6)), WEIGHTS, 2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("empty", ["x", "source"])
def test_an_empty_text_is_refused(empty: str) -> None:
    """There is nothing to look at, or nothing that looks."""
    texts = {"x": X, "source": SOURCE}
    with pytest.raises(ValueError, match="none of them empty"):
        cross_attention(**{**texts, empty: texts[empty][:0]}, weights=WEIGHTS, H=2)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_mask_for_the_text_instead_of_the_source_is_refused() -> None:
    """A square mask does not fit a source of another length."""
    with pytest.raises(ValueError, match=r"expected a mask that broadcasts to \(2, 5, 7\), got "):
        cross_attention(X, SOURCE, WEIGHTS, 2, causal_mask(5))


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_source_of_another_dtype_is_refused() -> None:
    """NumPy would silently go on in the wider of the two."""
    with pytest.raises(ValueError, match="expected source of the dtype of x, float64, got float32"):
        cross_attention(X, SOURCE.astype(np.float32), WEIGHTS, 2)

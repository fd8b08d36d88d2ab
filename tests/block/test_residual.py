"""Both orders of add and norm: by hand, by what must not change, and against torch's layer."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassformer.block.normalization import layer_norm
from glassformer.block.residual import post_norm, pre_norm

FLOATS = [np.float16, np.float32, np.float64]
BOTH = pytest.mark.parametrize("connect", [pre_norm, post_norm])
Layer = Callable[[np.ndarray], np.ndarray]
Connection = Callable[[np.ndarray, Layer, Layer], np.ndarray]


def norm(x: np.ndarray) -> np.ndarray:
    """LayerNorm without gain and bias."""
    D = x.shape[-1]
    return layer_norm(x, np.ones(D), np.zeros(D))


def vectors() -> st.SearchStrategy[np.ndarray]:
    """Vectors of any batch shape."""
    numbers = st.floats(-9, 9, width=32)
    return hnp.arrays(np.float64, hnp.array_shapes(max_dims=4, max_side=4), elements=numbers)


# By hand


def test_the_orders_by_hand() -> None:
    """With a norm that halves and a layer that adds 10, to 4: 4 + (2 + 10), and (4 + 14) / 2."""
    x = np.array([4.0])
    assert pre_norm(x, lambda x: x + 10, lambda x: x / 2).tolist() == [16]
    assert post_norm(x, lambda x: x + 10, lambda x: x / 2).tolist() == [9]


def test_the_page_s_example() -> None:
    """Mean 4, deviation 3: 9 + 6 * 5 / 3 is 19; the norm of 7 x is that of x."""
    x = np.array([9.0, 3.0, 3.0, 1.0])
    # The norm's epsilon of 1e-5 beside a variance of 9.
    assert pre_norm(x, lambda x: 6 * x, norm) == pytest.approx([19, 1, 1, -5], abs=1e-5)
    assert post_norm(x, lambda x: 6 * x, norm) == pytest.approx(norm(x), abs=1e-5)


# Invariants


@given(vectors())
def test_a_layer_that_adds_nothing_changes_nothing(x: np.ndarray) -> None:
    """Pre-norm has a straight line from input to output: the same bits come out."""
    assert np.array_equal(pre_norm(x, np.zeros_like, norm), x)
    assert np.array_equal(post_norm(x, np.zeros_like, norm), norm(x))


@given(vectors(), st.integers(1, 5))
def test_the_stream_is_the_sum_of_what_was_written(x: np.ndarray, L: int) -> None:
    """With pre-norm the result is the input plus each layer's contribution, in order."""
    written: list[np.ndarray] = []

    def write(read: np.ndarray) -> np.ndarray:
        written.append(np.roll(read, 1, axis=-1) * (len(written) + 1))
        return written[-1]

    stream = x
    for _ in range(L):
        stream = pre_norm(stream, write, norm)
    total = x
    for change in written:
        total = total + change
    assert len(written) == L
    assert np.array_equal(stream, total)


@given(vectors())
def test_what_is_read_and_what_comes_out_is_normalized(x: np.ndarray) -> None:
    """A pre-norm layer reads the norm of its input, a post-norm layer the input itself."""
    seen: list[np.ndarray] = []

    def watch(read: np.ndarray) -> np.ndarray:
        seen.append(read)
        return 2 * read

    pre_norm(x, watch, norm)
    out = post_norm(x, watch, norm)
    assert np.array_equal(seen[0], norm(x))
    assert np.array_equal(seen[1], x)
    assert np.array_equal(out, norm(3 * x)) or np.abs(out - norm(3 * x)).max() <= 1e-14


@BOTH
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_input_unchanged(connect: Connection, dtype: type[np.floating]) -> None:
    """Nothing is added in place: a read-only array will do."""
    x = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    x.flags.writeable = False
    result = connect(x, lambda x: x * 2, norm)
    assert result.dtype == dtype
    assert result.shape == x.shape


@BOTH
def test_an_empty_batch_stays_an_empty_batch(connect: Connection) -> None:
    """No vectors is no error."""
    assert connect(np.zeros((0, 4)), lambda x: 2 * x, norm).shape == (0, 4)


def test_slopes_do_not_vanish_with_depth() -> None:
    """48 layers that halve: in a chain the slope is 2 to the -48, with skips never below 1."""

    def slope(run: Callable[[np.ndarray], np.ndarray]) -> float:
        return float((run(np.array([1.0 + 1e-6])) - run(np.array([1.0])))[0] / 1e-6)

    def chain(x: np.ndarray) -> np.ndarray:
        return x * 0.5**48

    def skips(x: np.ndarray) -> np.ndarray:
        for _ in range(48):
            x = pre_norm(x, lambda x: x * 0.5, lambda x: x)
        return x

    assert abs(slope(chain)) < 1e-12
    assert slope(skips) == pytest.approx(1.5**48, rel=1e-6)


# Against torch


@pytest.mark.parametrize("norm_first", [True, False])
def test_torch_s_layer_is_two_of_ours(*, norm_first: bool) -> None:
    """Attention and feed-forward are torch's own modules; what connects them is ours."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(
        8, 2, 32, 0.0, batch_first=True, norm_first=norm_first, dtype=torch.float64
    )
    for parameter in (layer.norm1, layer.norm2):
        torch.nn.init.normal_(parameter.weight)
        torch.nn.init.normal_(parameter.bias)
    x = np.random.default_rng(0).normal(size=(2, 5, 8))

    def attention(x: np.ndarray) -> np.ndarray:
        t = torch.from_numpy(x)
        mixed: torch.Tensor = layer.self_attn(t, t, t, need_weights=False)[0]
        return mixed.detach().numpy()

    def feed_forward(x: np.ndarray) -> np.ndarray:
        hidden: torch.Tensor = layer.linear2(layer.linear1(torch.from_numpy(x)).relu())
        return hidden.detach().numpy()

    def normalizer(module: torch.nn.LayerNorm) -> Layer:
        gain, bias = (p.detach().numpy() for p in (module.weight, module.bias))
        return lambda x: layer_norm(x, gain, bias)

    connect = pre_norm if norm_first else post_norm
    ours = connect(x, attention, normalizer(layer.norm1))
    ours = connect(ours, feed_forward, normalizer(layer.norm2))
    # Some tens of roundings of numbers up to about 10.
    assert np.abs(ours - layer(torch.from_numpy(x)).detach().numpy()).max() <= 1e-13


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@BOTH
@pytest.mark.parametrize(
    ("sublayer", "came"),
    [
        (lambda x: x[..., :1], "(2, 3, 1) of float32"),
        (lambda x: x[0], "(3, 4) of float32"),
        (lambda x: x.mean(axis=(0, 1)), "(4,) of float32"),
        (lambda x: x.astype(np.float64), "(2, 3, 4) of float64"),
        (lambda x: (x, x), "tuple of tuple"),
        (lambda x: x.tolist(), "list of list"),
        (lambda _: None, "NoneType of NoneType"),
    ],
)
def test_what_does_not_add_up_is_refused(connect: Connection, sublayer: Layer, came: str) -> None:
    """Nothing broadcasts, nothing is widened, and attention's weights are not added."""
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    message = f"expected a sublayer that returns (2, 3, 4) of float32, got {came}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        connect(x, sublayer, norm)

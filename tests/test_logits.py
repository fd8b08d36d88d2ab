"""Logits: by hand, by property, and against torch's and transformers' last layer."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import SequenceBiasLogitsProcessor

from glassformer.logits import logit_bias, unembed
from glassformer.softmax import log_softmax, softmax

FLOATS = [np.float16, np.float32, np.float64]
EPS = float(np.finfo(np.float64).eps)


@st.composite
def last_layers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Final vectors with any batch axes, a table and a bias; whole numbers, so sums are exact."""
    V, D = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    batch = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    numbers = st.integers(-50, 50).map(float)
    x, table, bias = (
        draw(hnp.arrays(np.float64, shape, elements=numbers))
        for shape in ((*batch, D), (V, D), (V,))
    )
    return x, table, bias


def rows() -> st.SearchStrategy[np.ndarray]:
    """One row of at least two scores."""
    return hnp.arrays(np.float64, st.integers(2, 6), elements=st.floats(-20, 20))


# By hand


def test_each_logit_is_a_dot_product() -> None:
    """From x = (2, 1) against (3, 1), (0, 2) and (-1, 0): 7, 2 and -2, and a bias on top."""
    x, table = np.array([2.0, 1.0]), np.array([[3.0, 1.0], [0.0, 2.0], [-1.0, 0.0]])
    assert unembed(x, table).tolist() == [7.0, 2.0, -2.0]
    assert unembed(x, table, np.array([0.5, 0.0, 1.0])).tolist() == [7.5, 2.0, -1.0]


def test_a_bias_of_ln_9_makes_even_odds_nine_to_one() -> None:
    """Half and half becomes 0.9 and 0.1."""
    p = softmax(logit_bias(np.zeros(2), {0: math.log(9)}))
    assert p == pytest.approx([0.9, 0.1], rel=8 * EPS)


# Invariants


@given(last_layers())
def test_every_entry_is_what_the_equation_says(
    inputs: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """For each position and token on its own, without a matrix product."""
    x, table, bias = inputs
    logits = unembed(x, table, bias)
    assert logits.shape == (*x.shape[:-1], len(table))
    for at in np.ndindex(logits.shape):
        terms = [a * b for a, b in zip(x[at[:-1]], table[at[-1]], strict=True)]
        assert logits[at] == sum(terms) + bias[at[-1]]
        assert unembed(x, table)[at] == sum(terms)


@given(last_layers(), st.data())
def test_a_vector_added_to_every_row_changes_no_probability(
    inputs: tuple[np.ndarray, np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    """It adds the same number to all logits of a position, which softmax does not see."""
    x, table, _ = inputs
    D = table.shape[1]
    common = data.draw(hnp.arrays(np.float64, D, elements=st.integers(-9, 9).map(float)))
    moved = unembed(x, table + common)
    assert np.array_equal(softmax(moved), softmax(unembed(x, table)))


@given(rows(), st.floats(-10, 10), st.data())
def test_a_bias_multiplies_the_odds_and_leaves_the_others_alone(
    logits: np.ndarray, bias: float, data: st.DataObject
) -> None:
    """Odds against each other token rise by e to the bias; others keep their ratios."""
    token = data.draw(st.integers(0, len(logits) - 1))
    before, after = log_softmax(logits), log_softmax(logit_bias(logits, {token: bias}))
    gained = after - before
    others = np.delete(gained, token)
    # Log-probabilities of up to 60 are rounded a few times.
    assert np.ptp(others) <= 1000 * EPS
    assert gained[token] - others == pytest.approx(np.full(len(others), bias), abs=1000 * EPS)


def test_minus_infinity_forbids_in_every_row() -> None:
    """The token has probability 0, the others what they would have without it."""
    logits = np.random.default_rng(0).normal(size=(3, 4, 5))
    p = softmax(logit_bias(logits, {2: -np.inf}))
    assert not p[..., 2].any()
    without = softmax(np.delete(logits, 2, axis=-1))
    assert np.abs(np.delete(p, 2, axis=-1) - without).max() <= 4 * EPS


def test_the_last_position_alone_gives_its_logits() -> None:
    """What decoding saves costs nothing: the row is the same as in the whole."""
    rng = np.random.default_rng(0)
    x, table = rng.normal(size=(2, 7, 16)), rng.normal(size=(50, 16))
    whole = unembed(x, table)[:, -1]
    assert np.abs(unembed(x[:, -1], table) - whole).max() <= 100 * EPS


@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_kept_and_inputs_are_unchanged(dtype: type[np.floating]) -> None:
    """float32 in, float32 out, on read-only arrays, whatever the type of the bias's numbers."""
    x: np.ndarray = np.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)
    table: np.ndarray = np.linspace(-1, 1, 12, dtype=dtype).reshape(4, 3)
    bias: np.ndarray = np.linspace(0, 1, 4, dtype=dtype)
    for array in (x, table, bias):
        array.flags.writeable = False
    logits = unembed(x, table, bias)
    assert logits.dtype == dtype
    logits.flags.writeable = False
    biased = logit_bias(logits, {0: np.float64(1.5), 1: -1e6, 2: -np.inf})
    assert biased.dtype == dtype
    assert np.array_equal(biased[:, 0], logits[:, 0] + dtype(1.5))
    assert np.array_equal(logit_bias(logits, {}), logits)


# Independent oracles


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 1e-5), (np.float64, 1e-14)])
def test_torchs_linear_layer_gives_the_same(dtype: type[np.floating], bound: float) -> None:
    """torch.nn.functional.linear, whose weight is (out, in), as our table is."""
    rng = np.random.default_rng(0)
    x: np.ndarray = rng.normal(size=(2, 5, 16)).astype(dtype)
    table: np.ndarray = rng.normal(size=(30, 16)).astype(dtype)
    bias: np.ndarray = rng.normal(size=30).astype(dtype)
    theirs = torch.nn.functional.linear(*map(torch.from_numpy, (x, table, bias)))
    assert np.abs(unembed(x, table, bias) - theirs.numpy()).max() <= bound


def test_gpt2s_logits_are_its_final_vectors_against_its_token_table() -> None:
    """A GPT-2 of transformers, at random: its head is tied, and is our function."""
    config = GPT2Config(
        vocab_size=40, n_positions=8, n_embd=12, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config)
    model.train(False)
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.no_grad():
        result = model(ids, output_hidden_states=True)
    x, table = result.hidden_states[-1].numpy(), model.transformer.wte.weight.detach().numpy()
    assert np.abs(unembed(x, table) - result.logits.numpy()).max() <= 1e-5


def test_a_bias_is_that_of_transformers() -> None:
    """Their SequenceBiasLogitsProcessor, for single tokens, one of them forbidden."""
    logits = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    wanted = {1: 2.5, 4: -math.inf}
    theirs = SequenceBiasLogitsProcessor([[[token], bias] for token, bias in wanted.items()])
    expected = theirs(torch.zeros(2, 1, dtype=torch.long), torch.from_numpy(logits))
    assert np.array_equal(logit_bias(logits, wanted), expected.numpy())


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_id_may_be_one_of_numpys_integers() -> None:
    """What argmax gives is an id too."""
    wanted: Any = {np.int64(1): 2.0}
    assert logit_bias(np.zeros(3), wanted).tolist() == [0.0, 2.0, 0.0]


X, TABLE = np.ones((2, 3)), np.ones((4, 3))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "table", "bias"),
    [
        pytest.param((2, 4), (4, 3), None, id="width"),
        pytest.param((2, 4), (3, 4, 1), None, id="table of three axes"),
        pytest.param((3,), (3,), None, id="table of one axis"),
        pytest.param((), (4, 3), None, id="no vector"),
        pytest.param((2, 3), (4, 3), (3,), id="bias of the width"),
        pytest.param((2, 3), (4, 3), (1,), id="bias that would broadcast"),
        pytest.param((2, 3), (4, 3), (2, 4), id="bias with a batch"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    x: tuple[int, ...], table: tuple[int, ...], bias: tuple[int, ...] | None
) -> None:
    """The message shows what came, also where NumPy would broadcast."""
    came = ", ".join(str(shape) for shape in (x, table, bias) if shape is not None)
    with pytest.raises(ValueError, match=re.escape(f"bias (V,), got {came}")):
        unembed(np.ones(x), np.ones(table), None if bias is None else np.ones(bias))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("bad", [np.ones((2, 3), int), torch.ones(2, 3), [[1.0, 1.0, 1.0]]])
def test_other_things_than_arrays_of_floats_are_refused(bad: np.ndarray) -> None:
    """The message names the argument and what it was."""
    for name, arguments in (("x", (bad, TABLE)), ("table", (X, bad)), ("bias", (X, TABLE, bad))):
        with pytest.raises(ValueError, match=f"expected {name} as a NumPy array of floats, got "):
            unembed(*arguments)
    with pytest.raises(ValueError, match="expected logits as a NumPy array of floats, got "):
        logit_bias(bad, {0: 1.0})


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("token", [-1, 3, 1.0, "pizza", None])
def test_a_bias_for_no_token_is_refused(token: int) -> None:
    """Not even -1, which NumPy would silently take for the last token."""
    with pytest.raises(ValueError, match=r"expected token ids in 0\.\.2, got"):
        logit_bias(X, {token: 1.0})
    with pytest.raises(ValueError, match=r"expected token ids in 0\.\.-1, got 0"):
        logit_bias(np.array(1.0), {0: 1.0})


@pytest.mark.parametrize("bias", [math.nan, math.inf])
def test_a_bias_without_meaning_is_refused(bias: float) -> None:
    """Infinity cannot force a token: infinity over infinity is NaN."""
    with pytest.raises(ValueError, match="expected a finite bias or -inf for token 1, got"):
        logit_bias(X, {1: bias})

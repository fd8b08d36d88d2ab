"""Learned positions: by hand, by what a table must do, and against torch and GPT-2."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers import GPT2Config, GPT2Model

from glassformer.position.learned import (
    learned_positions,
    learned_positions_gradient,
    position_ids,
)

# By hand

TABLE = np.array([[0.1, 0.0], [0.0, 0.2], [-0.1, 0.1], [0.2, -0.1]])


def test_rows_come_in_turn() -> None:
    """Position 0 has the first row, and `start` counts what came before."""
    assert np.array_equal(learned_positions(TABLE, 2), [[0.1, 0.0], [0.0, 0.2]])
    assert np.array_equal(learned_positions(TABLE, 2, start=2), [[-0.1, 0.1], [0.2, -0.1]])


def test_slopes_of_all_texts_add_up() -> None:
    """A row that two texts used gets the sum of both; a row that none used gets zeros."""
    slopes = np.array([[[1.0, 0.0], [0.0, 3.0]], [[2.0, 0.0], [0.0, 4.0]]])
    gradient = learned_positions_gradient(slopes, N=4, start=1)
    assert np.array_equal(gradient, [[0, 0], [3, 0], [0, 7], [0, 0]])


def test_padding_is_not_counted() -> None:
    """The first real token is number 0, with padding on the left, the right, or in between."""
    keep = np.array([[1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]) == 1
    expected = [[0, 1, 2, 3], [0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert np.array_equal(position_ids(keep), expected)


# Invariants


@given(st.integers(0, 8), st.integers(0, 8))
def test_every_position_has_its_row_or_is_refused(T: int, start: int) -> None:
    """Never a row too few, a row of another place, or the same row twice."""
    table = np.arange(16.0).reshape(8, 2)
    if start + T <= 8:
        rows = learned_positions(table, T, start)
        assert np.array_equal(rows[:, 0], 2.0 * (start + np.arange(T)))
    else:
        with pytest.raises(ValueError, match=r"expected positions in 0\.\.7"):
            learned_positions(table, T, start)


def test_the_table_is_not_changed_through_the_result() -> None:
    """What is added in place to the rows does not reach the table."""
    table = TABLE.copy()
    rows = learned_positions(table, 3)
    rows += 1
    assert np.array_equal(table, TABLE)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept(dtype: type[np.floating]) -> None:
    """Rows and gradients are as precise as what they came from."""
    assert learned_positions(TABLE.astype(dtype), 2).dtype == dtype
    assert learned_positions_gradient(np.ones((3, 2, 2), dtype), N=4).dtype == dtype


def test_without_texts_nothing_is_learned() -> None:
    """An empty batch has a gradient of zeros, and one text needs no batch axis."""
    assert not learned_positions_gradient(np.ones((0, 2, 2)), N=4).any()
    one = learned_positions_gradient(np.ones((2, 3)), N=4)
    assert np.array_equal(one, [[1] * 3] * 2 + [[0] * 3] * 2)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)), st.integers(0, 3))
def test_more_padding_on_the_left_moves_no_token(keep: np.ndarray, more: int) -> None:
    """The positions of real tokens depend on the real tokens before them alone."""
    padding = np.zeros((*keep.shape[:-1], more), dtype=bool)
    padded = np.concatenate([padding, keep], axis=-1)
    assert np.array_equal(position_ids(padded)[padded], position_ids(keep)[keep])
    T = keep.shape[-1]
    texts = zip(keep.reshape(-1, T), position_ids(keep).reshape(-1, T), strict=True)
    for real, ids in texts:
        assert ids[real].tolist() == list(range(real.sum()))


# Independent oracles


@pytest.mark.parametrize("start", [0, 3])
def test_torch_finds_the_same_sum_and_gradient(start: int) -> None:
    """An embedding of torch's, looked up by position, under a loss that mixes everything."""
    rng = np.random.default_rng(start)
    rows, x = rng.normal(size=(9, 4)), rng.normal(size=(2, 3, 6, 4))
    embedding = torch.nn.Embedding(9, 4, _weight=torch.from_numpy(rows))
    theirs = torch.from_numpy(x) + embedding(torch.arange(start, start + 6))
    theirs.pow(3).sum().backward()
    ours = x + learned_positions(rows, 6, start)
    assert np.array_equal(ours, theirs.detach().numpy())
    gradient = learned_positions_gradient(3 * ours**2, N=9, start=start)
    assert embedding.weight.grad is not None
    # Sums of six numbers of about 3, in another order.
    assert np.abs(gradient - embedding.weight.grad.numpy()).max() <= 1e-13


def gpt2() -> GPT2Model:
    """A small GPT-2 with random weights."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=50, n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return GPT2Model(config).eval()  # type: ignore[no-untyped-call]


def test_gpt2_adds_the_same_rows() -> None:
    """What enters GPT-2's first block is the word's row plus our row of its position."""
    model, ids = gpt2(), torch.tensor([[3, 1, 4, 1, 5]])
    entered: list[torch.Tensor] = []
    model.h[0].register_forward_pre_hook(lambda _, args: entered.append(args[0]))
    with torch.no_grad():
        model(ids)
        words = model.wte(ids).numpy()
    ours = words + learned_positions(model.wpe.weight.detach().numpy(), 5)
    assert np.array_equal(ours, entered[0].numpy())


def test_gpt2_does_not_notice_padding_that_is_not_counted() -> None:
    """A padded text gives what it gives alone, unless its padding is counted."""
    model = gpt2()
    keep = np.array([[False, False, True, True, True]])
    padded, mask = torch.tensor([[0, 0, 11, 12, 13]]), torch.from_numpy(keep.astype(int))

    def last(**given: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return model(**given).last_hidden_state[:, -1]

    alone = last(input_ids=torch.tensor([[11, 12, 13]]))
    ours = torch.from_numpy(position_ids(keep))
    counted = last(input_ids=padded, attention_mask=mask, position_ids=ours)
    assert (counted - alone).abs().max() <= 1e-5
    in_row = last(input_ids=padded, attention_mask=mask, position_ids=torch.arange(5)[None])
    assert (in_row - alone).abs().max() > 0.1


# Bad input


@pytest.mark.parametrize(
    ("T", "start", "came"),
    [(5, 0, "0..4"), (1, 4, "4..4"), (2, -1, "-1..0"), (-1, 2, "2..0"), (0, 5, "5..4")],
)
def test_positions_outside_the_table_are_refused(T: int, start: int, came: str) -> None:
    """NumPy would cut the slice short or count from the end; the gradient refuses the same."""
    with pytest.raises(ValueError, match=rf"expected positions in 0\.\.3, got {came}"):
        learned_positions(TABLE, T, start)
    if T > 0:
        with pytest.raises(ValueError, match=rf"expected positions in 0\.\.3, got {came}"):
            learned_positions_gradient(np.ones((2, T, 2)), N=4, start=start)

"""Attention maps: those of torch's module, put back in, silenced, weighed and rolled out."""

import copy
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.insight.models import spread
from torch.nn.functional import linear

from glassformer.insight.attention_map import (
    attention_maps,
    handed_over,
    rollout,
    with_maps,
    without_head,
)
from glassformer.nn.decoder import Decoder
from glassformer.nn.encoder import Encoder

V, D, H, K, T = 11, 12, 3, 4, 6
# Some sums of float64 numbers, in another order, through two layers.
ROUNDING = 1e-11


def model(kind: str = "encoder") -> Any:
    """A model of two layers."""
    if kind == "encoder":
        return spread(Encoder(V, width=D, heads=H), 0.5)
    return spread(Decoder(V, width=D, heads=H, positions=cast(Any, kind)), 0.5)


KINDS = ["encoder", "learned", "rope", "alibi", "relative"]


def some_ids(*shape: int) -> torch.Tensor:
    """Ids from 1 to V - 1, the same on each call."""
    return torch.randint(1, V, shape, generator=torch.Generator().manual_seed(0))


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Two texts, the second of four words and then padding, and the mask that goes with them."""
    ids = some_ids(2, T)
    ids[1, 4:] = 0
    return ids, (ids != 0)[:, None, None, :]


# Maps


def test_maps_are_those_of_torchs_module() -> None:
    """With our projections it gives the same weights, head by head, with padding."""
    ours, (ids, look) = model(), padded()
    block = ours.blocks[0]
    parts = [block.attention.query, block.attention.key, block.attention.value]
    theirs = torch.nn.MultiheadAttention(D, H, batch_first=True, dtype=torch.float64)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias for part in parts])
    with torch.no_grad():
        x = block.attention_norm(ours.embed(ids))
        _, expected = theirs(x, x, x, key_padding_mask=ids == 0, average_attn_weights=False)
        maps = attention_maps(ours, ids, look)
    assert (maps[0] - expected).abs().max() <= ROUNDING


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_in_a_batch_has_the_maps_of_the_text_alone(kind: str) -> None:
    """Padding gets nothing, and rows sum to 1."""
    ours, (ids, look) = model(kind), padded()
    with torch.no_grad():
        maps, alone = attention_maps(ours, ids, look), attention_maps(ours, ids[1:, :4])
    assert (maps[:, 1:, :, :4, :4] - alone).abs().max() <= ROUNDING
    assert not maps[:, 1, ..., 4:].any()
    assert (maps.sum(-1) - 1).abs().max() <= ROUNDING


def test_a_row_without_any_true_is_refused() -> None:
    """Its weights would be NaN, and a figure of them empty."""
    look = torch.ones(1, 1, T, T, dtype=torch.bool)
    look[..., 2, :] = False
    with pytest.raises(ValueError, match="expected a mask with True in every row"):
        attention_maps(model(), some_ids(1, T), look)


# Other maps


@pytest.mark.parametrize("kind", KINDS)
def test_with_its_own_maps_a_model_is_itself(kind: str) -> None:
    """Whatever its positions do to the scores, and with padding."""
    ours, (ids, look) = model(kind), padded()
    with torch.no_grad():
        given_back = with_maps(ours, ids, attention_maps(ours, ids, look))
        assert (given_back - ours(ids, look)).abs().max() <= ROUNDING


@given(st.integers(0, 99))
def test_a_map_of_one_place_a_row_is_a_mask_of_one_place_a_row(seed: int) -> None:
    """Each head looks at one place of its own choice; the mask leaves it no other."""
    ours, ids = model(), some_ids(2, T)
    chosen = torch.randint(T, (2, H, T), generator=torch.Generator().manual_seed(seed))
    only = torch.nn.functional.one_hot(chosen, T)
    with torch.no_grad():
        expected = ours(ids, only.bool())
        found = with_maps(ours, ids, only.double().expand(2, -1, -1, -1, -1))
    assert (found - expected).abs().max() <= ROUNDING


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "shape", [(1, 2, H, T, T), (2, 1, H, T, T), (2, 2, 1, T, T), (2, 2, H, T, T - 1), (T, T)]
)
def test_maps_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    """Not even those that torch would stretch."""
    with pytest.raises(ValueError, match=r"expected maps of shape \(2, 2, 3, 6, 6\), got \("):
        with_maps(model(), some_ids(2, T), torch.ones(shape).double())


# Silence


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("head", [0, 1, 2])
def test_a_silent_head_adds_nothing_and_the_others_what_they_did(layer: int, head: int) -> None:
    """What attention adds is the sum of its heads, each computed for itself, less that one."""
    ours, ids = model(), some_ids(2, T)
    before = copy.deepcopy(ours.state_dict())
    silent = without_head(ours, layer, head)
    assert type(silent) is type(ours)
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())
    block = ours.blocks[layer]
    attention = block.attention
    with torch.no_grad():
        seen = block.attention_norm(ours.stream(ids)[layer])
        maps = attention_maps(ours, ids)[layer]
        expected = attention.output.bias
        for other in {0, 1, 2} - {head}:
            part = slice(other * K, (other + 1) * K)
            values = linear(seen, attention.value.weight[part], attention.value.bias[part])
            expected = expected + maps[:, other] @ values @ attention.output.weight[:, part].T
        found = silent.blocks[layer].attention(seen)
        untouched = silent.blocks[1 - layer].attention(seen) - ours.blocks[1 - layer].attention(
            seen
        )
    assert (found - expected).abs().max() <= ROUNDING
    assert not untouched.any()


@pytest.mark.parametrize(("layer", "head"), [(2, 0), (-1, 0), (0, 3), (0, -1)])
def test_there_is_no_such_head(layer: int, head: int) -> None:
    """A negative number is a mistake, not a count from the end."""
    with pytest.raises(ValueError, match="expected a layer below 2 and a head below 3, got"):
        without_head(model(), layer, head)


# Lengths and rollout


@pytest.mark.parametrize("layer", [0, 1])
def test_what_is_handed_over_arrives_where_the_look_is_whole(layer: int) -> None:
    """A head that looks at one place only, the others silent: what it adds is that long."""
    ours, (ids, look) = model(), padded()
    with torch.no_grad():
        lengths = handed_over(ours, ids, look)[layer]
        seen = ours.blocks[layer].attention_norm(ours.stream(ids, look)[layer])
    for head in range(H):
        alone = ours
        for other in {0, 1, 2} - {head}:
            alone = without_head(alone, layer, other)
        attention = alone.blocks[layer].attention
        for place in range(T):
            only = (torch.arange(T) == place).expand(1, 1, T, T)
            with torch.no_grad():
                added = (attention(seen, only) - attention.output.bias).norm(dim=-1)
            assert (added - lengths[:, head, place, None]).abs().max() <= ROUNDING


def test_rollout_by_hand() -> None:
    """Two heads that mean (1/2, 1/2; 1/4, 3/4), over a layer that swaps."""
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    heads = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0]]])
    maps = torch.stack([swap.expand(2, 2, 2), heads])[:, None]
    # Layer 1 leaves halves everywhere, and a mean of halves stays halves.
    assert rollout(maps)[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    # The other way round: (3/4, 1/4; 1/8, 7/8) first, and then half of each row from the other.
    expected = [[(0.75 + 0.125) / 2, (0.25 + 0.875) / 2]] * 2
    assert rollout(maps.flip(0))[0].tolist() == expected
    assert rollout(maps[1:])[0].tolist() == [[0.75, 0.25], [0.125, 0.875]]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(0, 99))
def test_rollout_is_a_product_and_keeps_shares(layers: int, batch: int, T: int, seed: int) -> None:
    """By NumPy's product of matrices; rows sum to 1, and what is never seen has no share."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(layers, batch, 2, T, T, generator=generator, dtype=torch.float64)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    maps = scores.masked_fill(future, -torch.inf).softmax(-1)
    found = rollout(maps)
    for text in range(batch):
        expected = np.eye(T)
        for layer in range(layers):
            expected = (0.5 * maps[layer, text].mean(0).numpy() + 0.5 * np.eye(T)) @ expected
        assert np.abs(found[text].numpy() - expected).max() <= ROUNDING
    assert (found.sum(-1) - 1).abs().max() <= ROUNDING
    assert not found[:, future].any()

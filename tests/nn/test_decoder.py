"""The decoder: against torch's layers, and by what its mask and its positions must do."""

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch.nn import TransformerEncoderLayer

from glassformer.nn.block import TransformerBlock
from glassformer.nn.decoder import Decoder, Positions

SCHEMES = get_args(Positions)
# The same float32 sums in another order, through several layers.
ROUNDING = 1e-5


def small(positions: Positions = "learned", *, layers: int = 2, seed: int = 0) -> Decoder:
    """A decoder for 11 words."""
    model = Decoder(11, width=8, heads=2, layers=layers, length=12, positions=positions, seed=seed)
    if positions == "relative":  # it starts at zero, which would hide it
        generator = torch.Generator().manual_seed(1)
        torch.nn.init.normal_(model.relative.table.weight, generator=generator)
    return model


def some_ids(*shape: int) -> torch.Tensor:
    """Ids below 11, the same on each call."""
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(0))


def test_the_decoder_is_a_stack_of_torch_layers(
    as_torch_layer: Callable[[TransformerBlock], TransformerEncoderLayer],
) -> None:
    """Torch's layers under torch's causal mask, with our weights, give the same scores."""
    model, ids = small(), some_ids(3, 7)
    x = model.embedding.weight[ids] + model.position.weight[:7]
    later = torch.nn.Transformer.generate_square_subsequent_mask(7)
    for block in model.blocks:
        assert isinstance(block, TransformerBlock)
        x = as_torch_layer(block)(x, src_mask=later)
    expected = model.unembedding(model.norm(x))
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("positions", SCHEMES)
def test_nobody_sees_the_future(positions: Positions) -> None:
    """Another word at position t changes the scores there and later, never before."""
    model, ids = small(positions), some_ids(1, 8)
    for t in range(8):
        changed = ids.clone()
        changed[0, t] = (ids[0, t] + 1) % 11
        notices = (model(changed) - model(ids)).abs().amax(dim=(0, 2)) > ROUNDING
        assert notices.tolist() == [place >= t for place in range(8)]


@pytest.mark.parametrize("positions", SCHEMES)
def test_a_beginning_does_not_depend_on_what_follows(positions: Positions) -> None:
    """A text's first scores are those of the short text: no scheme looks at the length."""
    model, ids = small(positions), some_ids(2, 12)
    assert (model(ids)[:, :5] - model(ids[:, :5])).abs().max() < ROUNDING


@pytest.mark.parametrize("positions", SCHEMES)
def test_one_layer_sees_order_only_through_its_positions(positions: Positions) -> None:
    """To the last word the words before are a bag, unless a scheme says where each stands."""
    model, ids = small(positions, layers=1), some_ids(1, 8)
    shuffled = ids[:, [3, 0, 6, 1, 5, 2, 4, 7]]
    moved = (model(ids)[:, -1] - model(shuffled)[:, -1]).abs().max()
    assert moved < ROUNDING if positions == "none" else moved > 100 * ROUNDING


@pytest.mark.parametrize("positions", ["rope", "alibi", "relative"])
def test_relative_schemes_know_the_distance_only(positions: Positions) -> None:
    """In one layer, equal words after each other give equal scores, wherever they stand."""
    model = small(positions, layers=1)
    scores = model(torch.full((1, 12), 4))
    assert (scores - scores[:, :1]).abs().max() < ROUNDING
    absolute = small("sinusoidal", layers=1)(torch.full((1, 12), 4))
    assert (absolute - absolute[:, :1]).abs().max() > 100 * ROUNDING


def test_only_a_table_has_an_end() -> None:
    """Twelve rows read twelve words; computed positions read on."""
    for positions in SCHEMES:
        if positions == "learned":
            with pytest.raises(ValueError, match=r"at most 12 tokens, got shape \(1, 13\)"):
                small(positions)(some_ids(1, 13))
        else:
            assert small(positions)(some_ids(1, 40)).shape == (1, 40, 11)


@pytest.mark.parametrize("positions", SCHEMES)
def test_every_weight_learns(positions: Positions) -> None:
    """The loss has a gradient at every parameter, so none is left out of the computation."""
    model = small(positions)
    model(some_ids(4, 12)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        constant = name.endswith("key.bias") and positions != "rope"  # softmax ignores it
        if not constant:
            assert parameter.grad.abs().max() > 0, name


def test_a_seed_gives_every_scheme_the_same_other_weights() -> None:
    """Schemes are compared from the same start, and torch's generator stays as it was."""
    before = torch.get_rng_state()
    shared = [dict(small(positions).named_parameters()) for positions in SCHEMES]
    assert torch.equal(torch.get_rng_state(), before)
    for name in set.intersection(*(set(weights) for weights in shared)):
        assert all(torch.equal(weights[name], shared[0][name]) for weights in shared)
    assert not torch.equal(small(seed=1).embedding.weight, small(seed=0).embedding.weight)


def test_it_computes_in_double_precision_too() -> None:
    """Every scheme follows the dtype of the weights."""
    for positions in SCHEMES:
        assert small(positions).double()(some_ids(1, 6)).dtype == torch.float64


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.zeros(4, dtype=torch.long), r"expected ids \(B, T\), got shape \(4,\)"),
        (torch.zeros(0, 4, dtype=torch.long), r"expected ids \(B, T\), got shape \(0, 4\)"),
        (torch.tensor([[3, 11]]), r"expected ids in 0\.\.10, got 3\.\.11"),
        (torch.zeros(1, 4), "expected whole numbers as ids, got torch.float32"),
    ],
)
def test_bad_ids_are_refused(ids: torch.Tensor, message: str) -> None:
    """Wrong shape, range or kind of number: an error that says what came."""
    with pytest.raises(ValueError, match=message):
        small("none")(ids)


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_unknown_scheme_is_refused() -> None:
    """The error names those that exist."""
    with pytest.raises(ValueError, match=r"expected positions in \('learned', .* got 'xpos'"):
        small("xpos")  # type: ignore[arg-type]

"""The whole encoder: against torch's, and by what must not change its answers."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import TransformerEncoderLayer

from glassformer.nn.block import TransformerBlock
from glassformer.nn.encoder import Encoder

# The same float32 sums in another order, through several layers.
ROUNDING = 1e-5


def some_ids(*shape: int) -> torch.Tensor:
    """Ids below 11, the same on each call."""
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(0))


def small(*, positions: bool = True, seed: int = 0) -> Encoder:
    """An encoder for 11 words."""
    return Encoder(11, width=8, heads=2, layers=2, length=6, positions=positions, seed=seed)


def test_the_encoder_is_a_stack_of_torch_layers(
    as_torch_layer: Callable[[TransformerBlock], TransformerEncoderLayer],
) -> None:
    """Embedding plus position, torch's layers with our weights, norm, unembedding: the same."""
    model, ids = small(), some_ids(3, 5)
    assert model.position is not None
    x = model.embedding.weight[ids] + model.position.weight[:5]
    for block in model.blocks:
        assert isinstance(block, TransformerBlock)
        x = as_torch_layer(block)(x)
    expected = model.unembedding(model.norm(x))
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=ROUNDING)


def test_without_positions_order_changes_nothing_but_the_order() -> None:
    """Shuffled words give the shuffled scores; with positions they do not."""
    ids, shuffled = some_ids(2, 6), torch.tensor([3, 1, 5, 0, 2, 4])
    free, placed = small(positions=False), small()
    moved = free(ids[:, shuffled]) - free(ids)[:, shuffled]
    assert moved.abs().max() < ROUNDING
    assert (placed(ids[:, shuffled]) - placed(ids)[:, shuffled]).abs().max() > 0.01


def test_a_sentence_does_not_depend_on_its_padding() -> None:
    """Masked filling changes no score of the words before it; unmasked filling does."""
    model, ids = small(), some_ids(2, 4)
    padded = torch.cat([ids, torch.zeros(2, 2, dtype=torch.long)], dim=1)
    look = (torch.arange(6) < 4)[None, None, None, :]
    assert (model(padded, look)[:, :4] - model(ids)).abs().max() < ROUNDING
    assert (model(padded)[:, :4] - model(ids)).abs().max() > 0.01


def test_scores_are_those_that_the_model_uses() -> None:
    """If every word may look at itself only, every map is the identity, and other scores -inf."""
    model, ids = small(), some_ids(2, 4)
    itself = torch.eye(4, dtype=torch.bool)[None, None]
    scores = model.attention_scores(ids, itself)
    assert scores.shape == (2, 2, 2, 4, 4)
    assert torch.equal(scores.isfinite(), itself.expand(scores.shape))
    assert torch.equal(scores.softmax(-1), itself.float().expand(scores.shape))


def test_the_seed_decides_the_weights_and_nothing_else() -> None:
    """The same seed gives the same model, and torch's global generator stays as it was."""
    before = torch.get_rng_state()
    models = [small(seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    first, same, other = (model(some_ids(1, 4)) for model in models)
    assert torch.equal(first, same)
    assert (first - other).abs().max() > 0.01


def test_every_weight_learns() -> None:
    """The loss has a gradient at every parameter, so none is left out of the computation."""
    model = small()
    model(some_ids(4, 6)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith("key.bias"):  # shifts all scores of a row alike: softmax ignores it
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("sizes", [(0, 1, 1), (9, 0, 1), (9, -1, 1), (9, 1, 0)])
def test_an_encoder_of_nothing_is_refused(sizes: tuple[int, int, int]) -> None:
    """No words, no layers or no room: an error, not a model that returns its input."""
    words, layers, length = sizes
    with pytest.raises(ValueError, match="expected a vocabulary, layers and a length of at least"):
        Encoder(words, layers=layers, length=length)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.zeros(1, 7, dtype=torch.long), r"at most 6 tokens, got shape \(1, 7\)"),
        (torch.zeros(4, dtype=torch.long), r"expected ids \(B, T\) .* got shape \(4,\)"),
        (torch.zeros(0, 4, dtype=torch.long), r"expected ids .* got shape \(0, 4\)"),
        (torch.tensor([[3, 11]]), r"expected ids in 0\.\.10, got 3\.\.11"),
        (torch.tensor([[-1, 3]]), r"expected ids in 0\.\.10, got -1\.\.3"),
        (torch.zeros(1, 4), "expected whole numbers as ids, got torch.float32"),
    ],
)
def test_bad_ids_are_refused(ids: torch.Tensor, message: str) -> None:
    """Wrong shape, length, range or kind of number: an error that says what came."""
    with pytest.raises(ValueError, match=message):
        small()(ids)

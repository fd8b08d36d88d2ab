"""The recurrent encoder-decoder: against torch's cells, step by step, and a step by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.nn.recurrent import RecurrentEncoderDecoder
from glassformer.training.loop import fit

# The same float64 sums in another order, through a dozen steps.
ROUNDING = 1e-12


def some_ids(*shape: int, seed: int = 0) -> torch.Tensor:
    """Ids below 5, the same on each call."""
    return torch.randint(5, shape, generator=torch.Generator().manual_seed(seed))


def small(*, looks_back: bool = True, seed: int = 0) -> RecurrentEncoderDecoder:
    """A model for 5 words, in float64."""
    return RecurrentEncoderDecoder(5, width=6, looks_back=looks_back, seed=seed).double()


def step(gru: torch.nn.GRU, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """One step of a GRU, written from its equations."""
    w, u, b, c = (
        getattr(gru, name).chunk(3)
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    reset = torch.sigmoid(x @ w[0].T + b[0] + h @ u[0].T + c[0])
    keep = torch.sigmoid(x @ w[1].T + b[1] + h @ u[1].T + c[1])
    new = torch.tanh(x @ w[2].T + b[2] + reset * (h @ u[2].T + c[2]))
    return keep * h + (1 - keep) * new


@pytest.mark.parametrize("looks_back", [True, False])
def test_scores_are_those_of_single_steps(*, looks_back: bool) -> None:
    """Read, write and look back one step after another, from the equations: the same scores."""
    model, source, target = small(looks_back=looks_back), some_ids(3, 4), some_ids(3, 5, seed=1)
    h, seen = torch.zeros(3, 6, dtype=torch.float64), []
    for t in range(4):
        h = step(model.reader, model.embedding.weight[source[:, t]], h)
        seen.append(h)
    expected, maps = [], []
    for t in range(5):
        before = target[:, t - 1] if t else torch.full((3,), 5)
        h = step(model.writer, model.embedding.weight[before], h)
        match = torch.stack([(h * (s @ model.key.weight.T)).sum(-1).exp() for s in seen], dim=-1)
        if not looks_back:
            match[:, :-1] = 0
        weights = match / match.sum(-1, keepdim=True)
        context = sum(weights[:, [i]] * s for i, s in enumerate(seen))
        assert isinstance(context, torch.Tensor)
        mixed = torch.tanh(torch.cat([context, h], -1) @ model.mix.weight.T + model.mix.bias)
        expected.append(mixed @ model.unembedding.weight.T + model.unembedding.bias)
        maps.append(weights)
    scores, attention = model(source, target), model.attention(source, target)
    torch.testing.assert_close(scores, torch.stack(expected, dim=1), rtol=0, atol=ROUNDING)
    torch.testing.assert_close(attention, torch.stack(maps, dim=1), rtol=0, atol=ROUNDING)


def test_a_step_by_hand() -> None:
    """Reset a half, keep three quarters: 0.75 x 0.5 + 0.25 x tanh(1 + 0.5) = 0.6013."""
    gru = torch.nn.GRU(1, 1, bias=True).double()
    w, u = torch.tensor([[0.0], [0.0], [1.0]]).double(), torch.tensor([0.0, 0.0, 2.0])
    w[1] = math.log(3)  # in float64
    none = torch.zeros(3)
    gru.load_state_dict(
        {"weight_ih_l0": w, "weight_hh_l0": u[:, None], "bias_ih_l0": none, "bias_hh_l0": none}
    )
    x, h = torch.ones(1, 1, dtype=torch.float64), torch.full((1, 1), 0.5, dtype=torch.float64)
    by_hand = 0.75 * 0.5 + 0.25 * math.tanh(1 + 0.5 * 2 * 0.5)
    assert by_hand == pytest.approx(0.6013, abs=5e-5)
    assert step(gru, x, h).item() == pytest.approx(by_hand, abs=1e-15)
    assert gru(x, h)[0].item() == pytest.approx(by_hand, abs=1e-15)


@settings(max_examples=20, deadline=None)
@given(S=st.integers(1, 6), T=st.integers(2, 6), cut=st.integers(1, 5), looks_back=st.booleans())
def test_a_place_sees_only_what_stands_before(
    S: int, T: int, cut: int, *, looks_back: bool
) -> None:
    """Other words from a place on leave the scores up to that place as they were."""
    cut = min(cut, T - 1)
    model, source, target = small(looks_back=looks_back), some_ids(2, S), some_ids(2, T, seed=1)
    other = target.clone()
    other[:, cut:] = (other[:, cut:] + 1) % 5
    change = (model(source, target) - model(source, other)).abs().amax(dim=(0, 2))
    assert change[: cut + 1].max() == 0
    assert cut + 1 == T or change[cut + 1 :].min() > 0


def test_without_looking_back_only_the_last_state_counts() -> None:
    """The control has the same parameters, and all of its weight is on the last state."""
    model, control = small(), small(looks_back=False)
    for ours, theirs in zip(model.parameters(), control.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    source, target = some_ids(2, 4), some_ids(2, 3, seed=1)
    assert model.attention(source, target).shape == (2, 3, 4)
    assert torch.equal(control.attention(source, target)[..., -1], torch.ones(2, 3).double())
    assert (model(source, target) - control(source, target)).abs().max() > 1e-3


@pytest.mark.parametrize("looks_back", [True, False])
def test_writing_agrees_with_scoring(*, looks_back: bool) -> None:
    """Each word that is written is the one of the highest score, given those before it."""
    model, source = small(looks_back=looks_back), some_ids(4, 3)
    written = model.write(source, 6)
    assert written.shape == (4, 6)
    assert torch.equal(model(source, written).argmax(-1), written)
    assert not written.is_floating_point()


def test_every_weight_learns_and_copies_are_learned() -> None:
    """Each parameter has a gradient, and a little training teaches to copy two words."""
    model = small()
    source = torch.cartesian_prod(torch.arange(5), torch.arange(5))

    def loss(m: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(m(ids, ids).mT, ids)

    torch.autograd.backward(loss(model, source))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    losses = fit(model, loss, [source] * 100, 0.03)
    assert losses[0] > 1.4  # about ln 5: it knows nothing
    assert torch.equal(model.write(source, 2), source)


def test_the_seed_decides_the_weights_and_nothing_else() -> None:
    """The same seed gives the same model, and torch's global generator stays as it was."""
    before = torch.get_rng_state()
    ids = some_ids(1, 4)
    first, same, other = (small(seed=seed)(ids, ids) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, same)
    assert (first - other).abs().max() > 0.01


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.tensor([1, 2]), r"in 0\.\.4 of shape \(B, T\), got torch.int64 of shape \(2,\)"),
        (torch.zeros(1, 0, dtype=torch.long), r"got torch.int64 of shape \(1, 0\)"),
        (torch.tensor([[-1, 5]]), r"got torch.int64 of shape \(1, 2\), outside: \[-1, 5\]"),
        (torch.tensor([[1.0]]), r"expected whole numbers .* got torch.float32"),
    ],
)
def test_bad_ids_are_refused(bad: torch.Tensor, message: str) -> None:
    """The wrong shape or kind, no words, or ids outside: an error says what came."""
    good = torch.tensor([[1]])
    for source, target in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match=message):
            small()(source, target)

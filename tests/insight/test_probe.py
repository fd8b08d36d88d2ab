"""Probes: planted directions, Bayes' rule, least squares, chance on random labels, erasure."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassformer.insight.probe import (
    Probe,
    accuracy,
    control_labels,
    fit_probe,
    mean_directions,
    move,
    resume,
)
from glassformer.nn.encoder import Encoder

# A few sums of float64 numbers near 1, and the solution of a well-conditioned system.
ROUNDING = 1e-9


def cloud(N: int = 300, D: int = 7, classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Random vectors far from the origin, on unequal scales, and random labels."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.linspace(0.5, 3, D, dtype=torch.float64)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64) * scales + 5
    labels = torch.randint(classes, (N,), generator=generator)
    labels[:classes] = torch.arange(classes)  # none is missing
    return x, labels


# The probe


def test_a_probe_by_hand() -> None:
    """Means of -2 and 2, a spread of 1 within: weights of -2 and 2, and of half with a ridge."""
    x = torch.tensor([[-3.0], [-1.0], [1.0], [3.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1])
    for ridge, weight in ((1e-12, 2.0), (0.2, 1.0)):  # all vectors have a variance of 5
        probe = fit_probe(x, labels, ridge)
        assert probe.weight.flatten().tolist() == pytest.approx([-weight, weight])
        assert probe.bias.tolist() == pytest.approx([math.log(0.5) - weight] * 2)
    shifted = fit_probe(x[[0, 1, 2, 3, 2, 3]] + 7, labels[[0, 1, 2, 3, 2, 3]], 1e-12)
    scores = shifted(torch.tensor([7.0], dtype=torch.float64))
    assert (scores[1] - scores[0]).item() == pytest.approx(math.log(2))  # twice as frequent


@pytest.mark.parametrize("ridge", [1e-3, 0.5])
def test_a_probe_is_bayes_rule_for_bell_curves(ridge: float) -> None:
    """torch.distributions: three normal densities with one covariance, and how frequent each is."""
    x, labels = cloud()
    x[:, 1] += 2.0 * labels
    groups = [x[labels == label] for label in range(3)]
    within = torch.cat([group - group.mean(0) for group in groups])
    covariance = within.T @ within / len(x)
    covariance = covariance + ridge * x.var(0, correction=0).mean() * torch.eye(7)
    normal: Any = torch.distributions.MultivariateNormal  # its methods have no types
    densities = [normal(group.mean(0), covariance).log_prob(x) for group in groups]
    frequencies = torch.bincount(labels) / len(labels)
    expected = (torch.stack(densities, 1) + frequencies.log()).softmax(-1)
    assert (fit_probe(x, labels, ridge)(x).softmax(-1) - expected).abs().max() <= 1e-6


def test_with_two_classes_it_points_where_least_squares_points() -> None:
    """torch.linalg.lstsq on targets of 0 and 1 finds the same direction, by QR."""
    x, labels = cloud(classes=2)
    x[:, 2] += 1.0 * labels
    rows = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    expected = torch.linalg.lstsq(rows, labels[:, None].double()).solution[:-1, 0]
    probe = fit_probe(x, labels, 1e-12)
    found = probe.weight[:, 1] - probe.weight[:, 0]
    cosine = torch.nn.functional.cosine_similarity(found, expected, dim=0)
    assert 1 - cosine <= ROUNDING


@given(st.integers(2, 12), st.integers(0, 50))
def test_a_planted_direction_is_found(D: int, seed: int) -> None:
    """Of vectors that are noise but for one direction, which decides, new ones are told apart."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(400, D, generator=generator, dtype=torch.float64)
    planted = torch.nn.functional.normalize(
        torch.randn(D, generator=generator, dtype=torch.float64), dim=0
    )
    labels = (x @ planted > 0).long()
    x = x + 4 * (labels[:, None] * 2 - 1) * planted
    probe = fit_probe(x[:200], labels[:200])
    assert accuracy(probe, x[200:], labels[200:]) == 1.0
    found = torch.nn.functional.normalize(probe.weight[:, 1] - probe.weight[:, 0], dim=0)
    assert found @ planted > 0.95


def test_random_labels_are_read_at_chance() -> None:
    """What is not there is not read: within four standard deviations of a third."""
    x, labels = cloud(6000)
    probe = fit_probe(x[:3000], labels[:3000])
    assert abs(accuracy(probe, x[3000:], labels[3000:]) - 1 / 3) < 4 * (2 / 9 / 3000) ** 0.5


def test_accuracy_is_a_share() -> None:
    """Three of four right, by hand."""
    probe = Probe(torch.eye(2), torch.tensor([0.0, 0.5]))
    x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.4, 0.0], [3.0, 0.0]])
    assert probe(x).argmax(-1).tolist() == [0, 1, 1, 0]
    assert accuracy(probe, x, torch.tensor([0, 1, 1, 1])) == 0.75


@given(st.integers(0, 50), st.floats(0.01, 100), st.floats(-50, 50))
def test_scale_and_place_of_the_vectors_do_not_count(
    seed: int, factor: float, shift: float
) -> None:
    """A layer whose vectors are ten times as long is probed as if they were not."""
    x, labels = cloud(seed=seed)
    scores = fit_probe(x, labels)(x)
    moved = x * factor + shift
    # Twice as far from the origin costs a digit in the mean, and another in its square.
    assert (fit_probe(moved, labels)(moved) - scores).abs().max() <= 1e-7


def test_the_ridge_shrinks_the_weights() -> None:
    """With an endless ridge only the frequencies are left."""
    x, labels = cloud()
    sizes = [fit_probe(x, labels, ridge).weight.norm() for ridge in (1e-6, 1e-2, 1.0, 1e9)]
    assert sizes == sorted(sizes, reverse=True)
    frequencies = torch.bincount(labels) / len(labels)
    assert (fit_probe(x, labels, 1e12).bias.exp() - frequencies).abs().max() <= 1e-6


def test_vectors_that_are_all_the_same_give_the_frequencies() -> None:
    """Also one vector alone, where a spread of nothing would be divided by; no class 0, no 0."""
    probe = fit_probe(torch.full((4, 3), 7.0), torch.tensor([0, 1, 1, 1]))
    scores = probe(torch.full((3,), 7.0)).softmax(-1)
    assert scores.tolist() == pytest.approx([0.25, 0.75])
    assert fit_probe(torch.ones(1, 2), torch.tensor([1]))(torch.ones(2)).tolist() == [-torch.inf, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_dtype_is_kept_and_vectors_unchanged(dtype: torch.dtype) -> None:
    """Sums are made in float64, whatever comes in; nothing that was given changes."""
    x, labels = cloud()
    x = x.to(dtype)
    before = x.clone()
    probe = fit_probe(x, labels)
    assert probe.weight.dtype == probe.bias.dtype == probe(x).dtype == dtype
    assert mean_directions(x, labels).dtype == dtype
    move(x, mean_directions(x, labels), x.mean(0))
    assert torch.equal(x, before)
    exact = fit_probe(x.double(), labels)
    bound = 4 * torch.finfo(dtype).eps * max(1.0, exact.weight.abs().max().item())
    assert (probe.weight.double() - exact.weight).abs().max() <= bound


# The control task


def test_a_word_has_one_label_wherever_it_stands() -> None:
    """Control labels are a function of the word alone, and other words may have others."""
    words = torch.tensor([5, 9, 5, 2, 9, 5])
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    seen = set()
    for seed in range(20):
        control = control_labels(words, labels, np.random.default_rng(seed))
        assert control[0] == control[2] == control[5]
        assert control[1] == control[4]
        seen.add(tuple(control[[0, 1, 3]].tolist()))
    assert len(seen) > 15


def test_control_labels_are_as_frequent_as_the_true_ones() -> None:
    """Of 4000 words a quarter gets the label that a quarter of the places have."""
    words = torch.arange(4000)
    labels = (words % 4 == 0).long()
    control = control_labels(words, labels, np.random.default_rng(0))
    assert abs(control.double().mean() - 0.25) < 4 * (0.25 * 0.75 / 4000) ** 0.5
    assert not torch.equal(control, labels)


# Interventions


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_after_erasure_no_linear_probe_does_better_than_the_frequencies(classes: int) -> None:
    """Without the differences of the class means, all classes are equally near."""
    x, labels = cloud(classes=classes)
    x[:, 0] += 6.0 * labels
    x[:, 3] -= 4.0 * (labels == 1)
    directions = mean_directions(x, labels)
    assert directions.shape == (7, classes - 1)
    erased = move(x, directions, x.mean(0))
    assert fit_probe(x, labels).weight.abs().max() > 0.05
    assert fit_probe(erased, labels).weight.abs().max() <= ROUNDING
    means = torch.stack([erased[labels == label].mean(0) for label in range(classes)])
    assert (means - means[0]).abs().max() <= ROUNDING


def test_directions_are_orthonormal_and_skip_classes_that_do_not_come() -> None:
    """Labels 0 and 4 are two classes: one direction, that of the difference of their means."""
    x, labels = cloud(classes=2)
    directions = mean_directions(x, 4 * labels)
    assert directions.shape == (7, 1)
    difference = x[labels == 1].mean(0) - x[labels == 0].mean(0)
    assert abs(directions[:, 0] @ difference) == pytest.approx(difference.norm().item())
    x, labels = cloud(classes=4)
    directions = mean_directions(x, labels)
    assert (directions.T @ directions - torch.eye(3)).abs().max() <= ROUNDING


def test_one_class_has_no_direction() -> None:
    """There is no difference to take away: nothing moves."""
    x, _ = cloud()
    directions = mean_directions(x, torch.zeros(len(x), dtype=torch.long))
    assert directions.shape == (7, 0)
    assert torch.equal(move(x, directions, x.mean(0)), x)


@pytest.mark.parametrize(("factor", "first"), [(0.0, 3.0), (1.0, 5.0), (-1.0, 1.0), (2.0, 7.0)])
def test_a_move_by_hand(factor: float, first: float) -> None:
    """Seen from (3, 3), the vector (5, 9) has 2 along the first axis; the second stays."""
    moved = move(torch.tensor([[5.0, 9.0]]), torch.eye(2)[:, :1], torch.full((2,), 3.0), factor)
    assert moved.tolist() == [[first, 9.0]]


def test_turning_over_twice_changes_nothing() -> None:
    """A reflection is its own inverse."""
    x, labels = cloud(classes=3)
    directions, middle = mean_directions(x, labels), x.mean(0)
    twice = move(move(x, directions, middle, -1.0), directions, middle, -1.0)
    assert (twice - x).abs().max() <= ROUNDING


@pytest.mark.parametrize("positions", [True, False])
def test_reading_on_from_any_stage_gives_what_the_model_gives(*, positions: bool) -> None:
    """The stream's entries, unchanged, lead to the logits of the whole model."""
    model = Encoder(9, width=8, heads=2, layers=3, positions=positions).double()
    ids = torch.randint(9, (2, 5), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])[:, None, None]
    with torch.no_grad():
        stream = model.stream(ids, mask)
        for stage in range(4):
            read = resume(model, stream[stage], stage, mask)
            assert (read - model(ids, mask)).abs().max() <= ROUNDING
        assert (resume(model, stream[1], 2, mask) - model(ids, mask)).abs().max() > 0.01


# Errors

X, LABELS = torch.ones(3, 2), torch.tensor([0, 1, 0])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (X, LABELS[:2], r"labels \(N,\), N at least 1, got \(3, 2\) and \(2,\)"),
        (X, LABELS[:, None], r"got \(3, 2\) and \(3, 1\)"),
        (X[0], LABELS[:2], r"got \(2,\) and \(2,\)"),
        (X[:0], LABELS[:0], r"got \(0, 2\) and \(0,\)"),
        (X[:, :0], LABELS, r"got \(3, 0\) and \(3,\)"),
        (X.long(), LABELS, "expected floats and whole labels, got torch.int64 and torch.int64"),
        (X, LABELS.double(), "got torch.float32 and torch.float64"),
        (X, LABELS == 1, "got torch.float32 and torch.bool"),
        (X * torch.nan, LABELS, "expected finite vectors, got NaN or infinity"),
        (X * torch.inf, LABELS, "expected finite vectors, got NaN or infinity"),
        (X, LABELS - 1, "expected labels from 0, got -1"),
    ],
)
def test_what_cannot_be_probed_is_refused(
    x: torch.Tensor, labels: torch.Tensor, message: str
) -> None:
    """By all that take vectors and labels: -100 is not silently a class, NaN not a result."""
    probe = Probe(torch.ones(2, 2), torch.zeros(2))
    for refuse in (
        lambda: fit_probe(x, labels),
        lambda: accuracy(probe, x, labels),
        lambda: mean_directions(x, labels),
    ):
        with pytest.raises(ValueError, match=message):
            refuse()


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ridge_that_is_not_positive_is_refused(ridge: float) -> None:
    """Without one the system may have no single solution."""
    with pytest.raises(ValueError, match=f"expected a positive ridge, got {ridge}"):
        fit_probe(X, LABELS, ridge)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("words", "labels"),
    [(LABELS, LABELS[:2]), (LABELS[:0], LABELS[:0]), (LABELS[None], LABELS[None])],
)
def test_words_and_labels_that_do_not_fit_are_refused(
    words: torch.Tensor, labels: torch.Tensor
) -> None:
    """A control task needs a word for each label."""
    with pytest.raises(ValueError, match="expected as many words as labels, at least 1, got "):
        control_labels(words, labels, np.random.default_rng(0))


@pytest.mark.parametrize("stage", [-1, 3])
def test_a_stage_that_is_not_there_is_refused(stage: int) -> None:
    """Two blocks have stages 0, 1 and 2."""
    model = Encoder(9, width=8, heads=2, layers=2)
    with pytest.raises(ValueError, match=f"expected a stage from 0 to 2, got {stage}"):
        resume(model, torch.zeros(1, 3, 8), stage)

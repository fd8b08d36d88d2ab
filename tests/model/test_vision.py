"""The vision Transformer: by hand, by what must not change it, against torch, ViT, the twin."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tests.model.stored import arrays, shaken

from glassformer import nn
from glassformer.model.vision import (
    VisionWeights,
    embed_patches,
    patches,
    vision_transformer,
    vision_weights,
    vit_weights,
)

# The same float32 sums in another order, through a few layers, relative to the largest number.
ROUNDING = 1e-5
EPSILON = 1e-12  # that of published models


def vit(*, labelled: bool = True, **sizes: Any) -> Any:
    """A ViT with random weights."""
    usual = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 29,
        "image_size": 12,
        "patch_size": 4,
        "num_channels": 3,
        "num_labels": 5,
        "layer_norm_eps": EPSILON,
    }
    config = transformers.ViTConfig(**{**usual, **sizes})
    family = transformers.ViTForImageClassification if labelled else transformers.ViTModel
    return shaken(family(config))


def some_images(*shape: int) -> np.ndarray:
    """Random pixels, the same on each call."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


SMALL = vit_weights(arrays(vit()))


def score(images: np.ndarray, weights: VisionWeights = SMALL) -> np.ndarray:
    """The scores of a small ViT."""
    return vision_transformer(images, weights, 4, epsilon=EPSILON)


def assert_close(ours: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to rounding, measured by the largest number."""
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=ROUNDING * np.abs(expected).max(), rtol=0)


# By hand


def test_patches_by_hand() -> None:
    """Two colours, two rows of patches, three columns: reading order, colour before row."""
    grey = np.arange(24.0).reshape(4, 6)
    cut = patches(np.stack([grey, grey + 100]), 2)
    assert cut.shape == (6, 8)
    np.testing.assert_array_equal(cut[0], [0, 1, 6, 7, 100, 101, 106, 107])
    np.testing.assert_array_equal(cut[1], [2, 3, 8, 9, 102, 103, 108, 109])
    np.testing.assert_array_equal(cut[5], [16, 17, 22, 23, 116, 117, 122, 123])


def test_embedding_by_hand() -> None:
    """Two patches of one pixel: matrix, bias, the first vector in front, places added."""
    weights = VisionWeights(
        patch=np.array([[[[2.0, 0.0]]]]),
        patch_bias=np.array([0.0, 1.0]),
        first=np.array([7.0, 8.0]),
        position=np.array([[10.0, 0], [20, 0], [30, 0]]),
        blocks=(),
        gain=np.ones(2),
        bias=np.zeros(2),
    )
    x = embed_patches(np.array([[[3.0, 4.0]]]), weights)
    np.testing.assert_array_equal(x, [[17, 8], [26, 1], [38, 1]])
    # Without labels the last vectors come out, each normalized: [-1, 1] or [1, -1].
    vectors = vision_transformer(np.array([[[3.0, 4.0]]]), weights, 1)
    np.testing.assert_allclose(vectors, [[1, -1]] * 3, atol=1e-4)
    # [17, 8] has variance 20.25: as much again as epsilon makes it smaller by the root of 2.
    smaller = vision_transformer(np.array([[[3.0, 4.0]]]), weights, 1, epsilon=20.25)
    np.testing.assert_allclose(smaller[0], [0.5**0.5, -(0.5**0.5)], atol=1e-12)
    # With labels, the first vector alone is scored.
    labelled = replace(
        weights,
        classifier=np.array([[1.0, 2, 3], [0, 0, 1]]),
        classifier_bias=np.array([0, 0, 9.0]),
    )
    scores = vision_transformer(np.array([[[3.0, 4.0]]]), labelled, 1)
    np.testing.assert_allclose(scores, [1, 2, 11], atol=1e-4)


# Invariants


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_each_patch_holds_its_own_pixels(C: int, rows: int, columns: int, P: int) -> None:
    """An image whose pixels hold the number of their patch gives constant patches, in order."""
    numbers = np.arange(float(rows * columns)).reshape(rows, columns)
    image = np.broadcast_to(np.kron(numbers, np.ones((P, P))), (C, rows * P, columns * P))
    expected = np.repeat(np.arange(rows * columns)[:, None], C * P * P, axis=1)
    np.testing.assert_array_equal(patches(image, P), expected)


def test_without_places_the_order_of_patches_is_not_noticed() -> None:
    """Exchanged halves are the same patches: the same scores, and other ones with places."""
    images = some_images(2, 3, 12, 12)
    other = np.concatenate([images[..., 8:], images[..., :8]], axis=-1)
    blind = replace(SMALL, position=np.zeros_like(SMALL.position))
    assert_close(score(other, blind), score(images, blind))
    assert np.abs(score(other) - score(images)).max() > 0.01


def test_shuffled_images_and_shuffled_weights_are_the_same() -> None:
    """Nothing is built in about which patches, or which pixels, are neighbours."""
    images, rng = some_images(2, 3, 12, 12), np.random.default_rng(1)
    order, inner = rng.permutation(9), rng.permutation(16)
    mixed = patches(images, 4)[:, order].reshape(2, 9, 3, 16)[..., inner]
    squares = mixed.reshape(2, 3, 3, 3, 4, 4)  # (B, row, column, C, y, x)
    shuffled = squares.transpose(0, 3, 1, 4, 2, 5).reshape(2, 3, 12, 12)
    moved = replace(
        SMALL,
        patch=SMALL.patch.reshape(3, 16, -1)[:, inner].reshape(SMALL.patch.shape),
        position=SMALL.position[np.r_[0, 1 + order]],
    )
    assert_close(score(shuffled, moved), score(images))


def test_images_of_a_batch_do_not_meet() -> None:
    """Each image alone has the scores that it has in a batch, with any axes in front or none."""
    images = some_images(2, 3, 3, 12, 12)
    together = score(images)
    assert together.shape == (2, 3, 5)
    for place in np.ndindex(2, 3):
        assert_close(score(images[place]), together[place])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_stays(dtype: type) -> None:
    """float32 weights give float32 scores: nothing on the way is twice as wide."""
    state: dict[str, np.ndarray] = {n: array.astype(dtype) for n, array in arrays(vit()).items()}
    images = some_images(2, 3, 12, 12)
    scores = vision_transformer(images.astype(dtype), vit_weights(state), 4, epsilon=1e-5)
    assert scores.dtype == dtype
    assert patches(images.astype(dtype), 2).dtype == dtype
    np.testing.assert_allclose(scores, score(images), atol=0.05)


def test_nothing_is_changed() -> None:
    """Neither the images nor any weight; and patches are no view that could be written through."""
    state, images = arrays(vit()), some_images(2, 3, 12, 12)
    before = {name: array.copy() for name, array in state.items()}
    score(images, vit_weights(state))
    np.testing.assert_array_equal(images, some_images(2, 3, 12, 12))
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name])


# Oracles


@pytest.mark.parametrize(("C", "P", "size"), [(1, 1, 3), (3, 4, 12), (2, 5, 15)])
def test_patches_and_a_matrix_are_a_convolution(C: int, P: int, size: int) -> None:
    """Of stride P, with torch's own weights."""
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(C, 7, P, P)
    images = some_images(2, C, size, size)
    with torch.no_grad():
        expected = convolution(torch.from_numpy(images)).flatten(2).transpose(1, 2).numpy()
    kernel, bias = (tensor.detach().numpy() for tensor in convolution.parameters())
    assert_close(patches(images, P) @ kernel.reshape(7, -1).T + bias, expected)


def test_patches_are_those_of_unfold() -> None:
    """The same pixels in the same order as torch cuts them out."""
    images = some_images(2, 3, 8, 12)
    expected = torch.nn.functional.unfold(torch.from_numpy(images), 4, stride=4)
    np.testing.assert_array_equal(patches(images, 4), expected.transpose(1, 2).numpy())


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"num_attention_heads": 1, "num_hidden_layers": 1},
        {"hidden_size": 15, "num_attention_heads": 5, "num_channels": 1},
        {"image_size": 15, "patch_size": 5, "num_channels": 2},
        {"patch_size": 12},
    ],
)
def test_scores_are_those_of_vit(sizes: dict[str, Any]) -> None:
    """The published names and each of the parts: all as in `transformers`."""
    model = vit(**sizes)
    side, C = sizes.get("image_size", 12), sizes.get("num_channels", 3)
    images = some_images(2, C, side, side)
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).logits.numpy()
    weights, H = vit_weights(arrays(model)), sizes.get("num_attention_heads", 4)
    assert_close(vision_transformer(images, weights, H, epsilon=EPSILON), expected)


def test_vectors_are_those_of_vit_without_labels() -> None:
    """All vectors after the last norm; the pooler is left out."""
    model, images = vit(labelled=False), some_images(2, 3, 12, 12)
    assert any(name.startswith("pooler.") for name in arrays(model))
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).last_hidden_state.numpy()
    assert_close(score(images, vit_weights(arrays(model))), expected)


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "vectors"])
def test_files_are_read_too(*, labelled: bool, tmp_path: Path) -> None:
    """What `save_pretrained` writes has other names, and is the same model."""
    model, images = vit(labelled=labelled), some_images(2, 3, 12, 12)
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    assert set(state) != set(arrays(model))
    np.testing.assert_array_equal(
        score(images, vit_weights(state)), score(images, vit_weights(arrays(model)))
    )


@pytest.mark.parametrize("labels", [0, 5])
def test_scores_are_those_of_the_twin(labels: int) -> None:
    """Weights cross as a plain dictionary."""
    architecture = nn.Architecture(
        kind="encoder",
        vocabulary_size=0,
        width=24,
        layers=2,
        heads=4,
        activation="gelu",
        image_size=12,
        patch_size=4,
        head="none",
        labels=labels,
    )
    twin, images = shaken(nn.build(architecture)), some_images(2, 3, 12, 12)
    with torch.no_grad():
        expected = twin(torch.from_numpy(images)).numpy()
    assert_close(vision_transformer(images, vision_weights(arrays(twin)), 4), expected)


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("images", "P", "message"),
    [
        (np.zeros((1, 4, 4)), 3, "expected sides that P=3 divides, got"),
        (np.zeros((1, 4, 6)), 4, "expected sides that P=4 divides, got"),
        (np.zeros((1, 4, 4)), 0, "expected sides that P=0 divides, got"),
        (np.zeros((4, 4)), 2, r"expected images \(\*B, C, Y, X\), got \(4, 4\)"),
        (np.zeros((1, 0, 4)), 2, r"expected images \(\*B, C, Y, X\), got"),
        (np.zeros((1, 4, 4), np.uint8), 2, "expected images as a NumPy array of floats, got uint8"),
        ([[[1.0]]], 1, "expected images as a NumPy array of floats, got list"),
        (np.full((1, 4, 4), np.nan), 2, "expected finite numbers in images"),
    ],
)
def test_what_cannot_be_cut_is_refused(images: Any, P: int, message: str) -> None:
    """Sides that leave a rest, missing axes, bytes that nobody has scaled, and NaN."""
    with pytest.raises(ValueError, match=message):
        patches(images, P)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 16, 16), (3, 8, 8)])
def test_images_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    """There is a vector for each of nine places, and a matrix for three colours."""
    with pytest.raises(ValueError, match=r"expected images of C=3 colours and 9 patches of 4 by 4"):
        score(some_images(*shape))


def test_missing_and_unknown_weights_are_named() -> None:
    """A model loaded in part would compute something, and nobody would know what."""
    state = arrays(vit())
    name = "layers.1.mlp.fc2.bias"
    short = {other: array for other, array in state.items() if other != f"vit.{name}"}
    with pytest.raises(ValueError, match=f"expected weights named '{name}', got "):
        vit_weights(short)
    with pytest.raises(ValueError, match=r"only the weights of a vision Transformer, got also"):
        vit_weights({**state, "adapter": np.zeros(3)})
    with pytest.raises(ValueError, match=r"expected weights named 'first'"):
        vision_weights(state)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("name", "cut", "message"),
    [
        ("patch_bias", slice(1), r"expected patch_bias \(24,\), got \(1,\)"),
        ("first", slice(1), r"expected first \(24,\), got \(1,\)"),
        ("position", (slice(None), slice(1)), r"expected position \(10, 24\), got \(10, 1\)"),
        ("classifier_bias", slice(1), r"expected classifier_bias \(5,\), got \(1,\)"),
        ("classifier", (slice(None), slice(1)), r"expected classifier_bias \(1,\), got \(5,\)"),
        ("patch", (..., slice(1), slice(None)), r"expected patch \(3, 4, 4, 24\), got \(3, 4, 1"),
    ],
)
def test_weights_of_another_shape_are_refused(name: str, cut: Any, message: str) -> None:
    """One number would be stretched over all: scores for five labels out of one."""
    weights = replace(SMALL, **{name: getattr(SMALL, name)[cut]})
    with pytest.raises(ValueError, match=message):
        score(some_images(2, 3, 12, 12), weights)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_images_of_another_dtype_are_refused(dtype: type) -> None:
    """The wider of the two would win without a word."""
    with pytest.raises(ValueError, match="expected images of float32, got float"):
        score(some_images(2, 3, 12, 12).astype(dtype))

# --8<-- [start:patches]
"""The vision Transformer: an image is cut into patches, and they are read like words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from glassformer.block.normalization import layer_norm
from glassformer.block.transformer_block import BlockWeights, transformer_block
from glassformer.model.weights import refuse, take, take_blocks, take_pair


def patches(images: Float[np.ndarray, "*B C Y X"], P: int) -> Float[np.ndarray, "*B N CPP"]:
    """Cut images into squares of P by P pixels, row by row, and lay out each as one vector.

    Args:
        images: A number for each colour (or one for grey), row and column.
        P: Side of a patch.

    Returns:
        The patches in reading order; in each, its colours one after the other, row by row.

    Raises:
        ValueError: If the images are no arrays of finite floats, or P does not divide their sides.
    """
    _check(images, P)
    *B, C, Y, X = images.shape
    cut = images.reshape(*B, C, Y // P, P, X // P, P)
    in_order = np.moveaxis(cut, (-4, -2), (-5, -4))  # (*B, rows, columns, C, P, P)
    return in_order.reshape(*B, (Y // P) * (X // P), C * P * P)


# --8<-- [end:patches]
# --8<-- [start:check]
def _check(images: object, P: int) -> None:
    """Refuse what cannot be cut into whole patches, and pixels that are no numbers."""
    if not (isinstance(images, np.ndarray) and images.dtype.kind == "f"):
        came = getattr(images, "dtype", type(images).__name__)
        raise ValueError(f"expected images as a NumPy array of floats, got {came}")
    if images.ndim < 3 or min(images.shape[-3:]) < 1:
        raise ValueError(f"expected images (*B, C, Y, X), got {images.shape}")
    if P < 1 or images.shape[-2] % P or images.shape[-1] % P:
        raise ValueError(f"expected sides that P={P} divides, got {images.shape[-2:]}")
    if not np.isfinite(images).all():
        raise ValueError("expected finite numbers in images, got NaN or infinity")


# --8<-- [end:check]
# --8<-- [start:weights]
@dataclass(frozen=True)
class VisionWeights:
    """All that a vision Transformer has learned.

    Attributes:
        patch: From the pixels of a patch, by colour, row and column, to a vector.
        patch_bias: Added to that vector.
        first: The vector in front of the patches, in which the image is summed up.
        position: A vector for the first place, and one for each patch.
        blocks: The weights of each block, from the bottom.
        gain: Of the norm after the last block.
        bias: Added after that gain.
        classifier: From the first vector to a score for each label, if there are labels.
        classifier_bias: Added to the scores.
    """

    patch: Float[np.ndarray, "C P P D"]
    patch_bias: Float[np.ndarray, " D"]
    first: Float[np.ndarray, " D"]
    position: Float[np.ndarray, "N D"]
    blocks: tuple[BlockWeights, ...]
    gain: Float[np.ndarray, " D"]
    bias: Float[np.ndarray, " D"]
    classifier: Float[np.ndarray, "D labels"] | None = None
    classifier_bias: Float[np.ndarray, " labels"] | None = None


# --8<-- [end:weights]
# --8<-- [start:vision_transformer]
def embed_patches(
    images: Float[np.ndarray, "*B C Y X"], weights: VisionWeights
) -> Float[np.ndarray, "*B N D"]:
    """Return what enters the first block: the learned first vector, then one for each patch.

    Raises:
        ValueError: If the images do not have the size, the colours and the dtype that the weights
            are for, or these do not fit each other.
    """
    C, P, _, D = weights.patch.shape
    cut = patches(images, P)
    _check_weights(weights, images)
    N = len(weights.position) - 1
    if images.shape[-3] != C or cut.shape[-2] != N:
        raise ValueError(
            f"expected images of C={C} colours and {N} patches of {P} by {P} pixels, "
            f"got shape {images.shape}"
        )
    x = cut @ weights.patch.reshape(-1, D) + weights.patch_bias
    first = np.broadcast_to(weights.first, (*x.shape[:-2], 1, x.shape[-1]))
    return np.concatenate([first, x], axis=-2) + weights.position


def _check_weights(weights: VisionWeights, images: np.ndarray) -> None:
    """Refuse shapes that NumPy would stretch to fit, and a second dtype."""
    C, P, _, D = weights.patch.shape
    shapes = {"patch": (C, P, P, D), "patch_bias": (D,), "first": (D,)}
    shapes |= {"position": (len(weights.position), D)}
    if weights.classifier is not None:
        labels = weights.classifier.shape[-1]
        shapes |= {"classifier": (D, labels), "classifier_bias": (labels,)}
    for name, shape in shapes.items():
        if (came := np.shape(getattr(weights, name))) != shape:
            raise ValueError(f"expected {name} {shape}, got {came}")
    if images.dtype != weights.patch.dtype:
        raise ValueError(f"expected images of {weights.patch.dtype}, got {images.dtype}")


def vision_transformer(
    images: Float[np.ndarray, "*B C Y X"],
    weights: VisionWeights,
    H: int,
    *,
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "..."]:
    """Score each label for each image; without labels, return the last vectors.

    Args:
        images: Of the size and the colours that the weights were made for.
        weights: Of a model with pre-norm blocks and learned positions.
        H: Number of attention heads in each block.
        epsilon: Of all norms: 1e-12 in published models.

    Returns:
        Scores (*B, labels), or vectors (*B, N + 1, D), of which the first is the image's.

    Raises:
        ValueError: If images, weights and H do not fit, or pixels are not finite.

    Source: Dosovitskiy et al. 2021.
    """
    x = embed_patches(images, weights)
    for block in weights.blocks:
        x = transformer_block(x, block, H, epsilon=epsilon)
    x = layer_norm(x, weights.gain, weights.bias, epsilon)
    if weights.classifier is None or weights.classifier_bias is None:
        return x
    return x[..., 0, :] @ weights.classifier + weights.classifier_bias


# --8<-- [end:vision_transformer]
# --8<-- [start:vision_weights]
_OLDER = {
    "encoder.layer.": "layers.",
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}
_VIT = (
    *("attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.o_proj"),
    *("mlp.fc1", "mlp.fc2", "layernorm_before", "layernorm_after"),
)


def vit_weights(state: Mapping[str, np.ndarray]) -> VisionWeights:
    """Take the weights of a ViT, as arrays by their published names, today's or those of files.

    Names may begin with `vit.`; a pooler, which no scores come from, is left out.

    Raises:
        ValueError: If a name is missing, or one is not that of a ViT's weight.
    """
    left: dict[str, np.ndarray] = {}
    for name, array in state.items():
        today = name.removeprefix("vit.")
        for older, newer in _OLDER.items():
            today = today.replace(older, newer)
        if not today.startswith("pooler."):
            left[today] = array
    at = "embeddings."
    first, position = (take(left, f"{at}{n}") for n in ("cls_token", "position_embeddings"))
    return _take(left, first, position, f"{at}patch_embeddings.projection", "layernorm")


def vision_weights(state: Mapping[str, np.ndarray]) -> VisionWeights:
    """Take the weights of our torch twin, as arrays by the names that it gives them.

    Raises:
        ValueError: If a name is missing, or one is not that of a vision Transformer's weight.
    """
    left = dict(state)
    return _take(left, take(left, "first"), take(left, "position"), "patch", "stack.norm")


def _take(
    left: dict[str, np.ndarray], first: np.ndarray, position: np.ndarray, patch: str, norm: str
) -> VisionWeights:
    """Take each weight once, matrices turned to (in, out); refuse what is left."""
    kernel, patch_bias = take(left, f"{patch}.weight"), take(left, f"{patch}.bias")
    twin = take_blocks(left, "stack.blocks.{}.")
    blocks = twin or take_blocks(left, "layers.{}.", _VIT)
    gain, bias = take_pair(left, norm)
    labels = take_pair(left, "classifier") if "classifier.weight" in left else ()
    refuse(left, "a vision Transformer")
    D = len(kernel)  # stored as (D, C, P, P), the weights of a convolution
    matrix, table = np.moveaxis(kernel, 0, -1), position.reshape(-1, D)
    return VisionWeights(matrix, patch_bias, first.reshape(D), table, blocks, gain, bias, *labels)


# --8<-- [end:vision_weights]

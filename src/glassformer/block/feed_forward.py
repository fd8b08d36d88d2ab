# --8<-- [start:feed_forward]
"""The feed-forward layer: two linear layers with a bend between them, for each token alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from glassformer.block.activation import gelu, silu

Activation = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class FeedForwardWeights:
    """The numbers that a feed-forward layer has learned.

    Attributes:
        up: From the model's width to the F units.
        down: From the units back to the model's width.
        up_bias: Added before the bend; nothing if not given.
        down_bias: Added at the end; nothing if not given.
    """

    up: Float[np.ndarray, "D F"]
    down: Float[np.ndarray, "F D"]
    up_bias: Float[np.ndarray, " F"] | None = None
    down_bias: Float[np.ndarray, " D"] | None = None


def feed_forward(
    x: Float[np.ndarray, "*B D"],
    weights: FeedForwardWeights,
    activation: Activation = gelu,
) -> Float[np.ndarray, "*B D"]:
    """Work on each token by itself: compare it with F patterns, and add up what they write.

    Args:
        x: A vector for each token.
        weights: Made for vectors of this width.
        activation: The bend; ReLU in the paper, GELU in GPT-2 and BERT.

    Raises:
        ValueError: If shapes or dtypes do not fit, or `x` holds NaN or infinity.

    Source: Vaswani et al. 2017, section 3.3, with GELU in place of ReLU.
    """
    _check(x, weights)
    units = activation(_plus(x @ weights.up, weights.up_bias))
    return _plus(units @ weights.down, weights.down_bias)


def _plus(x: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Add a bias, if there is one."""
    return x if bias is None else x + bias


# --8<-- [end:feed_forward]
# --8<-- [start:check]
def _check(x: np.ndarray, weights: object) -> None:
    """Refuse what would give a wrong shape, another dtype, or NaN."""
    arrays = {"x": x} | {name: a for name, a in vars(weights).items() if a is not None}
    for name, array in arrays.items():
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            came = getattr(array, "dtype", type(array).__name__)
            raise ValueError(f"expected {name} as a NumPy array of floats, got {came}")
        if array.dtype != x.dtype:
            raise ValueError(f"expected {name} in the dtype of x, {x.dtype}, got {array.dtype}")
    if not np.isfinite(x).all():
        raise ValueError("expected finite numbers in x, got NaN or infinity")
    if min(x.ndim, arrays["down"].ndim) == 0:
        raise ValueError(
            f"expected x (*B, D) and down (F, D), got {x.shape} and {arrays['down'].shape}"
        )
    D, F = x.shape[-1], arrays["down"].shape[0]
    fitting = {"gate": (D, F), "up": (D, F), "down": (F, D), "up_bias": (F,), "down_bias": (D,)}
    for name, array in arrays.items():
        if name != "x" and array.shape != fitting[name]:
            raise ValueError(
                f"expected {name} of shape {fitting[name]} for x {x.shape} and {F} units, "
                f"got {array.shape}"
            )


# --8<-- [end:check]
# --8<-- [start:gated_feed_forward]
@dataclass(frozen=True)
class GatedFeedForwardWeights:
    """The numbers that a gated feed-forward layer has learned; it has no biases.

    Attributes:
        gate: From the model's width to the F units that pass through the bend.
        up: From the model's width to the F units that are multiplied by them.
        down: From the units back to the model's width.
    """

    gate: Float[np.ndarray, "D F"]
    up: Float[np.ndarray, "D F"]
    down: Float[np.ndarray, "F D"]


def gated_feed_forward(
    x: Float[np.ndarray, "*B D"],
    weights: GatedFeedForwardWeights,
    activation: Activation = silu,
) -> Float[np.ndarray, "*B D"]:
    """Let one half of the units decide how much of the other half passes.

    Args:
        x: A vector for each token.
        weights: Made for vectors of this width.
        activation: The bend of the gate: SiLU makes it SwiGLU, GELU makes it GEGLU.

    Raises:
        ValueError: If shapes or dtypes do not fit, or `x` holds NaN or infinity.

    Source: Shazeer 2020.
    """
    _check(x, weights)
    return (activation(x @ weights.gate) * (x @ weights.up)) @ weights.down


# --8<-- [end:gated_feed_forward]

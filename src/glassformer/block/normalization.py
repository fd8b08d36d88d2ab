# --8<-- [start:layer_norm]
"""Layer normalization: give every vector the same mean and size, and let learned numbers adjust."""

import numpy as np
from jaxtyping import Float


def layer_norm(
    x: Float[np.ndarray, "*B D"],
    gain: Float[np.ndarray, " D"],
    bias: Float[np.ndarray, " D"],
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "*B D"]:
    """Shift and scale every vector to mean 0 and variance 1, then apply gain and bias.

    Args:
        x: Vectors, each normalized by itself, over its D features.
        gain: What each normalized feature is multiplied by; ones change nothing.
        bias: What is added to each feature then; zeros change nothing.
        epsilon: Added to the variance, so that a constant vector gives `bias`, not NaN.

    Raises:
        ValueError: If the shapes do not fit, a number is not finite, or `epsilon` is not positive.

    Source: Ba, Kiros and Hinton 2016.
    """
    wide = _check(x, epsilon, gain=gain, bias=bias)
    centred = wide - wide.mean(-1, keepdims=True)
    variance = np.square(centred).mean(-1, keepdims=True)
    normalized = centred / np.sqrt(variance + epsilon)
    return (normalized * gain + bias).astype(x.dtype)


# --8<-- [end:layer_norm]
# --8<-- [start:rms_norm]
def rms_norm(
    x: Float[np.ndarray, "*B D"],
    gain: Float[np.ndarray, " D"],
    epsilon: float = 1e-5,
) -> Float[np.ndarray, "*B D"]:
    """Scale every vector to a mean square of 1, then apply the gain; the mean stays.

    Args:
        x: Vectors, each normalized by itself, over its D features.
        gain: What each normalized feature is multiplied by; ones change nothing.
        epsilon: Added to the mean square, so that a vector of zeros stays one.

    Raises:
        ValueError: If the shapes do not fit, a number is not finite, or `epsilon` is not positive.

    Source: Zhang and Sennrich 2019.
    """
    wide = _check(x, epsilon, gain=gain)
    mean_square = np.square(wide).mean(-1, keepdims=True)
    normalized = wide / np.sqrt(mean_square + epsilon)
    return (normalized * gain).astype(x.dtype)


# --8<-- [end:rms_norm]
# --8<-- [start:check]
def _check(
    x: Float[np.ndarray, "*B D"], epsilon: float, **learned: Float[np.ndarray, " D"]
) -> Float[np.ndarray, "*B D"]:
    """Refuse what has no norm; return `x` in at least float32."""
    for name, array in {"x": x, **learned}.items():
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            came = getattr(array, "dtype", type(array).__name__)
            raise ValueError(f"expected {name} as a NumPy array of floats, got {came}")
        if not np.isfinite(array).all():
            raise ValueError(f"expected finite numbers in {name}, got NaN or infinity")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"expected x (*B, D) with at least one feature, got {x.shape}")
    for name, array in learned.items():
        if array.shape != x.shape[-1:]:
            raise ValueError(f"expected {name} of shape {x.shape[-1:]}, got {array.shape}")
    # float16 ends at 65,504: the square of 256 is already too large.
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    if not np.finfo(wide.dtype).tiny <= epsilon < np.inf:
        raise ValueError(f"expected a positive epsilon, got {epsilon}")
    return wide


# --8<-- [end:check]

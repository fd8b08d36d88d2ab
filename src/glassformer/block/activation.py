# --8<-- [start:relu]
"""Activations: the bend between two linear layers, applied to each number by itself."""

import math

import numpy as np
from jaxtyping import Float


def relu(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Keep what is positive, and put 0 for the rest: the rectified linear unit.

    Args:
        x: Any numbers, of any shape.

    Raises:
        ValueError: If `x` is no array of floats, or holds NaN or infinity.

    Source: Nair and Hinton 2010.
    """
    return np.asarray(np.maximum(_widen(x), 0), x.dtype)


# --8<-- [end:relu]
# --8<-- [start:widen]
def _widen(x: object) -> np.ndarray:
    """Refuse what is not finite floats; compute in float32 at least."""
    dtype = getattr(x, "dtype", type(x).__name__)
    if not (isinstance(dtype, np.dtype) and dtype.kind == "f"):
        raise ValueError(f"expected x as a NumPy array of floats, got {dtype}")
    wide = np.asarray(x, np.promote_types(dtype, np.float32))
    if not np.isfinite(wide).all():
        raise ValueError("expected finite numbers in x, got NaN or infinity")
    return wide


# --8<-- [end:widen]
# --8<-- [start:gelu]
def gelu(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Keep of each number the share that its size deserves: x times the normal CDF of x.

    Args:
        x: Any numbers, of any shape.

    Raises:
        ValueError: If `x` is no array of floats, or holds NaN or infinity.

    Source: Hendrycks and Gimpel 2016.
    """
    wide = _widen(x)
    return np.asarray(wide * normal_cdf(wide), x.dtype)


# --8<-- [end:gelu]
# --8<-- [start:normal_cdf]
_LOWEST, _HIGHEST, _STEPS = -40, 9, 256  # beyond these ends the CDF is 0, or 1, to the last bit
_GRID = np.arange(_LOWEST * _STEPS, _HIGHEST * _STEPS + 1) / _STEPS
_CDF = np.array([math.erfc(-a / math.sqrt(2)) / 2 for a in _GRID])
_DENSITY = np.exp(-_GRID * _GRID / 2) / math.sqrt(2 * math.pi)


def normal_cdf(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Return the probability that a standard normal number is below x.

    From a table with four terms of the Taylor series around its nearest entry: off by at most
    4e-16 in float64, and by half a unit of the last digit, or one, in float32 and float16.

    Args:
        x: Any numbers, of any shape.

    Raises:
        ValueError: If `x` is no array of floats, or holds NaN or infinity.
    """
    wide = _widen(x).clip(_LOWEST, _HIGHEST)
    place = np.rint(wide * _STEPS)
    a = place / _STEPS
    d = wide - a  # at most 1 / 512
    index = place.astype(np.intp) - _LOWEST * _STEPS
    cdf, density = _CDF.astype(wide.dtype)[index], _DENSITY.astype(wide.dtype)[index]
    # d - a d²/2 + (a² - 1) d³/6 - (a³ - 3a) d⁴/24, the common factors taken out
    series = d * (1 - d / 2 * (a - d / 3 * (a * a - 1 - d / 4 * a * (a * a - 3))))
    return np.asarray(cdf + density * series, x.dtype)


# --8<-- [end:normal_cdf]
# --8<-- [start:gelu_tanh]
def gelu_tanh(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Return almost `gelu`, by tanh: what GPT-2 was trained with.

    Args:
        x: Any numbers, of any shape.

    Raises:
        ValueError: If `x` is no array of floats, or holds NaN or infinity.

    Source: Hendrycks and Gimpel 2016.
    """
    wide = _widen(x)
    with np.errstate(over="ignore"):  # tanh of infinity is 1, as it should be
        cube = wide * wide * wide  # `wide**3` gives the same, many times as slowly
        gate = (1 + np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * cube))) / 2
    return np.asarray(wide * gate, x.dtype)


# --8<-- [end:gelu_tanh]
# --8<-- [start:silu]
def silu(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Return x times the sigmoid of x, also known as swish.

    Args:
        x: Any numbers, of any shape.

    Raises:
        ValueError: If `x` is no array of floats, or holds NaN or infinity.

    Source: Hendrycks and Gimpel 2016; named swish by Ramachandran et al. 2017.
    """
    wide = _widen(x)
    with np.errstate(over="ignore"):  # x / infinity is 0, as it should be
        return np.asarray(wide / (1 + np.exp(-wide)), x.dtype)


# --8<-- [end:silu]

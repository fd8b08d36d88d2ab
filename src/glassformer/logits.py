# --8<-- [start:unembed]
"""Logits: a score for each token of the vocabulary, and a hand on the scale."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float


def unembed(
    x: Float[np.ndarray, "*B D"],
    table: Float[np.ndarray, "V D"],
    bias: Float[np.ndarray, " V"] | None = None,
) -> Float[np.ndarray, "*B V"]:
    """Score every token of the vocabulary: the dot product of `x` with the token's vector.

    Args:
        x: Final vectors. To decode, only the last position's are needed.
        table: One row for each token; if tied, the table of the embedding.
        bias: A constant for each token, such as how frequent it is.

    Returns:
        The logits: unnormalised, so that only their differences within a row mean anything.

    Raises:
        ValueError: If the shapes do not fit, or something is not an array of floats.
    """
    _check(x, table, bias)
    logits = x @ table.T
    return logits if bias is None else logits + bias


# --8<-- [end:unembed]
# --8<-- [start:logit_bias]
def logit_bias(
    logits: Float[np.ndarray, "*B V"],
    biases: Mapping[int, float],
) -> Float[np.ndarray, "*B V"]:
    """Favour or forbid tokens: add a number to their logits.

    Args:
        logits: Scores.
        biases: For each token id what to add. A bias of b multiplies the odds of the token
            by e to the b; -inf forbids it.

    Raises:
        ValueError: If an id is not in 0..V-1, or a bias is NaN or +inf.
    """
    _check_floats("logits", logits)
    V = logits.shape[-1] if logits.ndim else 0
    biased = logits.copy()
    for token, bias in biases.items():
        if not (isinstance(token, int | np.integer) and 0 <= token < V):
            raise ValueError(f"expected token ids in 0..{V - 1}, got {token!r}")
        if not bias < np.inf:  # false for NaN too
            raise ValueError(f"expected a finite bias or -inf for token {token}, got {bias}")
        with np.errstate(over="ignore"):  # beyond the format is -inf: forbidden, as was meant
            biased[..., token] += bias
    return biased


# --8<-- [end:logit_bias]
# --8<-- [start:check]
def _check(x: np.ndarray, table: np.ndarray, bias: np.ndarray | None) -> None:
    """Refuse shapes whose product would fail, or broadcast into a wrong one."""
    for name, array in (("x", x), ("table", table), ("bias", bias)):
        if array is not None:
            _check_floats(name, array)
    fits = x.ndim >= 1 and table.ndim == 2 and x.shape[-1] == table.shape[1]
    if not (fits and (bias is None or bias.shape == table.shape[:1])):
        shapes = [array.shape for array in (x, table, bias) if array is not None]
        raise ValueError(
            "expected x (*B, D), table (V, D) and bias (V,), got "
            + ", ".join(str(shape) for shape in shapes)
        )


def _check_floats(name: str, array: object) -> None:
    """Refuse lists, other libraries' tensors, and arrays of other numbers."""
    if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
        came = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"expected {name} as a NumPy array of floats, got {came}")


# --8<-- [end:check]

# --8<-- [start:alibi_slopes]
"""ALiBi: a score loses a little for each step between query and key."""

import numpy as np
from jaxtyping import Float

from glassformer.position.relative import check_size, relative_positions


def alibi_slopes(H: int) -> Float[np.ndarray, " H"]:
    """Return what each head takes off a score for each step of distance.

    From 2^(-8 / H) down to 2^-8, each the same fraction of the one before. If H is no power
    of 2: those of the power below, then as many as needed from half-way between these.

    Raises:
        ValueError: If there is no head.

    Source: Press et al. 2022; for other numbers of heads, their code.
    """
    H = check_size("H", H)
    if H < 1:
        raise ValueError(f"expected at least 1 head, got {H}")
    n = 2 ** (H.bit_length() - 1)  # the largest power of 2 that is not above H
    place = np.concatenate([np.arange(1, n + 1), np.arange(n) + 0.5])[:H]
    return 2.0 ** (-8 * place / n)


# --8<-- [end:alibi_slopes]
# --8<-- [start:alibi_bias]
def alibi_bias(H: int, T: int, S: int | None = None) -> Float[np.ndarray, "H T S"]:
    """Return the bias of each head for each query and key: the slope times minus the distance.

    A key after its query is as far as one before it; a causal mask hides it anyway.

    Args:
        H: Number of heads.
        T: Number of queries: the last T of the S positions.
        S: Number of keys, cached ones included; T if not given.

    Raises:
        ValueError: If there is no head or no query, or there are fewer keys than queries.

    Source: Press et al. 2022, for keys up to the query; the mirror image is ours.
    """
    distance = np.abs(relative_positions(T, S))  # (T, S)
    return alibi_slopes(H)[:, None, None] * -distance


# --8<-- [end:alibi_bias]

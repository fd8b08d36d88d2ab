# --8<-- [start:parameters]
"""How many numbers a model has, and how many operations it takes, without building it."""

from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.published import architecture


def parameters_by_part(config: Any) -> dict[str, int]:
    """Count the learned numbers of a model, part by part.

    Args:
        config: A configuration of `transformers`, whose `architectures` say which head is meant,
            or an `Architecture`.

    Returns:
        Numbers in the tables of tokens and of positions, in attention, in the feed-forward
        layers, in the norms of the body, and in the head: scores, labels and pooler.
    """
    a = _read(config)
    blocks, crossing = a.layers + a.decoder_layers, a.decoder_layers
    stacks = 2 if crossing else 1
    around = a.embedding_norm + (0 if a.post_norm else stacks)
    attention, feed_forward = _attention(a), _feed_forward(a)
    if a.bias:
        attention += a.heads * a.K + 2 * a.G * a.K + a.width
        feed_forward += (2 if a.gated else 1) * a.F + a.width
    return {
        "tokens": _tokens(a),
        "positions": _positions(a, stacks),
        "attention": (blocks + crossing) * attention,
        "feed-forward": blocks * feed_forward,
        "norms": (2 * blocks + crossing + around) * _norm(a),
        "head": _head(a),
    }


def parameter_count(config: Any) -> int:
    """Count the learned numbers of a model: as many as the built model has.

    Args:
        config: As in `parameters_by_part`.
    """
    return sum(parameters_by_part(config).values())


# --8<-- [end:parameters]
# --8<-- [start:parts]
def _read(config: Any) -> Architecture:
    return config if isinstance(config, Architecture) else architecture(config)


def _attention(a: Architecture) -> int:
    """The matrices of queries and output, and of keys and values."""
    return 2 * a.width * a.heads * a.K + 2 * a.width * a.G * a.K


def _feed_forward(a: Architecture) -> int:
    """The matrices up and down, and perhaps a gate."""
    return (3 if a.gated else 2) * a.width * a.F


def _norm(a: Architecture) -> int:
    """A gain, and perhaps a bias."""
    return a.width if a.norm == "rms" else 2 * a.width


def _patch(a: Architecture) -> int:
    """The matrix that turns a patch of an image into a vector."""
    return a.channels * a.patch_size**2 * a.width


def _patches(a: Architecture) -> int:
    """How many patches an image has."""
    return (a.image_size // a.patch_size) ** 2


def _tokens(a: Architecture) -> int:
    """A vector for each token and each segment; or the patches' matrix, bias and first vector."""
    if a.image_size:
        return _patch(a) + 2 * a.width
    return (a.vocabulary_size + a.token_types) * a.width


def _positions(a: Architecture, stacks: int) -> int:
    """A vector for each place, or a number for each group of distances and each head."""
    if a.position == "learned":
        return (1 + _patches(a) if a.image_size else a.length or 0) * a.width
    return stacks * a.buckets * a.heads if a.position == "relative" else 0


def _head(a: Architecture) -> int:
    """What makes scores of the last vectors, unless it is the table of tokens."""
    layer = a.width**2 + a.width
    count = layer + _norm(a) + a.vocabulary_size if a.head == "masked" else 0
    count += a.vocabulary_size * a.width if a.head != "none" and not a.tied else 0
    return count + a.pooler * layer + a.labels * (a.width + 1)


# --8<-- [end:parts]
# --8<-- [start:flops]
def flops(config: Any, T: int, S: int | None = None) -> int:
    """Count the multiplications and additions in the matrix products of one forward pass.

    Scores that a mask forbids count, for they are computed; what is not a matrix product
    (lookups, biases, norms, softmax, activations, turning by angles) does not.

    Args:
        config: As in `parameters_by_part`.
        T: Number of tokens; of those that are written, if the model has two stacks.
        S: Number of tokens that are read, if the model has two stacks; T if not given.

    Raises:
        ValueError: If the model cannot read texts of this length.
    """
    a = _read(config)
    _check(a, T, S)
    H, K, D = a.heads, a.K, a.width
    block = _attention(a) + _feed_forward(a)
    stacks = [(a.layers, T)]
    if a.decoder_layers:
        S = T if S is None else S
        stacks = [(a.layers, S), (a.decoder_layers, T)]
    products = sum(layers * (n * block + 2 * n * n * H * K) for layers, n in stacks)
    if S is not None:  # queries and output from the one text, keys and values from the other
        products += a.decoder_layers * (2 * T * D * H * K + 2 * S * D * a.G * K + 2 * T * S * H * K)
    if a.head != "none":
        products += T * D * a.vocabulary_size + (T * D**2 if a.head == "masked" else 0)
    if a.image_size:
        products += _patches(a) * _patch(a)
    return 2 * (products + a.pooler * D**2 + a.labels * D)


def _check(a: Architecture, T: int, S: int | None) -> None:
    if S is not None and not a.decoder_layers:
        raise ValueError(f"expected a second text only for a model of two stacks, got S = {S}")
    if not all(hasattr(n, "__index__") for n in (T, T if S is None else S)):
        raise ValueError(f"expected a whole number of tokens, got {T if S is None else (T, S)!r}")
    if min(T, T if S is None else S) < 1:
        raise ValueError(f"expected at least 1 token, got {T if S is None else (T, S)}")
    whole = 1 + _patches(a) if a.image_size else T
    if whole != T:
        raise ValueError(f"expected {whole} tokens, one more than patches, got {T}")
    most = a.length if a.position == "learned" and not a.image_size else None
    if most is not None and max(T, S or 0) > most:
        raise ValueError(f"expected at most {most} tokens, got {T if S is None else (T, S)}")


# --8<-- [end:flops]

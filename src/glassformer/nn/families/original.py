"""The original: the Transformer of "Attention Is All You Need"."""

from glassformer.nn.architecture import Architecture


def original(
    vocabulary_size: int,
    *,
    width: int = 512,
    layers: int = 6,
    heads: int = 8,
    units: int | None = None,
) -> Architecture:
    """Return the architecture of Vaswani et al., by default in its base size.

    Two stacks, a norm after each part, ReLU, sinusoids, and one table of vectors for both texts
    and for the scores. Its linear layers have biases here, which the paper leaves open.

    Args:
        vocabulary_size: Number of different ids, V, shared by both languages.
        width: Size of a vector, D.
        layers: Number of blocks in each stack.
        heads: Number of attention heads in a block.
        units: Units of a feed-forward layer; 4 D if not given.

    Source: Vaswani et al. 2017, sections 3.1 to 3.5.
    """
    return Architecture(
        kind="encoder-decoder",
        vocabulary_size=vocabulary_size,
        width=width,
        layers=layers,
        decoder_layers=layers,
        heads=heads,
        units=units,
        position="sinusoidal",
        post_norm=True,
        activation="relu",
        scaled_embedding=True,
    )

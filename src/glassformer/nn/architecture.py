"""In what one Transformer differs from another: everything that a model's family decides."""

import math
from dataclasses import dataclass, fields
from functools import partial
from types import NoneType
from typing import Literal, get_args, get_origin

import torch

from glassformer.nn.feed_forward import Activation
from glassformer.nn.position import Stretch

Kind = Literal["encoder", "decoder", "encoder-decoder"]
Position = Literal["learned", "sinusoidal", "relative", "rope", "none"]
Head = Literal["none", "tokens", "masked"]

ACTIVATIONS: dict[str, Activation] = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": partial(torch.nn.functional.gelu, approximate="tanh"),
    "silu": torch.nn.functional.silu,
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The sizes of a model and the choices it makes; what is not given is as in GPT-2.

    Attributes:
        vocabulary_size: Number of different ids, V; 0 for a model of images.
        width: Size of a vector, D.
        layers: Number of blocks, L; of the encoder, if there are two stacks.
        heads: Number of attention heads in a block, H.
        kind: Which positions may look where: all, back only, or the one at the other.
        decoder_layers: Number of blocks of the decoder, if there are two stacks.
        length: Longest text, in tokens, if there is a limit.
        groups: Number of heads of keys and values; all heads if not given.
        head_width: Size of a query and a key; width / heads if not given.
        units: Units of a feed-forward layer; 4 D if not given.
        position: How the model tells where a token stands.
        rope_base: The base of RoPE's speeds.
        stretch: How RoPE is slowed for longer texts, if it is.
        buckets: Number of groups of distances, if positions are relative.
        furthest: From this distance on, all share the last group.
        window: How many positions, its own included, a position sees at most, if there is a limit.
        norm: Layer norm, or RMS norm without mean and bias.
        epsilon: What a norm adds to the variance.
        post_norm: Whether a block normalizes after adding, not before each part.
        activation: The bend of the feed-forward layers.
        gated: Whether feed-forward layers have a gate.
        bias: Whether linear layers add a bias.
        scaled_scores: Whether scores are divided by the root of the head width.
        scaled_embedding: Whether embeddings are multiplied by the root of D.
        scaled_output: Whether the last vectors are divided by the root of D.
        embedding_norm: Whether the embeddings are normalized.
        token_types: Number of segments that have a vector each, such as question and answer.
        head: What turns the last vectors into scores: nothing, one layer, or BERT's two.
        tied: Whether the scores compare with the embeddings themselves.
        pooler: Whether there is a layer on the first position's vector, as in BERT.
        labels: Number of labels scored from the first position.
        image_size: Side of an image, in pixels, for a model of images.
        patch_size: Side of a patch.
        channels: Colours of an image.

    Raises:
        ValueError: If a size is below 1 or no whole number, a choice unknown, or something does
            not fit the rest.
    """

    vocabulary_size: int
    width: int
    layers: int
    heads: int
    kind: Kind = "decoder"
    decoder_layers: int = 0
    length: int | None = None
    groups: int | None = None
    head_width: int | None = None
    units: int | None = None
    position: Position = "learned"
    rope_base: float = 10_000.0
    stretch: Stretch | None = None
    buckets: int = 32
    furthest: int = 128
    window: int | None = None
    norm: Literal["layer", "rms"] = "layer"
    epsilon: float = 1e-5
    post_norm: bool = False
    activation: Literal["relu", "gelu", "gelu_tanh", "silu"] = "gelu_tanh"
    gated: bool = False
    bias: bool = True
    scaled_scores: bool = True
    scaled_embedding: bool = False
    scaled_output: bool = False
    embedding_norm: bool = False
    token_types: int = 0
    head: Head = "tokens"
    tied: bool = True
    pooler: bool = False
    labels: int = 0
    image_size: int = 0
    patch_size: int = 0
    channels: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        self._check_kinds()
        self._check_sizes()
        self._check_positions()
        self._check_parts()

    def _check_kinds(self) -> None:
        """Refuse unknown choices, and sizes that are no whole numbers."""
        for field in fields(self):
            options, chosen = get_args(field.type), getattr(self, field.name)
            if get_origin(field.type) is Literal and chosen not in options:
                raise ValueError(f"expected {field.name} in {options}, got {chosen!r}")
            missing = chosen is None and NoneType in options
            whole = hasattr(chosen, "__index__") and not isinstance(chosen, bool)
            if int in (field.type, *options) and not (missing or whole):
                raise ValueError(f"expected {field.name} as a whole number, got {chosen!r}")

    def _check_sizes(self) -> None:
        """Refuse numbers that are too small or do not divide each other."""
        for name in ("token_types", "labels", "image_size"):
            self._expect(name, 0)
        for name in ("width", "layers", "heads", "G", "K", "F", "length", "window", "channels"):
            self._expect(name, 1)
        self._expect("vocabulary_size", 0 if self.image_size else 1)
        for name in ("epsilon", "rope_base"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"expected a positive {name}, got {getattr(self, name)}")
        if self.head_width is None and self.width % self.heads:
            raise ValueError(f"expected heads that divide {self.width}, got {self.heads}")
        if self.heads % self.G:
            raise ValueError(f"expected groups that divide {self.heads}, got {self.groups}")
        if self.image_size and (self.patch_size < 1 or self.image_size % self.patch_size):
            raise ValueError(
                f"expected patches that divide {self.image_size} pixels, got {self.patch_size}"
            )

    def _check_positions(self) -> None:
        """Refuse sizes that leave a position without its vector, angle or bucket."""
        if self.position == "learned" and not self.image_size and not self.length:
            raise ValueError(f"expected a length for learned positions, got {self.length}")
        turned = {"rope": self.K, "sinusoidal": self.width}.get(self.position, 0)
        if turned % 2 and not self.image_size:
            raise ValueError(f"expected an even width for {self.position!r}, got {turned}")
        if self.position == "relative":
            self._expect("buckets", 2 if self.kind == "decoder" else 4)
            self._expect("furthest", 1 + self.buckets // (4 if self.kind == "encoder" else 2))

    def _check_parts(self) -> None:
        """Refuse parts that such a model has no place for: counted, but not built."""
        if (self.kind == "encoder-decoder") != (self.decoder_layers > 0):
            raise ValueError(
                f"expected decoder_layers in an encoder-decoder and nowhere else, "
                f"got {self.decoder_layers} in {self.kind!r}"
            )
        without: dict[str, object] = {}
        if self.image_size:
            without = {"kind": "encoder", "position": "learned", "head": "none"}
            without |= {"embedding_norm": False, "token_types": 0}
        elif self.kind == "encoder-decoder":
            without = {"pooler": False, "labels": 0}
        for name, value in without.items():
            if getattr(self, name) != value:
                model = "images" if self.image_size else "two stacks"
                raise ValueError(
                    f"expected {name} = {value!r} for {model}, got {getattr(self, name)!r}"
                )

    def _expect(self, name: str, least: int) -> None:
        """Refuse a number that is too small."""
        number = getattr(self, name)
        if number is not None and number < least:
            raise ValueError(f"expected {name} of at least {least}, got {number}")

    @property
    def G(self) -> int:  # noqa: N802 - the letter of the notation
        """Heads of keys and values."""
        return self.heads if self.groups is None else self.groups

    @property
    def K(self) -> int:  # noqa: N802 - the letter of the notation
        """Size of a query and a key."""
        return self.width // self.heads if self.head_width is None else self.head_width

    @property
    def F(self) -> int:  # noqa: N802 - the letter of the notation
        """Units of a feed-forward layer."""
        return 4 * self.width if self.units is None else self.units

    def make_norm(self) -> torch.nn.Module:
        """Make a norm of this kind."""
        if self.norm == "rms":
            return torch.nn.RMSNorm(self.width, eps=self.epsilon)
        return torch.nn.LayerNorm(self.width, eps=self.epsilon)

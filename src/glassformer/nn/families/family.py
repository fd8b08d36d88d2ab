"""What there is to say about a family: how to read its configuration, and its names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glassformer.nn.architecture import Architecture

_ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "swish": "silu"}


@dataclass(frozen=True)
class Family:
    """How one family of `transformers` says what ours says.

    Attributes:
        read: Makes an architecture of a configuration.
        names: What stands in their names where ours has what is left of it; # is a number, and
            /1 means the second third of a matrix that holds three.
        older: Parts of names in older files, and what they are called today; applied in turn.
        copies: Names under which the weights of another name may be stored once more.
        unused: Ends of names that hold nothing learned.
        transposed: Whether linear layers are stored (in, out).
        fit: Changes an architecture by what is stored, if it depends on that.
    """

    read: Callable[[Any], Architecture]
    names: Mapping[str, str]
    older: Mapping[str, str]
    copies: Mapping[str, str]
    unused: tuple[str, ...] = ()
    transposed: bool = False
    fit: Callable[[Architecture, Mapping[str, Any]], Architecture] | None = None


def activation(name: str) -> Any:
    """Return our name of an activation for theirs; an unknown one, the architecture refuses."""
    return _ACTIVATIONS.get(name, name)


def expect(config: Any, **expected: object) -> None:
    """Refuse a configuration that makes another choice.

    Raises:
        ValueError: If one of the named values is not the expected one.
    """
    for name, value in expected.items():
        if getattr(config, name, value) != value:
            raise ValueError(f"expected {name} = {value!r}, got {getattr(config, name)!r}")


def blocks(ours: str, theirs: str, names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the parts of a block, each with what stands before it."""
    return {f"{ours}.blocks.#.{mine}": f"{theirs}.{name}" for mine, name in names.items()}


def projections(ours: str, theirs: str, names: str) -> dict[str, str]:
    """Return the names of queries, keys, values and output."""
    parts = zip(("query", "key", "value", "output"), names.split(), strict=True)
    return {f"{ours}.{part}": f"{theirs}.{name}" for part, name in parts}

"""Published weights in our models: from a dictionary, or from a folder."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family
from glassformer.nn.published import family
from glassformer.nn.transformer import EncoderDecoder, Transformer
from glassformer.nn.vision import VisionTransformer

Model = Transformer | EncoderDecoder | VisionTransformer


def build(architecture: Architecture, seed: int = 0) -> Model:
    """Return the model of an architecture, with random weights.

    Args:
        architecture: Its sizes and choices.
        seed: Decides the initial weights.
    """
    if architecture.image_size:
        return VisionTransformer(architecture, seed)
    if architecture.kind == "encoder-decoder":
        return EncoderDecoder(architecture, seed)
    return Transformer(architecture, seed)


def from_hugging_face(config: Any, state_dict: Mapping[str, torch.Tensor]) -> Model:
    """Return our model with the weights of a model of `transformers`.

    Args:
        config: Its configuration: GPT-2, BERT, T5, Llama, Mistral or ViT.
        state_dict: Its weights by name, which are copied. A BERT has what heads they have.

    Raises:
        ValueError: If the family is another or makes a choice that ours cannot make, or if weights
            are missing, unknown or of another shape: each is named.
    """
    theirs = family(config)
    left = {_today(name, theirs): tensor for name, tensor in state_dict.items()}
    left = {name: tensor for name, tensor in left.items() if not name.endswith(theirs.unused)}
    a = theirs.read(config)
    with torch.device("meta"):  # Nothing is drawn and no memory taken for what is replaced.
        model = build(a if theirs.fit is None else theirs.fit(a, left))
    wrong: list[str] = []
    taken: dict[str, torch.Tensor] = {}
    used: set[str] = set()
    for name, ours in model.state_dict().items():
        stored, third = _stored(name, theirs)
        used.add(stored)
        turned = theirs.transposed and ours.ndim == 2 and "embedding" not in name
        expected = list(ours.shape) if third is None else [3 * ours.shape[0], *ours.shape[1:]]
        expected = expected[::-1] if turned else expected
        if stored not in left:
            wrong.append(f"{stored} {tuple(expected)} is missing")
            continue
        tensor = left[stored]
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            came = getattr(tensor, "dtype", type(tensor).__name__)
            wrong.append(f"{stored} is {came} instead of a tensor of floats")
            continue
        # A ViT stores its vectors with axes of size 1 before them.
        if list(tensor.shape) != [1] * (tensor.ndim - len(expected)) + expected:
            wrong.append(f"{stored} has shape {tuple(tensor.shape)} instead of {tuple(expected)}")
            continue
        tensor = tensor.T if turned else tensor
        tensor = tensor if third is None else tensor.chunk(3)[third]
        taken[name] = (
            tensor.detach().reshape(ours.shape).clone(memory_format=torch.contiguous_format)
        )
    wrong += _needless(left, used, theirs)
    if wrong:
        listed = "; ".join(dict.fromkeys(wrong))
        raise ValueError(f"expected the weights of a {config.model_type!r} model, got: {listed}")
    model.load_state_dict(taken, assign=True)
    return model.eval()


def load(folder: str | Path) -> Model:
    """Return our model with the weights of a folder that `transformers` has written.

    Args:
        folder: Holds config.json, and the weights in one or several .safetensors.

    Raises:
        ValueError: If one of the two is not there, or as `from_hugging_face`.
    """
    from transformers import AutoConfig  # noqa: PLC0415 - takes seconds; only this needs it.

    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    if index.exists():
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        files = sorted({folder / name for name in shards})
    else:
        files = [folder / "model.safetensors"]
    for file in (folder / "config.json", *files):
        if not file.is_file():
            raise ValueError(f"expected a file {file}, got none")
    state = {name: tensor for file in files for name, tensor in load_file(file).items()}
    return from_hugging_face(AutoConfig.from_pretrained(folder), state)


def _today(name: str, theirs: Family) -> str:
    """A name as it is written today, without what stands before the names of the bare model."""
    for old, new in theirs.older.items():
        if not old.endswith(".") or name.startswith(old):
            name = name.replace(old, new, 1)
    return name


def _stored(name: str, theirs: Family) -> tuple[str, int | None]:
    """Their name for one of ours, and which third of it is ours, if it holds three."""
    number = re.search(r"(?<=\.)\d+(?=\.)", name)
    pattern = name if number is None else name.replace(f".{number[0]}.", ".#.")
    if pattern in theirs.names:
        stored, kind = theirs.names[pattern], ""
    else:
        stem, _, kind = pattern.rpartition(".")
        stored = theirs.names[stem]
    stored, _, third = stored.partition("/")
    stored = f"{stored}.{kind}" if kind else stored
    return stored.replace("#", number[0] if number else "#"), int(third) if third else None


def _needless(left: Mapping[str, torch.Tensor], used: set[str], theirs: Family) -> list[str]:
    """What is wrong with weights that nothing has asked for."""
    wrong = []
    for name in sorted(left.keys() - used):
        copied = left.get(theirs.copies.get(name, ""))
        if copied is None:
            wrong.append(f"{name} is unknown")
        elif copied.shape != left[name].shape or not copied.equal(left[name]):
            wrong.append(f"{name} differs from {theirs.copies[name]}, of which it is a copy")
    return wrong

"""The small models that pages share: encoder, decoder, translator, summarizer of pizza texts.

`load` returns a trained one. `python -m glassformer.training.pizza_models` trains all four anew,
in some minutes, and writes their weights and a log of what they can do; with a name, that one.
With `--seed` a model begins with other random weights and reads other texts, and only the log keeps
what became of it: what another start would have given.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import safetensors.torch
import torch

from glassformer.nn.architecture import Architecture
from glassformer.nn.decoder import Decoder
from glassformer.nn.encoder import Encoder
from glassformer.nn.families.original import original
from glassformer.nn.transformer import EncoderDecoder
from glassformer.pizza_words import VOCABULARY
from glassformer.training import pizza_batches
from glassformer.training.loop import fit
from glassformer.training.pizza_claims import measure

# Where a head of the encoder looks at what "it" means differs from start to start: see the log.
ENCODER_SEED = 1
CHECKPOINTS = files("glassformer") / "checkpoints"


@dataclass(frozen=True)
class Recipe:
    """How a model is made and trained.

    Attributes:
        make: Returns the model before training, given a seed.
        batches: Yields what it learns from, given a generator and the number of steps.
        loss: How wrong the model is on a batch.
        steps: Number of batches.
        learning_rate: Size of the first step.
        seed: Decides the first weights and what is read.
        warm_up: Number of steps in which the learning rate rises.
    """

    make: Callable[..., torch.nn.Module]
    batches: Callable[..., Any]
    loss: Callable[..., torch.Tensor]
    steps: int
    learning_rate: float
    seed: int = 0
    warm_up: int = 0


def make_encoder(seed: int = ENCODER_SEED) -> Encoder:
    """Return the encoder before training: 4 blocks of 4 heads, 32 wide."""
    return Encoder(len(VOCABULARY), width=32, heads=4, layers=4, length=48, seed=seed)


def make_decoder(seed: int = 0) -> Decoder:
    """Return the decoder before training: 3 blocks of 4 heads, 64 wide, positions by RoPE."""
    return Decoder(len(VOCABULARY), width=64, heads=4, layers=3, positions="rope", seed=seed)


def make_translator(seed: int = 0) -> EncoderDecoder:
    """Return the translator before training: 2 blocks that read, 2 that write, 48 wide."""
    architecture = Architecture(
        vocabulary_size=len(VOCABULARY),
        width=48,
        layers=2,
        decoder_layers=2,
        heads=4,
        kind="encoder-decoder",
        position="sinusoidal",
    )
    return EncoderDecoder(architecture, seed=seed)


def make_summarizer(seed: int = 0) -> EncoderDecoder:
    """Return the summarizer before training: the original with 2 and 2 blocks, 32 wide."""
    architecture = original(len(VOCABULARY), width=32, layers=2, heads=4, units=64)
    return EncoderDecoder(architecture, seed=seed)


RECIPES = {
    "encoder": Recipe(
        *(make_encoder, pizza_batches.encoder_batches, pizza_batches.encoder_loss),
        *(4000, 4e-3, ENCODER_SEED),
    ),
    # Many steps, as it learns late that a story's meal comes out of where it was put.
    "decoder": Recipe(
        *(make_decoder, pizza_batches.decoder_batches, pizza_batches.decoder_loss),
        *(12000, 2e-3),
        warm_up=200,
    ),
    "translator": Recipe(
        make_translator, pizza_batches.translator_batches, pizza_batches.writer_loss, 1500, 3e-3
    ),
    "summarizer": Recipe(
        make_summarizer, pizza_batches.summarizer_batches, pizza_batches.writer_loss, 2000, 5e-3
    ),
}


@overload
def load(name: Literal["encoder"]) -> Encoder: ...
@overload
def load(name: Literal["decoder"]) -> Decoder: ...
@overload
def load(name: Literal["translator", "summarizer"]) -> EncoderDecoder: ...
@overload
def load(name: str) -> torch.nn.Module: ...
def load(name: str) -> torch.nn.Module:
    """Return a trained model, ready to be asked.

    Raises:
        ValueError: If there is no model of that name.
    """
    model = _recipe(name).make()
    with as_file(CHECKPOINTS / f"{name}.safetensors") as path:
        model.load_state_dict(safetensors.torch.load_file(path))
    return model.eval()


def train(
    name: str, steps: int | None = None, seed: int | None = None
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Train a model anew, with fewer steps or another seed if wanted; return it and its log.

    Raises:
        ValueError: If there is no model of that name.
    """
    recipe, begin = _recipe(name), time.process_time()
    seed = recipe.seed if seed is None else seed
    model = recipe.make(seed)
    batches = list(recipe.batches(np.random.default_rng(seed), steps or recipe.steps))
    losses = fit(model, recipe.loss, batches, recipe.learning_rate, warm_up=recipe.warm_up)
    log = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seed": seed,
        "steps": len(losses),
        "learning_rate": recipe.learning_rate,
        "cpu_seconds": round(time.process_time() - begin),
        "loss": round(float(np.mean(losses[-max(len(losses) // 8, 1) :])), 3),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    return model.eval(), log


def _recipe(name: str) -> Recipe:
    """Find the recipe of a model."""
    if name not in RECIPES:
        raise ValueError(f"expected a name in {sorted(RECIPES)}, got {name!r}")
    return RECIPES[name]


def main(arguments: list[str] | None = None) -> None:
    """Train the models that are named, or all, and write their weights and the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all if not given")
    parser.add_argument("--seed", type=int, help="another than the recipe's: only logged")
    chosen = parser.parse_args(arguments)
    for name in chosen.names or RECIPES:
        _keep(name, *train(name, seed=chosen.seed))


def _keep(name: str, model: torch.nn.Module, log: dict[str, Any]) -> None:
    """Write a model's weights, and into the log how it was trained and what it can do."""
    folder, seed = Path(str(CHECKPOINTS)), log["seed"]
    claims = measure(name, model, np.random.default_rng(seed + 1))
    log["claims"] = {claim: round(value, 3) for claim, value in claims.items()}
    path = folder / "log.json"
    whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    others = whole.get(name, {}).get("other_seeds", {})
    if seed != RECIPES[name].seed:
        whole.setdefault(name, {})["other_seeds"] = others | {str(seed): log["claims"]}
    else:
        safetensors.torch.save_file(model.state_dict(), folder / f"{name}.safetensors")
        whole[name] = log | ({"other_seeds": others} if others else {})
    whole = {key: whole[key] for key in RECIPES if key in whole}
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The committed models: they do what the log says, on texts that no one has used before."""

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from glassformer.pizza_words import VOCABULARY, encode
from glassformer.training import pizza_models
from glassformer.training.pizza_claims import CLAIMS, measure
from glassformer.training.pizza_models import RECIPES, load, train

CHECKPOINTS = files("glassformer") / "checkpoints"
LOG = json.loads((CHECKPOINTS / "log.json").read_text(encoding="utf-8"))


def kept(name: str, found: dict[str, float]) -> dict[str, bool]:
    """Which claims of a model hold."""
    return {claim: low <= found[claim] <= high for claim, (low, high) in CLAIMS[name].items()}


@pytest.mark.parametrize("name", LOG)
def test_every_claim_holds_on_other_texts(name: str) -> None:
    """The bounds hold in the log, and again with another seed, near to what the log says."""
    assert LOG[name]["claims"].keys() == CLAIMS[name].keys()
    assert all(kept(name, LOG[name]["claims"]).values())
    found = measure(name, load(name), np.random.default_rng(20), count=400)
    assert all(kept(name, found).values()), found


@pytest.mark.parametrize("name", RECIPES)
def test_a_model_with_random_weights_keeps_no_claim(name: str) -> None:
    """The control: the claims are about what has been learned."""
    found = measure(name, RECIPES[name].make().eval(), np.random.default_rng(20), count=50)
    assert not any(kept(name, found).values()), found


@pytest.mark.parametrize("name", LOG)
def test_a_checkpoint_is_small(name: str) -> None:
    """At most 1 MB each; the encoder, which a page loads in the browser, at most 300 kB."""
    path = CHECKPOINTS / f"{name}.safetensors"
    assert len(path.read_bytes()) <= (300_000 if name == "encoder" else 1_000_000)
    count = sum(parameter.numel() for parameter in load(name).parameters())
    assert LOG[name]["parameters"] == count
    assert count <= 75_000 or name != "encoder"


@pytest.mark.parametrize("name", LOG)
def test_training_runs_and_learns(name: str) -> None:
    """A few steps of the recipe change the weights, and with the same seed in the same way."""
    model, log = train(name, steps=3)
    again, _ = train(name, steps=3)
    start, weights = RECIPES[name].make().state_dict(), model.state_dict()
    assert log["steps"] == 3
    assert log.keys() == LOG[name].keys() - {"claims", "other_seeds"}
    assert log["seed"] == RECIPES[name].seed
    assert any(not torch.equal(weights[key], start[key]) for key in weights)
    for key, value in again.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=1e-5)


def test_the_command_writes_what_load_reads(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command trains, measures, and writes weights and log; other entries stay.

    With another seed than the recipe's, it writes nothing but what that seed would have given.
    """
    folder = tmp_path_factory.mktemp("checkpoints")
    (folder / "log.json").write_text('{"decoder": {}}', encoding="utf-8")
    monkeypatch.setattr(pizza_models, "CHECKPOINTS", folder)
    monkeypatch.setitem(RECIPES, "translator", replace(RECIPES["translator"], steps=2))
    pizza_models.main(["translator"])
    log = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    assert log.keys() == {"decoder", "translator"}
    assert log["translator"].keys() == LOG["translator"].keys()
    written = (folder / "translator.safetensors").read_bytes()

    pizza_models.main(["translator", "--seed", "5"])
    log_after = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    others = log_after["translator"].pop("other_seeds")
    assert log_after == log
    assert others.keys() == {"5"}
    assert others["5"].keys() == CLAIMS["translator"].keys()
    assert (folder / "translator.safetensors").read_bytes() == written

    pizza_models.main(["translator"])
    log_again = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    assert log_again["translator"]["other_seeds"] == others
    trained, _ = train("translator")
    ids = torch.from_numpy(encode([["the", "pizza"]]))
    torch.testing.assert_close(load("translator")(ids, ids), trained(ids, ids), rtol=0, atol=1e-4)


def test_the_log_is_of_these_recipes() -> None:
    """Steps, rates and seeds in the log are those of the code that would train anew."""
    assert LOG.keys() == RECIPES.keys()
    for name in LOG:
        recipe = RECIPES[name]
        assert LOG[name]["steps"] == recipe.steps
        assert LOG[name]["learning_rate"] == recipe.learning_rate
        assert LOG[name]["seed"] == recipe.seed
        for seed, claims in LOG[name].get("other_seeds", {}).items():
            assert int(seed) != recipe.seed
            assert claims.keys() == CLAIMS[name].keys()
        with safe_open(str(CHECKPOINTS / f"{name}.safetensors"), "pt") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
        assert [len(VOCABULARY)] in ([shape[0]] for shape in shapes.values())


@pytest.mark.parametrize("name", RECIPES)
def test_another_seed_is_another_experiment(name: str) -> None:
    """A seed decides both the first weights and the texts that are read."""
    recipe = RECIPES[name]
    weights = [next(iter(recipe.make(seed).parameters())) for seed in (5, 6, recipe.seed)]
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[2], next(iter(recipe.make().parameters())))
    seen: list[Any] = []

    def loss(model: torch.nn.Module, batch: object) -> torch.Tensor:
        seen.append(batch)
        return recipe.loss(model, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, name, replace(recipe, loss=loss))
        for seed in (5, 5, 6):
            _, log = train(name, steps=1, seed=seed)
            assert log["seed"] == seed
    first, again, other = (batch if torch.is_tensor(batch) else batch[0] for batch in seen)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_unknown_model_is_refused() -> None:
    """The error names the models that there are."""
    for function in (load, train):
        with pytest.raises(ValueError, match=r"expected a name in .*'encoder'.* got 'bert'"):
            function("bert")
    rng, message = np.random.default_rng(0), r"expected a model of one of .*, got {}"
    with pytest.raises(ValueError, match=message.format("'bert', Encoder")):
        measure("bert", load("encoder"), rng)
    for name in RECIPES:
        with pytest.raises(ValueError, match=message.format(f"{name!r}, Linear")):
            measure(name, torch.nn.Linear(1, 1), rng)

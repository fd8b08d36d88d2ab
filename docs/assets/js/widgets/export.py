"""Write what the widgets need from the package, and the values that their tests expect.

    python docs/assets/js/widgets/export.py

`python tasks.py update` runs it too. What a widget itself reads lies beside it; what its test
compares it with lies in tests/widgets. A file is rewritten only if it no longer holds.
"""

import json
import math
import random
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassformer import pizza
from glassformer.insight.attention_map import attention_maps
from glassformer.pizza_words import ENGLISH, PART_OF_SPEECH, SPECIAL, VOCABULARY, encode
from glassformer.position.alibi import alibi_bias
from glassformer.position.rope import rotary
from glassformer.position.sinusoidal import sinusoidal_positions
from glassformer.softmax import softmax
from glassformer.tokenization.bpe import _CHUNK, BytePairTokenizer
from glassformer.training.pizza_models import CHECKPOINTS, load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
GOLDEN = ROOT / "tests/widgets"
TEXTS = [
    "",
    " ",
    "Can Squatch bring pizza?",
    "The dog's 12 dogs, don't wait! We'll I'D they've you're I'm",
    "if x:\n    bake(pizza2)\n\n\t  end  ",
    "Crème brûlée, 3.14 ½ ² Ⅷ 🍕🍕 👩‍🍳 é e\u0301",
    "披萨 пицца πίτσα पिज़्ज़ा הפיצה بيتزا ピザ 피자",
    "Squatch<|endoftext|> \0 \x1c \x85 \ufeff pizza",
    "aaaaaaa  aaaaaaaa   the the thethe",
]
LETTERS = "aàβжकא中🍕ᚠ𝒳ͅ١_-'"
SPACES = " \n\t\r\v\f\x1c\x85\xa0\u1680\u2003\u2028\u202f\u3000\u200b\ufeff"


def softmax_temperature() -> list[dict[str, Any]]:
    """Give the shares, the entropy and the number of equal choices of some scores."""
    cases = []
    for scores in ([2.0, 1.0, -2.0], [0.0, 0.0, 0.0], [-20.0, 20.0, 19.5], [3.0, 3.0]):
        for temperature in (0.05, 0.5, 1.0, 2.0, 50.0):
            p = softmax(np.array(scores), temperature)
            nats = -float(np.sum(p * np.log(np.where(p > 0, p, 1))))
            cases.append(
                {
                    "scores": scores,
                    "temperature": temperature,
                    "probabilities": p.tolist(),
                    "entropy": nats,
                    "choices": math.exp(nats),
                }
            )
    return cases


def story_tokenizer() -> BytePairTokenizer:
    """Train the tokenizer of the page."""
    story = runpy.run_path(str(ROOT / "docs/tokenization/texts.py"))["story"]
    return BytePairTokenizer.train(story, 512, special_tokens=("<|endoftext|>",))


def tokenizer_data() -> dict[str, Any]:
    """Give the pattern that cuts a text, and the merges, as the ids of their two parts."""
    return {"pattern": _CHUNK, "merges": [list(pair) for pair in story_tokenizer().merges]}


def tokenizer_playground() -> list[dict[str, Any]]:
    """Encode texts of many scripts, odd spaces, emoji, and characters drawn at random."""
    tokenizer = story_tokenizer()
    rng = random.Random(0)  # noqa: S311 - texts to try, not secrets
    drawn = [
        "".join(rng.choices(pool, k=40))
        for pool in ("pizza oven '\n\t,.!?12SYN", LETTERS, SPACES + "ab,'s")
        for _ in range(40)
    ]
    cases = [{"text": text, "merges": 255, "ids": tokenizer.encode(text)} for text in TEXTS + drawn]
    for number in range(0, 255, 12):  # as after so many merges
        part = BytePairTokenizer(tokenizer.merges[:number])
        cases += [{"text": text, "merges": number, "ids": part.encode(text)} for text in TEXTS[2:6]]
    return cases


def position_explorer() -> dict[str, list[dict[str, Any]]]:
    """Give scores at some distances, from the vectors themselves."""
    scores, T = [], 129
    for D, base, ahead in [(4, 10.0, 0), (16, 1e2, 7), (64, 1e4, 16), (128, 1e6, 64)]:
        places = sinusoidal_positions(T, D, base=base, dtype=np.float64)
        x = np.full((T, D), D**-0.5)
        query, key = rotary(x, base=base), rotary(x[:1], start=ahead, base=base)[0]
        scores += [
            {
                "distance": distance,
                "width": D,
                "base": base,
                "ahead": ahead,
                "sinusoidal": float(places[distance] @ places[0] / (D / 2)),
                "rotary": float(query[distance] @ key),
            }
            for distance in (0, 1, 6, 16, 77, 128)
        ]
    bias = alibi_bias(8, T)[:, -1, ::-1]  # of the last query, its keys by their distance
    alibi = [
        {"distance": distance, "head": head, "bias": float(bias[head - 1, distance])}
        for head in range(1, 9)
        for distance in (0, 1, 77, 128)
    ]
    return {"scores": scores, "alibi": alibi}


def read(words: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the logits of the encoder for a text, (T, V), and its maps, (L, H, T, T)."""
    model, ids = load("encoder").double(), torch.from_numpy(encode([words]))
    with torch.no_grad():
        return model(ids)[0], attention_maps(model, ids)[:, 0]


def attention_data() -> dict[str, Any]:
    """Give the words that a sentence is made of, and what the encoder makes of the first one."""
    kinds: dict[str, list[str]] = {"food": [], "appliance": []}
    for word in ENGLISH:
        if word not in SPECIAL:
            kinds.setdefault(kind_of(word), []).append(word)
    slots = {"FOOD": "pizza", "APPLIANCE": "oven", "CREATURE": "Squatch"}
    scenes = [
        " ".join([slots.get(word, word) for word in scene.split()] + ["and"])
        for scene in pizza.SCENES
    ]
    endings = [ending for kind in pizza.ENDINGS.values() for ending in kind]
    words = f"{scenes[0]} it {endings[0]}".split()
    logits, maps = read(words)
    chances, ids = logits[words.index("it")].softmax(-1).topk(3)
    guesses = [[VOCABULARY[int(i)], round(float(p), 4)] for p, i in zip(chances, ids, strict=True)]
    return {
        "vocabulary": list(VOCABULARY),
        "heads": maps.shape[1],
        "kinds": [{"name": name, "words": words} for name, words in kinds.items()],
        "scenes": scenes,
        "endings": endings,
        "first": {"guesses": guesses, "maps": np.round(maps.numpy(), 4).tolist()},
    }


def kind_of(word: str) -> str:
    """Name the kind of a word: which of its kind can take its place."""
    one = word.removesuffix("s")
    if word == "fish" or one in pizza.FOODS:
        return "food"
    return "appliance" if one in pizza.APPLIANCES else PART_OF_SPEECH[word]


def attention_explorer() -> list[dict[str, Any]]:
    """Give logits and maps: of a whole sentence, and at "it" or the last word of some others."""
    rng = np.random.default_rng(0)
    texts = [
        "the pizza came out of the oven and it tasted good",
        "they",
        "Squatch opened the microwave and saw the pies and they were delicious",
        "the ovens baked the fish and it was switched off",
        *(" ".join(rng.choice(VOCABULARY, length)) for length in (7, 24, 48)),
    ]
    cases: list[dict[str, Any]] = []
    for text in texts:
        words = text.split()
        logits, maps = read(words)
        T = len(words)
        at = list(range(T)) if not cases else [words.index("it") if "it" in words else T - 1]
        cases.append(
            {
                "words": words,
                "at": at,
                "logits": np.round(logits[at].numpy(), 7).tolist(),
                "maps": np.round(maps[:, :, at].numpy(), 7).tolist(),
            }
        )
    return cases


FILES: dict[Path, Callable[[], Any]] = {
    GOLDEN / "softmax-temperature.json": softmax_temperature,
    HERE / "tokenizer-playground.json": tokenizer_data,
    GOLDEN / "tokenizer-playground.json": tokenizer_playground,
    GOLDEN / "position-explorer.json": position_explorer,
    HERE / "attention-explorer.safetensors": (CHECKPOINTS / "encoder.safetensors").read_bytes,
    HERE / "attention-explorer.json": attention_data,
    GOLDEN / "attention-explorer.json": attention_explorer,
}


def same(one: Any, other: Any) -> bool:
    """Tell whether two contents are equal, their numbers up to what machines differ in."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and bool(one == other)


def stale() -> dict[Path, bytes]:
    """List the files that no longer hold, each with what it should hold."""
    found = {}
    for path, make in FILES.items():
        content, committed = make(), path.read_bytes() if path.is_file() else None
        if isinstance(content, bytes):
            holds, expected = committed == content, content
        else:
            holds = committed is not None and same(json.loads(committed), content)
            expected = json.dumps(content, separators=(",", ":")).encode() + b"\n"
        if not holds:
            found[path] = expected
    return found


if __name__ == "__main__":
    for path, content in stale().items():
        path.write_bytes(content)
        print(f"rewrote {path.relative_to(ROOT)}")

"""Write what the widgets need from the package, and the values that their tests expect.

    python docs/assets/js/widgets/export.py

`python tasks.py update` runs it too. What a widget itself reads lies beside it; what its test
compares it with lies in tests/widgets. A file is rewritten only if it no longer holds.
"""

import json
import math
import random
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from glassformer.position.alibi import alibi_bias
from glassformer.position.rope import rotary
from glassformer.position.sinusoidal import sinusoidal_positions
from glassformer.softmax import softmax
from glassformer.tokenization.bpe import BytePairTokenizer

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
    """Give the merges, as the ids of their two parts."""
    return {"merges": [list(pair) for pair in story_tokenizer().merges]}


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


FILES: dict[Path, Callable[[], Any]] = {
    GOLDEN / "softmax-temperature.json": softmax_temperature,
    HERE / "tokenizer-playground.json": tokenizer_data,
    GOLDEN / "tokenizer-playground.json": tokenizer_playground,
    GOLDEN / "position-explorer.json": position_explorer,
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


def stale() -> dict[Path, str]:
    """List the files that no longer hold, each with what it should hold."""
    found = {}
    for path, make in FILES.items():
        content = make()
        committed = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if not same(committed, content):
            found[path] = json.dumps(content, separators=(",", ":")) + "\n"
    return found


if __name__ == "__main__":
    for path, text in stale().items():
        path.write_text(text, encoding="utf-8")
        print(f"rewrote {path.relative_to(ROOT)}")

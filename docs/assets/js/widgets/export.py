"""Write what the widgets need from the package, and the values that their tests expect.

python docs/assets/js/widgets/export.py

`python tasks.py update` runs it too. What a widget itself reads lies beside it; what its test
compares it with lies in tests/widgets. A file is rewritten only if it no longer holds.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from glassformer.softmax import softmax

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = ROOT / "tests/widgets"


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


FILES: dict[Path, Callable[[], Any]] = {
    GOLDEN / "softmax-temperature.json": softmax_temperature,
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

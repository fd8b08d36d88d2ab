"""What a bend costs beside the matrix product before it: `python benchmarks/activation.py`.

One layer of GPT-2 small: 128 tokens, 768 numbers each, to 3072, in float32 on one thread; the
least processor time of 15 runs each, taken by turns, so that other work on the machine counts
little. Ways not to do it are measured too: `math.erf` for each number, a cube written as a power,
and a square root of NumPy's, which turns the layer into float64.
"""

import math
import os
import time
from collections.abc import Callable

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import torch

from glassformer.block.activation import gelu, gelu_tanh, relu, silu

T, D, F = 128, 768, 3072
REPEATS = 15


def each_number(x: np.ndarray) -> np.ndarray:
    """Exact GELU by the standard library, number by number."""
    erf = np.frompyfunc(math.erf, 1, 1)
    return x * (0.5 + 0.5 * erf(x / math.sqrt(2)).astype(x.dtype))


def with_power(x: np.ndarray) -> np.ndarray:
    """The tanh formula with its cube as a power."""
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def with_float64(x: np.ndarray) -> np.ndarray:
    """The tanh formula, made float64 by a square root of NumPy's."""
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)))


def main() -> None:
    """Print the figures."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((T, D), dtype=np.float32)
    W = rng.standard_normal((D, F), dtype=np.float32) / math.sqrt(D)
    W_back = rng.standard_normal((F, D), dtype=np.float32)
    h = x @ W
    wide = h.astype(np.float64)
    ways: dict[str, Callable[[], object]] = {
        "x @ W, the product before": lambda: x @ W,
        "relu": lambda: relu(h),
        "silu": lambda: silu(h),
        "gelu_tanh": lambda: gelu_tanh(h),
        "gelu": lambda: gelu(h),
        "torch's GELU": lambda: torch.nn.functional.gelu(torch.from_numpy(h)),
        "GELU by math.erf": lambda: each_number(h),
        "tanh formula with x**3": lambda: with_power(h),
        "tanh formula in float64": lambda: with_float64(h),
        "product after, float32": lambda: h @ W_back,
        "product after, float64 came in": lambda: wide @ W_back,
    }
    least = dict.fromkeys(ways, math.inf)
    for _ in range(REPEATS):
        for name, way in ways.items():
            start = time.process_time()
            way()
            least[name] = min(least[name], time.process_time() - start)
    for name, seconds in least.items():
        print(f"{name:32} {1000 * seconds:6.2f} ms {seconds / least[next(iter(ways))]:6.2f}")


if __name__ == "__main__":
    main()

"""A forward pass of a decoder of GPT-2 small's shape in NumPy, beside torch's: time as a ratio.

    make bench NAME=decoder_only

Random weights, one text of 128 tokens, float32, the same number of threads for both; the twin is
the model of `transformers`, with its fused attention. The two take turns, so that whatever else
the machine does hits both, and the ratio is that of their fastest rounds.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
import transformers

from glassformer.block.activation import gelu, gelu_tanh
from glassformer.model.decoder_only import decoder_only, gpt2_weights

T, ROUNDS = 128, 9


def seconds(run: Callable[[], object]) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print the times and their ratio, and by how much the results differ."""
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config()).eval()
    weights = gpt2_weights({name: array.numpy() for name, array in model.state_dict().items()})
    ids = torch.randint(50_257, (1, T))

    def of_torch() -> np.ndarray:
        with torch.no_grad():
            return model(ids).logits.numpy()

    def ours() -> np.ndarray:
        return decoder_only(ids.numpy(), weights, 12, activation=gelu_tanh)

    difference = np.abs(ours() - of_torch()).max()
    times = [(seconds(ours), seconds(of_torch)) for _ in range(ROUNDS)]
    numpy_time, torch_time = (min(column) for column in zip(*times, strict=True))
    exact = min(
        seconds(lambda: decoder_only(ids.numpy(), weights, 12, activation=gelu)) for _ in range(3)
    )
    print(f"GPT-2 small's shape, T = {T}, {torch.get_num_threads()} thread(s)")
    print(
        f"NumPy {numpy_time:.3f} s, torch {torch_time:.3f} s: ratio {numpy_time / torch_time:.2f}"
    )
    print(f"NumPy with the exact GELU {exact:.3f} s")
    print(f"logits differ by {difference:.6f} (bound 0.0001), in {ours().dtype}")


if __name__ == "__main__":
    main()

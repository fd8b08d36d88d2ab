"""The twin beside `transformers`, in one run: a training step, and a forward pass of each family.

    make bench NAME=architectures

The same random weights, the same input, float32, the same number of threads. The two take turns,
so that whatever else the machine does hits both; a ratio is that of the processor time of the
fastest rounds, and above 1 ours is slower. A step is forward, loss, backward and Adam, of a GPT-2
of 0.8 M parameters: 4 layers, 4 heads, 128 wide, 12 texts of 64 tokens, without dropout; theirs
with eager attention, as the bound says, with the fused attention that is their default, and with
their default dropout.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from glassformer import nn

STEPS, ROUNDS = 30, 9
TEXT: dict[str, Any] = {
    "vocab_size": 1000, "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 1024,
}  # fmt: skip
IMAGE = {name: size for name, size in TEXT.items() if name != "vocab_size"}


def seconds(run: Callable[[], object]) -> float:
    """The processor time that it takes once."""
    start = time.process_time()
    run()
    return time.process_time() - start


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """The fastest of ours over the fastest of theirs, in turns, after one that is not counted."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
    mine, other = (min(column) for column in zip(*times, strict=True))
    return mine / other


def step(model: torch.nn.Module, ids: torch.Tensor, *, theirs: bool) -> Callable[[], None]:
    """A function that trains the model on the same texts once."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def run() -> None:
        logits = model(ids).logits if theirs else model(ids)
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()

    return run


def training() -> None:
    """Print the ratios of a training step."""
    ids = torch.randint(65, (12, 64), generator=torch.Generator().manual_seed(0))
    for attention, dropout, bound in (
        ("eager", 0.0, "bound 0.80"),
        ("sdpa", 0.0, "their default attention"),
        ("eager", 0.1, "their default dropout, which ours has not"),
    ):
        config = hf.GPT2Config(
            vocab_size=65, n_positions=64, n_embd=128, n_layer=4, n_head=4, use_cache=False,
            resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
        )  # fmt: skip
        config._attn_implementation = attention
        theirs = hf.GPT2LMHeadModel(config).train()
        ours = nn.from_hugging_face(config, theirs.state_dict()).train()
        count = sum(weight.numel() for weight in ours.parameters())
        found = ratio(step(ours, ids, theirs=False), step(theirs, ids, theirs=True), STEPS)
        print(f"training step, {count / 1e6:.1f} M, beside {attention:5}: {found:.2f} ({bound})")


def forwards() -> None:
    """Print the ratios of a forward pass, and by how much the logits differ."""
    models = {
        "GPT-2": hf.GPT2LMHeadModel(
            hf.GPT2Config(vocab_size=1000, n_embd=256, n_layer=4, n_head=4, use_cache=False)
        ),
        "BERT": hf.BertForMaskedLM(hf.BertConfig(**TEXT)),
        "T5": hf.T5ForConditionalGeneration(
            hf.T5Config(
                vocab_size=1000, d_model=256, d_kv=64, d_ff=1024, num_layers=2, num_heads=4,
                use_cache=False,
            )
        ),
        "Llama": hf.LlamaForCausalLM(
            hf.LlamaConfig(**TEXT, num_key_value_heads=2, use_cache=False)
        ),
        "Mistral": hf.MistralForCausalLM(
            hf.MistralConfig(**TEXT, num_key_value_heads=2, sliding_window=64, use_cache=False)
        ),
        "ViT": hf.ViTForImageClassification(hf.ViTConfig(**IMAGE, image_size=128, patch_size=16)),
    }  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, (8, 128), generator=generator)
    images = torch.randn(8, 3, 128, 128, generator=generator)
    for name, theirs in models.items():
        theirs.train(mode=False)
        ours = nn.from_hugging_face(theirs.config, theirs.state_dict())
        given = {"ViT": (images,), "T5": (ids, ids)}.get(name, (ids,))
        asked = {"input_ids": ids, "decoder_input_ids": ids} if name == "T5" else None

        def of_theirs(
            model: Any = theirs, given: Any = given, asked: dict[str, Any] | None = asked
        ) -> torch.Tensor:
            found: torch.Tensor = (model(*given) if asked is None else model(**asked)).logits
            return found

        def of_ours(model: Any = ours, given: Any = given) -> torch.Tensor:
            found: torch.Tensor = model(*given)
            return found

        with torch.no_grad():
            difference = float((of_ours() - of_theirs()).abs().max())
            found = ratio(of_ours, of_theirs, ROUNDS)
        print(f"forward, {name:8} {found:.2f}; logits differ by {difference:.0e}")


def main() -> None:
    """Print all ratios."""
    print(f"{torch.get_num_threads()} thread(s); time of ours over that of transformers")
    training()
    forwards()


if __name__ == "__main__":
    main()

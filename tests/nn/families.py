"""Small models of `transformers` with random weights, one or more for each family."""

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

V = 31
SIZES: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 37,
}  # fmt: skip
TEXT: dict[str, Any] = {**SIZES, "vocab_size": V}
LONG: dict[str, Any] = {**TEXT, "max_position_embeddings": 17}
T5: dict[str, Any] = {
    "vocab_size": V, "d_model": 24, "d_kv": 5, "num_heads": 3, "d_ff": 37, "num_layers": 2,
    "num_decoder_layers": 3, "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
}  # fmt: skip
# T5 v1.1; the last says that its output is not scaled.
GATED: dict[str, Any] = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
LLAMA3: dict[str, Any] = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip

DECODERS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(vocab_size=V, n_embd=24, n_layer=3, n_head=4, n_positions=17, n_inner=37)
    ),
    "gpt2-untied": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(
            vocab_size=V, n_embd=24, n_layer=2, n_head=3, n_positions=17, tie_word_embeddings=False
        )
    ),
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**LONG, num_key_value_heads=1)),
    "llama-wide-heads": lambda: hf.LlamaForCausalLM(
        hf.LlamaConfig(
            **LONG, num_key_value_heads=4, head_dim=10, attention_bias=True, mlp_bias=True
        )
    ),
    "llama-3.1": lambda: hf.LlamaForCausalLM(
        hf.LlamaConfig(
            **LONG, num_key_value_heads=2, tie_word_embeddings=True, rope_parameters=LLAMA3
        )
    ),
    "mistral": lambda: hf.MistralForCausalLM(
        hf.MistralConfig(**LONG, num_key_value_heads=2, sliding_window=5)
    ),
    "mistral-unlimited": lambda: hf.MistralForCausalLM(
        hf.MistralConfig(**LONG, num_key_value_heads=2, sliding_window=None)
    ),
}
ENCODERS: dict[str, Callable[[], Any]] = {
    "bert": lambda: hf.BertModel(hf.BertConfig(**LONG)),
    "bert-masked": lambda: hf.BertForMaskedLM(hf.BertConfig(**LONG, hidden_act="gelu_new")),
    "bert-pretraining": lambda: hf.BertForPreTraining(hf.BertConfig(**LONG)),
}
ENCODER_DECODERS: dict[str, Callable[[], Any]] = {
    "t5": lambda: hf.T5ForConditionalGeneration(hf.T5Config(**T5)),
    "t5-1.1": lambda: hf.T5ForConditionalGeneration(hf.T5Config(**T5, **GATED)),
}
VISION: dict[str, Callable[[], Any]] = {
    "vit": lambda: hf.ViTModel(hf.ViTConfig(**SIZES, image_size=12, patch_size=4)),
    "vit-labels": lambda: hf.ViTForImageClassification(
        hf.ViTConfig(
            **SIZES,
            image_size=15,
            patch_size=5,
            num_channels=1,
            id2label=dict(enumerate("abcdefg")),
        )
    ),
}
TEXTS = DECODERS | ENCODERS
ALL = TEXTS | ENCODER_DECODERS | VISION


def make(name: str) -> Any:
    """A model with random weights everywhere: biases and gains too, which start at 0 and 1."""
    torch.manual_seed(0)
    model = ALL[name]()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model.eval()


def logits(output: Any) -> torch.Tensor:
    """The scores of a model's output; its vectors, if it has no head."""
    for name in ("logits", "prediction_logits", "last_hidden_state"):
        if hasattr(output, name):
            found: torch.Tensor = getattr(output, name)
            return found
    raise AssertionError(output)

"""What the tests of whole models share: small ones, with weights in which no mistake hides."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import transformers

from glassformer import nn

V = 37


def arrays(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """A model's weights, by their names in torch."""
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def shaken(model: Any, *, apart_from: str = "") -> Any:
    """The model with all weights drawn anew, except those with a given part in their name.

    Biases start at 0 and gains at 1, where a mistake may hide; spread wide, attention is not flat.
    """
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if not apart_from or apart_from not in name:
            torch.nn.init.normal_(weight, mean=float(weight.ndim == 1) / 2, std=0.2)
    return model.eval()


def gpt2(**sizes: int) -> Any:
    """A GPT-2 with random weights, spread wide enough that attention is not flat."""
    torch.manual_seed(0)
    usual = {"vocab_size": V, "n_positions": 11, "n_embd": 24, "n_layer": 2, "n_head": 4}
    config: Any = transformers.GPT2Config(bos_token_id=0, eos_token_id=0)
    for name, size in {**usual, **sizes}.items():
        setattr(config, name, size)
    return shaken(transformers.GPT2LMHeadModel(config))


def bert(kind: str = "BertForMaskedLM", **sizes: Any) -> Any:
    """A BERT with random weights."""
    usual = {
        "vocab_size": V,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 31,
        "max_position_embeddings": 11,
        "type_vocab_size": 3,
    }
    return shaken(getattr(transformers, kind)(transformers.BertConfig(**{**usual, **sizes})))


def marian(**sizes: int) -> Any:
    """A translator of the Marian family, with random weights."""
    usual = {"encoder_layers": 2, "decoder_layers": 3, "encoder_ffn_dim": 17, "decoder_ffn_dim": 19}
    layers: Any = {**usual, **sizes}
    config = transformers.MarianConfig(
        vocab_size=V,
        d_model=24,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        max_position_embeddings=11,
        scale_embedding=True,
        activation_function="swish",
        pad_token_id=0,
        eos_token_id=0,
        decoder_start_token_id=0,
        **layers,
    )
    model: Any = shaken(transformers.MarianMTModel(config), apart_from="embed_positions")
    model.final_logits_bias.normal_()
    return model


def original(width: int = 12, heads: int = 3, layers: tuple[int, int] = (2, 2)) -> Any:
    """Our torch twin of the original, in an odd size."""
    a = nn.original(V, width=width, layers=layers[0], heads=heads, units=17)
    return shaken(nn.build(replace(a, decoder_layers=layers[1])))


def llama(family: str = "Llama", **sizes: Any) -> Any:
    """A Llama or Mistral with random weights."""
    usual = {
        "vocab_size": V,
        "hidden_size": 24,
        "intermediate_size": 29,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "rms_norm_eps": 1e-6,
    }
    config = getattr(transformers, f"{family}Config")(**{**usual, **sizes})
    return shaken(getattr(transformers, f"{family}ForCausalLM")(config))


def stored_t5(*, own: bool = False, **sizes: Any) -> Any:
    """A T5 with random weights, in odd sizes; with an unembedding of its own, if told to."""
    usual = {
        "vocab_size": V,
        "d_model": 12,
        "d_kv": 5,
        "num_heads": 3,
        "d_ff": 17,
        "num_layers": 2,
        "num_decoder_layers": 3,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 6,
    }
    config = transformers.T5Config(**{**usual, **sizes})
    model = shaken(transformers.T5ForConditionalGeneration(config))
    if own:  # `transformers` ties the two until told otherwise, as files of v1.1 do
        model.lm_head.weight = torch.nn.Parameter(0.2 * torch.randn(V, config.d_model))
    return model

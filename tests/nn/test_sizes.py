"""Sizes: by hand, by property, and against what `transformers` and our twin build and compute."""

import time
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from glassformer import nn

BUILD = {
    "GPT2LMHeadModel": hf.GPT2LMHeadModel,
    "BertModel": hf.BertModel,
    "BertForMaskedLM": hf.BertForMaskedLM,
    "BertForPreTraining": hf.BertForPreTraining,
    "T5ForConditionalGeneration": hf.T5ForConditionalGeneration,
    "LlamaForCausalLM": hf.LlamaForCausalLM,
    "MistralForCausalLM": hf.MistralForCausalLM,
    "ViTModel": hf.ViTModel,
    "ViTForImageClassification": hf.ViTForImageClassification,
}
NO_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
UNTIED: dict[str, Any] = {"tie_word_embeddings": False}
LABELS: dict[str, Any] = {"num_labels": 1000}

TINY = hf.GPT2Config(vocab_size=7, n_positions=5, n_embd=4, n_head=2, n_layer=1, **NO_ENDS)
LLAMA_70B = hf.LlamaConfig(
    hidden_size=8192,
    intermediate_size=28_672,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
)
# The sizes of public configurations, and how many parameters their models have.
PUBLISHED = [
    (hf.GPT2Config(), 124_439_808),
    (hf.GPT2Config(n_embd=1280, n_layer=36, n_head=20), 774_030_080),
    (hf.BertConfig(), 109_482_240),
    (hf.T5Config(), 60_506_624),
    (hf.T5Config(d_model=768, d_ff=3072, num_layers=12, num_heads=12), 222_903_552),
    (hf.LlamaConfig(), 6_738_415_616),
    (LLAMA_70B, 68_976_648_192),
    (
        hf.LlamaConfig(
            vocab_size=128_256,
            hidden_size=4096,
            intermediate_size=14_336,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=8,
        ),
        8_030_261_248,
    ),
    (hf.MistralConfig(), 7_241_732_096),
    (hf.ViTConfig(architectures=["ViTForImageClassification"], **LABELS), 86_567_656),
]

# Odd sizes, so that no two of them can be mistaken for each other.
GPT2: dict[str, Any] = {
    "vocab_size": 37,
    "n_positions": 19,
    "n_embd": 15,
    "n_head": 3,
    "n_layer": 2,
}
BERT: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 15,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 23,
    "max_position_embeddings": 19,
    "type_vocab_size": 3,
}
T5: dict[str, Any] = {
    "vocab_size": 37,
    "d_model": 15,
    "d_kv": 7,
    "d_ff": 23,
    "num_layers": 2,
    "num_heads": 3,
    "num_decoder_layers": 3,
    "relative_attention_num_buckets": 10,
}
LLAMA: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 18,
    "intermediate_size": 23,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 4,
}
VIT: dict[str, Any] = {
    "image_size": 15,
    "patch_size": 5,
    "num_channels": 2,
    "hidden_size": 15,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 23,
    "num_labels": 6,
}
CASES: dict[str, tuple[Any, str]] = {
    "GPT-2": (hf.GPT2Config(**GPT2, **NO_ENDS), "GPT2LMHeadModel"),
    "GPT-2, other units": (hf.GPT2Config(**GPT2, n_inner=23, **NO_ENDS), "GPT2LMHeadModel"),
    "GPT-2, untied": (
        hf.GPT2Config(**GPT2, **UNTIED, **NO_ENDS),
        "GPT2LMHeadModel",
    ),
    "BERT": (hf.BertConfig(**BERT), "BertModel"),
    "BERT, masked words": (hf.BertConfig(**BERT), "BertForMaskedLM"),
    "BERT, both heads": (hf.BertConfig(**BERT), "BertForPreTraining"),
    "T5": (hf.T5Config(**T5), "T5ForConditionalGeneration"),
    "T5 v1.1": (
        hf.T5Config(**T5, feed_forward_proj="gated-gelu", **UNTIED),
        "T5ForConditionalGeneration",
    ),
    "Llama": (hf.LlamaConfig(**LLAMA), "LlamaForCausalLM"),
    "Llama, one group": (
        hf.LlamaConfig(**LLAMA | {"num_key_value_heads": 1}),
        "LlamaForCausalLM",
    ),
    "Llama, tied": (hf.LlamaConfig(**LLAMA, tie_word_embeddings=True), "LlamaForCausalLM"),
    "Llama, biases": (
        hf.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True),
        "LlamaForCausalLM",
    ),
    "Mistral": (hf.MistralConfig(**LLAMA, sliding_window=5), "MistralForCausalLM"),
    "ViT": (hf.ViTConfig(**VIT), "ViTModel"),
    "ViT, labels": (hf.ViTConfig(**VIT), "ViTForImageClassification"),
}
for _config, _kind in CASES.values():
    _config.architectures = [_kind]
    _config._attn_implementation = "eager"  # plain matrix products: the counter sees each


def size(model: torch.nn.Module) -> int:
    """How many numbers a built model has; a shared one counts once."""
    return sum(parameter.numel() for parameter in model.parameters())


def build(config: Any, device: str = "meta") -> Any:
    """The model of `transformers`, on a device without memory unless another is named."""
    kind = (config.architectures or ["BertModel"])[0]
    with torch.device(device):
        return BUILD[kind](config).eval()


def inputs(config: Any, T: int, S: int, device: str) -> dict[str, torch.Tensor]:
    """An image, two texts, or one."""
    if config.model_type == "vit":
        side = config.image_size
        return {"pixel_values": torch.zeros(1, config.num_channels, side, side, device=device)}
    ids = torch.zeros(1, T, dtype=torch.long, device=device)
    if config.model_type == "t5":
        read = torch.zeros(1, S, dtype=torch.long, device=device)
        return {"input_ids": read, "decoder_input_ids": ids}
    return {"input_ids": ids}


def counted(model: Any, **given_inputs: Any) -> int:
    """The operations that torch sees go by."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(**given_inputs)
    return int(counter.get_total_flops())


# By hand


def test_a_model_small_enough_to_count() -> None:
    """28 + 20 for the tables, 4 (16 + 4), 64 + 16 + 64 + 4, and three norms of 8."""
    assert nn.parameters_by_part(TINY) == {
        "tokens": 28,
        "positions": 20,
        "attention": 80,
        "feed-forward": 148,
        "norms": 24,
        "head": 0,
    }
    assert nn.parameter_count(TINY) == 300


def test_its_operations() -> None:
    """Three tokens through 64 + 128 + 28 numbers, 2 for each; 2 x 2 x 9 x 4 for the scores."""
    assert nn.flops(TINY, 3) == 3 * 2 * 220 + 144


@pytest.mark.parametrize(("config", "expected"), PUBLISHED)
def test_published_counts(config: Any, expected: int) -> None:
    """The counts that these models are known to have, to the last digit."""
    assert nn.parameter_count(config) == expected


def test_gpt2_small_forward_at_full_length() -> None:
    """A published count of operations: 291,648,307,200."""
    assert nn.flops(hf.GPT2Config(), 1024) == 291_648_307_200


def test_the_original_in_its_base_size() -> None:
    """Vaswani et al. with 37,000 tokens: one table, six and six blocks, a norm after each part."""
    matrices = 18 * 4 * 512**2 + 12 * 2 * 512 * 2048
    biases = 18 * 4 * 512 + 12 * (2048 + 512)
    norms = 6 * (2 + 3) * 2 * 512
    expected = 37_000 * 512 + matrices + biases + norms
    assert nn.parameter_count(nn.original(37_000)) == expected == 63_082_496


# Against what is built


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_those_of_the_built_model(name: str) -> None:
    """Every family, with every head, has as many numbers as `transformers` builds."""
    config, _ = CASES[name]
    assert nn.parameter_count(config) == size(build(config))


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_those_of_our_own_model(name: str) -> None:
    """The twin of the same configuration has the same number."""
    a = nn.architecture(CASES[name][0])
    with torch.device("meta"):
        assert nn.parameter_count(a) == size(nn.build(a))


@pytest.mark.parametrize("name", CASES)
def test_operations_are_those_of_the_real_model(name: str) -> None:
    """With random weights on the processor, torch counts what the formula says."""
    config, _ = CASES[name]
    T, S = (10, 10) if config.model_type == "vit" else (11, 13)
    expected = counted(build(config, "cpu"), **inputs(config, T, S, "cpu"))
    assert nn.flops(config, T, S if config.model_type == "t5" else None) == expected


def test_operations_of_our_own_encoder_decoder() -> None:
    """Grouped keys in both attentions, which no family has: torch counts those of the twin."""
    a = nn.Architecture(
        vocabulary_size=37,
        width=18,
        layers=2,
        decoder_layers=3,
        heads=6,
        kind="encoder-decoder",
        groups=2,
        head_width=4,
        units=23,
        length=19,
    )
    model = nn.build(a)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        total = counted(
            model,
            ids=torch.zeros(1, 13, dtype=torch.long),
            decoder_ids=torch.zeros(1, 11, dtype=torch.long),
        )
    assert nn.flops(a, 11, 13) == total
    assert nn.parameter_count(a) == size(model)


def test_published_sizes_against_the_built_ones() -> None:
    """The largest and the oldest, built without memory."""
    for config in (LLAMA_70B, hf.GPT2Config()):
        config.architectures = ["LlamaForCausalLM" if config is LLAMA_70B else "GPT2LMHeadModel"]
        assert nn.parameter_count(config) == size(build(config))


def test_a_head_of_its_own_for_t5() -> None:
    """T5 v1.1 was published with a second table, which `transformers` ties; ours can say so."""
    config = hf.T5Config(
        d_model=768,
        d_ff=2048,
        num_layers=12,
        num_heads=12,
        feed_forward_proj="gated-gelu",
        **UNTIED,
    )
    tied = nn.architecture(config)
    untied = replace(tied, tied=False)
    assert nn.parameter_count(untied) - nn.parameter_count(tied) == 32_128 * 768
    with torch.device("meta"):
        assert nn.parameter_count(untied) == size(nn.build(untied)) == 247_577_856
    assert nn.flops(untied, 5) == nn.flops(tied, 5)


# By property

SIZES = st.builds(
    nn.Architecture,
    vocabulary_size=st.integers(1, 50),
    width=st.sampled_from([6, 12, 18]),
    layers=st.integers(1, 4),
    heads=st.sampled_from([2, 6]),
    groups=st.sampled_from([None, 1, 2]),
    head_width=st.one_of(st.none(), st.sampled_from([2, 4, 8])),
    units=st.one_of(st.none(), st.integers(1, 30)),
    length=st.just(64),
    kind=st.sampled_from(["encoder", "decoder"]),
    position=st.sampled_from(["learned", "sinusoidal", "relative", "none"]),
    norm=st.sampled_from(["layer", "rms"]),
    post_norm=st.booleans(),
    gated=st.booleans(),
    bias=st.booleans(),
    embedding_norm=st.booleans(),
    token_types=st.integers(0, 3),
    head=st.sampled_from(["none", "tokens", "masked"]),
    tied=st.booleans(),
    pooler=st.booleans(),
    labels=st.integers(0, 3),
)


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_any_architecture(a: nn.Architecture) -> None:
    """Whatever choices are combined, the formula counts what is built."""
    with torch.device("meta"):
        assert nn.parameter_count(a) == size(nn.build(a))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 20))
def test_growth(a: nn.Architecture, T: int) -> None:
    """Each block costs the same; in T the work is a parabola, bent by 8 H K for each block."""

    def with_layers(layers: int) -> nn.Architecture:
        return replace(a, layers=layers)

    counts = [nn.parameter_count(with_layers(n)) for n in (1, 2, 3)]
    works = [nn.flops(with_layers(n), T) for n in (1, 2, 3)]
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0
    assert works[2] - works[1] == works[1] - works[0] > 0
    first, second, third = (nn.flops(a, T + more) for more in range(3))
    assert third - 2 * second + first == 8 * a.layers * a.heads * a.K


def test_heads_cost_nothing() -> None:
    """As long as they share the width: not one number, not one operation."""
    for heads in (1, 2, 4, 8):
        config = hf.GPT2Config(n_embd=8, n_head=heads)
        assert nn.parameter_count(config) == nn.parameter_count(hf.GPT2Config(n_embd=8, n_head=1))
        assert nn.flops(config, 9) == nn.flops(hf.GPT2Config(n_embd=8, n_head=1), 9)


def test_as_much_is_read_as_written() -> None:
    """Unless something else is said; and reading more, or writing more, costs more."""
    config = hf.T5Config(**T5)
    assert nn.flops(config, 11) == nn.flops(config, 11, 11)
    assert nn.flops(config, 11, 10) < nn.flops(config, 11) < nn.flops(config, 12, 11)


def test_the_parts_are_the_whole() -> None:
    """The parts add up, and an architecture counts as its configuration does."""
    for config, _ in CASES.values():
        parts = nn.parameters_by_part(config)
        assert sum(parts.values()) == nn.parameter_count(config)
        assert parts == nn.parameters_by_part(nn.architecture(config))


def test_nothing_is_allocated() -> None:
    """A model that no computer could hold is counted at once."""
    huge = replace(nn.architecture(LLAMA_70B), width=2**20, layers=10**4, head_width=2**14)
    begin = time.process_time()
    assert nn.parameter_count(huge) > 10**15
    assert nn.flops(huge, 10**6) > 2 * 10**21
    assert time.process_time() - begin < 0.1


# What is refused


def test_unknown_families() -> None:
    """A family that is none of ours is named."""
    for count in (nn.parameter_count, lambda config: nn.flops(config, 5)):
        with pytest.raises(ValueError, match="gpt_neox"):
            count(hf.GPTNeoXConfig())


def test_lengths_that_cannot_be_read() -> None:
    """Too short, too long, or a second text where there is no second stack."""
    config = hf.GPT2Config(**GPT2, **NO_ENDS)
    assert nn.flops(config, 19) > 0
    for T, message in ((0, "at least 1 token, got 0"), (20, "at most 19 tokens, got 20")):
        with pytest.raises(ValueError, match=message):
            nn.flops(config, T)
    with pytest.raises(ValueError, match="two stacks, got S = 3"):
        nn.flops(config, 5, 3)
    with pytest.raises(ValueError, match=r"at least 1 token, got \(5, 0\)"):
        nn.flops(hf.T5Config(**T5), 5, 0)
    with pytest.raises(ValueError, match="expected 10 tokens, one more than patches, got 11"):
        nn.flops(hf.ViTConfig(**VIT), 11)
    assert nn.flops(hf.LlamaConfig(**LLAMA, max_position_embeddings=8), 9) > 0
    two = replace(nn.original(37, width=8), position="learned", length=19)
    assert nn.flops(two, 5, 19) > 0
    with pytest.raises(ValueError, match=r"at most 19 tokens, got \(5, 20\)"):
        nn.flops(two, 5, 20)


@pytest.mark.usefixtures("unchecked_shapes")
def test_half_a_token_is_refused() -> None:
    """It would be counted without a word."""
    halves: Any = (5.5, "5", (5, 2.5))
    for T in halves:
        two = T if isinstance(T, tuple) else (T,)
        with pytest.raises(ValueError, match=r"expected a whole number of tokens, got"):
            nn.flops(nn.original(7, width=6, heads=1), *two)

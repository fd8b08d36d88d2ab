"""The families whose weights are published, and what a configuration of one describes."""

from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.bert import BERT
from glassformer.nn.families.family import Family
from glassformer.nn.families.gpt2 import GPT2
from glassformer.nn.families.llama import LLAMA
from glassformer.nn.families.t5 import T5
from glassformer.nn.families.vit import VIT

FAMILIES = {"gpt2": GPT2, "bert": BERT, "t5": T5, "llama": LLAMA, "mistral": LLAMA, "vit": VIT}


def architecture(config: Any) -> Architecture:
    """Return the architecture that a configuration of `transformers` describes.

    Args:
        config: Of GPT-2, BERT, T5, Llama, Mistral or ViT. Its `architectures` say which head is
            meant; where there are none, BERT and ViT are taken with their pooler and without head.

    Raises:
        ValueError: If the family is another, or makes a choice that ours cannot make.
    """
    return family(config).read(config)


def family(config: Any) -> Family:
    """Return the family of a configuration.

    Raises:
        ValueError: If it is none of ours.
    """
    kind = getattr(config, "model_type", type(config).__name__)
    if kind not in FAMILIES:
        raise ValueError(f"expected a model of {sorted(FAMILIES)}, got {kind!r}")
    return FAMILIES[kind]

"""ViT: its configuration and the names of its weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family, activation, blocks, expect, projections


def read_vit(c: Any) -> Architecture:
    """Return the architecture that a configuration of ViT describes."""
    for name in ("image_size", "patch_size"):
        if not isinstance(getattr(c, name), int):
            raise ValueError(f"expected one number as {name}, got {getattr(c, name)}")
    expect(c, qkv_bias=True, pooler_act="tanh", pooler_output_size=c.hidden_size)
    labelled = (c.architectures or ["ViTModel"])[0] == "ViTForImageClassification"
    return Architecture(
        kind="encoder",
        vocabulary_size=0,
        width=c.hidden_size,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        units=c.intermediate_size,
        epsilon=c.layer_norm_eps,
        activation=activation(c.hidden_act),
        head="none",
        pooler=not labelled,
        labels=c.num_labels if labelled else 0,
        image_size=c.image_size,
        patch_size=c.patch_size,
        channels=c.num_channels,
    )


def _fit_vit(a: Architecture, state: Mapping[str, Any]) -> Architecture:
    labels = len(state["classifier.weight"]) if "classifier.weight" in state else 0
    return replace(a, labels=labels, pooler=any(name.startswith("pooler.") for name in state))


VIT = Family(
    read=read_vit,
    names={
        "first": "embeddings.cls_token",
        "position": "embeddings.position_embeddings",
        "patch": "embeddings.patch_embeddings.projection",
        "stack.norm": "layernorm",
        "pooler": "pooler.dense",
        "classifier": "classifier",
        **blocks(
            *("stack", "layers.#"),
            {
                "attention_norm": "layernorm_before",
                "feed_forward_norm": "layernorm_after",
                **projections("attention", "attention", "q_proj k_proj v_proj o_proj"),
                "feed_forward.up": "mlp.fc1",
                "feed_forward.down": "mlp.fc2",
            },
        ),
    },
    older={
        "vit.": "",
        "encoder.layer.": "layers.",
        "attention.attention.query": "attention.q_proj",
        "attention.attention.key": "attention.k_proj",
        "attention.attention.value": "attention.v_proj",
        "attention.output.dense": "attention.o_proj",
        "intermediate.dense": "mlp.fc1",
        "output.dense": "mlp.fc2",
    },
    copies={},
    fit=_fit_vit,
)

"""BERT: its configuration and the names of its weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family, activation, blocks, expect, projections


def read_bert(c: Any) -> Architecture:
    """Return the architecture that a configuration of BERT describes."""
    expect(c, is_decoder=False, tie_word_embeddings=True)
    kind = (c.architectures or ["BertModel"])[0]
    return Architecture(
        kind="encoder",
        vocabulary_size=c.vocab_size,
        width=c.hidden_size,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        length=c.max_position_embeddings,
        units=c.intermediate_size,
        epsilon=c.layer_norm_eps,
        post_norm=True,
        activation=activation(c.hidden_act),
        embedding_norm=True,
        token_types=c.type_vocab_size,
        head="masked" if kind in ("BertForMaskedLM", "BertForPreTraining") else "none",
        pooler=kind in ("BertModel", "BertForPreTraining"),
        labels=2 if kind == "BertForPreTraining" else 0,
    )


def _fit_bert(a: Architecture, state: Mapping[str, Any]) -> Architecture:
    return replace(
        a,
        head="masked" if any(name.startswith("cls.predictions.") for name in state) else "none",
        pooler=any(name.startswith("pooler.") for name in state),
        labels=2 if any(name.startswith("cls.seq_relationship.") for name in state) else 0,
    )


BERT = Family(
    read=read_bert,
    names={
        "embedding.token": "embeddings.word_embeddings",
        "embedding.position": "embeddings.position_embeddings",
        "embedding.token_type": "embeddings.token_type_embeddings",
        "embedding.norm": "embeddings.LayerNorm",
        "head.transform": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
        "head": "cls.predictions",
        "pooler": "pooler.dense",
        "classifier": "cls.seq_relationship",
        **blocks(
            *("stack", "encoder.layer.#"),
            {
                **projections(
                    *("attention", "attention"), "self.query self.key self.value output.dense"
                ),
                "attention_norm": "attention.output.LayerNorm",
                "feed_forward.up": "intermediate.dense",
                "feed_forward.down": "output.dense",
                "feed_forward_norm": "output.LayerNorm",
            },
        ),
    },
    older={
        "bert.": "",
        "LayerNorm.gamma": "LayerNorm.weight",
        "LayerNorm.beta": "LayerNorm.bias",
    },
    copies={
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    unused=("embeddings.position_ids",),
    fit=_fit_bert,
)

"""Llama and Mistral: its configuration and the names of its weights."""

from collections.abc import Mapping
from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family, activation, blocks, expect, projections
from glassformer.nn.position import Stretch


def read_llama(c: Any) -> Architecture:
    """Return the architecture that a configuration of Llama and Mistral describes."""
    # A configuration may hold what only the other of the two reads.
    mistral = c.model_type == "mistral"
    bias = not mistral and c.attention_bias
    if not mistral:
        expect(c, mlp_bias=bias)
    return Architecture(
        vocabulary_size=c.vocab_size,
        width=c.hidden_size,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        groups=c.num_key_value_heads,
        head_width=c.head_dim,
        units=c.intermediate_size,
        length=c.max_position_embeddings,
        position="rope",
        rope_base=c.rope_parameters["rope_theta"],
        stretch=_stretch(c.rope_parameters),
        window=c.sliding_window if mistral else None,
        norm="rms",
        epsilon=c.rms_norm_eps,
        activation=activation(c.hidden_act),
        gated=True,
        bias=bias,
        tied=c.tie_word_embeddings,
    )


def _stretch(rope: Mapping[str, Any]) -> Stretch | None:
    """How RoPE is slowed."""
    if rope["rope_type"] == "default":
        return None
    if rope["rope_type"] != "llama3":
        raise ValueError(f"expected the rope type 'default' or 'llama3', got {rope['rope_type']!r}")
    return Stretch(
        factor=rope["factor"],
        low=rope["low_freq_factor"],
        high=rope["high_freq_factor"],
        length=rope["original_max_position_embeddings"],
    )


LLAMA = Family(
    read=read_llama,
    names={
        "embedding.token": "embed_tokens",
        "stack.norm": "norm",
        "head.unembedding": "lm_head",
        **blocks(
            *("stack", "layers.#"),
            {
                "attention_norm": "input_layernorm",
                "feed_forward_norm": "post_attention_layernorm",
                **projections("attention", "self_attn", "q_proj k_proj v_proj o_proj"),
                **{f"feed_forward.{n}": f"mlp.{n}_proj" for n in ("gate", "up", "down")},
            },
        ),
    },
    older={"model.": ""},
    copies={"lm_head.weight": "embed_tokens.weight"},
    unused=(".rotary_emb.inv_freq",),
)

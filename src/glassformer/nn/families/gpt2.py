"""GPT-2: its configuration and the names of its weights."""

from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family, activation, blocks, expect, projections


def read_gpt2(c: Any) -> Architecture:
    """Return the architecture that a configuration of GPT-2 describes."""
    expect(c, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    expect(c, add_cross_attention=False)
    return Architecture(
        vocabulary_size=c.vocab_size,
        width=c.n_embd,
        layers=c.n_layer,
        heads=c.n_head,
        length=c.n_positions,
        units=c.n_inner,
        epsilon=c.layer_norm_epsilon,
        activation=activation(c.activation_function),
        tied=c.tie_word_embeddings,
    )


GPT2 = Family(
    read=read_gpt2,
    names={
        "embedding.token": "wte",
        "embedding.position": "wpe",
        "stack.norm": "ln_f",
        "head.unembedding": "lm_head",
        **blocks(
            *("stack", "h.#"),
            {
                "attention_norm": "ln_1",
                "feed_forward_norm": "ln_2",
                **projections("attention", "attn", "c_attn/0 c_attn/1 c_attn/2 c_proj"),
                "feed_forward.up": "mlp.c_fc",
                "feed_forward.down": "mlp.c_proj",
            },
        ),
    },
    older={"transformer.": ""},
    copies={"lm_head.weight": "wte.weight"},
    unused=(".attn.bias", ".attn.masked_bias"),
    transposed=True,
)

"""T5: its configuration and the names of its weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.family import Family, activation, expect, projections


def read_t5(c: Any) -> Architecture:
    """Return the architecture that a configuration of T5 describes."""
    expect(c, is_encoder_decoder=True)
    return Architecture(
        kind="encoder-decoder",
        vocabulary_size=c.vocab_size,
        width=c.d_model,
        layers=c.num_layers,
        decoder_layers=c.num_decoder_layers,
        heads=c.num_heads,
        head_width=c.d_kv,
        units=c.d_ff,
        position="relative",
        buckets=c.relative_attention_num_buckets,
        furthest=c.relative_attention_max_distance,
        norm="rms",
        epsilon=c.layer_norm_epsilon,
        activation=activation(c.dense_act_fn),
        gated=c.is_gated_act,
        bias=False,
        scaled_scores=False,
        scaled_output=c.scale_decoder_outputs,
    )


def _fit_t5(a: Architecture, state: Mapping[str, Any]) -> Architecture:
    # T5 v1.1 was trained with an unembedding of its own, whatever its configuration says.
    own, shared = state.get("lm_head.weight"), state.get("shared.weight")
    same = own is None or (shared is not None and own.shape == shared.shape and own.equal(shared))
    return replace(a, tied=same)


T5 = Family(
    read=read_t5,
    names={
        "embedding.token": "shared",
        "head.unembedding": "lm_head",
        **{
            f"{stack}.{ours}": f"{stack}.{theirs}"
            for stack, last in (("encoder", 1), ("decoder", 2))
            for ours, theirs in {
                "norm": "final_layer_norm",
                "relative.table": "block.0.layer.0.SelfAttention.relative_attention_bias",
                "blocks.#.attention_norm": "block.#.layer.0.layer_norm",
                "blocks.#.cross_norm": "block.#.layer.1.layer_norm",
                "blocks.#.feed_forward_norm": f"block.#.layer.{last}.layer_norm",
                **projections(*("blocks.#.attention", "block.#.layer.0.SelfAttention"), "q k v o"),
                **projections(*("blocks.#.cross", "block.#.layer.1.EncDecAttention"), "q k v o"),
                "blocks.#.feed_forward.gate": f"block.#.layer.{last}.DenseReluDense.wi_0",
                "blocks.#.feed_forward.up": f"block.#.layer.{last}.DenseReluDense.wi",
                "blocks.#.feed_forward.down": f"block.#.layer.{last}.DenseReluDense.wo",
            }.items()
        },
    },
    # Where there is a gate, what goes up without one is called wi_1.
    older={"DenseReluDense.wi_1": "DenseReluDense.wi"},
    copies={
        "lm_head.weight": "shared.weight",
        "encoder.embed_tokens.weight": "shared.weight",
        "decoder.embed_tokens.weight": "shared.weight",
    },
    # In files of v1.0, a table that no block looks at: the look across has no bias.
    unused=("EncDecAttention.relative_attention_bias.weight",),
    fit=_fit_t5,
)

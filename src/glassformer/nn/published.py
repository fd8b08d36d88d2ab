"""The families whose weights are published: what their configurations and their names mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from glassformer.nn.architecture import Architecture
from glassformer.nn.position import Stretch

_ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "swish": "silu"}


@dataclass(frozen=True)
class Family:
    """How one family of `transformers` says what ours says.

    Attributes:
        read: Makes an architecture of a configuration.
        names: What stands in their names where ours has what is left of it; # is a number, and
            /1 means the second third of a matrix that holds three.
        older: Parts of names in older files, and what they are called today; applied in turn.
        copies: Names under which the weights of another name may be stored once more.
        unused: Ends of names that hold nothing learned.
        transposed: Whether linear layers are stored (in, out).
        fit: Changes an architecture by which of their names there are.
    """

    read: Callable[[Any], Architecture]
    names: Mapping[str, str]
    older: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    transposed: bool = False
    fit: Callable[[Architecture, Mapping[str, Any]], Architecture] = lambda a, _: a


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
    if config.model_type not in FAMILIES:
        raise ValueError(f"expected a model of {sorted(FAMILIES)}, got {config.model_type!r}")
    return FAMILIES[config.model_type]


def _read_gpt2(c: Any) -> Architecture:
    _expect(c, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    _expect(c, add_cross_attention=False)
    return Architecture(
        vocabulary_size=c.vocab_size,
        width=c.n_embd,
        layers=c.n_layer,
        heads=c.n_head,
        length=c.n_positions,
        units=c.n_inner,
        epsilon=c.layer_norm_epsilon,
        activation=_activation(c.activation_function),
        tied=c.tie_word_embeddings,
    )


def _read_bert(c: Any) -> Architecture:
    _expect(c, is_decoder=False, tie_word_embeddings=True)
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
        activation=_activation(c.hidden_act),
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


def _read_t5(c: Any) -> Architecture:
    _expect(c, is_encoder_decoder=True)
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
        activation=_activation(c.dense_act_fn),
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


def _read_llama(c: Any) -> Architecture:
    bias = getattr(c, "attention_bias", False)
    _expect(c, mlp_bias=bias)
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
        window=getattr(c, "sliding_window", None),
        norm="rms",
        epsilon=c.rms_norm_eps,
        activation=_activation(c.hidden_act),
        gated=True,
        bias=bias,
        tied=c.tie_word_embeddings,
    )


def _read_vit(c: Any) -> Architecture:
    _expect(c, qkv_bias=True, pooler_act="tanh", pooler_output_size=c.hidden_size)
    labelled = (c.architectures or ["ViTModel"])[0] == "ViTForImageClassification"
    return Architecture(
        kind="encoder",
        vocabulary_size=0,
        width=c.hidden_size,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        units=c.intermediate_size,
        epsilon=c.layer_norm_eps,
        activation=_activation(c.hidden_act),
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


def _activation(name: str) -> Any:
    """Ours for theirs; what is unknown, the architecture refuses."""
    return _ACTIVATIONS.get(name, name)


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


def _expect(config: Any, **expected: object) -> None:
    """Refuse a configuration with another choice."""
    for name, value in expected.items():
        if getattr(config, name, value) != value:
            raise ValueError(f"expected {name} = {value!r}, got {getattr(config, name)!r}")


def _blocks(ours: str, theirs: str, names: Mapping[str, str]) -> dict[str, str]:
    """The names of the parts of a block, each with what stands before it."""
    return {f"{ours}.blocks.#.{mine}": f"{theirs}.{name}" for mine, name in names.items()}


def _projections(ours: str, theirs: str, names: str) -> dict[str, str]:
    """The names of queries, keys, values and output."""
    parts = zip(("query", "key", "value", "output"), names.split(), strict=True)
    return {f"{ours}.{part}": f"{theirs}.{name}" for part, name in parts}


_LLAMA = Family(
    read=_read_llama,
    names={
        "embedding.token": "embed_tokens",
        "stack.norm": "norm",
        "head.unembedding": "lm_head",
        **_blocks(
            *("stack", "layers.#"),
            {
                "attention_norm": "input_layernorm",
                "feed_forward_norm": "post_attention_layernorm",
                **_projections("attention", "self_attn", "q_proj k_proj v_proj o_proj"),
                **{f"feed_forward.{n}": f"mlp.{n}_proj" for n in ("gate", "up", "down")},
            },
        ),
    },
    older={"model.": ""},
    copies={"lm_head.weight": "embed_tokens.weight"},
    unused=(".rotary_emb.inv_freq",),
)

FAMILIES = {
    "gpt2": Family(
        read=_read_gpt2,
        names={
            "embedding.token": "wte",
            "embedding.position": "wpe",
            "stack.norm": "ln_f",
            "head.unembedding": "lm_head",
            **_blocks(
                *("stack", "h.#"),
                {
                    "attention_norm": "ln_1",
                    "feed_forward_norm": "ln_2",
                    **_projections("attention", "attn", "c_attn/0 c_attn/1 c_attn/2 c_proj"),
                    "feed_forward.up": "mlp.c_fc",
                    "feed_forward.down": "mlp.c_proj",
                },
            ),
        },
        older={"transformer.": ""},
        copies={"lm_head.weight": "wte.weight"},
        unused=(".attn.bias", ".attn.masked_bias"),
        transposed=True,
    ),
    "bert": Family(
        read=_read_bert,
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
            **_blocks(
                *("stack", "encoder.layer.#"),
                {
                    **_projections(
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
    ),
    "t5": Family(
        read=_read_t5,
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
                    **_projections(
                        *("blocks.#.attention", "block.#.layer.0.SelfAttention"), "q k v o"
                    ),
                    **_projections(
                        *("blocks.#.cross", "block.#.layer.1.EncDecAttention"), "q k v o"
                    ),
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
        fit=_fit_t5,
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "vit": Family(
        read=_read_vit,
        names={
            "first": "embeddings.cls_token",
            "position": "embeddings.position_embeddings",
            "patch": "embeddings.patch_embeddings.projection",
            "stack.norm": "layernorm",
            "pooler": "pooler.dense",
            "classifier": "classifier",
            **_blocks(
                *("stack", "layers.#"),
                {
                    "attention_norm": "layernorm_before",
                    "feed_forward_norm": "layernorm_after",
                    **_projections("attention", "attention", "q_proj k_proj v_proj o_proj"),
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
        fit=_fit_vit,
    ),
}

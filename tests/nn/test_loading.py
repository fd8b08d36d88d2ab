"""Published weights in our models, against the models of `transformers` that they were made for."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from tests.nn import families

from glassformer import nn

# The bound of the promise, for logits of about 1: ten rounding steps of float32 add up to 1e-6.
CLOSE = 1e-5


def ours(model: Any) -> Any:
    """Our model with the weights of theirs."""
    return nn.from_hugging_face(model.config, model.state_dict())


def texts(B: int, T: int) -> torch.Tensor:
    """Random ids."""
    return torch.randint(families.V, (B, T), generator=torch.Generator().manual_seed(T))


def worst(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, for logits of about 1."""
    assert found.shape == expected.shape
    return float(((found - expected).abs() / expected.std().clamp(min=1)).max())


@pytest.mark.parametrize("name", families.TEXTS)
@pytest.mark.parametrize(("B", "T"), [(1, 1), (3, 11), (2, 17)])
@torch.no_grad()
def test_logits_of_texts_are_those_of_transformers(name: str, B: int, T: int) -> None:
    """Odd sizes, batches, one key-value head, up to the longest text."""
    theirs, ids = families.make(name), texts(B, T)
    assert worst(ours(theirs)(ids), families.logits(theirs(ids))) <= CLOSE


@pytest.mark.parametrize("name", families.TEXTS)
@torch.no_grad()
def test_padding_may_stand_on_either_side(name: str) -> None:
    """Where there are tokens, the logits agree; elsewhere ours are numbers all the same."""
    theirs, ids = families.make(name), texts(3, 11)
    mask = torch.ones(3, 11, dtype=torch.bool)
    mask[1, :4], mask[2, 7:] = False, False
    found = ours(theirs)(ids, mask)
    expected = families.logits(theirs(ids, attention_mask=mask.long()))
    assert worst(found[mask], expected[mask]) <= CLOSE
    assert found.isfinite().all()
    # The control: without the mask, padding is read.
    assert worst(ours(theirs)(ids)[mask], expected[mask]) > 0.01


@pytest.mark.parametrize("name", families.DECODERS)
@torch.no_grad()
def test_positions_may_be_counted_without_padding(name: str) -> None:
    """With them, a text padded on the left gets the logits of the text alone."""
    theirs, ids = families.make(name), texts(1, 11)
    mask = torch.arange(11)[None] >= 4
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    model = ours(theirs)
    found = model(ids, mask, positions=positions)[:, 4:]
    expected = theirs(ids, attention_mask=mask.long(), position_ids=positions).logits[:, 4:]
    assert worst(found, expected) <= CLOSE
    assert worst(found, model(ids[:, 4:])) <= CLOSE


@torch.no_grad()
def test_token_types_are_those_of_transformers() -> None:
    """A question and its answer, each with a vector of its own."""
    theirs, ids = families.make("bert"), texts(2, 9)
    types = (torch.arange(9) > 4).long().expand(2, 9)
    found = ours(theirs)(ids, token_types=types)
    assert worst(found, theirs(ids, token_type_ids=types).last_hidden_state) <= CLOSE


@torch.no_grad()
def test_the_heads_on_berts_first_vector_are_kept() -> None:
    """Pooler and next-sentence scores come out of the same vectors."""
    theirs, ids = families.make("bert-pretraining"), texts(2, 9)
    model = ours(theirs)
    pooled = torch.tanh(model.pooler(model.vectors(ids)[:, 0]))
    assert worst(model.classifier(pooled), theirs(ids).seq_relationship_logits) <= CLOSE


@pytest.mark.parametrize("name", families.ENCODER_DECODERS)
@pytest.mark.parametrize(("S", "T"), [(1, 1), (11, 6), (40, 3), (5, 30)])
@torch.no_grad()
def test_logits_of_t5_are_those_of_transformers(name: str, S: int, T: int) -> None:
    """Both texts of any length, beyond the furthest distance too, padded on either side."""
    theirs, ids, written = families.make(name), texts(3, S), texts(3, T)
    mask = torch.ones(3, S, dtype=torch.bool)
    if S > 1:
        mask[1, : S // 3], mask[2, -(S // 3) :] = False, False
    expected = theirs(input_ids=ids, attention_mask=mask.long(), decoder_input_ids=written).logits
    assert worst(ours(theirs)(ids, written, mask), expected) <= CLOSE


@torch.no_grad()
def test_what_is_written_may_be_padded() -> None:
    """The decoder's mask hides padding among what is written."""
    theirs, ids, written = families.make("t5"), texts(2, 5), texts(2, 7)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 4:] = False
    expected = theirs(input_ids=ids, decoder_input_ids=written, decoder_attention_mask=mask.long())
    found = ours(theirs)(ids, written, decoder_mask=mask)
    assert worst(found[mask], expected.logits[mask]) <= CLOSE


@torch.no_grad()
def test_an_unembedding_of_its_own_is_kept() -> None:
    """The real T5 v1.1 was trained with one, which its configuration no longer says."""
    theirs = families.make("t5-1.1")
    state = dict(theirs.state_dict())
    ids = texts(2, 5)
    model = ours(theirs)
    state["lm_head.weight"] = state["lm_head.weight"] + 1.0
    untied = nn.from_hugging_face(theirs.config, state)
    x = model.decoder(model.embedding(ids), source=model.read(ids))
    assert worst(untied(ids, ids), x @ state["lm_head.weight"].T) <= CLOSE


def test_a_table_that_no_block_looks_at_is_left_out() -> None:
    """The published files of T5 v1.0 hold a bias for the look across, where no place is told."""
    theirs, ids = families.make("t5"), texts(2, 5)
    name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    found = nn.from_hugging_face(theirs.config, {**theirs.state_dict(), name: torch.ones(8, 3)})
    assert torch.equal(found(ids, ids), ours(theirs)(ids, ids))


@pytest.mark.parametrize("name", families.VISION)
@torch.no_grad()
def test_images_are_read_as_by_transformers(name: str) -> None:
    """Patches, their places, and the vector of the whole image."""
    theirs = families.make(name)
    c = theirs.config
    images = torch.randn(2, c.num_channels, c.image_size, c.image_size)
    model = ours(theirs)
    assert worst(model(images), families.logits(theirs(images))) <= CLOSE
    if name == "vit":
        pooled = torch.tanh(model.pooler(model(images)[:, 0]))
        assert worst(pooled, theirs(images).pooler_output) <= CLOSE


@pytest.mark.parametrize("name", families.DECODERS)
@pytest.mark.parametrize("pieces", [[11], [1] * 11, [4, 1, 6]])
@torch.no_grad()
def test_a_step_at_a_time_gives_the_same(name: str, pieces: list[int]) -> None:
    """The cache stands for the tokens before, and is left as it was."""
    model, ids = ours(families.make(name)), texts(2, 11)
    cache, found = None, []
    for piece in torch.split(ids, pieces, dim=1):
        before = cache
        kept = None if before is None else [k.clone() for k, _ in before.own]
        scores, cache = model.step(piece, before)
        found.append(scores)
        if before is not None and kept is not None:
            assert all(torch.equal(a, k) for a, (k, _) in zip(kept, before.own, strict=True))
    assert worst(torch.cat(found, dim=1), model(ids)) <= CLOSE


@pytest.mark.parametrize("name", families.ENCODER_DECODERS)
@torch.no_grad()
def test_an_encoder_decoder_writes_a_step_at_a_time(name: str) -> None:
    """The source is given once; the cache keeps what the other steps need of it."""
    model, ids, written = ours(families.make(name)), texts(2, 9), texts(2, 6)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 5:] = False
    scores, cache = model.step(written[:, :2], source=model.read(ids, mask), source_mask=mask)
    found = [scores]
    for i in range(2, 6):
        scores, cache = model.step(written[:, i : i + 1], cache)
        found.append(scores)
    assert worst(torch.cat(found, dim=1), model(ids, written, mask)) <= CLOSE


@pytest.mark.parametrize("name", families.ALL)
@torch.no_grad()
def test_a_folder_gives_the_same_model(name: str, tmp_path: Path) -> None:
    """What `transformers` has written, in one file or in several, under names of its own."""
    theirs = families.make(name)
    expected = ours(theirs).state_dict()
    for size in ("1GB", "4KB"):
        folder = tmp_path / size
        theirs.save_pretrained(folder, max_shard_size=size)
        found = nn.load(folder).state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert len(list(folder.glob("*.safetensors"))) > 1


def test_names_of_older_files_are_read(tmp_path: Path) -> None:
    """The published BERT calls gain and bias of a norm gamma and beta; GPT-2 has no prefix."""
    bert = families.make("bert-pretraining")
    bert.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    for new, old in (("weight", "gamma"), ("bias", "beta")):
        state = {n.replace(f"LayerNorm.{new}", f"LayerNorm.{old}"): t for n, t in state.items()}
    assert any("gamma" in name for name in state)
    save_file(
        {**state, "bert.embeddings.position_ids": torch.arange(17)}, tmp_path / "model.safetensors"
    )
    expected = ours(bert).state_dict()
    assert all(torch.equal(t, expected[n]) for n, t in nn.load(tmp_path).state_dict().items())
    gpt2 = families.make("gpt2")
    bare = {n.removeprefix("transformer."): t for n, t in gpt2.state_dict().items()}
    del bare["lm_head.weight"]
    bare["h.0.attn.bias"] = torch.ones(1, 1, 17, 17).tril()
    expected = ours(gpt2).state_dict()
    found = nn.from_hugging_face(gpt2.config, bare).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_weights_are_copies_and_keep_their_type() -> None:
    """Training our model changes neither theirs nor the dictionary; half precision stays half."""
    theirs = families.make("llama")
    state = theirs.state_dict()
    before = {name: tensor.clone() for name, tensor in state.items()}
    model = nn.from_hugging_face(theirs.config, state)
    with torch.no_grad():
        for weight in model.parameters():
            assert weight.requires_grad
            weight.zero_()
    assert all(torch.equal(state[name], before[name]) for name in before)
    half = nn.from_hugging_face(theirs.config, {n: t.bfloat16() for n, t in state.items()})
    assert half(texts(1, 4)).dtype == torch.bfloat16


@torch.no_grad()
def test_what_only_the_other_family_reads_changes_nothing() -> None:
    """A window in a Llama's configuration, or biases in a Mistral's, are not looked at."""
    ids = texts(2, 11)
    families_with: list[tuple[Any, Any, dict[str, Any]]] = [
        (hf.LlamaForCausalLM, hf.LlamaConfig, {"sliding_window": 3}),
        (hf.MistralForCausalLM, hf.MistralConfig, {"attention_bias": True}),
    ]
    for make, config, more in families_with:
        theirs = make(config(**families.LONG, num_key_value_heads=2, **more)).eval()
        assert worst(ours(theirs)(ids), theirs(ids).logits) <= CLOSE


# Errors


@pytest.mark.parametrize("name", families.ALL)
def test_every_missing_weight_is_named(name: str) -> None:
    """Each weight that only one name holds is missed, by that name and with its shape."""
    theirs = families.make(name)
    state = theirs.state_dict()
    optional = ("lm_head", "predictions", "seq_relationship", "classifier", "pooler")
    copies = ("embed_tokens", "shared")
    for missing in state:
        if any(part in missing for part in (*optional, *copies)):
            continue
        rest = {n: t for n, t in state.items() if n != missing}
        bare = missing.removeprefix("transformer.").removeprefix("model.")
        bare = bare.removeprefix("bert.").removeprefix("vit.").replace("wi_1", "wi")
        with pytest.raises(ValueError, match="is missing") as caught:
            nn.from_hugging_face(theirs.config, rest)
        # One of a family's names may be a part of another: the whole name, then the shape.
        assert f" {bare} (" in str(caught.value)


@pytest.mark.parametrize("name", families.ALL)
def test_unknown_and_misshaped_weights_are_named(name: str) -> None:
    """All that is wrong is said at once."""
    theirs = families.make(name)
    state = dict(theirs.state_dict())
    changed = next(
        n
        for n in state
        if n.endswith(
            (
                "o.weight",
                "down_proj.weight",
                "fc2.weight",
                "mlp.c_proj.weight",
                "output.dense.weight",
            )
        )
    )
    was = tuple(state[changed].shape)
    state[changed] = torch.zeros(was[0] + 1, was[1])
    state["h.7.surprise"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"h\.7\.surprise is unknown") as caught:
        nn.from_hugging_face(theirs.config, state)
    assert f"has shape {(was[0] + 1, was[1])} instead of {was}" in str(caught.value)


@pytest.mark.parametrize("name", ["gpt2", "bert-masked", "llama-3.1"])
def test_a_copy_that_differs_is_refused(name: str) -> None:
    """A tied unembedding that is not the embedding would be silently ignored."""
    theirs = families.make(name)
    state = {n: t.clone() for n, t in theirs.state_dict().items()}
    copy = next(n for n in state if n in ("lm_head.weight", "cls.predictions.decoder.weight"))
    state[copy] += 1
    with pytest.raises(ValueError, match=f"{copy} differs from"):
        nn.from_hugging_face(theirs.config, state)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("config", "message"),
    [
        (hf.OPTConfig(), "expected a model of .*, got 'opt'"),
        (hf.GPT2Config(scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx"),
        (hf.GPT2Config(activation_function="tanh"), "expected activation in .*, got 'tanh'"),
        (hf.BertConfig(is_decoder=True), "expected is_decoder = False, got True"),
        (hf.LlamaConfig(attention_bias=True), "expected mlp_bias = True, got False"),
        (hf.ViTConfig(qkv_bias=False), "expected qkv_bias = True, got False"),
        (hf.ViTConfig(image_size=(12, 8)), "expected one number as image_size, got"),
        (None, "expected a model of .*, got 'NoneType'"),
        (
            hf.LlamaConfig(
                rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
            ),
            "expected the rope type 'default' or 'llama3', got 'linear'",
        ),
    ],
)
def test_a_choice_that_is_not_ours_is_refused(config: Any, message: str) -> None:
    """Whatever would change the logits and is not built says so."""
    with pytest.raises(ValueError, match=message):
        nn.from_hugging_face(config, {})


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """The error names the file that is not there."""
    with pytest.raises(ValueError, match=r"expected a file .*config\.json, got none"):
        nn.load(tmp_path)
    theirs = families.make("llama")
    theirs.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"expected a file .*model\.safetensors, got none"):
        nn.load(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "b.st"}})
    )
    with pytest.raises(ValueError, match=r"expected a file .*b\.st, got none"):
        nn.load(tmp_path)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("name", families.TEXTS)
def test_texts_that_cannot_be_read_are_refused(name: str) -> None:
    """Too long, empty, or with an id outside the vocabulary."""
    model = ours(families.make(name))
    for ids, message in (
        (texts(1, 18), r"expected ids \(B, T\) of at most 17 tokens"),
        (torch.zeros(1, 0, dtype=torch.long), "expected ids"),
        (torch.tensor([[families.V]]), f"expected ids in 0..{families.V - 1}, got {families.V}"),
        (torch.ones(1, 2), "expected whole numbers as ids"),
    ):
        with pytest.raises(ValueError, match=message):
            model(ids)


def test_a_cache_does_not_outgrow_the_model() -> None:
    """Tokens before count, too."""
    model = ours(families.make("gpt2"))
    _, cache = model.step(texts(1, 16))
    _, cache = model.step(texts(1, 1), cache)
    with pytest.raises(ValueError, match="at most 0 tokens"):
        model.step(texts(1, 1), cache)


@pytest.mark.parametrize("wrong", [None, torch.ones(24).numpy(), torch.ones(24).long()])
def test_weights_that_are_no_floats_are_named(wrong: Any) -> None:
    """Whole numbers do not learn, and arrays are not tensors."""
    theirs = families.make("gpt2")
    state = {**theirs.state_dict(), "transformer.ln_f.weight": wrong}
    with pytest.raises(ValueError, match=r"ln_f\.weight is .* instead of a tensor of floats"):
        nn.from_hugging_face(theirs.config, state)

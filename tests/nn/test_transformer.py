"""Whole models by their architecture: against torch's own, small steps, and what they may see."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from glassformer import nn
from glassformer.block.normalization import layer_norm, rms_norm
from glassformer.embedding import embed
from glassformer.nn.block import TransformerBlock
from glassformer.nn.embedding import TextEmbedding
from glassformer.nn.stack import Block, Look, Stack
from glassformer.nn.transformer import EncoderDecoder, Transformer
from glassformer.nn.vision import VisionTransformer
from glassformer.position.sinusoidal import sinusoidal_positions

# The same float32 sums in another order, of values of about 1.
ROUNDING = 1e-5
SMALL = nn.Architecture(vocabulary_size=11, width=8, layers=2, heads=2, length=9)
LLAMA = replace(
    *(SMALL,), position="rope", norm="rms", gated=True, activation="silu", bias=False, groups=1
)
BOTH = replace(
    *(SMALL,), kind="encoder-decoder", decoder_layers=2, position="relative", norm="rms",
    activation="relu", bias=False, scaled_scores=False, scaled_output=True,
)  # fmt: skip
VARIANTS = {
    "gpt2": SMALL,
    "llama": LLAMA,
    "window": replace(LLAMA, window=2),
    "bert": replace(SMALL, kind="encoder", post_norm=True, embedding_norm=True, head="masked"),
    "sinusoids": replace(SMALL, position="sinusoidal", tied=False),
    "none": replace(SMALL, position="none"),
    "relative": replace(SMALL, position="relative", kind="encoder"),
    "t5": BOTH,
    "original": nn.original(11, width=8, layers=1, heads=2),
}


def shaken(a: nn.Architecture) -> Any:
    """A model with random biases and gains too, which start at 0 and 1."""
    model = nn.build(a)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def texts(B: int, T: int) -> torch.Tensor:
    """Random ids."""
    return torch.randint(11, (B, T), generator=torch.Generator().manual_seed(T))


def arguments(a: nn.Architecture, T: int = 5) -> tuple[torch.Tensor, ...]:
    """What a model is called with."""
    return (texts(2, T), texts(2, 4)) if a.decoder_layers else (texts(2, T),)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_original_is_torchs_transformer(*, norm_first: bool) -> None:
    """Values and gradients of both stacks, with the same weights, norms before or after."""
    a = replace(nn.original(11, width=8, layers=2, heads=2, units=13), post_norm=not norm_first)
    ours = shaken(a)
    theirs = torch.nn.Transformer(*(8, 2, 2, 2, 13, 0.0), batch_first=True, norm_first=norm_first)
    if not norm_first:  # Torch adds a norm after each stack, which the paper does not have.
        theirs.encoder.norm = theirs.decoder.norm = None
    names = {
        "attention": "self_attn", "cross": "multihead_attn",
        "feed_forward.up": "linear1", "feed_forward.down": "linear2",
    }  # fmt: skip
    pairs: list[tuple[torch.nn.Parameter, str]] = []
    weights = dict(ours.named_parameters())
    state: dict[str, torch.Tensor] = {}
    for side, norms in (
        ("encoder", {"attention_norm": "norm1", "feed_forward_norm": "norm2"}),
        (
            "decoder",
            {"attention_norm": "norm1", "cross_norm": "norm2", "feed_forward_norm": "norm3"},
        ),
    ):
        for i in range(2):
            at, there = f"{side}.blocks.{i}", f"{side}.layers.{i}"
            for mine, name in {**names, **norms}.items():
                for kind in ("weight", "bias"):
                    whole = f"{at}.{mine}.{kind}"
                    if whole in weights:
                        pairs.append((weights[whole], f"{there}.{name}.{kind}"))
                    elif f"{at}.{mine}.query.{kind}" in weights:
                        parts = [
                            weights[f"{at}.{mine}.{p}.{kind}"] for p in ("query", "key", "value")
                        ]
                        state[f"{there}.{name}.in_proj_{kind}"] = torch.cat(parts)
                        pairs.append(
                            (
                                weights[f"{at}.{mine}.output.{kind}"],
                                f"{there}.{name}.out_proj.{kind}",
                            )
                        )
        if norm_first:
            pairs += [(weights[f"{side}.norm.{k}"], f"{side}.norm.{k}") for k in ("weight", "bias")]
    theirs.load_state_dict({**state, **{name: weight.data for weight, name in pairs}})
    source, target = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    real = torch.arange(6) < torch.tensor([6, 4, 1])[:, None]
    memory = ours.encoder(source, real)
    found = ours.decoder(target, source=memory, source_mask=real)
    expected = theirs(
        *(source, target),
        tgt_mask=~torch.ones(5, 5, dtype=torch.bool).tril(),
        src_key_padding_mask=~real,
        memory_key_padding_mask=~real,
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING)
    direction = torch.randn_like(found)
    torch.autograd.backward((found * direction).sum())
    torch.autograd.backward((expected * direction).sum())
    stored = dict(theirs.named_parameters())
    for weight, name in pairs:
        torch.testing.assert_close(weight.grad, stored[name].grad, rtol=0, atol=10 * ROUNDING)


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_are_those_of_small_steps(name: str) -> None:
    """The slope of the loss along a random direction in all weights, found by two small steps."""
    a = VARIANTS[name]
    model = shaken(a).double()
    given = arguments(a)

    def loss() -> torch.Tensor:
        scores = model(*given)
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), given[-1].flatten())

    weights = list(model.parameters())
    torch.autograd.backward(loss())
    # A pooler or classifier has no part in the logits; nothing else is left out.
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in weights)
    for seed in range(3):
        torch.manual_seed(seed)
        ways = [torch.randn_like(weight) for weight in weights]
        slope = sum(float((w.grad * way).sum()) for w, way in zip(weights, ways, strict=True))
        values = []
        for size in (1e-6, -2e-6):
            with torch.no_grad():
                for weight, way in zip(weights, ways, strict=True):
                    weight.add_(way, alpha=size)
                values.append(float(loss()))
        with torch.no_grad():
            for weight, way in zip(weights, ways, strict=True):
                weight.add_(way, alpha=1e-6)
        # Two-sided steps of 1e-6 in float64 are right to about 1e-9 of a slope of about 1.
        assert abs((values[0] - values[1]) / 2e-6 - slope) <= 1e-6 * max(1, abs(slope))


@pytest.mark.parametrize("name", VARIANTS)
def test_it_sees_what_its_kind_says(name: str) -> None:
    """By gradients: all positions, or those before, or the last few."""
    a = VARIANTS[name]
    model = shaken(a)
    stack: Stack = model.decoder if a.decoder_layers else model.stack
    x = torch.randn(1, 6, 8, requires_grad=True)
    source = torch.randn(1, 3, 8) if a.decoder_layers else None
    sees = torch.zeros(6, 6, dtype=torch.bool)
    for t in range(6):
        weighed = (stack(x, source=source)[0, t] * torch.arange(1.0, 9)).sum()
        (gradient,) = torch.autograd.grad(weighed, x)
        sees[t] = gradient[0].abs().sum(-1) > 0
    back = torch.arange(6)[:, None] - torch.arange(6)
    expected = torch.ones(6, 6, dtype=torch.bool) if a.kind == "encoder" else back >= 0
    if a.window:  # Two layers see one step further than one.
        expected &= back <= a.layers * (a.window - 1)
    assert torch.equal(sees, expected)


def test_the_simplest_block_is_one_of_these() -> None:
    """The block that pages show, with the same weights, gives the same."""
    torch.manual_seed(0)
    plain, general = TransformerBlock(8, 2), Block(replace(SMALL, activation="gelu"))
    general.load_state_dict(plain.state_dict())
    x = torch.randn(2, 5, 8)
    look = Look(None, None, None, causal=True, source_mask=None)
    mask = torch.ones(1, 1, 5, 5, dtype=torch.bool).tril()
    torch.testing.assert_close(general(x, look)[0], plain(x, mask), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(("norm", "numpy_norm"), [("layer", layer_norm), ("rms", rms_norm)])
def test_norms_are_those_of_the_numpy_side(norm: Any, numpy_norm: Any) -> None:
    """With the epsilon that the architecture gives."""
    module = replace(SMALL, norm=norm, epsilon=0.1).make_norm()
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_()
    x = torch.randn(3, 8)
    arrays = [weight.detach().numpy() for weight in module.parameters()]
    expected = numpy_norm(x.numpy(), *arrays, epsilon=0.1)
    assert abs(module(x).detach().numpy() - expected).max() <= ROUNDING


@pytest.mark.parametrize("scaled", [False, True])
def test_embeddings_are_those_of_the_numpy_side(*, scaled: bool) -> None:
    """A row for each id, times the root of the width if so, plus a sinusoid."""
    a = replace(SMALL, position="sinusoidal", scaled_embedding=scaled)
    module, ids = TextEmbedding(a), texts(2, 5)
    table = module.token.weight.detach().numpy()
    expected = embed(ids.numpy(), table) * (8**0.5 if scaled else 1)
    expected = expected + sinusoidal_positions(5, 8)
    assert abs(module(ids).detach().numpy() - expected).max() <= ROUNDING


def test_a_seed_decides_the_weights_and_nothing_else() -> None:
    """The same seed, the same model; torch's own generator stays where it was."""
    for a in (SMALL, BOTH, replace(SMALL, image_size=4, patch_size=2, kind="encoder", head="none")):
        before = torch.get_rng_state()
        first, again, other = nn.build(a, 1), nn.build(a, 1), nn.build(a, 2)
        assert torch.equal(before, torch.get_rng_state())
        weights = [dict(model.named_parameters()) for model in (first, again, other)]
        assert all(torch.equal(weights[0][n], weights[1][n]) for n in weights[0])
        assert any(not torch.equal(weights[0][n], weights[2][n]) for n in weights[0])


@pytest.mark.parametrize("name", VARIANTS)
def test_an_untrained_model_is_undecided(name: str) -> None:
    """Its loss is near that of guessing, ln V, so that training starts from there."""
    a = replace(VARIANTS[name], vocabulary_size=200, width=64)
    ids = torch.randint(200, (8, 9), generator=torch.Generator().manual_seed(0))
    given = (ids, ids) if a.decoder_layers else (ids,)
    wanted = ids.roll(1, 0)
    with torch.no_grad():
        scores = nn.build(a)(*given)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())
    # Scores of variance 1 cost half a nat; a tied table also leans to the word that was read,
    # most of all in the original, whose embeddings are scaled up.
    assert 5.2 <= float(loss) <= 5.3 + 2


# Errors


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "expected width of at least 1, got 0"),
        ({"layers": 0}, "expected layers of at least 1, got 0"),
        ({"heads": 3}, "expected heads that divide 8, got 3"),
        ({"groups": 3}, "expected groups that divide 2, got 3"),
        ({"units": 0}, "expected F of at least 1, got 0"),
        ({"position": "where"}, "expected position in .*, got 'where'"),
        ({"norm": "batch"}, "expected norm in .*, got 'batch'"),
        ({"kind": "encoder-decoder"}, "expected decoder_layers .*, got 0"),
        ({"decoder_layers": 2}, "expected decoder_layers .*, got 2 in 'decoder'"),
        ({"length": None}, "expected a length for learned positions, got None"),
        ({"image_size": 6, "patch_size": 4}, "expected patches that divide 6 pixels, got 4"),
        ({"kind": 3}, "expected kind in .*, got 3"),
        ({"activation": None}, "expected activation in .*, got None"),
        ({"width": 8.0}, "expected width as a whole number, got 8.0"),
        ({"heads": True}, "expected heads as a whole number, got True"),
        ({"window": 2.5}, "expected window as a whole number, got 2.5"),
        ({"vocabulary_size": 0}, "expected vocabulary_size of at least 1, got 0"),
        ({"length": -3}, "expected length of at least 1, got -3"),
        # A window of 0 would be none at all.
        ({"window": 0}, "expected window of at least 1, got 0"),
        ({"token_types": -1}, "expected token_types of at least 0, got -1"),
        ({"epsilon": -1.0}, "expected a positive epsilon, got -1.0"),
        ({"epsilon": float("nan")}, "expected a positive epsilon, got nan"),
        ({"rope_base": 0.0}, "expected a positive rope_base, got 0.0"),
        ({"position": "rope", "head_width": 3}, "expected an even width for 'rope', got 3"),
        ({"position": "sinusoidal", "width": 9, "heads": 3}, "an even width for 'sinusoidal', got"),
        ({"position": "relative", "buckets": 1}, "expected buckets of at least 2, got 1"),
        ({"position": "relative", "furthest": 16}, "expected furthest of at least 17, got 16"),
        (
            {"image_size": 4, "patch_size": 2, "head": "none"},
            "expected kind = 'encoder' for images",
        ),
        (
            {"kind": "encoder-decoder", "decoder_layers": 1, "labels": 3},
            "expected labels = 0 for two stacks, got 3",
        ),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(change: Any, message: str) -> None:
    """Before any weight is made, with what came."""
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


def test_each_model_takes_its_own_kind() -> None:
    """One stack, two stacks, or images."""
    for model, a in ((Transformer, BOTH), (EncoderDecoder, SMALL), (VisionTransformer, SMALL)):
        with pytest.raises(ValueError, match="expected an"):
            model(a)


def test_steps_need_a_decoder_and_a_source() -> None:
    """An encoder cannot write; a decoder that looks at a text needs one."""
    with pytest.raises(ValueError, match="expected a decoder, got 'encoder'"):
        shaken(VARIANTS["bert"]).step(texts(1, 3))
    with pytest.raises(ValueError, match="expected a source at the first step"):
        shaken(BOTH).step(texts(1, 3))


@pytest.mark.usefixtures("unchecked_shapes")
def test_images_of_another_size_are_refused() -> None:
    """Positions are learned for one number of patches."""
    a = replace(SMALL, image_size=4, patch_size=2, kind="encoder", head="none")
    with pytest.raises(
        ValueError, match=r"expected images \(B, C, Y, X\) .*, got shape \(1, 3, 4, 5\)"
    ):
        nn.build(a)(torch.zeros(1, 3, 4, 5))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
            "expected images as a tensor of torch.float32",
        ),
        (torch.zeros(1, 3, 4, 4).double(), "expected images as a tensor of torch.float32"),
        (torch.zeros(1, 3, 4, 4).numpy(), "expected images as a tensor of torch.float32"),
        (torch.zeros(0, 3, 4, 4), r"expected images \(B, C, Y, X\) .*, got shape \(0, 3, 4, 4\)"),
        (torch.full((1, 3, 4, 4), torch.nan), "expected finite numbers in images"),
    ],
)
def test_images_that_are_no_numbers_are_refused(images: Any, message: str) -> None:
    """Pixels from 0 to 255 are to be scaled first; NaN would reach every vector."""
    a = replace(SMALL, image_size=4, patch_size=2, kind="encoder", head="none")
    with pytest.raises(ValueError, match=message):
        nn.build(a)(images)


IDS = texts(3, 5)
HERE = torch.arange(5).expand(3, 5)
BERT = replace(VARIANTS["bert"], token_types=2)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("a", "given", "message"),
    [
        (SMALL, {"ids": IDS.tolist()}, "expected whole numbers as ids, got list"),
        (SMALL, {"ids": IDS.numpy()}, "expected whole numbers as ids"),
        (SMALL, {"ids": IDS > 3}, "expected whole numbers as ids, got torch.bool"),
        (SMALL, {"mask": HERE.float()}, "expected mask as a tensor of bool, got torch.float32"),
        # Each of these would be stretched over the batch, or over the text, without a word.
        (SMALL, {"mask": HERE[:1] > 0}, r"expected mask \(3, 5\), .*, got shape \(1, 5\)"),
        (BERT, {"mask": HERE[:, 1:2] > 0}, r"expected mask \(3, 5\), .*, got shape \(3, 1\)"),
        (BERT, {"mask": HERE[0] > 0}, r"expected mask \(3, 5\), .*, got shape \(5,\)"),
        (SMALL, {"positions": HERE[:1]}, r"expected positions \(3, 5\), .*, got \(1, 5\)"),
        (SMALL, {"positions": HERE + 5}, r"expected positions in 0\.\.8, got 5\.\.9"),
        (LLAMA, {"positions": HERE + 5}, r"expected positions in 0\.\.8, got 5\.\.9"),
        (LLAMA, {"positions": HERE - 1}, r"expected positions in 0\.\.8, got -1\.\.3"),
        (LLAMA, {"positions": HERE + 0.5}, "expected whole numbers as positions"),
        (VARIANTS["relative"], {"positions": HERE}, "expected no positions with 'relative' ones"),
        (SMALL, {"token_types": HERE * 0}, "expected no token types"),
        (BERT, {"token_types": HERE}, r"expected token types in 0\.\.1, got 0\.\.4"),
        (BERT, {"token_types": HERE[:1] * 0}, r"expected token types \(3, 5\), .*, got \(1, 5\)"),
    ],
)
def test_what_does_not_belong_to_the_ids_is_refused(a: Any, given: Any, message: str) -> None:
    """Masks, positions and token types: one for each id, of the right kind and in range."""
    with pytest.raises(ValueError, match=message):
        nn.build(a)(**{"ids": IDS, **given})


@pytest.mark.usefixtures("unchecked_shapes")
def test_both_texts_of_an_encoder_decoder_belong_together() -> None:
    """One source is not stretched over a batch, nor its mask."""
    model, source = shaken(BOTH), texts(3, 7)
    with pytest.raises(ValueError, match=r"expected a source \(3, S, 8\), got shape \(1, 7, 8\)"):
        model(source[:1], IDS)
    with pytest.raises(ValueError, match=r"expected source_mask \(3, 7\), .* \(1, 7\)"):
        model.step(IDS, source=model.read(source), source_mask=source[:1] > 0)
    with pytest.raises(ValueError, match=r"expected a source of torch.float32, got torch.float64"):
        model.step(IDS, source=model.read(source).double())


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_cache_belongs_to_its_model_and_batch() -> None:
    """Another model's would give numbers that mean nothing, or an error of torch's."""
    model, both = shaken(LLAMA), shaken(BOTH)
    _, cache = model.step(IDS)
    with pytest.raises(ValueError, match=r"keys \(1, 1, 5, 4\), got 2, 0 and \[\(3, 1, 5, 4\)"):
        model.step(IDS[:1, :1], cache)
    changes: list[dict[str, Any]] = [{"layers": 1}, {"layers": 3}, {"groups": 2}, {"head_width": 6}]
    for change in changes:
        with pytest.raises(ValueError, match=r"expected a cache of \d blocks"):
            shaken(replace(LLAMA, **change)).step(IDS[:, :1], cache)
    _, decoders = shaken(SMALL).step(IDS)
    with pytest.raises(ValueError, match="expected a cache of 2 blocks, 2 with a source"):
        both.step(IDS[:, :1], decoders)  # It would write without having read.
    source = both.read(IDS)
    _, cache = both.step(IDS, source=source)
    with pytest.raises(ValueError, match="expected a source at the first step only"):
        both.step(IDS[:, :1], cache, source=source)

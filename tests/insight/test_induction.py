"""Induction: scores by hand and against loops, the model against GPT-NeoX, heads silenced."""

from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from glassformer.insight.induction import (
    AttentionOnly,
    induction_score,
    previous_token_score,
)
from glassformer.training.loop import fit

V = 11
# A few sums of float64 numbers near 1, in another order.
ROUNDING = 1e-12


def model(*, width: int = 12, heads: int = 3, layers: int = 2, seed: int = 0) -> AttentionOnly:
    """A model whose weights are all large and none special, so that no mistake hides."""
    made = AttentionOnly(V, width=width, heads=heads, layers=layers, seed=seed).double()
    torch.manual_seed(seed)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1) / 2, std=0.5)
    return made


def some_ids(*shape: int) -> torch.Tensor:
    """Ids below V, the same on each call."""
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(0))


def random_maps(*shape: int, seed: int = 0) -> torch.Tensor:
    """Causal attention weights."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(*shape, shape[-1], generator=generator, dtype=torch.float64)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


# The scores


def test_scores_by_hand() -> None:
    """Of a b a a: the second a was followed by b, the third by b and by a."""
    look = torch.tensor(
        [[1.0, 0, 0, 0], [0.25, 0.75, 0, 0], [0.5, 0.25, 0.25, 0], [0.125, 0.25, 0.5, 0.125]]
    )[None, None, None]
    ids = torch.tensor([[0, 1, 0, 0]])
    assert previous_token_score(look).item() == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    # The third token: weight on place 1. The fourth: on places 1 and 3, which followed an a.
    assert induction_score(look, ids).item() == pytest.approx((0.25 + 0.25 + 0.125) / 2)


@given(st.integers(2, 9), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_scores_are_those_of_loops(T: int, B: int, letters: int, seed: int) -> None:
    """Counted one token at a time, for each layer and head of its own."""
    maps = random_maps(2, B, 3, T, seed=seed)
    ids = torch.randint(letters, (B, T), generator=torch.Generator().manual_seed(seed))
    previous = previous_token_score(maps)
    places = [(b, t) for b in range(B) for t in range(T) if ids[b, t] in ids[b, :t]]
    for layer in range(2):
        for head in range(3):
            look = maps[layer, :, head]
            before = [look[b, t, t - 1].item() for b in range(B) for t in range(1, T)]
            assert previous[layer, head].item() == pytest.approx(sum(before) / len(before))
            if places:
                weight = sum(
                    look[b, t, j].item()
                    for b, t in places
                    for j in range(1, t + 1)
                    if ids[b, j - 1] == ids[b, t]
                )
                score = induction_score(maps, ids)[layer, head].item()
                assert score == pytest.approx(weight / len(places))
    if not places:
        with pytest.raises(ValueError, match="comes twice"):
            induction_score(maps, ids)


@given(st.integers(1, 5), st.integers(6, 15), st.integers(0, 99))
def test_a_head_that_keeps_the_rule_scores_one(period: int, T: int, seed: int) -> None:
    """On a loop, looking one less than a period back is induction, and a period back is not."""
    pattern = torch.randperm(V, generator=torch.Generator().manual_seed(seed))[:period]
    ids = pattern[torch.arange(T) % period][None]
    for back, score in ((period - 1, 1.0), (period, float(period == 1))):
        look = torch.zeros(T, T)
        look[torch.arange(T), (torch.arange(T) - back).clamp(min=0)] = 1
        if period == 1 and back == 1:
            look[1, 0], look[1, 1] = 0, 1  # token 0 followed nothing
        assert induction_score(look[None, None, None], ids).item() == score
    shift = torch.eye(T)[(torch.arange(T) - 1).clamp(min=0)]
    assert previous_token_score(shift[None, None, None]).item() == 1


def test_names_of_tokens_do_not_matter() -> None:
    """Renaming all tokens leaves the induction score as it is."""
    maps, ids = random_maps(1, 3, 2, 9), some_ids(3, 9)
    renamed = torch.randperm(V, generator=torch.Generator().manual_seed(1))[ids]
    assert torch.equal(induction_score(maps, ids), induction_score(maps, renamed))


def test_scores_refuse_what_has_none() -> None:
    """One token has none before it; different tokens repeat nothing."""
    with pytest.raises(ValueError, match="expected texts of at least 2 tokens, got 1"):
        previous_token_score(random_maps(1, 2, 1, 1))
    with pytest.raises(ValueError, match="expected a token that comes twice in its text, got none"):
        induction_score(random_maps(1, 1, 1, 4), torch.arange(4)[None])


# The model


def as_gpt_neox(ours: AttentionOnly) -> Any:
    """A GPT-NeoX with our weights, its feed-forward networks set to zero."""
    config = GPTNeoXConfig()
    for name, value in {
        "vocab_size": V,
        "num_hidden_layers": len(ours.blocks),
        "hidden_size": ours.embedding.embedding_dim,
        "num_attention_heads": cast(Any, ours.blocks[0]).attention.heads,
        "intermediate_size": 1,
        "use_parallel_residual": False,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "partial_rotary_factor": 1.0,
        },
    }.items():
        setattr(config, name, value)
    config._attn_implementation = "eager"
    theirs: Any = GPTNeoXForCausalLM(config).double()
    theirs.eval()
    body, H = theirs.gpt_neox, config.num_attention_heads
    pairs = [(body.embed_in, ours.embedding), (theirs.lm_head, ours.unembedding)]
    pairs += [(body.final_layer_norm, ours.norm)]
    for layer, block in zip(body.layers, cast(Any, ours.blocks), strict=True):
        attention = block.attention
        pairs += [
            (layer.input_layernorm, block.attention_norm),
            (layer.attention.dense, attention.output),
        ]
        for kind in ("weight", "bias"):  # a head's query, key and value stand side by side
            parts = [
                getattr(getattr(attention, n), kind).unflatten(0, (H, 1, -1))
                for n in ("query", "key", "value")
            ]
            joined = torch.cat(parts, 1).flatten(0, 2)
            getattr(layer.attention.query_key_value, kind).data = joined
            getattr(layer.mlp.dense_4h_to_h, kind).data.zero_()
    for to, of in pairs:
        to.load_state_dict(of.state_dict(), strict=to is not theirs.lm_head)  # has no bias
    return theirs


@pytest.mark.parametrize(("width", "heads", "layers"), [(12, 3, 2), (8, 1, 1), (8, 2, 3)])
def test_the_model_is_gpt_neox_without_feed_forward(width: int, heads: int, layers: int) -> None:
    """Logits, what leaves each layer, and the maps of all heads."""
    ours, ids = model(width=width, heads=heads, layers=layers), some_ids(3, 9)
    with torch.no_grad():
        theirs = as_gpt_neox(ours)(ids, output_attentions=True, output_hidden_states=True)
        logits, stream = ours(ids), ours.stream(ids)
        maps = ours.attention_scores(ids).softmax(-1)
    # Theirs turns queries and keys by angles in float32.
    assert (logits - theirs.logits - ours.unembedding.bias).abs().max() <= 1e-4
    assert (maps - torch.stack(theirs.attentions)).abs().max() <= 1e-5
    for layer, left in enumerate(theirs.hidden_states[:-1]):  # the last one is normed
        assert (stream[layer] - left).abs().max() <= 1e-4


def test_later_tokens_are_unseen() -> None:
    """Changing a token leaves the logits before it as they were."""
    ours, ids = model(), some_ids(1, 8)
    other = ids.clone()
    other[0, 5] = (other[0, 5] + 1) % V
    with torch.no_grad():
        changed = (ours(ids) != ours(other)).any(-1)[0]
    assert changed.tolist() == [False] * 5 + [True] * 3


def test_the_seed_decides_and_the_global_generator_is_left_alone() -> None:
    """The same seed gives the same weights; torch's own random numbers go on as before."""
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    weights = [AttentionOnly(V, seed=seed).embedding.weight for seed in (3, 3, 4)]
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"vocabulary_size": 0}, "expected a vocabulary and layers of at least 1, got 0, 2"),
        ({"layers": 0}, "expected a vocabulary and layers of at least 1, got 11, 0"),
        ({"heads": 5}, "expected heads that divide the width 32, got 5"),
    ],
)
def test_sizes_that_make_no_model_are_refused(sizes: dict[str, int], message: str) -> None:
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        AttentionOnly(**{"vocabulary_size": V, **sizes})


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    "ids",
    [torch.tensor([[0, V]]), torch.tensor([[-1, 0]]), torch.ones(1, 2), torch.ones(1, 0).long()],
)
def test_ids_that_it_cannot_read_are_refused(ids: torch.Tensor) -> None:
    """By the logits as by the scores."""
    for read in (model(), model().attention_scores):
        with pytest.raises(ValueError, match="expected"):
            read(ids)


def test_two_layers_learn_induction() -> None:
    """Trained on loops, the first head looks back and the second one looks for what followed."""
    generator = torch.Generator().manual_seed(0)
    pattern = torch.rand(4000, 16, generator=generator).argsort(-1)
    period = torch.randint(3, 8, (4000, 1), generator=generator)
    ids = pattern.gather(1, torch.arange(14) % period)

    def loss(learner: AttentionOnly, batch: torch.Tensor) -> torch.Tensor:
        return cross_entropy(learner(batch)[:, :-1].flatten(0, 1), batch[:, 1:].flatten())

    learner = AttentionOnly(16).double()
    fit(learner, loss, [ids[start : start + 20] for start in range(0, 4000, 20)], 0.015)
    with torch.no_grad():
        maps = learner.attention_scores(ids[:100]).softmax(-1)
    previous, follows = previous_token_score(maps)[:, 0], induction_score(maps, ids[:100])[:, 0]
    assert previous[0] > 0.4
    assert previous[1] < 0.2
    assert follows[1] > 0.7
    assert follows[0] < 0.2

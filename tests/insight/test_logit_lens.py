"""The logit lens: the model cut short, torch's own layers, and what its readings are by loops."""

import math
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.insight.models import spread

from glassformer.insight.logit_lens import logit_lens, settled, surprise
from glassformer.nn.decoder import Decoder
from glassformer.nn.encoder import Encoder
from glassformer.nn.reader import Reader

V, D, H, T = 11, 12, 3, 6
# Some sums of float64 numbers, in another order, through three layers.
ROUNDING = 1e-10


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Two texts, the second of four words and then padding, and the mask that goes with them."""
    ids = torch.randint(1, V, (2, T), generator=torch.Generator().manual_seed(0))
    ids[1, 4:] = 0
    return ids, (ids != 0)[:, None, None, :]


@pytest.mark.parametrize("kind", ["encoder", "learned", "rope", "alibi"])
def test_each_stage_is_the_model_cut_short(kind: str) -> None:
    """With the later blocks taken away, a model gives what the lens shows; the last is its own."""
    made: Reader
    if kind == "encoder":
        made = Encoder(V, width=D, heads=H, layers=3)
    else:
        made = Decoder(V, width=D, heads=H, layers=3, positions=cast(Any, kind))
    ours, (ids, look) = spread(made, 0.4), padded()
    with torch.no_grad():
        stages = logit_lens(ours, ids, look)
        assert stages.shape == (4, 2, T, V)
        for count in (3, 2, 1, 0):
            ours.blocks = ours.blocks[:count]
            assert (ours(ids, look) - stages[count]).abs().max() <= ROUNDING


def test_stages_are_those_of_torchs_layers() -> None:
    """A stack of torch's own pre-norm layers with our weights, read after each."""
    ours, (ids, look) = spread(Encoder(V, width=D, heads=H, layers=3), 0.4), padded()
    with torch.no_grad():
        stages = logit_lens(ours, ids, look)
        x = ours.embed(ids)
        for block, stage in zip(ours.blocks, stages[1:], strict=True):
            layer = torch.nn.TransformerEncoderLayer(
                *(D, H, 4 * D, 0.0, "gelu"), batch_first=True, norm_first=True
            ).double()
            attention, forward = block.attention, list(block.feed_forward.children())
            parts = [attention.query, attention.key, attention.value]
            layer.self_attn.in_proj_weight.data = torch.cat([part.weight for part in parts])
            layer.self_attn.in_proj_bias.data = torch.cat([part.bias for part in parts])
            layer.self_attn.out_proj = attention.output
            layer.norm1, layer.norm2 = block.attention_norm, block.feed_forward_norm
            linear = [part for part in forward if isinstance(part, torch.nn.Linear)]
            layer.linear1, layer.linear2 = linear
            x = layer(x, src_key_padding_mask=ids == 0)
            normed = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0) + 1e-5).sqrt()[
                ..., None
            ]
            expected = (normed * ours.norm.weight + ours.norm.bias) @ ours.unembedding.weight.T
            assert (stage - expected - ours.unembedding.bias).abs().max() <= ROUNDING


def test_readings_by_hand() -> None:
    """Three words of even chances, then one that is sure of the right word, then of a wrong one."""
    ids = torch.tensor([[0, 1, 2]])
    logits = torch.zeros(3, 1, 3, 3, dtype=torch.float64)
    logits[1, 0, 0, 1] = logits[2, 0, 0, 1] = math.log(6)  # chances 1/8, 6/8, 1/8
    logits[1, 0, 1, 2] = logits[2, 0, 1, 0] = math.log(6)
    expected = [[3, 3], [8 / 6, 8 / 6], [8 / 6, 8]]
    assert surprise(logits, ids)[:, 0].exp().tolist() == [pytest.approx(row) for row in expected]
    # The first word is right from stage 1 on; the second was right at stage 1, but not for good.
    assert settled(logits, ids).tolist() == [[1, 3]]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 6), st.integers(0, 99))
def test_readings_are_those_of_loops(stages: int, B: int, T: int, seed: int) -> None:
    """One stage, text and place at a time."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(stages, B, T, 3, generator=generator, dtype=torch.float64)
    ids = torch.randint(3, (B, T), generator=generator)
    surprises, found = surprise(logits, ids), settled(logits, ids)
    assert surprises.shape == (stages, B, T - 1)
    for b in range(B):
        for t in range(T - 1):
            right = [int(logits[s, b, t].argmax()) == int(ids[b, t + 1]) for s in range(stages)]
            last_wrong = max((s for s in range(stages) if not right[s]), default=-1)
            assert found[b, t] == last_wrong + 1
            for s in range(stages):
                chance = logits[s, b, t].softmax(-1)[ids[b, t + 1]]
                assert surprises[s, b, t].item() == pytest.approx(-math.log(chance))


def test_one_word_has_no_next() -> None:
    """A mean over no places would be NaN."""
    with pytest.raises(ValueError, match="expected texts of at least 2 tokens, got 1"):
        surprise(torch.zeros(2, 1, 1, 3), torch.zeros(1, 1, dtype=torch.long))

"""What the tests of the torch twin share."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import TransformerEncoderLayer

from glassformer.nn.block import TransformerBlock


@pytest.fixture
def as_torch_layer() -> Callable[[TransformerBlock], TransformerEncoderLayer]:
    """Make torch's layer of one of our blocks."""
    return _as_torch_layer


def _as_torch_layer(ours: TransformerBlock) -> TransformerEncoderLayer:
    """A layer of torch's own, with our weights."""
    attention = ours.attention
    width = attention.output.out_features
    theirs = TransformerEncoderLayer(
        *(width, attention.heads, 4 * width, 0.0, "gelu"), batch_first=True, norm_first=True
    )
    parts = (attention.query, attention.key, attention.value)
    weights = {
        "self_attn.in_proj_weight": torch.cat([part.weight for part in parts]),
        "self_attn.in_proj_bias": torch.cat([part.bias for part in parts]),
    }
    for name, module in {
        "self_attn.out_proj": attention.output,
        "norm1": ours.attention_norm,
        "norm2": ours.feed_forward_norm,
        "linear1": ours.feed_forward.up,
        "linear2": ours.feed_forward.down,
    }.items():
        weights |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    theirs.load_state_dict(weights)
    return theirs

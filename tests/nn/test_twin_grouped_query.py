"""The grouped attention that learns, against torch's own module with the same weights."""

import pytest
import torch

from glassformer.nn.grouped_query import GroupedQueryAttention

# The same float32 sums in another order: a few rounding steps of 1.2e-7 on values of about 1.
ROUNDING = 1e-5


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_it_is_torchs_module_with_equal_heads_in_a_group(groups: int) -> None:
    """Keys and values copied for each head of a group: the same output, masked or not."""
    torch.manual_seed(groups)
    ours = GroupedQueryAttention(8, 4, groups)
    theirs = torch.nn.MultiheadAttention(8, 4, batch_first=True)
    wide = {}
    for name in ("key", "value"):
        for kind in ("weight", "bias"):
            rows = getattr(getattr(ours, name), kind).unflatten(0, (groups, 2))
            wide[name, kind] = rows.repeat_interleave(4 // groups, dim=0).flatten(0, 1)
    stacked = {
        kind: torch.cat([getattr(ours.query, kind), wide["key", kind], wide["value", kind]])
        for kind in ("weight", "bias")
    }
    theirs.load_state_dict(
        {
            "in_proj_weight": stacked["weight"],
            "in_proj_bias": stacked["bias"],
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x = torch.randn(3, 5, 8)
    look = torch.ones(5, 5).tril().bool()
    for mask, hidden in ((None, None), (look[None, None], ~look)):
        expected, _ = theirs(x, x, x, attn_mask=hidden)
        torch.testing.assert_close(ours(x, mask), expected, rtol=0, atol=ROUNDING)


def test_fewer_groups_have_fewer_parameters() -> None:
    """Keys and values shrink with the groups, queries and output stay."""
    sizes = [
        sum(p.numel() for p in GroupedQueryAttention(8, 4, groups).parameters())
        for groups in (1, 2, 4)
    ]
    assert sizes == [2 * 72 + 2 * 9 * 2, 2 * 72 + 2 * 9 * 4, 4 * 72]


@pytest.mark.parametrize(("heads", "groups"), [(4, 3), (4, 8), (0, 1), (4, 0)])
def test_groups_must_divide_the_heads(heads: int, groups: int) -> None:
    """Anything else is an error that says what came."""
    with pytest.raises(ValueError, match=f"expected groups .*, got {groups} and {heads}"):
        GroupedQueryAttention(8, heads, groups)


def test_heads_must_divide_the_width_unless_their_own_is_given() -> None:
    """Three heads of a width of 8 need a width of their own."""
    with pytest.raises(ValueError, match="expected heads that divide the width 8, got 3"):
        GroupedQueryAttention(8, 3, 1)
    assert GroupedQueryAttention(8, 3, 1, head_width=5)(torch.ones(1, 2, 8)).shape == (1, 2, 8)

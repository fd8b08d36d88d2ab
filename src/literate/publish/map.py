"""A small map of the Transformer, as SVG: each part leads to its page, and one is lit."""

from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 352, 182
# Where something is added: no pages, so no boxes.
PLUS = ((200, 30), (139, 82), (307, 82))
ARROWS = (
    "M76 30H89", "M178 30H189", "M200 40V48H9V82H15",  # into the block
    "M56 82H63", "M124 82H128", "M149 82H159", "M200 82H207", "M291 82H296",
    "M317 82H343V142H9V162H15", "M72 162H85", "M150 162H163",
)  # fmt: skip
TIP, BACK = "m-3 -3l3 3l-3 3", "M222 30H211m3 -3l-3 3l3 3"


class Part(NamedTuple):
    """A part of the Transformer on the map.

    Attributes:
        label: What it says.
        target: The address of its page.
        box: Left, top and width; all are 24 high, enough for a finger.
        lit_by: The addresses below which a page lights it, besides that one.
    """

    label: str
    target: str
    box: tuple[int, int, int]
    lit_by: tuple[str, ...] = ()

    def lit(self, url: str) -> bool:
        """Whether the page of an address lights it."""
        return url == self.target or url.startswith(self.lit_by)


PARTS = (
    Part("Tokens", "tokenization/", (16, 18, 60), ("tokenization/",)),
    Part("Embedding", "embedding/", (90, 18, 88)),
    Part("Position", "position/", (222, 18, 66), ("position/",)),
    Part("Norm", "block/normalization/", (16, 70, 40)),
    Part(
        "Attention",
        "attention/",
        (64, 70, 60),
        ("attention/scaled_dot_product/", "attention/cross/"),
    ),
    Part("Norm", "block/normalization/", (160, 70, 40)),
    Part("Feed-forward", "block/feed_forward/", (208, 70, 83)),
    Part("Mask", "attention/mask/", (64, 102, 36)),
    Part(
        "Heads",
        "attention/multi_head/",
        (104, 102, 42),
        ("attention/multi_head/", "attention/grouped_query/"),
    ),
    Part("Residual", "block/residual/", (150, 102, 54)),
    Part("Activation", "block/activation/", (208, 102, 83)),
    Part("Block", "block/", (16, 102, 40), ("block/transformer_block/",)),
    Part("Logits", "logits/", (16, 150, 56)),
    Part("Softmax", "softmax/", (86, 150, 64)),
    Part("Models", "model/", (232, 150, 52), ("model/",)),
    Part("Insight", "insight/", (290, 150, 52), ("insight/",)),
)


def draw(url: str, to_root: str) -> str:
    """The map as seen from a page, as inline SVG; nothing for a page of no part but the first.

    Args:
        url: The address of the page.
        to_root: From there to the root of the site.
    """
    if url and not any(part.lit(url) for part in PARTS):
        return ""
    lines = "".join(f'<path d="{arrow}{TIP}"/>' for arrow in ARROWS) + f'<path d="{BACK}"/>'
    signs = "".join(f'<text x="{x}" y="{y + 4}">+</text>' for x, y in PLUS)
    circles = "".join(f'<circle cx="{x}" cy="{y}" r="10"/>' for x, y in PLUS)
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" '
        'aria-label="Map of the Transformer">'
        '<rect class="frame" x="1" y="56" width="350" height="78" rx="8"/>'
        f'<g class="flow">{lines}{circles}{signs}'
        '<text x="168" y="166" class="end">next token</text>'
        '<text x="302" y="118" class="end">× N</text></g>'
        + "".join(_link(part, url, to_root) for part in PARTS)
        + "</svg>"
    )


def _link(part: Part, url: str, to_root: str) -> str:
    """A part as a link to its page."""
    x, y, width = part.box
    lit = ' class="lit"' if part.lit(url) else ""
    here = ' aria-current="page"' if url == part.target else ""
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="24" rx="4"/>'
    text = f'<text x="{x + width / 2:g}" y="{y + 16}">{escape(part.label)}</text>'
    # As xlink: Material's instant navigation takes a plain href of SVG for a string.
    return f'<a{lit}{here} xlink:href="{to_root}{part.target}">{shape}{text}</a>'

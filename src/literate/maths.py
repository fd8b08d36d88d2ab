r"""Turn the TeX of a page into MathML while the site is built, so that no script draws it.

A Markdown extension that completes `pymdownx.arithmatex` with `generic: true`. That one finds the
formulas, `$...$` and `$$...$$`; this one replaces what it leaves by MathML, which browsers draw
themselves. A formula that cannot be converted fails the page.
"""

import re
import xml.etree.ElementTree as ET
from html import unescape

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from math_core import LatexError, LatexToMathML

MARK = re.compile(r"""[.,;:!?)\]}"'…’”]+""")


def to_mathml(tex: str, *, block: bool) -> ET.Element:
    r"""Convert one formula, by itself: a macro that it defines ends with it.

    Args:
        tex: The formula, without its dollars.
        block: Whether it stands on lines of its own.

    Returns:
        The `<math>` element.

    Raises:
        ValueError: If the formula is empty or not TeX that math-core knows.
    """
    if not tex.strip():
        raise ValueError("expected a formula between the dollars, got nothing")
    converter = LatexToMathML(fancy_error=False)
    try:
        mathml = converter.convert_with_local_state(tex.strip(), displaystyle=block)
    except LatexError as error:
        message = f"expected TeX that math-core knows, got ${tex.strip()}$: {error}"
        raise ValueError(message) from None
    # It is written for HTML, whose names for characters XML does not know, but for these four.
    mathml = re.sub(r"&(?!(?:amp|lt|gt|quot);)\w+;", lambda name: unescape(name[0]), mathml)
    return ET.fromstring(mathml)


class MathsProcessor(Treeprocessor):
    """Replaces the text of each formula that arithmatex found."""

    def run(self, root: ET.Element) -> None:
        """Convert every formula below `root`, in place.

        Args:
            root: The page, after its inline markup was read.
        """
        for parent in list(root.iter()):
            for index, child in enumerate(parent):
                if child.get("class") == "arithmatex" and child.text:
                    block = child.tag == "div"
                    # Arithmatex has escaped the block formulas already, not the inline ones.
                    text = unescape(child.text) if block else child.text
                    formula = to_mathml(text[2:-2], block=block)
                    if block:
                        child.text = ""
                        child.set("class", "math-block")
                        child.append(formula)
                    else:
                        opening = _take_opening(parent, index)
                        parent[index] = _with_marks(opening, formula, child.tail or "")


def _take_opening(parent: ET.Element, index: int) -> str:
    """Cut the brackets that open right before a child off the text that stands there."""
    before = (parent[index - 1].tail if index else parent.text) or ""
    kept = before.rstrip("([")
    if index:
        parent[index - 1].tail = kept
    else:
        parent.text = kept
    return before[len(kept) :]


def _with_marks(opening: str, formula: ET.Element, tail: str) -> ET.Element:
    """Keep a formula and the punctuation around it on one line, which browsers would not."""
    mark = MARK.match(tail)
    if mark is None and not opening:
        formula.tail = tail
        return formula
    together = ET.Element("span", {"class": "math-mark"})
    together.text = opening
    together.append(formula)
    formula.tail = mark[0] if mark else ""
    together.tail = tail[len(formula.tail) :]
    return together


class MathsExtension(Extension):
    """Registers the processor: after the page is laid out, before headings get their ids."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Add the processor to a Markdown instance.

        Args:
            md: The instance; it needs `pymdownx.arithmatex` with `generic: true` as well.
        """
        md.treeprocessors.register(MathsProcessor(md), "maths", 7)


def makeExtension(**options: object) -> MathsExtension:  # noqa: N802 - Markdown's name
    """Make the extension; Markdown calls this by name."""
    return MathsExtension(**options)

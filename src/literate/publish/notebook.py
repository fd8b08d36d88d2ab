"""A page as a Jupyter notebook: its prose, its program, and the outputs that the tests compared."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

from literate.page import Block
from literate.publish.portable import Box, Fence, Part, Writer

HEADING = re.compile(r"\n(?=#{1,6} )")
IMAGE = re.compile(r"\]\(([^()\s]+\.svg)\)")
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
# A drawing follows the colours of the system, not those of Jupyter: so it brings its background.
STYLE, BACKGROUND = "<style>\n:root{", "background:var(--fig-background);"


@dataclass
class Notebook:
    """Collects the cells of a page.

    Attributes:
        writer: Writes the page's prose.
        cells: What was collected.
        prose: The pieces of the Markdown cell that is being collected.
    """

    writer: Writer
    cells: list[dict[str, Any]] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)

    def add(self, found: list[Part] | tuple[Part, ...], *, folded: bool = False) -> None:
        """Add parts of the page; the code of a fold is folded too, but for that of a question."""
        for part in found:
            if isinstance(part, Box) and part.runs:
                self.prose.append(f"**{part.title}**\n")
                self.add(part.parts, folded=part.folded and part.kind != "question")
            elif isinstance(part, Fence) and part.block.runs:
                self._close()
                self._code(part.block, folded=folded)
            elif isinstance(part, Fence) and part.block.kind == "output":
                printed = {"name": "stdout", "output_type": "stream", "text": part.block.source}
                self.cells[-1]["outputs"].append(printed)
            elif isinstance(part, Box | Fence):
                self.prose.append(self.writer.markdown([part]))
            else:
                first, *others = HEADING.split(part.text)
                self.prose.append(first)
                for section in others:  # a cell of its own, so that Jupyter can fold it
                    self._close()
                    self.prose.append(section)

    def text(self, about: str) -> str:
        """The notebook as its file holds it; what it is stands below its title."""
        self._close()
        first = self.cells[0]
        title, _, rest = first["source"].partition("\n")
        first["source"] = f"{title}\n\n{about}{rest}"
        for number, cell in enumerate(self.cells, 1):
            cell["id"] = f"cell-{number}"
        whole = {"cells": self.cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _code(self, block: Block, *, folded: bool) -> None:
        hidden = {"jupyter": {"outputs_hidden": True, "source_hidden": True}}
        self.cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": hidden if folded else {},
                "outputs": [],
                "source": block.source.rstrip("\n"),
            }
        )

    def _close(self) -> None:
        """End the Markdown cell, if it says anything."""
        text = _flush_left("".join(self.prose).strip("\n"))
        self.prose.clear()
        if not text.strip():
            return
        drawings: dict[str, str] = {}

        def within(image: re.Match[str]) -> str:
            source = self.writer.page.source
            path = source.parent / image[1] if source else None
            if path is None or not path.is_file():
                return image[0]
            drawing = path.read_text(encoding="utf-8").replace(STYLE, STYLE + BACKGROUND, 1)
            data = base64.b64encode(drawing.encode()).decode()
            drawings[path.stem] = f"\n\n[{path.stem}]: data:image/svg+xml;base64,{data}"
            return f"][{path.stem}]"

        # As data, below the text: Jupyter shows no attachment that is an SVG, and an output of
        # the cell that draws it only until the cell is run.
        text = self.writer.prose(IMAGE.sub(within, text)) + "".join(drawings.values())
        self.cells.append({"cell_type": "markdown", "metadata": {}, "source": text})


def _flush_left(text: str) -> str:
    """Unindent the beginning of a text that goes on within a list item, or it would be code."""
    lines = text.split("\n")
    depth = len(lines[0]) - len(lines[0].lstrip())
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith(" " * depth):
            break
        lines[number] = line[depth:]
    return "\n".join(lines)

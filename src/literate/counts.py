"""A Markdown extension that counts, at build, what the site promises to check, and how long it is.

`<span data-count="examples">many</span>` becomes the number of examples on all pages,
`<span data-minutes="softmax.md">some</span>` the minutes that it takes to read a page.
"""

import math
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor

from literate.page import read

MINUTES = re.compile(r'<span data-minutes="([^"]*)">[^<]*</span>')
CODE = re.compile(r"^( *)(`{3,})[^\n]*\n.*?^\1\2", re.MULTILINE | re.DOTALL)
WORDS_A_MINUTE, LINES_A_MINUTE = 150, 15  # slower than a novel: there is something to work out
MARK = re.compile(r'<span data-count="([\w ]*)">[^<]*</span>')


def count(docs: Path) -> Counter[str]:
    """Count the blocks of the pages under a folder by kind, and the pages that run."""
    pages = [read(path) for path in sorted(docs.rglob("*.md"))]
    blocks = Counter(f"{block.kind}s" for page in pages for block in page.blocks)
    lines = sum(len(block.lines) for page in pages for block in page.blocks if block.runs)
    programs = sum(any(block.runs for block in page.blocks) for page in pages)
    return blocks + Counter({"pages": programs, "lines": lines})


def minutes(path: Path) -> int:
    """Estimate how long it takes to read a page and its code, to the next five minutes."""
    words = len(re.findall(r"\w+", CODE.sub("", path.read_text(encoding="utf-8"))))
    lines = sum(len(block.lines) for block in read(path).blocks if block.runs)
    return max(5 * math.ceil((words / WORDS_A_MINUTE + lines / LINES_A_MINUTE) / 5), 5)


def fill(text: str, docs: Path) -> str:
    """Put the numbers in their places."""
    return _Counts(docs).run(text)


@lru_cache(maxsize=1)
def _counted(docs: Path, _modified: tuple[float, ...]) -> Counter[str]:
    return count(docs)


class _Counts(Postprocessor):
    def __init__(self, docs: Path) -> None:
        super().__init__()
        self.docs = docs

    def run(self, text: str) -> str:
        return MINUTES.sub(self._minutes, MARK.sub(self._number, text))

    def _minutes(self, match: re.Match[str]) -> str:
        return str(minutes(self.docs / match[1]))

    def _number(self, match: re.Match[str]) -> str:
        modified = tuple(path.stat().st_mtime for path in sorted(self.docs.rglob("*.md")))
        counted = _counted(self.docs, modified)
        if match[1] not in counted:
            raise ValueError(f"expected one of {sorted(counted)} to count, got {match[1]!r}")
        return f"{counted[match[1]]:,}"


class CountsExtension(Extension):
    """Option `docs`: the folder whose pages are counted."""

    def __init__(self, **settings: Any) -> None:
        self.config = {"docs": ["docs", "The folder whose pages are counted."]}
        super().__init__(**settings)

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802 -- the name that Markdown calls
        """Register the postprocessor, after the one that puts raw HTML back."""
        md.postprocessors.register(_Counts(Path(self.getConfig("docs"))), "literate_counts", 0)


def makeExtension(**settings: Any) -> CountsExtension:  # noqa: N802 -- the name that Markdown calls
    """Make the extension, as Python-Markdown asks for it."""
    return CountsExtension(**settings)

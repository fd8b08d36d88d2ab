"""Carry the blocks of pages, and the examples of docstrings, through Sybil into pytest.

In a conftest.py: `pytest_collect_file = literate.plugin.collector(root)`.
"""

import doctest
import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sybil import Document, Example, Region, Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import pytest_integration

from literate import console, verdict
from literate.compare import same_output
from literate.page import Block, Page, PageError, key, read
from literate.program import Around, Outcome, run

PASSED = Path(".literate/passed")  # what the audit of the built site reads


def collector(
    root: Path, folders: Collection[str] = ("docs", "src"), around: Around = nullcontext
) -> Callable[..., Any]:
    """Make a `pytest_collect_file` that collects pages and docstring examples, one item each.

    Args:
        root: The project's folder.
        folders: Where its Markdown pages and Python modules are; README.md is always a page.
        around: Makes a context manager that is entered while a page's program runs.
    """
    root = root.resolve()
    record = Record(root / PASSED)
    pages = PageParser(root, around, record)
    collect = pytest_integration(
        _Sybil([pages], path=str(root), patterns=["*.md"], document_types={".md": _AnyText}),
        _Sybil([], path=str(root), patterns=["*.py"], document_types={".py": _docstrings(record)}),
    )

    def pytest_collect_file(file_path: Path, parent: Any) -> Any:
        if not file_path.resolve().is_relative_to(root):
            return None
        place = file_path.resolve().relative_to(root)
        wanted = place.parts[0] in folders or place == Path("README.md")
        return collect(file_path, parent) if wanted else None

    return pytest_collect_file


@dataclass
class Record:
    """The code that ran and passed in this process, kept in a file for the audit of the site."""

    folder: Path
    passed: set[str] = field(default_factory=set)

    def add(self, *sources: str) -> None:
        self.passed |= {key(source) for source in sources}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{os.getpid()}.json"
        path.write_text(json.dumps(sorted(self.passed)), encoding="utf-8")


@dataclass
class PageParser:
    """Sybil's parser for pages: a region for each block that is tested."""

    root: Path
    around: Around
    record: Record

    def __call__(self, document: Document) -> Iterator[Region]:
        try:
            page = read(Path(document.path))
        except PageError as error:  # one failed item, not an aborted run
            message = str(error)
            yield Region(0, 0, error, lambda example: message)
            return
        tests = PageTests(page, self)
        starts = [0]
        for line in document.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        used: set[int] = set()
        for block in page.blocks:
            start = starts[block.place.line - 1]
            while start in used:  # several blocks that come from one included page
                start += 1
            if block.kind != "other":
                used.add(start)
                yield Region(start, start, block, tests.check)


@dataclass
class PageTests:
    """The verdicts on a page's blocks; its program runs once, whichever is asked for first."""

    page: Page
    parser: PageParser
    outcomes: dict[Block, Outcome] | None = None

    def check(self, example: Example) -> str | None:
        """Say what is wrong with a block, or nothing."""
        block: Block = example.parsed
        if block.kind == "console":
            wrong = console.check(block, self.parser.root)
        else:
            if self.outcomes is None:
                self.outcomes = run(self.page, self.parser.around)
            wrong = verdict.wrong(self.page, block, self.outcomes)
            if not wrong and block.runs:
                self.parser.record.add(block.source)
        return f"{block.place}: {wrong}" if wrong else None


class _AnyText(Document):
    """A document that can be opened whatever its bytes are; `read` says what is wrong with them."""

    @classmethod
    def parse(cls, path: str, *parsers: Any, encoding: str = "utf-8") -> Document:
        document = cls(Path(path).read_text(encoding=encoding, errors="replace"), path)
        for parser in parsers:
            for region in parser(document):
                document.add(region)
        return document


def _docstrings(record: Record) -> type[Document]:
    """A document type for modules: the examples of a docstring are one item, with its module's names."""

    class Docstrings(PythonDocStringDocument):
        @classmethod
        def parse(cls, path: str, *parsers: Any, encoding: str = "utf-8") -> Document:
            text = Path(path).read_text(encoding=encoding, errors="replace")
            document = cls(text, path)
            try:
                found = list(cls.extract_docstrings(text))
            except SyntaxError as error:  # one failed item, not an aborted run
                message = f"{path}:{error.lineno}: {error.msg}"
                document.evaluators.clear()  # the module cannot be imported
                document.add(Region(0, 0, error, lambda example: message))
                return document
            for start, _, docstring in found:
                line = text[:start].count("\n")
                test = doctest.DocTestParser().get_doctest(docstring, {}, Path(path).stem, path, line)
                if test.examples:
                    document.add(Region(start, start, test, document.run_docstring))
            return document

        def run_docstring(self, example: Example) -> str | None:
            test: doctest.DocTest = example.parsed
            test.globs, told = dict(example.namespace), list[str]()
            runner = doctest.DocTestRunner(checker=_Checker(), verbose=False)
            if not runner.run(test, out=told.append, clear_globs=False).failed:
                record.add(*(part.source for part in test.examples))
            return "".join(told) or None

    return Docstrings


class _Checker(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return same_output(want, got)


class _Sybil(Sybil):
    """Names an item by the line and the kind of its block."""

    def identify(self, example: Example) -> str:
        kind = getattr(example.parsed, "kind", type(example.parsed).__name__.lower())
        return f"line:{example.line},{kind}" + (f",{example.column}" if example.column > 1 else "")

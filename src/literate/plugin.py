"""Carry the blocks of pages, and the examples of docstrings, through Sybil into pytest.

In a conftest.py: `pytest_configure = literate.plugin.register(root)`.
"""

import doctest
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import SybilItem, pytest_integration

from literate import console, record, verdict
from literate.compare import same_output
from literate.page import Block, Page, PageError, key, read
from literate.program import Around, Outcome, run


def register(
    root: Path, folders: Collection[str] = ("docs", "src"), around: Around = nullcontext
) -> Callable[[pytest.Config], None]:
    """Make a `pytest_configure` under which pages and docstring examples are collected.

    Args:
        root: The project's folder.
        folders: Where its Markdown pages and Python modules are; README.md is always a page.
        around: Makes a context manager that is entered while a page's program runs.
    """

    def pytest_configure(config: pytest.Config) -> None:
        config.pluginmanager.register(Plugin(root.resolve(), folders, around), "literate")

    return pytest_configure


class Plugin:
    """What pytest calls."""

    def __init__(self, root: Path, folders: Collection[str], around: Around) -> None:
        self.root, self.folders, self.around = root, folders, around
        self.passed: set[str] = set()
        pages, modules = PageParser(self), _docstrings(self)
        self.collect = pytest_integration(
            _Sybil([pages], path=str(root), patterns=["*.md"], document_types={".md": _AnyText}),
            _Sybil([], path=str(root), patterns=["*.py"], document_types={".py": modules}),
        )

    def pytest_collect_file(self, file_path: Path, parent: Any) -> Any:
        """Collect a page or a module."""
        if not file_path.resolve().is_relative_to(self.root):
            return None
        place = file_path.resolve().relative_to(self.root)
        wanted = place.parts[0] in self.folders or place == Path("README.md")
        return self.collect(file_path, parent) if wanted else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Let an item run more than once, as with plugins that repeat tests."""
        if isinstance(item, SybilItem) and not item._request:  # noqa: SLF001 -- as pytest does
            item.request_fixtures(())

    def note(self, *sources: str) -> None:
        """Remember code that ran and passed."""
        self.passed |= {key(source) for source in sources}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Forget what passed in an earlier run; a worker process leaves that to the first."""
        if not hasattr(session.config, "workerinput"):
            record.forget(self.root)

    def pytest_sessionfinish(self) -> None:
        """Keep what passed in this process, for the built site."""
        if self.passed:
            record.write(self.root, self.passed)


@dataclass
class PageParser:
    """Sybil's parser for pages: a region for each block that is tested."""

    plugin: Plugin

    def __call__(self, document: Document) -> Iterator[Region]:
        """Find the regions of a page."""
        try:
            page = read(Path(document.path))
        except PageError as error:  # one failed item, not an aborted run
            message = str(error)
            yield Region(0, 0, error, lambda _: message)
            return
        tests = PageTests(page, self.plugin)
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
    plugin: Plugin
    outcomes: dict[Block, Outcome] | None = None

    def check(self, example: Example) -> str | None:
        """Say what is wrong with a block, or nothing."""
        block: Block = example.parsed
        try:
            wrong = self._wrong(block)
        except Exception:  # noqa: BLE001 -- a mistake of ours fails one item, not the whole run
            wrong = traceback.format_exc()
        if not wrong:
            self.plugin.note(block.source)
        return f"{block.place}: {wrong}" if wrong else None

    def _wrong(self, block: Block) -> str:
        if block.kind == "console":
            return console.check(block, self.plugin.root)
        if self.outcomes is None:
            self.outcomes = run(self.page, self.plugin.around)
        return verdict.wrong(self.page, block, self.outcomes)


class _AnyText(Document):
    """A document that can be opened whatever its bytes are; `read` says what is wrong with them."""

    @classmethod
    def parse(cls, path: str, *parsers: Any, encoding: str = "utf-8") -> Document:
        document = cls(Path(path).read_text(encoding=encoding, errors="replace"), path)
        for parser in parsers:
            for region in parser(document):
                document.add(region)
        return document


def _docstrings(plugin: Plugin) -> type[Document]:
    """A document type for modules: the examples of a docstring are one item and run together."""

    class Docstrings(PythonDocStringDocument):
        @classmethod
        def parse(cls, path: str, *_parsers: Any, encoding: str = "utf-8") -> Document:
            text = Path(path).read_text(encoding=encoding, errors="replace")
            document = cls(text, path)
            try:
                found = list(cls.extract_docstrings(text))
            except SyntaxError as error:  # one failed item, not an aborted run
                message = f"{path}:{error.lineno}: {error.msg}"
                document.evaluators.clear()  # the module cannot be imported
                document.add(Region(0, 0, error, lambda _: message))
                return document
            for start, _, docstring in found:
                line = text[:start].count("\n")
                test = doctest.DocTestParser().get_doctest(
                    docstring, {}, Path(path).stem, path, line
                )
                if any(doctest.SKIP in part.options for part in test.examples):
                    document.add(Region(start, start, test, _skipped))
                elif test.examples:
                    document.add(Region(start, start, test, document.run_docstring))
            return document

        def run_docstring(self, example: Example) -> str | None:
            test: doctest.DocTest = example.parsed
            test.globs, told = dict(example.namespace), list[str]()
            runner = doctest.DocTestRunner(checker=_Checker(), verbose=False)
            if not runner.run(test, out=told.append, clear_globs=False).failed:
                plugin.note(*(part.source for part in test.examples))
            return "".join(told) or None

    return Docstrings


def _skipped(example: Example) -> str:
    return f"{example.path}: expected examples that run, got `+SKIP`"


class _Checker(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:  # noqa: ARG002 -- doctest's
        return same_output(want, got)


class _Sybil(Sybil):
    """Names an item by the line and the kind of its block."""

    def identify(self, example: Example) -> str:
        kind = getattr(example.parsed, "kind", type(example.parsed).__name__.lower())
        return f"line:{example.line},{kind}" + (f",{example.column}" if example.column > 1 else "")

"""A built site, and what the checks compare it with: sources, modules, what the tests ran."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from literate import record
from literate.audit.tree import Element, parse
from literate.page import PageError, key, read


class Finding(NamedTuple):
    """What is wrong, and the text that is."""

    what: str
    text: str = ""

    def __str__(self) -> str:
        words = " ".join(self.text.split())
        return f"{self.what}: {words[:80]!r}" if words else self.what


@dataclass
class Page:
    """A built page.

    Attributes:
        name: Its path in the site.
        path: Where it is.
        source: The Markdown file that it was built from, if that is known.
    """

    name: str
    path: Path
    source: Path | None
    unbalanced: list[Element] = field(init=False)

    def __post_init__(self) -> None:
        root, self.unbalanced = parse(self.path.read_text(encoding="utf-8"))
        self.elements = [element for element in root.walk() if not _is_token(element)]
        article = next((element for element in self.elements if element.tag == "article"), None)
        self.content = article or Element("article", {}, None)
        self.article = [e for e in self.content.walk() if not _is_token(e)]  # its elements
        self.ids = [e.attributes["id"] for e in self.elements if e.attributes.get("id")]
        named = {e.attributes["name"] for e in self.elements if e.attributes.get("name")}
        self.anchors = named.union(self.ids)

    @cached_property
    def text(self) -> str:
        """The Markdown that it was built from."""
        return self.source.read_text(encoding="utf-8") if self.source else ""

    @cached_property
    def languages(self) -> dict[str, set[str]] | None:
        """What the page's source calls the language of each fence; None if it cannot be read."""
        if not self.source:
            return None
        try:
            page = read(self.source)
        except PageError:
            return None
        found: dict[str, set[str]] = {}
        for block in page.blocks:
            found.setdefault(key(block.source), set()).add(block.language)
        return found

    def tell(self, finding: Finding, root: Path) -> str:
        """A finding as one line: the page, its source, and the line there if there is but one."""
        if not self.source:
            return f"{self.name}: {finding}"
        words = [line.strip() for line in finding.text.strip().split("\n")]
        lines = self.text.split("\n")
        found = [
            start + 1
            for start in range(len(lines) - len(words) + 1)
            if words[0] and all(a in b for a, b in zip(words, lines[start:], strict=False))
        ]
        line = f":{found[0]}" if len(found) == 1 else ""
        return f"{self.name} ({self.source.relative_to(root)}{line}): {finding}"


@dataclass
class Site:
    """A built site.

    Attributes:
        folder: Where it is.
        root: The project: its pages are in `docs`, its modules in `src`.
        passed: The keys of the code that the tests ran; None if there is no record of a run.
        pages: Its pages, by path, without the one for addresses that do not exist.
    """

    folder: Path
    root: Path
    passed: frozenset[str] | None
    pages: dict[Path, Page]

    @cached_property
    def shown(self) -> set[str]:
        """The keys of all code in blocks, but for that of the API reference."""
        return {
            key(pre.text)
            for page in self.pages.values()
            for pre in blocks(page)
            if not pre.inside("mkdocstrings-source", "doc-signature")
        }

    @cached_property
    def modules(self) -> list[Path]:
        """The modules of the project."""
        return sorted((self.root / "src").rglob("*.py"))


def load(folder: Path, root: Path) -> Site:
    """Read a built site.

    Args:
        folder: Where it is.
        root: The project.

    Raises:
        FileNotFoundError: If there is no page.
    """
    folder, root = folder.resolve(), root.resolve()
    found = record.read(root)
    paths = [path for path in sorted(folder.rglob("*.html")) if path.name != "404.html"]
    if not paths:
        raise FileNotFoundError(f"expected a built site, got no page in {folder}")
    names = [(path.relative_to(folder).as_posix(), path) for path in paths]
    pages = {path: Page(name, path, _source(name, root / "docs")) for name, path in names}
    return Site(folder, root, found.keys if found else None, pages)


def blocks(page: Page) -> Iterator[Element]:
    """The `<pre>` elements of a page's content, without columns of line numbers."""
    for element in page.article:
        if element.tag == "pre":
            numbers = element.inside("linenodiv") and not element.text.strip("0123456789 \n")
            if not numbers:
                yield element


def _is_token(element: Element) -> bool:
    """Whether an element only colours a word of code, as nine of ten do."""
    short = len(element.attributes.get("class", "no token")) <= 3
    return element.tag == "span" and short and len(element.attributes) == 1


def _source(name: str, docs: Path) -> Path | None:
    """The Markdown file of a page, whichever way MkDocs makes addresses of names."""
    stem = name.removesuffix(".html")
    for path in (stem, stem.removesuffix("/index"), stem.removesuffix("index") + "README"):
        if (docs / f"{path}.md").is_file():
            return docs / f"{path}.md"
    return None

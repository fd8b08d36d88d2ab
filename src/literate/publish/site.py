"""A built site that is about to be completed: its pages, each with its source and its HTML."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mkdocs.utils.meta import get_data

from literate import page as program
from literate.settings import read_mkdocs, read_options

TITLE = re.compile(r"<h1\b[^>]*>(.*?)</h1>", re.DOTALL)
TAG = re.compile(r"<a class=\"headerlink\".*?</a>|<[^>]*>", re.DOTALL)


@dataclass
class Page:
    """A built page.

    Attributes:
        url: Its address in the site, such as `attention/mask/`; empty for the home page.
        path: Its HTML file.
        source: The Markdown file that it was built from; none for the page of dead addresses.
        html: What the file holds; written back after all steps.
    """

    url: str
    path: Path
    source: Path | None
    html: str

    @cached_property
    def title(self) -> str:
        """Its heading, as text."""
        found = TITLE.search(self.html)
        return html.unescape(TAG.sub("", found[1])).strip() if found else ""

    @cached_property
    def program(self) -> program.Page | None:
        """Its blocks, if it has a source."""
        return program.read(self.source) if self.source else None

    @cached_property
    def front_matter(self) -> dict[str, Any]:
        """What stands before its text, such as its description."""
        return get_data(self.source.read_text(encoding="utf-8"))[1] if self.source else {}

    @property
    def runs(self) -> bool:
        """Whether it has Python that runs."""
        return self.program is not None and any(block.runs for block in self.program.blocks)

    @property
    def name(self) -> str:
        """The last word of its address, which names the files that are made of it."""
        return self.url.rstrip("/").rpartition("/")[2].removesuffix(".html") or "home"

    @property
    def folder(self) -> str:
        """The folder of the site that it is in: `attention/mask/`; empty for the home page."""
        return self.url[: self.url.rfind("/") + 1]

    @property
    def to_root(self) -> str:
        """From its address to the root of the site: `../../`, or `./` on the home page."""
        return "../" * self.url.count("/") or "./"

    def insert(self, text: str, *, after: str = "", before: str = "") -> None:
        """Put HTML after or before the first place where the page has the given text.

        Raises:
            ValueError: If the page has no such place.
        """
        at = self.html.find(after or before)
        if at < 0:
            raise ValueError(f"expected {after or before!r} in {self.path}, found none")
        at += len(after)
        self.html = self.html[:at] + text + self.html[at:]


@dataclass
class Site:
    """A built site.

    Attributes:
        folder: Where it is.
        root: The project: its pages are in `docs`, its modules in `src`.
        pages: Its pages, in the order of their addresses.
    """

    folder: Path
    root: Path
    pages: list[Page]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What mkdocs.yml says, with the values of the environment."""
        return read_mkdocs(self.root / "mkdocs.yml")

    @cached_property
    def options(self) -> dict[str, Any]:
        """What pyproject.toml says about publishing, in `[tool.literate.publish]`."""
        named = (self.root / "pyproject.toml").is_file()
        return read_options(self.root, "publish") if named else {}

    @property
    def address(self) -> str:
        """Where the site will be, ending in a slash; empty if nobody says."""
        said = str(self.settings.get("site_url") or "")
        return said.rstrip("/") + "/" if said else ""

    @property
    def repository(self) -> str:
        """The address of its repository; empty if nobody says."""
        return str(self.settings.get("repo_url") or "").rstrip("/")

    @cached_property
    def sources(self) -> dict[Path, Page]:
        """Its pages by the Markdown files that they were built from."""
        return {page.source.resolve(): page for page in self.pages if page.source}

    @cached_property
    def menu(self) -> list[Page]:
        """The pages in the order of the menu, which is that of the learning path."""
        return [page for pages in self.chapters().values() for page in pages]

    def chapters(self) -> dict[str, list[Page]]:
        """The pages in the order of the menu, by the entries of its first level."""
        docs = (self.root / "docs").resolve()
        return {
            chapter: [self.sources[docs / name] for name in _names(inside)]
            for entry in self.settings["nav"]
            for chapter, inside in entry.items()
        }


def _names(entry: object) -> Iterator[str]:
    """The files that a part of the menu names, in order."""
    if isinstance(entry, list | dict):
        for inside in entry.values() if isinstance(entry, dict) else entry:
            yield from _names(inside)
    else:
        yield str(entry)


def load(folder: Path, root: Path) -> Site:
    """Read a built site.

    Raises:
        FileNotFoundError: If there is no site.
    """
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"expected a built site, got no index.html in {folder}")
    pages = []
    for path in sorted(folder.rglob("*.html")):
        url = path.relative_to(folder).as_posix().removesuffix("index.html")
        stem = root / "docs" / (url.rstrip("/") or "index")
        sources = (stem.with_name(f"{stem.name}.md"), stem / "index.md")
        source = next((source for source in sources if source.is_file()), None)
        pages.append(Page(url, path, source, path.read_text(encoding="utf-8")))
    return Site(folder, root, pages)

"""A built site that is about to be completed: its pages, each with its source and its HTML."""

import html
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from literate import page as program

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

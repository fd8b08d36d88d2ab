"""A page as Markdown that any reader knows: for its Markdown copy and the cells of its notebook.

Fences are where `literate.page` found them. What only the site's extensions understand is said in
plain Markdown: folds, tabs and boxes, attributes, counted numbers, references, and addresses.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote, urlsplit

from literate import counts
from literate.page import Block
from literate.publish.site import Page, Site

BOX = re.compile(r'(?P<opens>!!!|\?\?\?\+?|===[!+]?) +(?P<name>[\w -]*?) *(?:"(?P<title>.*)")? *')
ADDRESS = re.compile(r"(?<=\]\()[^()\s]+")
ATTRIBUTES = re.compile(r"[ \t]*\{:?[ ]*[.#][A-Za-z][^{}\n]*\}[ \t]*$", re.MULTILINE)
WRAPPER = re.compile(r"^[ ]*</?div\b[^>]*>(?:</div>)?[ ]*\n\n?", re.MULTILINE)  # of a widget
REFERENCE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """Lines outside of fences."""

    text: str


@dataclass(frozen=True)
class Fence:
    """A fence, as it is written, and the block that it is."""

    text: str
    block: Block


@dataclass(frozen=True)
class Box:
    """A fold, a tab or a box: its kind, such as `note`, its title, and what is in it."""

    kind: str
    title: str
    folded: bool
    parts: tuple["Part", ...]

    @property
    def runs(self) -> bool:
        """Whether some of the page's program is in it."""
        return any(
            part.runs if isinstance(part, Box) else isinstance(part, Fence) and part.block.runs
            for part in self.parts
        )


Part = Text | Fence | Box


def parts(page: Page) -> list[Part]:
    """Cut a page into its parts."""
    if page.program is None:
        return []
    fences = {block.span[0]: block for block in page.program.blocks if block.span[1]}
    return list(_parts(page.program.lines, fences, (0, len(page.program.lines)), 0))


def _parts(
    lines: tuple[str, ...], fences: dict[int, Block], span: tuple[int, int], depth: int
) -> Iterator[Part]:
    """The parts of some lines, which stand in boxes that indent them by `depth`."""
    (at, end), text = span, list[str]()

    def cut(start: int, stop: int) -> str:
        return "".join(f"{line[depth:] if line.strip() else ''}\n" for line in lines[start:stop])

    while at < end:
        block, box = fences.get(at), BOX.fullmatch(lines[at].strip())
        if block is None and box is None:
            text.append(cut(at, at + 1))
            at += 1
            continue
        yield Text("".join(text))
        text.clear()
        if block is not None:
            yield Fence(cut(*block.span), block)
            at = block.span[1]
        elif box is not None:
            inner = len(lines[at]) - len(lines[at].lstrip()) + 4
            stop = _end(lines, fences, (at + 1, end), inner)
            inside = _parts(lines, fences, (at + 1, stop), inner)
            title = box["title"] or box["name"].capitalize()
            yield Box(box["name"], title, box["opens"].startswith("?"), tuple(inside))
            at = stop
    yield Text("".join(text))


def _end(
    lines: tuple[str, ...], fences: dict[int, Block], span: tuple[int, int], inner: int
) -> int:
    """The line after the last one that is indented as what is in a box."""
    at = stop = span[0]
    while at < span[1]:
        line = lines[at]
        if line.strip() and len(line) - len(line.lstrip()) < inner:
            break
        at = fences[at].span[1] if at in fences else at + 1
        stop = at if line.strip() else stop
    return stop


@dataclass(frozen=True)
class Writer:
    """Writes the parts of a page as plain Markdown.

    Attributes:
        site: The site.
        page: The page.
        at: The folder of the site in which the text will stand, such as `attention/mask/`.
        copies: Whether a link leads to the other page's Markdown, not to the page.
    """

    site: Site
    page: Page
    at: str
    copies: bool

    def markdown(self, found: list[Part] | tuple[Part, ...]) -> str:
        """Parts of the page, one after the other."""
        return "".join(map(self._part, found))

    def _part(self, part: Part) -> str:
        if isinstance(part, Text):
            return self.prose(part.text)
        if isinstance(part, Fence):
            return part.text
        inside = self.markdown(part.parts).strip("\n")
        if not part.folded:
            return f"**{part.title}**\n\n{inside}\n"
        title = f"<summary>{escape(part.title, quote=False)}</summary>"
        return f"<details>\n{title}\n\n{inside}\n\n</details>\n"

    def prose(self, text: str) -> str:
        """Text without what only the site's extensions know."""
        text = WRAPPER.sub("", ATTRIBUTES.sub("", text))
        text = counts.fill(text, self.site.root / "docs")
        text = REFERENCE.sub(self._source, text)
        return ADDRESS.sub(lambda found: self._address(found[0]), text)

    def _source(self, reference: re.Match[str]) -> str:
        """A module that the API reference shows."""
        path = self.site.root / "src" / reference[1].replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        code = file.read_text(encoding="utf-8").strip("\n")
        return f"## `{reference[1]}`\n\n```python\n{code}\n```"

    def _address(self, target: str) -> str:
        """Where a link of the page leads, from where the text will stand."""
        linked = urlsplit(target)
        stays = not linked.path and self.at == self.page.folder
        taken = bool(self.site.address) and not self.copies  # a notebook has no such anchors
        if linked.scheme or linked.netloc or (stays and not taken) or not self.page.source:
            return target
        folder, name = self.page.source.parent, unquote(linked.path) or self.page.source.name
        file = (folder / name).resolve()
        docs = (self.site.root / "docs").resolve()
        page = self.site.sources.get(file)
        if page is not None:
            place = f"{page.folder}{page.name}.md" if self.copies else page.url
        elif file.is_relative_to(docs) and file.is_file():
            place = file.relative_to(docs).as_posix()
        else:
            return target
        anchor = f"#{linked.fragment}" if linked.fragment else ""
        if self.site.address:
            return f"{self.site.address}{place}{anchor}"
        if not place or place.endswith("/"):  # where files lie, a folder is not a page
            place += "index.html"
        return posixpath.relpath(place, self.at or ".") + anchor

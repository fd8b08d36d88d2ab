"""Terms show their definition: the first mention of each on a page leads to the glossary.

A Markdown extension. The glossary is a page of definition lists; an entry has one or more names,
a definition, and on its last line links to the pages that explain it:

    mask
    :   The table that says which query may look at which key.
        [Masks](attention/mask.md)

On the pages that an entry links to, its term is not marked: they say themselves what it is.
Nor is a name that is an ordinary word too, `value { .quiet }`.
"""

import posixpath
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

ENTRY = re.compile(r"^(?P<names>(?:\S.*\n)+):   (?P<body>.*\n(?:    .*(?:\n|\Z))*)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
MARKUP = re.compile(r"(?<!\w)[*_`]+|[*_`]+(?!\w)")
# Where a term is code, a name or already a link, or where a page introduces it.
LEFT_ALONE = {
    *("a", "abbr", "b", "button", "code", "dt", "math", "pre", "script", "strong", "style"),
    *("summary", "svg", "h1", "h2", "h3", "h4", "h5", "h6", "th"),
}


@dataclass(frozen=True)
class Term:
    """An entry of the glossary.

    Attributes:
        names: What it is called, the usual name first.
        definition: What it is, as plain text.
        pages: Where it is explained, as paths from the glossary's folder.
        quiet: The names that are not marked.
    """

    names: tuple[str, ...]
    definition: str
    pages: frozenset[str]
    quiet: frozenset[str] = frozenset()

    @property
    def anchor(self) -> str:
        """The id of the entry on the glossary's page."""
        return slug(self.names[0])


def slug(name: str) -> str:
    """Turn a name into an id."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def read(path: Path) -> list[Term]:
    """Read the entries of a glossary.

    Raises:
        ValueError: If an entry has no definition or no page, or a name has two entries.
    """
    terms: list[Term] = []
    for entry in ENTRY.finditer(path.read_text(encoding="utf-8")):
        lines = [line.partition(" {") for line in entry["names"].splitlines()]
        names = tuple(name for name, _, _ in lines)
        quiet = frozenset(name for name, _, attributes in lines if ".quiet" in attributes)
        *said, last = (line.strip() for line in entry["body"].strip().splitlines())
        if not said or not LINK.match(last):
            raise ValueError(
                f"{path}: expected a definition of {names[0]!r} and then a line of links, "
                f"got {entry['body'].strip()!r}"
            )
        definition = MARKUP.sub(
            "", LINK.sub(lambda link: link[0][1:].split("]")[0], " ".join(said))
        )
        terms.append(Term(names, definition, frozenset(LINK.findall(last)), quiet))
    known: set[str] = set()
    for name in (name for term in terms for name in term.names):
        if name in known:
            raise ValueError(f"{path}: expected one entry for {name!r}, got two")
        known.add(name)
    return terms


def forms(terms: list[Term]) -> dict[str, Term]:
    """Each term by every form in which it is marked: its names, singular and plural."""
    names = [(name, term) for term in terms for name in term.names if name not in term.quiet]
    plurals = {f"{name}{ending}": term for name, term in names for ending in ("s", "es")}
    plurals |= {f"{name[:-1]}ies": term for name, term in names if name.endswith("y")}
    return {**plurals, **dict(names)}


def pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Match any of the words, the longest first; only the first letter may be a capital instead."""
    longest_first = sorted(words, key=len, reverse=True)
    parts = (f"[{word[0]}{word[0].upper()}]{re.escape(word[1:])}" for word in longest_first)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])")


def built_page(md: Markdown) -> str:
    """The page that a builder has Markdown read, as its path from the docs; empty if it is none."""
    if "relpath" in md.treeprocessors:
        mkdocs: Any = md.treeprocessors["relpath"]
        return str(mkdocs.file.src_uri)
    if "rendering_context" in md.preprocessors:
        zensical: Any = md.preprocessors["rendering_context"]
        return str(zensical.page.path)
    return ""


class TermsProcessor(Treeprocessor):
    """Gives the glossary's entries their ids, and marks terms on all other pages."""

    def __init__(self, md: Markdown, docs: Path, page: str, unmarked: str) -> None:
        """Remember where the glossary is, and which folder it leaves alone."""
        super().__init__(md)
        self.path, self.page, self.unmarked = docs / page, page, unmarked

    def run(self, root: ET.Element) -> None:
        """Change a page, in place.

        Args:
            root: The page, after its inline markup was read.
        """
        page = built_page(self.md)
        if not page:
            return
        terms = read(self.path)
        if page == self.page:
            for name in root.iter("dt"):
                name.set("id", slug("".join(name.itertext())))
            return
        address = posixpath.relpath(self.page, posixpath.dirname(page) or ".")
        left = [t for t in terms if page not in t.pages and t.quiet < {*t.names}]
        if left and not page.startswith(self.unmarked):
            _Marker(left, address).mark(root)


class _Marker:
    """Marks the first mention of each term below an element."""

    def __init__(self, terms: list[Term], address: str) -> None:
        self.address, self.left = address, forms(terms)
        self.words = pattern(self.left)

    def mark(self, element: ET.Element) -> None:
        """Mark the terms in the text of an element, then in each child and the text after it."""
        title = "admonition-title" in element.get("class", "")
        if element.tag in LEFT_ALONE or title or not isinstance(element.tag, str):
            return
        children = list(element)
        element.text, marked = self._split(element.text)
        at = len(marked)
        for place, link in enumerate(marked):
            element.insert(place, link)
        for child in children:
            self.mark(child)
            child.tail, marked = self._split(child.tail)
            at += 1
            for link in marked:
                element.insert(at, link)
                at += 1

    def _split(self, text: str | None) -> tuple[str | None, list[ET.Element]]:
        """Cut a text at its first mentions: what stands before them, and their links."""
        links: list[ET.Element] = []
        if not text or isinstance(text, AtomicString):
            return text, links
        start, pieces = 0, [""]
        for found in self.words.finditer(text):
            word = found[0]
            term = self.left.get(word) or self.left.get(word[0].lower() + word[1:])
            if term is None:
                continue
            self.left = {form: other for form, other in self.left.items() if other is not term}
            link = ET.Element("a", {"class": "term", "title": term.definition})
            link.set("href", f"{self.address}#{term.anchor}")
            link.text = word
            pieces[-1] = text[start : found.start()]
            pieces.append("")
            links.append(link)
            start = found.end()
        pieces[-1] = text[start:]
        for link, tail in zip(links, pieces[1:], strict=True):
            link.tail = tail
        return pieces[0], links


class TermsExtension(Extension):
    """Registers the processor: formulas are formulas by then, addresses not yet the site's."""

    def __init__(self, **options: object) -> None:
        """Take the options `docs`, `page` and `unmarked`."""
        self.config = {
            "docs": ["docs", "The folder of the pages."],
            "page": ["glossary.md", "The glossary, in that folder."],
            "unmarked": ["reference/", "The folder whose pages are for looking up, not reading."],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Add the processor to a Markdown instance."""
        page, unmarked = self.getConfig("page"), self.getConfig("unmarked")
        processor = TermsProcessor(md, Path(self.getConfig("docs")), page, unmarked)
        md.treeprocessors.register(processor, "terms", 6)


def makeExtension(**options: object) -> TermsExtension:  # noqa: N802 - Markdown's name
    """Make the extension; Markdown calls this by name."""
    return TermsExtension(**options)

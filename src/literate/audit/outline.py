"""A page as a whole: its title, its headings, its elements, its figures."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from markdown.util import BLOCK_LEVEL_ELEMENTS

from literate.audit.prose import INLINE, paragraphs
from literate.audit.site import Finding, Page, Site
from literate.audit.tree import VOID, Element
from literate.figures import is_figure

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
KNOWN = {*BLOCK_LEVEL_ELEMENTS, *INLINE, *VOID} | {
    *("audio", "button", "caption", "code", "label", "picture", "ruby", "rb", "rp", "rt", "select"),
    *("svg", "video"),
}
COLOURED = {"fill", "stroke", "color", "stop-color", "flood-color", "lighting-color", "bgcolor"}
THEMED = re.compile(
    r"none|currentcolor|inherit|transparent|context-\w+|var\(.*\)|url\(#.*\)", re.IGNORECASE
)
LITERAL = re.compile(
    r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(", re.IGNORECASE
)


def check_head(page: Page, _site: Site) -> Iterator[Finding]:
    """A page has a title and a language."""
    titles = (e for e in page.elements if e.tag == "title" and e.parent and e.parent.tag == "head")
    if not any(title.text.strip() for title in titles):
        yield Finding("no title")
    if not any(e.tag == "html" and e.attributes.get("lang") for e in page.elements):
        yield Finding("no language of its text")


def check_headings(page: Page, _site: Site) -> Iterator[Finding]:
    """One heading of the first level, written on the page, and no level skipped below it."""
    found = [e for e in page.article if e.tag in HEADINGS]
    first = [e for e in found if e.tag == "h1"]
    if len(first) != 1:
        yield Finding(f"expected one heading of the first level, got {len(first)}")
    elif not first[0].attributes.get("id"):
        yield Finding("expected a heading of the first level, got none: the theme made one")
    level = 0
    for heading in found:
        if int(heading.tag[1]) > level + 1:
            yield Finding(
                f"a heading that skips a level, from {level} to {heading.tag[1]}", heading.text
            )
        level = int(heading.tag[1])
        if not heading.text.strip(" ¶\n"):
            yield Finding(f"an empty heading of level {level}")


def check_content(page: Page, _site: Site) -> Iterator[Finding]:
    """Something to read, in HTML that a browser knows."""
    titles = [text for e in page.article if e.tag in HEADINGS for text in paragraphs(e)]
    seen = any(e.tag in ("pre", "svg", "img", "math") for e in page.article)
    if not seen and len(paragraphs(page.content)) <= len(titles):
        yield Finding("an empty page")
    for element in page.article:
        yield from _element(element)
    for element in page.unbalanced:
        if element.parent and any(above.tag == "article" for above in element.above()):
            yield Finding("HTML that is not balanced", f"<{element.tag}>")


def _element(element: Element) -> Iterator[Finding]:
    if element.tag == "script" and element.attributes.get("type") != "application/json":
        yield Finding("a script in the text", element.text)
    if any(name.startswith("on") for name in element.attributes):
        yield Finding("a script in an attribute", " ".join(element.attributes))
    unknown = element.tag not in KNOWN and "-" not in element.tag
    if unknown and not any(e.tag in ("svg", "math") for e in element.above()):
        yield Finding("an element that HTML does not know", f"<{element.tag}>")
    for name in {"data-count", "data-minutes"} & element.attributes.keys():
        yield Finding("a number that is not counted", element.attributes[name])
    titled = element.tag == "details" or "admonition" in element.classes
    if titled or "tabbed-block" in element.classes:
        parts = [part for part in element.children if not isinstance(part, str) or part.strip()]
        if len(parts) < 1 + titled:
            yield Finding("a box without content", element.text)


def check_figures(page: Page, _site: Site) -> Iterator[Finding]:
    """Figures are in the page, in its colours, and said in words."""
    for element in page.elements:
        if element.tag == "img" and not element.attributes.get("alt", "").strip():
            yield Finding("an image without words", element.attributes.get("src", ""))
    for element in page.article:
        address = element.attributes.get("src") or element.attributes.get("data") or ""
        if is_figure(address):
            yield Finding("a figure that is not in the page", address)
        elif _undrawn(element, address, page):
            yield Finding("an image that no code draws", address)
        for name, value in _colours(element):
            yield Finding("a literal colour, the same in both themes", f"{name}: {value}")
        if element.tag == "svg" and not _hidden(element):
            yield from _said(element)


def _undrawn(element: Element, address: str, page: Page) -> bool:
    """Whether an image of ours is none that the pages draw; one that is missing is a dead link."""
    path = urlsplit(address).path
    ours = element.tag == "img" and "assets" not in PurePosixPath(path).parts
    return ours and ((page.path.parent / path).is_file() or address.startswith("data:"))


def check_drawings(site: Site) -> Iterator[tuple[str, Finding]]:
    """Every figure beside a page is on a page."""
    shown = {name for page in site.pages.values() for name in page.ids}
    for path in sorted((site.root / "docs").rglob("*.svg")):
        place = path.relative_to(site.root / "docs").as_posix()
        if is_figure(place) and f"fig-{path.stem}-title" not in shown:
            yield f"docs/{place}", Finding("a figure that no page shows")


def _said(svg: Element) -> Iterator[Finding]:
    if any(element.tag == "a" for element in svg.walk()):  # a map: its links say what they are
        if svg.attributes.get("role") != "group" or not svg.attributes.get("aria-label"):
            yield Finding("a drawing with links, but not a group with a name", svg.text)
        return
    for tag in ("title", "desc"):
        if not any(e.tag == tag and e.text.strip() for e in svg.walk()):
            yield Finding(f"a drawing without <{tag}>", svg.text)
    if svg.attributes.get("role") != "img":
        yield Finding("a drawing without role=img", svg.text)


def _hidden(svg: Element) -> bool:
    """Whether a drawing is decoration, such as an icon of the theme's."""
    hidden = any(e.attributes.get("aria-hidden") == "true" for e in svg.above())
    return hidden or svg.inside("md-icon", "twemoji")


def _colours(element: Element) -> Iterator[tuple[str, str]]:
    """The literal colours in an element's attributes and in its style."""
    if not element.attributes:
        return
    style = element.attributes.get("style", "")
    pairs = [declaration.partition(":")[::2] for declaration in style.split(";")]
    pairs += [(n, v) for n, v in element.attributes.items() if n in COLOURED]
    if element.tag == "style":
        pairs += [("style", part) for part in LITERAL.findall(element.text)]
    for name, value in ((n.strip(), v.strip()) for n, v in pairs):
        if value and (LITERAL.search(value) or (name in COLOURED and not THEMED.fullmatch(value))):
            yield name, value

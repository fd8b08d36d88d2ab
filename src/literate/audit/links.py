"""Links: each leads somewhere, none leaves the site unless a reader follows it."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from literate.audit.site import Finding, Page, Site
from literate.audit.tree import Element

LEAVES = "a request that leaves the site"
ADDRESSES = {"href", "src", "poster", "data", "action", "xlink:href", "background"}
ADDRESS_LISTS = {"srcset", "imagesrcset"}
FOLLOWED = {"a", "area", "form", "blockquote", "q"}  # by the reader; all else the browser fetches
LOADED = {
    *("stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"),
    *("manifest", "apple-touch-icon", "mask-icon", "prerender"),
}
IN_CSS = re.compile(r"""url\(\s*["']?([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def check_links(page: Page, site: Site) -> Iterator[Finding]:
    """Addresses in a page lead to a file of the site, and to a place that exists in it."""
    for element in page.elements:
        for address, fetched in addresses(element):
            if fetched and _outside(address):
                yield Finding(LEAVES, address)
            elif what := _wrong(address, page.path, site):
                yield Finding(what, address)


def check_ids(page: Page, _site: Site) -> Iterator[Finding]:
    """An id names one thing."""
    for name, times in Counter(page.ids).items():
        if times > 1:
            yield Finding(f"an id that is there {times} times", name)


def check_style_sheets(site: Site) -> Iterator[tuple[str, Finding]]:
    """Addresses in style sheets lead to a file of the site."""
    for path in sorted(site.folder.rglob("*.css")):
        for address in _in_css(path.read_text(encoding="utf-8")):
            what = LEAVES if _outside(address) else _wrong(address, path, site)
            if what:
                yield path.relative_to(site.folder).as_posix(), Finding(what, address)


def check_reach(site: Site) -> Iterator[tuple[str, Finding]]:
    """Every page is reached from the first one."""
    waiting, reached = [site.folder / "index.html"], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in site.pages and path not in reached:
            reached.add(path)
            found = (e.attributes.get("href") for e in site.pages[path].elements if e.tag == "a")
            waiting += [_target(address, path) for address in found if address]
    for path in sorted(site.pages.keys() - reached):
        yield site.pages[path].name, Finding("a page that no link leads to from the first")


def addresses(element: Element) -> Iterator[tuple[str, bool]]:
    """The addresses in an element, and whether the browser fetches them by itself."""
    if not element.attributes and element.tag != "style":
        return
    related = {*element.attributes.get("rel", "").lower().split()}
    fetched = bool(related & LOADED) if element.tag == "link" else element.tag not in FOLLOWED
    for name in ADDRESSES & element.attributes.keys():
        yield element.attributes[name].strip(), fetched
    for name in ADDRESS_LISTS & element.attributes.keys():
        for part in element.attributes[name].split(","):
            yield (part.split() or [""])[0], fetched
    css = element.text if element.tag == "style" else element.attributes.get("style", "")
    for address in _in_css(css):
        yield address, True


def _in_css(text: str) -> Iterator[str]:
    for match in IN_CSS.finditer(COMMENT.sub("", text)):
        yield (match[1] or match[2]).strip()


def _outside(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp", "ws", "wss")


def _target(address: str, path: Path) -> Path:
    """The file that a relative address in a file means."""
    place = unquote(urlsplit(address).path)
    target = Path(os.path.normpath(path.parent / place)) if place else path
    return target / "index.html" if target.is_dir() else target


def _wrong(address: str, path: Path, site: Site) -> str:
    """What is wrong with an address in a file, or nothing."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return "a link that runs a script" if parts.scheme == "javascript" else ""
    if not address:
        return "a link that leads nowhere"
    if parts.path.startswith("/"):
        return "an absolute link"
    target = _target(address, path)
    if not target.is_relative_to(site.folder) or not target.is_file():
        return "a link to a source" if parts.path.endswith(".md") else "a dead link"
    anchor = unquote(parts.fragment).partition(":~:")[0]
    if anchor and target in site.pages and anchor not in site.pages[target].anchors:
        return "a dead anchor"
    return ""

"""From a listing to the reference of what it defines, and from there back to the listing."""

import ast
import re
from collections.abc import Iterator

from literate.page import Block
from literate.publish.site import Page, Site

CODE = re.compile(r'<div class="language-[\w+-]+ highlight">.*?</code></pre></div>', re.DOTALL)
HEADING = re.compile(r'<h\d id="([\w.]+)" class="doc doc-heading">.*?</h\d>', re.DOTALL)
DOTTED = re.compile(r"(?<=>)[\w.]+(?=<)")


def link_listings(site: Site) -> None:
    """Put links below every listing, and below every heading of the reference that has one."""
    documented = {found[1]: page for page in site.pages for found in HEADING.finditer(page.html)}
    listed: dict[str, Page] = {}
    for page in site.pages:
        for name in _link_page(page, site, documented):
            listed.setdefault(name, page)
    for page in {page.url: page for page in documented.values()}.values():
        pieces = HEADING.split(page.html)  # text between headings, and the names of these
        headings = [found[0] for found in HEADING.finditer(page.html)]
        page.html = pieces[0] + "".join(
            _breakable(heading) + _back(page, name, listed) + text
            for heading, name, text in zip(headings, pieces[1::2], pieces[2::2], strict=True)
        )


def _link_page(page: Page, site: Site, documented: dict[str, Page]) -> list[str]:
    """Put links below the listings of a page; return the names that these define."""
    blocks = page.program.blocks if page.program else ()
    blocks = tuple(block for block in blocks if block.kind != "figure")
    if not any(block.kind == "listing" for block in blocks):
        return []
    between, shown = CODE.split(page.html), CODE.findall(page.html)
    if len(shown) != len(blocks):
        raise ValueError(f"expected {len(blocks)} blocks of code in {page.path}, got {len(shown)}")
    names, html = [], between[0]
    for block, code, text in zip(blocks, shown, between[1:], strict=True):
        here = [name for name in _defined(block, site) if name in documented]
        anchors = "".join(f'<span id="{_anchor(name)}"></span>' for name in here)
        html += anchors + code + _links(page, here, documented) + text
        names += here
    page.html = html
    return names


def _defined(block: Block, site: Site) -> Iterator[str]:
    """The full names of the functions and classes that a listing defines, the public ones."""
    path, sources = block.lines[0][1].path.resolve(), (site.root / "src").resolve()
    if block.kind != "listing" or not path.is_relative_to(sources):
        return
    module = path.relative_to(sources)
    for node in ast.parse(block.source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield ".".join([*module.with_suffix("").parts, node.name])


def _anchor(name: str) -> str:
    """The id of the place where a page lists it."""
    return f"listing-{name.rsplit('.', maxsplit=1)[-1]}"


def _links(page: Page, names: list[str], documented: dict[str, Page]) -> str:
    """Links to the reference of some names."""
    links = (
        f'<a href="{page.to_root}{documented[name].url}#{name}">'
        f"<code>{name.split('.')[-1]}</code></a>"
        for name in names
    )
    return f'\n<p class="api">Reference: {", ".join(links)}</p>' if names else ""


def _breakable(heading: str) -> str:
    """A heading whose name breaks after its dots, where the screen is narrow."""
    return DOTTED.sub(lambda found: found[0].replace(".", ".<wbr>"), heading)


def _back(page: Page, name: str, listed: dict[str, Page]) -> str:
    """A link to the page that lists a name, if one does."""
    if name not in listed:
        return ""
    there = listed[name]
    link = f'<a href="{page.to_root}{there.url}#{_anchor(name)}">{there.title}</a>'
    return f'\n<p class="api">Explained on the page {link}</p>'

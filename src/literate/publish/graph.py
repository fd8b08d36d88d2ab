"""Which pages a page needs, and which use it: found in what its code imports.

A page needs another one if its module or its program imports from that page's module. What code
does not show, a page says in its front matter: `needs: [tokenization/index]`. Only pages before it
on the learning path count, and none that a needed page needs itself.
"""

import ast
import re
from pathlib import Path
from urllib.parse import urljoin

import yaml

from literate.page import FRONT_MATTER
from literate.publish.site import Page, Site

NEXT = re.compile(r'<link rel="next" href="([^"]*)"')


def order(site: Site) -> list[Page]:
    """The pages of the learning path: from the home page, each with its link to the next."""
    pages = {page.url: page for page in site.pages}
    found = [pages[""]]
    while following := NEXT.search(found[-1].html):
        url = urljoin(f"https://site/{found[-1].url}", following[1]).removeprefix("https://site/")
        found.append(pages[url])
    return found


def find_needs(page: Page, site: Site, path: list[Page]) -> set[str]:
    """The addresses of the pages before it whose modules its code imports, or that it names."""
    if page.source is None or page.program is None:
        return set()
    docs, package = site.root / "docs", site.root / "src/glassformer"
    name = page.source.relative_to(docs).with_suffix("").as_posix()
    code = [block.source for block in page.program.blocks if block.runs]
    module = package / f"{name}.py"
    if module.is_file():
        code.append(module.read_text(encoding="utf-8"))
    names = {imported for text in code for imported in imports(text)} | stated(page.source)
    before = path[: path.index(page)]
    found = {address(name): name for name in names}
    earlier = {other.url for other in before}
    if late := sorted(stated(page.source) - {found[url] for url in found if url in earlier}):
        raise ValueError(f"{page.source}: expected needs among the pages before it, got {late}")
    return earlier & set(found)


def address(name: str) -> str:
    """The address of the page of a concept: `attention/mask/`."""
    return re.sub(r"(^|/)index$", r"\1", name) + ("" if name.endswith("index") else "/")


def imports(code: str) -> set[str]:
    """The modules of the package that a piece of code imports from, as names of concepts."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.replace(".", "/").removeprefix("glassformer/") for name in found}


def stated(source: Path) -> set[str]:
    """The concepts that a page's front matter says it needs."""
    matter = FRONT_MATTER.match(source.read_text(encoding="utf-8"))
    values = yaml.safe_load(matter[0].strip("-.\n ")) if matter else {}
    return set(values.get("needs", ()))


def reduce(needs: dict[str, set[str]], path: list[Page]) -> dict[str, set[str]]:
    """Leave out of what each page needs whatever another page that it needs leads to."""
    everything: dict[str, set[str]] = {}
    for page in path:
        direct = needs[page.url]
        everything[page.url] = direct.union(*(everything[url] for url in direct))
    return {
        url: direct - set().union(*(everything[other] for other in direct))
        for url, direct in needs.items()
    }

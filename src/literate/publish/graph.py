"""Which pages a page needs, and which use it: found in what its code imports.

A page needs another one if its module or its program imports from that page's module. What code
does not show, a page says in its front matter: `needs: [tokenization/index]`. Only pages before it
on the learning path count, and none that a needed page needs itself.
"""

import ast

from literate.publish.site import Page, Site


def find_needs(page: Page, site: Site) -> set[str]:
    """The addresses of the pages before it whose modules its code imports, or that it names.

    Raises:
        ValueError: If it names one that does not stand before it.
    """
    if page.source is None or page.program is None:
        return set()
    docs = (site.root / "docs").resolve()
    code = [block.source for block in page.program.blocks if block.runs]
    concept = page.source.resolve().relative_to(docs).with_suffix("")
    module = site.root / "src/glassformer" / concept.with_suffix(".py")
    if module.is_file():
        code.append(module.read_text(encoding="utf-8"))
    before = {other.url for other in site.menu[: site.menu.index(page)]}

    def addresses(names: set[str]) -> dict[str, str]:
        found = {name: site.sources.get(docs / f"{name}.md") for name in names}
        return {name: other.url for name, other in found.items() if other and other.url in before}

    stated = set(page.front_matter.get("needs", ()))
    found = addresses(stated | {name for text in code for name in imports(text)})
    if late := sorted(stated - found.keys()):
        raise ValueError(f"{page.source}: expected needs among the pages before it, got {late}")
    return set(found.values())


def imports(code: str) -> set[str]:
    """The modules of the package that a piece of code imports from, as names of concepts."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.replace(".", "/").removeprefix("glassformer/") for name in found}


def reduce(needs: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out of what each page needs whatever another page that it needs leads to.

    Args:
        needs: The addresses that each page needs, in an order in which these come before it.
    """
    everything: dict[str, set[str]] = {}
    for page, direct in needs.items():
        everything[page] = direct.union(*(everything[url] for url in direct))
    return {
        url: direct - set().union(*(everything[other] for other in direct))
        for url, direct in needs.items()
    }

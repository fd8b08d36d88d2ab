"""Below the title of a concept's page: its place on the map, what it needs, what uses it."""

from literate.publish.graph import find_needs, reduce
from literate.publish.map import draw
from literate.publish.site import Page, Site

PLACE = '<div class="concept"></div>'  # on the home page, whose map lights nothing


def add_concepts(site: Site) -> None:
    """Put the map and the neighbours below the title of every page that has them."""
    home, *others = site.menu
    home.html = home.html.replace(PLACE, f'<div class="concept">{draw("", home.to_root)}</div>')
    needs = reduce({page.url: find_needs(page, site) for page in site.menu})
    for page in others:
        neighbours = {
            "Needs": [other for other in site.menu if other.url in needs[page.url]],
            "Used by": [other for other in site.menu if page.url in needs[other.url]],
        }
        lists = "".join(
            f"<div><dt>{word}</dt>{_links(page, found)}</div>"
            for word, found in neighbours.items()
            if found
        )
        content = draw(page.url, page.to_root) + (f"<dl>{lists}</dl>" if lists else "")
        if content:
            page.insert(f'\n<div class="concept">{content}</div>', after="</h1>")


def _links(page: Page, others: list[Page]) -> str:
    """Links to other pages."""
    return "".join(
        f'<dd><a href="{page.to_root}{other.url}">{other.title}</a></dd>' for other in others
    )

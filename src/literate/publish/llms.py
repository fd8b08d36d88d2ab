"""The site for language models: llms.txt, an index of all pages as Markdown, and llms-full.txt.

See https://llmstxt.org.
"""

from literate.publish.portable import Writer, parts
from literate.publish.site import Page, Site


def index(site: Site) -> None:
    """Write both files: the pages in the order of the menu, with their descriptions, and whole."""
    head = f"# {site.settings['site_name']}\n\n> {site.settings.get('site_description', '')}"
    about = (
        "Links lead to the pages as Markdown. Beside each of them that has a program lie the "
        "program, ending in `.py`, and a notebook with its outputs, ending in `.ipynb`."
    )
    short, full = [f"{head}\n\n{about}\n"], [head]
    for chapter, pages in site.chapters().items():
        short.append(f"## {chapter}\n\n" + "".join(_entry(site, page) for page in pages))
        full += [_whole(site, page) for page in pages]
    (site.folder / "llms.txt").write_text("\n".join(short), encoding="utf-8")
    (site.folder / "llms-full.txt").write_text("\n\n---\n\n".join(full) + "\n", encoding="utf-8")


def _entry(site: Site, page: Page) -> str:
    """A page in the index."""
    said = page.front_matter.get("description")
    link = f"[{page.title}]({site.address}{page.folder}{page.name}.md)"
    return f"- {link}: {said}\n" if said else f"- {link}\n"


def _whole(site: Site, page: Page) -> str:
    """A page in the file of all pages."""
    return Writer(site, page, "", copies=True).markdown(parts(page)).strip()

"""Each page as Markdown, and its program as a script and a notebook, beside its HTML."""

from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from literate import program
from literate.publish.notebook import Notebook
from literate.publish.portable import Writer, parts
from literate.publish.site import Page, Site


def offer(site: Site) -> None:
    """Write the files of each page, and a row of links to them below its title."""
    for page in site.sources.values():
        for kind, text in files(site, page).items():
            page.path.with_name(f"{page.name}.{kind}").write_text(text, encoding="utf-8")
        links = " ".join(_links(site, page))
        row = f'\n<nav class="downloads" aria-label="This page as a file">{links}</nav>'
        page.insert(row, after="</h1>")


def files(site: Site, page: Page) -> dict[str, str]:
    """What is made of a page, by the endings of the files."""
    made = {"md": markdown(site, page)}
    return {"ipynb": notebook(site, page), "py": script(site, page)} | made if page.runs else made


def markdown(site: Site, page: Page) -> str:
    """A page as Markdown that any reader knows, its links leading to other such files."""
    return Writer(site, page, page.folder, copies=True).markdown(parts(page)).strip() + "\n"


def script(site: Site, page: Page) -> str:
    """A page's program, below a comment that says what it is and how to run it."""
    if page.program is None:
        raise ValueError(f"expected a page with a program, got {page.path}")
    address = f", {site.address}{page.url}" if site.address else ""
    about = [f"The program of the page “{page.title}”{address}", *_to_run(site)]
    comment = "".join(f"# {line}\n" for line in about)
    return f"{comment}\n{program.script(page.program)}"


def notebook(site: Site, page: Page) -> str:
    """A page as a notebook, its links leading to the pages."""
    made = Notebook(Writer(site, page, page.folder, copies=False))
    made.add(parts(page))
    own = f"[a page]({site.address}{page.url})" if site.address else "a page"
    about = f"This notebook is {own} with its program, and with what the program printed."
    return made.text("".join(f"{line}\n" for line in (about, *_to_run(site, code="`"))))


def _to_run(site: Site, code: str = "") -> Iterator[str]:
    """How to install what the programs import."""
    if command := site.options.get("install"):
        of = f" of {site.repository}" if site.repository else " of its repository"
        yield f"To run it, in a checkout{of}: {code}{command}{code}"


def _links(site: Site, page: Page) -> Iterator[str]:
    """Links to the files of a page, and to where it can be edited."""
    kinds = {"Notebook": "ipynb", "Script": "py"} if page.runs else {}
    for title, kind in (kinds | {"Markdown": "md"}).items():
        yield f'<a href="{quote(page.name)}.{kind}" download>{title}</a>'
    where = site.options.get("edit", "")
    if site.repository and where and page.source:
        path = page.source.resolve().relative_to((site.root / "docs").resolve()).as_posix()
        edit = f"{site.repository}/{where.strip('/')}/{quote(path)}"
        yield f'<a href="{escape(edit)}">Edit</a>'

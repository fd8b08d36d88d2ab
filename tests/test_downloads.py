"""The scripts, notebooks and Markdown copies of all pages are the pages.

That a script passes needs no run of its own: pytest runs every page as one program in one
namespace, block by block, and a script is proved here to be these blocks, one after the other, in
a file that compiles. What a run as a file could still change, the working folder, `__main__` and
that all blocks are compiled as one, is tried with some pages, as the kernel of a notebook is.
"""

import subprocess
import sys
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tests.literate.project import MKDOCS

from literate.compare import difference
from literate.page import read
from literate.program import script
from literate.publish import downloads
from literate.publish.site import Page, Site

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")]


@cache
def site() -> Site:
    """The site as it would be built, without the HTML of its pages."""
    pages = []
    for name in sorted(PAGES):
        url = "" if name == "index" else name.removesuffix("/index") + "/"
        pages.append(Page(url, Path(url, "index.html"), DOCS / f"{name}.md", "<h1>A page</h1>"))
    return Site(Path(), ROOT, pages)


def page(name: str) -> Page:
    """A page by its name."""
    return site().sources[DOCS / f"{name}.md"]


def printed(name: str) -> str:
    """What a page says that its program prints."""
    found = page(name).program
    assert found is not None
    return "".join(block.source for block in found.blocks if block.kind == "output")


@pytest.mark.parametrize("name", PAGES)
def test_what_is_published_is_the_page(name: str, tmp_path: Path) -> None:
    """Script, notebook and Markdown hold the page's program, and the notebook its outputs."""
    files = downloads.files(site(), page(name))
    source = read(DOCS / f"{name}.md")
    program, code = script(source), [block.source for block in source.blocks if block.runs]
    assert set(files) == ({"md", "py", "ipynb"} if program else {"md"})

    (tmp_path / "mkdocs.yml").write_text(MKDOCS, encoding="utf-8")
    (tmp_path / "copy.md").write_text(files["md"], encoding="utf-8")
    if not name.startswith("reference/"):  # whose copies show the sources of the modules
        assert script(read(tmp_path / "copy.md")) == program
    if not program:
        return

    comment, _, rest = files["py"].partition("\n\n")
    assert all(line.startswith("# ") for line in comment.splitlines())
    assert rest == program
    compile(files["py"], name, "exec", dont_inherit=True)

    notebook = nbformat.reads(files["ipynb"], as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells] == [block.rstrip("\n") for block in code]
    assert "".join(output.text for cell in cells for output in cell.outputs) == printed(name)


def test_no_script_hides_a_module() -> None:
    """A script lies in the folder from which it imports: it may not be called like a module."""
    found = [find_spec(page.name) for page in site().pages if page.runs]
    assert [spec.name for spec in found if spec and spec.origin] == []


@pytest.mark.parametrize("name", ["index", "start/prerequisites/probability"])
def test_scripts_run(name: str, tmp_path: Path) -> None:
    """In an empty folder, run as a file, they print what the page says."""
    path = tmp_path / "page.py"
    path.write_text(downloads.script(site(), page(name)), encoding="utf-8")
    command = [sys.executable, "-W", "error", path.name]
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, text=True)
    assert done.stderr == ""
    assert difference(printed(name), done.stdout) == ""


@pytest.mark.parametrize("name", ["softmax", "attention/mask", "start/notation"])
def test_notebooks_run(name: str, tmp_path: Path) -> None:
    """In Jupyter's kernel, in an empty folder, every cell prints what is saved below it."""
    saved = nbformat.reads(downloads.notebook(site(), page(name)), as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    run = NotebookClient(deepcopy(saved), timeout=600, resources=resources).execute()
    for before, after in zip(saved.cells, run.cells, strict=True):
        if before.cell_type == "code":
            shown, new = (
                "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
                for cell in (before, after)
            )
            assert difference(shown, new) == ""

"""What is offered of a page for taking away, and what is said of its code."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.literate.project import MKDOCS, Project

from literate.page import key
from literate.publish import downloads, llms, versions
from literate.publish.site import load

PAGE = '''
---
description: All that a page may hold.
---

# Whole { #whole }

A [link](../index.md#home), [another](c.md), [its own](#whole), [a file](../data.csv), [elsewhere](https://x.org/a.md).

```python
--8<-- "src/part.py:one"
```

- A list:

    ```python
    print(one)
    ```

    ```output
    1
    ```

    and it goes on.

<div class="widget" data-widget="drawn" markdown>

![A drawing](drawn.svg)

</div>

??? question "What & how?"

    Thus: $1 < 2$.

    ```python
    two = 2
    ```

    ??? success "Solution"

        ```python
        # not a heading
        print("""
        three""")
        ```

        ```output

        three
        ```

    ??? tip

        Only words.

!!! note "Beware"

    Of dogs.

=== "A tab"

    ```text
    # not a heading
    ```

## End
Good.
'''
MARKDOWN = '''
# Whole

A [link](../../home.md#home), [another](../c/c.md), [its own](#whole), [a file](../../data.csv), [elsewhere](https://x.org/a.md).

```python
one = 1

```

- A list:

    ```python
    print(one)
    ```

    ```output
    1
    ```

    and it goes on.

![A drawing](../drawn.svg)

<details>
<summary>What &amp; how?</summary>

Thus: $1 < 2$.

```python
two = 2
```

<details>
<summary>Solution</summary>

```python
# not a heading
print("""
three""")
```

```output

three
```

</details>

<details>
<summary>Tip</summary>

Only words.

</details>

</details>

**Beware**

Of dogs.

**A tab**

```text
# not a heading
```

## End
Good.
'''
CELLS = [
    (
        "# Whole\n\nThis notebook is a page with its program, and with what the program printed.\n"
        'To run it, in a checkout of its repository: `pip install "."`\n\n'
        "A [link](../../index.html#home), [another](../c/index.html), [its own](#whole), "
        "[a file](../../data.csv), [elsewhere](https://x.org/a.md)."
    ),
    ["one = 1"],
    "- A list:",
    ["print(one)", "1\n"],
    "and it goes on.\n\n![A drawing][drawn]\n\n**What & how?**\n\nThus: $1 < 2$.",
    ["two = 2"],
    "**Solution**",
    ['# not a heading\nprint("""\nthree""")', "\nthree\n"],
    (
        "<details>\n<summary>Tip</summary>\n\nOnly words.\n\n</details>\n\n"
        "**Beware**\n\nOf dogs.\n\n**A tab**\n\n```text\n# not a heading\n```"
    ),
    "## End\nGood.",
]
KINDS = {"Notebook": "ipynb", "Script": "py", "Markdown": "md"}
NAV = "nav: [Home: index.md, A: [a/b.md, a/c.md]]\n"
OPTIONS = """
[tool.literate.publish]
edit = "edit/main/docs/"
install = 'pip install "."'
"""
HTML = '<head></head><h1 id="x">{}</h1><div class="md-copyright"></div>'


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with three pages."""
    monkeypatch.chdir(pytester.path)
    made = Project(pytester.path, pytester.runpytest_inprocess)
    made.write("mkdocs.yml", f"{MKDOCS}site_description: A test\n{NAV}")
    made.write("pyproject.toml", OPTIONS)
    made.write("docs/index.md", "# Home\n\nWords.\n")
    made.write("docs/a/c.md", "# Short\n")
    made.write("docs/data.csv", "1\n")
    made.write("docs/a/b.md", PAGE)
    made.write("docs/a/drawn.svg", "<svg>\n<style>\n:root{}</style></svg>")
    made.write("src/part.py", "# --8<-- [start:one]\none = 1\n\n# --8<-- [end:one]\n")
    return made


def published(project: Project) -> Callable[[str], str]:
    """Carry out our steps on a project as built; give a way to read the files of its site."""
    for name, title in {"": "Home", "a/b/": "Whole", "a/c/": "Short"}.items():
        project.write(f"site/{name}index.html", HTML.format(title))
    project.write("site/404.html", "<h1>404</h1>")
    site = load(project.folder / "site", project.folder)
    for step in (downloads.offer, versions.state, llms.index):
        step(site)
    for page in site.pages:
        page.path.write_text(page.html, encoding="utf-8")
    return lambda name: (project.folder / "site" / name).read_text(encoding="utf-8")


def cells(text: str) -> list[Any]:
    """The cells of a notebook: the text, or the source and what is below it."""
    return [
        cell["source"]
        if cell["cell_type"] == "markdown"
        else [cell["source"], *(output["text"] for output in cell["outputs"])]
        for cell in json.loads(text)["cells"]
    ]


def test_markdown_is_what_any_reader_knows(project: Project) -> None:
    """Snippets, folds, tabs, boxes, attributes and addresses are said in plain Markdown."""
    assert published(project)("a/b/b.md") == MARKDOWN.lstrip("\n")


def test_a_notebook_has_prose_code_and_outputs(project: Project) -> None:
    """A list goes on as prose, headings begin cells, a drawing is inside, solutions are folded."""
    text = published(project)("a/b/b.ipynb")
    found = cells(text)
    found[4], _, data = found[4].partition("\n\n[drawn]: data:image/svg+xml;base64,")
    assert found == CELLS
    assert ":root{background:" in base64.b64decode(data).decode()
    metadata = [cell["metadata"] for cell in json.loads(text)["cells"]]
    assert [number for number, said in enumerate(metadata) if said] == [7]


def test_files_are_the_same_each_time(project: Project) -> None:
    """Publishing a site anew writes the same bytes."""
    names = ("a/b/b.md", "a/b/b.py", "a/b/b.ipynb", "llms.txt", "llms-full.txt")
    first = [*map(published(project), names)]
    assert [*map(published(project), names)] == first


def test_addresses_are_whole_where_the_site_has_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the address of the site and of its repository, what was taken away still leads there."""
    monkeypatch.setenv("SITE_URL", "https://x.org/sub")
    with (project.folder / "mkdocs.yml").open("a") as file:
        file.write("site_url: !ENV SITE_URL\nrepo_url: https://y.org/r/\n")
    read = published(project)
    assert "(https://x.org/sub/a/c/c.md), [its own](#whole)" in read("a/b/b.md")
    notebook = cells(read("a/b/b.ipynb"))[0]
    assert "[link](https://x.org/sub/#home)" in notebook
    assert "[its own](https://x.org/sub/a/b/#whole)" in notebook
    assert "in a checkout of https://y.org/r:" in notebook
    assert read("a/b/b.py").startswith(
        "# The program of the page “Whole”, https://x.org/sub/a/b/\n"
    )
    assert '<a href="https://y.org/r/edit/main/docs/a/b.md">Edit</a>' in read("a/b/index.html")
    assert "(https://x.org/sub/a/b/b.md): All that a page may hold." in read("llms.txt")


def test_a_page_offers_what_there_is(project: Project) -> None:
    """The row of links stands below the title; without a program or a repository it is shorter."""
    read = published(project)
    row = '<nav class="downloads" aria-label="This page as a file">{}</nav>'
    links = [f'<a href="b.{end}" download>{name}</a>' for name, end in KINDS.items()]
    assert f"</h1>\n{row.format(' '.join(links))}" in read("a/b/index.html")
    assert row.format('<a href="home.md" download>Markdown</a>') in read("index.html")
    assert "nav" not in read("404.html")
    written = {path.name for path in (project.folder / "site").rglob("*.*")}
    ours = {"home.md", "c.md", "b.md", "b.py", "b.ipynb", "llms.txt", "llms-full.txt"}
    assert written == {"index.html", "404.html"} | ours


def test_language_models_get_an_index_and_the_whole(project: Project) -> None:
    """In the order of the menu, with descriptions; links are right from where each file lies."""
    read = published(project)
    assert read("llms.txt").startswith("# Test\n\n> A test\n")
    assert read("llms.txt").endswith(
        "\n\n## Home\n\n- [Home](home.md)\n\n## A\n\n"
        "- [Whole](a/b/b.md): All that a page may hold.\n- [Short](a/c/c.md)\n"
    )
    whole = read("llms-full.txt")
    assert whole.startswith("# Test\n\n> A test\n\n---\n\n# Home\n\nWords.\n\n---\n\n# Whole\n")
    assert "(home.md#home), [another](a/c/c.md), [its own](a/b/b.md#whole)" in whole
    assert "![A drawing](a/drawn.svg)" in whole


def test_versions_are_those_of_the_last_run(project: Project) -> None:
    """They are named if all of a page's code passed in it; else those that are pinned."""
    with (project.folder / "pyproject.toml").open("a") as file:
        file.write(
            "pins = ['a.txt', 'b.txt']\nversions = {Torch = 'torch', Sybil = 'sybil', X = 'x'}"
        )
    project.write("a.txt", "sybil==9.1 ; python\n")
    project.write("b.txt", "TORCH = 'torch==2.13.0'\n")
    pinned = "The code of this page is tested with Torch 2.13.0 and Sybil 9.1."
    html = f'<div class="md-copyright">\n  <p class="versions">{pinned}</p></div>'
    assert html in published(project)("a/b/index.html")

    codes = ("one = 1\n", "print(one)\n", "two = 2\n", '# not a heading\nprint("""\nthree""")\n')
    versions = {"python": "3.11.7", "torch": "3", "numpy": "2"}
    for known, words in (
        (codes[:-1], pinned),
        (codes, "last passed with Python 3.11.7 and Torch 3."),
    ):
        record = {"keys": [*map(key, known)], "versions": versions}
        project.write(".literate/passed/1.json", json.dumps(record))
        assert words in published(project)("a/b/index.html")
    assert "versions" not in published(project)("index.html")

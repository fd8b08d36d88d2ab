"""Which blocks a page has, and where each of their lines is."""

import pytest
from tests.literate.project import MKDOCS, Project

from literate.page import Page, PageError, key, read

MODULE = '''
"""A module."""

# --8<-- [start:one]
import math


# --8<-- [end:one]
# --8<-- [start:two]
def area(r):
    return math.pi * r**2
# --8<-- [end:two]
'''


def found(page: Page) -> list[tuple[str, int, list[str]]]:
    """Kind, line of the page, and the last parts of the places of the lines of each block."""
    return [
        (block.kind, block.place.line, [f"{at.path.name}:{at.line}" for _, at in block.lines])
        for block in page.blocks
    ]


def test_snippets_are_sought_beside_the_settings(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the tests are started from, a folder of mkdocs.yml is seen from mkdocs.yml."""
    settings = MKDOCS.replace("!relative $config_dir", '"."')
    project.write("mkdocs.yml", settings)
    project.write("src/shape.py", MODULE)
    page = project.write("docs/page.md", '```python\n--8<-- "src/shape.py:two"\n```\n')
    monkeypatch.chdir(project.folder / "docs")
    assert [block.kind for block in read(page).blocks] == ["listing"]


def test_plain_blocks(project: Project) -> None:
    """Example, output, listing, console, figure and other are told apart; lines count from 1."""
    project.write("src/shape.py", MODULE)
    page = project.write(
        "docs/page.md",
        """
        ---
        description: front matter counts as lines
        ---
        # Title

        ```python
        print(1)

        x = 2
        ```

        ```output
        1
        ```

        ```python
        --8<-- "src/shape.py:two"
        ```

        ```console
        $ make site
        ```

        ![Words](drawing.svg)

        ```text
        plain
        ```
        """,
    )
    assert found(read(page)) == [
        ("example", 6, ["page.md:7", "page.md:8", "page.md:9"]),
        ("output", 12, ["page.md:13"]),
        ("listing", 16, ["shape.py:9", "shape.py:10"]),
        ("console", 20, ["page.md:21"]),
        ("figure", 24, []),
        ("other", 26, ["page.md:27"]),
    ]


CONTAINERS = {
    "admonition": ('!!! note "A"\n\n    ```python\n    a = 1\n    ```\n', [3]),
    "details": ('??? note "A"\n\n    ```python\n    a = 1\n    ```\n', [3]),
    "tab": (
        (
            '=== "A"\n\n    ```python\n    a = 1\n    ```\n\n'
            '=== "B"\n\n    ```python\n    a = 1\n    ```\n'
        ),
        [3, 9],
    ),
    "list": ("1. One\n\n    ```python\n    a = 1\n    ```\n", [3]),
    "list in a list": (
        "- One\n\n    - Two\n\n        ```python\n        a = 1\n        ```\n",
        [5],
    ),
    "quotation": ("> ```python\n> a = 1\n> ```\n", [1]),
    "attributes": ('```{.python .special hl_lines="1"}\na = 1\n```\n', [1]),
    "a title": ('```python title="a.py"\na = 1\n```\n', [1]),
    "marked lines": ('```python hl_lines="1"\na = 1\n```\n', [1]),
    "a space before the language": ("``` python\na = 1\n```\n", [1]),
    "tildes": ("~~~python\na = 1\n~~~\n", [1]),
    "a long fence": ("````python\na = 1\n````\n", [1]),
    "right after a heading": ("# A\n```python\na = 1\n```\n", [2]),
    "Windows line ends": ("# A\r\n\r\n```python\r\na = 1\r\n```\r\n", [3]),
}


@pytest.mark.parametrize(("text", "lines"), CONTAINERS.values(), ids=CONTAINERS)
def test_wherever_python_is_shown_it_is_found(
    project: Project, text: str, lines: list[int]
) -> None:
    """Tabs, admonitions, lists, attributes, tildes and long fences: what is shown runs."""
    path = project.folder / "page.md"
    path.write_bytes(text.encode())
    page = read(path)
    assert [block.place.line for block in page.blocks] == lines
    assert [block.lines[0][1].line for block in page.blocks] == [line + 1 for line in lines]
    assert {block.source for block in page.blocks} == {"a = 1\n"}


HIDDEN = {
    "in a comment": "<!--\n```python\na = 1\n```\n-->\n",
    "in a longer fence": "````markdown\n```python\na = 1\n```\n````\n",
    "in tildes": "~~~text\n```python\na = 1\n```\n~~~\n",
    "as indented code": "Text:\n\n    ```python\n    a = 1\n    ```\n",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_what_is_not_shown_as_python_is_not_run(project: Project, text: str) -> None:
    """Python in a comment or inside another fence is no example."""
    page = read(project.write("page.md", text))
    assert [block for block in page.blocks if block.runs] == []


def test_included_pages_keep_their_places(project: Project) -> None:
    """A fence of an included page has its own lines, and the including line as its place."""
    project.write("docs/part.md", "Text.\n\n```python\na = 1\n```\n")
    page = read(project.write("docs/page.md", '# A\n\n--8<-- "docs/part.md"\n'))
    assert found(page) == [("example", 3, ["part.md:4"])]
    assert page.blocks[0].fence.path.name == "part.md"


BROKEN = {
    "a missing file": ('```python\n--8<-- "src/none.py:one"\n```\n', "could not be found"),
    "a missing section": ('```python\n--8<-- "src/shape.py:none"\n```\n', "section 'none'"),
    "snippet and code": (
        '```python\n--8<-- "src/shape.py:two"\nprint(1)\n```\n',
        "a snippet or code",
    ),
    "another name of Python": ("```py\na = 1\n```\n", "expected a fence marked `python`, got `py`"),
    "a capital in output": ("```Output\n1\n```\n", "expected a fence marked `output`"),
    "a capital in console": ("```Console\n$ ls\n```\n", "expected a fence marked `console`"),
    "a capital": ("```Python\na = 1\n```\n", "got `Python`"),
    "prompts": ("```pycon\n>>> 1\n```\n", "got `pycon`"),
    "no code": ("```python\n\n```\n", "empty fence"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_page_says_what_is_wrong(project: Project, text: str, message: str) -> None:
    """A missing file or section and an escape from the tests are named."""
    project.write("src/shape.py", MODULE)
    with pytest.raises(PageError, match=r"page\.md") as error:
        read(project.write("page.md", text))
    assert message in str(error.value)


def test_a_file_that_is_not_text(project: Project) -> None:
    """Bytes that are not UTF-8 are an error with the name of the file."""
    path = project.folder / "page.md"
    path.write_bytes(b"\xff\xfe# A")
    with pytest.raises(PageError, match=r"page\.md: expected a Markdown file in UTF-8"):
        read(path)


def test_the_key_of_code_ignores_white_space_around_lines() -> None:
    """The HTML and the page agree on what a block is, whatever trailing space they keep."""
    assert key("a = 1  \n\nb = 2\n") == key("\na = 1\n\nb = 2")
    assert key("a = 1") != key("  a = 1")

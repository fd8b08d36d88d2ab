"""What `update` rewrites, and what it refuses to."""

from pathlib import Path

import pytest
from tests.literate.project import Project

from literate.page import PageError
from literate.update import update, write

STALE = """
# A page

```python
print(0.123456)
```

```output
0.12
```

1. In a list

    ```python
    print("a")
    print()
    print("  b")
    ```

    ```output
    old
    ```

> ```python
> print("quoted")
> ```
>
> ```output
> ```

```python
print(1)
```

```output
1
```
"""
FRESH = """
# A page

```python
print(0.123456)
```

```output
0.12
```

1. In a list

    ```python
    print("a")
    print()
    print("  b")
    ```

    ```output
    a

      b
    ```

> ```python
> print("quoted")
> ```
>
> ```output
> quoted
> ```

```python
print(1)
```

```output
1
```
"""


def test_only_what_changed_is_rewritten(project: Project) -> None:
    """Indentation, quotation and correctly rounded numbers stay; a second time nothing changes."""
    page = project.write("docs/page.md", STALE)
    assert update(page) == ["docs/page.md:19", "docs/page.md:27"]
    assert page.read_text() == FRESH.lstrip()
    before = page.stat()
    assert update(page) == []
    assert (page.stat().st_mtime_ns, page.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


MACHINES = {
    "threads": "os.environ['OMP_NUM_THREADS']",
    "instruction set": "os.environ.get('ATEN_CPU_CAPABILITY')",
    "each run": "os.getpid()",
}


@pytest.mark.parametrize("what", MACHINES.values(), ids=MACHINES)
def test_what_depends_on_the_machine_is_refused(project: Project, what: str) -> None:
    """Digits that differ between runs are not written, nor is anything else of that page."""
    first = "```python\nprint(1)\n```\n\n```output\n```\n\n"
    text = f"{first}```python\nimport os\nprint({what})\n```\n\n```output\n```\n"
    page = project.write("docs/page.md", text)
    with pytest.raises(
        PageError, match=r"page\.md:13: refused: one thread and .* do not give the same"
    ):
        update(page)
    assert page.read_text() == text


def test_a_rounding_that_holds_on_every_machine_is_kept(project: Project) -> None:
    """The writer may shorten what differs until it does not."""
    code = "import os\nprint(0.5 + int(os.environ['OMP_NUM_THREADS']) / 1000)"
    text = f"```python\n{code}\n```\n\n```output\n0.50\n```\n"
    page = project.write("docs/page.md", text)
    assert update(page) == []
    assert page.read_text() == text


def test_a_page_that_fails_is_left_alone(project: Project) -> None:
    """An error is told with its line, and the page keeps its outputs."""
    text = "```python\nprint(1)\n```\n\n```output\n2\n```\n\n```python\n1 / 0\n```\n"
    page = project.write("docs/page.md", text)
    with pytest.raises(PageError, match=r"(?s)page\.md:9: .*ZeroDivisionError"):
        update(page)
    assert page.read_text() == text


def test_outputs_of_an_included_page_are_rewritten_there(project: Project) -> None:
    """The file that holds the output is the one that changes."""
    part = project.write("docs/part.md", "```python\nprint(1)\n```\n\n```output\n```\n")
    page = project.write("docs/page.md", '# A\n\n--8<-- "docs/part.md"\n')
    update(page)
    assert part.read_text() == "```python\nprint(1)\n```\n\n```output\n1\n```\n"
    assert page.read_text() == '# A\n\n--8<-- "docs/part.md"\n'


UNSAFE = {
    "a fence": ("print('```')\nprint('x')", "cannot stand in its output's fence"),
    "a snippet": ("print('--8<-- ' + chr(34) + 'mkdocs.yml' + chr(34))", "cannot stand"),
    "a progress bar": ("print('10%', end='\\r')\nprint('100%')", r"prints the character '\\r'"),
    "a colour": ("print(chr(27) + '[1m')", "prints the character"),
    "an order by chance": ("print({'pizza', 'oven', 'it', 'hot', 'good'})", "do not give the same"),
    "the end of the process": ("import os\nos._exit(0)", "ended with exit code"),
}


@pytest.mark.parametrize(("code", "message"), UNSAFE.values(), ids=UNSAFE)
def test_what_cannot_be_shown_is_refused(project: Project, code: str, message: str) -> None:
    """Nothing is written that the page could not show, or would not print again."""
    text = f"```python\n{code}\n```\n\n```output\n```\n\nText.\n"
    page = project.write("docs/page.md", text)
    with pytest.raises(PageError, match=message):
        update(page)
    assert page.read_text() == text
    assert [file.name for file in page.parent.iterdir()] == ["page.md"]


def test_line_ends_are_kept(project: Project) -> None:
    """A page written on Windows stays one; tabs become what Markdown makes of them."""
    page = project.folder / "docs/page.md"
    page.parent.mkdir()
    page.write_bytes(b"```python\r\nprint('a\\tb')\r\n```\r\n\r\n```output\r\n```\r\n")
    update(page)
    assert page.read_bytes().endswith(b"```output\r\na   b\r\n```\r\n")
    assert update(page) == []


FIGURE = """
```python
import matplotlib.pyplot as plt
from glassformer import plot

figure, ax = plt.subplots(figsize=(3, 2))
ax.plot([0, 1], [0, HEIGHT], color=plot.BLUE)
plot.save(figure, "line.svg", title="A line", description="It rises.")
```

![A line that rises](line.svg)
"""


def test_figures_are_written_and_rewritten_when_they_change(project: Project) -> None:
    """A figure appears beside its page; noise leaves it alone, a change does not."""
    page = project.write("docs/page.md", FIGURE.replace("HEIGHT", "1"))
    assert update(page) == ["docs/line.svg:1"]
    first = (project.folder / "docs/line.svg").read_text()
    project.write("docs/page.md", FIGURE.replace("HEIGHT", "1.0000001"))
    assert update(page) == []
    project.test("docs").assert_outcomes(passed=2)
    project.write("docs/page.md", FIGURE.replace("HEIGHT", "2"))
    failed = project.test("docs")
    failed.assert_outcomes(passed=1, failed=1)
    assert "line.svg is not what is drawn" in failed.stdout.str()
    update(page)
    assert (project.folder / "docs/line.svg").read_text() != first


def test_a_file_is_written_at_once_or_not_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption leaves the old file and no other."""
    path = project.write("docs/page.md", "old")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["page.md"]

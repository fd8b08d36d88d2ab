"""Pages in pytest: one item a block, the same verdicts however they are asked for."""

import decimal
import itertools
import json
import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.literate.project import CONFTEST, Project

from literate import record
from literate.page import key

PAGE = """
# A page

```python
from pathlib import Path
with Path(COUNT).open("a") as file:
    file.write("x")
print("one", 0.123456)
```

```output
one 0.12
```

```python
x = 1
print(x)
```

```output
2
```

```python
print(x + 1)
```

```output
2
```

```python
y = 1 / 0
```

```python
print(y)
```

```output
0
```
"""
VERDICTS = {
    "line:3,example": "PASSED",
    "line:10,output": "PASSED",
    "line:14,example": "PASSED",
    "line:19,output": "FAILED",
    "line:23,example": "PASSED",
    "line:27,output": "PASSED",
    "line:31,example": "FAILED",
    "line:35,example": "FAILED",
    "line:39,output": "FAILED",
}


@pytest.fixture
def runs(project: Project) -> Path:
    """The project has PAGE; the file counts how often it ran."""
    counter = project.folder / "count"
    project.write("docs/page.md", PAGE.replace("COUNT", repr(str(counter))))
    return counter


def test_one_item_a_block(project: Project, runs: Path) -> None:
    """A wrong output fails alone; an exception fails what stands below it; the page runs once."""
    assert project.verdicts("docs") == VERDICTS
    assert runs.read_text() == "x"


@pytest.mark.parametrize("name", VERDICTS)
def test_a_block_alone(project: Project, runs: Path, name: str) -> None:
    """A node id alone gives the verdict that it has among the others."""
    assert project.verdicts(f"docs/page.md::{name}") == {name: VERDICTS[name]}
    assert runs.read_text() == "x"


@pytest.mark.parametrize("options", [("-k", "output"), ("-k", "line:35"), ("-k", "not example")])
def test_a_selection(project: Project, runs: Path, options: tuple[str, ...]) -> None:
    """A selection by -k does not change a verdict."""
    verdicts = project.verdicts("docs", *options)
    assert verdicts
    assert verdicts.items() <= VERDICTS.items()
    assert runs.read_text() == "x"


def test_two_pages_in_any_order(project: Project, runs: Path) -> None:
    """Items of two pages, mixed and repeated, give the verdicts that they give in order."""
    project.write(
        "docs/other.md",
        "# B\n\n```python\nx = 7\n```\n\n```python\nprint(x)\n```\n\n```output\n7\n```\n",
    )
    names = [f"docs/page.md::{name}" for name in reversed(VERDICTS)]
    others = [f"docs/other.md::line:{n}" for n in ("7,example", "11,output", "3,example")]
    mixed = [name for pair in itertools.zip_longest(names, others) for name in pair if name]
    twice = "\ndef pytest_collection_modifyitems(items):\n    items.extend(items[:])\n"
    project.write("conftest.py", CONFTEST + twice)
    wrong = list(VERDICTS.values()).count("FAILED")
    project.test(*mixed).assert_outcomes(failed=2 * wrong, passed=2 * (len(mixed) - wrong))
    assert runs.read_text() == "x"


@pytest.mark.parametrize(
    "options", [("-n", "2"), ("-p", "randomly"), ("-p", "randomly", "-n", "2")], ids=str
)
def test_in_parallel_and_in_random_order(
    project: Project, runs: Path, options: tuple[str, ...]
) -> None:
    """Two processes, and a random order, give the same verdicts; each runs the page once."""
    result = project.run("-rA", "-q", "-p", "no:cacheprovider", "docs", *options)
    lines = [
        line.split(" ", 2)[:2] for line in result.outlines if line.startswith(("PASSED", "FAILED"))
    ]
    assert {name.partition("::")[2]: verdict for verdict, name in lines} == VERDICTS
    assert runs.read_text() in ("x", "xx")


@pytest.mark.usefixtures("runs")
def test_failures_are_told_once_and_by_name(project: Project) -> None:
    """The exception is shown once; later blocks name the block that they depend on."""
    text = project.test("docs").stdout.str()
    assert text.count("ZeroDivisionError: division by zero") == 1
    assert f'File "{project.folder}/docs/page.md", line 32, in <module>\n    y = 1 / 0' in text
    assert "docs/page.md:35: not run, because it stands below docs/page.md:31, which failed" in text
    assert "docs/page.md:39: not compared, because docs/page.md:31 failed" in text
    assert "docs/page.md:19: the code above prints something else" in text
    assert "-2\n+1" in text


def test_an_exception_in_a_listing_points_into_the_module(project: Project) -> None:
    """The traceback names the true line of the module, which coverage counts, too."""
    project.write(
        "src/part.py",
        '"""M."""\n\n\n# --8<-- [start:f]\ndef f(x):\n    return 1 / x\n# --8<-- [end:f]\n',
    )
    project.write(
        "docs/page.md", '```python\n--8<-- "src/part.py:f"\n```\n\n```python\nf(0)\n```\n'
    )
    command = [sys.executable, "-m", "coverage", "run", "--source=src", "-m", "pytest", "-q"]
    done = subprocess.run([*command, "docs"], capture_output=True, text=True, check=False)
    assert f'File "{project.folder}/src/part.py", line 6, in f\n    return 1 / x' in done.stdout
    subprocess.run([sys.executable, "-m", "coverage", "json", "-q"], check=True)
    counted = json.loads((project.folder / "coverage.json").read_text())
    assert counted["files"]["src/part.py"]["executed_lines"] == [5, 6]


BROKEN = {
    "syntax": ("```python\nx = = 1\n```\n", "SyntaxError: invalid syntax"),
    "missing file": (
        '```python\n--8<-- "src/none.py:f"\n```\n',
        "'src/none.py' could not be found",
    ),
    "same lines twice": (
        '```python\n--8<-- "conftest.py"\n--8<-- "conftest.py"\n```\n',
        "expected snippets in the order of their file",
    ),
    "missing section": (
        '```python\n--8<-- "conftest.py:f"\n```\n',
        "section 'f' could not be located",
    ),
    "py": ("```py\nx = 1\n```\n", "expected a fence marked `python`, got `py`"),
    "unknown option": (
        "```python skip\nx = 1\n```\n",
        "broken.md:1: expected fences that are closed and have no options but the site's",
    ),
    "unknown option, tildes": (
        "Text.\n\n~~~python skip\nx = 1\n~~~\n",
        "broken.md:3: expected fences that are closed",
    ),
    "never closed fence": (
        "Text.\n\n```python\nx = 1\n",
        "broken.md:3: expected fences that are closed",
    ),
    "closed too early": (
        "````markdown\nText\n```\n\nMore.\n",
        "broken.md:1: expected fences that are closed",
    ),
    "exit": ("```python\nraise SystemExit\n```\n", "SystemExit"),
    "skip": ("```python\nimport pytest\npytest.skip('no')\n```\n", "Skipped: no"),
    "output without example": ("```output\n1\n```\n", "expected the example that prints this"),
    "text between": (
        "```python\nprint(1)\n```\n\nText.\n\n```output\n1\n```\n",
        "expected nothing between",
    ),
    "no command": (
        "```console\nmake site\n```\n",
        "expected a line that starts with `$ ` first",
    ),
    "failing command": ("```console\n$ exit 3\n```\n", "`exit 3` ended with exit code 3"),
    "other output": ("```console\n$ echo 1\n2\n```\n", "`echo 1` prints something else"),
    "undrawn figure": ("![A](a.svg)\n", "expected one example above that draws a.svg, found 0"),
    "never closed": (
        (
            "```python\nimport warnings\nwarnings.simplefilter('error')\n"
            "open('x', 'w').write('x')\n```\n"
        ),
        "ResourceWarning: unclosed file",
    ),
    "in a thread": (
        (
            "```python\nimport threading\nt = threading.Thread(target=lambda: 1 / 0)\n"
            "t.start()\nt.join()\n```\n"
        ),
        "ZeroDivisionError",
    ),
    "future too late": (
        "```python\nx = 1\n```\n\n```python\nfrom __future__ import annotations\n```\n",
        "expected imports from __future__ in the first block",
    ),
    "unshown drawing": (
        "```python\nfrom pathlib import Path\nPath('a.svg').write_text('<svg/>')\n```\n",
        "draws a.svg, which the page does not show",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_page_is_one_failed_test(project: Project, text: str, message: str) -> None:
    """A broken page fails with a message and does not end the run of the others."""
    project.write("docs/broken.md", text)
    project.write("docs/good.md", "```python\nprint(1)\n```\n\n```output\n1\n```\n")
    result = project.test("docs")
    also = message.startswith(("expected nothing", "expected imports"))  # its first block passes
    result.assert_outcomes(failed=1, passed=3 if also else 2)
    assert message in result.stdout.str()
    assert "broken.md" in result.stdout.str()


def test_a_figure_of_another_page(project: Project) -> None:
    """A page may show a figure that a page in another folder draws, and no other."""
    project.write("docs/part/one.md", "![A](a.svg)\n")
    project.write("docs/page.md", "![A](part/a.svg)\n\n![B](part/b.svg)\n")
    assert project.verdicts("docs/page.md") == {
        "line:1,figure": "PASSED",
        "line:3,figure": "FAILED",
    }


def test_not_utf8(project: Project) -> None:
    """A page of other bytes fails with a message and does not end the run."""
    (project.folder / "docs").mkdir()
    (project.folder / "docs" / "broken.md").write_bytes(b"\xff")
    result = project.test("docs")
    result.assert_outcomes(failed=1)
    assert "expected a Markdown file in UTF-8" in result.stdout.str()


def surroundings() -> tuple[object, ...]:
    """What a program could have changed."""
    places = (Path.cwd(), sys.path[:], sys.argv[:], sys.modules["__main__"])
    return *places, print, decimal.getcontext().prec, random.getstate(), sys.getrecursionlimit()


def test_a_guarded_program_runs(project: Project) -> None:
    """What a reader would run as a script runs in the test, too."""
    page = "```python\nif __name__ == '__main__':\n    print(1)\n```\n\n```output\n1\n```\n"
    project.write("docs/page.md", page)
    project.test("docs").assert_outcomes(passed=2)


def test_an_import_from_the_future_holds_for_the_page(project: Project) -> None:
    """As in the script that a reader would paste: annotations stay text in later blocks."""
    first = "```python\nfrom __future__ import annotations\n```\n\n"
    later = "```python\ndef f(x: int): ...\nprint(f.__annotations__)\n```\n\n"
    project.write("docs/page.md", f"{first}{later}```output\n{{'x': 'int'}}\n```\n")
    project.test("docs").assert_outcomes(passed=3)


def test_a_page_leaves_nothing_behind(project: Project) -> None:
    """Working directory, environment, paths and modules are as they were."""
    project.write(
        "docs/page.md",
        """
        ```python
        import os, sys
        os.environ["LEFT"] = "1"
        sys.path.insert(0, "left")
        sys.argv.append("left")
        import builtins, decimal, random
        builtins.print = None
        decimal.getcontext().prec = 1
        random.seed(1)
        sys.setrecursionlimit(500)
        os.makedirs("folder")
        os.chdir("folder")
        ```
        """,
    )
    before = surroundings()
    project.test("docs").assert_outcomes(passed=1)
    assert "LEFT" not in os.environ
    assert surroundings() == before


def test_a_page_runs_in_an_empty_folder(project: Project) -> None:
    """What a page writes does not land in the project."""
    project.write(
        "docs/page.md",
        """
        ```python
        from pathlib import Path
        print(list(Path().iterdir()))
        Path("new").touch()
        ```

        ```output
        []
        ```
        """,
    )
    project.test("docs").assert_outcomes(passed=2)
    assert not list(project.folder.rglob("new"))


def test_dataclasses_of_a_page_know_their_module(project: Project) -> None:
    """A page's namespace is a module, so that what looks up its own module works."""
    project.write(
        "docs/page.md",
        """
        ```python
        from __future__ import annotations
        from dataclasses import dataclass
        import typing

        @dataclass
        class A:
            x: int

        print(typing.get_type_hints(A), A(1))
        ```

        ```output
        {'x': <class 'int'>} A(x=1)
        ```
        """,
    )
    project.test("docs").assert_outcomes(passed=2)


@pytest.mark.usefixtures("runs")
def test_passed_code_is_recorded_for_the_audit(project: Project) -> None:
    """The record holds the blocks that passed and no others."""
    project.test("docs")
    found = record.read(project.folder)
    assert found is not None
    assert key("x = 1\nprint(x)") in found.keys
    assert key("y = 1 / 0") not in found.keys
    assert key("print(y)") not in found.keys
    assert found.versions["python"] == platform.python_version()
    assert found.versions["pytest"] == pytest.__version__


def test_docstring_examples_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a docstring are one item, run with the names of their module."""
    monkeypatch.syspath_prepend(project.folder / "src")
    project.write(
        "src/part.py",
        '''
        """A module.

        >>> double(1)
        2
        """


        def double(x):
            """Twice.

            >>> y = double(0.1234)
            >>> y
            0.25
            >>> double(y)
            0.50
            """
            return 2 * x
        ''',
    )
    project.write("src/broken.py", "def f(:\n")
    assert project.verdicts("src") == {
        "line:1,doctest,4": "PASSED",
        "line:9,doctest,8": "FAILED",
        "line:1,syntaxerror": "FAILED",
    }

"""What running pages as tests costs above running their code bare.

`python benchmarks/literate.py`: 200 trivial examples in 20 pages, once as tests and
once as 20 programs executed bare in one process;
the least processor time of five runs each, so that other work on the machine counts little.
What pytest itself and the loading of the Markdown extensions cost is measured by a page with
one example, without pytest's other plugins, and taken off.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES, EXAMPLES, REPEATS = 20, 10, 5
ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
CONFTEST = """
from pathlib import Path
import literate.plugin
pytest_configure = literate.plugin.register(Path(__file__).parent)
"""
BARE = """
import contextlib, io, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    names = {}
    for part in path.read_text().split("#\\n"):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(part, str(path), "exec"), names)
"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        full, empty = Path(temporary) / "full", Path(temporary) / "empty"
        write_project(full, PAGES)
        write_project(empty, 1, examples=1)
        programs = Path(temporary) / "programs"
        programs.mkdir()
        for n in range(PAGES):
            code = "#\n".join(f"x{i} = {i} + {n}\nprint(x{i})\n" for i in range(EXAMPLES))
            (programs / f"page{n}.py").write_text(code)
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        tested = best([*pytest, "docs"], full)
        start = best([*pytest, "docs"], empty)
        bare = best([sys.executable, "-c", BARE, str(programs)], full)
        nothing = best([sys.executable, "-c", ""], full)
    count = PAGES * EXAMPLES
    above = (tested - start) - (bare - nothing)
    print(f"{count} examples in {PAGES} pages, as tests      {tested:.3f} s")
    print(f"one example in one page, as a test      {start:.3f} s")
    print(f"the same examples, bare                 {bare:.3f} s")
    print(f"an interpreter that does nothing        {nothing:.3f} s")
    print(f"cost of an example above running it     {1000 * above / count:.2f} ms (at most 2)")


def write_project(folder: Path, pages: int, examples: int = EXAMPLES) -> None:
    """A project with the site's own extensions, whose examples print one number each."""
    (folder / "docs").mkdir(parents=True)
    (folder / "src").mkdir()
    (folder / "overrides").symlink_to(ROOT / "overrides")
    (folder / "mkdocs.yml").write_text((ROOT / "mkdocs.yml").read_text())
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    for n in range(pages):
        blocks = [
            f"```python\nx{i} = {i} + {n}\nprint(x{i})\n```\n\n```output\n{i + n}\n```\n"
            for i in range(examples)
        ]
        (folder / "docs" / f"page{n}.md").write_text(
            f"# Page {n}\n\n" + "\nSome text.\n\n".join(blocks)
        )


def best(command: list[str], folder: Path) -> float:
    """The least processor time of some runs of a command, in seconds."""
    times = []
    for _ in range(REPEATS):
        begin = used()
        done = subprocess.run(
            command, cwd=folder, check=False, capture_output=True, text=True, env=ENVIRONMENT
        )
        times.append(used() - begin)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
    return min(times)


def used() -> float:
    """The processor time of the commands that have ended, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()

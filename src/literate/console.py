"""Console blocks: the commands that a page tells its reader to type."""

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from literate.compare import difference, same_output
from literate.page import Block
from literate.settings import read_options


def check(block: Block, root: Path) -> str:
    """Run the commands of a console block and compare what they print with what it shows.

    A command starts with `$ `; the lines up to the next are what it prints, if any are shown.
    A command that cannot run in a test stands with its reason in pyproject.toml, under
    `[tool.literate.console]`, and is not run.

    Args:
        block: The block.
        root: The project's folder, where commands run.

    Returns:
        What is wrong, or nothing.
    """
    exempt = reasons(root)
    entries = commands(block)
    if not entries:
        return "expected at least one line that starts with `$ `"
    for command, shown in entries:
        if not command:
            return f"expected a line that starts with `$ ` first, got {shown.strip()!r}"
        if command in exempt:
            if shown:
                return f"expected no output below `{command}`, which no test runs"
            continue
        done = subprocess.run(  # noqa: S602 -- what a reader types into a shell, from our own pages
            command,
            shell=True,
            check=False,
            cwd=root,
            env=_environment(),
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            return f"`{command}` ended with exit code {done.returncode}:\n{done.stdout[-4000:]}"
        if shown and not same_output(shown, done.stdout):
            return f"`{command}` prints something else:\n{difference(shown, done.stdout)}"
    return ""


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, each with the output shown below it."""
    found: list[tuple[str, str]] = []
    for line, _ in block.lines:
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        elif found or line.strip():
            found = found or [("", "")]
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return [(command, shown.strip("\n")) for command, shown in found]


@lru_cache
def reasons(root: Path) -> dict[str, str]:
    """The commands that do not run in tests, each with its reason."""
    listed = read_options(root, "console")
    return {str(command): str(reason) for command, reason in listed.items()}


def _environment() -> dict[str, str]:
    """This Python's own commands come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path}

"""A small project of pages in a folder, and pytest run on it."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

MKDOCS = """
site_name: Test
theme: mkdocs
markdown_extensions:
  - admonition
  - attr_list
  - pymdownx.details
  - pymdownx.highlight: {pygments_lang_class: true}
  - pymdownx.snippets:
      base_path: [!relative $config_dir]
      check_paths: true
      dedent_subsections: true
  - pymdownx.superfences
  - pymdownx.tabbed: {alternate_style: true}
"""
CONFTEST = """
from pathlib import Path
import literate.plugin
pytest_configure = literate.plugin.register(Path(__file__).parent)
"""


class Project:
    """A project in a folder: write files, test them."""

    def __init__(self, folder: Path, run: Callable[..., pytest.RunResult]) -> None:
        self.folder, self.run = folder, run
        self.write("mkdocs.yml", MKDOCS)
        self.write("conftest.py", CONFTEST)
        self.write("pyproject.toml", "[tool.literate.console]\n'make site' = 'it serves'\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file; what is indented like the test is not."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def test(self, *arguments: str) -> pytest.RunResult:
        """Run pytest on the project in this process."""
        plugins = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        return self.run(*plugins, *arguments)

    def verdicts(self, *arguments: str) -> dict[str, str]:
        """Each item's verdict by its name."""
        lines = self.test("-rA", "-q", *arguments).outlines
        pairs = (line.split(" ", 2)[:2] for line in lines if line.startswith(("PASSED", "FAILED")))
        return {name.partition("::")[2]: verdict for verdict, name in pairs}

"""The counts that the home page shows."""

import markdown
import pytest
from tests.literate.project import Project


def test_counts_replace_their_marks(project: Project) -> None:
    """The numbers are those of the pages' blocks, counted by the parser that the tests use."""
    project.write("docs/a.md", "```python\nprint(1)\nprint(2)\n```\n\n```output\n1\n2\n```\n")
    project.write(
        "docs/b.md", "```python\nx = 1\n```\n\n![A](a.svg)\n\n<!--\n```python\nno\n```\n-->\n"
    )
    project.write("docs/c.md", "# Nothing that runs\n")
    words = ("examples", "outputs", "figures", "pages", "lines")
    text = " ".join(f'<span data-count="{word}">many</span>' for word in words)
    docs = {"docs": str(project.folder / "docs")}
    html = markdown.markdown(
        text, extensions=["literate.counts"], extension_configs={"literate.counts": docs}
    )
    assert html == "<p>2 1 1 2 3</p>"


def test_minutes_of_a_page(project: Project) -> None:
    """Words and lines of code count, outputs and figures do not; a missing page fails the build."""
    code = "```python\n" + "x = 1\n" * 45 + "```\n\n```text\n" + "no word\n" * 999 + "```\n"
    project.write("docs/a.md", "# A\n\n" + "word " * 450 + "\n\n" + code)
    docs = {"docs": str(project.folder / "docs")}

    def html(name: str) -> str:
        return markdown.markdown(
            f'<span data-minutes="{name}">some</span>',
            extensions=["literate.counts"],
            extension_configs={"literate.counts": docs},
        )

    assert html("a.md") == "<p>10</p>"  # 451 words are three minutes, and 45 lines are three
    with pytest.raises(FileNotFoundError):
        html("b.md")


def test_a_count_of_nothing_known(project: Project) -> None:
    """A misspelt mark fails the build."""
    project.write("docs/a.md", "# A\n")
    docs = {"docs": str(project.folder / "docs")}
    with pytest.raises(ValueError, match=r"expected one of .*, got 'exampels'"):
        markdown.markdown(
            '<span data-count="exampels"></span>',
            extensions=["literate.counts"],
            extension_configs={"literate.counts": docs},
        )

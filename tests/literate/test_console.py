"""Console blocks: commands that run, and commands with a reason."""

from tests.literate.project import Project

from literate.console import commands
from literate.page import read


def test_commands_run_in_the_project(project: Project) -> None:
    """A command runs in the project's folder with this Python first; its output is compared."""
    text = (
        '```console\n$ python -c "import sys; print(2 * 3)"\n6\n$ ls mkdocs.yml\nmkdocs.yml\n```\n'
    )
    project.write("docs/page.md", text)
    project.test("docs").assert_outcomes(passed=1)
    project.write("docs/page.md", text.replace("\n6\n", "\n7\n"))
    project.test("docs").assert_outcomes(failed=1)


def test_a_listed_command_is_not_run(project: Project) -> None:
    """What stands in pyproject.toml with a reason is not run; anything else is."""
    project.write("docs/page.md", "```console\n$ make site\n```\n\n```console\n$ make other\n```\n")
    project.test("docs").assert_outcomes(passed=1, failed=1)


def test_nothing_unchecked_looks_checked(project: Project) -> None:
    """No output below a command that is not run, and none before the first command."""
    project.write("docs/page.md", "```console\n$ make site\naccuracy 0.99\n```\n")
    project.test("docs").assert_outcomes(failed=1)
    project.write("docs/page.md", "```console\ntrained in 3 s\n$ echo hi\nhi\n```\n")
    project.test("docs").assert_outcomes(failed=1)


def test_commands_and_what_they_print(project: Project) -> None:
    """The lines between two commands are what the first prints."""
    page = project.write("docs/page.md", "```console\n$ a b\none\n\ntwo\n$ c\n```\n")
    assert commands(read(page).blocks[0]) == [("a b", "one\n\ntwo"), ("c", "")]

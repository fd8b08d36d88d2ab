"""The commands of `python -m literate`; each is documented by `python -m literate --help`."""

import argparse
import sys
from pathlib import Path

from literate.page import PageError, read


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m literate", description="Pages as programs.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "page": "run a page and print what it prints",
        "script": "print the program of a page",
        "update": "rewrite the outputs and figures of pages (by default of all)",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("pages", nargs="*" if name == "update" else 1, type=Path)
    for name, text in {
        "audit": "check a built site for what a strict build does not see",
        "browser": "open every page of a built site in Chromium",
        "search": "search a built site in Chromium for what must be found first",
        "publish": "complete a built site with what a builder does not make",
    }.items():
        commands.add_parser(name, help=text, description=text, add_help=False)
    known, rest = parser.parse_known_args(arguments)
    if known.command == "audit":
        from literate.audit import main as audit

        return audit(rest)
    if known.command == "publish":
        from literate.publish import main as publish

        return publish(rest)
    if known.command == "browser":
        from literate.browser import main as browser

        return browser(rest)
    if known.command == "search":
        from literate.search import main as search

        return search(rest)
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        return {"page": _page, "script": _script, "update": _update}[known.command](known.pages)
    except PageError as error:
        print(error, file=sys.stderr)
        return 1


def _page(pages: list[Path]) -> int:
    """Run a page; print what it prints under the line of each example, and the seconds it took."""
    from literate.program import run

    page = read(pages[0])
    outcomes = run(page)
    for block, outcome in outcomes.items():
        if outcome.printed or outcome.drawn or outcome.error:
            print(f"{block.place} ({outcome.seconds:.2f} s)")
            print(outcome.printed, end="")
            print("".join(f"[draws {name}]\n" for name in outcome.drawn), end="")
        if outcome.error:
            print(outcome.error, file=sys.stderr)
    print(f"{page.path.name}: {sum(outcome.seconds for outcome in outcomes.values()):.1f} s")
    return int(any(outcome.error for outcome in outcomes.values()))


def _script(pages: list[Path]) -> int:
    from literate.program import script

    print(script(read(pages[0])), end="")
    return 0


def _update(pages: list[Path]) -> int:
    from literate.update import update

    failed = 0
    for path in pages or [*sorted(Path("docs").rglob("*.md")), Path("README.md")]:
        try:
            for place in update(path):
                print(f"rewrote {place}")
        except PageError as error:
            print(error, file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())

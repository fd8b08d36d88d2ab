"""Check a built site for what a strict build of it does not see.

    python -m literate audit SITE

Each check reads the pages as a browser gets them, so that it does not matter how a defect came
about, and compares them with what the tests ran, with the modules in `src`, and with the sources
in `docs`. `code` looks at blocks of code, `prose` at the text around them, `links` at addresses,
`outline` at the page as a whole, `sections` at how modules are cut into listings.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from literate.audit.code import check_blocks
from literate.audit.links import check_ids, check_links, check_reach, check_style_sheets
from literate.audit.outline import (
    check_content,
    check_drawings,
    check_figures,
    check_head,
    check_headings,
)
from literate.audit.prose import check_prose
from literate.audit.sections import check_sections, check_snippets
from literate.audit.site import Finding, Page, Site, blocks, load

OF_PAGES: tuple[Callable[[Page, Site], Iterable[Finding]], ...] = (
    *(check_head, check_headings, check_content, check_prose, check_blocks, check_figures),
    *(check_links, check_ids),
)
OF_THE_SITE: tuple[Callable[[Site], Iterable[tuple[str, Finding]]], ...] = (
    *(check_sections, check_snippets, check_drawings, check_style_sheets, check_reach),
)


def audit(site: Site) -> list[str]:
    """Carry out all checks.

    Returns:
        One line a problem, however often a page has it.
    """
    problems = [] if site.passed is not None else ["no record of a run of the tests: run pytest"]
    for page in site.pages.values():
        for check in OF_PAGES:
            problems += [page.tell(finding, site.root) for finding in check(page, site)]
    for of_site in OF_THE_SITE:
        problems += [f"{place}: {finding}" for place, finding in of_site(site)]
    times = Counter(problems).items()
    return [problem + (f" ({count} times)" if count > 1 else "") for problem, count in times]


def main(arguments: list[str]) -> int:
    """Check the built site in a folder; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m literate audit")
    parser.add_argument("site", type=Path, help="the folder of the built site")
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    given = parser.parse_args(arguments)
    try:
        site = load(given.site, given.root)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    problems = audit(site)
    shown = sum(1 for page in site.pages.values() for _ in blocks(page))
    summary = f"audit: {len(site.pages)} pages, {shown} blocks, {len(problems)} problems"
    print(*problems, summary, sep="\n")  # noqa: T201 - a command prints
    return int(bool(problems))

"""Complete a built site with what a builder does not make.

    python -m literate publish SITE

Each step is a module with one function of the site, and may change the HTML of its pages and write
files into its folder. It knows neither MkDocs nor Material's templates better than it must: it
works on built pages, whoever built them.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from literate.publish import downloads, llms, policy, search, versions, worker
from literate.publish.concept import add_concepts
from literate.publish.reference import link_listings
from literate.publish.site import Site, load

# In this order: what changes the pages, then what looks at all that is there.
STEPS: tuple[Callable[[Site], None], ...] = (
    *(add_concepts, link_listings, downloads.offer, versions.state),
    llms.index,
    *(search.defer, policy.restrict, worker.keep),
)


def publish(site: Site) -> None:
    """Carry out all steps, and write the pages."""
    for step in STEPS:
        step(site)
    for page in site.pages:
        page.path.write_text(page.html, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Complete the built site in a folder; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m literate publish")
    parser.add_argument("site", type=Path, help="the folder of the built site")
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    given = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        site = load(given.site, given.root)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    publish(site)
    print(f"publish: {len(site.pages)} pages, {time.monotonic() - start:.0f} s")  # noqa: T201 - a command prints
    return 0

"""Open every page of a built site in a real browser: in the light, in the dark, and on a phone.

    CHROMIUM=/path/to/chrome python -m literate browser SITE

A page must have no finding of axe's rules for WCAG A to 2.2 AA, nothing on the console, no request
that leaves the site or fails, no sideways scroll, no move while it loads, no more bytes than a
reader on the road has patience for, and figures and formulas that show, their text large enough.
Folds and tabs are opened first, so that what they hide is checked too.

Nine tenths of axe's time went into contrast, on pages of coloured code: so contrast is checked on
text whose look the view has not shown five times before, on any page. All other rules are cheap:
they run in all views, on all elements, and nobody has to guess what a view changes.
"""

import argparse
import functools
import http.server
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from literate.browser.look import View, Visit, look_at, options, run_axe
from literate.browser.walk import walk_through
from literate.publish.site import load

__all__ = [
    "VIEWS",
    "Problem",
    "check",
    "find_browser",
    "list_pages",
    "main",
    "options",
    "run_axe",
    "serve",
    "without_browser",
]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
UNCHECKED = """NOT CHECKED IN A BROWSER: no Chromium or Chrome was found.
Install one, or set CHROMIUM to its path. In CI this is a failure."""
VIEWS = {"light": View(1280, 900), "dark": View(1280, 900, dark=True), "phone": View(390, 844)}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a page in a view."""

    page: str
    view: str
    text: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"/{self.page} ({self.view}): {self.text}"


def find_browser() -> str | None:
    """Find Chromium or Chrome: the environment's CHROMIUM, else by its name on the path."""
    named = os.environ.get("CHROMIUM")
    if named and not shutil.which(named):
        raise FileNotFoundError(f"expected CHROMIUM to be a program, got {named!r}")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def without_browser() -> int:
    """Say loudly that nothing was checked; return the exit code, a failure in CI."""
    print(UNCHECKED, file=sys.stderr)  # noqa: T201 - a command prints
    return int(os.environ.get("CI", "") not in {"", "false"})


def list_pages(site: Path) -> list[str]:
    """List the addresses of the pages of a built site, relative to its root.

    Args:
        site: The folder.

    Raises:
        FileNotFoundError: If there is no page.
    """
    paths = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    pages = sorted(path.removesuffix("index.html") for path in paths)
    if not pages:
        raise FileNotFoundError(f"expected a built site, got no page in {site}")
    return pages


def check(
    site: Path,
    executable: str,
    views: Iterable[str] = VIEWS,
    processes: int = 2,
    root: Path | None = None,
) -> list[Problem]:
    """Open every page of a site in some views.

    Args:
        site: The folder.
        executable: The browser.
        views: Names of `VIEWS`.
        processes: How many browsers work side by side.
        root: The project; with it, what is copied from a page is compared with its program.

    Returns:
        What is wrong, in the order of the pages.
    """
    pages = list_pages(site)
    programs = list_programs(site, root) if root else {}
    with (
        serve(site) as address,
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
    ):
        visits = [
            (view, Visit(executable, site, address, VIEWS[view], part, programs))
            for view in views
            for part in (pages[i::processes] for i in range(processes))
            if part
        ]
        jobs = [(view, pool.submit(look_at, visit)) for view, visit in visits]
        problems = [Problem(page, view, text) for view, job in jobs for page, text in job.result()]
    return sorted(problems, key=lambda problem: (pages.index(problem.page), problem.view))


def check_walks(site: Path, executable: str, root: Path) -> list[Problem]:
    """Walk once through a built site with the keyboard, and without a network.

    Args:
        site: The folder.
        executable: The browser.
        root: The project.
    """
    with serve(site) as address:
        pages, programs = list_pages(site), list_programs(site, root)
        visit = Visit(executable, site, address, VIEWS["light"], pages, programs)
        return [Problem(page, "walk", text) for page, text in walk_through(visit)]


def list_programs(site: Path, root: Path) -> dict[str, list[str]]:
    """List the blocks of each page's program, by its address.

    Args:
        site: The folder of the built site.
        root: The project.
    """
    programs = {page.url: page.program for page in load(site, root).pages}
    sources = {
        url: [block.source for block in program.blocks if block.runs]
        for url, program in programs.items()
        if program
    }
    return {url: blocks for url, blocks in sources.items() if blocks}


def main(arguments: list[str]) -> int:
    """Check a built site; return the exit code.

    Args:
        arguments: Those of the command line, after its name.
    """
    parser = argparse.ArgumentParser(prog="python -m literate browser", description=__doc__)
    parser.add_argument("site", type=Path, help="the folder of the built site")
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    given = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        return without_browser()
    start = time.monotonic()
    problems = check(given.site, executable, root=given.root)
    problems += check_walks(given.site, executable, given.root)
    seconds = time.monotonic() - start
    views = f"{len(list_pages(given.site))} pages in {len(VIEWS)} views ({', '.join(VIEWS)})"
    summary = f"browser: {views}, {len(problems)} problems, {seconds:.0f} s"
    print(*problems, summary, sep="\n")  # noqa: T201 - a command prints
    return int(bool(problems))


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word, and each page as on a first visit."""

    def end_headers(self) -> None:
        """Let the browser keep nothing from page to page."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass


class _Server(http.server.ThreadingHTTPServer):
    """Says nothing of a browser that goes away before all has come."""

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serve(site: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine, and give its address."""
    handler = functools.partial(_Handler, directory=str(site))
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()

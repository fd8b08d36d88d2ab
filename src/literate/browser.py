"""Open every page of a built site in a real browser: in the light, in the dark, and on a phone.

    CHROMIUM=/path/to/chrome python -m literate browser SITE

Folds and tabs are opened first, so that what they hide is checked too. A page must have no finding
of axe's rules for WCAG A to 2.2 AA, nothing on the console, no request that leaves the site or
fails, no sideways scroll, and figures and formulas that show, their text large enough to read.
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
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    sync_playwright,
)

AXE = files("axe_playwright_python") / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
UNCHECKED = """NOT CHECKED IN A BROWSER: no Chromium or Chrome was found.
Install one, or set CHROMIUM to its path. In CI this is a failure."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@dataclass(frozen=True)
class View:
    """The size of a window, and which colours the reader prefers."""

    width: int
    height: int
    dark: bool = False


VIEWS = {"light": View(1280, 900), "dark": View(1280, 900, dark=True), "phone": View(390, 844)}

# Tabs are laid out one below the other; folds are opened; then the page's own scripts settle.
OPEN = """async () => {
  const style = document.createElement("style");
  style.textContent = ".tabbed-block { display: block !important }";
  document.head.append(style);
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  await document.fonts.ready;
  await new Promise((resolve) => setTimeout(resolve, 100));
}"""

# What is wrong with what the page draws, one sentence each.
DRAWN = """dark => {
  const found = [];
  const scheme = document.body.dataset.mdColorScheme;
  const expected = dark ? "slate" : "default";
  if (scheme && scheme !== expected) found.push(`shows the colours "${scheme}", not "${expected}"`);

  const excess = document.documentElement.scrollWidth - innerWidth;
  if (excess > 0) {
    const wide = [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 60)).at(-1);
    found.push(`scrolls sideways by ${excess} px: ${wide}`);
  }

  const styles = getComputedStyle(document.body);
  for (const drawn of document.querySelectorAll("svg.figure, article img, math")) {
    if (drawn.closest(".widget:has(> .live)")) continue; // its widget has taken its place
    const name = drawn.querySelector("title")?.textContent ?? drawn.alt ?? drawn.textContent;
    const what = `${drawn.localName} "${name.trim().slice(0, 60)}"`;
    const box = drawn.getBoundingClientRect();
    if (!(box.width > 0 && box.height > 0 && drawn.checkVisibility({ visibilityProperty: true })))
      found.push(`${what} does not show: ${box.width} by ${box.height} px`);
    if (drawn.localName === "img" && drawn.complete && drawn.naturalWidth === 0)
      found.push(`${what} did not load`);
    if (drawn.localName !== "svg") continue;
    const content = drawn.getBBox();
    if (!(content.width > 0 && content.height > 0)) found.push(`${what} is empty`);
    for (const [, variable] of drawn.outerHTML.matchAll(/var\\((--[\\w-]+)\\)/g))
      if (!styles.getPropertyValue(variable)) found.push(`${what} uses ${variable}: not set`);
    for (const text of drawn.querySelectorAll("text")) {
      const { a, b, c, d } = text.getScreenCTM();
      const scale = Math.sqrt(Math.abs(a * d - b * c));
      const size = scale * parseFloat(getComputedStyle(text).fontSize);
      if (size < 8) found.push(`${what}: "${text.textContent}" is ${size.toFixed(1)} px, below 8`);
    }
  }
  return [...new Set(found)];
}"""

# Most of a page is coloured code, and most of axe's time goes into its contrast. So a token that
# looks like five before it, on the same ground, becomes plain text before axe runs. Five, because
# axe passes over some: single characters, or what lies under a button.
AXE_RUN = """rules => {
  const seen = {};
  const alike = [];
  for (const token of document.querySelectorAll("pre span[class]:not([id])")) {
    const ground = getComputedStyle(token.closest("code, pre")).backgroundColor;
    const { color, backgroundColor, opacity, fontSize, fontWeight } = getComputedStyle(token);
    const look = [ground, color, backgroundColor, opacity, fontSize, fontWeight].join();
    if (seen[look] === 5) alike.push(token);
    else if (token.textContent.length > 1) seen[look] = (seen[look] ?? 0) + 1;
  }
  for (const token of alike) token.replaceWith(...token.childNodes);
  return axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
}"""


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


def options() -> list[str]:
    """How to start the browser: quietly; root, in a container, has no sandbox to put it in."""
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return ["--disable-gpu", "--disable-background-networking", *root]


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
    site: Path, executable: str, views: Iterable[str] = VIEWS, processes: int = 2
) -> list[Problem]:
    """Open every page of a site in some views.

    Args:
        site: The folder.
        executable: The browser.
        views: Names of `VIEWS`.
        processes: How many browsers work side by side.

    Returns:
        What is wrong, in the order of the pages.
    """
    pages = list_pages(site)
    jobs = [(view, pages[i::processes]) for view in views for i in range(processes)]
    with (
        _serve(site) as address,
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
    ):
        work = [pool.submit(_visit, executable, address, view, part) for view, part in jobs if part]
        problems = [problem for job in work for problem in job.result()]
    return sorted(problems, key=lambda problem: (pages.index(problem.page), problem.view))


def main(arguments: list[str]) -> int:
    """Check a built site; return the exit code.

    Args:
        arguments: Those of the command line, after its name.
    """
    parser = argparse.ArgumentParser(prog="python -m literate browser", description=__doc__)
    parser.add_argument("site", type=Path, help="the folder of the built site")
    site = parser.parse_args(arguments).site
    executable = find_browser()
    if executable is None:
        print(UNCHECKED, file=sys.stderr)  # noqa: T201 - a command prints
        return int(os.environ.get("CI", "") not in {"", "false"})
    start = time.monotonic()
    problems = check(site, executable)
    seconds = time.monotonic() - start
    views = f"{len(list_pages(site))} pages in {len(VIEWS)} views ({', '.join(VIEWS)})"
    summary = f"browser: {views}, {len(problems)} problems, {seconds:.0f} s"
    print(*problems, summary, sep="\n")  # noqa: T201 - a command prints
    return int(bool(problems))


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word, and its own 404 page for what is not there."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass


@contextmanager
def _serve(site: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine, and give its address."""
    handler = functools.partial(_Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _visit(executable: str, address: str, view: str, pages: list[str]) -> list[Problem]:
    """Open some pages in one view, in a browser of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=options(),
        )
        context = browser.new_context(
            viewport={"width": VIEWS[view].width, "height": VIEWS[view].height},
            color_scheme="dark" if VIEWS[view].dark else "light",
            reduced_motion="reduce",
        )
        context.add_init_script(AXE.read_text(encoding="utf-8"))
        found = [
            Problem(name, view, text)
            for name in pages
            for text in _look(context, address, name, dark=VIEWS[view].dark)
        ]
        browser.close()
    return found


def _look(context: BrowserContext, address: str, name: str, *, dark: bool) -> list[str]:
    """Say what is wrong with one page in one view."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            found.append(f"console {message.type}: {message.text}")

    def follow(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            found.append(f"request leaves the site: {request.url}")

    page = context.new_page()
    page.on("console", hear)
    page.on("request", follow)
    page.on("requestfailed", lambda request: found.append(f"request failed: {request.url}"))
    page.on("pageerror", lambda error: found.append(f"script error: {error}"))
    try:
        page.goto(address + name, wait_until="load")
        page.evaluate(OPEN)
        found += page.evaluate(DRAWN, dark)
        found += _axe(page)
    except Error as error:
        found.append(f"not opened: {error.message.splitlines()[0]}")
    page.close()
    return list(dict.fromkeys(found))


def _axe(page: Page) -> list[str]:
    """Run axe, and say what it found: the rule, the first element, and how many there are."""
    results = page.evaluate(AXE_RUN, RULES)
    return [
        f"axe {rule['id']}: {rule['help']}: {node['html'][:80]}"
        + (f", and {len(rest)} more" if rest else "")
        for rule in results["violations"]
        for node, *rest in [rule["nodes"]]
    ]

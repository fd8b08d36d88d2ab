"""Look at one page after the other in one view, and say what is wrong with each."""

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    sync_playwright,
)

SCRIPTS = (
    files("axe_playwright_python") / "axe.min.js",
    files("literate.browser") / "look.js",
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SHIFT = 0.05
# What a first visit costs at most, in bytes, compressed; a page with formulas needs their font.
WEIGHT, WEIGHT_WITH_MATHS = 220_000, 330_000


@dataclass(frozen=True)
class View:
    """The size of a window, and which colours the reader prefers."""

    width: int
    height: int
    dark: bool = False


@dataclass(frozen=True)
class Visit:
    """What a browser of one view is to look at.

    Attributes:
        executable: The browser.
        site: The folder of the site.
        address: Where it is served.
        view: The view.
        pages: Their addresses in the site.
        programs: What the blocks of a page's program are, by its address.
    """

    executable: str
    site: Path
    address: str
    view: View
    pages: list[str]
    programs: dict[str, list[str]] = field(default_factory=dict)


def look_at(visit: Visit) -> list[tuple[str, str]]:
    """Open pages in a browser of their own; return each page with what is wrong, one by one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=visit.executable, args=options())
        context = browser.new_context(
            viewport={"width": visit.view.width, "height": visit.view.height},
            color_scheme="dark" if visit.view.dark else "light",
            reduced_motion="reduce",
        )
        for script in SCRIPTS:
            context.add_init_script(script.read_text(encoding="utf-8"))
        looks = _Looks(visit, context)
        found = [(page, text) for page in visit.pages for text in looks.at(page)]
        browser.close()
    return found


def run_axe(page: Page) -> list[str]:
    """Say what axe finds on a page that is open, as it is."""
    for script in SCRIPTS:
        page.evaluate(f"() => {{ {script.read_text(encoding='utf-8')} }}")
    found: list[str] = page.evaluate("(rules) => look.axes(rules, {})", RULES)["found"]
    return found


def options() -> list[str]:
    """How to start the browser: quietly; root, in a container, has no sandbox to put it in."""
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return ["--disable-gpu", "--disable-background-networking", *root]


def weigh(site: Path, paths: Iterable[str]) -> dict[str, int]:
    """Give the bytes of each file of a site, compressed as a server would, the largest first."""
    sizes = {path: _size(site / path) for path in paths}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


@cache
def _size(path: Path) -> int:
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file():  # The request failed, and is told as that.
        return 0
    data = path.read_bytes()
    return min(len(data), len(gzip.compress(data, 6)))


class _Looks:
    """A window that goes from page to page, and the looks of text that it has shown so far."""

    def __init__(self, visit: Visit, context: BrowserContext) -> None:
        self.visit = visit
        self.seen: dict[str, int] = {}
        self.found: list[str] = []
        self.requested: set[str] = set()
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("request", self._follow)
        self.page.on("requestfailed", lambda request: self._say(f"request failed: {request.url}"))
        self.page.on("pageerror", lambda error: self._say(f"script error: {error}"))

    def at(self, name: str) -> list[str]:
        """Say what is wrong with one page."""
        self.found.clear()
        self.requested.clear()
        try:
            self.page.goto(self.visit.address + name, wait_until="load")
            self._loading()
            self.page.evaluate("look.open()")
            self.found += self.page.evaluate("dark => look.drawn(dark)", self.visit.view.dark)
            self._axe()
            self._copy(name)
            found = list(dict.fromkeys(self.found))
            self.page.goto("about:blank")  # What it still asks for is not held against the next.
        except Error as error:
            found = [*self.found, f"not opened: {error.message.splitlines()[0]}"]
        return found

    def _say(self, text: str) -> None:
        self.found.append(text)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._say(f"console {message.type}: {message.text}")

    def _follow(self, request: Request) -> None:
        url = request.url.partition("#")[0]
        if url.startswith(self.visit.address):
            self.requested.add(url.removeprefix(self.visit.address).partition("?")[0])
        elif not url.startswith(("data:", "blob:", "about:")):
            self._say(f"request leaves the site: {url}")

    def _loading(self) -> None:
        """Look at how the page came."""
        loaded = self.page.evaluate("look.settle()")
        if loaded["shift"] > SHIFT:
            self._say(f"moved by {loaded['shift']:.3f} while it loaded, more than {SHIFT}")
        most = WEIGHT_WITH_MATHS if loaded["maths"] else WEIGHT
        sizes = weigh(self.visit.site, self.requested)
        if sum(sizes.values()) > most:
            heaviest = (f"{path or 'itself'} {size / 1000:.0f}" for path, size in sizes.items())
            costs = f"{sum(sizes.values()) / 1000:.0f} kB, more than {most / 1000:.0f}"
            self._say(f"a first visit costs {costs}: {', '.join(islice(heaviest, 4))}")

    def _axe(self) -> None:
        """Run axe, and say what it found: the rule, the first element, and how many there are."""
        result = self.page.evaluate("([rules, seen]) => look.axes(rules, seen)", [RULES, self.seen])
        self.seen = result["seen"]
        self.found += result["found"]

    def _copy(self, name: str) -> None:
        """Compare what the copy buttons yield with the page's program."""
        if name not in self.visit.programs:
            return
        blocks, copied = self.visit.programs[name], self.page.evaluate("look.copies()")
        if len(copied) != len(blocks):
            self._say(f"expected a copy button for {len(blocks)} blocks, got {len(copied)}")
        for block, text in zip(blocks, copied, strict=False):
            if text != block.strip("\n").rstrip():  # A builder drops blank lines around it.
                self._say(f"a block is copied as {text[:60]!r}, not as {block[:60]!r}")

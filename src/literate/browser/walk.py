"""Walk once through a site as readers do: with the keyboard alone, and without a network.

What every page shares is tried here, once: the search, the colours, the menu of small screens, the
copy button, what is kept for later; and the Tab key, on the page that has most to reach.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from literate.browser.look import Visit, options

SCRIPT = files("literate.browser") / "walk.js"
COPY = "data-clipboard-target"
PATIENCE = 20_000  # milliseconds: a search reads the whole index first


def walk_through(visit: Visit) -> list[tuple[str, str]]:
    """Take all walks; return each page with what went wrong there."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=visit.executable, args=options())
        for step in STEPS:
            context = _context(browser, step)
            page = context.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))  # noqa: B023 - used in this round alone
            try:
                said += step(page, visit)
            except (Error, AssertionError) as error:
                said.append(f"{error}".splitlines()[0])
            address = page.url.removeprefix(visit.address).partition("?")[0].partition("#")[0]
            name = step.__name__.replace("_", " ")
            found += [(address, f"{name}: {text}") for text in said]
            context.close()
        browser.close()
    return found


def _context(browser: Browser, step: "Step") -> BrowserContext:
    """A reader who has not been here, in a wide window or, for the menu, on a small screen."""
    small = step is menu
    context = browser.new_context(
        viewport={"width": 390, "height": 844} if small else {"width": 1280, "height": 900},
        color_scheme="light",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    if step is not offline:
        context.add_init_script("delete Navigator.prototype.serviceWorker")
    context.set_default_timeout(PATIENCE)
    context.add_init_script(SCRIPT.read_text(encoding="utf-8"))
    return context


def tab(page: Page, visit: Visit) -> list[str]:
    """Every element is reached with the Tab key, shows it, and is not covered then."""
    texts = {name: _text(visit.site, name) for name in visit.pages}
    kinds = (COPY, "<table", "tabbed-set", "math-block", "<details", 'data-widget="', 'class="term')
    richest = max(visit.pages, key=lambda name: sum(kind in texts[name] for kind in kinds))
    page.goto(visit.address + richest)
    expected = dict(page.evaluate("walk.expected()"))
    found, reached = [], set()
    for _ in range(2 * len(expected)):
        page.keyboard.press("Tab")
        at = page.evaluate("walk.focused()")
        if at is None or at["number"] in reached:
            break
        reached.add(at["number"])
        found += [f"{at['name']} {problem}" for problem in at["problems"]]
    missed = [name for number, name in expected.items() if number not in reached]
    return found + [f"{name} is not reached" for name in missed]


def search(page: Page, visit: Visit) -> list[str]:
    """Its field opens the search, arrows choose a page, Enter opens it, Escape closes it."""
    page.goto(visit.address)
    field = page.locator(".md-search__input")
    field.focus()
    page.keyboard.type(_symbol(visit))
    page.locator(".md-search-result__link").first.wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('#__search').checked")
    field.focus()
    page.keyboard.press("ArrowDown")
    target = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(target)
    return []


def letters(page: Page, visit: Visit) -> list[str]:
    """No letter does anything on a page: who dictates to the browser would leave it by a word."""
    address = visit.address + visit.pages[len(visit.pages) // 2]
    page.goto(address)
    for key in "pnfs,./":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    opened = page.evaluate("document.querySelector('#__search')?.checked ?? false")
    return ["a letter opens the search"] * opened + [f"left for {page.url}"] * (page.url != address)


def colours(page: Page, visit: Visit) -> list[str]:
    """Enter changes the colours, and the next page keeps them."""
    page.goto(visit.address)
    page.locator("[name=__palette]:checked, [name=__palette]").first.focus()
    seen = []
    for _ in range(3):
        page.keyboard.press("Enter")
        seen.append(page.evaluate("document.body.dataset.mdColorScheme"))
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.goto(visit.address + visit.pages[-1])
    kept = page.evaluate("document.body.dataset.mdColorScheme")
    return (
        [] if {*seen} == {"default", "slate"} and kept == "slate" else [f"got {seen}, then {kept}"]
    )


def menu(page: Page, visit: Visit) -> list[str]:
    """On a small screen Enter opens the menu, which takes the focus, and Escape closes it."""
    page.goto(visit.address)
    found = []
    for _ in range(20):
        page.keyboard.press("Tab")
        at = page.evaluate("walk.focused()")
        found += [f"{at['name']} {problem}" for problem in (at["problems"] if at else [])]
        if page.evaluate("document.activeElement.htmlFor") == "__drawer":
            break
    else:
        return [*found, "the menu's button is not reached"]
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#__drawer').checked")
    if not page.evaluate("document.activeElement.closest('.md-sidebar--primary') !== null"):
        found.append(f"the focus is on {page.evaluate('walk.focused().name')}, not in the menu")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('#__drawer').checked")
    return found


def copy(page: Page, visit: Visit) -> list[str]:
    """Enter on a copy button puts the block on the clipboard."""
    name, blocks = next(iter(visit.programs.items()), ("", []))
    if not blocks:
        return []
    page.goto(visit.address + name)
    page.locator(f".language-python [{COPY}]").first.focus()
    page.keyboard.press("Enter")
    page.locator(".md-dialog--active").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    return [] if text == blocks[0].rstrip() else [f"got {text[:60]!r}"]


def offline(page: Page, visit: Visit) -> list[str]:
    """After one visit, without a network: another page opens, and the search finds a name in it."""
    page.goto(visit.address)
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.context.set_offline(True)
    page.goto(visit.address + visit.pages[-1])
    page.locator(".md-search__input").focus()
    page.keyboard.type(_symbol(visit))
    page.locator(".md-search-result__link").first.wait_for()
    return []


Step = Callable[[Page, Visit], list[str]]
STEPS: tuple[Step, ...] = (tab, search, letters, colours, menu, copy, offline)


def _text(site: Path, name: str) -> str:
    path = site / name / "index.html" if name.endswith("/") or not name else site / name
    return path.read_text(encoding="utf-8")


def _symbol(visit: Visit) -> str:
    """A name that the site is about: the last function of its last program, else its first word."""
    sources = "\n".join(block for blocks in visit.programs.values() for block in blocks)
    names = [line[4:].partition("(")[0] for line in sources.split("\n") if line.startswith("def ")]
    return names[-1] if names else "the"

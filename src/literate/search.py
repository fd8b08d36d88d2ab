"""Search a built site in a real browser, as a reader does, for what must be found first.

    CHROMIUM=/path/to/chrome python -m literate search SITE

pyproject.toml lists words under `[tool.literate.search]`, each with the addresses to find: as many
pages as are listed must be the first results, in any order, and a listed section among its page's.
"""

import argparse
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from playwright.sync_api import Error, Page, sync_playwright

from literate.browser import find_browser, options, serve, without_browser
from literate.settings import read_options

# The addresses that each result links to: its page, then the sections of it that fit.
RESULTS = """items => items.map(item =>
  [...item.querySelectorAll("a.md-search-result__link")].map(link => link.href))"""


def wanted(root: Path) -> dict[str, list[str]]:
    """The words that a project's pyproject.toml lists, each with what it must find."""
    listed = read_options(root, "search")
    return {str(word): [str(address) for address in found] for word, found in listed.items()}


def check(site: Path, executable: str, words: dict[str, list[str]]) -> list[str]:
    """Type each word into the search of the home page.

    Args:
        site: The folder of the built site.
        executable: The browser.
        words: What to type, and the addresses to find.

    Returns:
        What is wrong, one line each.
    """
    with serve(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=options())
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        found = [text for word in words for text in _wrong(page, address, word, words[word])]
        browser.close()
    return found


def _wrong(page: Page, address: str, word: str, expected: list[str]) -> list[str]:
    """What is wrong with the results for a word."""
    page.goto(f"{address}?q={quote(word)}")
    try:
        page.wait_for_selector(".md-search-result__item", state="attached", timeout=10_000)
    except Error:
        return [f"search: {word!r} finds nothing"]
    results = page.eval_on_selector_all(".md-search-result__item", RESULTS)
    first = results[: len(expected)]
    links = {_place(link, address) for result in first for link in result}
    return [
        f"search: {word!r}: expected {place} among the first {len(expected)} results, got "
        + ", ".join(_place(result[0], address) for result in first)
        for place in expected
        if place not in links
    ]


def _place(link: str, address: str) -> str:
    """An address within the site, without the words to highlight."""
    parts = urlsplit(link)
    return urlunsplit(parts._replace(query="")).removeprefix(address)


def main(arguments: list[str]) -> int:
    """Check the search of a built site; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m literate search", description=__doc__)
    parser.add_argument("site", type=Path, help="the folder of the built site")
    site = parser.parse_args(arguments).site
    executable = find_browser()
    if executable is None:
        return without_browser()
    words = wanted(Path())
    problems = check(site, executable, words)
    print(*problems, f"search: {len(words)} words, {len(problems)} problems", sep="\n")  # noqa: T201 - a command prints
    return int(bool(problems))

"""A browser for the tests of the widgets, and pages with a widget in it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from literate import browser

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
# The colours of the site, a strict policy, and as wide a rem as the site has.
HTML = """<!doctype html><html lang="en" style="font-size: 125%"><head><title>Widget</title>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; img-src 'self'
data:"><link rel="icon" href="data:,"><link rel="stylesheet" href="assets/css/glass.css">
</head><body data-md-color-scheme="default"><article class="md-typeset">{body}</article>
<script type="module" src="assets/js/widgets.js"></script></body></html>"""
BLOCK = '<div class="widget" data-widget="{}"><p>The still figure</p></div>'

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the folder of the pages is served."""
    with browser.serve(DOCS) as served:
        yield served


@pytest.fixture
def show(chrome: Browser, address: str) -> Iterator[Open]:
    """Open a page with some widgets; whatever the browser complains of fails the test."""
    pages, complaints = [], []

    def open_page(*names: str, **options: Any) -> Page:
        page = chrome.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        html = HTML.format(body="".join(map(BLOCK.format, names)))
        page.route(
            f"{address}page", lambda route: route.fulfill(body=html, content_type="text/html")
        )
        page.goto(f"{address}page")
        pages.append(page)
        if options.get("java_script_enabled", True):
            for name in names:
                page.wait_for_selector(f"{name}.live")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Any:
    """The values for the widget that the test's file is named after."""
    name = Path(str(request.path)).stem.removeprefix("test_").replace("_", "-")
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def call(page: Page, module: str, function: str, cases: list[list[Any]]) -> list[Any]:
    """What a function of a widget's module returns for the arguments of each case."""
    script = """async ([module, name, cases]) => {
      const found = await import(`/assets/js/widgets/${module}.js`);
      return Promise.all(cases.map((given) => found[name](...given)));
    }"""
    results: list[Any] = page.evaluate(script, [module, function, cases])
    return results

"""A term's definition appears for the mouse, the keyboard and a finger, and goes again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).resolve().parents[1] / "docs/assets/js/definitions.js"
HTML = """<!doctype html><meta name="viewport" content="width=device-width">
<style>#definition { position: absolute; max-width: 200px; background: white }</style>
<p style="margin: 100px 40px">A <a class="term" href="#mask" title="Who may look.">mask</a>
and a <a class="term" href="#head" title="One of several.">head</a>.</p>
<p style="margin: 300px 40px">Elsewhere</p>"""


@pytest.fixture
def page(chrome: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with two terms; with a finger if the test asks for one."""
    touch = getattr(request, "param", False)
    context = chrome.new_context(viewport={"width": 390, "height": 844}, has_touch=touch)
    page = context.new_page()
    page.set_content(HTML)
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"), type="module")
    page.wait_for_selector("#definition", state="attached")
    yield page
    context.close()


def said(page: Page) -> str | None:
    """The definition that is shown, if one is."""
    box = page.locator("#definition")
    return box.text_content() if box.is_visible() else None


@pytest.mark.browser
def test_the_mouse(page: Page) -> None:
    """Over the term and over the box it stays; elsewhere it goes; it stays within the window."""
    page.hover("text=mask")
    assert said(page) == "Who may look."
    place = page.locator("#definition").bounding_box()
    assert place
    assert place["x"] >= 8
    assert place["x"] + place["width"] <= 390
    page.hover("#definition")
    page.wait_for_timeout(300)
    assert said(page) == "Who may look."
    page.hover("text=head")
    assert said(page) == "One of several."
    page.hover("text=Elsewhere")
    page.wait_for_function("document.querySelector('#definition').hidden")


@pytest.mark.browser
def test_the_keyboard(page: Page) -> None:
    """Focus shows it and names it to a screen reader; Escape hides it; Enter follows the link."""
    page.keyboard.press("Tab")
    assert said(page) == "Who may look."
    assert page.get_attribute("text=mask", "aria-describedby") == "definition"
    page.keyboard.press("Escape")
    assert said(page) is None
    page.keyboard.press("Tab")
    assert said(page) == "One of several."
    assert page.get_attribute("text=mask", "aria-describedby") is None
    page.keyboard.press("Enter")
    page.wait_for_url("**#head")


@pytest.mark.browser
@pytest.mark.parametrize("page", [True], indirect=True)
def test_a_finger(page: Page) -> None:
    """A first tap shows the definition, a second one follows the link; a tap elsewhere hides it."""
    page.tap("text=mask")
    assert said(page) == "Who may look."
    assert "#" not in page.url
    page.tap("text=Elsewhere")
    assert said(page) is None
    page.tap("text=head")
    page.tap("text=head")
    page.wait_for_url("**#head")

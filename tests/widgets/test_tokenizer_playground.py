"""The widget that encodes a text merge by merge."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.widgets.conftest import Open, call

pytestmark = pytest.mark.browser
NAME = "tokenizer-playground"


def ids(page: Page) -> list[int]:
    """The ids that are shown, as a screen reader hears them."""
    items = page.get_by_role("listitem").locator(".widget-unseen").all_text_contents()
    return [int(item.rpartition(", ")[2]) for item in items]


def test_its_ids_are_the_packages(show: Open, golden: Any) -> None:
    """Every id of every text, of any script, after any number of merges, agrees with Python."""
    cases = [[case["text"], case["merges"] - 1] for case in golden]
    for case, found in zip(golden, call(show(), NAME, "encode", cases), strict=True):
        assert found == case["ids"], case["text"]
    assert {case["merges"] for case in golden} >= {0, 12, 255}


def test_stepping(show: Open) -> None:
    """Back, Next and the slider's keys go from the bytes to the tokens, one merge at a time."""
    page = show(NAME)
    slider = page.get_by_role("slider", name="Merges")
    back, following = (
        page.get_by_role("button", name="Back"),
        page.get_by_role("button", name="Next"),
    )
    assert slider.get_attribute("aria-valuetext") == "16 of 16"
    whole = ids(page)
    assert len(whole) == 8
    following.press("Enter")
    assert ids(page) == whole
    back.press("Enter")
    assert slider.get_attribute("aria-valuetext") == "15 of 16"
    assert len(ids(page)) == 9
    slider.press("Home")
    assert len(ids(page)) == 24
    back.press("Enter")
    assert page.get_by_text("Bytes, no merge yet: 24 tokens for 24 bytes.").is_visible()
    for _ in range(16):
        following.press("Space")
    assert ids(page) == whole


def test_playing(show: Open) -> None:
    """From the first merge on, one after the other, until the reader or the last merge ends it."""
    page = show(NAME)
    page.get_by_label("Text").fill(" the")
    play = page.get_by_role("button", name="Play")
    play.click()
    assert len(ids(page)) == 4
    expect(page.get_by_role("listitem")).to_have_count(3)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(1200)
    assert len(ids(page)) == 3
    play.click()
    expect(page.get_by_role("listitem")).to_have_count(1)
    expect(play).to_be_visible()  # it has come to its end


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Bytes, no merge yet: 0 tokens for 0 bytes."),
        ("q", "Bytes, no merge yet: 1 token for 1 byte."),
        ("<img src=x onerror=alert(1)>", "for 28 bytes."),
        ("🍕", "4 tokens for 4 bytes."),
        ("\ud83c", "3 tokens for 3 bytes."),
        ("🍕" * 100, "for 400 bytes."),
    ],
)
def test_any_text(show: Open, text: str, said: str) -> None:
    """Nothing that can be typed breaks it, or is taken for HTML."""
    page = show(NAME)
    # By a script, as a lone surrogate cannot be sent otherwise.
    page.locator("textarea").evaluate(
        """(field, units) => {
          field.value = String.fromCharCode(...units);
          field.dispatchEvent(new Event("input"));
        }""",
        [*memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")],
    )
    assert said in page.locator(".live > p:not([role])").inner_text()
    assert page.locator(".live img").count() == 0
    assert page.locator(".live").evaluate("(live) => live.offsetHeight") == 400


def test_what_is_said(show: Open) -> None:
    """A merge is told once the reader has paused, its spaces by their name."""
    page = show(NAME)
    said = page.get_by_role("status")
    page.get_by_label("Text").fill(" b")
    assert said.text_content() == ""
    expect(said).to_have_text("space  + b = 266: 1 token for 2 bytes.")

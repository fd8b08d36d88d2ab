"""The widget that draws what a score sees of distance."""

from typing import Any

import pytest
from playwright.sync_api import expect
from tests.widgets.conftest import Open, call

pytestmark = pytest.mark.browser
NAME = "position-explorer"


def test_its_numbers_are_the_packages(show: Open, golden: Any) -> None:
    """Scores of sinusoids and of RoPE, and the biases of ALiBi, agree with Python to 1e-5."""
    page, scores, alibi = show(), golden["scores"], golden["alibi"]
    for name, function, arguments in (
        ("sinusoidal", "sinusoidalScore", ("distance", "width", "base")),
        ("rotary", "rotaryScore", ("distance", "width", "base", "ahead")),
    ):
        found = call(page, NAME, function, [[case[a] for a in arguments] for case in scores])
        assert found == pytest.approx([case[name] for case in scores], abs=1e-5)
    found = call(page, NAME, "alibiBias", [[case["distance"], case["head"]] for case in alibi])
    assert found == pytest.approx([case["bias"] for case in alibi], abs=1e-5)


def test_the_keyboard(show: Open) -> None:
    """Every slider is moved by keys, and the numbers below the charts follow and are told."""
    page = show(NAME)
    summary = page.locator(".widget-foot p")
    assert summary.text_content() == "At distance 16: sinusoidal 0.61, RoPE 1.00, ALiBi −1.00."
    page.get_by_role("slider", name="Distance").press("ArrowLeft")
    page.get_by_role("slider", name="Key ahead by").press("Home")
    page.get_by_role("slider", name="ALiBi head").press("Home")
    width, base = (page.get_by_role("slider", name=name) for name in ("Width", "Base"))
    width.press("Home")
    base.press("End")
    assert width.get_attribute("aria-valuetext") == "4"
    assert base.get_attribute("aria-valuetext") == "1,000,000"
    said = "At distance 15: sinusoidal 0.12, RoPE 0.12, ALiBi −7.50."
    assert summary.text_content() == said
    expect(page.get_by_role("status")).to_have_text(said)


def test_the_pointer(show: Open) -> None:
    """Over a chart the mouse picks the distance."""
    page = show(NAME)
    distance = page.get_by_role("slider", name="Distance")
    for place in (0, 1):
        box = page.locator(".chart").nth(place).bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 50)
        assert distance.get_attribute("aria-valuetext") == "128"
        page.mouse.move(box["x"] + 1, box["y"] + 50)
        assert distance.get_attribute("aria-valuetext") == "0"

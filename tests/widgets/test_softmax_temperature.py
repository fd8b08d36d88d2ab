"""The widget of scores and a temperature."""

from typing import Any

import pytest
from playwright.sync_api import expect
from tests.widgets.conftest import Open, call

pytestmark = pytest.mark.browser
NAME = "softmax-temperature"


def test_its_numbers_are_the_packages(show: Open, golden: Any) -> None:
    """Probabilities, entropy and the number of equal choices agree with Python to 1e-5."""
    cases = [[case["scores"], case["temperature"]] for case in golden]
    for case, found in zip(golden, call(show(), NAME, "describe", cases), strict=True):
        *probabilities, _ = found["shares"]
        assert probabilities == pytest.approx(case["probabilities"], abs=1e-5)
        assert found["entropy"] == pytest.approx(case["entropy"], abs=1e-5)
        assert found["choices"] == pytest.approx(case["choices"], abs=1e-5)


def test_what_has_no_softmax_is_refused(show: Open) -> None:
    """As in Python: a temperature of 0, NaN; but what is forbidden gets nothing."""
    page = show()
    for scores in ("[1], 0", "[1, NaN]", "[Infinity]"):
        script = f"import('/assets/js/widgets/numbers.js').then((n) => n.softmax({scores}))"
        with pytest.raises(Exception, match="expected"):
            page.evaluate(script)
    for scores, expected in {"[0, -Infinity]": [1, 0], "[-Infinity]": [0]}.items():
        script = f"import('/assets/js/widgets/numbers.js').then((n) => n.softmax({scores}))"
        assert page.evaluate(script) == expected


def test_the_keyboard(show: Open) -> None:
    """Arrow keys move the temperature; its ends are as the page says; Reset brings all back."""
    page = show(NAME)
    slider = page.get_by_role("slider", name="Temperature")
    shares = page.locator("tbody .widget-value")
    before = shares.all_text_contents()
    assert before == ["0.721", "0.265", "0.013", "0.587"]
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "1.1"
    assert shares.all_text_contents() != before
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0.05"
    assert shares.all_text_contents() == ["1.000", "0.000", "0.000", "0.000"]
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "50"
    assert shares.nth(3).text_content() == "0.999"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert shares.all_text_contents() == before


def test_scores(show: Open) -> None:
    """Equal scores share equally; a field that holds no score is marked, and changes nothing."""
    page = show(NAME)
    ovens = page.get_by_label("Score of ovens")
    ovens.fill("2")
    shares = page.locator("tbody .widget-value")
    assert shares.all_text_contents()[:2] == ["0.495", "0.495"]
    for bad in ("", "21", "1e9"):
        ovens.fill(bad)
        assert ovens.get_attribute("aria-invalid") == "true"
        assert shares.all_text_contents()[:2] == ["0.495", "0.495"]
    ovens.fill("-20")
    assert ovens.get_attribute("aria-invalid") is None
    assert shares.nth(1).text_content() == "0.000"


def test_what_is_said(show: Open) -> None:
    """A screen reader hears the result once the reader has paused, and not before."""
    page = show(NAME)
    said = page.get_by_role("status")
    page.wait_for_timeout(700)
    slider = page.get_by_role("slider", name="Temperature")
    assert said.text_content() == ""
    slider.press("Home")
    slider.press("ArrowRight")
    assert said.text_content() == ""
    expect(said).to_contain_text("Temperature 0.056: pizza 1.000")


def test_the_pointer(show: Open) -> None:
    """The temperature follows a mouse that is pressed on the chart, and no other."""
    page = show(NAME)
    slider = page.get_by_role("slider", name="Temperature")
    box = page.locator(".chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + 1, box["y"] + 50)
    assert slider.get_attribute("aria-valuetext") == "1"
    page.mouse.click(box["x"] + 1, box["y"] + 50)
    assert slider.get_attribute("aria-valuetext") == "0.05"
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 50)
    assert slider.get_attribute("aria-valuetext") == "50"


def test_a_finger(show: Open) -> None:
    """A tap sets the temperature, and so does a move sideways, but not one that scrolls."""
    page = show(NAME, has_touch=True, viewport={"width": 390, "height": 844})
    slider = page.get_by_role("slider", name="Temperature")
    touch = """(chart, places) => {
      const box = chart.getBoundingClientRect();
      places.forEach(([x, y], i) => {
        const where = { clientX: box.left + x, clientY: box.top + y };
        const given = { ...where, pointerType: "touch", buttons: 1 };
        chart.dispatchEvent(new PointerEvent(i ? "pointermove" : "pointerdown", given));
      });
    }"""
    chart = page.locator(".chart")
    chart.evaluate(touch, [[60, 140], [62, 120], [65, 20]])
    assert slider.get_attribute("aria-valuetext") == "1"
    chart.evaluate(touch, [[60, 100], [90, 101], [340, 120]])
    assert slider.get_attribute("aria-valuetext") == "50"
    chart.tap(position={"x": 45, "y": 60})
    expect(slider).to_have_attribute("aria-valuetext", "0.05")

"""The widget that shows where the words of a sentence look, and what "it" means."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.widgets.conftest import DOCS, Open, call

from literate import browser

pytestmark = pytest.mark.browser
NAME = "attention-explorer"
FILES = DOCS / "assets/js/widgets"
WEIGHTS = f"{NAME}.safetensors"


def answer(page: Page) -> str:
    """What the model says that "it" means."""
    return page.locator(".attention-answer").inner_text()


def told(page: Page) -> str:
    """Where the word that is chosen looks."""
    return page.locator(".attention-told").inner_text()


def sentence(page: Page) -> str:
    """The words that are shown."""
    words = page.locator(".attention-token").evaluate_all(
        "(all) => all.map((token) => token.querySelector('input').nextSibling.textContent)"
    )
    return " ".join(words)


def requests(page: Page) -> list[str]:
    """The weights that have been asked for."""
    script = "performance.getEntriesByType('resource').map((entry) => entry.name)"
    return [name for name in page.evaluate(script) if name.endswith(WEIGHTS)]


def test_its_numbers_are_the_packages(show: Open, golden: Any) -> None:
    """Logits, and maps of every layer and head, agree with Python to 1e-5, for texts up to 48."""
    found = call(show(), NAME, "read", [[case["words"]] for case in golden])
    for case, result in zip(golden, found, strict=True):
        at = case["at"]
        for position, expected in zip(at, case["logits"], strict=True):
            assert result["logits"][position] == pytest.approx(expected, abs=1e-5)
        for layer, maps in zip(case["maps"], result["maps"], strict=True):
            for rows, map_ in zip(layer, maps, strict=True):
                for position, expected in zip(at, rows, strict=True):
                    assert map_[position] == pytest.approx(expected, abs=1e-5)
    assert {len(case["words"]) for case in golden} >= {1, 11, 48}


def test_the_first_sentence(show: Open) -> None:
    """What the page brings along for it is what the model makes of it, as far as it is shown."""
    data = json.loads((FILES / f"{NAME}.json").read_text(encoding="utf-8"))
    words = f"{data['scenes'][0]} it {data['endings'][0]}".split()
    (result,) = call(show(), NAME, "read", [[words]])
    for (word, chance), expected in zip(result["guesses"], data["first"]["guesses"], strict=True):
        assert [word, chance] == [expected[0], pytest.approx(expected[1], abs=1e-4)]
    for layer, expected in zip(result["maps"], data["first"]["maps"], strict=True):
        for map_, rows in zip(layer, expected, strict=True):
            for row, weights in zip(map_, rows, strict=True):
                assert row == pytest.approx(weights, abs=1e-4)


def test_what_no_model_can_read_is_refused(show: Open) -> None:
    """As in Python: no word, too many, and a word that it does not know."""
    page = show()
    for words in ("[]", "Array(49).fill('it')", "['it', 'Pizza']"):
        script = f"import('/assets/js/widgets/{NAME}.js').then((n) => n.read({words}))"
        with pytest.raises(Exception, match="expected"):
            page.evaluate(script)


def test_the_weights(show: Open) -> None:
    """They cost at most 300 kB, and only a reader who changes the sentence."""
    assert (FILES / WEIGHTS).stat().st_size <= 300_000
    page = show(NAME)
    page.get_by_role("radio", name=re.compile("^oven")).check()
    page.get_by_role("radio", name="Layer 1, head 3").check()
    page.wait_for_load_state("networkidle")
    assert requests(page) == []
    with page.expect_request_finished(lambda request: request.url.endswith(WEIGHTS)):
        page.get_by_label("Ending").focus()
    page.get_by_label("Ending").select_option("was too hot")
    page.get_by_label("Ending").select_option("was too old")
    expect(page.locator(".attention-answer")).to_contain_text("it = oven")
    assert len(requests(page)) == 1


def test_it_changes_its_mind(show: Open) -> None:
    """Another ending, another number, another noun: another answer, and another look."""
    page = show(NAME)
    assert answer(page).startswith("it = pizza (0.9")
    assert re.search(r"Layer 4, head 2: “it” looks most at pizza \(0.9\d\)", told(page))
    page.get_by_label("Ending").select_option("was too hot")
    expect(page.locator(".attention-answer")).to_have_text(re.compile(r"it = oven \((0.9|1.0)\d\)"))
    assert sentence(page) == "the pizza came out of the oven and it was too hot"
    assert "looks most at oven" in told(page)
    page.get_by_role("radio", name=re.compile("^oven")).check()
    page.get_by_label("Exchange “oven” for").select_option("toaster")
    expect(page.locator(".attention-answer")).to_contain_text("it = toaster")
    page.get_by_role("radio", name=re.compile("^it")).check()
    page.get_by_label("Exchange “it” for").select_option("they")
    expect(page.locator(".attention-answer")).to_contain_text("they = ")
    assert sentence(page) == "the pizza came out of the toaster and they were too hot"
    assert page.get_by_label("Ending").input_value() == "was too hot"
    assert page.get_by_label("Beginning").input_value() == ""
    page.get_by_label("Exchange “they” for").select_option("yum")
    expect(page.locator(".attention-answer")).to_have_text(
        "Without “it” or “they”, nothing is asked"
    )
    page.get_by_label("Beginning").select_option(index=3)
    expect(page.get_by_role("radio", name=re.compile("^Squatch"))).to_be_visible()
    assert sentence(page) == "Squatch took the pizza out of the oven and yum were too hot"
    page.get_by_role("button", name="Reset").click()
    assert sentence(page) == "the pizza came out of the oven and it tasted good"
    assert answer(page).startswith("it = pizza (0.9")


def test_the_keyboard(show: Open) -> None:
    """Tab goes from control to control, arrow keys choose a word, a head and an ending."""
    page = show(NAME)
    page.get_by_label("Exchange").focus()
    page.keyboard.press("Tab")
    assert page.locator(":focus").evaluate("(radio) => radio.labels[0].innerText").startswith("it")
    page.keyboard.press("ArrowRight")
    assert "“tasted” looks most at" in told(page)
    assert page.get_by_label("Exchange “tasted” for").input_value() == "tasted"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert told(page).startswith("Layer 4, head 1: “tasted”")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert told(page).startswith("Layer 4, head 2: “it”")
    page.get_by_label("Ending").press("ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^great"))).to_be_visible()


def test_the_pointer(show: Open) -> None:
    """A word looks while a mouse is on it; then again the one that was chosen."""
    page = show(NAME)
    page.locator(".attention-token").nth(1).hover()
    assert "“pizza” looks most at" in told(page)
    assert page.get_by_label("Exchange “it” for").is_visible()
    page.mouse.move(0, 0)
    assert "“it” looks most at" in told(page)
    page.locator(".attention-token").nth(1).click()
    page.mouse.move(0, 0)
    assert "“pizza” looks most at" in told(page)


def test_what_is_said(show: Open) -> None:
    """The answer and the look are told once the reader has paused."""
    page = show(NAME)
    said = page.get_by_role("status")
    page.get_by_label("Ending").select_option("needed repair")
    expect(page.locator(".attention-answer")).to_contain_text("it = oven")
    assert said.text_content() == ""
    expect(said).to_contain_text(re.compile("it = oven .*Layer 4, head 2: “it” looks most at oven"))
    tokens = page.get_by_role("group", name="The word that looks").get_by_role("radio")
    tokens.nth(5).check()
    expect(said).to_contain_text(re.compile("“the” looks most at"))


def test_without_the_weights(show: Open) -> None:
    """If they do not come, the sentence stays, it is said, and a later choice tries again."""
    page = show(NAME)
    page.route(f"**/{WEIGHTS}", lambda route: route.fulfill(status=200, body="no weights"))
    page.get_by_label("Ending").select_option("was too hot")
    expect(page.locator(".attention-told")).to_contain_text("The model did not come")
    assert sentence(page) == "the pizza came out of the oven and it tasted good"
    assert page.get_by_label("Ending").input_value() == "tasted good"
    page.get_by_role("radio", name="Layer 1, head 1", exact=True).check()
    assert "“it” looks most at" in told(page)
    page.unroute(f"**/{WEIGHTS}")
    page.get_by_label("Ending").select_option("was too hot")
    expect(page.locator(".attention-answer")).to_contain_text("it = oven")


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_it_is_accessible(show: Open, scheme: str) -> None:
    """No finding of axe's rules, in light and in dark, whatever is shaded."""
    page = show(NAME)
    page.evaluate("(scheme) => (document.body.dataset.mdColorScheme = scheme)", scheme)
    page.evaluate("document.body.style.backgroundColor = 'var(--md-default-bg-color)'")
    page.evaluate("document.body.style.color = 'var(--md-default-fg-color)'")
    assert browser.run_axe(page) == []


def test_another_page_and_back(show: Open) -> None:
    """An explorer that has left and come back still answers."""
    page = show(NAME)
    page.evaluate(
        """() => {
          const article = document.querySelector("article");
          article.remove();
          document.body.prepend(article);
        }"""
    )
    page.get_by_label("Ending").select_option("was too hot")
    expect(page.locator(".attention-answer")).to_contain_text("it = oven")

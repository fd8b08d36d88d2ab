"""What a walk through a site with the keyboard must find, in a real browser."""

from pathlib import Path

import pytest
from tests.chromium import chromium

from literate import browser
from literate.browser import walk
from literate.browser.look import Visit

PAGE = """<!doctype html>
<html lang="en"><head><title>Home</title><meta charset="utf-8"><link rel="icon" href="data:,">
<style>header {{ position: fixed; inset: 0 0 auto 0; height: 99px; background: #ccc }}</style>
</head><body><header><a href="#a">First</a></header><main style="padding-top: 120px">{}</main>
</body></html>
"""
FINE = "<p><a href='#b'>A link</a> <input aria-label='A field'> <button>A button</button></p>"
DEFECTS = {
    "unreached": (
        """<div id="host"></div><a href="#c">Link</a><script>
        document.querySelector("a[href='#c']").onfocus = (event) =>
            event.relatedTarget?.focus();</script>""",
        'tab: <a href="#c">Link is not reached',
    ),
    "unseen": (
        '<button style="outline: none">Press</button>',
        'tab: <button style="outline: none">Press does not show that it has the focus',
    ),
    "covered": (
        '<button style="position: fixed; top: 20px; left: 20px; z-index: -1">Press</button>',
        "Press is below the header",
    ),
    "outside": (
        '<button style="position: fixed; left: 20px; top: -90px">Press</button>',
        "Press is outside the window",
    ),
}


def walked(site: Path, body: str) -> list[str]:
    """What is said of a site of one page."""
    (site / "index.html").write_text(PAGE.format(body))
    with browser.serve(site) as address:
        visit = Visit(chromium(), site, address, browser.VIEWS["light"], [""])
        return [text for _, text in walk.walk_through(visit)]


@pytest.mark.browser
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each element is reached, shows it, and is in view then."""
    monkeypatch.setattr(walk, "STEPS", (walk.tab,))
    body, expected = DEFECTS[name]
    said = walked(tmp_path, FINE + body)
    assert len(said) == 1
    assert expected in said[0]


@pytest.mark.browser
def test_a_page_in_order_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links, fields and buttons show the focus by themselves."""
    monkeypatch.setattr(walk, "STEPS", (walk.tab,))
    assert walked(tmp_path, FINE) == []


@pytest.mark.browser
def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site without search, colours, menu or worker does not pass for one that has them."""
    monkeypatch.setattr(walk, "PATIENCE", 500)
    said = [text.partition(":")[0] for text in walked(tmp_path, FINE)]
    assert said == ["search", "colours", "menu", "offline"]

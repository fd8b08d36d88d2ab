"""A page on paper: the article and nothing else, all of it, in the colours of paper."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from literate import browser

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = f"""
INHERIT: {ROOT.as_posix()}/mkdocs.yml
nav: null
strict: false
watch: []
plugins: []
theme: {{custom_dir: {ROOT.as_posix()}/overrides}}
"""
CODE = 'text = "' + "a long line, " * 20 + '"'
# As a page is when it has been completed: with what literate.publish adds.
TEXT = f"""# Paper

<nav class="downloads"><a href="x.py">Script</a></nav>
<div class="concept"><svg class="map"></svg></div>

Read [a paper](https://example.org/paper) and [this page](index.md), on a <a class="term"
href="./">mask</a>.

```python
{CODE}
```

```output
{"1.0 " * 60}
```

<p class="api">Reference: <a href="x/">x</a></p>

??? question "Folded"

    The answer.

$$
E = mc^2
$$

| a | table |
|---|---|
| as wide as {"words are long " * 9} | 1 |

<div class="widget" data-widget="none"><p>Still</p><p class="live">Alive</p></div>
"""
GONE = (
    *(".md-header", ".md-sidebar", ".md-footer", ".md-top", ".md-skip", ".headerlink"),
    *(".downloads", ".concept", ".api", ".md-code__nav", ".live"),
)
SHOWN = (
    "h1",
    "pre",
    ".language-output",
    "summary",
    "math",
    "table",
    "text=The answer.",
    "text=Still",
)
PAPER = 794 - 2 * 57  # A4 without its margins, in px


@pytest.fixture(scope="module")
def page(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, as printed by a reader who prefers the dark."""
    root = tmp_path_factory.mktemp("paper")
    shutil.copytree(ROOT / "docs/assets", root / "docs/assets")
    (root / "docs/glossary.md").write_text("# Words\n", encoding="utf-8")
    (root / "docs/index.md").write_text(TEXT, encoding="utf-8")
    (root / "mkdocs.yml").write_text(SETTINGS, encoding="utf-8")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build"]
    subprocess.run(command, check=True, cwd=root, env=environment)
    with browser.serve(root / "site") as address:
        page = chrome.new_page(color_scheme="dark", viewport={"width": PAPER, "height": 900})
        page.goto(address)
        page.wait_for_selector(".md-code__nav", state="attached")
        page.emulate_media(media="print", color_scheme="dark")
        # What fades from the screen's colours to those of paper has done so.
        page.evaluate("document.getAnimations().forEach(animation => animation.finish())")
        yield page


@pytest.mark.browser
@pytest.mark.parametrize("selector", GONE)
def test_what_one_cannot_press_is_gone(page: Page, selector: str) -> None:
    """It is on the screen, and not on paper."""
    assert page.locator(selector).count() > 0, selector
    assert page.locator(f"{selector} >> visible=true").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("selector", SHOWN)
def test_what_there_is_to_read_is_there(page: Page, selector: str) -> None:
    """What a fold holds too, though nobody has opened it."""
    assert page.locator(f"{selector} >> visible=true").count() > 0
    assert page.eval_on_selector("details", "fold => fold.open") is False
    height = page.eval_on_selector("details", "fold => fold.getBoundingClientRect().height")
    assert height > 2 * page.locator("summary").bounding_box()["height"]  # type: ignore[index] # shown


@pytest.mark.browser
def test_nothing_is_cut(page: Page) -> None:
    """Code that is wider than paper goes on in the next line; 100 characters are not wider."""
    wide = (
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML)"
    )
    assert page.eval_on_selector_all("pre > code", wide) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    sizes = """code => {
      const range = document.createRange();
      range.setStart(code.querySelector(".s2").firstChild, 0);
      range.setEnd(code.querySelector(".s2").firstChild, 10);
      const style = getComputedStyle(code);
      return [range.getBoundingClientRect().width / 10,
              code.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)];
    }"""
    character, room = page.eval_on_selector(".language-python code", sizes)
    assert 100 * character <= room


@pytest.mark.browser
def test_paper_is_light(page: Page) -> None:
    """A reader who prefers the dark does not print it."""
    assert page.get_attribute("body", "data-md-color-scheme") == "slate"
    colours = "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    assert page.eval_on_selector("body", colours)[1] == "rgb(255, 255, 255)"
    assert page.eval_on_selector(".md-typeset h1", colours)[0] == "rgb(28, 36, 48)"
    assert page.eval_on_selector("pre > code", colours)[1] == "rgb(246, 248, 250)"


@pytest.mark.browser
def test_links_can_be_followed_from_paper(page: Page) -> None:
    """A link to elsewhere says its address; a term, which leads to the glossary, is a word."""
    after = 'link => getComputedStyle(link, "::after").content'
    assert page.eval_on_selector("text=a paper", after) == '" (https://example.org/paper)"'
    assert page.eval_on_selector("text=this page", after) == "none"
    line = "link => getComputedStyle(link).textDecorationLine"
    assert page.eval_on_selector("a.term", line) == "none"

"""What every widget keeps to: its still figure, its room, its numbers, instant navigation."""

import re
import runpy

import pytest
from playwright.sync_api import Page
from tests.widgets.conftest import DOCS, Open

WIDGETS = DOCS / "assets/js/widgets"
PAGES = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
USED = {
    name: path
    for path, text in PAGES.items()
    for name in re.findall(r'<div class="widget" data-widget="([a-z-]+)" markdown>', text)
}


def test_each_widget_stands_on_a_page() -> None:
    """A block names a module; without JavaScript it has something to show."""
    assert USED
    for name, path in USED.items():
        assert (WIDGETS / f"{name}.js").is_file()
        block = PAGES[path].split(f'data-widget="{name}" markdown>')[1].split("</div>")[0]
        assert "![" in block or "|" in block, f"{name} has no still figure"
    assert all("data-widget" not in text or path in USED.values() for path, text in PAGES.items())


def test_what_is_exported_holds() -> None:
    """Data and golden values are what the package gives now; else: python tasks.py update."""
    assert list(runpy.run_path(str(WIDGETS / "export.py"))["stale"]()) == []


def room(page: Page, name: str) -> tuple[float, float, float]:
    """The height that is kept for a widget, the height of its block and its own."""
    script = """(name) => {
      const live = document.querySelector(`${name}.live`);
      const kept = parseFloat(getComputedStyle(live.parentElement).minHeight);
      return [kept, live.parentElement.offsetHeight, live.offsetHeight];
    }"""
    kept, block, live = page.evaluate(script, name)
    return kept, block, live


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390, 340])
@pytest.mark.parametrize("name", USED)
def test_its_room_is_kept(show: Open, name: str, width: int) -> None:
    """A widget is just as high as what was kept for it, so nothing moves when it comes."""
    page = show(name, viewport={"width": width, "height": 844})
    page.evaluate("document.fonts.ready")
    kept, block, live = room(page, name)
    assert kept == pytest.approx(block, abs=1)
    assert kept == pytest.approx(live, abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
@pytest.mark.parametrize("name", USED)
def test_targets_are_large_enough(show: Open, name: str) -> None:
    """Whatever can be pressed is at least 24 pixels wide and high."""
    page = show(name, viewport={"width": 390, "height": 844})
    controls = page.locator(".live :is(button, input, select, textarea)")
    assert controls.count()
    for i in range(controls.count()):
        box = controls.nth(i).bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


@pytest.mark.browser
@pytest.mark.parametrize("name", USED)
def test_the_still_figure(show: Open, name: str) -> None:
    """It shows without JavaScript and in print, and gives way to the widget on a screen."""
    page = show(name)
    still, live = page.get_by_text("The still figure"), page.locator(".live")
    assert (still.is_visible(), live.is_visible()) == (False, True)
    page.emulate_media(media="print")
    assert (still.is_visible(), live.is_visible()) == (True, False)
    plain = show(name, java_script_enabled=False)
    assert plain.get_by_text("The still figure").is_visible()
    assert plain.evaluate("document.querySelector('.widget').offsetHeight") < 100


@pytest.mark.browser
def test_only_what_a_page_uses_is_loaded(show: Open) -> None:
    """A page without a widget loads neither a module nor the style."""
    page = show()
    page.wait_for_load_state("networkidle")
    script = "performance.getEntriesByType('resource').map((entry) => entry.name)"
    loaded = page.evaluate(script)
    assert any(name.endswith("/widgets.js") for name in loaded)
    assert not [name for name in loaded if "/widgets/" in name or "widgets.css" in name]


@pytest.mark.browser
@pytest.mark.parametrize("name", USED)
def test_instant_navigation(show: Open, name: str) -> None:
    """Another page takes the place of this one, and then this one comes back, once and whole."""
    page = show(name)
    page.evaluate(
        """async () => {
          const { document$ } = Object.assign(window, {
            document$: { told: [], subscribe(start) { this.told.push(start) } },
          });
          await import(`/assets/js/widgets.js?instant`);
          const before = document.querySelector("article");
          const live = before.querySelector(".live");
          before.remove(); // to another page
          live.remove();
          document.body.prepend(before); // and back
          for (const start of [...document$.told, ...document$.told]) start();
        }"""
    )
    page.wait_for_selector(f"{name}.live")
    page.wait_for_timeout(100)
    assert page.locator(".live").count() == 1
    assert page.locator(".live").evaluate("(live) => live.childElementCount") > 0
    # An element that is moved is connected anew, and is not built twice.
    children = page.evaluate(
        """() => {
          const live = document.querySelector(".live");
          const before = live.childElementCount;
          live.parentElement.append(live);
          return [before, live.childElementCount];
        }"""
    )
    assert children[0] == children[1]

"""A published site in a real browser: what its policy forbids, and what works without a network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from literate import browser
from literate.publish import policy, search, worker
from literate.publish.site import load

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<link rel="stylesheet" href="{root}assets/look.css"><link rel="icon" href="data:,">
<script id="__config" type="application/json">{{"base": "{root}"}}</script></head>
<body><h1>{name}</h1><p style="text-align: right">Known</p>
<script>document.body.dataset.ran = document.title;</script></body></html>
"""


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    """A reader who has not been here before."""
    context = chrome.new_context()
    yield context
    context.close()


def publish(folder: Path, **texts: str) -> None:
    """Build a small site, with the given texts on its pages, and publish it."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "assets/look.css").write_text("h1 { color: rgb(1, 2, 3) }")
    (folder / "notes.txt").write_text("to be downloaded")
    (folder / "unused.svg").write_text("<svg/>")
    names = {"": "./", "first": "../", "second": "../"}
    for name, root in names.items():
        (folder / name).mkdir(exist_ok=True)
        text = PAGE.format(name=texts.get(name, name or "home"), root=root)
        (folder / name / "index.html").write_text(text)
    (folder / "404.html").write_text(PAGE.format(name="lost", root="/"))
    site = load(folder, folder.parent)
    policy.restrict(site)
    worker.keep(site)
    for page in site.pages:
        page.path.write_text(page.html, encoding="utf-8")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of the small site: below the root of its server."""
    publish(tmp_path / "below/here")
    with browser.serve(tmp_path) as address:
        yield f"{address}below/here/"


def visit(context: BrowserContext, address: str) -> Page:
    """Open a page, and wait until the site is kept."""
    page = context.new_page()
    page.goto(address)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("() => navigator.serviceWorker.controller")
    return page


def kept(page: Page) -> dict[str, str]:
    """What the browser keeps: addresses in the site, with a hash, and the texts."""
    texts: dict[str, str] = page.evaluate(
        """async () => {
        const [name, ...others] = await caches.keys();
        if (others.length) throw new Error(`expected one cache, got ${others.length + 1}`);
        const cache = await caches.open(name);
        const texts = {};
        for (const { url } of await cache.keys())
            texts[url.slice(name.length)] = await (await cache.match(url))?.text();
        return texts;
    }"""
    )
    return texts


@pytest.mark.browser
def test_without_a_network_every_page_opens(context: BrowserContext, served: str) -> None:
    """After one visit, to any page, the others open with their style; a missing one says so."""
    page = visit(context, f"{served}first/")
    files = {"assets/look.css", "assets/js/offline.js"}
    addresses = [address.partition("?")[0] for address in kept(page)]
    assert sorted(addresses) == sorted({"", "first/", "second/", "404.html", *files})
    context.set_offline(True)
    for address in ("second/", "second", "second/index.html?h=word#place", ""):
        page.goto(served + address)
        assert page.title() == ("second" if address else "home")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == (
            "rgb(1, 2, 3)"
        )
    answer = page.goto(f"{served}no/such/page/")
    assert answer is not None
    assert (answer.status, page.title()) == (404, "lost")
    # The page of dead addresses knows where it is, though it was built for another place.
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"


@pytest.mark.browser
def test_a_new_version_replaces_what_changed(
    context: BrowserContext, served: str, tmp_path: Path
) -> None:
    """The next visit shows the new page at once, and keeps it; what is the same stays."""
    page = visit(context, served)
    before = kept(page)
    publish(tmp_path / "below/here", second="changed")
    same = tmp_path / "below/here/first/index.html"
    same.write_text("fetched though its hash is the same")
    page.goto(f"{served}second/")
    assert page.title() == "changed"
    (old,) = (address for address in before if address.startswith("second/"))
    while old in (after := kept(page)):
        page.wait_for_timeout(50)
    (new,) = after.keys() - before.keys()
    assert new.startswith("second/")
    assert "changed" in after[new]
    assert {address: text for address, text in after.items() if address != new} == {
        address: text for address, text in before.items() if address != old
    }


@pytest.mark.browser
def test_a_reader_who_saves_data_keeps_nothing(context: BrowserContext, served: str) -> None:
    """Where the reader asks to save data, no worker is registered."""
    context.add_init_script(
        "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    )
    page = context.new_page()
    page.goto(served, wait_until="networkidle")
    page.wait_for_timeout(300)
    assert page.evaluate("navigator.serviceWorker.getRegistrations()") == []


@pytest.mark.browser
def test_the_policy_lets_pass_what_the_site_was_built_with(
    context: BrowserContext, served: str
) -> None:
    """Scripts and styles of the page work; none that came later does, nor a request elsewhere."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{served}first/")
    assert page.evaluate("document.body.dataset.ran") == "first"
    assert page.evaluate("getComputedStyle(document.querySelector('p')).textAlign") == "right"
    assert said == []
    outcome: dict[str, Any] = page.evaluate(
        """async () => {
        const script = document.createElement("script");
        script.textContent = "document.body.dataset.ran = 'injected'";
        document.body.append(script);
        const paragraph = document.querySelector("p");
        paragraph.setAttribute("style", "text-align: center");
        paragraph.setAttribute("onclick", "document.body.dataset.ran = 'clicked'");
        paragraph.click();
        const image = new Image();
        image.src = "https://example.org/a.png";
        await new Promise((resolve) => (image.onload = image.onerror = resolve));
        return {
            ran: document.body.dataset.ran,
            moved: getComputedStyle(paragraph).textAlign === "center",
            fetched: await fetch("https://example.org/").then(() => true, () => false),
        };
    }"""
    )
    assert outcome == {"ran": "first", "moved": False, "fetched": False}
    assert len([text for text in said if "Content Security Policy" in text]) >= 5


def test_the_index_of_the_search_is_not_fetched_before_its_time(tmp_path: Path) -> None:
    """The condition in the builder's script is never true; a script without it is an error."""
    publish(tmp_path)
    bundle = tmp_path / "assets/javascripts/bundle.0.min.js"
    bundle.parent.mkdir()
    bundle.write_text(f"start({search.EAGER})")
    search.defer(load(tmp_path, tmp_path))
    assert bundle.read_text() == "start(!1)"
    with pytest.raises(ValueError, match="once in"):
        search.defer(load(tmp_path, tmp_path))

"""What the browser check must find, and what it must let pass, in a real browser."""

import os
from pathlib import Path

import pytest
from tests.chromium import chromium

from literate import browser
from literate.browser import walk

PAGE = """<!doctype html>
<html lang="en">
<head><title>{name}</title><meta charset="utf-8"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>[data-md-color-scheme] {{ --fig-blue: #0a5296 }}</style></head>
<body data-md-color-scheme="default"><script>
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.body.dataset.mdColorScheme = dark ? "slate" : "default";
</script>
<main><article><h1>{name}</h1>{body}</article></main></body></html>
"""
FIGURE = """<svg class="figure" role="img" aria-label="A rising curve" viewBox="0 0 300 150"
width="300" height="150" {attributes}><title>A rising curve</title>{drawing}</svg>"""
CURVE = '<path d="M0 150L300 0" style="stroke: var(--fig-blue)"/>'
IMAGE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

# A page by its name: what is on it, and what is said of it in the views named.
DEFECTS = {
    "contrast": ('<p style="color: #bbb; background: #fff">Pale</p>', "axe color-contrast"),
    "token": (
        f"""<style>.b {{ color: #bbb; background: #fff }}</style>
        <pre>{'<span class="a">each</span> ' * 9}<span class="b">one</span></pre>""",
        "axe color-contrast",
    ),
    "alternative": (f'<img width="9" height="9" src="{IMAGE}">', "axe image-alt"),
    "hidden": (
        f'<details><summary>More</summary><img width="9" height="9" src="{IMAGE}"></details>',
        "axe image-alt",
    ),
    "focus": (
        f'<pre style="overflow: auto; width: 90px">{"Wide " * 20}</pre>',
        "axe scrollable-region-focusable",
    ),
    "sideways": ('<p style="width: 1300px">Wide</p>', "scrolls sideways by "),
    "outside": ('<script src="https://example.org/a.js"></script>', "leaves the site: https://"),
    "missing": ('<img alt="A cat" src="cat.png">', "404"),
    "unloaded": ('<img alt="A cat" src="cat.png">', 'img "A cat" did not load'),
    "console": ("<script>console.error('oh no')</script>", "console error: oh no"),
    "warning": ("<script>console.warn('oh dear')</script>", "console warning: oh dear"),
    "script": ("<script>throw new Error('broken')</script>", "script error: broken"),
    "colours": (
        '<script>document.body.dataset.mdColorScheme = "night"</script>',
        'shows the colours "night"',
    ),
    "invisible": (
        FIGURE.format(attributes='style="visibility: hidden"', drawing=CURVE),
        'svg "A rising curve" does not show',
    ),
    "flat": (
        FIGURE.format(attributes='style="height: 0"', drawing=CURVE),
        'svg "A rising curve" does not show: 300 by 0 px',
    ),
    "empty": (FIGURE.format(attributes="", drawing=""), 'svg "A rising curve" is empty'),
    "unset": (
        FIGURE.format(attributes="", drawing=CURVE.replace("blue", "bleu")),
        "uses --fig-bleu: not set",
    ),
    "tiny": (
        FIGURE.format(attributes="", drawing=CURVE + '<text y="99" font-size="7">token</text>'),
        '"token" is 7.0 px, below 8',
    ),
    "moving": (
        """<p>Pushed</p><script>const push = () => {
        document.querySelector("h1").style.marginTop = "300px" };
        requestAnimationFrame(() => requestAnimationFrame(push))</script>""",
        "moved by 0.",
    ),
    "heavy": ('<img alt="Noise" src="../noise.png">', "costs 249 kB, more than 220: noise.png 249"),
    "heavy-maths": (
        """<img alt="Noise" src="../noise.png"><img alt="Noise" src="../more.png">
        <math><mi>x</mi></math>""",
        "costs 349 kB, more than 330: noise.png 249, more.png 100",
    ),
    "formula": ('<math style="display: none"><mi>x</mi></math>', 'math "x" does not show'),
}
# Only where the window is narrow.
ON_PHONES = {
    "wide": ('<p style="width: 600px">Wide</p>', "scrolls sideways by 218 px"),
    "shrunk": (
        FIGURE.format(
            attributes='style="width: 100%; max-width: 600px; height: auto"',
            drawing=CURVE + '<text y="99" font-size="6">token</text>',
        ),
        "px, below 8",
    ),
}
FINE = (
    FIGURE.format(attributes="", drawing=CURVE + '<text y="99" font-size="12">token</text>')
    + '<p>A <math><mi>x</mi></math> and <a href="../contrast/">a link</a>.</p>'
    + "<details><summary>More</summary><p>Text.</p></details>"
    + '<div style="overflow: auto; width: 90px" tabindex="0" role="group" aria-label="Table">'
    + '<p style="width: 900px">Wide</p></div>'
)


def build(site: Path, pages: dict[str, str]) -> Path:
    """Write a site, with two files that do not compress."""
    for name, size in {"noise.png": 249_000, "more.png": 100_000}.items():
        (site / name).write_bytes(os.urandom(size))
    for name, body in pages.items():
        (site / name).mkdir()
        (site / name / "index.html").write_text(PAGE.format(name=name, body=body))
    return site


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is said of each page on a phone; one check for all of them."""
    bodies = {name: body for name, (body, _) in {**DEFECTS, **ON_PHONES}.items()}
    site = build(tmp_path_factory.mktemp("site"), {**bodies, "fine": FINE})
    said: dict[str, list[str]] = {name: [] for name in (*bodies, "fine")}
    for problem in browser.check(site, chromium(), views=["phone"]):
        said[problem.page.strip("/")].append(problem.text)
    return said


@pytest.mark.browser
@pytest.mark.parametrize("name", [*DEFECTS, *ON_PHONES])
def test_a_planted_defect_is_found(name: str, found: dict[str, list[str]]) -> None:
    """Each defect is found, and said once."""
    _, expected = {**DEFECTS, **ON_PHONES}[name]
    assert any(expected in text for text in found[name]), found[name]
    assert len(set(found[name])) == len(found[name])


@pytest.mark.browser
def test_a_page_without_defects_passes(found: dict[str, list[str]]) -> None:
    """Nothing is said of a page that is in order."""
    assert found["fine"] == []


# What each view alone shows: the look of a text is checked in each of them.
ONLY = {
    "dark": """<style>[data-md-color-scheme="slate"] p { color: #333; background: #111 }</style>
        <p>Unreadable in the dark</p>""",
    "phone": """<style>@media (max-width: 500px) { p { color: #bbb } }</style>
        <p>Unreadable on a phone</p>""",
    "light": """<style>@media (min-width: 500px) {
        [data-md-color-scheme="default"] p { color: #bbb } }</style>
        <p>Unreadable in the light</p>""",
}


@pytest.mark.browser
def test_views_differ(tmp_path: Path) -> None:
    """What one view alone shows is found there, however often other pages showed it in order."""
    fine = {f"fine-{i}": "<p>Readable</p>" * 9 for i in range(3)}
    wide = {name: body for name, (body, _) in ON_PHONES.items()}
    problems = browser.check(build(tmp_path, {**fine, **ONLY, **wide}), chromium(), processes=1)
    contrast = [(p.page, p.view) for p in problems if p.text.startswith("axe color-contrast")]
    assert contrast == [(f"{view}/", view) for view in sorted(ONLY)]
    others = {(p.page, p.view) for p in problems if not p.text.startswith("axe color-contrast")}
    assert others == {(f"{name}/", "phone") for name in ON_PHONES}


@pytest.mark.browser
def test_a_look_is_the_way_to_it(tmp_path: Path) -> None:
    """Text is checked where its own style is that of the others, but not what it stands on."""
    fine = "<p>Readable</p>" * 9
    pages = {
        "a": fine,
        "below": f'{fine}<div style="background: #222"><section>{fine}</section></div>',
        "faint": f'{fine}<section style="opacity: 0.4">{fine}</section>',
    }
    problems = browser.check(build(tmp_path, pages), chromium(), views=["light"], processes=1)
    assert [problem.page for problem in problems] == ["below/", "faint/"]
    assert all("and 4 more" in problem.text for problem in problems)


COPIED = """<div class="language-python"><pre>x = 1</pre><button data-clipboard-target="pre">
Copy</button></div><script>document.querySelector("button").onclick = () => {
const box = document.createElement("textarea");
box.value = document.querySelector("pre").innerText;
document.body.append(box);
document.execCommand("copy");
box.remove();
};</script>"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (["x = 1\n"], []),
        (["x = 2\n"], ["a block is copied as 'x = 1', not as 'x = 2\\n'"]),
        (["x = 1\n", "y = 2\n"], ["expected a copy button for 2 blocks, got 1"]),
    ],
)
def test_what_is_copied_is_the_program(
    program: list[str], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy buttons of a page yield its blocks, in order."""
    monkeypatch.setattr(browser, "list_programs", lambda *_: {"page/": program})
    site = build(tmp_path, {"page": COPIED})
    problems = browser.check(site, chromium(), views=["light"], root=tmp_path)
    assert [problem.text for problem in problems] == expected


@pytest.mark.browser
def test_the_command_says_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command prints a problem a line and a sum, and fails; on a good site it passes."""
    monkeypatch.setattr(walk, "STEPS", ())  # a site of one page has nothing to walk through
    page = tmp_path / "index.html"
    page.write_text(PAGE.format(name="Home", body=DEFECTS["console"][0]))
    chromium()
    assert browser.main([str(tmp_path), "--root", str(tmp_path)]) == 1
    *problems, last = capsys.readouterr().out.splitlines()
    assert problems == [f"/ ({view}): console error: oh no" for view in sorted(browser.VIEWS)]
    assert last.startswith("browser: 1 pages in 3 views (light, dark, phone), 3 problems, ")


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a browser."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_browser")
@pytest.mark.parametrize(("ci", "code"), [("", 0), ("false", 0), ("true", 1)])
def test_no_browser_is_said_and_fails_only_in_ci(
    ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a browser the command says loudly that nothing was checked."""
    monkeypatch.setenv("CI", ci)
    assert browser.main(["."]) == code
    assert capsys.readouterr().err.startswith("NOT CHECKED IN A BROWSER")


def test_a_named_browser_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong path in CHROMIUM is an error, not another browser."""
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    with pytest.raises(FileNotFoundError, match="expected CHROMIUM to be a program"):
        browser.find_browser()


def test_a_folder_without_pages_is_an_error(tmp_path: Path) -> None:
    """Checking nothing is not passing."""
    with pytest.raises(FileNotFoundError, match="expected a built site, got no page"):
        browser.list_pages(tmp_path)

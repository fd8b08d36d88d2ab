"""Figures stand inside the page wherever its text shows them, and a wrong one fails the page."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import markdown
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from literate.svg import clean

EXTENSIONS = ["admonition", "attr_list", "md_in_html", "tables", "pymdownx.superfences"]
EXTENSIONS += ["pymdownx.details", "pymdownx.tabbed", "literate.figures"]
DRAWN = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 viewBox="0 0 9 9"><title>Drawn title</title><desc>It rises, see fig-line-1.</desc>
<defs><path id="m" d="M0 0V3"/><clipPath id="c"><rect width="9" height="9"/></clipPath></defs>
<g clip-path="url(#c)"><use xlink:href="#m" x="1" y="2" fill="none" stroke="#0072b2"/></g></svg>"""
IMAGE = "![Loss < 1 & falling](line.svg)"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with one figure, in a folder of its own as beside a page."""
    folder = tmp_path / "docs"
    (folder / "part").mkdir(parents=True)
    (folder / "part/line.svg").write_text(clean(DRAWN, "line"), encoding="utf-8")
    return folder


def render(text: str, docs: Path) -> str:
    """A page's HTML."""
    options: dict[str, dict[str, object]] = {
        "literate.figures": {"docs": docs},
        "pymdownx.tabbed": {"alternate_style": True},
    }
    return markdown.markdown(text, extensions=EXTENSIONS, extension_configs=options)


PLACES = {
    "paragraph": IMAGE,
    "in a sentence": f"Before {IMAGE} after.",
    "admonition": f'!!! note "Title"\n\n    {IMAGE}\n',
    "folded": f'??? success "Solution"\n\n    {IMAGE}\n',
    "tab": f'=== "One"\n\n    {IMAGE}\n\n=== "Two"\n\n    Text\n',
    "list": f"- First\n\n    {IMAGE}\n\n- Second\n",
    "table": f"| a | b |\n|---|---|\n| {IMAGE} | c |\n",
    "quote": f"> {IMAGE}\n",
    "attributes": IMAGE + "{ .wide loading=lazy }",
    "raw HTML": '<img alt="Loss < 1 & falling"\n  src="../part/line.svg">',
    "raw HTML around it": f'<div markdown="1">\n{IMAGE}\n</div>',
    "address encoded": IMAGE.replace("line.svg", "./l%69ne.svg"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_figure_stands_inside_the_page(docs: Path, place: str) -> None:
    """Wherever Markdown can show an image, the drawing is complete, and no image is left."""
    html = render(PLACES[place], docs)
    drawing = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
    assert len(drawing) == 1
    assert "<img" not in html
    root = ET.fromstring(drawing[0])
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "desc", "defs", "g"]


def test_the_words_of_the_page_are_the_title(docs: Path) -> None:
    """Readers hear what the page says, then what the program says of what it drew."""
    html = render(IMAGE, docs)
    assert '<title id="fig-line-title">Loss &lt; 1 &amp; falling</title>' in html
    assert '<desc id="fig-line-desc">It rises, see fig-line-1.</desc>' in html
    assert "Drawn title" not in html


def test_the_page_has_the_say_over_colours_and_search(docs: Path) -> None:
    """The figure's own palette stays behind, and its texts stay out of the search."""
    html = render(IMAGE, docs)
    assert "<style>" not in html
    assert "<style>" in (docs / "part/line.svg").read_text(encoding="utf-8")
    assert '<svg data-search-exclude="" ' in html


def test_the_same_figure_twice_has_ids_of_its_own(docs: Path) -> None:
    """No id occurs twice, and each copy refers to its own parts."""
    html = render(f"{IMAGE}\n\n{IMAGE}\n\n{IMAGE}", docs)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == 12
    for drawing in re.findall(r"<svg .*?</svg>", html, re.DOTALL):
        own = set(re.findall(r' id="([^"]+)"', drawing))
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|labelledby="(\S+) (\S+)"', drawing)
        assert {name for match in used for name in match if name} == own


@pytest.mark.parametrize(
    "text",
    [
        "![Logo](assets/line.svg)",
        "![Logo](../assets/img/line.svg)",
        "![Elsewhere](https://example.org/line.svg)",
        "![Elsewhere](//example.org/line.svg)",
        "![Photo](line.png)",
    ],
)
def test_other_images_are_left_alone(docs: Path, text: str) -> None:
    """Assets, other hosts' images and other formats stay images."""
    html = render(text, docs)
    assert "<img" in html
    assert "<svg" not in html


@pytest.mark.parametrize(
    "text", ["<!-- <img src='line.svg'> -->", "`<img src='line.svg'>`", f"```md\n{IMAGE}\n```"]
)
def test_what_is_not_shown_is_left_alone(docs: Path, text: str) -> None:
    """A comment and code about an image are no images."""
    assert "<svg" not in render(text, docs)


def test_a_missing_figure_fails_the_page(docs: Path) -> None:
    """A figure that nobody drew is told by name."""
    with pytest.raises(ValueError, match=r"expected one other\.svg below .*docs, found none"):
        render("![Words](other.svg)", docs)


def test_two_figures_of_one_name_fail_the_page(docs: Path) -> None:
    """Which one is meant cannot be known; both places are told."""
    (docs / "line.svg").write_text(clean(DRAWN, "line"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"found \S+/docs/line\.svg, \S+/docs/part/line\.svg"):
        render(IMAGE, docs)


def test_an_asset_of_the_same_name_is_no_second_figure(docs: Path) -> None:
    """Only figures of pages compete for a name."""
    (docs / "assets").mkdir()
    (docs / "assets/line.svg").write_text("<svg/>", encoding="utf-8")
    assert "<svg" in render(IMAGE, docs)


def test_a_figure_without_words_fails_the_page(docs: Path) -> None:
    """Every image has words for those who do not see it."""
    with pytest.raises(ValueError, match=r"expected words that say what line\.svg is"):
        render("![](line.svg)", docs)


@pytest.mark.parametrize("text", [DRAWN, "", "<svg ", clean(DRAWN, "other")])
def test_a_drawing_in_another_form_fails_the_page(docs: Path, text: str) -> None:
    """What matplotlib wrote, and a figure renamed by hand, are not ready to be shown."""
    (docs / "part/line.svg").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"expected line\.svg in the committed form"):
        render(IMAGE, docs)


def test_a_changed_figure_is_seen_at_once(docs: Path) -> None:
    """While the site is served, the next build of a page shows the figure as it now is."""
    options = {"literate.figures": {"docs": docs}}
    page = markdown.Markdown(extensions=["literate.figures"], extension_configs=options)
    assert "It rises" in page.convert(IMAGE)
    changed = clean(DRAWN.replace("It rises", "It falls"), "line")
    (docs / "part/line.svg").write_text(changed, encoding="utf-8")
    assert "It falls" in page.reset().convert(IMAGE)


def test_mkdocs_builds_figures_from_any_folder(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After MkDocs has rewritten addresses, the figure is still found; strictly, so no warnings."""
    (docs / "part/page.md").write_text(f"# Page\n\n{IMAGE}\n", encoding="utf-8")
    (docs / "index.md").write_text("# Home\n\n![Words](part/line.svg)\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: Test\nstrict: true\nplugins: []\n"
        "markdown_extensions:\n  - literate.figures: {docs: !relative $docs_dir}\n",
        encoding="utf-8",
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    build(load_config(str(tmp_path / "mkdocs.yml"), site_dir=str(tmp_path / "site")))
    for page in ("index.html", "part/page/index.html"):
        html = (tmp_path / "site" / page).read_text(encoding="utf-8")
        assert 'class="figure"' in html
        assert "line.svg" not in html


def test_building_needs_no_drawing() -> None:
    """The extension runs where neither NumPy nor matplotlib is installed."""
    code = "import sys, literate.figures; print({'numpy', 'matplotlib', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

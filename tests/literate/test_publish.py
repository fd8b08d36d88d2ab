"""A built site is completed page by page."""

from pathlib import Path

import pytest

from literate.publish import main
from literate.publish.site import load


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A project with a built site of three pages."""
    for name in ("docs/index.md", "docs/a/b.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("# Page\n\n```python\nprint(1)\n```\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\n", encoding="utf-8")
    for name in ("index.html", "a/b/index.html", "404.html"):
        path = tmp_path / "site" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        heading = '<h1 id="x">B &amp; <em>c</em><a class="headerlink" href="#x">&para;</a></h1>'
        path.write_text(f"<body>{heading}</body>", encoding="utf-8")
    return tmp_path


def test_pages_are_found_with_their_sources(built: Path) -> None:
    """Each page has its address, its title as text, its way to the root, and its source."""
    home, *others = sorted(load(built / "site", built).pages, key=lambda page: page.url)
    assert (home.url, home.to_root, home.source) == ("", "./", built / "docs/index.md")
    dead, page = others
    assert (dead.url, dead.source) == ("404.html", None)
    assert (page.url, page.to_root, page.title) == ("a/b/", "../../", "B & c")
    assert page.source == built / "docs/a/b.md"


def test_html_is_put_where_it_is_asked_for(built: Path) -> None:
    """After or before the first place; a page without that place is an error."""
    page = load(built / "site", built).pages[0]
    page.html = "<p></p><p></p>"
    page.insert("1", after="<p>")
    page.insert("2", before="</p>")
    assert page.html == "<p>12</p><p></p>"
    with pytest.raises(ValueError, match="expected '<b>' in"):
        page.insert("3", after="<b>")


def test_a_folder_without_a_site_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what was expected, and nothing is written."""
    assert main([str(tmp_path)]) == 1
    assert "expected a built site" in capsys.readouterr().err

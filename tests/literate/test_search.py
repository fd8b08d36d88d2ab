"""What the search check says of a small site of the theme, in a real browser."""

from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from tests.chromium import chromium

from literate import search

SETTINGS = """site_name: Test
theme: {name: material, font: false}
plugins: [search]
"""
PAGES = {
    "index": "# Home\n\nA mask.\n",
    "mask": "# Masks\n\n## The causal mask\n\nA mask is a mask.\n",
    "turn": "---\ntags: [RoPE]\n---\n# Rotary positions\n\nWords.\n",
    "other": "# RoPE and others\n\nRoPE, RoPE.\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    root = tmp_path_factory.mktemp("search")
    (root / "docs").mkdir()
    (root / "mkdocs.yml").write_text(SETTINGS, encoding="utf-8")
    for name, text in PAGES.items():
        (root / f"docs/{name}.md").write_text(text, encoding="utf-8")
    build(load_config(str(root / "mkdocs.yml")))
    return root / "site"


@pytest.mark.browser
def test_what_is_found_first_passes(site: Path) -> None:
    """Pages in any order, sections below their page, words of the front matter."""
    words = {"mask": ["", "mask/#the-causal-mask"], "RoPE": ["turn/"], "rope": ["other/", "turn/"]}
    assert search.check(site, chromium(), words) == []


@pytest.mark.browser
def test_what_is_not_found_first_is_said(site: Path) -> None:
    """A page that comes later, a section that does not fit, a word of no page."""
    words = {"RoPE": ["other/"], "mask": ["mask/#masks"], "pizza": ["mask/"]}
    assert search.check(site, chromium(), words) == [
        "search: 'RoPE': expected other/ among the first 1 results, got turn/",
        "search: 'mask': expected mask/#masks among the first 1 results, got mask/",
        "search: 'pizza' finds nothing",
    ]


@pytest.mark.browser
def test_the_command_reads_the_settings(
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says what is wrong, how many words there were, and fails."""
    chromium()
    settings = '[tool.literate.search]\nmask = ["mask/"]\nRoPE = ["other/"]\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert search.main([str(site)]) == 1
    assert capsys.readouterr().out.endswith("search: 2 words, 1 problems\n")

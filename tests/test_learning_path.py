"""The learning path names every page, with the question that the page itself begins with."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PATH = DOCS / "start/learning_path.md"
ROW = re.compile(
    r"^\| \d+ \| \[[^\]]+\]\(([^)]+)\) \| (.+?) \| <span data-minutes=\"([^\"]+)\">", re.MULTILINE
)
# To be looked things up in, or told of in the text around the table.
ELSEWHERE = (
    *("reference/", "start/prerequisites/", "glossary", "index.md"),
    *(f"start/{name}.md" for name in ("learning_path", "notation", "faq", "resources")),
)


def rows() -> list[tuple[str, str, str]]:
    """Page, question, and the page whose minutes are shown, of each row of the table."""
    text = PATH.read_text(encoding="utf-8")
    found = [
        (str((PATH.parent / page).resolve().relative_to(DOCS)), q, m)
        for page, q, m in ROW.findall(text)
    ]
    assert len(found) == text.count("data-minutes") > 20
    return found


def test_every_page_is_on_the_path() -> None:
    """No page is forgotten when one is added, and none is there twice."""
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    expected = sorted(page for page in pages if not page.startswith(ELSEWHERE))
    assert sorted(page for page, _, _ in rows()) == expected


def test_questions_are_those_of_the_pages() -> None:
    """Each row asks what its page asks first, and tells the time of that page."""
    for page, question, timed in rows():
        text = (DOCS / page).read_text(encoding="utf-8").partition("\n# ")[2]
        first = next(line for line in text.splitlines()[1:] if line and line != "---")
        assert question == first, page
        assert timed == page

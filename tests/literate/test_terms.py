"""Terms lead to the glossary where they are first mentioned, and nowhere that would disturb."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from markdown import Markdown
from mkdocs.commands.build import build
from mkdocs.config import load_config

from literate.terms import Term, TermsExtension, forms, pattern, read

GLOSSARY = """
# Glossary

attention
:   A *learned* average of [values](value.md), as in `softmax`.
    The weights say who looks at whom.
    [Attention](part/attention.md)

self-attention
:   Attention within one text.
    [Attention](part/attention.md), [Masks](mask.md)

query
:   What a token looks for.
    [Attention](part/attention.md)

value { .quiet }
:   What a token hands over.
    [Values](value.md)

RoPE
:   Turning queries and keys.
    [Masks](mask.md)
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of pages with a glossary."""
    docs = tmp_path / "docs"
    (docs / "part").mkdir(parents=True)
    for name in ("index", "mask", "value", "part/attention"):
        (docs / f"{name}.md").write_text(f"# {name}\n", encoding="utf-8")
    (docs / "glossary.md").write_text(GLOSSARY, encoding="utf-8")
    return docs


def built(docs: Path, text: str, page: str = "part/page") -> str:
    """The HTML of a page with this text."""
    own: dict[str, object] = {"literate.terms": {"docs": str(docs), "unmarked": "look/"}}
    (docs / f"{page}.md").parent.mkdir(exist_ok=True)
    (docs / f"{page}.md").write_text(text, encoding="utf-8")
    settings = docs.parent / "mkdocs.yml"
    extensions = ["attr_list", "def_list", "admonition", "tables", own]
    settings.write_text(
        json.dumps({"site_name": "T", "plugins": [], "markdown_extensions": extensions}), "utf-8"
    )
    config = load_config(str(settings), strict=True)
    build(config)
    return (docs.parent / "site" / page / "index.html").read_text(encoding="utf-8")


def marked(html: str) -> list[tuple[str, str]]:
    """The words and the address of each term that is marked."""
    found = re.findall(r'<a class="term" href="([^"]*)"[^>]*>([^<]*)</a>', html)
    return [(words, address) for address, words in found]


def test_the_first_mention_leads_to_the_entry(docs: Path) -> None:
    """One link a term, with the definition as its title, whatever its number and capitals."""
    html = built(docs, "Queries ask. A query asks; attention & RoPE, attention again.\n")
    assert marked(html) == [
        ("Queries", "../../glossary/#query"),
        ("attention", "../../glossary/#attention"),
        ("RoPE", "../../glossary/#rope"),
    ]
    assert 'title="What a token looks for.">Queries</a> ask. A query asks; <a' in html
    assert ">RoPE</a>, attention again.</p>" in html
    title = "A learned average of values, as in softmax. The weights say who looks at whom."
    assert f'title="{title}">attention</a> &amp; <a' in html


def test_the_longest_name_is_taken(docs: Path) -> None:
    """Self-attention is not attention; neither is a word that holds a name."""
    html = built(
        docs, "self-attention, inattention, attentional, rope, value, query-key, attention\n"
    )
    assert [words for words, _ in marked(html)] == ["self-attention", "attention"]


LEFT_ALONE = {
    "heading": "# Attention\n",
    "bold": "**attention** is\n",
    "code": "`attention`\n",
    "fence": "    attention = 1\n",
    "link": "[attention](../mask.md)\n",
    "link around emphasis": "[*attention*](../mask.md)\n",
    "title of a note": '!!! note "attention"\n\n    Text\n',
    "head of a table": "| attention |\n|---|\n| 1 |\n",
    "raw HTML": "<p>attention</p>\n",
}


@pytest.mark.parametrize("text", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_where_terms_are_left_alone(docs: Path, text: str) -> None:
    """Headings, code, links and words in bold stay; the first mention after them is marked."""
    html = built(docs, f"{text}\nThen *attention* in a sentence.\n")
    assert marked(html) == [("attention", "../../glossary/#attention")]
    assert '<em><a class="term"' in html


def test_lists_and_tables_are_marked_in_reading_order(docs: Path) -> None:
    """Text around and inside elements keeps its order."""
    html = built(
        docs, "- a *b* query *c* attention *d* RoPE e\n- f\n\n| g |\n|---|\n| self-attention |\n"
    )
    assert [words for words, _ in marked(html)] == ["query", "attention", "RoPE", "self-attention"]
    text = re.sub(r"<[^>]*>", "", html)
    assert "a b query c attention d RoPE e" in text


def test_pages_that_explain_a_term_do_not_mark_it(docs: Path) -> None:
    """On the page that an entry leads to, its term needs no box."""
    html = built(docs, "attention, a query, RoPE\n", "part/attention")
    assert marked(html) == [("RoPE", "../../glossary/#rope")]
    assert marked(built(docs, "attention\n", "look/up")) == []


def test_entries_have_ids(docs: Path) -> None:
    """Every name of an entry can be linked to; the glossary itself marks nothing."""
    built(docs, "x\n")
    html = (docs.parent / "site/glossary/index.html").read_text(encoding="utf-8")
    assert re.findall(r'<dt[^>]* ?id="([^"]*)"', html) == [
        *("attention", "self-attention", "query", "value", "rope")
    ]
    assert marked(html) == []


BROKEN = {
    "no link": ("a\n:   Text.\n", "expected a definition of 'a' and then a line of links"),
    "no definition": ("a\n:   [A](a.md)\n", "expected a definition of 'a'"),
    "twice": (
        "a\n:   T.\n    [A](a.md)\n\nb\na\n:   T.\n    [A](a.md)\n",
        "one entry for 'a', got two",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_entries_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """An entry that defines nothing, leads nowhere or is there twice fails the build."""
    path = tmp_path / "glossary.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        read(path)


def test_capitals_of_a_name_count() -> None:
    """RoPE is a term and rope is not, while any term may begin a sentence."""
    names = pattern(forms([Term(("RoPE", "mask"), "D", frozenset())]))
    assert [m[0] for m in names.finditer("rope RoPE Masks mask maSk")] == ["RoPE", "Masks", "mask"]


def test_another_builder_tells_its_page_too(docs: Path) -> None:
    """Zensical has no processor of MkDocs' addresses: its own context says which page it is."""
    md = Markdown(extensions=[TermsExtension(docs=str(docs))])
    assert marked(md.convert("attention")) == []  # a docstring, not a page
    context = SimpleNamespace(page=SimpleNamespace(path="part/page.md"), run=list)
    md.preprocessors.register(context, "rendering_context", 0)  # type: ignore[arg-type] # so much of one
    assert marked(md.convert("attention")) == [("attention", "../glossary.md#attention")]
    context.page.path = "part/attention.md"
    assert marked(md.convert("attention")) == []

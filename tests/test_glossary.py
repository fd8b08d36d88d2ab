"""The glossary: in order, complete for what every reader asks, and led to from the pages."""

import re
from pathlib import Path

from literate.terms import read, slug

DOCS = Path(__file__).resolve().parents[1] / "docs"
TERMS = read(DOCS / "glossary.md")


def test_terms_stand_in_alphabetical_order_under_their_letters() -> None:
    """A reader who looks a term up finds it."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    names = [term.names[0] for term in TERMS]
    keys = [slug(name).replace("-", "") for name in names]
    assert keys == sorted(keys)
    letters = re.findall(r"^## (\w)$", text, re.MULTILINE)
    assert letters == sorted({key[0].upper() for key in keys})
    assert len(TERMS) > 120


def test_definitions_stand_alone() -> None:
    """Each is a sentence or two, short enough for a box, and does not lead in a circle."""
    for term in TERMS:
        assert term.definition.endswith("."), term
        assert 20 < len(term.definition) < 260, term
        first = term.definition.split()[0].strip(",").lower()
        assert first not in {name.lower() for name in term.names}, term


def test_what_everybody_asks_is_there() -> None:
    """The terms of any short glossary, and the names of all parts."""
    known = {name for term in TERMS for name in term.names}
    assert known >= {
        *("attention", "self-attention", "cross-attention", "head", "multi-head attention"),
        *("context length", "parameter", "token", "embedding", "positional encoding", "logit"),
        *("softmax", "mask", "residual connection", "LayerNorm", "feed-forward network", "GELU"),
    }


def test_every_concept_page_explains_a_term() -> None:
    """No chapter of the theory is without an entry that leads to it."""
    explained = {page for term in TERMS for page in term.pages}
    chapters = ("tokenization", "position", "attention", "block", "model")
    pages = {
        path.relative_to(DOCS).as_posix()
        for name in chapters
        for path in (DOCS / name).rglob("*.md")
    } | {"embedding.md", "softmax.md", "logits.md"}
    assert pages <= explained

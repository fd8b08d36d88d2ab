"""Prose: no Markdown that stayed as it was typed, no TeX, nothing unfinished."""

import re
from collections.abc import Iterator

from literate.audit.site import Finding, Page, Site
from literate.audit.tree import Element

INLINE = {
    *("a", "abbr", "b", "bdi", "cite", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s"),
    *("samp", "small", "span", "strong", "sub", "sup", "time", "u", "var"),
}
NOT_PROSE = {"code", "pre", "script", "style", "svg", "math", "template", "textarea"}
ARITHMATEX = "arithmatex"
CODE = "\ufffc"  # stands where inline code is
LEFT = {
    "a fence or a backtick": r"`+|~~~+",
    "an admonition": r"^\s*(?:!!!|\?\?\?\+?)(?:\s|$)",
    "a tab": r"^\s*===[!+]?\s+\S",
    "an undefined footnote": r"\[\^[^\]\s]+\]",
    "a link": r"\]\([^)\s]*\)|\] ?\((?:[\w./-]+\.\w+|https?:|#)|\[[^\[\]\n]+\]\[[^\[\]\n]*\]"
    r"|^\[[^\]\n]+\]:\s",
    "attributes": r"\{:?\s*(?:[.#][A-Za-z]|[a-z][\w-]*=)[^{}\n]*\}|\{:[^{}\n]*\}",
    "TeX": r"\$\$|\$(?=\S)[^$\n]*(?<=\S)\$(?!\d)|\$[^$\n]*[\\^_{][^$\n]*\$"
    r"|\\(?:[()\[\]]|[A-Za-z]{2,})",
    "bold": r"(?<![\w*])\*\*(?=[^\s*])|(?<=[^\s*])\*\*(?![\w*])",
    "a directive": r":::\s*[\w.]+",
    "a table": r"^\s*\|?\s*:?-{2,}:?\s*\||\|\s*:?-{2,}:?\s*(?:\||$)",
    "a heading": r"^\s*#{1,6}\s+\S|^\s*#{2,6}\w",
    "a list": r"(?<=\n)\s*(?:[-*+]|\d\d?[.)])\s+\S|^\s*\[[ xX]\]\s",
    "a definition": r"^:\s+\S|^\*\[",
    "an icon": r":(?:material|fontawesome|octicons|simple)-[\w-]+:",
    "marked text": r"(?<![\w=])==(?=\w)[^=\n]+==(?!\w)|(?<![\w~])~~(?=\w)[^~\n]+~~",
    "a snippet marker": r"-+8<-+",
    "a character's name": r"&(?:[A-Za-z]+|#\w+);",
    "HTML": r"</?[a-z][a-z0-9-]*(?:\s+[\w-]+=[^<>]*)?\s*/?>|<!--",
    "a template": r"\{\{.*?\}\}|\{%.*?%\}|\[TOC\]",
    "front matter": r"^(?:title|description|hide|template|tags):\s",
}
PATTERNS = {name: re.compile(pattern, re.MULTILINE) for name, pattern in LEFT.items()}
UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|XXX|TBD|TBC)\b|(?i:\blorem ipsum\b|\bcoming soon\b|\bto be (?:written|done)\b"
    r"|\bunder construction\b|\bwork in progress\b|\bnot yet written\b)"
)


def check_prose(page: Page, _site: Site) -> Iterator[Finding]:
    """All text outside of code reads as text."""
    for text in paragraphs(page.content):
        for name, pattern in PATTERNS.items():
            if match := pattern.search(text):
                yield Finding(f"Markdown left visible, {name}", _line(text, match.start()))
                break
        if match := UNFINISHED.search(text):
            yield Finding(f"unfinished, {match[0]}", _line(text, match.start()))
    for element in page.article:
        if element.tag == "blockquote" and element.depth("blockquote") == 3:
            yield Finding("a prompt that became a quotation", element.text)
        if ARITHMATEX in element.classes:
            yield Finding("a formula that stayed TeX", element.text)
        if element.tag == "merror" or (element.tag == "math" and not element.text.strip()):
            yield Finding("a formula with an error", element.text)


def paragraphs(content: Element) -> list[str]:
    """The texts of a page, one for each paragraph, cell, item or title, without code."""
    texts = [""]

    def read(element: Element) -> None:
        if (
            element.tag in NOT_PROSE
            or {ARITHMATEX, "headerlink"} & {*element.classes}
            or element.tag == "code"
        ):
            texts[-1] += CODE
        elif element.tag == "br":
            texts[-1] += "\n"
        else:
            own = element.tag not in INLINE
            if own:
                texts.append("")
            for child in element.children:
                if isinstance(child, str):
                    texts[-1] += child
                else:
                    read(child)
            if own:
                texts.append("")

    read(content)
    return [text.strip() for text in texts if text.strip(f" \n{CODE}")]


def _line(text: str, at: int) -> str:
    """The line of a text around a place in it, from the last piece of code to the next."""
    start = max(text.rfind("\n", 0, at + 1), text.rfind(CODE, 0, at)) + 1
    ends = [end for end in (text.find("\n", at + 1), text.find(CODE, at + 1)) if end > 0]
    return text[start : min(ends, default=len(text))].strip()

"""Sections: a module is cut into named pieces, and every piece is on a page."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from literate.audit.site import Finding, Site
from literate.page import key

MARK = re.compile(r"\s*#\s*-+8<-+.*")
SECTION = re.compile(r"# -+8<-+ \[(start|end):([A-Za-z][\w-]*)\]")
SNIPPET = re.compile(  # of one line, or of several
    r"""^[ \t>]*-+8<-+(?:[ \t]+["']([^"'\n]*)["']|[ \t]*\n(?:.*\n)*?[ \t>]*-+8<-+[ \t]*)$""",
    re.MULTILINE,
)
NAMED = re.compile(r"[^:]+:[A-Za-z][\w-]*|[^:]+\.md")


@dataclass
class Section:
    """A named piece of a module: the line of its start, and the key of its code."""

    name: str
    start: int
    key: str


def check_sections(site: Site) -> Iterator[tuple[str, Finding]]:
    """Every line of a module that pages show is in one section, and every section is shown."""
    for path in site.modules:
        lines = path.read_text(encoding="utf-8").split("\n")
        name = path.relative_to(site.root).as_posix()
        if not any(map(MARK.fullmatch, lines)):
            if _has_page(path, site):
                yield name, Finding("a module with a page, but without sections")
            continue
        found, wrong = cut(lines)
        yield from ((f"{name}:{line}", finding) for line, finding in wrong)
        for section in [] if wrong else found:
            if section.key not in site.shown:
                finding = Finding("a section that no page shows", section.name)
                yield f"{name}:{section.start}", finding


def cut(lines: list[str]) -> tuple[list[Section], list[tuple[int, Finding]]]:
    """Cut a module into sections; say, by line, what is wrong with its markers."""
    found: list[Section] = []
    wrong: list[tuple[int, Finding]] = []
    opened, told = Section("", 0, ""), False
    for number, line in enumerate(lines, 1):
        mark = SECTION.fullmatch(line)
        if not mark:
            if MARK.fullmatch(line):
                what = "expected `# --8<-- [start:name]` or `[end:name]` at the start of a line"
                wrong.append((number, Finding(what, line)))
            elif not opened.name and line.strip() and not told:
                wrong.append((number, Finding("a line in no section", line)))
                told = True  # once for all lines up to the next section
            continue
        kind, name = mark.groups()
        if kind == "end" and name != opened.name:
            wrong.append((number, Finding("the end of a section that is not open", name)))
        elif kind == "end":
            code = textwrap.dedent("\n".join(lines[opened.start : number - 1]))
            found.append(Section(name, opened.start, key(code)))
        elif opened.name:
            wrong.append((opened.start, Finding("a section without its end", opened.name)))
        elif name in (section.name for section in found):
            wrong.append((number, Finding("a section that starts twice", name)))
        opened, told = Section(name if kind == "start" else "", number, ""), False
    if opened.name:
        wrong.append((opened.start, Finding("a section without its end", opened.name)))
    return found, wrong


def check_snippets(site: Site) -> Iterator[tuple[str, Finding]]:
    """A page shows code by the name of its section, and includes no file but another page."""
    for path in sorted((site.root / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        for snippet in SNIPPET.finditer(text):
            if not NAMED.fullmatch(snippet[1] or ""):
                number = text.count("\n", 0, snippet.start()) + 1
                place = f"{path.relative_to(site.root).as_posix()}:{number}"
                yield place, Finding("a snippet that is not a named section", snippet[0])


def _has_page(module: Path, site: Site) -> bool:
    """Whether a page shows a module: whether they have the same path, but for the package."""
    parts = module.relative_to(site.root / "src").parts
    place = Path(*parts[1:] or parts)
    return (site.root / "docs" / place.with_suffix(".md")).is_file()

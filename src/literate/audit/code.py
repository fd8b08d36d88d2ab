"""Blocks of code: no Python that no test ran, and nothing that does not say what it is."""

import ast
import doctest
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_by_name
from pygments.lexers.python import CythonLexer, Python2Lexer, PythonConsoleLexer, PythonLexer
from pygments.util import ClassNotFound

from literate.audit.site import Finding, Page, Site, blocks
from literate.audit.tree import Element
from literate.page import key

SOURCE, SIGNATURE = "mkdocstrings-source", "doc-signature"  # classes of the API reference
MARKER = re.compile(r"^.*-+8<-+.*$", re.MULTILINE)
PROMPT = re.compile(r"^[ ]*>>> ", re.MULTILINE)
FENCE = re.compile(r"^[ >]*(?:```|~~~).*$", re.MULTILINE)
LANGUAGE = re.compile(r"(?:language|lang|highlight-source)-([\w.+#-]+)")
SHELLS = {
    *("bash", "sh", "shell", "zsh", "ksh", "fish", "bat", "batch", "cmd", "dosbatch", "powershell"),
    *("shell-session", "bash-session", "sh-session", "doscon", "ps1con", "pwsh-session"),
}
NO_PROGRAM = {"", "text", "yaml", "json", "toml", "ini", "csv"}
# What makes a text a program: words, numbers and tables may be Python too, but have none of these.
TELLTALES = (
    *(ast.Call, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Lambda, ast.ListComp, ast.AugAssign),
)


@dataclass
class Block:
    """A `<pre>` element, where it is, what it shows and in which language."""

    pre: Element
    page: Page
    site: Site

    def __post_init__(self) -> None:
        self.shown, self.language = self.pre.text, language_of(self.pre)


def check_blocks(page: Page, site: Site) -> Iterator[Finding]:
    """Every block is code that ran, an output under it, commands, or marked as plain text."""
    for pre in blocks(page):
        block = Block(pre, page, site)
        checks = REFERENCE if pre.inside(SOURCE, SIGNATURE) else CHECKS
        yield from list(filter(None, (check(block) for check in checks)))[:1]
    for element in page.article:
        if element.tag == "code" and not element.depth("pre") and _has_lines(element):
            yield Finding("a fence that became inline code", element.text)
        if "mermaid" in element.classes:
            yield Finding("a mermaid diagram, which loads a script from elsewhere", element.text)


def _empty(block: Block) -> Finding | None:
    return None if block.shown.strip() else Finding("an empty block of code")


def _typed(block: Block) -> Finding | None:
    """Markdown left visible in a block; a snippet marker escaped on the page is meant."""
    marker, fence = MARKER.search(block.shown), FENCE.search(block.shown)
    if marker and f";{marker[0].strip()}" not in block.page.text:
        return Finding("a snippet marker left visible", marker[0])
    if fence and block.language not in ("markdown", "md"):
        return Finding("a fence left visible in a block, which is not closed", fence[0])
    return None


def _python(block: Block) -> Finding | None:
    """Python has run, and so has plain text that looks like it."""
    passed = block.site.passed
    if not shows_python(block) or passed is None or _keys(block.shown) <= passed:
        return None
    return Finding("Python that no test ran", block.shown)


def _reference(block: Block) -> Finding | None:
    """The API reference shows what is in `src`."""
    modules = tuple(block.site.modules)
    if block.pre.inside(SOURCE) and key(block.shown) not in sources(modules):
        return Finding("source that is not in src as it is shown", block.shown)
    if block.pre.inside(SIGNATURE) and not _is_signature(block.shown, heads(modules)):
        return Finding("a signature of nothing in src", block.shown)
    return None


def _output(block: Block) -> Finding | None:
    """What was printed stands right under the example that prints it."""
    follows = _follows_python(block)
    if block.language == "output" and not follows:
        return Finding("an output that does not follow its example", block.shown)
    passed = block.site.passed
    if block.language == "output" and passed is not None and key(block.shown) not in passed:
        return Finding("an output that no test compared", block.shown)
    if follows and block.language in NO_PROGRAM | {"pytb", "py3tb"}:
        return Finding("text right under an example, as if it were its output", block.shown)
    return None


def _follows_python(block: Block) -> bool:
    outer = next((e for e in block.pre.above() if "highlight" in e.classes), block.pre)
    before = outer.before()
    if isinstance(before, Element) and (before.tag == "pre" or "highlight" in before.classes):
        return any(is_python(language_of(e)) for e in before.walk() if e.tag == "pre")
    return False


def _language(block: Block) -> Finding | None:
    """A block says what it is.

    The site calls `text` whatever it does not know, so that what the author wrote is looked up
    in the page's source.
    """
    written, known = {block.language}, block.page.languages
    if block.language == "text" and not block.pre.inside("doc-contents") and known is not None:
        written = known.get(key(block.shown), {""})
    for name in sorted(written):
        if not name:
            return Finding("a block that does not say what it is", block.shown)
        if name.lower() in SHELLS:
            return Finding(f"commands marked `{name}`, expected `console`", block.shown)
        if _lexer(name) is None:
            return Finding(f"a block in `{name}`, a language that is not known", block.shown)
    return None


# The checks of a block; the first finding is told.
CHECKS = (_empty, _typed, _python, _output, _language)
REFERENCE = (_empty, _reference)


def _has_lines(inline: Element) -> bool:
    """Whether code in a sentence has several lines; a type in the API reference may."""
    broken = any(element.tag == "br" for element in inline.walk())
    return broken or ("\n" in inline.text.strip() and not inline.inside("doc-contents"))


def shows_python(block: Block) -> bool:
    """Whether a block is marked as Python, or as no other program and looks like Python."""
    if is_python(block.language):
        return True
    text = block.language in NO_PROGRAM or _lexer(block.language) is None
    prompts = (text or block.language == "console") and PROMPT.search(block.shown)
    return bool(prompts) or (text and _looks_like_python(block.shown))


def language_of(pre: Element) -> str:
    """The language that a block says it is in; empty if it does not say."""
    for element in [child for child in pre.walk() if child.tag == "code"] + list(pre.above()):
        if element.tag == "article":
            break
        for name in element.classes:
            if match := LANGUAGE.fullmatch(name):
                return match[1].lower()
    return ""


def is_python(language: str) -> bool:
    """Whether a block in this language is shown as Python."""
    family = (PythonLexer, Python2Lexer, PythonConsoleLexer, CythonLexer)
    lexer = _lexer(language)
    return bool(lexer and issubclass(lexer, family)) or language.startswith("ipython")


@lru_cache
def _lexer(language: str) -> type[Lexer] | None:
    try:
        return find_lexer_class_by_name(language) if language else None
    except ClassNotFound:
        return None


def _looks_like_python(shown: str) -> bool:
    """Whether plain text is a Python program that does something."""
    with warnings.catch_warnings(action="ignore"):
        try:
            nodes = list(ast.walk(ast.parse(textwrap.dedent(shown))))
        except (SyntaxError, ValueError):
            return False
    return any(isinstance(node, TELLTALES) for node in nodes)


def _keys(shown: str) -> set[str]:
    """The keys under which the tests remember code; with prompts, one an example."""
    if shown.lstrip().startswith(">>>"):
        try:
            examples = doctest.DocTestParser().get_examples(shown)
        except ValueError:
            return {key(shown)}
        return {key(example.source) for example in examples}
    return {key(shown)}


@lru_cache(maxsize=1)
def sources(modules: tuple[Path, ...]) -> set[str]:
    """The keys of all functions and classes of some modules, as the API reference shows them."""
    found = set()
    for path in modules:
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([node.lineno, *(above.lineno for above in node.decorator_list)])
                found.add(key(textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))))
    return found


Head = tuple[
    str, tuple[tuple[str, str], ...] | None
]  # arguments with defaults; an attribute has none


@lru_cache(maxsize=1)
def heads(modules: tuple[Path, ...]) -> set[Head]:
    """The heads of all functions, classes, methods and attributes of some modules."""
    found: set[Head] = set()
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in modules]
    classes = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # A property is shown as an attribute.
                found |= {(node.name, _arguments(node.args)), (node.name, None)}
            elif isinstance(node, ast.ClassDef):
                found.add((node.name, _fields(node)))
                found |= {(node.name, made) for made in _inherited(node, classes)}
                found |= {(node.name, _arguments(made.args)) for made in _makers(node)}
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add((node.id if isinstance(node, ast.Name) else node.attr, None))
    return found


def _makers(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]


def _arguments(of: ast.arguments) -> tuple[tuple[str, str], ...]:
    """Each argument's name and default, as the reference shows them: without `self`."""
    plain = [*of.posonlyargs, *of.args]
    defaults = [*[None] * (len(plain) - len(of.defaults)), *of.defaults, *of.kw_defaults]
    given = zip([*plain, *of.kwonlyargs], defaults, strict=True)
    named = [(arg.arg, ast.unparse(value) if value else "") for arg, value in given]
    stars = [(f"*{arg.arg}", "") for arg in (of.vararg, of.kwarg) if arg]
    return tuple(pair for pair in (*named, *stars) if pair[0] not in ("self", "cls"))


def _fields(node: ast.ClassDef) -> tuple[tuple[str, str], ...]:
    """The arguments that a dataclass makes of its fields; `field(...)` gives them no default."""
    fields = (
        n for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    )
    return tuple(
        (
            ast.unparse(n.target),
            ast.unparse(n.value)
            if isinstance(n.value, ast.expr) and not isinstance(n.value, ast.Call)
            else "",
        )
        for n in fields
    )


def _inherited(
    node: ast.ClassDef, classes: list[ast.ClassDef]
) -> list[tuple[tuple[str, str], ...]]:
    """The arguments of a dataclass that adds fields to those of a class that it is made from."""
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    parents = [parent for parent in classes if parent.name in bases and parent is not node]
    return [_fields(parent) + _fields(node) for parent in parents]


def _is_signature(shown: str, known: set[Head]) -> bool:
    """Whether a text is the head of a known function or class, or names a known attribute."""
    text = re.sub(r"^(?:\w+\.)+", "", shown.strip())
    for form in ("def {}: ...", "{}"):
        try:
            (node,) = ast.parse(form.format(text)).body
        except (SyntaxError, ValueError):
            continue
        if isinstance(node, ast.FunctionDef):
            return (node.name, _arguments(node.args)) in known
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        return all(isinstance(t, ast.Name) and (t.id, None) in known for t in targets)
    return False

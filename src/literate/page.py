"""Find the blocks of a page: exactly what reaches the HTML, with the true file and line of it.

A page goes through the Markdown extensions that mkdocs.yml configures.
Two of them are replaced by forms that remember: the snippet preprocessor where each line came
from, the fence preprocessor between which lines it found each fence.
"""

import hashlib
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self, SupportsIndex
from urllib.parse import unquote

import markdown
from mkdocs.config import Config
from mkdocs.config import config_options as options
from mkdocs.exceptions import ConfigurationError
from pymdownx.snippets import SnippetExtension, SnippetPreprocessor
from pymdownx.superfences import SuperFencesBlockPreprocessor

from literate.figures import is_figure
from literate.settings import read_mkdocs

PYTHON_NAMES = {"py", "py3", "python3", "pycon", "pycon3", "python-console", "pyi", "ipython"}
FENCE = re.compile(r"\s*(?:```|~~~)")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*\n", re.MULTILINE | re.DOTALL)


class PageError(ValueError):
    """A page, or a place on it, that cannot become a program; the message says why."""


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        try:
            return f"{self.path.relative_to(Path.cwd())}:{self.line}"
        except ValueError:
            return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Block:
    """A fence or a figure that reaches the HTML of a page.

    Attributes:
        kind: `listing`, `example`, `output`, `figure`, `console`, or `other`: shown, not run.
        language: The word after the opening fence; for a figure the name of its file.
        lines: The text of each line, and the place that it came from.
        place: The page's own line that shows the block.
        fence: The line of the opening fence: the page's, or that of an included page.
        indent: What stands before the opening fence.
        span: Its lines among `Page.lines`, fences included: the first, and the one after the last.
    """

    kind: str
    language: str
    lines: tuple[tuple[str, Place], ...]
    place: Place
    fence: Place
    indent: str = ""
    span: tuple[int, int] = (0, 0)

    @property
    def source(self) -> str:
        """The text, as the reader sees it and the copy button yields it."""
        return "".join(f"{text}\n" for text, _ in self.lines)

    @property
    def borrowed(self) -> bool:
        """Whether a figure lies in another folder, whose page draws it."""
        return self.kind == "figure" and "/" in self.language

    @property
    def runs(self) -> bool:
        """Whether the block is part of the page's program."""
        return self.kind in ("listing", "example")


@dataclass(frozen=True)
class Page:
    """A page and its blocks, in order.

    Attributes:
        path: Its Markdown file.
        blocks: Its fences and figures; a figure has no span.
        lines: Its text, with snippets in place and without front matter.
    """

    path: Path
    blocks: tuple[Block, ...]
    lines: tuple[str, ...] = ()

    def parent(self, block: Block) -> Block:
        """The example that an output belongs to: the block right before it."""
        before = self.blocks[: self.blocks.index(block)]
        if not before or not before[-1].runs:
            raise PageError("expected the example that prints this right above it")
        if before[-1].fence.path == block.fence.path:
            text = block.fence.path.read_text(encoding="utf-8").split("\n")
            inside = len(before[-1].lines) if before[-1].kind == "example" else 1
            between = text[before[-1].fence.line + inside : block.fence.line - 1]
            if any(line.strip(" \t>`~") for line in between):
                raise PageError("expected nothing between this output and its example")
        return before[-1]


def key(code: str) -> str:
    """A name for a piece of code that does not depend on the white space around its lines."""
    lines = [line.rstrip() for line in code.strip("\n").split("\n")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def read(path: Path, config: Path | None = None) -> Page:
    """Find the blocks of a page.

    Args:
        path: A Markdown file.
        config: The mkdocs.yml whose extensions render it; by default the nearest above the page.

    Raises:
        PageError: If the page cannot be read, a snippet is missing, or Python hides from the tests.
    """
    path = path.resolve()
    config = config or nearest_config(path)
    files, known = _known.get((path, config), ({}, None))
    if known is not None and files == _contents(files):
        return known
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PageError(f"{path}: expected a Markdown file in UTF-8: {error}") from error
    front = FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    renderer = _renderer(config, config.stat().st_mtime)
    blocks = tuple(_blocks(path, text, body, renderer))
    page = Page(path, blocks, tuple(renderer.snippets.expanded))
    included = (place.path for place in renderer.snippets.places)
    _known[path, config] = _contents({path, config, *included}), page
    return page


# Rendering takes a tenth of a second, and a build asks for each page several times.
_known: dict[tuple[Path, Path], tuple[dict[Path, bytes], Page]] = {}


def _contents(files: Iterable[Path]) -> dict[Path, bytes]:
    """What is in some files, each as a digest."""
    return {
        file: hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest()
        for file in files
    }


def nearest_config(path: Path) -> Path:
    """The mkdocs.yml in the folder of the page or the nearest above."""
    for folder in path.resolve().parents:
        if (folder / "mkdocs.yml").is_file():
            return folder / "mkdocs.yml"
    raise PageError(f"expected a mkdocs.yml in a folder above {path}, found none")


class _Line(str):
    """A line that remembers where it came from through what the snippet preprocessor does to it."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, text: str, place: Place) -> Self:
        line = super().__new__(cls, text)
        line.place = place
        return line

    def __radd__(self, before: str) -> "_Line":
        return _Line(str.__add__(before, self), self.place)

    def replace(self, old: str, new: str, count: SupportsIndex = -1) -> "_Line":
        return _Line(str.replace(self, old, new, count), self.place)


class _Snippets(SnippetPreprocessor):
    """Expands snippets as the site does, and keeps every line and its place."""

    page: Path
    skipped: int  # lines of front matter, which do not reach Markdown

    def __init__(self, md: markdown.Markdown) -> None:
        configs = (
            e.getConfigs() for e in md.registeredExtensions if isinstance(e, SnippetExtension)
        )
        super().__init__(next(configs), md)
        self.places: list[Place] = []
        self.expanded: list[str] = []

    def read_lines(self, path: str) -> list[str]:
        lines = super().read_lines(path)
        return [_Line(line, Place(Path(path), n)) for n, line in enumerate(lines, 1)]

    def dedent(self, lines: list[str]) -> list[str]:
        dedented = textwrap.dedent("\n".join(lines)).split("\n")
        return [
            _Line(new, old.place)
            for new, old in zip(dedented, lines, strict=True)
            if isinstance(old, _Line)
        ]

    def run(self, lines: list[str]) -> list[str]:
        first = self.skipped + 1
        tagged: list[str] = [
            _Line(line, Place(self.page, n)) for n, line in enumerate(lines, first)
        ]
        self.places, last = [], Place(self.page, 0)
        expanded = super().run(tagged)
        for line in expanded:  # an escaped section marker is rebuilt as a plain string
            last = line.place if isinstance(line, _Line) else Place(last.path, last.line + 1)
            self.places.append(last)
        self.expanded = [str(line) for line in expanded]
        return self.expanded


@dataclass
class _Fence:
    language: str
    lines: list[str]
    start: int  # of the opening fence, among the lines after snippets
    end: int  # the line after the closing fence
    indent: str


class _Fences(SuperFencesBlockPreprocessor):
    """Recognizes fences as the site does; leaves a numbered mark for each in the HTML."""

    formatter: Any

    def __init__(self, original: SuperFencesBlockPreprocessor) -> None:
        super().__init__(original.md)
        self.config, self.extension = original.config, original.extension
        self.found: list[_Fence] = []

    def process_nested_block(self, ws: str, content: str, start: int, end: int) -> None:
        if self.formatter is not None:
            self.formatter = partial(self._record, start, end)
        super().process_nested_block(ws, content, start, end)

    def _record(self, start: int, end: int, *, src: str, language: str | None, **_: object) -> str:
        self.found.append(
            _Fence(language or "", src.split("\n") if src else [], start, end, self.ws or "")
        )
        return f'<pre data-fence="{len(self.found) - 1}"></pre>'


class _Marks(HTMLParser):
    """The marks of fences, and the figures, in the order of the HTML; not those inside comments.

    A fence that is not closed, or has options that the site does not know, stays text or becomes
    inline code of several lines; `broken` is the first line of the first of these.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.order: list[int | str] = []
        self.broken = ""
        self.inside: list[str] = []  # open `pre` and `code` elements
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        if "pre" in self.inside or self.broken:
            return
        opening = next((line for line in data.splitlines() if FENCE.match(line)), "")
        several = data.strip() if "code" in self.inside and "\n" in data.strip() else ""
        self.broken = opening or several.partition("\n")[0]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        source = given.get("src") or ""
        if tag in ("pre", "code"):
            self.inside.append(tag)
        if tag == "pre" and given.get("data-fence"):
            self.order.append(int(given["data-fence"] or 0))
        elif tag == "img" and is_figure(source):
            self.order.append(unquote(source).removeprefix("./"))


class _Settings(Config):  # type: ignore[no-untyped-call] # MkDocs registers it untyped
    """The part of mkdocs.yml that says what Markdown is; the rest is the build's to check."""

    mdx_configs = options.Private[dict[str, dict[str, Any]]]()
    markdown_extensions = options.MarkdownExtensions(
        builtins=["toc", "tables", "fenced_code"], configkey="mdx_configs"
    )


class _Renderer:
    """The site's Markdown, with the two preprocessors that remember in their places."""

    def __init__(self, config: Path) -> None:
        settings = _Settings(config_file_path=str(config))
        try:
            settings.load_dict(read_mkdocs(config))
        except ConfigurationError as error:
            raise PageError(f"{config}: {error}") from error
        for option, wrong in settings.validate()[0]:
            raise PageError(f"{config}: {option}: {wrong}")
        # A builder takes these folders from where it is started; here that is beside its settings.
        snippets = settings.mdx_configs.setdefault("pymdownx.snippets", {})
        folders = snippets.get("base_path", ["."])
        snippets["base_path"] = [str(config.parent / folder) for folder in folders]
        # Our own extensions only finish the HTML: without them a figure is still an image.
        names = [name for name in settings.markdown_extensions if not name.startswith("literate.")]
        self.md = markdown.Markdown(extensions=names, extension_configs=settings.mdx_configs)
        if not all(name in self.md.preprocessors for name in ("snippet", "fenced_code_block")):
            raise PageError(f"{config}: expected the extensions pymdownx.snippets and .superfences")
        self.snippets = _Snippets(self.md)
        self.fences = _Fences(self.md.preprocessors["fenced_code_block"])
        self.md.preprocessors.register(self.snippets, "snippet", 32)
        self.md.preprocessors.register(self.fences, "fenced_code_block", 25)

    def render(self, path: Path, body: str, skipped: int) -> str:
        """Render a page's text, whose first lines (the front matter) were skipped."""
        self.md.reset()
        self.snippets.page, self.snippets.skipped, self.fences.found = path, skipped, []
        return self.md.convert(body)


@lru_cache(maxsize=1)
def _renderer(config: Path, _modified: float) -> _Renderer:
    return _Renderer(config)


def _blocks(path: Path, text: str, body: str, renderer: _Renderer) -> Iterator[Block]:
    try:
        html = renderer.render(path, body, text[: len(text) - len(body)].count("\n"))
    except Exception as error:  # whatever an extension raises, the page fails and the run goes on
        raise PageError(f"{path}: {type(error).__name__}: {error}") from error
    places = renderer.snippets.places
    shown = _own_lines(places, path)
    marks = _Marks(html)
    if marks.broken:
        line = 1 + text[: max(text.find(marks.broken), 0)].count("\n")
        raise PageError(
            f"{Place(path, line)}: expected fences that are closed and have no options but the "
            f"site's, got {marks.broken!r}"
        )
    for mark in marks.order:
        if isinstance(mark, str):
            yield _figure(mark, path, text)
            continue
        fence = renderer.fences.found[mark]
        origins = places[fence.start + 1 : fence.start + 1 + len(fence.lines)]
        lines = tuple(zip(fence.lines, origins, strict=True))
        place, opening = shown[fence.start], places[fence.start]
        kind, span = _kind(fence, lines, opening), (fence.start, fence.end)
        yield Block(kind, fence.language, lines, place, opening, fence.indent, span)


def _own_lines(places: list[Place], path: Path) -> list[Place]:
    """For each line the page's own line that shows it: for an included one, that of its snippet."""
    own, last = [], 0
    for place in places:
        if place.path == path:
            last = place.line
            own.append(place)
        else:
            own.append(Place(path, last + 1))
    return own


def _kind(fence: _Fence, lines: tuple[tuple[str, Place], ...], opening: Place) -> str:
    if (
        fence.language.lower() in PYTHON_NAMES
        or fence.language.lower() == "python" != fence.language
    ):
        raise PageError(f"{opening}: expected a fence marked `python`, got `{fence.language}`")
    if fence.language != "python":
        name = fence.language.lower()
        if name in ("output", "console") and name != fence.language:
            raise PageError(f"{opening}: expected a fence marked `{name}`, got `{fence.language}`")
        return name if name in ("output", "console") else "other"
    if not any(text.strip() for text, _ in lines):
        raise PageError(f"{opening}: expected code, got an empty fence")
    included = {place.path for text, place in lines if text.strip()} - {opening.path}
    if included and len({place.path for text, place in lines if text.strip()}) > 1:
        raise PageError(f"{opening}: expected a snippet or code, got a fence with both")
    return "listing" if included else "example"


def _figure(source: str, path: Path, text: str) -> Block:
    number = 1 + text[: max(text.find(f"({source}"), 0)].count("\n")
    return Block("figure", source, (), Place(path, number), Place(path, number))

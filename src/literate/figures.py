"""Show the figures of a page inside it, so that they take its colours, its font and its words.

A Markdown extension. In the text a figure is a plain image of an SVG beside the page; while the
site is built, as the last step of a page, the image is replaced by the drawing itself.
"""

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor

# A comment, which is left alone, or an image with whatever its quotes hold.
IMAGE = re.compile(r"""<!--.*?-->|<img\b(?:[^>"']|"[^"]*"|'[^']*')*>""", re.DOTALL)


def is_figure(source: str) -> bool:
    """Say whether an image's address names a figure: an SVG of our own that is not an asset."""
    path = PurePosixPath(urlsplit(source).path)
    ours = not re.match(r"[a-z]+:|/", source) and "assets" not in path.parts
    return ours and path.suffix.lower() == ".svg"


def inline(drawing: str, name: str, words: str, copy: int = 1) -> str:
    """Make a committed figure part of a page.

    Args:
        drawing: The figure, as `literate.svg.clean` wrote it.
        name: Its name, with which its ids begin.
        words: What the page says of it in one line: its title from now on.
        copy: How often the page has shown it, this time included; it tells the ids apart.

    Raises:
        ValueError: If there are no words, or the drawing is not in the committed form.
    """
    if not words.strip():
        raise ValueError(f"expected words that say what {name}.svg is, as in ![words]({name}.svg)")
    if not drawing.startswith("<svg ") or f'aria-labelledby="fig-{name}-title ' not in drawing:
        raise ValueError(f"expected {name}.svg in the committed form, which the update writes")
    # The page has its own values for the colours, and its search needs no numbers from a figure.
    text = re.sub(r"<style>.*?</style>\n", "", drawing, count=1, flags=re.DOTALL)
    text = text.replace("<svg ", '<svg data-search-exclude="" ', 1)
    before, _, rest = text.partition(f'<title id="fig-{name}-title">')
    after = rest.partition("</title>")[2]
    text = f'{before}<title id="fig-{name}-title">{escape(words, quote=False)}</title>{after}'
    if copy > 1:
        text = re.sub(rf'(["# ])fig-{name}-', rf"\g<1>fig-{name}-copy{copy}-", text)
    return text.strip()


class _Image(HTMLParser):
    """The address of an image, and the words that stand for it."""

    source = words = ""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.feed(tag)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.source, self.words = unquote(given.get("src") or ""), given.get("alt") or ""


class FigureProcessor(Postprocessor):
    """Replaces the images of figures in the HTML of a page."""

    def __init__(self, md: Markdown, docs: Path) -> None:
        """Remember the folder that holds the figures."""
        super().__init__(md)
        self.docs = docs

    def run(self, text: str) -> str:
        """Put each figure in the place of its image.

        Args:
            text: The HTML of a page, complete.

        Raises:
            ValueError: If a figure is missing, its name is not unique, or it has no words.
        """
        shown: list[Path] = []
        figures: list[Path] = []  # found anew for each page: while a site is served, they change

        def replace(match: re.Match[str]) -> str:
            image = _Image(match[0])
            if not is_figure(image.source):
                return match[0]
            if not figures:
                figures.extend(self.docs.rglob("*.svg"))
            shown.append(path := self.find(PurePosixPath(image.source).name, figures))
            drawing = path.read_text(encoding="utf-8")
            return inline(drawing, path.stem, image.words, shown.count(path))

        return IMAGE.sub(replace, text)

    def find(self, name: str, figures: list[Path]) -> Path:
        """Find a figure by its name: a page's HTML does not say in which folder it is.

        Args:
            name: The name of its file.
            figures: The files to choose from; assets among them do not count.

        Raises:
            ValueError: If there is none, or more than one.
        """
        named = sorted(path for path in figures if path.name == name)
        found = [path for path in named if is_figure(path.relative_to(self.docs).as_posix())]
        if len(found) != 1:
            where = ", ".join(str(path) for path in found) or "none"
            raise ValueError(f"expected one {name} below {self.docs}, found {where}")
        return found[0]


class FigureExtension(Extension):
    """Registers the processor after all others: raw HTML and MkDocs' addresses are in place."""

    def __init__(self, **options: object) -> None:
        """Take the option `docs`."""
        self.config = {"docs": ["docs", "The folder whose pages and figures are built."]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Add the processor to a Markdown instance."""
        md.postprocessors.register(
            FigureProcessor(md, Path(self.getConfig("docs"))), "figures", -10
        )


def makeExtension(**options: object) -> FigureExtension:  # noqa: N802 - Markdown's name
    """Make the extension; Markdown calls this by name."""
    return FigureExtension(**options)

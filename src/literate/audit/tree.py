"""An HTML file as a tree of elements: parsed once, walked by every check."""

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
    *("track", "wbr"),
}
CLOSE_THEMSELVES = {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "option", "col"}


class Element:
    """An element: its name, its attributes, what is in it and what it is in."""

    __slots__ = ("attributes", "children", "parent", "tag")

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element | str] = []

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes["class"].split() if "class" in self.attributes else []

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def above(self) -> Iterator["Element"]:
        """Itself and what it is in, from the inside out."""
        element: Element | None = self
        while element:
            yield element
            element = element.parent

    def walk(self) -> Iterator["Element"]:
        """Itself and all that is in it, in the order of the file."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += [child for child in reversed(element.children) if isinstance(child, Element)]

    def inside(self, *classes: str) -> bool:
        """Whether it, or something that it is in, has one of the classes."""
        return any(name in element.classes for element in self.above() for name in classes)

    def depth(self, tag: str) -> int:
        """In how many elements of a name it is, itself included."""
        return sum(element.tag == tag for element in self.above())

    def before(self) -> "Element | str | None":
        """What stands before it in its parent, white space left aside."""
        siblings = self.parent.children if self.parent else []
        for child in reversed(siblings[: next(i for i, s in enumerate(siblings) if s is self)]):
            if not isinstance(child, str) or child.strip():
                return child
        return None


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.open = Element("", {}, None)
        self.unbalanced: list[Element] = []

    def updatepos(self, i: int, j: int) -> int:  # noqa: ARG002 - counts lines, which nobody asks for
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.tag == tag and self.open.parent:
            self.open = self.open.parent
            return
        line = list(self.open.above())
        end = next((element for element in line if element.tag == tag), None)
        if end is None or end.parent is None:
            self.unbalanced.append(Element(f"/{tag}", {}, self.open))
            return
        left = line[: line.index(end)]
        self.unbalanced += [element for element in left if element.tag not in CLOSE_THEMSELVES]
        self.open = end.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)


def parse(html: str) -> tuple[Element, list[Element]]:
    """Parse an HTML file.

    Returns:
        The root of its tree, and the elements that are not closed; a tag that closes nothing
        is among these with the name `/tag`.
    """
    builder = _Builder()
    builder.feed(html)
    builder.close()
    left = [e for e in builder.open.above() if e.parent and e.tag not in CLOSE_THEMSELVES]
    return builder.root, builder.unbalanced + left

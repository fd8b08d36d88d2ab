"""Bring a drawn SVG into the form that is committed, and compare two of them.

The committed form depends on nothing but what is seen: no date, no version, no hashes, no fonts.
Its colours are CSS variables, so that one drawing serves the light and the dark theme of a page;
a small style sheet gives them values where the file is shown by itself, as on a code host.
"""

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

# The colours a program draws with, and the CSS variables, `--fig-...`, that they become.
COLOURS = {
    "#24292f": "foreground",
    "#656d77": "muted",
    "#d0d7df": "grid",
    "#0072b2": "blue",
    "#d55e00": "orange",
    "#009e73": "green",
    "#cc79a7": "purple",
    "#56b4e9": "positive",
    "#e69f00": "negative",
    "#fdfdfd": "background",
}
# Their values in the light and in the dark theme, the same as in the site's style sheet.
PALETTE = {
    "foreground": ("#1c2430", "#e4e8ef"),
    "muted": ("#566173", "#a9b3c1"),
    "grid": ("#d5dbe2", "#39414f"),
    "blue": ("#0a5296", "#6cc3fa"),
    "orange": ("#bf5600", "#f5a742"),
    "green": ("#1d864b", "#1fa968"),
    "purple": ("#a05aae", "#c476d2"),
    "positive": ("#4a96d6", "#1a6aa8"),
    "negative": ("#d67f27", "#9d5410"),
    "background": ("#ffffff", "#12161d"),
}
LENGTH_TOLERANCE = 0.02  # pixels
OPACITY_TOLERANCE = 0.0015
FEW = 3  # so many neighbours need no group
SHOWN = 8  # how many differences are told one by one

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
CONTAINERS = {"g", "defs", "clipPath", "pattern"}
SHAPES = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use"}
TEXTS = {"text", "tspan"}
OPACITIES = {"opacity", "fill-opacity", "stroke-opacity"}
LENGTHS = {
    *("x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "cx", "cy", "r", "rx", "ry", "width", "height"),
    *("font-size", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-miterlimit"),
    *("points", "transform", "viewBox"),
}
WORDS = {
    *("id", "fill-rule", "clip-rule", "clip-path", "stroke-linecap", "stroke-linejoin"),
    *("paint-order", "font-style", "font-weight", "text-anchor", "patternUnits"),
}
SHARED = {
    *("fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "clip-path"),
    *("font-size", "font-style", "font-weight", "text-anchor"),
}
UNSEEN = {"font-family", "font-variant", "font-stretch", "class", "version"}
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
REFERENCE = re.compile(r"url\(#([^)]+)\)")


def clean(text: str, name: str, colours: Mapping[str, str] = COLOURS) -> str:
    """Bring an SVG, as matplotlib writes it, into the committed form.

    Cleaning a clean figure changes nothing.

    Args:
        text: The SVG; its title and description are in it, or in its metadata.
        name: The figure's name, in lower case with underscores; it begins every id.
        colours: The literal colours it may use, and the CSS variable that each becomes.

    Raises:
        ValueError: If it is not SVG, has no title or description, or holds what a page
            cannot show in both themes: another colour, an image, a script, a link.
    """
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"expected a name in lower case with underscores, got {name!r}")
    root = _parse(text)
    titles = [
        " ".join(text.split())
        for text in (_said(root, "title"), _said(root, "desc", "description"))
    ]
    if not all(titles):
        raise ValueError(f"expected a title and a description in {name}.svg, got {titles}")
    size = _rounded("viewBox", root.get("viewBox", ""))
    if len(size.split()) != 4:
        raise ValueError(f"expected a viewBox of four numbers in {name}.svg, got {size!r}")
    drawing = ET.Element("svg")
    drawing[:] = list(_cleaned(root, colours, painted=False, defined=False))
    _pruned(drawing, set(_references(drawing)))
    _number(drawing, f"fig-{name}")
    _share(drawing)
    width, height = (_text(float(length) * 4 / 3, 1) for length in size.split()[2:])
    figure = f'class="figure" role="img" aria-labelledby="fig-{name}-title fig-{name}-desc"'
    shape = f'viewBox="{size}" width="{width}" height="{height}" stroke-linejoin="round"'
    lines = [
        f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" {figure} {shape}>',
        f'<title id="fig-{name}-title">{escape(titles[0], quote=False)}</title>',
        f'<desc id="fig-{name}-desc">{escape(titles[1], quote=False)}</desc>',
        _style(),
        *(line for element in drawing for line in _written(element)),
        "</svg>\n",
    ]
    return "\n".join(lines)


def compare(committed: str, drawn: str) -> list[str]:
    """Tell how a drawing differs from the committed one; nothing if a reader would not see it.

    Lengths may differ by 0.02 pixels and opacities by 0.0015; all else, text too, is the same.

    Args:
        committed: A figure as `clean` wrote it.
        drawn: The same figure, drawn again and cleaned.

    Returns:
        Sentences, the first few differences one by one.
    """
    old, new = list(_flat(_parse(committed))), list(_flat(_parse(drawn)))
    if [part.kind for part in old] != [part.kind for part in new]:
        found = _moved(old, new)
    else:
        found = [
            line for before, now in zip(old, new, strict=True) for line in _changes(before, now)
        ]
    found.sort(key=lambda line: not line.startswith(("<t", "<desc")))  # words say it best
    if len(found) > SHOWN:
        found[SHOWN:] = [f"and {len(found) - SHOWN} more differences"]
    return found


def _parse(text: str) -> ET.Element:
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(f"expected SVG, got what is not XML: {error}") from None
    if _local(root.tag) != "svg":
        raise ValueError(f"expected SVG, got <{_local(root.tag)}>")
    return root


def _local(name: str) -> str:
    """A tag's or an attribute's name without its namespace."""
    return name.rpartition("}")[2]


def _said(root: ET.Element, *tags: str) -> str:
    """The text of the first element so called: SVG's own, or its metadata's."""
    return next((e.text for e in root.iter() if _local(e.tag) in tags and e.text), "")


def _style() -> str:
    """Values for the variables where no page gives any; removed where one does."""
    light, dark = (
        "".join(f"--fig-{name}:{values[theme]};" for name, values in PALETTE.items())
        for theme in (0, 1)
    )
    return (
        f"<style>\n:root{{font-family:Inter,sans-serif;{light}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n</style>"
    )


def _cleaned(
    elements: Iterable[ET.Element],
    colours: Mapping[str, str],
    *,
    painted: bool,
    defined: bool,
) -> Iterator[ET.Element]:
    """Yield what is seen of some elements.

    Args:
        elements: Siblings.
        colours: As for `clean`.
        painted: Whether an element around them says what fills them.
        defined: Whether they are only defined here, and used elsewhere.
    """
    for element in elements:
        tag = _local(element.tag)
        if tag in {"title", "desc", "metadata", "style"}:
            continue
        if tag not in CONTAINERS | SHAPES | TEXTS:
            raise ValueError(f"expected shapes and text, which follow the theme, got <{tag}>")
        new = ET.Element(tag, _attributes(element, colours))
        filled = painted or "fill" in new.attrib
        inside = defined or tag in {"defs", "clipPath", "pattern"}
        if tag in SHAPES | TEXTS and not (filled or inside):
            raise ValueError(
                f"expected one of the figure colours, got black, SVG's own, in a <{tag}>"
            )
        if (
            tag in SHAPES
            and tag != "use"
            and new.get("fill") == "none"
            and "stroke" not in new.attrib
        ):
            continue  # matplotlib's background, which nobody sees
        if tag in TEXTS:
            new.text = element.text if element.text and element.text.strip() else None
        new[:] = list(_cleaned(element, colours, painted=filled, defined=inside))
        if tag == "g" and any(len(text) for text in new.iterfind("text")):
            _set_maths(new)
        yield new


def _attributes(element: ET.Element, colours: Mapping[str, str]) -> dict[str, str]:
    """The attributes that are seen, those of its `style` among them, rounded, in CSS variables."""
    given = {_local(name): value for name, value in element.items()}
    for declaration in filter(str.strip, given.pop("style", "").split(";")):
        name, _, value = declaration.partition(":")
        given[name.strip()] = value.strip()
    if re.fullmatch(r"rotate\(-?0( \S+ \S+)?\)", given.get("transform", "")):
        del given["transform"]
    return {
        "xlink:href" if name == "href" else name: _value(name, value, colours)
        for name, value in given.items()
        if name not in UNSEEN
    }


def _value(name: str, value: str, colours: Mapping[str, str]) -> str:
    if name in {"fill", "stroke"}:
        return _variable(value, colours)
    if name == "d":
        return _path(value)
    if name in LENGTHS | OPACITIES:
        return _rounded(name, value)
    if name in WORDS or (name == "href" and value.startswith("#")):
        return value
    raise ValueError(f"expected an attribute that a figure can have, got {name}={value[:60]!r}")


def _variable(value: str, colours: Mapping[str, str]) -> str:
    if value in {"none", "currentColor"} or value.startswith(("url(#", "var(--fig-")):
        return value
    if value.lower() not in colours:
        known = ", ".join(colours)
        raise ValueError(f"expected one of the figure colours ({known}), got {value!r}")
    return f"var(--fig-{colours[value.lower()]})"


def _text(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _rounded(name: str, value: str) -> str:
    decimals = 3 if name in OPACITIES else 2
    text = NUMBER.sub(lambda match: _text(float(match.group()), decimals), value)
    return text.removesuffix("px")


def _path(value: str) -> str:
    """Round a path; write an upright rectangle, such as each cell of a heat map, short."""
    parts = [
        (letter, [float(number) for number in NUMBER.findall(numbers)])
        for letter, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", value)
    ]
    if "".join(letter for letter, _ in parts) in {"MLLLz", "MLLLLz"}:
        (x, y), second, (right, bottom), fourth, *last = (at for _, at in parts)
        others = sorted([second, fourth]) == sorted([[x, bottom], [right, y]])
        if others and last in ([[]], [[x, y], []]):
            across, down = _text(right - x, 2), _text(bottom - y, 2)
            return f"M{_text(x, 2)} {_text(y, 2)}h{across}v{down}h{_text(x - right, 2)}z"
    return "".join(letter + " ".join(_text(number, 2) for number in at) for letter, at in parts)


def _set_maths(group: ET.Element) -> None:
    """Join the letters that matplotlib sets one by one, as far as they stand in one style.

    A formula in one line then flows, in whatever font the page has.
    One with a fraction, or with letters above each other, keeps the places that were measured.
    """
    for text in group:
        letters = sorted(text, key=lambda letter: float(letter.get("x", "0")))
        starts = [float(letter.get("x", "0")) for letter in letters]
        apart = all(after - before > 1 for before, after in itertools.pairwise(starts))
        flows = apart and all(part.tag == "text" for part in group)
        text[:] = letters[:1]
        for letter in letters[1:]:
            last = text[-1]
            if _without_x(letter) == _without_x(last):
                last.text = (last.text or " ") + (letter.text or " ")
            else:
                text.append(letter)
        for last, letter in reversed(list(itertools.pairwise(text))) if flows else ():
            rise = float(letter.attrib.pop("y", "0")) - float(last.get("y", "0"))
            letter.attrib.pop("x", None)
            if rise:
                letter.set("dy", _text(rise, 2))


def _without_x(letter: ET.Element) -> dict[str, str]:
    return {name: value for name, value in letter.items() if name != "x"}


def _pruned(element: ET.Element, wanted: set[str]) -> list[ET.Element]:
    """What is left of an element without ids, definitions and groups that nothing needs."""
    if element.get("id") not in wanted:
        element.attrib.pop("id", None)
    children = [part for child in element for part in _pruned(child, wanted)]
    if element.tag == "defs":
        children = [child for child in children if "id" in child.attrib]
    if element.tag == "g" and not element.attrib:
        return children
    element[:] = children
    return [element] if children or element.tag not in {"g", "defs"} else []


def _references(drawing: ET.Element) -> Iterator[str]:
    for element in drawing.iter():
        for name, value in element.items():
            if name == "xlink:href":
                yield value.removeprefix("#")
            else:
                yield from REFERENCE.findall(value)


def _number(drawing: ET.Element, prefix: str) -> None:
    """Number the ids in the order of their first use."""
    new: dict[str, str] = {}
    for reference in _references(drawing):
        new.setdefault(reference, f"{prefix}-{len(new) + 1}")
    defined = {element.get("id") for element in drawing.iter()}
    if missing := sorted(new.keys() - defined):
        raise ValueError(
            f"expected every reference to be defined, got {missing[0]!r}, which is not"
        )
    for element in drawing.iter():
        for name, value in element.items():
            if name == "id":
                element.set(name, new[value])
            elif name == "xlink:href":
                element.set(name, "#" + new[value.removeprefix("#")])
            else:
                element.set(name, REFERENCE.sub(lambda match: f"url(#{new[match[1]]})", value))


def _share(element: ET.Element) -> None:
    """Say once, on a group, what several neighbours have in common."""
    for child in element:
        if child.tag in {"g", "defs"}:
            _share(child)
    parts: list[ET.Element] = []
    for (tag, common), found in itertools.groupby(list(element), _common):
        run = list(found)
        if len(run) > FEW and common and tag in SHAPES | TEXTS:
            group = ET.Element("g", dict(common))
            for child in run:
                for name, _ in common:
                    del child.attrib[name]
            group[:] = run
            run = [group]
        parts += run
    element[:] = parts


def _common(element: ET.Element) -> tuple[str, tuple[tuple[str, str], ...]]:
    shared = SHARED - {"clip-path"} if "transform" in element.attrib else SHARED
    return element.tag, tuple(item for item in element.items() if item[0] in shared)


def _written(element: ET.Element) -> Iterator[str]:
    """One line an element; a text with its parts on one line, since white space counts there."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.items())
    text = escape(element.text or "", quote=False)
    if element.tag in TEXTS:
        parts = "".join(line for part in element for line in _written(part))
        yield f"<{element.tag}{attributes}>{text}{parts}</{element.tag}>"
    elif len(element):
        yield f"<{element.tag}{attributes}>"
        for child in element:
            yield from _written(child)
        yield f"</{element.tag}>"
    else:
        yield f"<{element.tag}{attributes}/>"


@dataclass(frozen=True)
class _Part:
    """An element of a figure: what it is, and what may change about it."""

    kind: tuple[int, str]
    attributes: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"<{self.kind[1]}>" + (f" {self.text!r}" if self.text else "")


def _flat(element: ET.Element, depth: int = 0) -> Iterator[_Part]:
    """An element and what is in it, told as if nothing were said once for several."""
    attributes = {_local(name): value for name, value in element.items()}
    shared = attributes if _local(element.tag) == "g" and attributes.keys() <= SHARED else {}
    if not shared:
        opaque = dict.fromkeys(OPACITIES, "1")  # which an opacity of almost 1 leaves out
        text = element.text or ""
        said = text if text.strip() else ""
        yield _Part((depth, _local(element.tag)), opaque | attributes, said)
    for child in element:
        child.attrib.update(shared)
        yield from _flat(child, depth + (not shared))


def _moved(old: list[_Part], new: list[_Part]) -> list[str]:
    """Tell what was added and what removed."""
    before, now = [[(part.kind, part.text) for part in parts] for parts in (old, new)]
    found = []
    for what, i1, i2, j1, j2 in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if what != "equal":
            found += [f"{part} is no longer drawn" for part in old[i1:i2]]
            found += [f"{part} is drawn, but not committed" for part in new[j1:j2]]
    return found


def _changes(before: _Part, now: _Part) -> Iterator[str]:
    """Tell how one element changed."""
    if before.text != now.text:
        yield f"{now} is drawn, committed is {before.text!r}"
    for name in sorted(before.attributes.keys() | now.attributes.keys()):
        old, new = before.attributes.get(name, ""), now.attributes.get(name, "")
        if not _alike(name, old, new):
            yield f"{before} is drawn with {name} {_cut(new)}, committed is {_cut(old)}"


def _cut(value: str) -> str:
    return repr(value if len(value) < 60 else value[:57] + "...")


def _alike(name: str, old: str, new: str) -> bool:
    """Whether two values of an attribute look the same."""
    if old == new or not (name == "d" or name in LENGTHS | OPACITIES):
        return old == new
    tolerance = OPACITY_TOLERANCE if name in OPACITIES else LENGTH_TOLERANCE
    numbers = [[float(number) for number in NUMBER.findall(value)] for value in (old, new)]
    return NUMBER.sub("#", old) == NUMBER.sub("#", new) and all(
        abs(a - b) <= tolerance for a, b in zip(*numbers, strict=True)
    )

"""Diagrams of boxes and arrows, in the colours of `plot`.

Places and sizes are in points, from the lower left corner; 360 points fill the width of a phone.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from glassformer.plot import BLUE, FOREGROUND, GREEN, GRID, MUTED, ORANGE, PURPLE

Points = int | float  # a checker of annotations at run time does not take an int for a float


def canvas(width: Points, height: Points) -> tuple[Figure, Axes]:
    """Make an empty figure, to be drawn on in points."""
    if not (width > 0 and height > 0):
        raise ValueError(f"expected a positive width and height, got {width} and {height}")
    figure = plt.figure(figsize=(width / 72, height / 72), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return figure, ax


def write(
    ax: Axes,
    x: Points,
    y: Points,
    text: str,
    *,
    size: Points = 10.5,
    colour: str = FOREGROUND,
    align: str = "center",
    weight: str = "normal",
) -> None:
    """Write one line of text.

    Args:
        ax: Where to draw.
        x: Its middle, or its left or right end, as `align` says.
        y: Half the height of its small letters.
        text: The line.
        size: In points.
        colour: One of the figure colours.
        align: `center`, `left` or `right`.
        weight: `normal` or `bold`.
    """
    # The base line, where SVG puts text, is a quarter of the size below.
    ax.text(x, y - 0.27 * size, text, size=size, color=colour, ha=align, weight=weight)


def box(
    ax: Axes,
    x: Points,
    y: Points,
    size: tuple[Points, Points],
    *,
    title: str = "",
    detail: str = "",
    colour: str = MUTED,
) -> None:
    """Draw a tinted box with a title, and smaller, under it, what it does.

    Args:
        ax: Where to draw.
        x: Its middle.
        y: Its lower edge.
        size: Width and height.
        title: What the part is called.
        detail: What it does, in a few words.
        colour: Of its edge and, faintly, of its inside.
    """
    width, height = size
    for fill, edge, opacity in ((colour, "none", 0.13), ("none", colour, 1.0)):
        shape = FancyBboxPatch(
            (x - width / 2, y), width, height, "round,pad=0,rounding_size=5", mutation_aspect=1
        )
        shape.set(facecolor=fill, edgecolor=edge, alpha=opacity, linewidth=1.2)
        ax.add_patch(shape)
    middle = y + height / 2
    write(ax, x, middle + (7 if detail else 0), title)
    if detail:
        write(ax, x, middle - 7.5, detail, size=9.5, colour=MUTED)


def arrow(ax: Axes, *points: tuple[Points, Points], colour: str = FOREGROUND) -> None:
    """Draw an arrow along straight lines with rounded corners.

    Args:
        ax: Where to draw.
        points: Where it begins, turns and ends: at least two.
        colour: One of the figure colours.
    """
    if len(points) < 2:
        raise ValueError(f"expected at least two points, got {len(points)}")
    places = np.array(points, dtype=float)
    before, tip = places[-2:]
    along = (tip - before) / np.linalg.norm(tip - before)
    across = np.array([-along[1], along[0]])
    foot = tip - 5 * along
    ax.add_patch(Polygon([tip, foot + 2.7 * across, foot - 2.7 * across], color=colour, lw=0))
    vertices, codes = [places[0]], [Path.MOVETO]
    for start, corner, end in zip(places, places[1:], places[2:], strict=False):
        into, out = (corner + 6 * (p - corner) / np.linalg.norm(p - corner) for p in (start, end))
        vertices += [into, corner, out]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    line = Path(np.array([*vertices, foot]), [*codes, Path.LINETO])
    ax.add_patch(PathPatch(line, facecolor="none", edgecolor=colour, linewidth=1.2))


def architecture() -> Figure:
    """Draw the Transformer: an encoder, a decoder, and every part of both.

    Source: Vaswani et al. 2017, figure 1, whose parts and order these are.
    """
    figure, ax = canvas(360, 498)
    left, right = 88.0, 272.0
    forward = ("Feed-forward", "each token by itself", GREEN)
    _entry(ax, left, "Inputs", "S")
    _stack(ax, left, "Encoder", [("Self-attention", "H heads see all inputs", BLUE), forward])
    _entry(ax, right, "Outputs, shifted right", "T")
    masked = ("Masked self-attention", "H heads see no future", BLUE)
    cross = ("Cross-attention", "H heads see the encoder", BLUE)
    _stack(ax, right, "Decoder", [masked, cross, forward])
    # What the encoder knows enters every decoder layer, as keys and values.
    arrow(ax, (left, 272), (left, 316), (180, 316), (180, 227), (208, 227))
    write(ax, 134, 325, "(B, S, D)", size=9.5, colour=MUTED)
    for letter, x, y in (("K", 199, 236), ("V", 199, 218), ("Q", right - 9, 203)):
        write(ax, x, y, letter, size=9.5, colour=MUTED)
    for bottom, name, shape in ((400, "Linear", "(B, T, D)"), (440, "Softmax", "logits (B, T, V)")):
        arrow(ax, (right, 352 if name == "Linear" else 422), (right, bottom))
        write(ax, right + 6, bottom - 9, shape, size=9.5, colour=MUTED, align="left")
        box(ax, right, bottom, (128, 22), title=name)
    arrow(ax, (right, 462), (right, 476))
    write(ax, right, 484, "Next-token probabilities", weight="bold")
    _key(ax, 10, 484)
    return figure


def _entry(ax: Axes, x: Points, name: str, tokens: str) -> None:
    """From ids to vectors that know their token and their position."""
    write(ax, x, 20, name, weight="bold")
    write(ax, x, 8, f"ids (B, {tokens})", size=9.5, colour=MUTED)
    arrow(ax, (x, 27), (x, 38))
    box(ax, x, 38, (128, 22), title="Embedding", colour=ORANGE)
    arrow(ax, (x, 60), (x, 74))
    outward = -1 if x < 180 else 1
    box(ax, x + outward * 52, 72, (60, 22), title="Positions", colour=ORANGE)
    arrow(ax, (x + outward * 22, 83), (x + outward * 9, 83))
    ax.add_patch(Circle((x, 83), 9, facecolor="none", edgecolor=FOREGROUND, linewidth=1.2))
    write(ax, x, 83, "+", size=12)
    write(ax, x - outward * 29, 105, f"(B, {tokens}, D)", size=9.5, colour=MUTED)


def _stack(ax: Axes, x: Points, name: str, parts: Sequence[tuple[str, str, str]]) -> None:
    """The layers of an encoder or a decoder: what comes in goes around each part and is added."""
    top, outward = 142 + 80 * len(parts), -1 if x < 180 else 1
    align = "left" if outward < 0 else "right"
    box(ax, x, 116, (164, top - 116), colour=GRID)
    write(ax, x + outward * 74, top - 10, name, weight="bold", align=align)
    write(ax, x + outward * 74, top - 23, "N layers", size=9.5, colour=MUTED, align=align)
    for number, (title, detail, colour) in enumerate(parts):
        y = 130 + 80 * number
        arrow(ax, (x, y - 18 if number else 92), (x, y))
        box(ax, x, y, (128, 34), title=title, detail=detail, colour=colour)
        arrow(ax, (x, y + 34), (x, y + 44))
        box(ax, x, y + 44, (128, 18), title="Add & norm", colour=PURPLE)
        lane, edge = x + outward * 74, x + outward * 64
        arrow(ax, (x, y - 7), (lane, y - 7), (lane, y + 53), (edge, y + 53), colour=PURPLE)


def _key(ax: Axes, x: Points, y: Points) -> None:
    """What the letters and the coloured line mean."""
    letters = "B: sequences in a batch|S: input tokens|T: output tokens|D: numbers per token"
    for line in f"{letters}|V: tokens in the vocabulary|H: attention heads".split("|"):
        letter, _, meaning = line.partition(": ")
        write(ax, x, y, letter, size=9.5, weight="bold", align="left")
        write(ax, x + 16, y, meaning, size=9.5, colour=MUTED, align="left")
        y -= 15
    arrow(ax, (x, y), (x + 12, y), colour=PURPLE)
    write(ax, x + 16, y, "residual path: what comes", size=9.5, colour=MUTED, align="left")
    write(ax, x + 16, y - 12, "in is added to what comes out", size=9.5, colour=MUTED, align="left")

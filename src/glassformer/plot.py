"""Figures that follow the page's theme.

Importing this module sets matplotlib's defaults once, for every figure.
The colours are stand-ins: when a figure is committed, each becomes a CSS variable of the page,
so that one drawing serves the light and the dark theme. Use no other colours.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

FOREGROUND = "#24292f"
MUTED = "#656d77"
GRID = "#d0d7df"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
BACKGROUND = "#fdfdfd"
# Cells of a heat map: text in the foreground colour stays readable on them at any opacity.
POSITIVE = "#56b4e9"
NEGATIVE = "#e69f00"

_WIDEST = 5.5  # inches: a wider figure would shrink on a phone until its text is unreadable

if "MPLBACKEND" not in os.environ:  # a notebook sets it; anything else draws into files only
    mpl.use("agg")

mpl.rcdefaults()  # not what a file on this machine may say
# One font that matplotlib carries itself measures text alike on every machine.
# The page shows the text in its own font, which is narrower.
mpl.rc("font", family="DejaVu Sans", size=10)
mpl.rc("mathtext", fontset="dejavusans")
mpl.rc("svg", fonttype="none", hashsalt="glassformer")  # text stays text
mpl.rc("path", simplify=False)  # whether a point is dropped would depend on rounding
mpl.rc("figure", figsize=(5, 3), titlesize=11, facecolor="none", edgecolor="none")
mpl.rc("figure.constrained_layout", use=True)
mpl.rc("text", color=FOREGROUND)
mpl.rc("axes", titlesize=11, titlecolor=FOREGROUND, labelsize=10, labelcolor=FOREGROUND)
mpl.rc("axes", facecolor="none", edgecolor=MUTED)
mpl.rc("axes", prop_cycle=cycler(color=[BLUE, ORANGE, GREEN, PURPLE]))
mpl.rc("axes.spines", top=False, right=False)
mpl.rc("xtick", color=MUTED, labelcolor=FOREGROUND, labelsize=9)
mpl.rc("ytick", color=MUTED, labelcolor=FOREGROUND, labelsize=9)
mpl.rc("grid", color=GRID)
mpl.rc("legend", fontsize=9, frameon=False, edgecolor=GRID)
mpl.rc("patch", facecolor=BLUE, edgecolor=FOREGROUND)


def heat_map(
    values: ArrayLike,
    rows: Sequence[object],
    columns: Sequence[object],
    title: str | None = None,
    ax: Axes | None = None,
    *,
    numbers: bool = True,
) -> Figure:
    """Draw a matrix as cells: the larger the magnitude, the stronger the colour.

    Zero is the page's background; positive and negative values have different hues.
    A magnitude of 1 is full colour, or the largest one if that is more than 1.

    Args:
        values: Weights, scores, or a mask (True is full colour, without numbers).
        rows: A label for each row, such as its token; an empty one is not drawn.
        columns: A label for each column.
        title: Shown above.
        ax: Where to draw; a new figure of fitting size without it.
        numbers: Write each value into its cell.
    """
    grid = _grid(values, rows, columns)
    height, width = grid.shape
    row_labels, column_labels = [str(label) for label in rows], [str(label) for label in columns]
    longest_row, longest_column = max(map(len, row_labels)), max(map(len, column_labels))
    margin = 6 * longest_row + 12  # in points, as are the sizes below
    room = 350 if ax is None else ax.get_window_extent().width * 72 / ax.figure.dpi
    cell = min(32.0, (room - margin) / width)
    named = [place for place, label in enumerate(column_labels) if label]
    slanted = 6 * longest_column > cell * min(np.diff(named), default=width)
    if ax is None:
        top = (4.5 * longest_column if slanted else 12) + (40 if title else 16)
        size = (margin + cell * width + 8, top + cell * height)
        _, ax = plt.subplots(figsize=(size[0] / 72, size[1] / 72))
    gap = 0.03 if cell > 10 else 0.0
    # Under numbers the colours are those that text can be read on, and else stronger ones.
    blue, orange = (POSITIVE, NEGATIVE) if numbers else (BLUE, ORANGE)
    # The bound keeps rounding noise around zero from changing a hue.
    for chosen, colour in ((grid > -1e-5, blue), (grid <= -1e-5, orange)):
        ax.add_collection(_cells(grid, chosen, colour, gap), autolim=False)
    if numbers and np.asarray(values).dtype != bool:
        for (row, column), value in np.ndenumerate(grid):
            text = _short(value)
            colour = MUTED if text == "0" else FOREGROUND
            ax.text(column + 0.5, row + 0.5, text, color=colour, size=9, ha="center", va="center")
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    angle, side = (40, "left") if slanted else (0, "center")
    places = np.arange(width) + 0.5
    ax.set_xticks(places, column_labels, rotation=angle, ha=side, rotation_mode="anchor")
    ax.set_yticks(np.arange(height) + 0.5, row_labels)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.spines[:].set(visible=True, color=GRID)
    if title:
        ax.set_title(title)
    return cast(Figure, ax.get_figure(root=True))


def describe_attention(
    weights: ArrayLike, rows: Sequence[object], columns: Sequence[object]
) -> str:
    """Say where each row of attention weights looks most: "it attends most to pizza (0.80)".

    For the description of a heat map, so that a screen reader tells what it shows.
    """
    sentences = []
    for query, row in zip(rows, _grid(weights, rows, columns), strict=True):
        best = row.max()
        # Equal weights are all named: which is largest would depend on rounding.
        keys = [str(key) for key, weight in zip(columns, row, strict=True) if weight > best - 1e-5]
        if best < 1e-5:
            sentences.append(f"{query} attends to nothing")
        elif len(keys) == 1:
            sentences.append(f"{query} attends most to {keys[0]} ({best + 1e-6:.2f})")
        else:
            several = f"{', '.join(keys[:-1])} and {keys[-1]}"
            sentences.append(f"{query} attends most to {several} ({best + 1e-6:.2f} each)")
    return "; ".join(sentences) + "."


def save(figure: Figure, path: str | Path, *, title: str, description: str) -> None:
    """Write a figure as SVG, the same bytes each time, and close it.

    Args:
        figure: At most 5.5 inches wide.
        path: Where to, ending in `.svg`.
        title: What the figure is, in a few words.
        description: What it shows, for readers who cannot see it.

    Raises:
        ValueError: If the figure is too wide, or a text or the ending is missing.
    """
    if Path(path).suffix != ".svg":
        raise ValueError(f"expected a path ending in .svg, got {str(path)!r}")
    if not title.strip() or not description.strip():
        raise ValueError(f"expected a title and a description, got {title!r} and {description!r}")
    if figure.get_figwidth() > _WIDEST:
        raise ValueError(
            f"expected a figure at most {_WIDEST} inches wide, got {figure.get_figwidth():.1f}"
        )
    metadata = {"Title": title, "Description": description, "Date": None, "Creator": None}
    figure.savefig(path, format="svg", bbox_inches="tight", pad_inches=0.04, metadata=metadata)
    plt.close(figure)


def _grid(
    values: ArrayLike, rows: Sequence[object], columns: Sequence[object]
) -> NDArray[np.float64]:
    """Check a matrix against its labels."""
    grid = np.asarray(values, dtype=np.float64)
    if grid.shape != (len(rows), len(columns)) or not grid.size:
        labels = f"{len(rows)} rows and {len(columns)} columns"
        raise ValueError(f"expected values for {labels}, got shape {grid.shape}")
    if not np.isfinite(grid).all():
        raise ValueError("expected finite values, got NaN or infinity")
    return grid


def _cells(
    grid: NDArray[np.float64], chosen: NDArray[np.bool_], colour: str, gap: float
) -> PolyCollection:
    """A square for each chosen value, its magnitude as opacity."""
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (1 - 2 * gap) + gap
    corners = np.argwhere(chosen)[:, None, ::-1]
    strength = np.abs(grid) / max(1.0, float(np.abs(grid).max()))
    # matplotlib leaves out what is wholly transparent; noise must not make the difference.
    colours = [to_rgba(colour, max(alpha, 1e-6)) for alpha in strength[chosen]]
    return PolyCollection(list(corners + square), facecolors=colours, linewidths=0, clip_on=False)


def _short(value: float) -> str:
    """Two decimals; halves go up, so that rounding noise cannot change the text (0.125)."""
    whole = abs(value - round(value)) < 1e-5
    text = f"{round(abs(value))}" if whole else f"{abs(value) + 1e-6:.2f}"
    return "\N{MINUS SIGN}" + text if value < 0 and float(text) else text

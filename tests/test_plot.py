"""Figures: what they show, what they refuse, and that they are the same everywhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.collections import PolyCollection
from matplotlib.colors import same_color
from numpy.typing import ArrayLike

from glassformer import plot

TOKENS = ["it", "ate", "pizza"]
WEIGHTS = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.125, 0.075, 0.8]])


def saved(path: Path, weights: ArrayLike = WEIGHTS) -> str:
    """What a heat map's file holds."""
    figure = plot.heat_map(weights, TOKENS, TOKENS)
    plot.save(figure, path / "map.svg", title="A title", description="What it shows")
    return (path / "map.svg").read_text(encoding="utf-8")


# Heat maps


def test_a_heat_map_shows_every_value_where_it_belongs() -> None:
    """Rows run down and columns to the right, each cell as opaque as its value is large."""
    figure = plot.heat_map(WEIGHTS, TOKENS, TOKENS, numbers=False)
    (ax,) = figure.axes
    cells = ax.collections[0]
    assert isinstance(cells, PolyCollection)
    opacities = np.asarray(cells.get_facecolor())[:, 3]
    shown = np.zeros((3, 3))
    for path, alpha in zip(cells.get_paths(), opacities, strict=True):
        column, row = np.floor(np.asarray(path.vertices).mean(0)).astype(int)
        shown[row, column] = alpha
    # Not below 1e-6, so that noise around zero cannot add or remove a cell.
    np.testing.assert_allclose(shown, WEIGHTS, atol=1e-6)
    assert ax.yaxis_inverted()
    assert [label.get_text() for label in ax.get_yticklabels()] == TOKENS
    plt.close(figure)


def test_values_beyond_one_share_a_scale_and_signs_have_hues(tmp_path: Path) -> None:
    """The largest magnitude is full colour; what is negative has the other hue."""
    text = saved(tmp_path, [[4, -2, 0], [0, 0, 0], [0, 0, -4]])
    cells = re.findall(r"fill: (#\w+)(?:; fill-opacity: ([\d.]+))?", text)
    seen = [cell for cell in cells if float(cell[1] or 1) > 0.1]
    assert seen[:3] == [(plot.POSITIVE, ""), (plot.NEGATIVE, "0.5"), (plot.NEGATIVE, "")]


def test_a_mask_is_drawn_without_numbers(tmp_path: Path) -> None:
    """True is full colour, False is the page, and neither needs a digit."""
    text = saved(tmp_path, np.tril(np.ones((3, 3), dtype=bool)))
    assert not re.search(r">[01]</text>", text)
    assert len(re.findall(rf"fill: {plot.POSITIVE}\"", text)) == 6


def test_numbers_do_not_hang_on_rounding_noise(tmp_path: Path) -> None:
    """Halves of the last digit go up and zeros stay zeros, with and without noise of 1e-7."""
    values = np.array([[0.125, 0.375, 0.005], [-0.125, 0, 1], [-1, -0.001, 12.345]])
    expected = ["0.13", "0.38", "0.01", "−0.13", "0", "1", "−1", "0.00", "12.35"]
    for noise in (-1e-7, 0, 1e-7):
        numbers = re.findall(r">(−?[\d.]+)</text>", saved(tmp_path, values + noise))
        assert numbers == expected


def test_long_labels_over_narrow_cells_slant() -> None:
    """Labels do not run into each other."""
    words, sparse = ["tokenization"] * 12, ["first", *[""] * 5, "seventh", *[""] * 5]
    for names, angle in ((words, 40), (["a"] * 12, 0), (sparse, 0)):
        figure = plot.heat_map(np.eye(12), names, names, numbers=False)
        labels = figure.axes[0].xaxis.get_majorticklabels()
        figure.canvas.draw()
        assert {label.get_rotation() for label in labels} == {angle}
        assert figure.get_figwidth() * 72 <= 366
        plt.close(figure)


def test_maps_stand_side_by_side() -> None:
    """With `ax`, a map joins a figure instead of making one."""
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        assert plot.heat_map(WEIGHTS, TOKENS, TOKENS, "Title", ax, numbers=False) is figure
    assert [ax.get_title() for ax in figure.axes] == ["Title", "Title"]
    plt.close(figure)


BAD: dict[str, tuple[ArrayLike, list[str], list[str], str]] = {
    "too few labels": ([[0.5, 0.5]], ["a"], ["b"], "1 rows and 1 columns, got shape (1, 2)"),
    "no matrix": ([0.5], ["a"], ["b"], "got shape (1,)"),
    "nothing": (np.zeros((0, 0)), [], [], "got shape (0, 0)"),
    "not a number": ([[np.nan]], ["a"], ["b"], "expected finite values, got NaN or infinity"),
    "infinite": ([[-np.inf]], ["a"], ["b"], "expected finite values, got NaN or infinity"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_no_map_can_show_is_refused(name: str) -> None:
    """A wrong shape or a value without a colour says what was expected and what came."""
    values, rows, columns, told = BAD[name]
    for function in (plot.heat_map, plot.describe_attention):
        with pytest.raises(ValueError, match=re.escape(told)):
            function(values, rows, columns)


# Descriptions


def test_the_description_names_what_each_row_looks_at() -> None:
    """The largest weight, all of several equal ones, or none."""
    weights = np.array([[0.1, 0.1, 0.8], [0.5, 0.5, 0], [0, 0, 0]])
    assert plot.describe_attention(weights, TOKENS, TOKENS) == (
        "it attends most to pizza (0.80); ate attends most to it and ate (0.50 each); "
        "pizza attends to nothing."
    )
    third = np.full((1, 3), 1 / 3)
    assert plot.describe_attention(third, ["it"], TOKENS) == (
        "it attends most to it, ate and pizza (0.33 each)."
    )


@settings(max_examples=50)
@given(
    weights=hnp.arrays(np.float64, (3, 3), elements=st.sampled_from([0, 0.125, 0.25, 0.5, 1])),
    noise=hnp.arrays(np.float64, (3, 3), elements=st.floats(-1e-7, 1e-7)),
)
def test_the_description_does_not_hang_on_noise(weights: np.ndarray, noise: np.ndarray) -> None:
    """Weights that are equal but for rounding are told as equal."""
    told = plot.describe_attention(weights, TOKENS, TOKENS)
    assert plot.describe_attention(weights + noise, TOKENS, TOKENS) == told


# Files


def test_saving_closes_the_figure_and_repeats_itself(tmp_path: Path) -> None:
    """The same drawing is the same bytes, without a date, and leaves nothing open."""
    first = saved(tmp_path)
    assert saved(tmp_path) == first
    assert not plt.get_fignums()
    assert "<title>A title</title>" in first
    assert "<dc:description>What it shows</dc:description>" in first
    assert "dc:date" not in first


REFUSED = {
    "no title": ("map.svg", " ", "words", 5.0, "expected a title and a description"),
    "no description": ("map.svg", "words", "", 5.0, "expected a title and a description"),
    "another format": ("map.png", "words", "words", 5.0, "expected a path ending in .svg"),
    "too wide": ("map.svg", "words", "words", 8.0, "at most 5.5 inches wide, got 8.0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_page_can_show_is_not_saved(tmp_path: Path, name: str) -> None:
    """A figure needs its words, and must be readable on a phone."""
    file, title, description, width, told = REFUSED[name]
    figure = plt.figure(figsize=(width, 2))
    with pytest.raises(ValueError, match=re.escape(told)):
        plot.save(figure, tmp_path / file, title=title, description=description)
    assert not list(tmp_path.iterdir())
    plt.close(figure)


def test_every_point_of_a_line_is_kept(tmp_path: Path) -> None:
    """A line that is almost straight loses none: which ones, rounding would decide."""
    figure, ax = plt.subplots()
    ax.plot(np.linspace(0, 1, 300) + 1e-9 * np.sin(np.arange(300)))
    plot.save(figure, tmp_path / "line.svg", title="A line", description="It rises")
    paths = re.findall(r' d="([^"]*)"', (tmp_path / "line.svg").read_text(encoding="utf-8"))
    assert max(path.count("L") for path in paths) == 299


# The same everywhere


def test_every_colour_of_the_defaults_is_one_of_ours() -> None:
    """A figure that names no colour has none but the figure colours."""
    ours = [value for name, value in vars(plot).items() if re.fullmatch("[A-Z]+", name)]
    assert len(set(ours)) == 10
    for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "grid.color"):
        assert any(same_color(mpl.rcParams[name], colour) for colour in ours), name
    cycle = [style["color"] for style in mpl.rcParams["axes.prop_cycle"]]
    assert cycle == [plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE]


def test_a_machine_of_its_own_taste_draws_the_same(tmp_path: Path) -> None:
    """Neither a settings file nor a missing display changes a figure."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/matplotlibrc").write_text(
        "font.size: 20\nlines.linewidth: 5\nsvg.fonttype: path\nfont.family: serif\n",
        encoding="utf-8",
    )
    code = (
        "import matplotlib.pyplot as plt\nfrom glassformer import plot\n"
        "figure, ax = plt.subplots()\nax.plot([0, 1], label='line')\nax.legend()\n"
        "plot.save(figure, '{}.svg', title='T', description='D')\n"
        "import sys; assert not {{'torch', 'tkinter'}} & {{*sys.modules}}"
    )
    own = {"MATPLOTLIBRC": str(tmp_path / "home/matplotlibrc")}
    plain = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    for name, taste in (("plain", {}), ("own", own)):
        command = [sys.executable, "-W", "error", "-c", code.format(name)]
        subprocess.run(command, cwd=tmp_path, env=plain | taste, check=True)
    assert (tmp_path / "own.svg").read_bytes() == (tmp_path / "plain.svg").read_bytes()

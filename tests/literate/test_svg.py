"""Figures in their committed form, drawn with the real matplotlib, changed, and drawn again."""

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassformer import drawing, plot
from literate.svg import COLOURS, PALETTE, clean, compare

TOKENS = ["the", "pizza", "was", "hot"]
WEIGHTS = np.array(
    [[1, 0, 0, 0], [0.25, 0.75, 0, 0], [0.125, 0.625, 0.25, 0], [0.1, 0.62, 0.08, 0.2]]
)
X = np.linspace(-4, 4, 40)
STYLE_SHEET = Path(__file__).parents[2] / "docs/assets/css/glass.css"

Draw = Callable[..., str]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Save a figure as an example on a page would, and clean it as the page's test would."""

    def cleaned(figure: Figure, title: str = "A title", description: str = "It shows.") -> str:
        plot.save(figure, tmp_path / "figure.svg", title=title, description=description)
        return clean((tmp_path / "figure.svg").read_text(encoding="utf-8"), "figure")

    return cleaned


def heat_map(
    weights: np.ndarray = WEIGHTS,
    tokens: list[str] = TOKENS,
    title: str | None = "Attention",
    *,
    numbers: bool = True,
) -> Figure:
    """An attention map."""
    return plot.heat_map(weights, tokens, tokens, title=title, numbers=numbers)


def chart(change: Callable[[Axes], object] = lambda _: None, shift: float = 0.0) -> Figure:
    """Lines, bars, markers, a legend, a note and a formula, changed as asked."""
    figure, ax = plt.subplots()
    ax.plot(X, np.tanh(X) + shift, label="tanh")
    ax.plot(X, np.sin(X) * (1 + shift), "o--", markersize=3, label="sine", color=plot.ORANGE)
    ax.bar([0, 1, 2], np.array([0.2, 0.5, 0.3]) + shift, color=plot.GREEN, alpha=0.5)
    ax.scatter([1, 2, 3], np.array([-0.5, 0.125, 0.5]) + shift, color=plot.PURPLE)
    ax.fill_between(X, -0.1, 0.1 + shift, alpha=0.2)
    ax.annotate("here", (1, 0.5 + shift), (2, -1), arrowprops={"arrowstyle": "->"})
    ax.axhline(0.5 + shift, linestyle=":", color=plot.MUTED)
    ax.set(title="Two curves", xlabel=r"score $x_1 - x_2$", ylabel="probability")
    ax.grid(visible=True)
    ax.legend()
    change(ax)
    return figure


def nudged(by: float) -> np.ndarray:
    """One weight changed."""
    new = WEIGHTS.copy()
    new[3, 1] += by
    return new


# The committed form


@pytest.mark.parametrize("figure", [heat_map, chart, drawing.architecture])
def test_the_committed_form_holds_only_what_is_seen(
    draw: Draw, figure: Callable[[], Figure]
) -> None:
    """No date, version, font, hash, or colour of one theme is committed."""
    text = draw(figure())
    shapes = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{6}|rgb|DejaVu|atplotlib|metadata| style=|<!", shapes)
    assert set(re.findall(r'fill="([^"]*)"', shapes)) <= {
        *(f"var(--fig-{name})" for name in PALETTE),
        "none",
    }
    assert ' stroke-linejoin="round">' in shapes.split("\n")[0]  # matplotlib's style sheet said so
    assert set(re.findall(r'[ #("]fig-\w+', shapes)) <= {f"{mark}fig-figure" for mark in ' #("'}


@pytest.mark.parametrize("figure", [heat_map, chart, drawing.architecture])
def test_drawing_again_gives_the_same_bytes(draw: Draw, figure: Callable[[], Figure]) -> None:
    """Drawing and cleaning are functions: nothing that changes by itself comes in."""
    assert draw(figure()) == draw(figure())


@pytest.mark.parametrize("figure", [heat_map, chart, drawing.architecture])
def test_cleaning_twice_changes_nothing(draw: Draw, figure: Callable[[], Figure]) -> None:
    """The committed form is a fixed point."""
    text = draw(figure())
    assert clean(text, "figure") == text


def test_every_reference_leads_somewhere(draw: Draw) -> None:
    """Ids are numbered together with what refers to them."""
    text = draw(chart())
    used = set(re.findall(r"(?:url\(#|xlink:href=\"#)([^)\"]+)", text))
    assert used
    assert used | {"fig-figure-title", "fig-figure-desc"} == set(re.findall(r' id="([^"]+)"', text))


def test_title_and_description_are_elements_that_name_the_image(draw: Draw) -> None:
    """A screen reader finds both, with whatever signs they hold."""
    text = draw(heat_map(), "Who < looks & where", 'it "attends"\nmost to pizza')
    assert '<title id="fig-figure-title">Who &lt; looks &amp; where</title>' in text
    assert '<desc id="fig-figure-desc">it "attends" most to pizza</desc>' in text
    assert 'role="img" aria-labelledby="fig-figure-title fig-figure-desc"' in text


def test_a_formula_is_one_text_in_reading_order(draw: Draw) -> None:
    """A formula flows in the page's font, its parts in order, subscripts lower."""
    figure, ax = plt.subplots()
    ax.set_xlabel(r"score $x_1 + y$")
    (text,) = re.findall(r"<text>.*</text>", draw(figure))
    parts = re.findall(r"<tspan([^>]*)>([^<]*)</tspan>", text)
    assert [words for _, words in parts] == ["score ", "x", "1", "+", "y"]
    assert [" x=" in attributes for attributes, _ in parts] == [True, False, False, False, False]
    rises = [float(rise) for rise in re.findall(r'dy="([^"]+)"', text)]
    assert rises == [1.5, -1.5]


def test_a_fraction_keeps_its_places(draw: Draw) -> None:
    """A numerator above a denominator is not strung into a line."""
    figure, ax = plt.subplots()
    ax.set_xlabel(r"$\frac{a}{b}$")
    assert len(re.findall(r'<tspan x="[^"]+" y="[^"]+"', draw(figure))) == 2


def test_a_large_map_stays_small(draw: Draw) -> None:
    """64 x 64 cells, which `pcolormesh` and matplotlib write in 796 kB."""
    values = np.random.default_rng(0).normal(size=(64, 64))
    labels = [str(i) if i % 16 == 0 else "" for i in range(64)]
    text = draw(plot.heat_map(values, labels, labels, numbers=False)).encode()
    assert len(text) < 350_000
    assert len(zlib.compress(text)) < 40_000


def test_one_palette() -> None:
    """What is drawn with, what is committed and what the site's style sheet says are the same."""
    constants = {name.lower(): value for name, value in vars(plot).items() if name.isupper()}
    constants.pop("_widest")
    assert {name: colour for colour, name in COLOURS.items()} == constants
    light, _, dark = STYLE_SHEET.read_text(encoding="utf-8").partition('="slate"')
    for number, part in enumerate((light, dark)):
        values = dict(re.findall(r"--fig-([\w-]+): *(#\w+);", part))
        assert values == {name: colours[number] for name, colours in PALETTE.items()}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_have_enough_contrast(theme: int) -> None:
    """WCAG 2.2 AA: 4.5 for text, also on a full cell, and 3 between a cell and the page."""

    def contrast(one: str, other: str) -> float:
        lights = sorted(luminance(PALETTE[name][theme]) for name in (one, other))
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    for name in ("foreground", "muted", "blue", "orange", "green", "purple"):
        assert contrast(name, "background") >= 4.5
    for name in ("positive", "negative"):
        assert contrast(name, "foreground") >= 4.5
        assert contrast(name, "background") >= 3


def test_a_definition_that_nothing_uses_is_dropped() -> None:
    """Its id, a hash in matplotlib's hands, would be noise."""
    unused = '<defs><path id="m1504cf" d="M0 0V3"/></defs>'
    assert clean(HEAD + unused + "</svg>", "figure") == clean(HEAD + "</svg>", "figure")


def test_neighbours_share_what_they_have_in_common_but_no_moved_clip() -> None:
    """A clip moves with the element that names it, so it stays there if that one is moved."""
    clip = '<defs><clipPath id="c"><rect width="9" height="9"/></clipPath></defs>'
    lines = [
        f'<path d="M{x} 0V9" fill="none" stroke="#0072b2" clip-path="url(#c)" {{}}/>'
        for x in range(4)
    ]
    still, moved = (
        clean(HEAD + clip + "".join(lines).format(*[move] * 4) + "</svg>", "figure")
        for move in ("", 'transform="translate(1 1)"')
    )
    shared = '<g fill="none" stroke="var(--fig-blue)"'
    assert f'{shared} clip-path="url(#fig-figure-1)">\n<path d="M0 0V9"/>' in still
    assert f'{shared}>\n<path d="M0 0V9" clip-path="url(#fig-figure-1)" transform=' in moved


# What a page cannot show


REFUSED: dict[str, tuple[Callable[[Axes], object], str]] = {
    "red line": (lambda ax: ax.plot([0, 1], color="red"), "got '#ff0000'"),
    "black line": (lambda ax: ax.plot([0, 1], color="black"), "got '#000000'"),
    "black bar": (lambda ax: ax.bar([0], [1], color="black", edgecolor="none"), "got black"),
    "black text": (lambda ax: ax.text(0, 0, "words", color="black"), "got black"),
    "white axes": (lambda ax: ax.set_facecolor("white"), "got '#ffffff'"),
    "white legend": (lambda ax: ax.legend(frameon=True, facecolor="white"), "got '#ffffff'"),
    "colour map": (lambda ax: ax.scatter([0, 1], [0, 1], c=[0, 1]), "got '#440154'"),
    "mesh": (lambda ax: ax.pcolormesh(WEIGHTS), "got '#fde725'"),
    "image": (lambda ax: ax.imshow(WEIGHTS), "got <image>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_follow_the_theme_is_refused(draw: Draw, name: str) -> None:
    """A colour of one theme, or pixels, would be wrong in the other theme."""
    change, told = REFUSED[name]
    with pytest.raises(ValueError, match=re.escape(told)):
        draw(chart(change))


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>t</title><desc>d</desc>'


FOREIGN = {
    "nothing": ("", "not XML"),
    "open": ("<svg>", "not XML"),
    "page": ("<html/>", "got <html>"),
    "no description": (HEAD.replace("<desc>d</desc>", "") + "</svg>", "title and a description"),
    "blank title": (HEAD.replace(">t<", "> <") + "</svg>", "title and a description"),
    "half a box": (HEAD.replace("0 0 9 9", "0 0 9") + "</svg>", "viewBox of four numbers"),
    "script": (HEAD + "<script>alert(1)</script></svg>", "got <script>"),
    "link": (HEAD + '<a href="https://example.org"><path fill="none"/></a></svg>', "got <a>"),
    "other file": (HEAD + '<use href="other.svg#x" fill="none"/></svg>', "got href='other.svg#x'"),
    "nowhere": (HEAD + '<use href="#x" fill="none"/></svg>', "every reference to be defined"),
    "handler": (HEAD + '<path onclick="f()" fill="none"/></svg>', "got onclick='f()'"),
    "filter": (HEAD + '<path style="filter: blur(1px)" fill="none"/></svg>', "got filter="),
    "black shape": (HEAD + '<path d="M0 0H9V9z"/></svg>', "got black"),
    "named colour": (HEAD + '<path fill="navy"/></svg>', "got 'navy'"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_svg_is_refused(name: str) -> None:
    """What is not a figure, or does more than show, gives an error that says what came."""
    text, told = FOREIGN[name]
    with pytest.raises(ValueError, match=re.escape(told)):
        clean(text, "figure")


def test_a_name_that_no_id_can_begin_with_is_refused(draw: Draw) -> None:
    """A space in a name would break the list of ids that names the image."""
    with pytest.raises(ValueError, match="expected a name in lower case"):
        clean(draw(heat_map()), "My figure")


def test_other_colours_can_be_agreed() -> None:
    """The mapping from literal colours to variables is an argument."""
    text = clean(HEAD + '<path d="M0 0H9" fill="#123456"/></svg>', "figure", {"#123456": "blue"})
    assert '<path d="M0 0H9" fill="var(--fig-blue)"/>' in text


# Comparing


NOISY: dict[str, Callable[[np.ndarray], Figure]] = {
    "map": lambda noise: heat_map(WEIGHTS + noise),
    "signed map": lambda noise: heat_map(WEIGHTS - 0.25 + noise),
    "scores": lambda noise: heat_map(WEIGHTS * 8 + noise),
    "map without numbers": lambda noise: heat_map(WEIGHTS + noise, numbers=False),
    "chart": lambda noise: chart(shift=float(noise[0, 0])),
}


@pytest.mark.parametrize("name", NOISY)
def test_rounding_noise_passes(draw: Draw, name: str) -> None:
    """Thirty times of thirty, 1e-7 in the data, zeros and halves among them, changes nothing."""
    committed = draw(NOISY[name](np.zeros_like(WEIGHTS)))
    rng = np.random.default_rng(0)
    for _ in range(30 // len(NOISY)):
        noise = rng.uniform(-1e-7, 1e-7, WEIGHTS.shape)
        assert compare(committed, draw(NOISY[name](noise))) == []


MAPS: dict[str, tuple[Callable[[], Figure], str]] = {
    "0.002 more": (lambda: heat_map(nudged(0.002)), "fill-opacity '0.622', committed is '0.62'"),
    "0.002 less": (lambda: heat_map(nudged(-0.002)), "fill-opacity '0.618'"),
    "0.002 without numbers": (lambda: heat_map(nudged(0.002), numbers=False), "'0.622'"),
    "number": (lambda: heat_map(nudged(0.01)), "<text> '0.63' is drawn, committed is '0.62'"),
    "rows swapped": (
        lambda: heat_map(WEIGHTS[[0, 1, 3, 2]]),
        "<text> '0.10' is drawn, committed is '0.13'",
    ),
    "label": (lambda: heat_map(tokens=["the", "pizza", "was", "cold"]), "'cold' is drawn"),
    "labels swapped": (lambda: heat_map(tokens=["pizza", "the", "was", "hot"]), "'pizza' is drawn"),
    "sign without numbers": (lambda: heat_map(-WEIGHTS, numbers=False), "more differences"),
    "sign": (lambda: heat_map(-WEIGHTS), "<text> '−0.25' is drawn, committed is '0.25'"),
    "no title": (lambda: heat_map(title=None), "<text> 'Attention' is no longer drawn"),
    "larger": (lambda: heat_map(np.pad(WEIGHTS, (0, 1)), [*TOKENS, "."]), "drawn"),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_changed_map_is_caught(draw: Draw, name: str) -> None:
    """A weight off by 0.002, swapped rows, another label, colour or size are differences."""
    change, told = MAPS[name]
    found = compare(draw(heat_map(numbers="without" not in name)), draw(change()))
    assert any(told in line for line in found), found


CHARTS: dict[str, tuple[Callable[[Axes], object], str]] = {
    "width": (lambda ax: ax.lines[0].set_linewidth(2), "stroke-width '2', committed is '1.5'"),
    "colour": (lambda ax: ax.lines[0].set_color(plot.GREEN), "stroke 'var(--fig-green)'"),
    "dashes": (lambda ax: ax.lines[0].set_linestyle("--"), "stroke-dasharray"),
    "data": (lambda ax: ax.lines[0].set_ydata(np.tanh(X) + 1e-3), "with d "),
    "line removed": (lambda ax: ax.lines[0].remove(), "<path> is no longer drawn"),
    "line added": (lambda ax: ax.plot([-1, 1], [0, 0]), "<path> is drawn, but not committed"),
    "title": (lambda ax: ax.set_title("Three curves"), "'Three curves' is drawn"),
    "bold": (lambda ax: ax.set_title("Two curves", weight="bold"), "font-weight '700'"),
    "ticks": (lambda ax: ax.set_xticks([-4, 0, 4]), "is no longer drawn"),
    "limits": (lambda ax: ax.set_xlim(-4.5, 4.5), "is drawn with"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_changed_chart_is_caught(draw: Draw, name: str) -> None:
    """Whatever a reader would see, down to a line moved by a tenth of a pixel, is told."""
    change, told = CHARTS[name]
    found = compare(draw(chart()), draw(chart(change)))
    assert any(told in line for line in found), found


def test_changed_words_for_a_screen_reader_are_caught(draw: Draw) -> None:
    """Title and description are part of the figure."""
    committed = draw(heat_map(), "A title", "it attends most to pizza")
    assert compare(committed, draw(heat_map(), "A title", "it attends most to oven")) == [
        "<desc> 'it attends most to oven' is drawn, committed is 'it attends most to pizza'"
    ]
    assert compare(committed, draw(heat_map(), "Title", "it attends most to pizza")) == [
        "<title> 'Title' is drawn, committed is 'A title'"
    ]


def test_rectangles_are_written_short() -> None:
    """A rectangle stays the same one, whichever corner it begins with; a slanted one is left."""
    upright, other, slanted = (
        clean(HEAD + f'<path d="{path}" fill="none" stroke="#0072b2"/></svg>', "figure")
        for path in (
            "M 1.004 2 L 8 2 L 8 5 L 1.004 5 z",
            "M 1.004 2 \nL 1.004 5 \nL 8 5 \nL 8 2 \nL 1.004 2 \nz",
            "M 1 2 L 8 2.1 L 8 5 L 1 5 z",
        )
    )
    assert ' d="M1 2h7v3h-7z"' in upright
    assert upright == other
    assert ' d="M1 2L8 2.1L8 5L1 5z"' in slanted


def test_a_hundredth_of_a_pixel_is_no_difference() -> None:
    """What is rounded one way here may be rounded the other way elsewhere."""
    one, other, far = (
        clean(HEAD + f'<path d="M{x} 2L5 5" fill="none" stroke="#0072b2"/></svg>', "figure")
        for x in (1.0049, 1.0051, 1.031)
    )
    assert one != other
    assert compare(one, other) == []
    assert compare(one, far) == [
        "<path> is drawn with d 'M1.03 2L5 5', committed is 'M1 2L5 5'",
    ]


def test_a_broken_committed_figure_is_an_error(draw: Draw) -> None:
    """Such as one with the marks of an unfinished merge."""
    text = draw(heat_map())
    with pytest.raises(ValueError, match="not XML"):
        compare("<<<<<<< HEAD\n" + text, text)

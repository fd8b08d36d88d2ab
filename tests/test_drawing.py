"""Diagrams: the whole Transformer holds each of its parts, and nothing runs out of its box."""

import re
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from glassformer import drawing, plot


def test_the_architecture_has_every_part_of_the_paper() -> None:
    """Vaswani et al. 2017, figure 1: five sublayers, each followed by add & norm, and the ends."""
    figure = drawing.architecture()
    said = Counter(text.get_text() for text in figure.axes[0].texts)
    parts = {"Self-attention": 1, "Masked self-attention": 1, "Cross-attention": 1}
    parts |= {"Feed-forward": 2, "Add & norm": 5, "Embedding": 2, "Positions": 2, "+": 2}
    parts |= {"Linear": 1, "Softmax": 1, "Encoder": 1, "Decoder": 1, "N layers": 2}
    parts |= {"Inputs": 1, "Outputs, shifted right": 1, "Q": 1, "K": 1, "V": 2}
    assert {name: said[name] for name in parts} == parts
    plt.close(figure)


def test_the_parts_stand_in_the_paper_s_order() -> None:
    """From the bottom: the decoder looks back, then at the encoder, then thinks."""
    figure = drawing.architecture()
    decoder = [text for text in figure.axes[0].texts if text.get_position()[0] == 272]
    order = [text.get_text() for text in sorted(decoder, key=lambda text: text.get_position()[1])]
    named = ["Embedding", "+", "Masked self-attention", "Add & norm", "Cross-attention"]
    named += ["Add & norm", "Feed-forward", "Add & norm", "Linear", "Softmax"]
    assert [name for name in order if name in named] == named
    plt.close(figure)


def overlap(one: Text, other: Text) -> bool:
    """Whether two texts cover each other, measured in the wider font that measures for all."""
    return bool(one.get_window_extent().overlaps(other.get_window_extent()))


def test_texts_of_the_architecture_are_readable() -> None:
    """None is small, none covers another, none leaves the figure."""
    figure = drawing.architecture()
    texts = figure.axes[0].texts
    figure.draw_without_rendering()
    assert min(float(text.get_fontsize()) for text in texts) >= 9
    pairs = [
        (a.get_text(), b.get_text()) for a in texts for b in texts if a is not b and overlap(a, b)
    ]
    assert not pairs
    plt.close(figure)


def test_an_arrow_turns_and_ends_at_its_points(tmp_path: Path) -> None:
    """The head's tip is the last point; corners are rounded within the line."""
    figure, ax = drawing.canvas(100, 100)
    drawing.arrow(ax, (10, 10), (10, 50), (90, 50), colour=plot.BLUE)
    head, line = ax.patches
    np.testing.assert_array_equal(np.asarray(head.get_path().vertices)[0], (90, 50))
    vertices = np.asarray(line.get_path().vertices)
    np.testing.assert_array_equal(vertices[[0, 2]], [(10, 10), (10, 50)])
    assert vertices[:, 0].max() == 85
    plot.save(figure, tmp_path / "arrow.svg", title="T", description="D")


def test_sizes_are_points(tmp_path: Path) -> None:
    """A canvas of 100 by 50 points is that, and the small margin of each figure."""
    figure, ax = drawing.canvas(100, 50)
    drawing.box(ax, 50, 10, (80, 30), title="Title", detail="detail")
    plot.save(figure, tmp_path / "box.svg", title="T", description="D")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', (tmp_path / "box.svg").read_text("utf-8"))
    assert size
    np.testing.assert_allclose([float(size[1]), float(size[2])], [105.76, 55.76], atol=0.01)


def test_what_cannot_be_drawn_is_refused() -> None:
    """An empty canvas, and an arrow from nowhere."""
    with pytest.raises(ValueError, match="expected a positive width and height, got 0 and 5"):
        drawing.canvas(0, 5)
    figure, ax = drawing.canvas(9, 9)
    with pytest.raises(ValueError, match="expected at least two points, got 1"):
        drawing.arrow(ax, (0, 0))
    plt.close(figure)

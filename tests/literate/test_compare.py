"""What a page may show where its code prints something else."""

import decimal

import pytest

from literate.compare import difference, same_output

SAME = {
    "the same": ("loss 0.25\n", "loss 0.25\n"),
    "a correct rounding": ("0.35", "0.3549"),
    "half a unit": ("0.3", "0.35"),
    "fewer digits in a list": ("[0.1, 0.9]", "[0.1049, 0.8951]"),
    "an exponent": ("1.2e-07", "1.18e-07"),
    "a negative number": ("-1.5", "-1.46"),
    "a rounding to nought": ("-0.00", "0.001"),
    "white space at the ends of lines": ("a  \nb\n\n", "a\nb"),
    "a tab, as Markdown shows it": ("a   b", "a\tb"),
    "an integer for what lies within a half": ("3", "2.7"),
}
OTHER = {
    "one unit of the last digit": ("1.001", "1.0"),
    "the last digit": ("0.35", "0.36"),
    "just over half a unit": ("0.35", "0.3551"),
    "the first digit": ("11.1", "11.0"),
    "digits that were not printed": ("0.350", "0.35"),
    "an integer": ("1000000", "1000001"),
    "the sign": ("0.5", "-0.5"),
    "the power of ten": ("1.2e-07", "1.2e-06"),
    "a word": ("loss 0.25", "less 0.25"),
    "a number in a name": ("w2 = 1", "w3 = 1"),
    "a version": ("1.2.3", "1.2.4"),
    "a date": ("2026-01-02", "2026-01-03"),
    "a line more": ("a\nb", "a"),
    "nothing": ("", "a"),
    "space between": ("a b", "a  b"),
    "nan": ("nan", "0.5"),
    "a number more": ("1.0 2.0", "1.0"),
    "True": ("True", "False"),
    "an exponent beyond measure": ("9e99999999999999999999", "8e99999999999999999999"),
    "hexadecimal": ("0x1f", "0x2f"),
}


@pytest.mark.parametrize(("shown", "printed"), SAME.values(), ids=SAME)
def test_what_counts_as_the_same(shown: str, printed: str) -> None:
    """A page may show fewer digits than were printed, correctly rounded."""
    assert same_output(shown, printed)


@pytest.mark.parametrize(("shown", "printed"), OTHER.values(), ids=OTHER)
def test_what_does_not(shown: str, printed: str) -> None:
    """A wrong number, a wrong word, and digits never printed are not published."""
    assert not same_output(shown, printed)


def test_every_change_of_a_last_digit_is_seen() -> None:
    """No neighbour of a printed number passes for it."""
    survivors = [
        (shown, printed)
        for number in range(1000)
        for printed, shown in [(f"{number / 1000:.3f}", f"{(number + 1) / 1000:.3f}")]
        if same_output(shown, printed)
    ]
    assert survivors == []


def test_a_page_cannot_change_how_it_is_judged() -> None:
    """Numbers are compared to all digits, whatever precision a page has set."""
    with decimal.localcontext() as context:
        context.prec = 1
        assert not same_output("loss 0.12", "loss 0.1259")


def test_the_diff_shows_only_what_differs() -> None:
    """A rounded line is not reported beside the one that is wrong."""
    diff = difference("a 0.3\nb 0.5\n", "a 0.31\nb 0.6\n").split("\n")
    assert [line for line in diff if line[0] in "+-"][2:] == ["-b 0.5", "+b 0.6"]

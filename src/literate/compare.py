"""Compare what a page says that its code prints with what it printed."""

import difflib
import re
from decimal import Context, Decimal, DecimalException, localcontext

# A number that stands alone: not in a word (`w2`), a version (`1.2.3`) or a date (`2026-01-02`).
NUMBER = re.compile(
    r"(?<![\w.])(?<!\d-)[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w]|\.\d|-\d)"
)


def same_output(shown: str, printed: str) -> bool:
    """Whether a page may show one text where its code prints another.

    The text must be the same, white space at the ends of lines apart.
    A number may be shown with fewer digits than were printed, if they round correctly:
    it must lie within half a unit of the last digit shown.
    """
    ours, theirs = _lines(shown), _lines(printed)
    return ours == theirs or (
        len(ours) == len(theirs)
        and all(_same_line(a, b) for a, b in zip(ours, theirs, strict=True))
    )


def difference(shown: str, printed: str) -> str:
    """A diff of the two texts, in which lines that count as the same do not show."""
    ours, theirs = _lines(shown), _lines(printed)
    matched = [
        next((a for a in ours[max(n - 2, 0) : n + 3] if _same_line(a, line)), line)
        for n, line in enumerate(theirs)
    ]
    names = ("the page shows", "the code prints")
    return "\n".join(difflib.unified_diff(ours, matched, *names, n=2, lineterm=""))


def _lines(text: str) -> list[str]:
    return [line.expandtabs(4).rstrip() for line in text.rstrip().split("\n")]  # as Markdown does


def _same_line(shown: str, printed: str) -> bool:
    if shown == printed:
        return True
    ours, theirs = NUMBER.findall(shown), NUMBER.findall(printed)
    return (
        NUMBER.split(shown) == NUMBER.split(printed)
        and len(ours) == len(theirs)
        and all(_rounds_to(a, b) for a, b in zip(ours, theirs, strict=True))
    )


def _rounds_to(shown: str, printed: str) -> bool:
    """Whether the number shown is the number printed, correctly rounded to the digits shown."""
    try:
        with localcontext(Context(prec=200)):  # whatever the page has set
            unit, finest = _last_digit(shown), _last_digit(printed)
            if finest > unit:  # the page shows digits that the code did not print
                return False
            return abs(Decimal(shown) - Decimal(printed)) * 2 <= Decimal(10) ** unit
    except DecimalException:  # exponents beyond all measure
        return False


def _last_digit(number: str) -> int:
    """The power of ten of the last digit written: -2 for 0.25, 0 for 7, -7 for 1e-7."""
    return int(Decimal(number).as_tuple().exponent)

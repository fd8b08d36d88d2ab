"""Judge a block of a page, once the page's program has run."""

import re
from pathlib import Path

from literate.compare import difference, same_output
from literate.page import Block, Page, PageError, read
from literate.program import Outcome
from literate.svg import clean, compare

Outcomes = dict[Block, Outcome]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # what a page cannot show; not tab and newline


def wrong(page: Page, block: Block, outcomes: Outcomes) -> str:
    """What is wrong with a block, or nothing."""
    judge = {"output": _wrong_output, "figure": _wrong_figure}.get(block.kind, _wrong_code)
    try:
        return judge(page, block, outcomes)
    except PageError as error:
        return str(error)


def drawing(page: Page, figure: Block, outcomes: Outcomes) -> str:
    """The figure as the one example above it draws it, cleaned.

    Raises:
        PageError: If not exactly one example above draws it, or what it draws cannot be cleaned.
    """
    above = page.blocks[: page.blocks.index(figure)]
    drawers = [block for block in above if block.runs and figure.language in outcomes[block].drawn]
    if len(drawers) != 1:
        raise PageError(
            f"expected one example above that draws {figure.language}, found {len(drawers)}"
        )
    try:
        return clean(outcomes[drawers[0]].drawn[figure.language], Path(figure.language).stem)
    except ValueError as error:
        raise PageError(f"{figure.language}: {error}") from error


def _failed(outcomes: Outcomes) -> Block | None:
    return next((block for block, outcome in outcomes.items() if outcome.error), None)


def _wrong_code(page: Page, block: Block, outcomes: Outcomes) -> str:
    outcome = outcomes[block]
    if outcome.needs:
        return f"not run, because it stands below {outcome.needs.place}, which failed"
    shown = {other.language for other in page.blocks if other.kind == "figure"}
    unseen = sorted(set(outcome.drawn) - shown)
    if outcome.error:
        return outcome.error
    return f"it draws {', '.join(unseen)}, which the page does not show" if unseen else ""


def _wrong_output(page: Page, block: Block, outcomes: Outcomes) -> str:
    outcome = outcomes[page.parent(block)]
    if outcome.needs or outcome.error:
        failed = outcome.needs or page.parent(block)
        return f"not compared, because {failed.place} failed"
    if strange := CONTROL.search(outcome.printed):
        return f"the code above prints the control character {strange[0]!r}"
    if same_output(block.source, outcome.printed):
        return ""
    return "the code above prints something else:\n" + difference(block.source, outcome.printed)


def _wrong_figure(page: Page, block: Block, outcomes: Outcomes) -> str:
    if block.borrowed:
        folder, name = (page.path.parent / block.language).parent, Path(block.language).name
        owners = (read(path) for path in sorted(folder.glob("*.md")))
        if any(other.language == name for owner in owners for other in owner.blocks):
            return ""  # drawn and compared on the page that it comes from
        return f"expected a page beside {block.language} that draws it, found none"
    failed = _failed(outcomes)
    if failed and not any(block.language in outcome.drawn for outcome in outcomes.values()):
        return f"not compared, because {failed.place} failed"
    drawn = drawing(page, block, outcomes)
    committed = page.path.parent / block.language
    if not committed.is_file():
        return f"{block.language} is drawn, but it is not in the page's folder: run the update"
    differences = compare(committed.read_text(encoding="utf-8"), drawn)
    return (
        "\n".join([f"{block.language} is not what is drawn:", *differences]) if differences else ""
    )

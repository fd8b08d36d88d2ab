"""Run a page's program: its Python, top to bottom, once, in one namespace and one empty folder."""

import contextlib
import io
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType

from literate.page import Block, Page, PageError

Around = Callable[[], AbstractContextManager[object]]


@dataclass
class Outcome:
    """What became of a block that runs.

    Attributes:
        printed: Standard output.
        error: What went wrong, told from the page's point of view; empty if nothing did.
        needs: An earlier block that failed, so that this one could not run.
        drawn: The figures written, as SVG, by file name.
        seconds: How long it took.
    """

    printed: str = ""
    error: str = ""
    needs: Block | None = None
    drawn: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def run(page: Page, around: Around = nullcontext) -> dict[Block, Outcome]:
    """Run a page's program, up to the first block that fails.

    Args:
        page: The page.
        around: Makes a context manager that is entered while the program runs.
    """
    module = ModuleType("page_" + re.sub(r"\W", "_", page.path.stem))
    outcomes: dict[Block, Outcome] = {}
    failed: Block | None = None
    with _own_place(module) as folder, around():
        for block in page.blocks:
            if block.runs:
                outcomes[block] = (
                    Outcome(needs=failed) if failed else _run_block(block, module, folder)
                )
                failed = failed or (block if outcomes[block].error else None)
    return outcomes


def script(page: Page) -> str:
    """The page's program as one text, as a reader would paste it."""
    return "\n".join(block.source for block in page.blocks if block.runs)


def compile_block(block: Block) -> CodeType:
    """Compile a block so that tracebacks and coverage point at the true file and line.

    Each line is put at its own number, on blank lines up to there.
    """
    place = block.lines[0][1]
    text, at = [""] * (place.line - 1), place.line - 1
    for line, (path, number) in ((line, (p.path, p.line)) for line, p in block.lines):
        if not line.strip():
            continue
        if path != place.path or number <= at:
            raise PageError(f"{block.place}: expected snippets in the order of their file")
        text += [""] * (number - 1 - at) + [line]
        at = number
    return compile("\n".join(text) + "\n", str(place.path), "exec", dont_inherit=True)


def _run_block(block: Block, module: ModuleType, folder: Path) -> Outcome:
    outcome, printed, begin = Outcome(), io.StringIO(), time.perf_counter()
    try:
        code = compile_block(block)
        with contextlib.redirect_stdout(printed):
            exec(code, module.__dict__)  # noqa: S102 -- that is what this module is for
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- also SystemExit and pytest's skip: told, not obeyed
        outcome.error = _told(error, {str(place.path) for _, place in block.lines})
    outcome.printed, outcome.seconds = printed.getvalue(), time.perf_counter() - begin
    for drawing in sorted(folder.glob("*.svg")):  # taken away, so that each is its own block's
        outcome.drawn[drawing.name] = drawing.read_text(encoding="utf-8")
        drawing.unlink()
    return outcome


def _told(error: BaseException, files: set[str]) -> str:
    """A traceback that begins where the page's code does."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename not in files:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


@contextlib.contextmanager
def _own_place(module: ModuleType) -> Iterator[Path]:
    """An empty working directory and a module of its own; what a program changes is put back."""
    folder, path, arguments, environment = Path.cwd(), sys.path[:], sys.argv[:], dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        try:
            os.chdir(temporary)
            sys.modules[module.__name__] = module
            yield Path(temporary)
        finally:
            os.chdir(folder)
            sys.modules.pop(module.__name__, None)
            sys.path[:], sys.argv[:] = path, arguments
            os.environ.clear()
            os.environ.update(environment)

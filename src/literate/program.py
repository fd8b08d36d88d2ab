"""Run a page's program: its Python, top to bottom, once, in one namespace and one empty folder."""

import __future__

import contextlib
import gc
import io
import os
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
from literate.surroundings import as_it_was, stray_errors

Around = Callable[[], AbstractContextManager[object]]
FUTURE = __future__.annotations.compiler_flag  # the others hold anyway


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
    module, future = ModuleType("__main__"), _future(page)  # as where a reader pastes it
    outcomes: dict[Block, Outcome] = {}
    failed: Block | None = None
    with as_it_was(), _own_folder(module) as folder, around():
        for block in page.blocks:
            if block.runs and failed:
                outcomes[block] = Outcome(needs=failed)
            elif block.runs:
                outcomes[block] = _run_block(block, module, folder, future)
                failed = block if outcomes[block].error else None
        with stray_errors() as stray:  # what the program left open complains when it goes
            module.__dict__.clear()
            gc.collect(0)
        if stray and not failed:
            outcomes[[*outcomes][-1]].error = "\n".join(map(_told, stray))
    return outcomes


def script(page: Page) -> str:
    """The page's program as one text, as a reader would paste it."""
    return "\n".join(block.source for block in page.blocks if block.runs)


def compile_block(block: Block, flags: int | None = None) -> CodeType:
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
    source = "\n".join(text) + "\n"
    code = compile(source, str(place.path), "exec", flags or 0, dont_inherit=True)
    if flags is not None and code.co_flags & FUTURE & ~flags:
        raise PageError("expected imports from __future__ in the first block of the page only")
    return code


def _future(page: Page) -> int:
    """What the first block imports from `__future__`, as compiler flags: it holds for all."""
    first = next((block for block in page.blocks if block.runs), None)
    try:
        return compile_block(first).co_flags & FUTURE if first else 0
    except (SyntaxError, ValueError):  # told when the block's turn comes
        return 0


def _run_block(block: Block, module: ModuleType, folder: Path, future: int) -> Outcome:
    outcome, printed, begin = Outcome(), io.StringIO(), time.perf_counter()
    errors: list[BaseException] = []
    try:
        code = compile_block(block, future)
        with stray_errors() as errors, contextlib.redirect_stdout(printed):
            exec(code, module.__dict__)  # noqa: S102 -- that is what this module is for
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- also SystemExit and pytest's skip: told, not obeyed
        errors = [error, *errors]
    outcome.error = "\n".join(map(_told, errors))
    outcome.printed, outcome.seconds = printed.getvalue(), time.perf_counter() - begin
    for drawing in sorted(folder.glob("*.svg")):  # taken away, so that each is its own block's
        outcome.drawn[drawing.name] = drawing.read_text(encoding="utf-8")
        drawing.unlink()
    return outcome


def _told(error: BaseException) -> str:
    """A traceback without the lines of this module."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename in (__file__, contextlib.__file__):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


@contextlib.contextmanager
def _own_folder(module: ModuleType) -> Iterator[Path]:
    """An empty working directory, and a module of its own for the program."""
    folder, main = Path.cwd(), sys.modules["__main__"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        try:
            os.chdir(temporary)
            sys.modules["__main__"] = module
            yield Path(temporary)
        finally:
            os.chdir(folder)
            sys.modules["__main__"] = main

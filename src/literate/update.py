"""Rewrite the outputs and figures of pages from what their programs print and draw.

A page runs three times, each in a process of its own: as it is, with another number of threads,
and with the oldest instruction set that the libraries offer.
What differs between the three is not the page's to show: it is refused.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from literate.compare import difference, same_output
from literate.page import Block, Page, PageError, Place, read
from literate.program import Outcome, run
from literate.svg import compare
from literate.verdict import CONTROL, drawing

# Threads that wait sleep: where other programs run too, they would take the cores from each other.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
MACHINES: dict[str, dict[str, str]] = {
    "one thread": {**dict.fromkeys(THREADS, "1"), "PYTHONHASHSEED": "0"},
    "two threads": {**dict.fromkeys(THREADS, "2"), **PATIENT, "PYTHONHASHSEED": "1"},
    "the oldest instruction set": {
        **dict.fromkeys(THREADS, "1"),
        "PYTHONHASHSEED": "2",
        "ATEN_CPU_CAPABILITY": "default",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_ICL",
        "OPENBLAS_CORETYPE": "Nehalem",
        "DNNL_MAX_CPU_ISA": "SSE41",
    },
}


def update(path: Path) -> list[str]:
    """Bring a page's outputs and figures up to date.

    Only what no longer matches is rewritten, each file at once or not at all.

    Args:
        path: The page.

    Returns:
        What was rewritten.

    Raises:
        PageError: If the program fails, or prints or draws something else on another machine.
            Then nothing is written.
    """
    page = read(path)
    with ThreadPoolExecutor(2) as pool:
        runs = dict(
            zip(MACHINES, pool.map(partial(_run_elsewhere, page), MACHINES.values()), strict=True)
        )
    outputs = [block for block in page.blocks if block.kind == "output"]
    pictures = [block for block in page.blocks if block.kind == "figure" and not block.borrowed]
    texts = {block: _agreed(page, block, runs, _printed, _differ) for block in outputs}
    drawings = {block: _agreed(page, block, runs, _drawn, _differ_drawn) for block in pictures}
    return _write_outputs(texts) + _write_drawings(page, drawings)


def _run_elsewhere(page: Page, machine: dict[str, str]) -> dict[Block, Outcome]:
    """Run a page in a process of its own, in another environment."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "outcomes"
        command = [sys.executable, "-m", "literate.update", str(page.path), str(result)]
        done = subprocess.run(command, env={**os.environ, **machine}, check=False)
        if done.returncode or not result.is_file():
            raise PageError(f"{page.path}: its program ended with exit code {done.returncode}")
        outcomes: dict[Block, Outcome] = pickle.loads(result.read_bytes())  # noqa: S301 -- what we have just written
    for block, outcome in outcomes.items():
        if outcome.error:
            raise PageError(f"{block.place}: {outcome.error}")
    return outcomes


Read = Callable[[Page, Block, dict[Block, Outcome]], str]
Differ = Callable[[str, str], str]
Runs = dict[str, dict[Block, Outcome]]


def _agreed(page: Page, block: Block, runs: Runs, get: Read, differ: Differ) -> str:
    """What the page shows if that still holds, else what the first run gave; true of every run."""
    first, *_ = runs
    committed = _committed(page, block)
    fresh = get(page, block, runs[first])
    kept = committed if committed and not differ(committed, fresh) else fresh
    for name, outcomes in runs.items():
        told = differ(kept, get(page, block, outcomes))
        if told:
            raise PageError(
                f"{block.place}: refused: {first} and {name} do not give the same:\n{told}\n"
                "Show fewer digits, or something that does not depend on the machine."
            )
    return kept


def _committed(page: Page, block: Block) -> str:
    path = page.path.parent / block.language
    if block.kind == "figure":
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    return block.source


def _printed(page: Page, block: Block, outcomes: dict[Block, Outcome]) -> str:
    printed = outcomes[page.parent(block)].printed
    if strange := CONTROL.search(printed):
        raise PageError(f"{block.place}: refused: it prints the character {strange[0]!r}")
    return printed


def _drawn(page: Page, block: Block, outcomes: dict[Block, Outcome]) -> str:
    return drawing(page, block, outcomes)


def _differ(shown: str, printed: str) -> str:
    return "" if same_output(shown, printed) else difference(shown, printed)


def _differ_drawn(committed: str, drawn: str) -> str:
    return "\n".join(compare(committed, drawn))


def _write_outputs(texts: dict[Block, str]) -> list[str]:
    """Rewrite the outputs that changed; the last first, so that line numbers stay true."""
    changed = [block for block, text in texts.items() if text != block.source]
    files = {block.fence.path: block.fence.path.read_bytes().decode() for block in changed}
    for block in sorted(changed, key=lambda block: -block.fence.line):
        if any(place.path != block.fence.path for _, place in block.lines):
            raise PageError(f"{block.place}: expected an output of its own, got a snippet")
        text = files[block.fence.path]
        end = "\r\n" if "\r\n" in text else "\n"
        lines, start = text.split(end), block.fence.line
        indent = lines[start - 1][: len(lines[start - 1]) - len(lines[start - 1].lstrip(" \t>"))]
        printed = texts[block].expandtabs(4).rstrip().split("\n")
        lines[start : start + len(block.lines)] = [(indent + line).rstrip() for line in printed]
        files[block.fence.path] = end.join(lines)
    for path, text in files.items():
        _check_rewritten(path, text, [texts[block] for block in texts if block.fence.path == path])
    for path, text in files.items():
        write(path, text)
    return [str(block.place) for block in changed]


def _check_rewritten(path: Path, text: str, outputs: list[str]) -> None:
    """Refuse a text that would not be read as it was meant, such as a fence inside an output."""
    trial = path.with_name(f".{path.name}")
    try:
        write(trial, text)
        found = [block.source for block in read(trial).blocks if block.kind == "output"]
    except PageError:
        found = []
    finally:
        trial.unlink(missing_ok=True)
    if len(found) != len(outputs) or not all(map(same_output, found, outputs)):
        raise PageError(
            f"{path}: refused: an example prints what cannot stand in its output's fence; "
            "use a longer fence, or print something else"
        )


def _write_drawings(page: Page, drawings: dict[Block, str]) -> list[str]:
    changed = [block for block, text in drawings.items() if text != _committed(page, block)]
    for block in changed:
        write(page.path.parent / block.language, drawings[block])
    return [str(Place(page.path.parent / block.language, 1)) for block in changed]


def write(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(path.stat().st_mode if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def main(arguments: Sequence[str]) -> int:
    """Run the page `arguments[0]` and put its outcomes into the file `arguments[1]`."""
    page = read(Path(arguments[0]))
    Path(arguments[1]).write_bytes(pickle.dumps(run(page)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

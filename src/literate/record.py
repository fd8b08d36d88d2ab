"""The record of a run of the tests: the code that passed, and the versions it passed with."""

import json
import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

PASSED = Path(".literate/passed")  # a file from each process that ran tests


@dataclass(frozen=True)
class Record:
    """What passed.

    Attributes:
        keys: The keys of the code, and of the outputs that were compared.
        versions: The version of each package that was installed, and of `python`.
    """

    keys: frozenset[str]
    versions: dict[str, str]


def forget(root: Path) -> None:
    """Remove the record of earlier runs."""
    shutil.rmtree(root / PASSED, ignore_errors=True)


def write(root: Path, keys: Iterable[str]) -> None:
    """Add what passed in this process."""
    # A version may name its build, as in 2.13.0+cpu.
    installed = {found.name.lower(): found.version.partition("+")[0] for found in distributions()}
    versions = installed | {"python": platform.python_version()}
    (root / PASSED).mkdir(parents=True, exist_ok=True)
    text = json.dumps({"keys": sorted(keys), "versions": versions}, sort_keys=True)
    (root / PASSED / f"{os.getpid()}.json").write_text(text, encoding="utf-8")


def read(root: Path) -> Record | None:
    """Read what passed in all processes of the last run; None if there is no record."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / PASSED).glob("*.json"))]
    if not texts:
        return None
    found = [json.loads(text) for text in texts]
    keys = frozenset(key for record in found for key in record["keys"])
    return Record(keys, found[-1]["versions"])

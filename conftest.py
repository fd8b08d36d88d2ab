"""Pages and docstrings are tests: how this project's pages are collected and run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jaxtyping

import literate.plugin


@contextmanager
def as_a_reader_would() -> Iterator[None]:
    """Without the shape checks of the test run, so that a wrong shape gives our own error."""
    checked = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", checked)


pytest_configure = literate.plugin.register(Path(__file__).parent, around=as_a_reader_would)

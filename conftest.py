"""Pages and docstrings are tests: how this project's pages are collected and run."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jaxtyping
import matplotlib as mpl
import numpy as np

import glassformer.plot  # noqa: F401 -- sets how figures look, which is kept below
import literate.plugin

STYLE = dict(mpl.rcParams)


@contextmanager
def as_a_reader_would() -> Iterator[None]:
    """Run a page as in a fresh interpreter, whatever ran before it in this process.

    The shape checks of the test run are off, so that a wrong shape gives our own error.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    mpl.rcParams.update(STYLE)
    if torch := sys.modules.get("torch"):
        torch.seed()  # at random: a page states its seed
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(False)
    try:
        with np.printoptions(), np.errstate(), warnings.catch_warnings():
            yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
        mpl.rcParams.update(STYLE)


pytest_configure = literate.plugin.register(Path(__file__).parent, around=as_a_reader_would)

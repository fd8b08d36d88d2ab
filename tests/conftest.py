"""What the tests share."""

from collections.abc import Iterator

import jaxtyping
import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.chromium import chromium

from literate.browser import options


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """One browser for all tests of a file."""
    path = chromium()
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=options())


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Switch the checks of annotations off, as for a reader, so that our own errors answer."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)

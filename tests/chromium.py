"""The browser of the tests that open one."""

import os

import pytest

from literate import browser


def chromium() -> str:
    """The browser; without one the tests are left out, but not in CI."""
    path = browser.find_browser()
    if path is None and os.environ.get("CI", "") in {"", "false"}:
        pytest.skip("needs Chromium or Chrome")
    assert path is not None, "expected a browser in CI"
    return path

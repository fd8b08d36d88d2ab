"""An empty project of pages, for the tests of what reads and runs them."""

import pytest
from tests.literate.project import Project


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project, which is the working directory."""
    monkeypatch.chdir(pytester.path)
    return Project(pytester.path, pytester.runpytest_inprocess)

"""These tests need a cluster with Argo; they never skip: whoever runs them wants to know what is missing."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e import cluster
from tests.e2e.space import Database, Space, as_text, from_text
from tests.e2e.space import space as make_space

SHARED = "CRONOCAST_E2E_SPACE"
_cleaning = ExitStack()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make the namespace once, before pytest-xdist starts its workers, which find its name in their environment."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    if reason := cluster.missing():
        pytest.exit(reason, returncode=2)
    os.environ[SHARED] = as_text(_cleaning.enter_context(make_space()))


def pytest_sessionfinish() -> None:
    """Remove the namespace."""
    _cleaning.close()


@pytest.fixture(scope="session")
def space() -> Space:
    return from_text(os.environ[SHARED])


@pytest.fixture(scope="session")
def database(space: Space) -> Iterator[Database]:
    with space.database() as reached:
        yield reached

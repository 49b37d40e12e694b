"""These tests need a cluster with Argo; they never skip: whoever runs them wants to know what is missing."""

from collections.abc import Iterator

import pytest

from tests.e2e import cluster


def pytest_sessionstart() -> None:
    if reason := cluster.missing():
        pytest.exit(f"make e2e needs a cluster with Argo Workflows: {reason}. See tests/e2e/README.md", returncode=2)


@pytest.fixture(scope="module")
def space(request: pytest.FixtureRequest) -> Iterator[cluster.Space]:
    with cluster.space(request.module.__name__.rsplit("test_", 1)[-1].replace("_", "-")[:30]) as made:
        yield made

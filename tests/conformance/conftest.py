"""What the suites share: the tables with the worked example in them."""

from collections.abc import Iterator

import pytest

from cronocast.chain.resolve import step_leaves
from cronocast.sources.table import SOURCES
from tests.conformance.toy_source import ROW


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one row that a new source is."""
    monkeypatch.setitem(SOURCES, "toy", ROW)
    step_leaves.cache_clear()
    yield
    step_leaves.cache_clear()

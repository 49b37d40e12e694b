"""What the suites share: the tables with the worked example in them."""

from collections.abc import Iterator

import pytest

from cronocast.chain.resolve import step_leaves
from cronocast.sinks.table import SINKS
from cronocast.sources.table import SOURCES
from tests.conformance import toy_sink as sink_example
from tests.conformance.toy_source import ROW


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one row that a new source is."""
    monkeypatch.setitem(SOURCES, "toy", ROW)
    step_leaves.cache_clear()
    yield
    step_leaves.cache_clear()


@pytest.fixture
def toy_sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one row that a new sink is."""
    monkeypatch.setitem(SINKS, "toy", sink_example.ROW)
    step_leaves.cache_clear()
    yield
    step_leaves.cache_clear()

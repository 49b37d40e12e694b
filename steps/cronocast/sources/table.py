"""Kinds of sources: what one does, and where each is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cronocast.document.entry import Entry
from cronocast.durations import stamp
from cronocast.registry import Row
from cronocast.sources.spool import Spool


@dataclass(frozen=True)
class Window:
    """What is read: start_ns <= time < end_ns, UTC; for finished steps both are multiples of every_ns since 1970."""

    start_ns: int
    end_ns: int
    every_ns: int

    def __str__(self) -> str:
        """The window as people read it."""
        return f"{stamp(self.start_ns)} to {stamp(self.end_ns)}"


@dataclass
class Reading:
    """What a source reports about one reading."""

    rows: int = 0  # as the server sent them
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> rows that did not reach the spool
    bytes: int = 0
    attempts: int = 1  # tries of the slowest request
    notes: list[str] = field(default_factory=list)  # warnings of the server
    why_empty: str = ""  # what an answer without rows means, in words


class Source(Protocol):
    """A kind of database to read from."""

    def read(self, entry: Entry, window: Window, spool: Spool, say: Callable[[str], None]) -> Reading:
        """Put every value of the window into the spool: whole, or an error of `errors.py`.

        Members, times and values come as the database has them, one value per time; rows may come in any order.
        """
        ...


SOURCES: Mapping[str, Row] = {
    "influxql": Row("cronocast.sources.influxql.source:InfluxQL"),
}

"""Kinds of sinks: what one does, and where each is."""

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cronocast.registry import KindRow

if TYPE_CHECKING:
    from cronocast.handoff.rows import Key, Rows

SINKS: Mapping[str, KindRow] = {
    "influx": KindRow(
        "cronocast.sinks.influx.sink:Influx",
        settings="cronocast.sinks.influx.settings:Settings",
        family="influxdb",
        can_count=True,
    )
}

Value = float | int | str | None  # of a field; None: not known, and not written


@dataclass(frozen=True)
class Run:
    """What every point of one run carries, and where it goes."""

    series: str  # exact name of the series, written as the tag `series`
    time_ns: int  # scheduled time; forecast rows carry it in seconds as the field `run`
    measurement: str  # receives the forecast
    record_field: re.Pattern[str] = re.compile(r"(?!)")  # names that records give to their fields; none by default

    @property
    def runs(self) -> str:
        """Measurement of the records of the runs."""
        return f"{self.measurement}_runs"


@dataclass(frozen=True)
class Point:
    """One point beside the forecast, such as the record of a run; fields keep their types."""

    measurement: str
    tags: str  # of a member, as `series.tags_text` writes them; "" for the whole series
    time_ns: int
    fields: Mapping[str, Value]


@dataclass(frozen=True)
class Refused:
    """A point that the server refuses: as text that can be sent again, and why."""

    text: bytes
    reason: str


@dataclass(frozen=True)
class Written:
    """What became of one request, or of several together."""

    acked: int = 0  # points that were acknowledged
    size: int = 0  # their bytes, as sent
    requests: int = 0
    attempts: int = 0  # tries of the slowest request
    refused: tuple[Refused, ...] = ()

    def __add__(self, more: "Written") -> "Written":
        """Both together."""
        return Written(
            self.acked + more.acked,
            self.size + more.size,
            self.requests + more.requests,
            max(self.attempts, more.attempts),
            self.refused + more.refused,
        )


# What is written is told request by request, not at the end: after an error the counts so far stand.
Writing = Generator[Written, None, None]


class Sink(Protocol):
    """A place that takes points. A row of SINKS makes one from its settings, a run, and a function that takes a line.

    The same point again (same measurement, tags and time) replaces the one before. A class of settings has `kind`, and
    `runs`: whether records of the runs are wanted; with `can_count` in its row also `read_back`.
    """

    extension: str  # of files that hold its points as they are sent

    def write(self, members: "Collection[Key]", rows: "Iterable[Rows]") -> Writing:
        """Write rows of a forecast; say of each request what became of it.

        Args:
            members: All that come. What can't be written of them is refused before anything is sent.
            rows: Checked ones, made while it goes on.

        Raises:
            CronocastError: as the table of exit codes says. A server that refuses single points is no error here.
        """
        ...

    def record(self, points: Iterable[Point]) -> Writing:
        """Write other points; as `write`."""
        ...

    def encoded(self, members: "Collection[Key]", rows: "Iterable[Rows]", points: Iterable[Point]) -> Iterator[bytes]:
        """All that `write` and `record` would send, in parts, without sending anything."""
        ...

    def count(self, first_ns: int, last_ns: int) -> int:
        """Count the forecast points of this run in a window, both ends included; only asked where `can_count`."""
        ...

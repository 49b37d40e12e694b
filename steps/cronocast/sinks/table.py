"""Kinds of sinks: what one does, and where each is."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from cronocast.registry import KindRow

if TYPE_CHECKING:
    from cronocast.handoff.rows import Key, Rows
    from cronocast.sinks.points import Point, Writing

SINKS: Mapping[str, KindRow] = {
    "influx": KindRow(
        "cronocast.sinks.influx.sink:Influx",
        settings="cronocast.sinks.influx.settings:Settings",
        family="influxdb",
        can_count=True,
    ),
    "victoriametrics": KindRow(
        "cronocast.sinks.victoriametrics.sink:VictoriaMetrics",
        settings="cronocast.sinks.victoriametrics.settings:Settings",
        can_count=True,
    ),
}


class Sink(Protocol):
    """A place that takes points. A row of SINKS makes one from its settings, a run, and a function that takes a line.

    The same point again (same measurement, tags and time) replaces the one before. A class of settings has `kind`, and
    `runs`: whether records of the runs are wanted; with `can_count` in its row also `read_back`. Beside the class may
    stand `member_fault(run, tags) -> str`: why the sink can't carry a member, "" if it can. `extract` and `load` leave
    such a member out, name it, and go on with the others.
    """

    extension: str  # of files that hold its points as they are sent

    def write(self, members: "Collection[Key]", rows: "Iterable[Rows]") -> "Writing":
        """Write rows of a forecast; say of each request what became of it.

        Args:
            members: All that come. What can't be written of them is refused before anything is sent.
            rows: Checked ones, made while it goes on.

        Raises:
            CronocastError: as the table of exit codes says. A server that refuses single points is no error here.
        """
        ...

    def record(self, points: "Iterable[Point]") -> "Writing":
        """Write other points; as `write`."""
        ...

    def encoded(self, members: "Collection[Key]", rows: "Iterable[Rows]", points: "Iterable[Point]") -> Iterator[bytes]:
        """All that `write` and `record` would send, in parts, without sending anything."""
        ...

    def count(self, first_ns: int, last_ns: int) -> int:
        """Count the forecast points of this run in a window, both ends included; only asked where `can_count`."""
        ...

    def recorded(self, first_ns: int, last_ns: int) -> list[int]:
        """Times of runs of this series in a window whose forecast was written, each as the minute in which it lies.

        By their records; ascending, both ends included. Only asked where `can_count`.
        """
        ...

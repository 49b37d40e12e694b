"""Kinds of sinks: what one does, and where each is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cronocast.registry import KindRow


@dataclass
class Written:
    """Counts of one load, kept up to date while it goes on."""

    acked: int = 0  # lines that were acknowledged
    size: int = 0  # bytes of acknowledged bodies
    requests: int = 0
    refused: list[tuple[bytes, str]] = field(default_factory=list)  # line, and why the server refused it


SINKS: Mapping[str, KindRow] = {
    "influx": KindRow(
        "cronocast.sinks.influx.sink:influx_sink",
        settings="cronocast.sinks.influx.settings:Settings",
        family="influxdb",
    )
}


class Sink(Protocol):
    """A database that takes points.

    A row of SINKS makes one from an entry and a function that takes a line for people.
    """

    attempts: int  # tries of the slowest request

    def write(self, bodies: Iterable[bytes], written: Written) -> None:
        """Send bodies of line protocol; count in `written` what is acknowledged, keep there what is refused.

        Raises:
            CronocastError: as the table of exit codes says.
        """
        ...

    def count(self, measurement: str, series: str, run_s: int, first_ns: int, last_ns: int) -> int:
        """Count the points of one run in a window, both ends included."""
        ...

"""Kinds of sources: what one does, and where each is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cronocast.durations import stamp
from cronocast.registry import KindRow

if TYPE_CHECKING:
    from cronocast.sources.spool import Spool

# What a step is given that reads files and no database: settings of the usual kind.
NO_DATABASE = {"url": "http://localhost:8086", "database": "none", "measurement": "none", "field": "none"}


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
    """A kind of database to read from.

    Its `Settings` stand in a light module of their own, which a row names. Of them every kind has `kind` and `delay`
    (how long data may arrive late). Beside them may stand

    * `problems(source, every, where) -> list[Problem]`: what is wrong only when several settings are seen together,
    * `reads(source) -> Place | None`: what is read, so that no series reads what it writes.

    Both take the part of the document as it was given; what is ill-typed in it has its own message.
    """

    def read(
        self,
        settings: Any,  # noqa: ANN401
        window: Window,
        spool: "Spool",
        say: Callable[[str], None],
    ) -> Reading:
        """Put every value of the window into the spool: whole, or an error of `errors.py`.

        Members, times and values come as the database has them, one value per time; rows may come in any order.
        """
        ...


SOURCES: Mapping[str, KindRow] = {
    "influxql": KindRow(
        "cronocast.sources.influxql.source:InfluxQL",
        settings="cronocast.sources.influxql.settings:Settings",
        family="influxdb",
    )
}

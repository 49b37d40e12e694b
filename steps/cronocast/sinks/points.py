"""What a sink takes, and what it says of it."""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Value = float | int | str | None  # of a field; None: not known, and not written


class Run(NamedTuple):
    """What every point of one run carries, and where it goes."""

    series: str  # exact name of the series, written as the tag `series`
    time_ns: int  # scheduled time; forecast rows carry it in seconds as the field `run`
    measurement: str  # receives the forecast
    record_field: re.Pattern[str] = re.compile(r"(?!)")  # names that records give to their fields; none by default

    @property
    def runs(self) -> str:
        """Measurement of the records of the runs."""
        return f"{self.measurement}_runs"


class Point(NamedTuple):
    """One point beside the forecast, such as the record of a run; fields keep their types."""

    measurement: str
    tags: str  # of a member, as `series.tags_text` writes them; "" for the whole series
    time_ns: int
    fields: Mapping[str, Value]


class Refused(NamedTuple):
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

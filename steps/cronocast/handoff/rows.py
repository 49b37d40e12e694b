"""Rows of a forecast as they go from its file to a sink: text of the file, already checked."""

from dataclasses import dataclass, field

from cronocast.durations import MAX_NS
from cronocast.handoff.series import FORECAST_COLUMNS

Key = tuple[str, str]  # name and tags of a member, as they stand in the file


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Consecutive rows of one member, as the decimal text that stands in the file."""

    name: str
    tags: str
    times: list[bytes]  # nanoseconds since 1970
    values: tuple[list[bytes], ...]  # one list for each column
    columns: tuple[str, ...] = FORECAST_COLUMNS

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.times)

    def part(self, first: int, end: int | None) -> "Rows":
        """Some of the rows, counted as slices count."""
        values = tuple(column[first:end] for column in self.values)
        return Rows(self.name, self.tags, self.times[first:end], values, self.columns)


@dataclass
class Extent:
    """What has been read of a forecast file so far."""

    members: dict[Key, int] = field(default_factory=dict)  # rows
    first_ns: int = MAX_NS
    last_ns: int = 0

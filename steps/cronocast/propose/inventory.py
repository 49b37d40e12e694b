"""What a database holds, as far as it matters for entries: series of a field, how often and since when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cronocast.durations import UNIT_NS
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database
from cronocast.sources.reading import Window

NUMERIC = frozenset({"float", "integer", "unsigned"})
OLD_NS = 366 * UNIT_NS["d"]  # how far back is looked
SILENT_NS = UNIT_NS[
    "d"
]  # silent for longer, and for longer than `SILENT_STEPS` of its points: nobody writes it any more
SILENT_STEPS = 10
LEAST_CHANGES = 20  # by which a counter is told
FALLS = 0.05  # share of the changes of counters that may be resets
OWN = ("_forecast", "_runs", "_accuracy", "_crossing", "_anomaly", "_vintage", "_canary")  # what forecasts write


@dataclass(frozen=True)
class Content:
    """One field of a measurement.

    Attributes:
        measurement, field: Its names.
        series: The newest point of each.
        oldest_ns: Time of the oldest point of all.
        apart_ns: Usual distance of points; 0 where nobody knows.
        counts: Its values look like those of a counter: whole numbers that hardly ever fall.
    """

    measurement: str
    field: str
    series: list[schema.Found]
    oldest_ns: int
    apart_ns: int
    counts: bool

    @property
    def newest_ns(self) -> int:
        """Time of the newest point."""
        return max(found.time_ns for found in self.series)

    @property
    def age_ns(self) -> int:
        """Time from the oldest point to the newest."""
        return self.newest_ns - self.oldest_ns

    def silent(self, now_ns: int) -> bool:
        """Whether nothing has come for a long time."""
        return now_ns - self.newest_ns > self._patience_ns

    def has_ended(self, series: schema.Found) -> bool:
        """Whether a series has been silent for a long time while others went on."""
        return self.newest_ns - series.time_ns > self._patience_ns

    @property
    def _patience_ns(self) -> int:
        return max(SILENT_NS, SILENT_STEPS * self.apart_ns)


def numeric_fields(database: Database) -> dict[str, list[str]]:
    """Measurements -> fields that hold numbers of one type; those that forecasts write are left out."""
    types = schema.field_types(database.ask(schema.fields_question()))
    fields = {
        name: [field for field, kinds in fields.items() if len(kinds) == 1 and kinds[0] in NUMERIC]
        for name, fields in types.items()
        if not name.endswith(OWN) and "yhat" not in fields
    }
    return {name: some for name, some in fields.items() if some}


def content_of(database: Database, measurement: str, field: str, now_ns: int) -> Content | None:
    """Look at one field of a measurement; None where it has had no point for a year."""
    window = Window(now_ns - OLD_NS, now_ns, 1)

    def ask(function: str) -> list[schema.Found]:
        return schema.found(database.ask(schema.series_question(measurement, field, function, window, {})))

    series = ask("last")
    if not series:
        return None
    oldest = min(found.time_ns for found in ask("first"))
    newest = database.ask(schema.newest_points_question(measurement, field, window))
    values = [[float(row[1]) for row in reversed(one["values"])] for one in newest]
    return Content(measurement, field, series, oldest, schema.apart_ns(newest), are_counted(values))


def are_counted(rows: Sequence[list[float]]) -> bool:
    """Whether values look like those of counters: whole numbers that rise mostly, and hardly ever fall.

    Args:
        rows: Values of one series each, oldest first.
    """
    if not all(value.is_integer() for row in rows for value in row):
        return False
    changes = [later - earlier for row in rows for earlier, later in pairwise(row)]
    rises, falls = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    return len(changes) >= LEAST_CHANGES and rises > len(changes) / 2 and falls <= FALLS * len(changes)


def keys_of(series: Iterable[Mapping[str, Any]]) -> list[str]:
    """Keys of all tags that any series has, sorted."""
    return sorted({key for tags in series for key in tags})

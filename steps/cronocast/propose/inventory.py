"""What a database holds, as far as it matters for entries: series of a field, how often and since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.durations import UNIT_NS
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.asking import Database
from cronocast.sources.influxql.newest import newest, newest_question
from cronocast.sources.influxql.schema import NUMERIC
from cronocast.sources.reading import Window

OLD_NS = 366 * UNIT_NS["d"]  # how far back is looked
SILENT_NS = UNIT_NS[
    "d"
]  # silent for longer, and for longer than `SILENT_STEPS` of its points: nobody writes it any more
SILENT_STEPS = 10
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
    types = database.read(schema.fields_question(), schema.field_types)
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
        return database.read(schema.series_question(measurement, field, function, window, {}), schema.found)

    series = ask("last")
    if not series:
        return None
    oldest = min(found.time_ns for found in ask("first"))
    recent = database.read(newest_question(measurement, field, window), newest)
    return Content(measurement, field, series, oldest, recent.apart_ns, recent.counts)


def keys_of(series: Iterable[Mapping[str, Any]]) -> list[str]:
    """Keys of all tags that any series has, sorted."""
    return sorted({key for tags in series for key in tags})

"""The newest points of a field: how far apart they are, and whether their values count something. Pure functions."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql.schema import Question
from cronocast.sources.reading import Window

POINTS, SERIES = 50, 20  # of each of some series
LEAST_CHANGES = 20  # from which a counter is told
RESETS = 0.05  # share of its changes that a counter may fall
GAUGE = 0.3  # share of its changes by which no counter falls


class Newest(NamedTuple):
    """What the newest points say.

    Attributes:
        apart_ns: Their usual distance; 0 where there are no two.
        rises, falls: Shares of the changes from one value to the next.
        changes: How many there are.
        whole: Every value is a whole number.
    """

    apart_ns: int
    rises: float
    falls: float
    changes: int
    whole: bool

    @property
    def counts(self) -> bool:
        """Whether they look like a counter: whole numbers that mostly rise, and hardly ever fall."""
        return self.changes >= LEAST_CHANGES and self.whole and self.rises > 1 / 2 and self.falls <= RESETS

    @property
    def cannot_count(self) -> bool:
        """Whether they can be no counter: they fall too often."""
        return self.changes >= LEAST_CHANGES and self.falls > GAUGE


def newest_question(measurement: str, field: str, window: Window) -> Question:
    """Asks for the newest points of some series, newest first."""
    values: dict[str, str | int | float] = {"start": window.start_ns, "end": window.end_ns}
    # names are quoted, values are bound
    text = f"SELECT {quoted(field)}::field FROM {quoted(measurement)} WHERE time >= $start AND time < $end"  # noqa: S608
    return f"{text} GROUP BY * ORDER BY time DESC LIMIT {POINTS} SLIMIT {SERIES}", values


def newest(series: Iterable[Mapping[str, Any]]) -> Newest:
    """Read the answer to `newest_question` about a field of numbers."""
    rows = [[(int(row[0]), float(row[1])) for row in reversed(one.get("values") or ())] for one in series]
    apart = sorted(later - earlier for row in rows for (earlier, _), (later, _) in pairwise(row))
    changes = [later - earlier for row in rows for (_, earlier), (_, later) in pairwise(row)]
    return Newest(
        apart[len(apart) // 2] if apart else 0,
        sum(change > 0 for change in changes) / max(1, len(changes)),
        sum(change < 0 for change in changes) / max(1, len(changes)),
        len(changes),
        all(value.is_integer() for row in rows for _, value in row),
    )

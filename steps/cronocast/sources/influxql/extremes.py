"""The lowest and the highest value of each member, held against the points of their steps.

A mean beyond all points of a member is beyond those of its own step, and the highest of all means then is too: so two
steps of a member say whether any of its values is out of range, and the server looks at two steps, not at all.
"""

from collections.abc import Iterable, Mapping
from heapq import nlargest
from operator import itemgetter
from typing import Any, NamedTuple

from cronocast.durations import stamp
from cronocast.errors import ContractError, seen
from cronocast.formats.influx_names import quoted
from cronocast.handoff.series import Member, parse_tags, tags_text
from cronocast.sources.influxql.query import BOUNDS, Values, kept, tag_groups
from cronocast.sources.influxql.schema import Question
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.reading import Window
from cronocast.sources.spool import Rows

MOST = 10  # members whose extremes are checked, those with the widest range: some 2 ms each
SLACK = 1e-9  # relative: what millions of additions may round


class Extreme(NamedTuple):
    """The lowest and the highest value of a member, each with the time of its step; and how many it has."""

    low: float
    low_ns: int
    high: float
    high_ns: int
    rows: int

    def joined(self, other: "Extreme | None") -> "Extreme":
        """Of both together."""
        if other is None:
            return self
        low, high = min(self, other, key=itemgetter(0)), max(self, other, key=itemgetter(2))
        return Extreme(low.low, low.low_ns, high.high, high.high_ns, self.rows + other.rows)


Series = Mapping[str, Any]
Found = dict[tuple[str, str], Extreme]  # by name and tags of the member


class Extremes:
    """Passes rows on to the spool and remembers the extremes of each member."""

    def __init__(self, spool: Rows) -> None:
        self._spool = spool
        self.found: Found = {}

    def add(self, name: str, tags: str, lines: list[bytes], first_ns: int, last_ns: int, *, ascending: bool) -> None:
        """As `Spool.add`."""
        self._spool.add(name, tags, lines, first_ns, last_ns, ascending=ascending)
        values = _values(lines, first_ns, last_ns)
        low, high = min(values), max(values)
        at_low, at_high = (int(lines[values.index(value)].partition(b",")[0]) for value in (low, high))
        new = Extreme(low, at_low, high, at_high, len(lines))
        self.found[name, tags] = new.joined(self.found.get((name, tags)))


def _values(lines: list[bytes], first_ns: int, last_ns: int) -> list[float]:
    """The values of rows `time,value`."""
    start = len(str(first_ns)) + 1
    if start == len(str(last_ns)) + 1:  # all times have as many digits
        return list(map(float, map(itemgetter(slice(start, None)), lines)))
    return [float(line.partition(b",")[2]) for line in lines]


def merge(found: Found, more: Found) -> None:
    """Add the extremes of a further part to those found."""
    for member, extreme in more.items():
        found[member] = extreme.joined(found.get(member))


def chosen(found: Found) -> list[tuple[str, int, float]]:
    """Tags, step and value of what is checked: both extremes of the members with the widest range."""
    widest = nlargest(MOST, found.items(), key=lambda pair: pair[1].high - pair[1].low)
    pairs = [(tags, *place) for (_, tags), e in widest for place in {(e.low_ns, e.low), (e.high_ns, e.high)}]
    return sorted(pairs)


def points_question(source: Settings, window: Window, places: Iterable[tuple[str, int, float]]) -> Question:
    """Asks for the least and the largest point, and how many there are, of steps of members; in one statement."""
    values: Values = {"start": window.start_ns, "end": window.end_ns}
    field = f"{quoted(source.field or '')}::float"
    selected = f"SELECT min({field}) AS lo, max({field}) AS hi, count({field}) AS n"
    grouped = f" GROUP BY {', '.join(tag_groups(source))}" if source.group_by else ""
    parts = []
    for tags, time_ns, _ in places:
        step = (f"time >= {time_ns}", f"time < {time_ns + window.every_ns}")
        own = dict(parse_tags(tags))
        member = {**source.tags, **{key: (own.get(key, ""),) for key in source.group_by}}
        parts.append(f"({selected} {kept(source, values, step, member)}{grouped})")
    return f"SELECT lo, hi, n FROM {', '.join(parts)} WHERE {' AND '.join(BOUNDS)}{grouped}", values  # noqa: S608 - quoted, bound


def check(aggregate: str, places: Iterable[tuple[str, int, float]], answer: Iterable[Series], where: str) -> None:
    """Check values against the points of their steps.

    Args:
        aggregate: Of the points of a step.
        places: Of `chosen`.
        answer: To `points_question`, of one measurement.
        where: For the error.

    Raises:
        ContractError: a value is none that these points can have.
    """
    points, name = {}, ""
    for series in answer:
        name = str(series.get("name"))
        tags = tags_text((key, value) for key, value in (series.get("tags") or {}).items() if value)
        points.update({(tags, int(row[0])): tuple(map(float, row[1:])) for row in series["values"]})
    for tags, time_ns, value in places:
        if (found := points.get((tags, time_ns))) and not _possible(aggregate, value, *found):
            low, high, count = found
            what = f"{aggregate} {value!r} of {seen(Member(name, tags).label)} in the step {stamp(time_ns)}"
            right = f"its {count:g} points lie between {low!r} and {high!r}"
            cause = "the server computes it wrong, as it does of large integers that are not read as ::float"
            raise ContractError("E_IMPOSSIBLE_VALUE", where, f"{what} can't be: {right}; {cause}")


def _possible(aggregate: str, value: float, low: float, high: float, count: float) -> bool:
    """Whether an aggregate of points can have a value; points that came since only widen the range."""
    if aggregate == "count":
        low, high = 0.0, count
    elif aggregate == "sum":
        low, high = min(low, count * low), max(high, count * high)
    slack = SLACK * max(abs(low), abs(high))
    return low - slack <= value <= high + slack

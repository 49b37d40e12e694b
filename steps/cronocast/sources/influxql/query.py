"""InfluxQL as text: one SELECT per window, values as bind parameters, names quoted. Pure functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from cronocast.durations import Duration
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql.schema import Question, conditions
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.reading import Window

Values = dict[str, str | int | float]
Tags = Mapping[str, Sequence[str]]
BOUNDS = ("time >= $start", "time < $end")
COMPUTED = ("mean", "median", "sum")  # of numbers; the others pick a point, or count


@dataclass(frozen=True)
class Query:
    """A statement and the values of its parameters."""

    text: str
    values: Values

    def form(self, source: Settings) -> bytes:
        """The body of a request; the database goes beside the text, so that all dialects find it in the same way."""
        fields = {
            "db": source.database,
            "q": self.text,
            "params": json.dumps(self.values),
            "epoch": "ns",
            "chunked": "true",
        }
        if source.retention_policy is not None:
            fields["rp"] = source.retention_policy
        return urlencode(fields).encode("ascii")


def history_query(source: Settings, window: Window) -> Query:
    """The SELECT that reads a window: the user's own text, or one value per step and member."""
    values = _bounds(window)
    if source.query is not None:
        return Query(source.query, values)
    if source.aggregate == "percentile":
        values["percentile"] = source.percentile
    # Without fill(none) every empty step would come as a row of its own.
    return Query(f"SELECT {value_of(source)} {_per_step(source, window, values)}", values)


def points_query(source: Settings, window: Window) -> Query:
    """Asks for the points themselves, those of each member in order."""
    values = _bounds(window)
    groups = f" GROUP BY {', '.join(tag_groups(source))}" if source.group_by else ""
    return Query(f"SELECT {quoted(source.field or '')}::field {kept(source, values)}{groups}", values)


def thin_query(source: Settings, window: Window, points: int) -> Question:
    """Asks for the steps in which some member has points, but fewer than so many."""
    values = {**_bounds(window), "points": points}
    counts = f"SELECT count({quoted(source.field or '')}::field) AS n {_per_step(source, window, values)}"
    some = f"SELECT min(n) FROM ({counts}) WHERE time >= $start AND time < $end AND n < $points"  # noqa: S608 - quoted, bound
    return f"{some} GROUP BY {_step(window)} fill(none)", values


def unread_query(source: Settings, window: Window, kind: str) -> Question:
    """Asks how many points hold a text or a boolean, which no aggregate of numbers reads."""
    values = _bounds(window)
    return f"SELECT count({quoted(source.field or '')}::{kind}) {kept(source, values)}", values


def huge_query(source: Settings, window: Window, beyond: float) -> Question:
    """Asks for the first step of each member with a point beyond a number, above or below zero."""
    values = _bounds(window)
    field = f"{quoted(source.field or '')}::float"
    inner = f"SELECT min({field}) AS lo, max({field}) AS hi {_per_step(source, window, values)}"
    groups = f" GROUP BY {', '.join(tag_groups(source))}" if source.group_by else ""
    # Written out: of parameters the server takes no exponents.
    some = f"time >= $start AND time < $end AND (hi > {beyond:.1f} OR lo < {-beyond:.1f})"
    return f"SELECT lo, hi FROM ({inner}) WHERE {some}{groups} LIMIT 1", values  # noqa: S608 - quoted, bound


def value_of(source: Settings) -> str:
    """What is selected of the points of a step.

    `::float` for what is computed: of an integer field the server would add integers, past 2^63 without a word.
    `::field` for what is picked or counted: it keeps all digits of an integer, and is never a tag of the same name.
    """
    kind = "float" if source.aggregate in COMPUTED else "field"
    more = ", $percentile" if source.aggregate == "percentile" else ""
    return f"{source.aggregate}({quoted(source.field or '')}::{kind}{more})"


def kept(source: Settings, values: Values, bounds: Sequence[str] = BOUNDS, tags: Tags | None = None) -> str:
    """Where the points are, and which of them count; puts the values of parameters into `values`.

    Args:
        source: Where they are.
        values: Of parameters.
        bounds: Of the time, as conditions.
        tags: Values of tags that are kept; those of the source if not given.
    """
    where = [*bounds, *conditions(source.tags if tags is None else tags, values)]
    return f"FROM {quoted(source.measurement or '')} WHERE {' AND '.join(where)}"


def tag_groups(source: Settings) -> list[str]:
    """The tags of GROUP BY."""
    return [f"{quoted(key)}::tag" for key in source.group_by]


def _per_step(source: Settings, window: Window, values: Values) -> str:
    return f"{kept(source, values)} GROUP BY {', '.join([_step(window), *tag_groups(source)])} fill(none)"


def _step(window: Window) -> str:
    return f"time({Duration.of(window.every_ns)})"


def _bounds(window: Window) -> Values:
    return {"start": window.start_ns, "end": window.end_ns}


def slices(window: Window, length_ns: int | None) -> list[Window]:
    """The window in pieces of at most `length_ns`, oldest first."""
    step = length_ns or (window.end_ns - window.start_ns)
    return [
        Window(start, min(start + step, window.end_ns), window.every_ns)
        for start in range(window.start_ns, window.end_ns, step)
    ]

"""InfluxQL as text: one SELECT per window, values as bind parameters, names quoted. Pure functions."""

import json
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from cronocast.durations import Duration
from cronocast.formats.influx_names import quoted
from cronocast.sources.influxql.settings import Settings
from cronocast.sources.reading import Window


@dataclass(frozen=True)
class Query:
    """A statement and the values of its parameters."""

    text: str
    values: dict[str, str | int | float]

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
    values: dict[str, str | int | float] = {"start": window.start_ns, "end": window.end_ns}
    if source.query is not None:
        return Query(source.query, values)
    value = f"{source.aggregate}({quoted(source.field or '')})"
    if source.aggregate == "percentile":
        value = f"percentile({quoted(source.field or '')}, $percentile)"
        values["percentile"] = source.percentile
    conditions = ["time >= $start", "time < $end"]
    for key, allowed in source.tags.items():
        names = [f"tag{len(values) + i}" for i in range(len(allowed))]
        values |= dict(zip(names, allowed, strict=True))
        conditions.append("(" + " OR ".join(f"{quoted(key)} = ${name}" for name in names) + ")")
    groups = ", ".join([f"time({Duration.of(window.every_ns)})", *map(quoted, source.group_by)])
    # Without fill(none) every empty step would come as a row of its own.
    selected = f"SELECT {value} FROM {quoted(source.measurement or '')} WHERE {' AND '.join(conditions)}"  # noqa: S608
    return Query(f"{selected} GROUP BY {groups} fill(none)", values)


def fields_query(source: Settings) -> Query:
    """Asks for the fields of the measurement: it tells a misspelt name from an empty window."""
    return Query(f"SHOW FIELD KEYS FROM {quoted(source.measurement or '')}", {})


def count_query(source: Settings, window: Window) -> Query:
    """Asks for one step that holds any point."""
    query = history_query(replace(source, aggregate="count"), window)
    return replace(query, text=f"{query.text} LIMIT 1")


def slices(window: Window, length_ns: int | None) -> list[Window]:
    """The window in pieces of at most `length_ns`, oldest first."""
    step = length_ns or (window.end_ns - window.start_ns)
    return [
        Window(start, min(start + step, window.end_ns), window.every_ns)
        for start in range(window.start_ns, window.end_ns, step)
    ]

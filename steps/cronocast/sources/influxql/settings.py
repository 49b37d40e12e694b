"""What an entry says of an InfluxDB to read from."""

from dataclasses import dataclass
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import Problem
from cronocast.formats.influx_names import DATABASE, FIELD_KEY, MEMBER_TAG, NAME, TAG_KEY, TAG_VALUE
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Number, Span, Text
from cronocast.settings.server import Place, Server
from cronocast.sources.influxql import rules

AGGREGATES = ("mean", "median", "sum", "min", "max", "last", "count", "percentile")


@dataclass(frozen=True)
class Settings(Server):
    """Where the history comes from."""

    kind: str = setting(Text(("influxql",)), "influxql", "Kind of source.", "extract")
    database: str = setting(DATABASE, ..., "Database (in 2.x and 3.x: the bucket or database mapped to it).", "extract")
    retention_policy: str | None = setting(
        DATABASE, None, "Retention policy; the database's default if not given.", "extract"
    )
    measurement: str | None = setting(NAME, None, "Measurement to read.", "extract")
    field: str | None = setting(FIELD_KEY, None, "Field to read.", "extract")
    aggregate: str = setting(
        Text(AGGREGATES), "mean", "How the points of one step are aggregated into one value.", "extract"
    )
    percentile: float = setting(Number(0, 100), 95.0, "Which percentile, for aggregate percentile.", "extract")
    tags: dict[str, tuple[str, ...]] = setting(
        MapOf(TAG_KEY, TAG_VALUE, many=True), {}, "Keep only points with these tag values (one or a list).", "extract"
    )
    group_by: tuple[str, ...] = setting(
        ListOf(MEMBER_TAG),
        (),
        "Tags whose combinations become members; not `series`, `run`, `yhat` or `yhat_...`, which a forecast uses"
        " itself.",
        "extract",
    )
    query: str | None = setting(
        Text(fault=rules.query_fault, token="E_QUERY_NOT_SELECT", about="one SELECT with $start and $end"),
        None,
        "A SELECT of your own instead of measurement, field and aggregate; its time bounds are $start and $end, its"
        " only column is the value.",
        "extract",
    )
    slice: Duration | None = setting(
        Span(), None, "Read the lookback in slices of this length; one request if not given.", "extract"
    )
    delay: Duration = setting(
        Span(zero=True),
        Duration.parse("1s"),
        "How long data may arrive late: a step counts as finished this long after its end.",
        "extract",
    )
    max_rows: int = setting(
        Number(1, 50_000_000, whole=True), 5_000_000, "Largest answer to accept, in rows.", "extract"
    )
    max_bytes: int = setting(Number(1, 2**40, whole=True), 2**30, "Largest answer to accept, in bytes.", "extract")


def problems(source: dict[str, Any], every: Duration | None, where: str) -> list[Problem]:
    """What is wrong only when several settings are seen together; `every` is the step size where it can be read."""
    return rules.reading_problems(source, where) + (rules.slice_problems(source, every, where) if every else [])


def reads(source: dict[str, Any]) -> Place | None:
    """The measurements that are read, and where."""
    query, measurement = source.get("query"), source.get("measurement")
    names = rules.read_by(query) if isinstance(query, str) else {measurement} if isinstance(measurement, str) else set()
    return Place({part: source.get(part) for part in ("url", "database", "retention_policy")}, frozenset(names))

"""What an entry says of an InfluxDB to read from."""

from dataclasses import dataclass, replace
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import Problem
from cronocast.formats.influx_names import DATABASE, FIELD_KEY, MEMBER_TAG, NAME, TAG_KEY, TAG_VALUE
from cronocast.settings.containers import ListOf, MapOf
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Number, Span, Text
from cronocast.settings.server import Place, Server
from cronocast.sources.influxql import rules

STANDING = ("mean", "min", "max", "last")  # aggregates that a value has which stands until the next one
EMPTY = ("missing", "zero", "previous")
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
    aggregate: str | None = setting(
        Text(AGGREGATES),
        None,
        "How the points of one step are aggregated into one value; if not given mean, or last for a counter"
        " (prepare.rate).",
        "extract",
    )
    empty: str | None = setting(
        Text(EMPTY),
        None,
        "What a step without a point means: its value is missing; it is zero, since nothing happened; or it is as"
        " before, since points are written on changes only. If not given zero for aggregate count, else missing, also"
        " for sum. Before the first point of a member in the lookback nothing is read into it.",
        "extract classify forecast",
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
    sliced = rules.slice_problems(source, every, where) if every else []
    return [*rules.reading_problems(source, where), *_empty_problems(source, where), *sliced]


def _empty_problems(source: dict[str, Any], where: str) -> list[Problem]:
    """Check that what stands until the next point can be aggregated as asked."""
    aggregate = source.get("aggregate")
    if source.get("empty") != "previous" or aggregate not in AGGREGATES or aggregate in STANDING:
        return []
    sentence = f"previous with aggregate {aggregate} says nothing; allowed: aggregate {', '.join(STANDING)}"
    return [Problem("E_CONFIG_CROSS", f"{where}.empty", sentence)]


def filled(source: Settings, *, counter: bool = False) -> Settings:
    """The same with what was left open: how points are aggregated, and what a step without one means.

    Args:
        source: Settings of an entry.
        counter: Whether its values are a counter, of which a mean is no value that it ever had.
    """
    usual = None if source.query is not None else "last" if counter else "mean"
    aggregate = source.aggregate or usual
    counts = aggregate == "count" and not counter
    return replace(source, aggregate=aggregate, empty=source.empty or ("zero" if counts else "missing"))


def reads(source: dict[str, Any]) -> Place | None:
    """The measurements that are read, and where."""
    query, measurement = source.get("query"), source.get("measurement")
    names = rules.read_by(query) if isinstance(query, str) else {measurement} if isinstance(measurement, str) else set()
    return Place({part: source.get(part) for part in ("url", "database", "retention_policy")}, frozenset(names))

"""What a database holds: questions as InfluxQL, and what their answers say. Pure functions, alike on 1.8, 1.13 and 2.x.

A question is a statement and the values of its parameters, as `query.Query` takes them; the database goes beside it. An
answer is the list `series` of its one result (`messages.result_of`), of every message together.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cronocast.durations import UNIT_NS, Duration
from cronocast.formats.influx_names import quoted
from cronocast.sources.reading import Window

Question = tuple[str, dict[str, str | int | float]]
Tags = Mapping[str, str]
Allowed = Mapping[str, Sequence[str]]  # values of tags that are kept, as `source.tags`

DATABASES: Question = ("SHOW DATABASES", {})  # 2.x: those that the token may read
MEASUREMENTS: Question = ("SHOW MEASUREMENTS", {})
NUMERIC = frozenset({"float", "integer", "unsigned"})  # types of fields that can be forecast
# What users call a thing by, where another tag, such as a device, says the same.
FAMILIAR = ("host", "path", "cpu", "interface", "name", "queue", "topic", "group", "vhost", "database", "db", "pod")


class Policy(NamedTuple):
    """A retention policy. 0 ns: it keeps its points for ever, or takes any that lie ahead."""

    name: str
    keeps_ns: int
    ahead_ns: int  # FUTURE LIMIT, from 1.12 on
    is_default: bool


class Found(NamedTuple):
    """What a query found of one series: its tags (absent ones left out), a time and a value of one row."""

    tags: dict[str, str]
    time_ns: int
    value: str


def policies_question(database: str) -> Question:
    """Asks for the policies; 2.x answers with none where there is no such database, 1.x with an error."""
    return f"SHOW RETENTION POLICIES ON {quoted(database)}", {}


def fields_question(measurement: str | None = None) -> Question:
    """Asks for fields and their types, of one measurement or of each."""
    return f"SHOW FIELD KEYS{_from(measurement)}", {}


def tag_keys_question(measurement: str | None = None) -> Question:
    """Asks for the keys of tags, of one measurement or of each; also of points that are older than the window."""
    return f"SHOW TAG KEYS{_from(measurement)}", {}


def tag_values_question(measurement: str, keys: Iterable[str], allowed: Allowed | None = None) -> Question:
    """Asks for the values of tags, among the series with the allowed values of others; of any time."""
    values: dict[str, str | int | float] = {}
    parts = conditions(allowed or {}, values)
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    return f"SHOW TAG VALUES{_from(measurement)} WITH KEY IN ({', '.join(map(quoted, keys))}){where}", values


def series_question(
    measurement: str, field: str, function: str, window: Window, allowed: Allowed, most: int | None = None
) -> Question:
    """Asks for one value of every series with points of a field in a window, all its tags told apart.

    Args:
        measurement: Of the series.
        field: Whose points count; alone, those of other fields do not.
        function: `count` (its time means nothing), or `first` or `last` (their times are those of the points).
        window: Start included, end not.
        allowed: Values of tags that are kept.
        most: How many series are told of; all if not given.
    """
    values: dict[str, str | int | float] = {"start": window.start_ns, "end": window.end_ns}
    where = " AND ".join(["time >= $start", "time < $end", *conditions(allowed, values)])
    limit = "" if most is None else f" SLIMIT {most}"
    return f"SELECT {function}({quoted(field)}){_from(measurement)} WHERE {where} GROUP BY *{limit}", values


def steps_question(measurement: str, field: str, group_by: Sequence[str], window: Window, allowed: Allowed) -> Question:
    """Asks in how many steps of the window each member has a point: one row for each, however many steps there are."""
    values: dict[str, str | int | float] = {"start": window.start_ns, "end": window.end_ns}
    where = " AND ".join(["time >= $start", "time < $end", *conditions(allowed, values)])
    keys = [f"{quoted(key)}::tag" for key in group_by]
    steps = ", ".join([f"time({Duration.of(window.every_ns)})", *keys])
    inner = f"SELECT count({quoted(field)}) AS n{_from(measurement)} WHERE {where} GROUP BY {steps} fill(none)"
    outer = f" GROUP BY {', '.join(keys)}" if keys else ""
    return f"SELECT count(n) FROM ({inner}){outer}", values  # noqa: S608 - names are quoted, values are bound


def conditions(allowed: Allowed, values: dict[str, str | int | float]) -> list[str]:
    """Conditions that keep the allowed values of tags; puts the values of their parameters into `values`.

    `::tag` matters where a field has the name of a tag: without it the server compares the field.
    """
    made = []
    for key, names in allowed.items():
        parameters = [f"tag{len(values) + i}" for i in range(len(names))]
        values |= dict(zip(parameters, names, strict=True))
        made.append("(" + " OR ".join(f"{quoted(key)}::tag = ${name}" for name in parameters) + ")")
    return made


def names_of(series: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names in an answer about databases or measurements."""
    return [str(row[0]) for one in series for row in _rows(one)]


def field_types(series: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Measurement -> field -> its types (float, integer, string, boolean).

    Several where shards differ: each shard holds one type, and a query reads only what has that of the first.
    """
    types: dict[str, dict[str, list[str]]] = {}
    for one in series:
        fields = types.setdefault(str(one.get("name")), {})
        for name, kind in _rows(one):
            fields.setdefault(str(name), []).append(str(kind))
    return types


def tag_keys(series: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Measurement -> keys of its tags."""
    return {str(one.get("name")): [str(row[0]) for row in _rows(one)] for one in series}


def tag_values(series: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Key -> values of that tag."""
    values: dict[str, list[str]] = {}
    for one in series:
        for key, value in _rows(one):
            values.setdefault(str(key), []).append(str(value))
    return values


def policies(series: Iterable[Mapping[str, Any]]) -> list[Policy]:
    """The policies of an answer to `policies_question`; columns by name, 1.12 has put new ones between them."""
    cells = [dict(zip(one["columns"], row, strict=True)) for one in series for row in _rows(one)]
    return [
        Policy(
            str(cell["name"]),
            go_duration_ns(str(cell["duration"])),
            go_duration_ns(str(cell.get("futureWriteLimit", "0s"))),
            cell.get("default") is True,
        )
        for cell in cells
    ]


def found(series: Iterable[Mapping[str, Any]]) -> list[Found]:
    """First rows of an answer to `series_question`, one of each series.

    A later message goes on with rows of the same series; of a query with one row per series there are none.
    """
    return [
        Found(
            {str(key): str(value) for key, value in (one.get("tags") or {}).items() if value}, int(row[0]), str(row[1])
        )
        for one in series
        for row in _rows(one)[:1]
    ]


def counts(series: Iterable[Mapping[str, Any]]) -> list[tuple[dict[str, str], int]]:
    """As `found`, of a question that counts: tags, and how many."""
    return [(one.tags, int(one.value)) for one in found(series)]


def differing(every: Iterable[Tags], group_by: Iterable[str]) -> dict[str, int]:
    """Tags by which points of one member differ, and how many values of them such members have.

    These are neither grouped nor fixed, so points that they tell apart are aggregated into one value. A tag that
    merely follows the grouped ones (the rack of a host) is none of them.

    Args:
        every: Tags of each series that is read, absent ones left out.
        group_by: Tags that make members.
    """
    members: dict[tuple[str, ...], list[Tags]] = {}
    grouped = tuple(group_by)
    for tags in every:
        members.setdefault(tuple(tags.get(key, "") for key in grouped), []).append(tags)
    values: dict[str, set[str]] = {}
    for series in members.values():
        for key in {key for tags in series for key in tags}:
            if len(of_member := {tags.get(key, "") for tags in series}) > 1:
                values.setdefault(key, set()).update(of_member)
    counts = {key: len(some) for key, some in values.items()}
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], _unfamiliar(pair[0]), pair[0])))


def separating(every: Sequence[Tags], group_by: Iterable[str]) -> list[str]:
    """The tags to add to `group_by`, so that each member is one series: as few as a greedy choice finds.

    Of tags that part series equally well, the one that users know better comes first: the path of a disk, not its
    device.
    """
    added: list[str] = []
    grouped = list(group_by)
    while left := differing(every, [*grouped, *added]):
        added.append(min(left, key=lambda key: (-_members(every, [*grouped, *added, key]), _unfamiliar(key), key)))
    return added


def _members(every: Iterable[Tags], keys: Iterable[str]) -> int:
    return len({tuple(tags.get(key, "") for key in keys) for tags in every})


def _unfamiliar(key: str) -> int:
    return FAMILIAR.index(key) if key in FAMILIAR else len(FAMILIAR)


def go_duration_ns(text: str) -> int:
    """Nanoseconds of a duration as Go writes it, such as 168h0m0s; 0 where it is none."""
    return sum(int(number) * UNIT_NS[unit] for number, unit in re.findall(r"([0-9]+)([hms])(?![a-z])", text))


def _from(measurement: str | None) -> str:
    return "" if measurement is None else f" FROM {quoted(measurement)}"


def _rows(series: Mapping[str, Any]) -> list[list[Any]]:
    rows = series.get("values")
    return rows if isinstance(rows, list) else []

"""The request of a queue forecast, as a whole document of its own, and the entry that it means. Standard library only.

Acceldata's form: who asks, where values come from and go, periods of aggregation, reading and prediction, the model.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cronocast.errors import Problem, seen

SOURCES = {"influxdb": "influxql"}  # name in a request -> kind
SINKS = {"influxdb": "influx"}
# Path in the request -> path in the entry. The first ones are required.
REQUIRED = {
    "job_name": "name",
    "data.source.collection": "source.measurement",
    "data.source.document": "source.database",
    "data.destination.database": "sink.database",
    "data.destination.measurement": "sink.measurement",
    "aggregation_time_period": "every",
    "data_ingestion_time_period": "lookback",
    "future_prediction_time_period": "horizon",
}
OPTIONAL = {
    "job_description": "title",
    "model": "model",
    "data.source.field": "source.field",
    "data.source.group_by": "source.group_by",
}
ASKED_BY = ("user_name", "project", "owner")
NAMES = ("data.source.name", "data.destination.name")
MODELS = {"prophet": "prophet", "lstm": "lstm", "var": "var"}  # as requests write them, in any case
PATHS = {entry: request for request, entry in {**REQUIRED, **OPTIONAL}.items()}


def is_queue_request(document: Any) -> bool:  # noqa: ANN401 - untrusted data
    """Whether a document is such a request and no entry."""
    return isinstance(document, dict) and "job_name" in document


def entry_of(request: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The entry that a request means; what is wrong with the request itself is added to the problems."""
    known = {*REQUIRED, *OPTIONAL, *ASKED_BY, *NAMES}
    problems += [
        Problem("E_CONFIG_UNKNOWN_KEY", path, "is not part of a request; leave it out")
        for path, _ in _leaves(request, "", known)
        if path not in known
    ]
    entry: dict[str, Any] = {}
    for path, target in {**REQUIRED, **OPTIONAL}.items():
        value = _at(request, path)
        if value is None and path in REQUIRED:
            problems.append(Problem("E_CONFIG_MISSING", path, "not given; a request names it"))
        elif value is not None:
            _put(entry, target, value)
    for path, table, part in (
        ("data.source.name", SOURCES, "source"),
        ("data.destination.name", SINKS, "sink"),
    ):
        name = _at(request, path)
        kind = table.get(name.lower()) if isinstance(name, str) else None
        if kind is None:
            said = "not given" if name is None else f"{seen(name)} can't be {_DOES[part]} yet"
            problems.append(Problem("E_CONFIG_CHOICE", path, f"{said}; allowed: {', '.join(table)}"))
        else:
            _put(entry, f"{part}.kind", kind)
    if isinstance(model := entry.get("model"), str):
        entry["model"] = MODELS.get(model.lower(), model)
    if isinstance(group := _at(entry, "source.group_by"), str):
        entry["source"]["group_by"] = [group]
    return entry


_DOES = {"source": "read", "sink": "written"}


def asked_by(request: Mapping[str, Any]) -> dict[str, str]:
    """For whom a request was made, as far as it says."""
    return {name: request[name][:200] for name in ASKED_BY if isinstance(request.get(name), str)}


def as_requested(problem: Problem) -> Problem:
    """A problem of the entry, by its path in the request; one of a default keeps its own."""
    name, bracket, rest = problem.where.partition("[")
    return replace(problem, where=f"{PATHS.get(name, name)}{bracket}{rest}")


def _at(document: Any, path: str) -> Any:  # noqa: ANN401
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _put(document: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401
    *outer, last = path.split(".")
    for name in outer:
        document = document.setdefault(name, {})
    document[last] = value


def _leaves(value: Any, at: str, known: set[str]) -> list[tuple[str, Any]]:  # noqa: ANN401
    """Paths of what is not a mapping any more, or is known as a whole."""
    if not isinstance(value, dict) or at in known:
        return [(at, value)]
    return [leaf for name, item in value.items() for leaf in _leaves(item, f"{at}.{name}" if at else str(name), known)]

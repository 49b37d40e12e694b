"""What the OpenAPI document says beyond the types of routes: bodies, examples, problems."""

from typing import Any

from cronocast.document.values_schema import nullable, values_schema
from cronocast.serve.answers import PROBLEM, TITLES, ProblemDocument
from cronocast.serve.queue_request import ASKED_BY, OPTIONAL, REQUIRED

NAME_ABOUT = "Name of the series, without a slash."
# What a server with `defaults: {source: {url: ..., database: telegraf}}` takes.
ENTRY_EXAMPLE: dict[str, Any] = {
    "name": "disk",
    "source": {
        "url": "http://influxdb.example:8086",
        "database": "telegraf",
        "measurement": "disk",
        "field": "used_percent",
        "group_by": ["host", "path"],
    },
    "horizon": "72h",
    "clip": {"min": 0, "max": 100},
}
QUEUE_EXAMPLE: dict[str, Any] = {
    "job_name": "yarn-root-queue",
    "job_description": "Memory that queues use",
    "user_name": "ada",
    "project": "capacity",
    "owner": "platform",
    "data": {
        "source": {"name": "influxdb", "document": "yarn", "collection": "queue_usage", "field": "memory_mb"},
        "destination": {"name": "influxdb", "database": "forecasts", "measurement": "queue_usage_forecast"},
    },
    "aggregation_time_period": "1h",
    "data_ingestion_time_period": "5d",
    "model": "prophet",
    "future_prediction_time_period": "3d",
}
RUN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "run": {
                            "type": ["string", "null"],
                            "format": "date-time",
                            "description": "As of when; now if not given.",
                        }
                    },
                },
                "example": {"run": "2026-01-31T12:00:00Z"},
            }
        },
    }
}


def entry_schema() -> dict[str, Any]:
    """The schema of an entry; what is required may stand in the server's defaults, but for the name."""
    entry = dict(values_schema()["properties"]["defaults"])
    entry["properties"] = {
        "name": {"type": "string", "pattern": "^[^/]+$", "maxLength": 300, "description": NAME_ABOUT},
        **entry["properties"],
    }
    entry["description"] = "One series, as an entry of a values file, with its name."
    _open_items(entry)
    return entry


def _open_items(part: Any) -> None:  # noqa: ANN401 - any part of a schema
    """Allow null in what lists hold, as elsewhere: it means that nothing is given."""
    if isinstance(part, list):
        for item in part:
            _open_items(item)
    elif isinstance(part, dict):
        if isinstance(items := part.get("items"), dict):
            _open(items)
        for item in part.values():
            _open_items(item)


def _open(item: dict[str, Any]) -> None:
    for name, own in item.get("properties", {}).items():
        if name not in item.get("required", ()):
            nullable(own)
    for rule in item.get("allOf", ()):
        _open(rule["then"])


def queue_schema() -> dict[str, Any]:
    """The schema of the request of a queue forecast."""
    required = {*REQUIRED, "data.source.name", "data.destination.name"}
    root: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}
    root["description"] = "The request of a queue forecast."
    for path in (*REQUIRED, "data.source.name", "data.destination.name", *OPTIONAL, *ASKED_BY):
        part = root
        *outer, last = path.split(".")
        for name in outer:
            empty = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}
            if name not in part["properties"]:
                part["properties"][name] = empty
                part["required"].append(name)
            part = part["properties"][name]
        part["properties"][last] = {"type": "string"}
        if path in required:
            part["required"].append(last)
    group = root["properties"]["data"]["properties"]["source"]["properties"]["group_by"]
    group.pop("type")
    group["anyOf"] = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    return root


DOCUMENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [entry_schema(), queue_schema()]},
                "examples": {
                    "entry": {"summary": "An entry", "value": ENTRY_EXAMPLE},
                    "queue": {"summary": "The request of a queue forecast", "value": QUEUE_EXAMPLE},
                },
            }
        },
    }
}


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Problems that a route may answer."""
    return {
        code: {
            "description": TITLES[code],
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for code in codes
    }


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with the schema that problems refer to, and none of FastAPI's own kind."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    made = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}))
    schemas["ProblemDocument"] = made
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    own = responses(422)[422]
    for route in document["paths"].values():
        for operation in route.values():
            if isinstance(operation, dict) and "422" in operation.get("responses", {}):
                operation["responses"]["422"] = own
    return document

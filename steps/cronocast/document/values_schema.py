"""The JSON schema of a values file."""

from typing import Any

from cronocast.document.chart import Chart
from cronocast.document.entry import Entry
from cronocast.document.values import MAX_SERIES
from cronocast.settings.declare import schema


def values_schema() -> dict[str, Any]:
    """The JSON schema of a values file; what is required may stand in defaults, so presence is left to the check."""
    entry, chart = schema(Entry), schema(Chart)
    entry["properties"].pop("name")
    _optional(entry)
    _optional(chart)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cronocast values",
        "type": "object",
        "additionalProperties": False,
        "required": ["series"],
        "properties": {
            **chart["properties"],
            "defaults": {**entry, "description": "Settings that every series shares."},
            "series": _named({**entry, "type": ["object", "null"]}),
        },
    }


def _named(entry: dict[str, Any]) -> dict[str, Any]:
    """The schema of the mapping from a name to each series."""
    return {"type": "object", "minProperties": 1, "maxProperties": MAX_SERIES, "additionalProperties": entry}


def _optional(part: dict[str, Any]) -> None:
    """Allow null everywhere, and that anything stands elsewhere, also the kind that says which settings there are."""
    part.pop("required", None)
    for rule in part.get("allOf", ()):
        rule["if"]["required"] = ["kind"]
        _optional(rule["then"])
    for item in part.get("properties", {}).values():
        _optional(item)
        nullable(item)
        if "anyOf" in (values := item.get("additionalProperties") or {}):
            nullable(values)  # takes a tag of defaults away


def nullable(item: dict[str, Any]) -> None:
    """Allow null, which means that nothing is given."""
    if "type" in item:
        item["type"] = [item["type"], "null"]
    if "enum" in item:
        item["enum"] = [*item["enum"], None]
    if "anyOf" in item:
        item["anyOf"] = [*item["anyOf"], {"type": "null"}]

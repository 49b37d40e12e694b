"""As much of JSON schema (draft 7) as our schemas use; a keyword that it does not know is an error."""

import re
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
SILENT = {"$schema", "title", "description", "default"}


def fits(schema: dict[str, Any] | bool, value: Any) -> bool:
    """Whether a value is valid."""
    if isinstance(schema, bool):
        return schema
    return all(_fits_keyword(schema, name, value) for name in schema if name not in SILENT | {"then", "else"})


def _fits_keyword(schema: dict[str, Any], name: str, value: Any) -> bool:
    wanted = schema[name]
    if name == "type":
        return any(_is(value, one) for one in (wanted if isinstance(wanted, list) else [wanted]))
    if name in ("enum", "const"):
        return any(value == one and type(value) is type(one) for one in (wanted if name == "enum" else [wanted]))
    if name in ("allOf", "anyOf"):
        return (all if name == "allOf" else any)(fits(one, value) for one in wanted)
    if name == "if":
        return fits(schema.get("then" if fits(wanted, value) else "else", True), value)
    if isinstance(value, dict) and name in OF_OBJECTS:
        return bool(OF_OBJECTS[name](schema, value))
    if isinstance(value, list) and name in OF_LISTS:
        return bool(OF_LISTS[name](schema, value))
    if isinstance(value, str) and name in OF_TEXTS:
        return bool(OF_TEXTS[name](schema, value))
    if _is(value, "number") and name in OF_NUMBERS:
        return bool(OF_NUMBERS[name](wanted, value))
    assert name in {**OF_OBJECTS, **OF_LISTS, **OF_TEXTS, **OF_NUMBERS}, f"unknown keyword {name}"
    return True


def _is(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _others(schema: dict[str, Any], value: dict[str, Any]) -> list[str]:
    patterns = schema.get("patternProperties", {})
    named = schema.get("properties", {})
    return [name for name in value if name not in named and not any(re.search(p, name) for p in patterns)]


OF_OBJECTS: dict[str, Any] = {
    "properties": lambda s, v: all(fits(part, v[name]) for name, part in s["properties"].items() if name in v),
    "patternProperties": lambda s, v: all(
        fits(part, v[name])
        for pattern, part in s["patternProperties"].items()
        for name in v
        if re.search(pattern, name)
    ),
    "additionalProperties": lambda s, v: all(fits(s["additionalProperties"], v[name]) for name in _others(s, v)),
    "required": lambda s, v: set(s["required"]) <= set(v),
    "minProperties": lambda s, v: len(v) >= s["minProperties"],
    "maxProperties": lambda s, v: len(v) <= s["maxProperties"],
}
OF_LISTS: dict[str, Any] = {
    "items": lambda s, v: all(fits(s["items"], item) for item in v),
    "maxItems": lambda s, v: len(v) <= s["maxItems"],
    "uniqueItems": lambda _, v: not any(item in v[:i] for i, item in enumerate(v)),
}
OF_TEXTS: dict[str, Any] = {
    "pattern": lambda s, v: re.search(s["pattern"], v),
    "maxLength": lambda s, v: len(v) <= s["maxLength"],
}
OF_NUMBERS: dict[str, Any] = {
    "minimum": lambda low, v: v >= low,
    "maximum": lambda high, v: v <= high,
    "exclusiveMinimum": lambda low, v: v > low,
    "exclusiveMaximum": lambda high, v: v < high,
}

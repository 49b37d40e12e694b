"""Kinds of values that hold others: lists, mappings, and any JSON value."""

import json
from dataclasses import dataclass
from typing import Any

from cronocast.errors import Problem, seen
from cronocast.settings.kinds import Kind


@dataclass(frozen=True)
class ListOf:
    """A list of distinct items of one kind."""

    item: Kind
    longest: int = 1000

    def check(self, value: Any, where: str, problems: list[Problem]) -> tuple[Any, ...] | None:  # noqa: ANN401, D102
        if not isinstance(value, list):
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a list; allowed: {self.words()}"))
            return None
        if len(value) > self.longest:
            problems.append(Problem("E_CONFIG_SIZE", where, f"{len(value)} items; allowed: at most {self.longest}"))
            return None
        items = [self.item.check(item, f"{where}[{i}]", problems) for i, item in enumerate(value)]
        if doubled := [item for i, item in enumerate(value) if item in value[:i]]:
            problems.append(Problem("E_CONFIG_DUPLICATE", where, f"{seen(doubled[0])} is listed twice; name each once"))
        return tuple(items)

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        if text.lstrip().startswith("["):
            return json_or_text(text)
        return [self.item.from_text(part) for part in text.split(",")]

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {"type": "array", "items": self.item.schema(), "maxItems": self.longest, "uniqueItems": True}

    def words(self) -> str:  # noqa: D102
        return f"a list ({self.item.words()})"


@dataclass(frozen=True)
class MapOf:
    """A mapping whose keys and values are checked; `many` lets a value be one item or a list of them."""

    key: Kind
    value: Kind
    many: bool = False

    def check(self, value: Any, where: str, problems: list[Problem]) -> dict[str, Any] | None:  # noqa: ANN401, D102
        if not isinstance(value, dict):
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a mapping; allowed: {self.words()}"))
            return None
        checked: dict[str, Any] = {}
        for name, item in value.items():
            if self.many and item is None:  # takes what defaults say away, also where they say nothing
                continue
            at = f"{where}.{name}"
            self.key.check(name, at, problems)
            if self.many and not isinstance(item, list):
                checked[name] = (self.value.check(item, at, problems),)
            else:
                checked[name] = (ListOf(self.value) if self.many else self.value).check(item, at, problems)
        return checked

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        item = self.value.schema()
        values = {"anyOf": [item, ListOf(self.value).schema()]} if self.many else item
        keys = self.key.schema()
        if pattern := keys.get("pattern") or "|".join(f"^{name}$" for name in keys.get("enum", ())):
            return {"type": "object", "patternProperties": {pattern: values}, "additionalProperties": False}
        return {"type": "object", "additionalProperties": values}

    def words(self) -> str:  # noqa: D102
        return f"a mapping (name: {self.value.words()})"


@dataclass(frozen=True)
class Anything:
    """Any JSON value: options that a model checks itself."""

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401, D102
        try:
            if json.loads(json.dumps(value, allow_nan=False)) == value:
                return value
        except (TypeError, ValueError, RecursionError):
            pass  # dates, sets, NaN: YAML has them, the JSON that steps are given has not
        allowed = "text, numbers, true, false, lists and mappings with text as keys"
        problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a JSON value; allowed: {allowed}"))
        return None

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {}

    def words(self) -> str:  # noqa: D102
        return "any value"


def json_or_text(text: str) -> Any:  # noqa: ANN401
    """Read JSON, or return text that is none as it is: what checks it says what was wrong."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

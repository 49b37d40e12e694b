"""Typed documents: one dataclass of settings gives the checks, the messages, the JSON schema, flags and env twins."""

import dataclasses
import difflib
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cronocast.durations import Duration
from cronocast.errors import Problem, seen

MAX_NUMBER = sys.float_info.max  # also for whole numbers, which are used as floats
MAX_SPAN = Duration.parse("5200w")  # a hundred years; times in int64 nanoseconds end in 2262
UNRENDERED = re.compile(r"\{\{.*\}\}|\$\{[^}]*\}|<no value>")


class Kind(Protocol):
    """What a setting accepts: how to check it, how to read it from text, how to describe it."""

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401
        """Return the typed value, or add problems and return None."""
        ...

    def from_text(self, text: str) -> Any:  # noqa: ANN401
        """Read what a flag or an env variable holds into what a document would hold."""
        ...

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the accepted values."""
        ...

    def words(self) -> str:
        """The accepted values in a few words, for messages and tables."""
        ...


def setting(kind: Kind, default: Any, about: str, steps: str = "") -> Any:  # noqa: ANN401 - as dataclasses.field
    """Declare one setting of a document.

    Args:
        kind: What it accepts.
        default: Used where nothing is given; `...` makes the setting required.
        about: One sentence for the documentation.
        steps: Steps, separated by blanks, that take it as a flag and an env variable.
    """
    metadata = {"kind": kind, "about": about, "steps": steps.split(), "required": default is ...}
    if isinstance(default, list | dict) or dataclasses.is_dataclass(default):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=None if default is ... else default, metadata=metadata)


@dataclass(frozen=True)
class Text:
    """A string, checked by `choices`, or by `fault`, which returns what is wrong with it or ""."""

    choices: tuple[str, ...] = ()
    fault: Callable[[str], str] | None = None
    token: str = "E_CONFIG_TYPE"
    about: str = "text"
    data: bool = False  # free text such as a tag value: left-over template marks are data there
    longest: int = 4096

    def check(self, value: Any, where: str, problems: list[Problem]) -> str | None:  # noqa: ANN401, D102
        if not isinstance(value, str):
            quoted = ", in quotes" if isinstance(value, bool | int | float) else ""
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not text; allowed: {self.words()}{quoted}"))
        elif not self.data and UNRENDERED.search(value):
            problems.append(Problem("E_UNRENDERED", where, f"{seen(value)} holds a template mark that was never filled in; allowed: {self.words()}"))
        elif self.choices and value not in self.choices:
            near = difflib.get_close_matches(value, self.choices, 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            token = "E_CONFIG_CHOICE" if self.token == "E_CONFIG_TYPE" else self.token
            problems.append(Problem(token, where, f"{seen(value)} is not known; {meant}allowed: {self.words()}"))
        elif self.fault and (wrong := self.fault(value)):
            problems.append(Problem(self.token, where, wrong))
        elif len(value) > self.longest:
            problems.append(Problem("E_CONFIG_SIZE", where, f"{len(value)} characters; allowed: at most {self.longest}"))
        else:
            return value
        return None

    def from_text(self, text: str) -> str:  # noqa: D102
        return text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {"type": "string", **({"enum": list(self.choices)} if self.choices else {"maxLength": self.longest})}

    def words(self) -> str:  # noqa: D102
        return ", ".join(self.choices) if self.choices else self.about


@dataclass(frozen=True)
class Number:
    """A finite number between two edges; `whole` allows integers only, `open_low`/`open_high` leave the edge out."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    open_low: bool = False
    open_high: bool = False

    def check(self, value: Any, where: str, problems: list[Problem]) -> float | int | None:  # noqa: ANN401, D102
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a number; allowed: {self.words()}"))
            return None
        inside = (value > self.low if self.open_low else value >= self.low) and (value < self.high if self.open_high else value <= self.high)
        if not inside or not abs(value) <= MAX_NUMBER:  # NaN compares false
            problems.append(Problem("E_CONFIG_RANGE", where, f"{seen(value)} is out of range; allowed: {self.words()}"))
            return None
        return value

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        plain = re.fullmatch(r"[+-]?[0-9]{1,18}" if self.whole else r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII)
        return (int(text) if self.whole else float(text)) if plain else text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        low = {"exclusiveMinimum" if self.open_low else "minimum": self.low} if math.isfinite(self.low) else {}
        high = {"exclusiveMaximum" if self.open_high else "maximum": self.high} if math.isfinite(self.high) else {}
        return {"type": "integer" if self.whole else "number", **low, **high}

    def words(self) -> str:  # noqa: D102
        noun = "a whole number" if self.whole else "a number"
        low = f"{'above' if self.open_low else 'from'} {self.low:g}" if math.isfinite(self.low) else ""
        high = f"{'below' if self.open_high else 'to'} {self.high:g}" if math.isfinite(self.high) else ""
        return " ".join(part for part in (noun, low, high) if part)


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def check(self, value: Any, where: str, problems: list[Problem]) -> bool | None:  # noqa: ANN401, D102
        if isinstance(value, bool):
            return value
        problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is neither true nor false; allowed: true, false"))
        return None

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return {"true": True, "false": False}.get(text, text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {"type": "boolean"}

    def words(self) -> str:  # noqa: D102
        return "true, false"


@dataclass(frozen=True)
class Span:
    """A duration: a whole number above zero and one of s, m, h, d, w; `zero` also allows `0s`."""

    zero: bool = False

    def check(self, value: Any, where: str, problems: list[Problem]) -> Duration | None:  # noqa: ANN401, D102
        if not isinstance(value, str):
            problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is not a duration; allowed: {self.words()}"))
            return None
        if UNRENDERED.search(value):
            problems.append(Problem("E_UNRENDERED", where, f"{seen(value)} holds a template mark that was never filled in; allowed: {self.words()}"))
            return None
        if self.zero and value == "0s":
            nothing = Duration(0)
            nothing.text = "0s"
            return nothing
        try:
            span = Duration.parse(value)
        except ValueError:
            problems.append(Problem("E_CONFIG_DURATION", where, f"{seen(value)} is not a duration; allowed: {self.words()}"))
            return None
        if span > MAX_SPAN:
            problems.append(Problem("E_CONFIG_DURATION", where, f"{seen(value)} is too long; allowed: at most {MAX_SPAN}"))
        return span

    def from_text(self, text: str) -> str:  # noqa: D102
        return text

    def schema(self) -> dict[str, Any]:  # noqa: D102
        number = "[0-9]{1,6}" if self.zero else "0*[1-9][0-9]{0,5}"
        return {"type": "string", "pattern": f"^{number}[smhdw]$"}

    def words(self) -> str:  # noqa: D102
        return "a whole number and one of s, m, h, d, w, such as 30s, 5m, 24h, 7d, 2w" + (", or 0s" if self.zero else "")


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
            problems.append(Problem("E_CONFIG_DUPLICATE", where, f"{seen(doubled[0])} stands there twice; name each once"))
        return tuple(items)

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
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
            at = f"{where}.{name}"
            self.key.check(name, at, problems)
            if self.many and not isinstance(item, list):
                checked[name] = (self.value.check(item, at, problems),)
            else:
                checked[name] = (ListOf(self.value) if self.many else self.value).check(item, at, problems)
        return checked

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return _json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        item = self.value.schema()
        values = {"anyOf": [item, {"type": "array", "items": item}]} if self.many else item
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
        problems.append(Problem("E_CONFIG_TYPE", where, f"{seen(value)} is no JSON value; allowed: text, numbers, true, false, lists and mappings with text as keys"))
        return None

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return _json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return {}

    def words(self) -> str:  # noqa: D102
        return "any value"


@dataclass(frozen=True)
class Part:
    """A nested document."""

    cls: type

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401, D102
        return parse(self.cls, value, where, problems)

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return _json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return schema(self.cls)

    def words(self) -> str:  # noqa: D102
        return f"a mapping ({', '.join(f.name for f in dataclasses.fields(self.cls))})"


def _json_or_text(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def parse(cls: type, data: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401 - an instance of cls
    """Turn JSON-shaped data into a frozen instance of `cls`, adding every problem found; None if there was any."""
    if not isinstance(data, dict):
        problems.append(Problem("E_CONFIG_TYPE", where or "document", f"{seen(data)} is not a mapping; allowed: {Part(cls).words()}"))
        return None
    before, at = len(problems), f"{where}." if where else ""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    problems += [_unknown(str(name), f"{at}{name}", fields, data[name]) for name in data if name not in fields]
    values: dict[str, Any] = {}
    for name, item in fields.items():
        if name in data and data[name] is not None:
            values[name] = item.metadata["kind"].check(data[name], f"{at}{name}", problems)
        elif item.metadata["required"]:
            problems.append(Problem("E_CONFIG_MISSING", f"{at}{name}", f"not given; {item.metadata['about']} Allowed: {item.metadata['kind'].words()}"))
    return cls(**values) if len(problems) == before else None


def _unknown(name: str, where: str, fields: Mapping[str, Any], value: object) -> Problem:
    if name in ("password", "token", "secret"):
        return Problem("E_SECRET_INLINE", where, f"a secret of {len(str(value))} characters stands in the document; name a file with {name}_file instead")
    near = difflib.get_close_matches(name, fields, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return Problem("E_CONFIG_UNKNOWN_KEY", where, f"{seen(name)} is not a setting; {meant}allowed: {', '.join(fields)}")


def schema(cls: type) -> dict[str, Any]:
    """The JSON schema of a document: every key described, defaults named, unknown keys refused."""
    properties = {}
    for item in dataclasses.fields(cls):
        default = default_of(item)
        shown = {} if default is None or dataclasses.is_dataclass(default) or default == {} else {"default": plain(default)}
        properties[item.name] = {**item.metadata["kind"].schema(), "description": item.metadata["about"], **shown}
    required = [item.name for item in dataclasses.fields(cls) if item.metadata["required"]]
    return {"type": "object", "additionalProperties": False, "properties": properties, **({"required": required} if required else {})}


def default_of(item: "dataclasses.Field[Any]") -> Any:  # noqa: ANN401
    """The default of a dataclass field, None where there is none."""
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return None if item.default is dataclasses.MISSING else item.default


def plain(value: Any) -> Any:  # noqa: ANN401 - a JSON-shaped value
    """Turn a checked value back into what a document holds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if getattr(value, f.name) is not None}
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def given(value: Any) -> dict[str, Any]:  # noqa: ANN401 - an instance of a document's dataclass
    """Turn a checked document back into the shortest one that means the same: what equals its default is left out."""
    kept = {}
    for item in dataclasses.fields(value):
        mine = getattr(value, item.name)
        if isinstance(item.metadata["kind"], Part):
            if inner := given(mine):
                kept[item.name] = inner
        elif mine != default_of(item) or item.metadata["required"]:
            kept[item.name] = plain(mine)
    return kept


@dataclass(frozen=True)
class Leaf:
    """One setting by its path, with its flag and env variable: `source.url`, `--source-url`, `CRONOCAST_SOURCE_URL`."""

    path: str
    kind: Kind
    default: Any
    about: str
    required: bool
    steps: tuple[str, ...]

    @property
    def flag(self) -> str:
        """The command-line option."""
        return "--" + self.path.replace(".", "-").replace("_", "-")

    @property
    def env(self) -> str:
        """The env variable."""
        return "CRONOCAST_" + self.path.replace(".", "_").upper()


def leaves(cls: type, prefix: str = "") -> Iterator[Leaf]:
    """Every setting of a document that holds no further settings, in order of declaration."""
    for item in dataclasses.fields(cls):
        kind = item.metadata["kind"]
        path = f"{prefix}{item.name}"
        if isinstance(kind, Part):
            yield from leaves(kind.cls, f"{path}.")
        else:
            default = default_of(item)
            yield Leaf(path, kind, default, item.metadata["about"], item.metadata["required"], tuple(item.metadata["steps"]))


def with_value(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """A copy of a document with the setting at a dotted path replaced."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**data, head: value}
    inner = data.get(head)
    return {**data, head: with_value(inner if isinstance(inner, dict) else {}, rest, value)}


def merge(base: Any, over: Any) -> Any:  # noqa: ANN401
    """Merge mappings key by key, as Helm does; anything else in `over` replaces what `base` holds; null removes."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = {**base, **{name: merge(base.get(name), item) for name, item in over.items()}}
    return {name: item for name, item in merged.items() if item is not None}

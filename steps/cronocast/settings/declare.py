"""Typed documents: one dataclass of settings gives the checks, the messages, the JSON schema, flags and env twins."""

import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import ConfigError, Problem, seen
from cronocast.settings.containers import json_or_text
from cronocast.settings.kinds import Kind


def setting(kind: Kind, default: Any, about: str, steps: str = "") -> Any:  # noqa: ANN401 - as dataclasses.field
    """Declare one setting of a document.

    Args:
        kind: What it accepts.
        default: Used where nothing is given, a function that makes it; `...` makes the setting required.
        about: One sentence for the documentation.
        steps: Steps, separated by blanks, that take it as a flag and an env variable.
    """
    metadata = {"kind": kind, "about": about, "steps": steps.split(), "required": default is ...}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    if isinstance(default, list | dict) or dataclasses.is_dataclass(default):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=None if default is ... else default, metadata=metadata)


def key_of(item: "dataclasses.Field[Any]") -> str:
    """The key of a setting: the name of its field, less the underscore of one that is a word of Python, as `for_`."""
    return item.name.removesuffix("_")


class Nested:
    """A kind that holds further settings."""

    def leaves(self, prefix: str) -> "Iterator[Leaf]":
        """As `leaves` of the document, each path with the prefix."""
        raise NotImplementedError

    def given(self, value: Any) -> dict[str, Any]:  # noqa: ANN401
        """As `given` of the document."""
        raise NotImplementedError


@dataclass(frozen=True)
class Part(Nested):
    """A nested document."""

    cls: type

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401, D102
        return parse(self.cls, value, where, problems)

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return json_or_text(text)

    def schema(self) -> dict[str, Any]:  # noqa: D102
        return schema(self.cls)

    def words(self) -> str:  # noqa: D102
        return f"a mapping ({', '.join(map(key_of, dataclasses.fields(self.cls)))})"

    def leaves(self, prefix: str) -> "Iterator[Leaf]":  # noqa: D102
        return leaves(self.cls, prefix)

    def given(self, value: Any) -> dict[str, Any]:  # noqa: ANN401, D102
        return given(value)


# Settings of the past -> what to write instead.
GONE = {"singlePod": "write pods: one instead of true, pods: many instead of false, or neither; "}


def parse(cls: type, data: Any, where: str, problems: list[Problem], beside: Sequence[str] = ()) -> Any:  # noqa: ANN401
    """Turn JSON-shaped data into a frozen instance of `cls`, adding every problem found; None if there was any.

    An unknown key may also have meant one of those `beside`, which others read.
    """
    if not isinstance(data, dict):
        problems.append(
            Problem(
                "E_CONFIG_TYPE", where or "document", f"{seen(data)} is not a mapping; allowed: {Part(cls).words()}"
            )
        )
        return None
    before, at = len(problems), f"{where}." if where else ""
    fields = {key_of(item): item for item in dataclasses.fields(cls)}
    problems += [
        unknown(str(name), f"{at}{name}", (*beside, *fields), data[name]) for name in data if name not in fields
    ]
    values: dict[str, Any] = {}
    for name, item in fields.items():
        if name in data and data[name] is not None:
            values[item.name] = item.metadata["kind"].check(data[name], f"{at}{name}", problems)
        elif item.metadata["required"]:
            problems.append(
                Problem(
                    "E_CONFIG_MISSING",
                    f"{at}{name}",
                    f"not given; {item.metadata['about']} Allowed: {item.metadata['kind'].words()}",
                )
            )
    return cls(**values) if len(problems) == before else None


def unknown(name: str, where: str, fields: tuple[str, ...], value: object) -> Problem:
    """The problem of a key that is none of `fields`; a secret is never shown."""
    if name in ("password", "token", "secret"):
        return Problem(
            "E_SECRET_INLINE",
            where,
            f"a secret of {len(str(value))} characters is in the document; name a file with {name}_file instead",
        )
    near = difflib.get_close_matches(name, fields, 1)
    meant = GONE.get(name) or (f"did you mean {near[0]!r}? " if near else "")
    return Problem("E_CONFIG_UNKNOWN_KEY", where, f"{seen(name)} is not a setting; {meant}allowed: {', '.join(fields)}")


def schema(cls: type) -> dict[str, Any]:
    """The JSON schema of a document: every key described, defaults named, unknown keys refused."""
    properties = {}
    for item in dataclasses.fields(cls):
        default = default_of(item)
        shown = (
            {} if default is None or dataclasses.is_dataclass(default) or default == {} else {"default": plain(default)}
        )
        properties[key_of(item)] = {**item.metadata["kind"].schema(), "description": item.metadata["about"], **shown}
    required = [key_of(item) for item in dataclasses.fields(cls) if item.metadata["required"]]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


def default_of(item: "dataclasses.Field[Any]") -> Any:  # noqa: ANN401
    """The default of a dataclass field, None where there is none."""
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return None if item.default is dataclasses.MISSING else item.default


def plain(value: Any) -> Any:  # noqa: ANN401 - a JSON-shaped value
    """Turn a checked value back into what a document holds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            key_of(f): plain(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if getattr(value, f.name) is not None
        }
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
        if isinstance(item.metadata["kind"], Nested):
            if inner := item.metadata["kind"].given(mine):
                kept[key_of(item)] = inner
        elif mine != default_of(item) or item.metadata["required"]:
            kept[key_of(item)] = plain(mine)
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
    kinds: tuple[str, ...] = ()  # of its source or sink that have it; none named: all

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
        path = f"{prefix}{key_of(item)}"
        if isinstance(kind, Nested):
            yield from kind.leaves(f"{path}.")
        else:
            default = default_of(item)
            yield Leaf(
                path, kind, default, item.metadata["about"], item.metadata["required"], tuple(item.metadata["steps"])
            )


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


def read_text(path: Path) -> str:
    """Read a configuration file.

    Raises:
        ConfigError: missing, no plain file, larger than 1 MiB, or not UTF-8.
    """
    right = "allowed: a file of UTF-8 text, at most 1 MiB"
    try:
        if not path.is_file():
            raise ConfigError.one(
                "E_CONFIG_READ", str(path), f"{'not a file' if path.exists() else 'no such file'}; {right}"
            )
        with path.open("rb") as file:
            text = file.read(2**20 + 1)
        if len(text) > 2**20:
            raise ConfigError.one("E_CONFIG_SIZE", str(path), f"{path.stat().st_size} bytes; {right}")
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError.one("E_CONFIG_READ", str(path), f"{error.reason} at byte {error.start}; {right}") from error
    except (OSError, ValueError) as error:
        raise ConfigError.one(
            "E_CONFIG_READ", str(path), f"{getattr(error, 'strerror', None) or error}; {right}"
        ) from error

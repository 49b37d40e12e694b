"""A part of a document whose `kind` says which settings it has: those of one row of a table."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cronocast.errors import Problem, seen
from cronocast.registry import KindRow, attribute_of, beside_settings, settings_class
from cronocast.settings.containers import json_or_text
from cronocast.settings.declare import Leaf, Nested, given, key_of, leaves, parse, plain, schema, unknown
from cronocast.settings.kinds import Text


@dataclass(frozen=True)
class OneOf(Nested):
    """The settings of one kind; a class of settings has a field `kind` whose only choice is its own name.

    Attributes:
        path: `module:ATTRIBUTE` of the table whose rows name the classes of settings. Its keys are the choices.
        usual: The kind of a part that names none.
    """

    path: str
    usual: str

    @property
    def table(self) -> Mapping[str, KindRow]:
        """The table as it is now."""
        return attribute_of(self.path)  # type: ignore[no-any-return]

    def classes(self) -> dict[str, type]:
        """The class of settings of every kind."""
        return {name: settings_class(row) for name, row in self.table.items()}

    def usual_settings(self) -> Any:  # noqa: ANN401
        """The settings of the usual kind with nothing given."""
        return settings_class(self.table[self.usual])()

    def row(self, part: Mapping[str, Any]) -> KindRow | None:
        """The row of the kind that a part of a document names; None where there is no such kind."""
        kind = self.usual if part.get("kind") is None else part["kind"]
        return self.table.get(kind) if isinstance(kind, str) else None

    def ask(self, part: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
        """The function of this name that the kind of a part has beside its settings; None where it has none."""
        row = self.row(part)
        return beside_settings(row, name) if row else None

    def check(self, value: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401
        """As `parse` with the settings of the kind; a key of another kind is refused as such."""
        classes = self.classes()
        if not isinstance(value, dict):
            return parse(classes[self.usual], value, where, problems)
        kind, of = value.get("kind"), _owners(classes)
        if kind is None or (isinstance(kind, str) and kind in classes):
            cls = classes[kind or self.usual]
            own = {key_of(item) for item in dataclasses.fields(cls)}
            strange = [name for name in value if name not in own and name in of]
            before = len(problems)
            problems += [_of_another(name, f"{where}.{name}", of[name], kind or self.usual, own) for name in strange]
            checked = parse(cls, {name: item for name, item in value.items() if name not in strange}, where, problems)
            return checked if len(problems) == before else None
        Text(tuple(classes)).check(kind, f"{where}.kind", problems)
        problems += [unknown(str(name), f"{where}.{name}", tuple(of), value[name]) for name in value if name not in of]
        return None

    def from_text(self, text: str) -> Any:  # noqa: ANN401, D102
        return json_or_text(text)

    def words(self) -> str:  # noqa: D102
        return f"a mapping ({', '.join(_owners(self.classes()))})"

    def given(self, value: Any) -> dict[str, Any]:  # noqa: ANN401
        """As `given`; a kind that is not the usual one stays, although it is the default of its own settings."""
        return ({} if value.kind == self.usual else {"kind": value.kind}) | given(value)

    def leaves(self, prefix: str) -> Iterator[Leaf]:
        """The settings of all kinds, each path once: what the first kind that has it says of it."""
        found: dict[str, dict[str, Leaf]] = {}
        classes = self.classes()
        for name, cls in classes.items():
            for leaf in leaves(cls, prefix):
                found.setdefault(leaf.path, {})[name] = leaf
        for path, by_kind in found.items():
            first = next(iter(by_kind.values()))
            if path == f"{prefix}kind":
                yield replace(first, kind=Text(tuple(classes)), default=self.usual)
            else:
                kinds = () if len(by_kind) == len(classes) else tuple(by_kind)
                yield replace(first, kinds=kinds, about=_about(by_kind, kinds))

    def schema(self) -> dict[str, Any]:
        """The JSON schema: the settings of all kinds, and for each kind a rule that refuses those of others."""
        whole = {name: schema(cls) for name, cls in self.classes().items()}
        if len(whole) == 1:
            return next(iter(whole.values()))
        abouts = {leaf.path: leaf.about for leaf in self.leaves("")}
        properties: dict[str, Any] = {}
        for name in dict.fromkeys(name for one in whole.values() for name in one["properties"]):
            found = [one["properties"][name] for one in whole.values() if name in one["properties"]]
            properties[name] = {**_either(found), "description": abouts.get(name, found[0]["description"])}
        properties["kind"] |= {**Text(tuple(whole)).schema(), "default": self.usual}
        properties["kind"].pop("anyOf", None)
        rules = [self._rule(name, one, properties) for name, one in whole.items()]
        return {"type": "object", "additionalProperties": False, "properties": properties, "allOf": rules}

    def _rule(self, kind: str, whole: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
        """What holds for one kind beside what the union of all says."""
        named = {} if kind == self.usual else {"required": ["kind"]}
        own = {name: {} if "anyOf" not in properties[name] else part for name, part in whole["properties"].items()}
        then = {"properties": own, "additionalProperties": False, "required": whole.get("required", [])}
        return {"if": {"properties": {"kind": {"const": kind}}, **named}, "then": then}


def _owners(classes: Mapping[str, type]) -> dict[str, list[str]]:
    """The kinds that have a setting, by its name."""
    owners: dict[str, list[str]] = {}
    for kind, cls in classes.items():
        for item in dataclasses.fields(cls):
            owners.setdefault(key_of(item), []).append(kind)
    return owners


def _of_another(name: str, where: str, owners: list[str], kind: str, own: set[str]) -> Problem:
    sentence = f"{seen(name)} is a setting of kind {', '.join(owners)}, not of kind {kind}; allowed: "
    return Problem("E_CONFIG_UNKNOWN_KEY", where, sentence + ", ".join(sorted(own)))


def _about(by_kind: Mapping[str, Leaf], kinds: tuple[str, ...]) -> str:
    """What a setting is for, which kinds have it where not all do, and the defaults of those that have another."""
    first = next(iter(by_kind.values()))
    about = f"{first.about.removesuffix('.')} (of kind {', '.join(kinds)})." if kinds else first.about
    others = {kind: leaf.default for kind, leaf in by_kind.items() if leaf.default != first.default}
    return about + "".join(f" Default of kind {kind}: {plain(default)}." for kind, default in others.items())


def _either(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """The schema of a setting that several kinds have: the first one, or any of them where they differ."""
    bare = [{key: part for key, part in one.items() if key not in ("description", "default")} for one in schemas]
    distinct = [part for i, part in enumerate(bare) if part not in bare[:i]]
    return schemas[0] if len(distinct) == 1 else {"anyOf": distinct}

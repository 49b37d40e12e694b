"""Writes what follows from the one definition of settings.

The chart's values.yaml, values.schema.json, templates/_steps.tpl and _kinds.tpl, and the tables of its README.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import STEPS
from cronocast.document.chart import Chart
from cronocast.document.kinds import SINK, SOURCE, taken_from_source
from cronocast.document.values_schema import values_schema
from cronocast.images import PARTS, PODS
from cronocast.models.rules import image_of
from cronocast.models.table import MODELS
from cronocast.registry import FAMILY
from cronocast.settings.declare import GONE, default_of, plain

HERE = Path(__file__).parent / "cronocast"
_MODEL = "|".join(
    (*(name for name in MODELS if not name.endswith(FAMILY)), r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")
)
_PORT = "6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}"
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://(\[[0-9A-Fa-f:.]+\]|[^\s@?#/:\[\]]+)(:({_PORT}))?(/[^\s@?#]*)?"
# Rules of an entry that a pattern can say, so that Helm refuses what a step would refuse later. Steps check all rules.
PATTERNS = {
    "schedules": r"\S+( \S+){4}",  # the numbers in it are looked at by templates/_problems.tpl
    "timezone": "UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+",
    "calendar.timezone": "UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+",
    "calendar.holidays": "[A-Z]{2}(-[A-Z0-9]{1,4})?",
    "profile": "[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
    "model": f"auto|{_MODEL}",
    "candidates": _MODEL,
    "source.url": _URL,
    "sink.url": _URL,
}
# Defaults that null may take away; without any other the chart could make nothing that works.
FREE = ("requests", "limits", "runAsUser", "runAsGroup", "fsGroup")
OVERRIDES = ("model", "horizon")  # parameters of a workflow that go before the settings of its document
BEGIN, END = "<!-- values: made by helm/generate.py -->", "<!-- end of values -->"
HEAD = """\
# Every value of the chart with its default; made by helm/generate.py from the definition that also checks them.
# `defaults` and `series` are the same document that `cronocast run -f` reads: see "Settings" in steps/README.md.

# Settings that every series shares.
defaults: {}

# One entry per series, merged over defaults. The key is the name.
series: {}
"""


def values_yaml() -> str:
    """The text of values.yaml."""
    return HEAD + "".join(_yaml(Chart, Chart(), 0))


def _yaml(cls: type, value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    indent = "  " * depth
    for item in fields(cls):
        mine = getattr(value, item.name)
        start = "\n" if depth == 0 else ""
        yield f"{start}{indent}# {item.metadata['about']}\n"
        if is_dataclass(mine):
            yield f"{indent}{item.name}:\n"
            yield from _yaml(type(mine), mine, depth + 1)
        else:
            yield f"{indent}{item.name}: {json.dumps(_without_empty(plain(mine)))}\n"


def _without_empty(value: Any) -> Any:  # noqa: ANN401
    """Profiles are shown short: what is empty inside a list or mapping of parts is left out."""
    if isinstance(value, dict) and any(isinstance(v, dict) for v in value.values()):
        return {name: {} if isinstance(item, dict) else item for name, item in value.items()}
    return value


def schema_json() -> str:
    """The text of values.schema.json, in the draft that every Helm reads."""
    document = values_schema()
    document["$schema"] = "http://json-schema.org/draft-07/schema#"
    series = document["properties"]["series"]
    # Other than a run on one machine, a release without a series is fine: the first one may come later. Each still has
    # an object of its own.
    series.pop("minProperties")
    series["patternProperties"] = {
        r"^[^\x00-\x1f\x7f-\x9f]{0,299}[^\x00-\x1f\x7f-\x9f\\]$": series.pop("additionalProperties")
    }
    series["additionalProperties"] = False
    entry = document["properties"]["defaults"]["properties"]  # the same object as that of each series
    entry.update(
        {name: {"description": f"Gone: the templates say to {words.strip('; ')}."} for name, words in GONE.items()}
    )
    for path, pattern in PATTERNS.items():
        _set_pattern(document["properties"]["defaults"], path.split("."), f"^({pattern})$")
    document["required"] += _require(Chart(), document)
    document["properties"]["global"] = {"type": "object", "description": "Helm hands it to every chart; not read here."}
    return json.dumps(document, indent=1) + "\n"


def _require(value: Any, part: dict[str, Any]) -> list[str]:  # noqa: ANN401
    """Ask for every value that has a default, in all parts.

    Helm takes away what is null, and what an older version did not know yet (`--reuse-values`).
    """
    required = [
        item.name
        for item in fields(value)
        if getattr(value, item.name) not in ("", False, (), {}) and item.name not in FREE
    ]
    for name in required:
        if is_dataclass(inner := getattr(value, name)):
            part["properties"][name]["required"] = _require(inner, part["properties"][name])
    return required


def _set_pattern(part: dict[str, Any], path: list[str], pattern: str) -> None:
    """Say what the text at a path looks like; of a list, each item. `defaults` and `series` share these parts.

    What several kinds have stands beside the rules of each kind, so it holds for all of them.
    """
    item = part["properties"][path[0]]
    if len(path) > 1:
        _set_pattern(item, path[1:], pattern)
    else:
        item.get("items", item)["pattern"] = pattern


def steps_tpl() -> str:
    """The text of templates/_steps.tpl: what templates, which read no Python, must know of steps and forecast pods."""
    steps = [
        {
            "name": name,
            "pod": step.pod,
            "image": step.image,
            "chain": step.in_chain,
            "secrets": step.secrets,
            "flags": [flag.name for flag in step.flags],
            "overrides": [path for path in OVERRIDES if path in {leaf.path for leaf in step_leaves(name)}],
        }
        for name, step in STEPS.items()
        if step.pod
    ]
    heavy = [name.removesuffix(FAMILY) for name in MODELS if image_of(name) != "light"]
    kinds = {pod.part: {"pod": kind, "image": pod.image} for kind, pod in PODS.items() if pod.part in PARTS}
    return (
        "{{/* Made by helm/generate.py from cronocast/chain/table.py and cronocast/images.py. */}}\n\n"
        "{{/* Every step that runs on a cluster, in order. */}}\n"
        f'{{{{- define "cronocast.steps" -}}}}\n[{_lines(map(json.dumps, steps))}]\n{{{{- end }}}}\n\n'
        "{{/* Forecast pods by the part of the members that they take. */}}\n"
        f'{{{{- define "cronocast.parts" -}}}}\n'
        f"{{{_lines(f'{json.dumps(part)}: {json.dumps(kind)}' for part, kind in kinds.items())}}}\n{{{{- end }}}}\n\n"
        "{{/* Models that other images than the light ones carry, also with a colon and more behind the name. */}}\n"
        f'{{{{- define "cronocast.heavyModels" -}}}}\n^({"|".join(heavy)})(:|$)\n{{{{- end }}}}\n\n'
        "{{/* Settings that are gone, and what to write instead. */}}\n"
        f'{{{{- define "cronocast.gone" -}}}}\n{json.dumps(GONE)}\n{{{{- end }}}}\n'
    )


def _lines(items: Iterable[str]) -> str:
    return "\n  " + ",\n  ".join(items) + "\n"


def table() -> str:
    """The table of values for the README."""
    rows = "\n".join(
        f"| `{path}` | `{json.dumps(default)}` | {about} |" for path, default, about in _rows(Chart, Chart(), "")
    )
    return f"{BEGIN}\n| value | default | meaning |\n|---|---|---|\n{rows}\n{END}"


def _rows(cls: type, value: Any, at: str) -> Iterator[tuple[str, Any, str]]:  # noqa: ANN401
    for item in fields(cls):
        mine = default_of(item) if value is None else getattr(value, item.name)
        path = f"{at}{item.name}"
        if item.name == "profiles":
            yield path, {"cpu": {}}, item.metadata["about"]
            yield from _rows(type(mine["cpu"]), mine["cpu"], "profiles.NAME.")
        elif is_dataclass(mine):
            yield from _rows(type(mine), mine, f"{path}.")
        else:
            yield path, plain(mine), item.metadata["about"]


def kinds_tpl() -> str:
    """A template with what _problems.tpl must know of each kind of source and sink, as JSON."""
    known = {
        part: {
            "usual": one_of.usual,
            "family": {kind: row.family for kind, row in one_of.table.items()},
            "required": {
                kind: [item.name for item in fields(cls) if item.metadata["required"]]
                for kind, cls in one_of.classes().items()
            },
        }
        for part, one_of in (("source", SOURCE), ("sink", SINK))
    }
    known["sink"]["taken"] = {kind: taken_from_source(row) for kind, row in SINK.table.items()}
    head = "{{/* What each kind of source and sink needs; made by helm/generate.py. */}}"
    return f'{head}\n{{{{- define "cronocast.kinds" -}}}}\n{json.dumps(known, indent=1)}\n{{{{- end }}}}\n'


def outputs() -> dict[Path, str]:
    """Every generated file with its text."""
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else f"{BEGIN}{END}\n"
    filled = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: table(), text, flags=re.DOTALL)
    return {
        HERE / "values.yaml": values_yaml(),
        HERE / "values.schema.json": schema_json(),
        HERE / "templates" / "_steps.tpl": steps_tpl(),
        HERE / "templates" / "_kinds.tpl": kinds_tpl(),
        readme: filled,
    }


def main() -> int:
    """Write the files; with --check only compare, and name those that differ."""
    different = [
        path for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in different:
        print(path.relative_to(HERE.parent))  # noqa: T201
        if "--check" not in sys.argv:
            path.write_text(outputs()[path], encoding="utf-8")
    return int(bool(different) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())

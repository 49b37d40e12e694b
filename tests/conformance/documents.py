"""Series documents made from the definition of the settings, for property tests."""

import dataclasses
import json
from typing import Any

from hypothesis import strategies as st

from cronocast.settings.containers import Anything, ListOf, MapOf
from cronocast.settings.declare import Part, key_of
from cronocast.settings.kinds import Flag, Kind, Number, Span, Text
from cronocast.settings.one_of import OneOf

SPANS = ("1s", "90s", "5m", "60m", "1h", "24h", "7d", "2w")
# Texts that a rule accepts; any other rule must accept one of PLAIN.
TEXTS = (
    "http://host:1/p",
    "SELECT v FROM m WHERE time >= $start AND time < $end",
    "H * * * *",
    "Europe/Berlin",
    "DE-BY",
    "cpu",
    "a b",
    "linear",
    "22:00-07:00",
    "name@host.example",
)


def values(kind: Kind, name: str = "") -> st.SearchStrategy[Any]:
    """What a setting of this kind accepts."""
    if isinstance(kind, Part):
        return documents(kind.cls)
    if isinstance(kind, OneOf):
        return st.one_of([documents(cls) for cls in kind.classes().values()])
    if isinstance(kind, Text):
        if name == "url":
            return st.just(TEXTS[0])
        return st.sampled_from(kind.choices or [text for text in TEXTS if not kind.fault or not kind.fault(text)])
    if isinstance(kind, Number):
        low, high = max(kind.low, -1000), min(kind.high, 10_000)
        whole = st.integers(int(low), int(high)).filter(lambda n: kind.check(n, "", []) is not None)
        floats = st.floats(low, high, exclude_min=kind.open_low, exclude_max=kind.open_high)
        return whole if kind.whole else floats.filter(lambda x: x != int(x))
    if isinstance(kind, Span):
        return st.sampled_from(SPANS)
    if isinstance(kind, ListOf):
        return st.lists(values(kind.item), max_size=min(kind.longest, 3), unique_by=json.dumps)
    if isinstance(kind, MapOf):
        one = values(kind.value)
        many = st.one_of(one, st.lists(one, min_size=1, max_size=2, unique=True)) if kind.many else one
        return st.dictionaries(values(kind.key), many, max_size=2)
    assert isinstance(kind, Flag | Anything), kind
    return st.booleans()


def documents(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with every required setting and any of the others; a kind that is not the usual one is named."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for item in dataclasses.fields(cls):
        kind = item.metadata["kind"]
        own = item.name == "kind" or item.metadata["required"]
        (required if own else optional)[key_of(item)] = values(kind, item.name)
    return st.fixed_dictionaries(required, optional=optional)


def spoilt(document: dict[str, Any], choice: Any) -> dict[str, Any]:
    """The document with one thing changed: a key too many, one less, another type, another kind."""
    paths = [(document, key) for key in document]
    paths += [(part, key) for part in document.values() if isinstance(part, dict) for key in part]
    part, key = choice(st.sampled_from(paths))
    how = choice(st.sampled_from(["none", "drop", "type", "add", "kind"]))
    if how == "drop":
        part.pop(key)
    elif how == "type":
        part[key] = choice(st.sampled_from([7, "x", True, [1], {"a": 1}, -0.5]))
    elif how == "add":
        places = [part for part in (document.get("source"), document.get("sink"), document) if isinstance(part, dict)]
        name = choice(st.sampled_from(["metric", "measurement", "delay", "nothing"]))
        choice(st.sampled_from(places)).setdefault(name, "5s")
    elif how == "kind":
        named = st.sampled_from(["influxql", "toy", "influx", "other"])
        document[choice(st.sampled_from(["source", "sink"]))] = {"kind": choice(named), **part}
    return document

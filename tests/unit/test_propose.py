"""Entries that `cronocast init` proposes: what is chosen, and that every reader of YAML reads what was meant."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cronocast.document.entry import parse_entry
from cronocast.durations import UNIT_NS
from cronocast.propose.inventory import Content
from cronocast.propose.proposal import MOST_MEMBERS, Proposal, chosen_fields, propose
from cronocast.propose.spans import spans_of
from cronocast.propose.text import document, flow, values_text
from cronocast.sources.influxql.schema import Found

DAY, HOUR, MINUTE = UNIT_NS["d"], UNIT_NS["h"], UNIT_NS["m"]
NOW = 2_000_000_000 * 10**9
URL = {"url": "http://127.0.0.1:8086", "database": "d"}


def content(measurement: str, field: str, *series: str, counts: bool = False, old: tuple[str, ...] = ()) -> Content:
    """Series by their tags, `a=1 b=2`; those of `old` have been silent for a month."""
    found = [
        Found(dict(pair.split("=") for pair in tags.split()), NOW - (30 * DAY if tags in old else MINUTE), "1")
        for tags in (*series, *old)
    ]
    return Content(measurement, field, found, NOW - 40 * DAY, MINUTE, counts)


def of(*args: Any, **more: Any) -> Proposal:
    return propose(content(*args, **more), "name")


MANY = [f"pod=p{i} app=a{i % 3}" for i in range(MOST_MEMBERS + 1)]
PROPOSED: dict[str, tuple[Proposal, dict[str, Any]]] = {
    "disk": (
        of("disk", "used_percent", "host=a path=/ device=x", "host=a path=/data device=y"),
        {"group_by": ["host", "path"], "clip": (0, 100), "rate": False, "members": 2},
    ),
    "disks mounted twice": (
        of("disk", "used_percent", "host=a path=/ device=x", "host=a path=/ device=y"),
        {"group_by": ["host", "path", "device"]},
    ),
    "cpu": (
        of("cpu", "usage_idle", "host=a cpu=cpu-total", "host=a cpu=cpu0", "host=b cpu=cpu-total"),
        {"tags": {"cpu": "cpu-total"}, "group_by": ["host"], "members": 2},
    ),
    "cpu without a total": (
        of("cpu", "usage_idle", "host=a cpu=cpu0", "host=a cpu=cpu1"),
        {"tags": {}, "group_by": ["host", "cpu"], "members": 2},
    ),
    "net": (
        of("net", "bytes_recv", "host=a interface=eth0", "host=a interface=lo"),
        {"group_by": ["host", "interface"], "rate": True, "clip": (0, None)},
    ),
    "queues": (
        of("rabbitmq_queue", "messages", "host=a node=n queue=q vhost=/", "host=a node=n queue=r vhost=/"),
        {"group_by": ["vhost", "queue"]},
    ),
    "kafka": (
        of("burrow_group", "total_lag", "cluster=c group=g", "cluster=c group=h"),
        {"group_by": ["cluster", "group"]},
    ),
    "anything": (
        of("rooms", "celsius", "floor=1 room=a", "floor=1 room=b"),
        {"group_by": ["room"], "clip": (None, None)},
    ),
    "no tags": (of("rooms", "celsius", ""), {"group_by": [], "members": 1}),
    "any counter": (of("http", "requests", "app=a", counts=True), {"rate": True, "clip": (0, None)}),
    "any percentage": (of("pool", "used_percent", "name=a"), {"clip": (0, 100)}),
    "too many members": (of("k8s", "value", *MANY), {"group_by": ["app"], "members": 3}),
    "pods that come and go": (
        of("k8s", "value", "pod=p0 app=a", "pod=p1 app=b", old=tuple(f"pod=q{i} app=a" for i in range(30))),
        {"group_by": ["app"], "members": 2},
    ),
    "hosts of which one is gone": (
        of("load", "value", "host=a", "host=b", old=("host=c",)),
        {"group_by": ["host"], "members": 3},
    ),
}


@pytest.mark.parametrize(("proposal", "right"), PROPOSED.values(), ids=PROPOSED)
def test_an_entry_fits_what_is_there(proposal: Proposal, right: dict[str, Any]) -> None:
    assert {name: getattr(proposal, name) for name in right} == right
    entry = document(proposal)
    parse_entry({"name": "s", **entry, "source": {**URL, **entry["source"]}})


@pytest.mark.parametrize("name", ["too many members", "pods that come and go"])
def test_tags_that_make_no_members_are_named(name: str) -> None:
    assert "pod (" in " ".join(PROPOSED[name][0].notes)


FIELDS: dict[str, tuple[str, list[str], list[str]]] = {
    "by recipe": ("disk", ["free", "used", "used_percent"], ["used_percent"]),
    "several by recipe": ("net", ["bytes_recv", "bytes_sent", "drop_in"], ["bytes_recv", "bytes_sent"]),
    "one of two that say the same": ("cpu", ["usage_active", "usage_idle"], ["usage_idle"]),
    "none of the recipe's": ("disk", ["free"], []),
    "the telling ones": ("x", ["a", "b", "c", "value"], ["value", "a", "b"]),
}


@pytest.mark.parametrize(("measurement", "fields", "right"), FIELDS.values(), ids=FIELDS)
def test_fields_are_chosen(measurement: str, fields: list[str], right: list[str]) -> None:
    assert chosen_fields(measurement, fields) == right


SPANS: dict[str, tuple[int, int, bool, tuple[str, str, str]]] = {
    "weeks of seconds": (10 * UNIT_NS["s"], 35 * DAY, False, ("1h", "4w", "24h")),
    "weeks, looking far": (MINUTE, 35 * DAY, True, ("1h", "4w", "72h")),
    "five days": (MINUTE, 5 * DAY, True, ("1h", "3d", "12h")),
    "a day": (MINUTE, DAY, False, ("10m", "1d", "6h")),
    "an hour": (10 * UNIT_NS["s"], HOUR, False, ("1m", "1h", "10m")),
    "a minute": (10 * UNIT_NS["s"], MINUTE, False, ("1m", "1h", "10m")),
    "years of days": (DAY, 900 * DAY, False, ("1d", "52w", "4w")),
    "a month of days": (DAY, 30 * DAY, False, ("1d", "4w", "1w")),
    "every 20 minutes": (20 * MINUTE, 3 * DAY, False, ("30m", "3d", "12h")),
    "every week": (7 * DAY, 900 * DAY, False, ("1w", "52w", "4w")),
}


@pytest.mark.parametrize(("apart", "age", "far", "right"), SPANS.values(), ids=SPANS)
def test_spans_follow_the_data(apart: int, age: int, far: bool, right: tuple[str, str, str]) -> None:
    assert tuple(map(str, spans_of(apart, age, far=far))) == right


@given(st.integers(0, 7 * DAY), st.integers(0, 4000 * DAY), st.booleans())
def test_spans_are_always_sound(apart: int, age: int, far: bool) -> None:
    every, lookback, horizon = spans_of(apart, age, far=far)
    assert (lookback % every, horizon % every) == (0, 0)
    assert every <= horizon <= lookback
    assert every >= apart
    parse_entry(
        {"name": "s", "source": {**URL, "measurement": "m", "field": "f"}}
        | {"every": str(every), "lookback": str(lookback), "horizon": str(horizon)}
    )


NASTY = [
    "y",
    "N",
    "on",
    "null",
    "~",
    "08",
    "1e3",
    "0x1f",
    "1_000",
    "12:30",
    "a: b",
    "a #b",
    "- x",
    "=",
    "",
    "Ä",
    "{a}",
    "a,b",
]


@pytest.mark.parametrize("name", NASTY)
def test_names_stay_text(name: str) -> None:
    assert yaml.safe_load(flow({name: [name]})) == {name: [name]}


@given(st.text(), st.text())
def test_any_text_is_read_as_it_was(key: str, value: str) -> None:
    assert yaml.safe_load(flow({key: [value, 1, True]})) == {key: [value, 1, True]}


def test_the_file_holds_what_was_proposed() -> None:
    proposals = [proposal for proposal, _ in PROPOSED.values()]
    named = [Proposal(**{**vars(one), "name": f"{i}: {one.content.measurement}"}) for i, one in enumerate(proposals)]
    text = values_text(URL, {"retention_policy": "p"}, named, ["some\nthing: no point"], "v.yaml")
    read = yaml.safe_load(text)
    assert read["defaults"] == {"source": URL, "sink": {"retention_policy": "p"}}
    assert read["series"] == {one.name: document(one) for one in named}
    assert "thing: no point" in text.splitlines()[-1]

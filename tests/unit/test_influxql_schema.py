"""Questions about what a database holds, and what their answers say."""

from typing import Any

import pytest

from cronocast.durations import UNIT_NS
from cronocast.sources.influxql import schema
from cronocast.sources.influxql.newest import newest
from cronocast.sources.reading import Window

WINDOW = Window(10, 20, 1)
DAY = UNIT_NS["d"]


def test_questions_quote_names_and_bind_values() -> None:
    text, values = schema.tag_values_question('m "x"', ["a b", "c"], {"d": ["1' OR '1'='1", "2"], "e": ["3"]})
    assert text == (
        'SHOW TAG VALUES FROM "m \\"x\\"" WITH KEY IN ("a b", "c")'
        ' WHERE ("d"::tag = $tag0 OR "d"::tag = $tag1) AND ("e"::tag = $tag2)'
    )
    assert values == {"tag0": "1' OR '1'='1", "tag1": "2", "tag2": "3"}
    text, values = schema.series_question("m", "f", "last", WINDOW, {"d": ["x"]})
    assert text == ('SELECT last("f") FROM "m" WHERE time >= $start AND time < $end AND ("d"::tag = $tag2) GROUP BY *')
    assert values == {"start": 10, "end": 20, "tag2": "x"}


def test_types_of_a_field_are_all_told() -> None:
    series = [
        {
            "name": "a",
            "columns": ["fieldKey", "fieldType"],
            "values": [["v", "float"], ["v", "integer"], ["s", "string"]],
        },
        {"name": "b", "columns": ["fieldKey", "fieldType"], "values": [["v", "boolean"]]},
    ]
    assert schema.field_types(series) == {"a": {"v": ["float", "integer"], "s": ["string"]}, "b": {"v": ["boolean"]}}


OLD = ["name", "duration", "shardGroupDuration", "replicaN", "default"]
NEW = ["name", "duration", "shardGroupDuration", "replicaN", "futureWriteLimit", "pastWriteLimit", "default"]
POLICIES: dict[str, tuple[list[str], list[Any], schema.Policy]] = {
    "1.8": (OLD, ["autogen", "0s", "168h0m0s", 1, True], schema.Policy("autogen", 0, 0, True)),
    "1.12": (
        NEW,
        ["short", "168h0m0s", "24h0m0s", 1, "6h30m0s", "12h0m0s", False],
        schema.Policy("short", 7 * DAY, 390 * UNIT_NS["m"], False),
    ),
}


@pytest.mark.parametrize(("columns", "row", "policy"), POLICIES.values(), ids=POLICIES)
def test_policies_are_read_by_column(columns: list[str], row: list[Any], policy: schema.Policy) -> None:
    assert schema.policies([{"columns": columns, "values": [row]}]) == [policy]


def test_no_policy_where_the_answer_has_none() -> None:
    assert schema.policies([{"columns": OLD}]) == []


def _tags(*rows: str) -> list[dict[str, str]]:
    return [dict(pair.split("=") for pair in row.split()) for row in rows]


DIFFERING: dict[str, tuple[list[dict[str, str]], list[str], dict[str, int]]] = {
    "grouped": (_tags("host=a path=1", "host=a path=2"), ["host", "path"], {}),
    "not grouped": (_tags("host=a path=1", "host=a path=2", "host=b path=3 "), ["host"], {"path": 2}),
    "follows the host": (_tags("host=a rack=1", "host=b rack=2"), ["host"], {}),
    "absent in some": (_tags("host=a", "host=a path=1"), ["host"], {"path": 2}),
    "two, the one that people know first": (
        _tags("host=a device=1 path=1", "host=a device=1 path=2", "host=b device=2 path=3", "host=b device=1 path=3"),
        ["host"],
        {"path": 2, "device": 2},
    ),
    "all in one": (_tags("host=a path=1", "host=b path=1"), [], {"host": 2}),
    "nothing": ([], ["host"], {}),
}


@pytest.mark.parametrize(("tags", "group_by", "right"), DIFFERING.values(), ids=DIFFERING)
def test_tags_that_differ_within_a_member(
    tags: list[dict[str, str]], group_by: list[str], right: dict[str, int]
) -> None:
    assert schema.differing(tags, group_by) == right
    assert list(schema.differing(tags, group_by)) == list(right)


SEPARATING: dict[str, tuple[list[dict[str, str]], list[str], list[str]]] = {
    "one is enough": (_tags("host=a path=1 device=x", "host=a path=2 device=y"), ["host"], ["path"]),
    "the one that parts more": (
        _tags("h=a path=1 pid=1", "h=a path=1 pid=2", "h=a path=2 pid=3", "h=a path=2 pid=4"),
        ["h"],
        ["pid"],
    ),
    "both are needed": (_tags("a=1 b=1", "a=1 b=2", "a=2 b=1", "a=2 b=2"), [], ["a", "b"]),
    "none": (_tags("a=1", "a=2"), ["a"], []),
}


@pytest.mark.parametrize(("tags", "group_by", "added"), SEPARATING.values(), ids=SEPARATING)
def test_the_fewest_tags_make_each_member_one_series(
    tags: list[dict[str, str]], group_by: list[str], added: list[str]
) -> None:
    assert schema.separating(tags, group_by) == added
    assert schema.differing(tags, [*group_by, *added]) == {}


def _rows(*values: float) -> list[dict[str, Any]]:
    """An answer with one series, newest first, a minute apart."""
    return [{"values": [[str(i * UNIT_NS["m"]), repr(value)] for i, value in reversed([*enumerate(values)])]}]


COUNTERS: dict[str, tuple[list[float], bool, bool]] = {  # values, counts, can't count
    "rises": ([10.0 * i for i in range(50)], True, False),
    "rests more than it rises": ([float(i // 3) for i in range(50)], False, False),
    "one reset": ([float(i % 30) for i in range(50)], True, False),
    "level": ([5.0] * 50, False, False),
    "up and down": ([float(i % 2) for i in range(50)], False, True),
    "rises, no whole numbers": ([0.5 * i for i in range(50)], False, False),
    "too few": ([float(i) for i in range(5)], False, False),
    "none": ([], False, False),
}


@pytest.mark.parametrize(("values", "counts", "cannot"), COUNTERS.values(), ids=COUNTERS)
def test_counters_are_told_from_gauges(values: list[float], counts: bool, cannot: bool) -> None:
    found = newest(_rows(*values))
    assert (found.counts, found.cannot_count) == (counts, cannot)
    assert found.apart_ns == (UNIT_NS["m"] if len(values) > 1 else 0)


def test_found_has_the_tags_that_are_there() -> None:
    series = [{"name": "m", "tags": {"a": "x", "b": ""}, "columns": ["time", "last"], "values": [["7", "1.5"]]}]
    assert schema.found(series) == [schema.Found({"a": "x"}, 7, "1.5")]

"""What a database computes, against what its points say: names that collide, few points, types, large numbers."""

import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

import pytest

from cronocast.durations import stamp
from cronocast.handoff.series import tags_text
from demo.influxd import Influxd
from tests.wire.extract_run import HOUR, START, Ran

Run = Callable[..., Ran]
Point = tuple[dict[str, str], dict[str, str], int]  # tags, fields as line protocol has them, time
Values = dict[tuple[str, int], float]  # by tags and step
MONDAY = 1_700_438_400 * 10**9  # a full day, with which a shard begins
WEEK = 7 * 24 * HOUR


def write(influxd: Influxd, database: str, points: Iterable[Point]) -> None:
    influxd.write(
        [
            f"m{''.join(f',{key}={value}' for key, value in sorted(tags.items()))}"
            f" {','.join(f'{key}={value}' for key, value in fields.items())} {time}"
            for tags, fields, time in points
        ],
        database,
    )


def members(points: Iterable[Point], group_by: Sequence[str], field: str) -> dict[tuple[str, int], list[float]]:
    """The numbers of a field by member and step, in order of time."""
    steps = defaultdict(list)
    for tags, fields, time in sorted(points, key=lambda point: point[2]):
        if field in fields:
            own = tags_text((key, tags[key]) for key in group_by if key in tags)
            steps[own, time // HOUR * HOUR].append(float(fields[field].rstrip("i")))
    return dict(steps)


def read(ran: Ran) -> Values:
    return {(tags, time): value for tags, time, value in ran.rows}


@pytest.mark.parametrize("seed", range(6))
def test_a_tag_is_compared_though_a_field_has_its_name(seed: int, run: Run, influxd: Influxd, database: str) -> None:
    """Also where only some points have the field, or only the field."""
    rng = random.Random(seed)
    points: list[Point] = []
    for i in range(400):
        tags = {key: rng.choice("ab") for key in ("host", "dc") if rng.random() < 0.8}
        fields = {"f": f"{rng.uniform(-9, 9):.3f}"}
        fields |= {"host": f'"{rng.choice("ab")}"'} if rng.random() < (0.5, 0.02)[seed % 2] else {}
        fields |= {"dc": str(float(rng.randint(0, 2)))} if rng.random() < 0.1 else {}
        points.append((tags, fields, START + rng.randrange(24) * HOUR + i * 10**9))
    write(influxd, database, points)
    for group_by, fixed in (
        ([], {"host": "a"}),
        (["host"], {"host": "a"}),
        (["dc"], {"host": ["a", "b"]}),
        (["host"], {}),
    ):
        ran = run({"group_by": group_by, "tags": fixed})
        kept = [point for point in points if all(point[0].get(key, "-") in values for key, values in fixed.items())]
        means = {key: fmean(values) for key, values in members(kept, group_by, "f").items()}
        assert ran.code == 0, ran.stderr
        assert read(ran) == pytest.approx(means)


@pytest.mark.parametrize("percentile", [1, 5, 10, 24, 33.3, 49, 50, 90])
@pytest.mark.parametrize("slices", [None, "6h"])
def test_a_percentile_of_few_points_is_the_lowest_and_ends_nothing(
    percentile: float, slices: str | None, run: Run, influxd: Influxd, database: str
) -> None:
    """The server picks the nearest rank, and where that is none it would send nothing that follows."""
    rng = random.Random(f"{percentile} {slices}")
    points: list[Point] = []
    for host in "abc":
        for step in range(24):
            many = rng.choice((0, 1, 2, 3, 8, 60)) if host != "c" else 60
            points += [
                ({"host": host, "core": rng.choice("01")}, {"f": f"{rng.uniform(0, 100):.2f}"}, START + step * HOUR + i)
                for i in range(many)
            ]
    write(influxd, database, points)
    expected = {}
    for key, values in members(points, ["host"], "f").items():
        expected[key] = sorted(values)[max(math.floor(len(values) * percentile / 100 + 0.5), 1) - 1]
    ran = run({"aggregate": "percentile", "percentile": percentile, "group_by": ["host"], "slice": slices})
    assert ran.code == 0, ran.stderr
    assert read(ran) == expected
    assert ran.result["rows_in"] == ran.result["rows_kept"] == len(expected)
    fewest = min(many for many in range(1, 99) if math.floor(many * percentile / 100 + 0.5) >= 1)
    thin = sum(len(values) < fewest for values in members(points, ["host"], "f").values())
    said = [note for note in ran.result["notes"] if note.startswith("percentile")]
    assert [list(map(int, re.findall(r"\b\d+\b(?![.])", note)))[-2:] for note in said] == (
        [[fewest, thin]] if thin else []
    )


def test_points_of_a_percentile_count_against_max_rows(run: Run, influxd: Influxd, database: str) -> None:
    write(influxd, database, [({}, {"f": "1"}, START + i) for i in range(9)])
    source = {"aggregate": "percentile", "percentile": 5}
    assert run({**source, "max_rows": 8}).token == "E_TOO_MANY_ROWS"
    assert run({**source, "max_rows": 9}).code == 0


def test_own_query_that_a_percentile_cuts_short_is_refused(run: Run, influxd: Influxd, database: str) -> None:
    write(
        influxd,
        database,
        [
            ({"h": "x"}, {"f": f"{i}"}, START + step * HOUR + i)
            for step in range(24)
            for i in range(2 if step == 9 else 7)
        ],
    )
    own = {"measurement": None, "field": None}
    query = "SELECT percentile(f, {}) FROM m WHERE time >= $start AND time < $end GROUP BY time(1h), h fill({})"
    for fill in ("none", "null"):
        cut = run({**own, "query": query.format(10, fill)})
        assert (cut.code, cut.token) == (76, "E_TRUNCATED")
        assert re.search(r"\b(9|23) of 24 steps", cut.error)
        assert len(run({**own, "query": query.format(30, fill)}).rows) == 24


TYPES: dict[str, Callable[[int], str]] = {
    "float": lambda i: f"{i}.5",
    "integer": lambda i: f"{i}i",
    "string": lambda i: f'"{i}"',
    "boolean": lambda i: "true" if i % 2 else "false",
}


@pytest.mark.parametrize("aggregate", ["mean", "last", "count"])
@pytest.mark.parametrize(
    "kinds",
    ["float string", "string float", "float boolean float", "integer float string", "integer float", "float integer"],
)
def test_points_of_a_second_type_are_named_where_they_are_not_read(
    kinds: str, aggregate: str, run: Run, influxd: Influxd, database: str
) -> None:
    """A shard has one type for a field, and a query reads those shards whose type fits the first."""
    weeks = kinds.split()
    start = MONDAY - len(weeks) * WEEK
    times = [(start + i * 6 * HOUR, weeks[i * 6 * HOUR // WEEK]) for i in range(len(weeks) * 28)]
    write(influxd, database, [({"h": "x"}, {"f": TYPES[kind](i)}, time) for i, (time, kind) in enumerate(times)])
    ran = run(
        {"aggregate": aggregate, "group_by": ["h"]},
        run_ns=MONDAY + 10**9,
        every="6h",
        lookback=f"{len(weeks)}w",
        horizon="6h",
    )
    numbers = [time for time, kind in times if kind in ("float", "integer")]
    assert ran.code == 0, ran.stderr
    assert [time for _, time, _ in ran.rows] == numbers
    other = sorted({"string", "boolean"} & set(weeks))
    [*said] = [note for note in ran.result["notes"] if "types" in note]
    assert bool(said) == bool(other)
    for note in said:
        for words in ("f has", f"{len(numbers)} of {len(times)} steps", *other, str(len(times) - len(numbers))):
            assert words in note
        assert note in ran.stderr
        assert ran.result["facts"]["unread_points"] == {other[0]: len(times) - len(numbers)}


def test_points_of_a_second_type_outside_the_window_are_not_named(run: Run, influxd: Influxd, database: str) -> None:
    write(influxd, database, [({}, {"f": '"x"'}, MONDAY - WEEK - HOUR), ({}, {"f": "1.5"}, MONDAY - HOUR)])
    ran = run({}, run_ns=MONDAY + 10**9)
    assert (ran.rows, ran.result["notes"]) == ([("", MONDAY - HOUR, 1.5)], [])


@pytest.mark.parametrize("aggregate", ["mean", "sum", "median"])
def test_large_integers_are_added_as_numbers(aggregate: str, run: Run, influxd: Influxd, database: str) -> None:
    """The server would add them as integers, past 2^63 without a word: their mean below the lowest of them."""
    rng = random.Random(aggregate)
    whole = [rng.randint(2**61, 2**63 - 1) for _ in range(60)]
    write(influxd, database, [({}, {"f": f"{n}i"}, START + i // 10 * HOUR + i) for i, n in enumerate(whole)])
    ran = run({"aggregate": aggregate})
    assert ran.code == 0, ran.stderr
    for step, (_, _, value) in enumerate(ran.rows):
        points = sorted(map(float, whole[step * 10 : step * 10 + 10]))
        right = {"mean": fmean(points), "sum": math.fsum(points), "median": fmean(points[4:6])}
        assert value == pytest.approx(right[aggregate], rel=1e-12)


@pytest.mark.parametrize("groups", ["time(1h)", "time(1h), h", "h, time(1h), *", 'time(1h), "time(2h)", h'])
@pytest.mark.parametrize("kept", ["", " AND (h = 'a' OR h = '$start')"])
def test_own_query_that_adds_large_integers_is_refused(
    groups: str, kept: str, run: Run, influxd: Influxd, database: str
) -> None:
    rng = random.Random(groups)
    whole = [rng.randint(2**62, 2**63 - 1) for _ in range(48)]
    write(influxd, database, [({"h": "a"}, {"f": f"{n}i"}, START + i // 2 * HOUR + i) for i, n in enumerate(whole)])
    query = f"SELECT {{}} FROM m WHERE time >= $start AND time < $end{kept} GROUP BY {groups} fill(none)"
    own = {"measurement": None, "field": None}
    wrong = run({**own, "query": query.format("mean(f)")})
    assert (wrong.code, wrong.token, wrong.history) == (76, "E_IMPOSSIBLE_VALUE", None), wrong.stderr
    assert all(words in wrong.error for words in ("mean -", "2 points", "::float"))
    right = run({**own, "query": query.format("mean(f::float)")})
    assert (right.code, right.result["notes"]) == (0, []), right.stderr
    assert [value for _, _, value in right.rows] == pytest.approx([fmean(whole[i : i + 2]) for i in range(0, 48, 2)])


def test_all_digits_of_an_integer_stay_where_it_is_picked(run: Run, influxd: Influxd, database: str) -> None:
    write(influxd, database, [({}, {"f": f"{2**53 + 1}i"}, START)])
    for aggregate in ("last", "min", "max", "percentile"):
        assert (run({"aggregate": aggregate}).history or "").splitlines()[1] == f"m,,{START},{2**53 + 1}"


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_sum_beyond_all_numbers_is_named(sign: str, run: Run, influxd: Influxd, database: str) -> None:
    write(influxd, database, [({"h": h}, {"f": "1"}, START + i * HOUR) for i in range(24) for h in "ab"])
    write(influxd, database, [({"h": "b"}, {"f": f"{sign}1.7e308"}, START + 5 * HOUR + i) for i in (1, 2)])
    ran = run({"group_by": ["h"]})
    assert (ran.code, ran.token, ran.history) == (76, "E_NOT_FINITE", None)
    for words in ("h=b", stamp(START + 5 * HOUR), "Inf", f"{sign}1.7e+308"):
        assert words in ran.error


SERIES = [("a", "/", "sda"), ("a", "/data", "sdb"), ("b", "/", "sda"), ("b", "/data", "sda")]
DIFFERING: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "nothing grouped": ({}, {"host": 2, "path": 2, "device": 2}),
    "by host": ({"group_by": ["host"]}, {"path": 2, "device": 2}),
    "by host, one path": ({"group_by": ["host"], "tags": {"path": "/"}}, {}),
    "by host, two paths": ({"group_by": ["host"], "tags": {"path": ["/", "/data"]}}, {"path": 2, "device": 2}),
    "one host": ({"tags": {"host": "b"}}, {"path": 2}),
    "by what tells all apart": ({"group_by": ["host", "path"]}, {}),
}


@pytest.mark.parametrize(("source", "differing"), DIFFERING.values(), ids=DIFFERING)
def test_tags_by_which_the_points_of_a_member_differ_are_named(
    source: dict[str, Any], differing: dict[str, int], run: Run, influxd: Influxd, database: str
) -> None:
    """Of the window: a disk that is gone differs from nothing."""
    points: list[Point] = [
        ({"host": host, "path": path, "device": device, "mode": "rw"}, {"f": "1"}, START + i * HOUR)
        for host, path, device in SERIES
        for i in range(24)
    ]
    gone = {"host": "b", "path": "/", "device": "old", "mode": "ro"}
    write(influxd, database, [*points, (gone, {"f": "1"}, START - 99 * HOUR), (gone, {"g": "1"}, START)])
    ran = run(source)
    assert ran.code == 0, ran.stderr
    assert ran.result["facts"].get("also_differ_by", {}) == differing
    [*said] = [note for note in ran.result["notes"] if "differ by" in note]
    assert bool(said) == bool(differing)
    for note in said:
        assert note in ran.stderr
        assert all(f"{key} ({count})" in note for key, count in differing.items())

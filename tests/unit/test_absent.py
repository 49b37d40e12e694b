"""What a step without a row means: against a slow reading of the same, on random rows."""

from array import array
from collections.abc import Mapping

import numpy as np
import pytest

from cronocast.document.entry import Entry, parse_entry
from cronocast.document.meaning import never_negative, preparation_of, silent_after
from cronocast.errors import ConfigError
from cronocast.handoff.series import Member
from cronocast.timeseries.absent import read_absent
from cronocast.timeseries.preparation import Absent
from cronocast.timeseries.prepare import prepare_member

HOUR = 3600 * 10**9
START = 1_736_121_600 * 10**9
SOURCE = {"url": "http://localhost:8086", "database": "d", "measurement": "m", "field": "f"}


def entry_of(source: Mapping[str, object] | None = None, **more: object) -> Entry:
    return parse_entry({"name": "x", "source": {**SOURCE, **(source or {})}, **more})


def slowly(times: list[int], y: list[float], at: int, aggregate: str) -> float:
    """What stood in the hour from `at` on, minute by minute."""
    stood = [y[known[-1]] for m in range(60) if (known := [i for i, t in enumerate(times) if t <= at + m * HOUR // 60])]
    return {"mean": sum(stood) / len(stood), "min": min(stood), "max": max(stood), "last": stood[-1]}[aggregate]


@pytest.mark.parametrize("aggregate", ["mean", "min", "max", "last"])
def test_a_value_stands_until_the_next_one(aggregate: str) -> None:
    rng = np.random.default_rng(31)
    for i in range(30):
        minutes = np.sort(rng.choice(72 * 60, int(rng.integers(1, 40)), replace=False))
        times, y = START + minutes * (HOUR // 60), rng.normal(size=minutes.size)
        at, found, filled = read_absent(times, y, HOUR, Absent("previous", aggregate), START + 80 * HOUR)
        first = int(times[0]) // HOUR * HOUR
        assert at.tolist() == list(range(first, START + 80 * HOUR, HOUR)), i
        expected = [slowly(times.tolist(), y.tolist(), int(t), aggregate) for t in at]
        assert found.tolist() == pytest.approx(expected), i
        assert filled == at.size - np.unique(times // HOUR).size, i


def test_rows_of_whole_steps_stay_to_the_last_digit() -> None:
    times, y = START + HOUR * np.array([0, 1, 5]), np.array([0.1, 0.7, 1e308])
    _, found, filled = read_absent(times, y, HOUR, Absent("previous"), START + 7 * HOUR)
    assert (found.tolist(), filled) == ([0.1, 0.7, 0.7, 0.7, 0.7, 1e308, 1e308], 4)


def test_a_step_in_which_nothing_happened_is_zero_from_the_first_row_to_the_end() -> None:
    rng = np.random.default_rng(32)
    for i in range(30):
        steps = np.sort(rng.choice(200, int(rng.integers(1, 60)), replace=False))
        y = rng.integers(1, 9, steps.size).astype(float)
        at, found, filled = read_absent(START + steps * HOUR, y, HOUR, Absent("zero"), START + 220 * HOUR)
        assert at.tolist() == [START + s * HOUR for s in range(int(steps[0]), 220)], i
        assert found.sum() == y.sum(), i
        assert found[steps - steps[0]].tolist() == y.tolist(), i
        assert filled == at.size - steps.size, i


@pytest.mark.parametrize("rule", ["zero", "previous"])
def test_nothing_is_read_into_the_end_of_a_member_that_is_gone(rule: str) -> None:
    times, y = START + HOUR * np.arange(10), np.arange(10.0)
    for silence, size in ((11, 20), (10, 10), (9, 10)):
        absent = Absent(rule, "mean", silence * HOUR)
        assert read_absent(times, y, HOUR, absent, START + 20 * HOUR)[0].size == size


@pytest.mark.parametrize("rule", ["missing", "zero", "previous"])
def test_no_row_stays_no_row(rule: str) -> None:
    assert read_absent(np.empty(0, dtype=np.int64), np.empty(0), HOUR, Absent(rule), START)[0].size == 0


@pytest.mark.parametrize(
    ("source", "prepare", "aggregate", "empty"),
    [
        ({}, {}, "mean", "missing"),
        ({"aggregate": "count"}, {}, "count", "zero"),
        ({"aggregate": "count", "empty": "missing"}, {}, "count", "missing"),
        ({"aggregate": "sum"}, {}, "sum", "missing"),
        ({"aggregate": "sum", "empty": "zero"}, {}, "sum", "zero"),
        ({}, {"rate": True}, "last", "missing"),
        ({"aggregate": "mean"}, {"rate": True}, "mean", "missing"),
        ({"empty": "previous"}, {"rate": True}, "last", "previous"),
        ({"empty": "previous"}, {}, "mean", "previous"),
    ],
)
def test_what_is_left_open_follows_from_what_is_read(
    source: dict[str, object], prepare: dict[str, object], aggregate: str, empty: str
) -> None:
    entry = entry_of(source, prepare=prepare)
    found = entry.source_settings()
    assert (found.aggregate, found.empty) == (aggregate, empty)
    assert preparation_of(entry).absent.rule == empty
    assert never_negative(entry) is (bool(prepare) or aggregate == "count")


def test_a_query_of_ones_own_leaves_nothing_to_aggregate_and_can_still_say_what_is_empty() -> None:
    query = {"query": "SELECT v FROM m WHERE time >= $start AND time < $end", "measurement": None, "field": None}
    assert entry_of(query).source_settings().aggregate is None
    assert preparation_of(entry_of({**query, "empty": "zero"})).absent.rule == "zero"


@pytest.mark.parametrize(
    ("source", "prepare"),
    [
        ({"empty": "previous", "aggregate": "sum"}, {}),
        ({"empty": "previous", "aggregate": "count"}, {}),
        ({"empty": "previous", "aggregate": "percentile"}, {}),
        ({"empty": "zero"}, {"rate": True}),
    ],
)
def test_what_can_not_be_meant_is_refused(source: dict[str, object], prepare: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"E_CONFIG_CROSS source\.empty"):
        entry_of(source, prepare=prepare)


@pytest.mark.parametrize(
    ("every", "horizon", "source", "own", "expected"),
    [
        ("1h", "24h", {}, None, "1d"),
        ("1h", "2h", {}, None, "10h"),
        ("1h", "30d", {}, None, "1w"),
        ("1d", "7d", {}, None, "10d"),
        ("1d", "52w", {}, None, "10d"),
        ("1h", "30d", {}, "3h", "3h"),
        ("1h", "24h", {"aggregate": "count"}, None, "None"),
        ("1h", "24h", {"empty": "previous"}, None, "None"),
        ("1h", "24h", {"empty": "previous"}, "2d", "2d"),
    ],
)
def test_how_long_a_silence_is(
    every: str, horizon: str, source: dict[str, object], own: str | None, expected: str
) -> None:
    entry = entry_of(source, every=every, horizon=horizon, lookback="52w", silent_after=own)
    assert str(silent_after(entry)) == expected


def test_what_was_filled_is_counted() -> None:
    member = Member("m", "", array("q", [START, START + 3 * HOUR]), (array("d", [2.0, 1.0]),))
    for empty, values in (("zero", [2.0, 0, 0, 1, 0]), ("previous", [2.0, 2, 2, 1, 1])):
        prepared, counts = prepare_member(member, preparation_of(entry_of({"empty": empty})), START + 5 * HOUR)
        assert prepared.columns[0].tolist() == values
        assert counts == {f"filled_as_{empty}": 3}

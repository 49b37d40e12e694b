"""Axes: round values, calendar times in a zone, lines reduced without losing an extreme."""

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cronocast.charts.scale import reduce_line, spans, time_ticks, value_domain, value_ticks, zone_of
from cronocast.durations import parse_stamp, stamp

PATIENT = settings(suppress_health_check=[HealthCheck.too_slow])  # a loaded machine is no defect
TICKS = {
    "tens": (0, 100, 5, [0, 20, 40, 60, 80, 100]),
    "quarter steps": (0.1, 1.2, 4, [0.25, 0.5, 0.75, 1.0]),
    "below zero": (-7, 3, 5, [-6, -4, -2, 0, 2]),
    "tiny": (1e-9, 3e-9, 4, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]),
    "no range": (5, 5, 4, [5]),
}


@pytest.mark.parametrize(("low", "high", "count", "expected"), TICKS.values(), ids=TICKS)
def test_value_ticks_are_round(low: float, high: float, count: int, expected: list[float]) -> None:
    assert value_ticks(low, high, count) == pytest.approx(expected)


@PATIENT
@given(st.floats(-1e300, 1e300), st.floats(1e-9, 1e9), st.integers(2, 9))
def test_value_ticks_stay_inside_and_are_few(low: float, share: float, count: int) -> None:
    high = low + abs(low) * share + share
    ticks = value_ticks(low, high, count)
    slack = (high - low) * 1e-6
    assert len(ticks) <= 2.5 * count + 2
    assert all(low - slack <= t <= high + slack for t in ticks)


DOMAINS = {
    "zero is near": (2, 50, 0.0),
    "zero is far": (940, 1000, 936.4),
    "one value": (5, 5, 4.5),
    "zero alone": (0, 0, -1.0),
}


@pytest.mark.parametrize(("low", "high", "start"), DOMAINS.values(), ids=DOMAINS)
def test_value_domain(low: float, high: float, start: float) -> None:
    found = value_domain(low, high)
    assert found[0] == pytest.approx(start)
    assert found[1] > high


def test_value_domain_of_the_largest_doubles_is_finite() -> None:
    assert all(map(math.isfinite, value_domain(-1.79e308, 1.79e308)))


def ticks(start: str, end: str, count: int, zone: str = "UTC") -> list[tuple[str, str, str]]:
    return [
        (stamp(t.time_ns), t.text, t.context)
        for t in time_ticks(parse_stamp(start), parse_stamp(end), count, zone_of(zone)[0])
    ]


def test_hours_name_the_day_where_it_changes() -> None:
    assert ticks("2026-03-09T15:30:00Z", "2026-03-10T07:00:00Z", 4) == [
        ("2026-03-09T18:00:00Z", "18:00", "Mon 9 Mar"),
        ("2026-03-10T00:00:00Z", "00:00", "Tue 10 Mar"),
        ("2026-03-10T06:00:00Z", "06:00", ""),
    ]


def test_ticks_keep_to_the_wall_clock_when_clocks_change() -> None:
    # Berlin goes from 02:00 to 03:00 on 29 March 2026: midnights are 23 hours apart.
    days = ticks("2026-03-27T12:00:00Z", "2026-03-31T12:00:00Z", 5, "Europe/Berlin")
    assert [(t, text) for t, text, _ in days] == [
        ("2026-03-27T23:00:00Z", "Sat 28"),
        ("2026-03-28T23:00:00Z", "Sun 29"),
        ("2026-03-29T22:00:00Z", "Mon 30"),
        ("2026-03-30T22:00:00Z", "Tue 31"),
    ]
    hours = ticks("2026-03-28T23:00:00Z", "2026-03-29T16:00:00Z", 4, "Europe/Berlin")
    assert [text for _, text, _ in hours] == ["00:00", "06:00", "12:00", "18:00"]


TEXTS = {
    "seconds": (
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:20Z",
        ["00:00:00", "00:00:05", "00:00:10", "00:00:15", "00:00:20"],
    ),
    "minutes": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", ["00:00", "00:15", "00:30", "00:45", "01:00"]),
    "weeks are Mondays": ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", ["5", "12", "19", "26"]),
    "months": ("2026-01-15T00:00:00Z", "2026-05-15T00:00:00Z", ["Feb", "Mar", "Apr", "May"]),
    "years": ("2020-06-01T00:00:00Z", "2025-06-01T00:00:00Z", ["2021", "2022", "2023", "2024", "2025"]),
}


@pytest.mark.parametrize(("start", "end", "expected"), TEXTS.values(), ids=TEXTS)
def test_time_ticks_suit_the_span(start: str, end: str, expected: list[str]) -> None:
    assert [text for _, text, _ in ticks(start, end, 5)] == expected


@PATIENT
@given(
    st.integers(0, 4_000_000_000),
    st.integers(1, 10**9),
    st.integers(2, 12),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_time_ticks_ascend_inside_the_span(start_s: int, span_s: int, count: int, zone: str) -> None:
    found = [t.time_ns for t in time_ticks(start_s * 10**9, (start_s + span_s) * 10**9, count, ZoneInfo(zone))]
    assert found == sorted(set(found))
    assert len(found) <= count + 2
    assert all(start_s * 10**9 <= t <= (start_s + span_s) * 10**9 for t in found)


def test_an_unknown_zone_becomes_utc_and_says_so() -> None:
    assert zone_of("Mars/Olympus") == (UTC, "UTC")


def test_spans_break_at_gaps() -> None:
    assert list(spans([0, 1, 2, 5, 6, 9], 1.5)) == [(0, 3), (3, 5), (5, 6)]
    assert list(spans([], 1.5)) == []


@PATIENT
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(1, 40))
def test_reduced_line_keeps_first_lowest_highest_and_last_of_each_column(values: list[float], width: int) -> None:
    times = list(range(len(values)))
    kept = reduce_line(times, values, 0, width)
    assert kept == sorted(set(kept))
    for begin in range(0, len(values), width):
        block = range(begin, min(begin + width, len(values)))
        inside = [i for i in kept if i in block]
        assert len(inside) <= 4
        assert (inside[0], inside[-1]) == (block[0], block[-1])
        assert min(values[i] for i in inside) == min(values[i] for i in block)
        assert max(values[i] for i in inside) == max(values[i] for i in block)

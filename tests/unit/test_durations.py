"""Durations and times as text: exact, in UTC, and nothing else is accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronocast.durations import MAX_NS, Duration, parse_stamp, stamp

HOUR = 3600 * 10**9


SPANS = {
    "1s": 10**9,
    "5m": 300 * 10**9,
    "24h": 24 * HOUR,
    "7d": 168 * HOUR,
    "2w": 336 * HOUR,
    "007s": 7 * 10**9,
    "31536001s": 31_536_001 * 10**9,
}


@pytest.mark.parametrize(("text", "ns"), SPANS.items())
def test_durations(text: str, ns: int) -> None:
    assert Duration.parse(text) == ns
    assert str(Duration.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "1",
        "0s",
        "-1s",
        "1.5h",
        "1 h",
        " 1h",
        "1h ",
        "1h\n",
        "1H",
        "1ms",
        "1mo",
        "1y",
        "1h30m",
        "١h",
        "12345678901s",
        None,
        5,
        ["1h"],
    ],
)
def test_texts_that_are_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        Duration.parse(text)


@given(st.integers(1, 99_999), st.sampled_from("smhdw"))
def test_the_largest_unit_that_fits_is_written(count: int, unit: str) -> None:
    duration = Duration.parse(f"{count}{unit}")
    assert Duration.of(duration) == duration
    assert len(str(Duration.of(duration))) <= len(str(duration))


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000 * 10**9, "2023-11-14T22:13:20Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (15 * 10**8, "1970-01-01T00:00:01.5Z"),
    ],
)
def test_times(ns: int, text: str) -> None:
    assert stamp(ns) == text
    assert parse_stamp(text) == ns


def test_other_zones_are_moved_to_utc() -> None:
    assert parse_stamp("2026-01-31T13:30:00.5+01:30") == parse_stamp("2026-01-31T12:00:00.5Z")
    assert parse_stamp("2026-01-31T09:00:00-03:00") == parse_stamp("2026-01-31T12:00:00Z")


@given(st.integers(0, MAX_NS))
def test_times_round_trip(ns: int) -> None:
    assert parse_stamp(stamp(ns)) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+99:00",
        "2026-02-30T00:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31T24:00:00Z",
        "٢٠٢٦-01-31T12:00:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
    ],
)
def test_texts_that_are_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_stamp(text)

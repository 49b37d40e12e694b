"""Days follow the wall clock of the calendar's zone: an hour that is skipped or repeated moves no pattern."""

from array import array
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cronocast.classify.member import profile_of
from cronocast.document.entry import parse_entry
from cronocast.durations import parse_stamp
from cronocast.errors import ConfigError
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.series import Member
from cronocast.timeseries.clock import clock_of, offset_ns

SAMOA = parse_stamp("2011-12-30T10:00:00Z")  # which left out 30 December 2011

HOUR = 3600 * 10**9
SPRING = parse_stamp("2025-03-30T01:00:00Z")  # 02:00 becomes 03:00 in Berlin
AUTUMN = parse_stamp("2025-10-26T01:00:00Z")  # 03:00 becomes 02:00
BERLIN = "Europe/Berlin"


def local_hours(time_ns: np.ndarray[Any, Any], zone: str = BERLIN) -> np.ndarray[Any, Any]:
    clocks = [datetime.fromtimestamp(int(t) // 10**9, UTC).astimezone(ZoneInfo(zone)) for t in time_ns]
    return np.array([c.hour + c.minute / 60 for c in clocks])


def curve(time_ns: np.ndarray[Any, Any], zone: str = BERLIN) -> np.ndarray[Any, Any]:
    """A working day that begins at 8 and ends at 17 by the clock of the zone."""
    hours = local_hours(time_ns, zone)
    return np.asarray(20 + 60.0 * ((hours >= 8) & (hours < 17)) + 10 * np.sin(hours / 24 * 2 * np.pi))


def forecast(
    start_ns: int, end_ns: int, h: int, zone: str | None = None, step: int = HOUR, lives_by: str = BERLIN, **given: Any
) -> tuple[MemberForecast, np.ndarray[Any, Any]]:
    """The forecast of a generated series by the whole engine, and the truth."""
    time_ns = np.arange(start_ns, end_ns, step)
    y = curve(time_ns, lives_by) + np.random.default_rng(7).normal(0, 1, time_ns.size)
    calendar = {"calendar": {"timezone": zone}} if zone else {}
    every = f"{step // (60 * 10**9)}m"
    entry = parse_entry(
        {
            "name": "a",
            "every": every,
            "lookback": f"{time_ns.size * step // HOUR}h",
            "horizon": f"{h * step // HOUR}h",
            **calendar,
            **given,
        }
        | {"source": {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}}
    )
    member = Member("m", "", array("q", time_ns.tolist()), (array("d", y.tolist()),))
    profile = profile_of(member, entry)
    truth = curve(end_ns + step * np.arange(h), lives_by)
    return forecast_member(profile, time_ns, y, settings_of(entry, end_ns)), truth


DAY = 24 * HOUR
SPANS = {  # start and end of the history
    "spring, in the middle of the history": (SPRING - 10 * DAY - HOUR, SPRING + 10 * DAY - HOUR),
    "spring, twelve hours before the end": (SPRING - 20 * DAY, SPRING + 12 * HOUR),
    "spring, in the horizon": (SPRING - 21 * DAY - HOUR, SPRING - 6 * HOUR),
    "autumn, in the middle of the history": (AUTUMN - 10 * DAY - HOUR, AUTUMN + 10 * DAY - HOUR),
    "autumn, twelve hours before the end": (AUTUMN - 20 * DAY, AUTUMN + 12 * HOUR),
    "autumn, in the horizon": (AUTUMN - 21 * DAY - HOUR, AUTUMN - 6 * HOUR),
}
SHIFTED = [name for name in SPANS if "middle" not in name]  # after some days models have learnt the new hour


@pytest.mark.parametrize(("start", "end"), SPANS.values(), ids=SPANS)
def test_the_error_is_as_without_a_change(start: int, end: int) -> None:
    found, truth = forecast(start, end, 48, BERLIN)
    quiet, quiet_truth = forecast(start - 60 * DAY, end - 60 * DAY, 48)  # no change near
    assert found.time_ns.tolist() == [end + i * HOUR for i in range(48)]
    assert np.abs(found.yhat - truth).mean() < 1.5 * np.abs(quiet.yhat - quiet_truth).mean() + 0.3
    assert ((found.lower <= found.yhat) & (found.yhat <= found.upper)).all()
    assert any(note.startswith("calendar: ") and "Europe/Berlin" in note for note in found.notes)


@pytest.mark.parametrize("name", SHIFTED)
def test_without_the_zone_it_is_an_hour_wrong(name: str) -> None:
    start, end = SPANS[name]
    (found, truth), (plain, _) = forecast(start, end, 48, BERLIN), forecast(start, end, 48)
    assert np.abs(plain.yhat - truth).max() > 25
    assert np.abs(found.yhat - truth).max() < 8


def test_without_a_change_nothing_happens() -> None:
    start, end = SPRING + 10 * DAY, SPRING + 31 * DAY
    (found, _), (plain, _) = forecast(start, end, 48, BERLIN), forecast(start, end, 48)
    for name in ("yhat", "lower", "upper", "time_ns"):
        assert getattr(found, name).tobytes() == getattr(plain, name).tobytes()
    assert (found.model, found.why, found.notes, found.prepared) == (
        plain.model,
        plain.why,
        plain.notes,
        plain.prepared,
    )


def test_the_repeated_hour_repeats_and_the_skipped_one_is_dropped() -> None:
    autumn, _ = forecast(AUTUMN - 21 * DAY - HOUR, AUTUMN - 6 * HOUR, 12, BERLIN, model="seasonal_naive")
    assert autumn.yhat[5] == autumn.yhat[6]  # 02:00 to 03:00, twice
    spring, _ = forecast(SPRING - 21 * DAY - HOUR, SPRING - 6 * HOUR, 12, BERLIN, model="seasonal_naive")
    last_day = curve(SPRING - 30 * HOUR + HOUR * np.arange(24))
    np.testing.assert_allclose(spring.yhat, np.delete(last_day, 6)[:12], atol=4)


def test_bands_of_further_levels_follow_too() -> None:
    found, _ = forecast(AUTUMN - 21 * DAY, AUTUMN - 6 * HOUR, 12, BERLIN, levels=[0.5])
    lower, upper = found.further[0]
    assert lower.shape == upper.shape == (12,)
    assert (found.lower <= lower).all()
    assert lower[5] == lower[6]


def test_steps_that_do_not_divide_the_change_are_left_alone() -> None:
    start, end = SPRING - 20 * DAY - HOUR, SPRING + 4 * DAY - HOUR
    (found, _), (plain, _) = forecast(start, end, 12, BERLIN, step=2 * HOUR), forecast(start, end, 12, step=2 * HOUR)
    assert found.yhat.tobytes() == plain.yhat.tobytes()
    assert "2 h" in found.notes[0]
    assert "Europe/Berlin" in found.notes[0]


@pytest.mark.parametrize(
    ("zone", "change", "shift"),
    [
        ("Australia/Lord_Howe", "2025-10-04T15:30:00Z", 0.5),
        ("America/New_York", "2025-11-02T06:00:00Z", -1),
        ("Asia/Kolkata", "", 0),
    ],
)
def test_changes_are_found_to_the_second(zone: str, change: str, shift: float) -> None:
    at = parse_stamp(change) if change else SPRING
    clock, note = clock_of(zone, at - 20 * DAY, at + 3 * DAY, at + 2 * DAY, HOUR // 2)
    if not change:
        assert (clock, note) == (None, "")
        return
    assert clock is not None
    assert clock.changes.tolist() == [at]
    assert clock.shifts.tolist() == [-round(shift * HOUR), 0]
    for time in (at - DAY, at - 3 * HOUR, at, at + DAY):
        assert clock.utc(int(clock.local(np.array([time]))[0])) == time


def test_two_values_of_one_hour_become_one() -> None:
    clock, _ = clock_of(BERLIN, AUTUMN - DAY, AUTUMN + DAY, AUTUMN + DAY, HOUR)
    assert clock is not None
    times, values = clock.history(AUTUMN + HOUR * np.arange(-2, 2), np.array([1.0, 2.0, 4.0, np.nan]))
    assert times.tolist() == [AUTUMN - HOUR, AUTUMN]
    assert values.tolist() == [1.0, 3.0]


def test_profile_speaks_of_times_in_utc() -> None:
    time_ns = np.arange(SPRING - 10 * DAY, SPRING + 10 * DAY, HOUR)
    y = (
        curve(time_ns)
        + np.where(time_ns < SPRING - 3 * DAY, 0, 400)
        + np.random.default_rng(1).normal(0, 1, time_ns.size)
    )
    member = Member("m", "", array("q", time_ns.tolist()), (array("d", y.tolist()),))
    source = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}
    profile = profile_of(member, parse_entry({"name": "a", "source": source, "calendar": {"timezone": BERLIN}}))
    assert (profile.first_ns, profile.last_ns) == (time_ns[0], time_ns[-1])
    assert SPRING - 3 * DAY in profile.change_points_ns
    assert "duplicated_times" not in profile.notes


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"calendar\.timezone.*IANA"):
        parse_entry(
            {
                "name": "a",
                "source": {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"},
                "calendar": {"timezone": "CET+1"},
            }
        )


def test_an_offset_is_known_at_any_time() -> None:
    assert [offset_ns(BERLIN, t) // HOUR for t in (SPRING - 1, SPRING, AUTUMN - 1, AUTUMN)] == [1, 2, 2, 1]


@pytest.mark.parametrize("step", [DAY, 2 * DAY, 7 * DAY])
def test_days_need_no_clock_also_where_a_zone_left_one_out(step: int) -> None:
    """Rows of days are dated already; an hour's are moved by the day that is missing."""
    clock, note = clock_of("Pacific/Apia", SAMOA - 40 * DAY, SAMOA + 40 * DAY, SAMOA, step)
    assert clock is None
    assert "Pacific/Apia" in note
    assert clock_of("Pacific/Apia", SAMOA - 40 * DAY, SAMOA + 40 * DAY, SAMOA, HOUR)[0] is not None

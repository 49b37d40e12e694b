"""Holidays are not learnt as ordinary days, and those ahead follow what is known of holidays."""

import json
import re
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from cronocast.classify.member import profile_of
from cronocast.document.entry import parse_entry
from cronocast.durations import parse_stamp
from cronocast.errors import ConfigError, MissingExtraError
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.engine import forecast_member
from cronocast.forecast.timeline import places
from cronocast.handoff.series import Member
from cronocast.timeseries.clock import offset_ns
from cronocast.timeseries.holidays import _days, on_holiday, parts_note, place_problems
from tests.messages import numbers

HOUR = 3600 * 10**9
DAY = 24 * HOUR
SOURCE = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}
UTC1 = "Africa/Lagos"  # an hour ahead all the year, so that no clock changes
GOOD_FRIDAY, EASTER_MONDAY = parse_stamp("2025-04-18T00:00:00Z"), parse_stamp("2025-04-21T00:00:00Z")
MAY_DAY, UNITY_DAY = parse_stamp("2025-05-01T00:00:00Z"), parse_stamp("2025-10-03T00:00:00Z")


def curve(time_ns: np.ndarray[Any, Any], *, weekend: bool = True, closed: float = 0.2) -> np.ndarray[Any, Any]:
    """Working hours by a clock an hour ahead; on Sundays and holidays, and Saturdays half as much, far less happens."""
    local = time_ns + HOUR
    hours, weekdays = local % DAY // HOUR, (local // DAY + 3) % 7
    share = np.ones(time_ns.size)
    if weekend:
        share[weekdays == 5], share[weekdays == 6] = 0.6, closed
    share[on_holiday("DE", time_ns, HOUR, HOUR)] = closed
    return np.asarray(20 + share * 80 * np.sin(np.pi * np.clip((hours - 6) / 14, 0, 1)))


def forecast(
    start_ns: int,
    end_ns: int,
    h: int,
    calendar: dict[str, str] | None,
    y: np.ndarray[Any, Any] | None = None,
    **given: Any,
) -> MemberForecast:
    time_ns = np.arange(start_ns, end_ns, HOUR)
    y = curve(time_ns) + np.random.default_rng(3).normal(0, 2, time_ns.size) if y is None else y
    entry = parse_entry(
        {
            "name": "a",
            "source": SOURCE,
            "horizon": f"{h}h",
            "lookback": f"{time_ns.size}h",
            **({"calendar": calendar} if calendar else {}),
            **given,
        }
    )
    member = Member("m", "", array("q", time_ns.tolist()), (array("d", y.tolist()),))
    return forecast_member(profile_of(member, entry), time_ns, y, settings_of(entry, end_ns))


GERMAN = {"timezone": UTC1, "holidays": "DE"}
CASES = {  # first forecast step, days before it; the numbers of holidays that are told, and whether Sundays are
    "the day after a holiday": (MAY_DAY + DAY - HOUR, 9, ["1"], False),
    "a holiday like Sundays": (UNITY_DAY - HOUR, 27, ["1"], True),
    "a holiday after others": (MAY_DAY - HOUR, 27, ["2", "1"], True),
}


@pytest.mark.parametrize(("end", "days", "counts", "sundays"), CASES.values(), ids=CASES)
def test_the_error_is_smaller_than_without_the_calendar(end: int, days: int, counts: list[str], sundays: bool) -> None:
    start = end - days * DAY
    found, plain = forecast(start, end, 24, GERMAN), forecast(start, end, 24, None)
    truth = curve(end + HOUR * np.arange(24))
    error, without = np.abs(found.yhat - truth).mean(), np.abs(plain.yhat - truth).mean()
    assert error < 0.6 * without, (error, without)
    assert ((found.lower <= found.yhat) & (found.yhat <= found.upper)).all()
    [note] = [note for note in found.notes if note.startswith("calendar: ")]
    assert (numbers(note), "Sundays" in note) == (counts, sundays)


def test_what_repeats_the_week_does_not_repeat_its_holiday() -> None:
    end = MAY_DAY + 7 * DAY - HOUR
    truth = curve(end + HOUR * np.arange(24))
    found, plain = (
        forecast(end - 27 * DAY, end, 24, calendar, model="seasonal_naive", periods=["168h"])
        for calendar in (GERMAN, None)
    )
    assert np.abs(plain.yhat - truth).max() > 50
    assert np.abs(found.yhat - truth).max() < 10


LOST = slice(130, 135)  # in the second week, no holiday
COUNTED: dict[
    str, tuple[int, slice, dict[str, int]]
] = {  # first forecast step, steps that nobody measured, what is said of the values
    "holidays only": (MAY_DAY - HOUR, slice(0), {"left_out_on_holidays": 48}),
    "holidays and a gap": (MAY_DAY - HOUR, LOST, {"filled_by_season": 5, "left_out_on_holidays": 48}),
    "the newest day is a holiday": (MAY_DAY + DAY - HOUR, slice(0), {"left_out_on_holidays": 72}),
    "silent since a holiday": (
        MAY_DAY + DAY - HOUR,
        slice(-3, None),
        {"left_out_on_holidays": 69, "missing_at_end": 3},
    ),
}


@pytest.mark.parametrize(("end", "lost", "prepared"), COUNTED.values(), ids=COUNTED)
def test_values_left_out_are_not_counted_as_missing(end: int, lost: slice, prepared: dict[str, int]) -> None:
    time_ns = np.arange(end - 27 * DAY, end, HOUR)
    y = curve(time_ns)
    y[lost] = np.nan
    assert forecast(int(time_ns[0]), end, 24, GERMAN, y).prepared == prepared


def test_a_holiday_is_no_gap_that_is_too_long_to_fill() -> None:
    end = MAY_DAY + DAY - HOUR
    found, free = (forecast(end - 27 * DAY, end, 24, GERMAN, prepare=wanted) for wanted in ({"fill_limit": "6h"}, {}))
    assert found.prepared == free.prepared == {"left_out_on_holidays": 72}
    assert found.backtest["origins"] == free.backtest["origins"]
    assert found.yhat.tobytes() == free.yhat.tobytes()


@pytest.mark.parametrize("minutes", [10, 50])
def test_rows_within_steps_lie_on_the_holiday_of_their_step(minutes: int) -> None:
    start, end = MAY_DAY - 27 * DAY - HOUR, MAY_DAY + DAY - HOUR
    time_ns = np.arange(start, end, HOUR)
    y = curve(time_ns) + np.random.default_rng(3).normal(0, 2, time_ns.size)
    found, plain = (forecast(start + after * HOUR // 60, end, 24, GERMAN, y) for after in (minutes, 0))
    assert found.yhat.tobytes() == plain.yhat.tobytes()
    assert (found.prepared, found.notes) == (plain.prepared, plain.notes)


STEPS = 10 * np.arange(3)  # where rows of these times belong, as the grid of the values has it
PLACES = {
    "on a step": (10, 1),
    "before it": (6, 1),
    "after it": (14, 1),
    "between two": (5, 1),
    "before the first": (-6, None),
    "after the last": (25, None),
}


@pytest.mark.parametrize(("time", "step"), PLACES.values(), ids=PLACES)
def test_a_row_belongs_to_the_step_next_to_it(time: int, step: int | None) -> None:
    at, inside = places(STEPS, np.array([time]), 10)
    assert (int(at[0]) if inside[0] else None) == step
    assert not places(STEPS[:0], np.array([time]), 10)[1].any()
    assert places(STEPS, STEPS, 1)[0].tolist() == [0, 1, 2]


def test_without_a_holiday_nothing_happens() -> None:
    start, end = parse_stamp("2025-07-01T00:00:00Z"), parse_stamp("2025-07-22T00:00:00Z")
    found, plain = forecast(start, end, 48, GERMAN), forecast(start, end, 48, None)
    for name in ("yhat", "lower", "upper", "time_ns"):
        assert getattr(found, name).tobytes() == getattr(plain, name).tobytes()
    assert (found.notes, found.prepared, found.why) == (plain.notes, plain.prepared, plain.why)


def test_a_holiday_of_which_nothing_is_known_has_a_wider_band() -> None:
    end = UNITY_DAY - HOUR
    time_ns = np.arange(end - 14 * DAY, end, HOUR)
    y = curve(time_ns, weekend=False) + np.random.default_rng(3).normal(0, 2, time_ns.size)
    found, plain = (
        forecast(int(time_ns[0]), end, 48, calendar, y, periods=["24h"], levels=[0.5]) for calendar in (GERMAN, None)
    )
    assert found.yhat.tobytes() == plain.yhat.tobytes()
    np.testing.assert_allclose((found.upper - found.lower)[:24], 2 * (plain.upper - plain.lower)[:24])
    np.testing.assert_allclose((found.upper - found.lower)[24:], (plain.upper - plain.lower)[24:])
    assert (found.further[0][0] >= found.lower).all()
    assert found.notes[0].startswith("calendar: ")
    assert (numbers(found.notes[0]), "Sundays" in found.notes[0]) == (["1"], False)


def test_the_band_of_a_guessed_holiday_holds_the_ordinary_day_too() -> None:
    end = UNITY_DAY - HOUR
    found, plain = forecast(end - 27 * DAY, end, 24, GERMAN), forecast(end - 27 * DAY, end, 24, None)
    assert found.yhat[12] < plain.yhat[12] - 20
    assert (found.upper >= plain.upper - 1e-9).all()


FAR = ("Etc/GMT+12", "Pacific/Pago_Pago", "America/New_York", "Asia/Kolkata", "Pacific/Fiji", "Pacific/Auckland")
ZONES = (*FAR, "Pacific/Chatham", "Pacific/Tongatapu", "Pacific/Kiritimati", "Asia/Kamchatka", "UTC")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("holiday", [MAY_DAY, UNITY_DAY])
def test_days_keep_their_dates_and_hours_have_that_of_the_zone(zone: str, holiday: int) -> None:
    ahead = offset_ns(zone, holiday)
    days = holiday + DAY * np.arange(-4, 5)
    assert days[on_holiday("DE", days, ahead, DAY)].tolist() == [holiday]
    hours = holiday + HOUR * np.arange(-60, 60)
    off = hours[on_holiday("DE", hours, ahead, HOUR)]
    assert off.size == 24
    assert abs(off[0] - (holiday - ahead)) <= HOUR // 2


def test_days_begin_at_midnight_of_the_zone() -> None:
    times = MAY_DAY + HOUR * np.arange(-3, 27)
    assert on_holiday("DE", times, 0, HOUR).tolist() == [False] * 3 + [True] * 24 + [False] * 3
    assert on_holiday("DE", times, 2 * HOUR, HOUR).tolist() == [False] + [True] * 24 + [False] * 5
    assert on_holiday("DE", MAY_DAY + DAY * np.arange(-1, 2), -5 * HOUR, DAY).tolist() == [False, True, False]
    assert not on_holiday("DE", MAY_DAY + 7 * DAY * np.arange(-1, 2), 0, 7 * DAY).any()


def test_a_part_of_a_country_has_its_own() -> None:
    corpus_christi = np.array([parse_stamp("2025-06-19T12:00:00Z")])
    assert [bool(on_holiday(place, corpus_christi, 0, HOUR)[0]) for place in ("DE", "DE-BY", "DE-BE")] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("place", ["ZZ", "DE-ZZ"])
def test_an_unknown_place_is_said(place: str) -> None:
    with pytest.raises(ConfigError, match=rf"calendar\.holidays.*'{place}'"):
        on_holiday(place, np.array([MAY_DAY]), 0, HOUR)


@pytest.mark.parametrize(
    ("place", "known"), [("DE", True), ("DE-BY", True), ("ZZ", False), ("DE-ZZ", False), (None, True)]
)
def test_validate_knows_the_places_where_the_package_is_there(
    place: str | None, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = parse_entry({"name": "a", "source": SOURCE, "calendar": {"holidays": place}})
    expected = [] if known else [("E_CONFIG_CHOICE", "series.a.calendar.holidays")]
    assert [
        (problem.token, problem.where) for problem in place_problems(entry.calendar.holidays, "series.a")
    ] == expected
    _days.cache_clear()
    monkeypatch.setitem(sys.modules, "holidays", None)
    assert place_problems(entry.calendar.holidays, "series.a") == []


def test_the_command_tells_of_places(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(
        json.dumps({"series": {"a": {"source": SOURCE, "calendar": {"holidays": "DE-ZZ"}}}})
    )
    ended = subprocess.run(
        [sys.executable, "-m", "cronocast", "validate", "-f", str(tmp_path / "v.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr.startswith("error: E_CONFIG_CHOICE series.a.calendar.holidays: ")) == (
        78,
        True,
    )


@pytest.mark.parametrize("place", ["de", "Germany", "DE_BY", ""])
def test_what_is_no_code_is_refused_at_once(place: str) -> None:
    with pytest.raises(ConfigError, match=r"calendar\.holidays"):
        parse_entry({"name": "a", "source": SOURCE, "calendar": {"holidays": place}})


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _days.cache_clear()
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(MissingExtraError, match=r"cronocast\[linear\]"):
        on_holiday("DE", np.array([MAY_DAY]), 0, HOUR)


def test_the_package_is_loaded_only_where_it_is_asked_for() -> None:
    code = "import sys, cronocast.chain.forecast, cronocast.chain.classify; print('holidays' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout
        == "False\n"
    )


NOW = parse_stamp("2025-06-01T00:00:00Z")
PARTS: dict[str | None, tuple[str, ...]] = {  # place -> what the note names
    "GB": ("GB-ENG (also Easter Monday", "GB-NIR (also Saint Patrick's Day", "GB-SCT (also New Year Holiday", "GB-WLS"),
    "DE": ("DE-BY (also Epiphany", "DE-BE (also ", ", DE-TH", "holidays: DE-"),
    "US": ("US-AR (without Columbus Day)", "US-WY"),
    "NO": (),
    "GB-SCT": (),
    "ZZ": (),
    None: (),
}


@pytest.mark.parametrize("place", PARTS, ids=str)
def test_a_country_says_what_its_parts_have_otherwise(place: str | None) -> None:
    note = parts_note(place, NOW)
    assert all(part in note for part in PARTS[place])
    assert bool(note) == bool(PARTS[place])


def test_every_country_names_each_part_whose_days_differ_and_no_other() -> None:
    import holidays

    supported = sorted(item for item in holidays.list_supported_countries().items() if len(item[0]) == 2)
    for country, parts in supported[::3]:
        whole = set(holidays.country_holidays(country, years=(2025, 2026)))
        codes = [part for part in parts if re.fullmatch("[A-Z0-9]{1,4}", part)]
        other = {
            f"{country}-{part}"
            for part in codes
            if set(holidays.country_holidays(country, subdiv=part, years=(2025, 2026))) != whole
        }
        note = parts_note(country, NOW).partition("; name a part")[0]
        assert set(re.findall(rf"{country}-[A-Z0-9]+(?= \(|,|$)", note)) == other, country


def test_validate_says_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cronocast.commands.people import validate

    series = {name: {"source": SOURCE, "calendar": {"holidays": "GB"}} for name in ("a", "b")}
    (tmp_path / "v.yaml").write_text(json.dumps({"series": series}))
    with pytest.raises(typer.Exit):
        validate(tmp_path / "v.yaml")
    assert capsys.readouterr().err.count("GB-SCT") == 1

"""One member: nasty data, settings that override, and what stands in the profile."""

import json
import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.classify import classify_member
from cronocast.handoff.profile import Profile, from_document, to_document
from tests.messages import numbers, wording

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR = 3600 * 10**9
N = 672
I = np.arange(N)
T = 1_735_689_600 * 10**9 + I * HOUR
DAILY = np.sin(2 * np.pi * I / 24)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)
SOME = np.sort(RNG.choice(N, 67, replace=False))


def member(
    time_ns: Ints,
    y: Floats,
    step_ns: int | None = HOUR,
    min_points: int = 24,
    periods: tuple[int, ...] | None = None,
    kind: str | None = None,
) -> Profile:
    return classify_member("cpu", "host=a", time_ns, y, step_ns, min_points, periods, kind)


def at(index: int, value: float, y: Floats) -> Floats:
    return np.where(np.arange(y.size) == index, value, y)


MIXED_RATE = np.concatenate([T[0] + np.arange(3000) * 60 * 10**9, T[0] + (3000 + 10 * np.arange(300)) * 60 * 10**9])
SUMMER_TIME = T[0] + np.concatenate([np.arange(40) * 24, np.arange(40, 90) * 24 + 1]) * HOUR
THURSDAYS = T[0] + np.arange(60) * 7 * 24 * HOUR
ALL_NS = np.array([-(2**63) + k * ((2**64 - 1) // 49) for k in range(50)], dtype=np.int64)

# id: times, values, step (None: to be found), class, periods, reason codes that must be there
NASTY: dict[str, tuple[Ints, Floats, int | None, str, tuple[int, ...], set[str]]] = {
    "constant": (T, np.full(N, 3.7), HOUR, "constant", (), set()),
    "all zero": (T, np.zeros(N), HOUR, "constant", (), set()),
    "both zeros": (T, np.where(I % 2, 0.0, -0.0), HOUR, "constant", (), set()),
    "no point": (T[:0], NOISE[:0], HOUR, "too_short", (), set()),
    "no point, step unknown": (T[:0], NOISE[:0], None, "too_short", (), set()),
    "one point": (T[:1], NOISE[:1], None, "too_short", (), set()),
    "two points": (T[:2], NOISE[:2], None, "too_short", (), set()),
    "one too few": (T[:23], NOISE[:23], HOUR, "too_short", (), set()),
    "just enough": (T[:24], NOISE[:24], HOUR, "irregular", (), set()),
    "gap of one": (np.delete(T, 100), np.delete(DAILY, 100), HOUR, "seasonal", (24,), set()),
    "gap of 90 %": (T[SOME], DAILY[SOME], HOUR, "seasonal", (24,), {"thinned"}),
    "only the last point": (T, np.where(I == N - 1, 1.0, np.nan), HOUR, "too_short", (), set()),
    "all missing": (T, np.full(N, np.nan), HOUR, "too_short", (), set()),
    "step at the last row": (T, at(N - 1, 7.0, np.full(N, 5.0)), HOUR, "constant", (), {"rare_deviations"}),
    "stuck at its limit": (T, np.minimum(100.0, 60 + 0.1 * I + NOISE), HOUR, "constant", (), set()),
    "stuck for a quarter of the time": (T, np.where(I < 500, 10 + 0.1 * I + NOISE, 70.0), HOUR, "constant", (), set()),
    "stuck, with gaps": (
        T,
        np.where(I % 5 == 0, np.nan, np.where(I < 500, 10 + 0.1 * I + NOISE, 70.0)),
        HOUR,
        "constant",
        (),
        set(),
    ),
    "flat as often before": (
        T,
        10.0 + 0.3 * np.cumsum((I % 168 < 72) * (1 + 0.1 * NOISE)),
        HOUR,
        "trend_seasonal",
        (168,),
        set(),
    ),
    "spike of 1e300": (T, at(300, 1e300, DAILY), HOUR, "seasonal", (24,), set()),
    "spikes of both signs": (T, at(400, -1.79e308, at(300, 1.79e308, DAILY)), HOUR, "seasonal", (24,), set()),
    "infinite": (T, at(300, np.inf, DAILY), HOUR, "seasonal", (24,), set()),
    "values of 1e-300": (T, 1e-300 * DAILY, HOUR, "seasonal", (24,), set()),
    "alternating 1.7e308": (T, np.where(I % 2, 1.7e308, -1.7e308), HOUR, "seasonal", (), set()),
    "noise of 1.7e308": (T, 1.7e308 * RNG.uniform(-1, 1, N), HOUR, "irregular", (), set()),
    "ramp over all doubles": (T, 2 * np.linspace(-0.89e308, 0.89e308, N), HOUR, "trend", (), set()),
    "jitter of 40 %": (
        T + (RNG.uniform(-0.4, 0.4, N) * HOUR).astype(np.int64),
        DAILY,
        None,
        "seasonal",
        (24,),
        {"off_grid_times"},
    ),
    "rate changes": (
        MIXED_RATE,
        RNG.normal(size=3300),
        None,
        "irregular",
        (),
        {"step_changed", "duplicated_times"},
    ),
    "days of 23 and 25 hours": (
        SUMMER_TIME,
        np.sin(2 * np.pi * np.arange(90) / 7),
        None,
        "seasonal",
        (7,),
        {"off_grid_times"},
    ),
    "weeks that begin on Thursday": (THURSDAYS, np.arange(60) + NOISE[:60], None, "trend", (), set()),
    "a row of the far future": (
        np.append(T, 2**63 - 2),
        np.append(DAILY, 0.0),
        HOUR,
        "seasonal",
        (24,),
        {"far_rows_left_out"},
    ),
    "a row of 1970": (np.append(0, T), np.append(1.0, DAILY), HOUR, "seasonal", (24,), {"far_rows_left_out"}),
    "period longer than half": (T, np.sin(2 * np.pi * I / 400), HOUR, "irregular", (), set()),
    "window twice": (np.tile(T, 2), np.tile(DAILY, 2), HOUR, "seasonal", (24,), {"duplicated_times"}),
    "one time for all": (np.full(N, T[0], dtype=np.int64), NOISE, HOUR, "too_short", (), {"duplicated_times"}),
    "int64 extremes": (np.array([-(2**63), 2**63 - 1], dtype=np.int64), np.ones(2), None, "too_short", (), set()),
    "times over all int64": (ALL_NS, np.arange(50.0), None, "trend", (), set()),
    "counter with resets": (
        T,
        (np.cumsum(RNG.integers(0, 9, N)) % 1500).astype(np.float64),
        HOUR,
        "trend",
        (),
        {"counter_like"},
    ),
    "unsorted": (T[::-1], DAILY[::-1], HOUR, "seasonal", (24,), set()),
    "events on a constant": (T, np.where(np.isin(I, [50, 400]), 9.0, 5.0), HOUR, "constant", (), {"rare_deviations"}),
    "on and off": (T, np.repeat(RNG.integers(0, 2, 40), 17)[:N].astype(np.float64), HOUR, "irregular", (), set()),
    "steps of a rounded rise": (T, np.floor(I * 0.013 + 0.3 * RNG.random(N)), HOUR, "trend", (), set()),
    "broken off": (T, np.where(I < 500, 50 + NOISE, 0.0), HOUR, "constant", (), set()),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", NASTY)
def test_nasty_data_gives_a_class_a_reason_and_no_warning(name: str) -> None:
    time_ns, y, step_ns, kind, periods, codes = NASTY[name]
    profile = member(time_ns, y, step_ns)
    assert profile.series_class == kind, profile
    if periods:
        assert profile.periods == periods
    assert codes <= set(profile.notes)
    assert all(math.isfinite(v) for v in profile.evidence.values())
    assert profile.why.endswith(".")
    assert not any(word in profile.why for word in ("nan", "inf ", "\n"))
    assert from_document(json.loads(json.dumps(to_document(profile), allow_nan=False)), "profile.json") == profile


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", NASTY)
def test_nasty_data_takes_overrides(name: str) -> None:
    time_ns, y, step_ns, _, _, _ = NASTY[name]
    for kind in ("constant", "trend", "seasonal", "trend_seasonal", "irregular"):
        profile = member(time_ns, y, step_ns, 3, (24, 168, 5000), kind)
        assert profile.series_class == (kind if profile.points >= 3 else "too_short")
        assert from_document(to_document(profile), "profile.json") == profile


def test_class_does_not_depend_on_unit_or_origin() -> None:
    y = DAILY + 0.01 * I + 0.3 * NOISE
    first = member(T, y)
    assert first.series_class == "trend_seasonal"
    for offset, factor in ((1e9, 1.0), (0.0, 1e-9), (-3.0, 1e12), (7.0, -1.0)):
        other = member(T, offset + factor * y)
        assert (other.series_class, other.periods, other.change_points_ns) == (
            first.series_class,
            first.periods,
            first.change_points_ns,
        )
    assert member(T + 12_345 * HOUR, y).evidence == first.evidence


def test_override_of_the_class_says_what_was_found() -> None:
    profile = member(T, DAILY, kind="irregular")
    assert (profile.series_class, profile.periods) == ("irregular", (24,))
    assert "class_set" in profile.notes
    assert "irregular" in profile.why
    assert "seasonal" in profile.why


def test_override_of_the_class_counts_although_there_are_few_points() -> None:
    assert member(T[:12], np.arange(12.0), kind="trend").series_class == "trend"
    assert member(T[:2], np.arange(2.0), kind="trend").series_class == "too_short"


def test_override_of_periods_replaces_those_found_and_leaves_out_impossible_ones() -> None:
    profile = member(T, DAILY, periods=(12, 168, 400))
    assert profile.series_class == "seasonal"
    assert profile.periods == (12, 168)
    assert {"periods_set", "period_too_long"} <= set(profile.notes)


def test_gaps_are_counted() -> None:
    kept = np.delete(I, [5, *range(100, 140)])
    profile = member(T[kept], DAILY[kept])
    assert (profile.gaps.missing, profile.gaps.longest) == (41, 40)
    assert profile.gaps.share == pytest.approx(41 / N)
    assert (profile.first_ns, profile.last_ns, profile.points) == (T[0], T[-1], N - 41)


@pytest.mark.parametrize("period", [8, 12, 18, 36, 48, 101])
@pytest.mark.parametrize("rise", [24.0, -24.0])
def test_what_fills_and_is_emptied_on_time_is_a_season(period: int, rise: float) -> None:
    profile = member(T, (I % period) * rise / period + 0.3 * NOISE)
    assert (profile.series_class, profile.periods) == ("seasonal", (period,))


def test_a_day_off_and_an_outage_are_no_new_level() -> None:
    y = np.where((I >= 200) & (I < 248), -4.0, 10 + 0.3 * NOISE)
    assert member(T, y).change_points_ns == ()


def test_a_constant_after_a_change_is_constant() -> None:
    profile = member(T, np.where(I < 600, 5.0, 8.0))
    assert (profile.series_class, profile.change_points_ns) == ("constant", (T[600],))
    assert numbers(profile.why) == ["72", "8"]  # values, and what they are


def test_the_sentence_names_period_direction_and_speed() -> None:
    why = member(T, DAILY + 0.1 * I + 0.2 * NOISE).why
    assert re.search(r"1d|\bday\b", why)
    assert re.search(r"\b9\d ?%", why)  # share of the ups and downs that the day explains
    assert "2.4" in numbers(member(T, DAILY + 0.1 * I + 0.01 * NOISE).why)
    rises, falls = (member(T, 5 + slope * I + 0.01 * NOISE).why for slope in (0.1, -0.1))
    assert numbers(rises)[0] == numbers(falls)[0] == "2.4"
    assert wording(rises) != wording(falls)


def test_a_long_member_is_thinned_and_periods_stay_in_its_steps() -> None:
    seconds = np.arange(3 * 86_400)
    profile = member(
        seconds * 10**9,
        np.sin(2 * np.pi * seconds / 3600) + 0.1 * np.random.default_rng(0).normal(size=seconds.size),
        10**9,
    )
    assert (profile.series_class, profile.periods) == ("seasonal", (3600,))
    assert "thinned" in profile.notes


def test_a_bug_that_a_member_finds_leaves_it_irregular_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("min() arg is an empty sequence")

    monkeypatch.setattr("cronocast.classify.decide.measure", broken)
    profile = classify_member("m", "", T, np.sin(I / 24 * 2 * np.pi), HOUR, 24, None, None)
    assert (profile.series_class, profile.periods, profile.notes) == ("irregular", (), ("classify_failed",))
    assert "ValueError: 'min() arg is an empty sequence'" in profile.why
    assert profile.points == I.size


def test_the_sentence_on_a_value_that_stays_counts_its_steps() -> None:
    found = member(T, np.where(I < 500, 10 + 0.1 * I + NOISE, 70.0))
    assert numbers(found.why) == ["172", "70"]
    assert found.change_points_ns[-1] == T[500]


def test_a_slope_is_said_since_the_last_change_only_where_it_was_measured_there() -> None:
    drops = np.where(I < 200, 0.3 * I, np.where(I < 420, 0.3 * (I - 200), 0.3 * (I - 420))) + 0.1 * NOISE
    rises = member(T, drops)
    flat = member(T, np.where(I < 662, drops, 0.1 * NOISE))
    assert rises.series_class == flat.series_class == "trend"
    assert "change" in rises.why
    assert "change" in flat.why
    assert wording(rises.why) != wording(flat.why)

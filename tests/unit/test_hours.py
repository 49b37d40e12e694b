"""Series that are silent at the same times of every day or week: found, classified and forecast on their open hours."""

import re

import numpy as np
import pytest

from cronocast.classify import classify_member
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.profile import Profile
from cronocast.timeseries.hours import Hours, find_hours

STEP_NS = 1800 * 10**9
DAY = 48
MONDAY_NS = 1_736_121_600 * 10**9  # 2025-01-06T00:00Z
NAN = float("nan")


def shop(
    weeks: int = 4, *, open_from: int = 16, open_to: int = 34, days: int = 7, noise: float = 0.5, seed: int = 0
) -> np.ndarray:
    """Half hours from 08:00 to 17:00: a bump a day, higher at weekends."""
    rng = np.random.default_rng(seed)
    t = np.arange(weeks * 7 * DAY)
    bump = 20 * np.sin(np.pi * (t % DAY - open_from) / (open_to - open_from)) * np.where(t // DAY % 7 < 5, 1.0, 1.5)
    y = 100 + bump + noise * rng.normal(size=t.size)
    y[(t % DAY < open_from) | (t % DAY >= open_to) | (t // DAY % 7 >= days)] = NAN
    return np.asarray(y)


def classified(y: np.ndarray, start_ns: int = MONDAY_NS, periods: tuple[int, ...] | None = None) -> Profile:
    known = np.flatnonzero(np.isfinite(y))
    return classify_member("shop", "", start_ns + known * STEP_NS, y[known], STEP_NS, 24, periods, None)


def forecast(y: np.ndarray, end: int, h: int = DAY, model: str = "auto", **more: object) -> MemberForecast:
    known = np.flatnonzero(np.isfinite(y[:end]))
    settings = Settings(horizon=h, end_ns=MONDAY_NS + end * STEP_NS, model=model, **more)  # type: ignore[arg-type]
    return forecast_member(classified(y[:end]), MONDAY_NS + known * STEP_NS, y[known], settings)


def test_nights_are_found() -> None:
    hours = find_hours(shop(), MONDAY_NS, STEP_NS)
    assert hours is not None
    assert np.flatnonzero(hours.open).tolist() == list(range(16, 34))


def test_nights_and_weekends_are_found() -> None:
    hours = find_hours(shop(days=5), MONDAY_NS, STEP_NS)
    assert hours is not None
    assert (hours.open.size, int(hours.open.sum())) == (7 * DAY, 5 * 18)
    assert (hours.period(DAY), hours.period(7 * DAY), hours.period(14 * DAY), hours.period(2)) == (18, 90, 180, 2)


def spoiled(y: np.ndarray, how: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    if how == "one night measured":
        y[:DAY] = 100.0
    elif how == "some values missing":
        y[rng.random(y.size) < 0.2] = NAN
    elif how == "an outage of five days":
        y[10 * DAY : 15 * DAY] = NAN
    elif how == "starts at noon":
        y = y[24:]
    return y


@pytest.mark.parametrize(
    "how", ["one night measured", "some values missing", "an outage of five days", "starts at noon"]
)
def test_habit_is_found_in_spoiled_series(how: str) -> None:
    hours = find_hours(spoiled(shop(6), how), MONDAY_NS, STEP_NS)
    assert hours is not None
    assert int(hours.open.sum()) == 18


@pytest.mark.parametrize(
    "y",
    [
        shop(2)[: 2 * DAY],
        np.ones(20 * DAY),
        np.where(np.random.default_rng(1).random(20 * DAY) < 0.08, 1.0, NAN),
        np.where(np.random.default_rng(2).random(20 * DAY) < 0.5, 1.0, NAN),
        np.concatenate((shop(4), np.ones(7 * DAY))),
        np.full(20 * DAY, NAN),
        np.empty(0),
    ],
    ids=[
        "two days",
        "nothing missing",
        "events",
        "half missing by chance",
        "open all night for a week now",
        "no value",
        "empty",
    ],
)
def test_no_habit_no_hours(y: np.ndarray) -> None:
    assert find_hours(y, MONDAY_NS, STEP_NS) is None


def test_times_and_mask_agree_on_both_sides_of_the_start() -> None:
    hours = Hours(MONDAY_NS, STEP_NS, np.arange(DAY) >= 40)
    first = MONDAY_NS - 5 * STEP_NS
    times = hours.times(first, 20)
    assert times.tolist() == (first + np.flatnonzero(hours.mask(first, 200))[:20] * STEP_NS).tolist()
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("days", [7, 5])
@pytest.mark.parametrize("seed", range(3))
def test_class_and_periods_are_those_of_the_clock(days: int, seed: int) -> None:
    profile = classified(shop(6, days=days, seed=seed))
    assert profile.series_class == "seasonal"
    assert DAY in profile.periods
    assert set(profile.periods) <= {DAY, 7 * DAY}
    assert "silent_hours" in profile.notes


def test_slope_is_told_a_day_of_the_clock() -> None:
    y = shop(6) + np.arange(6 * 7 * DAY) / DAY
    profile = classified(y)
    assert profile.series_class == "trend_seasonal"
    assert re.search(r"(?<![\d.])(1|0\.99\d*) ", profile.why), profile.why  # a day


def test_change_is_dated_by_the_clock() -> None:
    y = shop(8, noise=2.0)
    y[30 * DAY :] += 60
    profile = classified(y)
    assert any(abs(at - MONDAY_NS - 30 * DAY * STEP_NS) <= DAY * STEP_NS for at in profile.change_points_ns), (
        profile.change_points_ns
    )


def test_given_periods_are_used() -> None:
    assert classified(shop(4), periods=(DAY,)).periods == (DAY,)


@pytest.mark.parametrize("model", ["auto", "seasonal_naive", "theta", "arima", "fourier", "linear", "holt_winters"])
@pytest.mark.parametrize("end", [26 * DAY, 26 * DAY + 24], ids=["at night", "at noon"])
def test_open_hours_are_forecast_well_and_every_step_has_a_row(model: str, end: int) -> None:
    y = shop(4)
    result = forecast(y, end, model=model)
    assert result.status == "ok", result.reason
    assert result.time_ns.tolist() == (MONDAY_NS + (end + np.arange(DAY)) * STEP_NS).tolist()
    assert (result.lower <= result.yhat).all()
    assert (result.yhat <= result.upper).all()
    assert np.isfinite(result.yhat).all()
    error = np.nanmean(np.abs(result.yhat - y[end : end + DAY]))
    assert error < 8, (
        error
    )  # the day before weekends and after them differs by up to 10 from what a daily pattern knows
    assert result.backtest["by_step"]["steps"][0] == (17 if end == 26 * DAY else 1)
    assert result.backtest["measured_steps"] == DAY  # the night after the last open step is none that was not measured
    naive = result.backtest["naive"]
    assert naive["model"] != "seasonal_naive" or set(naive["seasons"]) <= {
        DAY,
        7 * DAY,
    }  # steps of the grid, not open ones


def test_auto_is_near_the_noise() -> None:
    y = shop(6)
    result = forecast(y, 38 * DAY)
    assert np.nanmean(np.abs(result.yhat - y[38 * DAY : 39 * DAY])) < 1.0


def test_horizon_within_the_night_gets_the_value_of_the_morning() -> None:
    result = forecast(shop(4), 26 * DAY, h=6)
    assert result.yhat.size == 6
    assert np.ptp(result.yhat) == 0
    assert abs(result.yhat[0] - 100) < 5

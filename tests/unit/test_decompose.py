"""Parts of a member: they add up, know no future, and carry season and trend on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.models.lstm.decompose import (
    Parts,
    Setting,
    choose,
    decompose,
    season_of,
    slope_of,
    trailing_mean,
    usable,
)

Floats = NDArray[np.float64]
DAY, WEEK = 24, 168
T: Floats = np.arange(6.0 * WEEK)
DAILY = np.sin(2 * np.pi * T / DAY)
WEEKLY = np.where(T // DAY % 7 >= 5, -2.0, 0.0)
NOISE = np.random.default_rng(1).normal(size=T.size)
SETTINGS = (Setting((DAY, WEEK), (0.4, 0.3), 4, 6.0), Setting((DAY,), (1.0,), 1, drift=True))


def ahead(y: Floats, parts: Parts, h: int) -> Floats:
    last, steps = np.array([y.size - 1]), np.arange(1, h + 1)
    out: Floats = (parts.trend_at(last, steps) + parts.season_at(last, steps))[0]
    return out


def forecast(y: Floats, periods: tuple[int, ...], h: int) -> Floats:
    return ahead(y, decompose(y, choose(y, usable(periods, y.size), h), h), h)


@pytest.mark.parametrize(
    "y",
    [NOISE, DAILY + WEEKLY + NOISE, np.zeros(400), 1e6 + 1e-3 * T, NOISE.cumsum()],
    ids=["noise", "seasons", "zero", "line", "walk"],
)
def test_parts_add_up(y: Floats) -> None:
    parts = decompose(y, SETTINGS, DAY)
    np.testing.assert_allclose(parts.trend + parts.season + parts.rest, y, rtol=1e-12, atol=1e-9)
    assert all(part.shape == y.shape for part in (parts.trend, parts.season, parts.rest, parts.slope))


def test_a_part_knows_nothing_of_the_future() -> None:
    """A clip is measured over the whole history, so it is left out here.

    Nothing else may change by what comes later.
    """
    settings = (Setting((DAY, WEEK), (0.4, 0.3), 4), SETTINGS[1])
    y = DAILY + WEEKLY + 0.3 * NOISE
    changed = y.copy()
    changed[700:] += 50
    before, after = decompose(y, settings, DAY), decompose(changed, settings, DAY)
    for name in ("trend", "season", "rest", "slope"):
        np.testing.assert_array_equal(getattr(before, name)[:700], getattr(after, name)[:700])
    assert not np.array_equal(before.trend[700:], after.trend[700:])


def test_day_and_week_are_told_apart_and_carried_on() -> None:
    y = 10 + DAILY + WEEKLY
    last_day = np.resize(y[-WEEK - DAY : -WEEK], WEEK)  # a Sunday
    error = np.abs(forecast(y[:-WEEK], (DAY, WEEK), WEEK) - y[-WEEK:])
    assert error.mean() < 0.1 * np.abs(last_day - y[-WEEK:]).mean()


def test_a_line_forecasts_itself() -> None:
    y = 3 + 0.25 * T + DAILY
    np.testing.assert_allclose(forecast(y[:-48], (DAY,), 48), y[-48:], atol=0.02)


def test_noise_is_not_taken_for_a_season_or_a_slope() -> None:
    naive = np.abs(NOISE[-DAY:] - NOISE[-2 * DAY : -DAY]).mean()
    assert np.abs(forecast(NOISE[:-DAY], (DAY, WEEK), DAY) - NOISE[-DAY:]).mean() < 0.9 * naive


def test_a_constant_has_no_parts_but_its_level() -> None:
    y = np.full(300, 7.0)
    parts = decompose(y, choose(y, (DAY,), DAY), DAY)
    np.testing.assert_allclose(ahead(y, parts, 48), 7.0, rtol=1e-12)
    np.testing.assert_allclose(parts.season, 0, atol=1e-12)


def test_a_spike_does_not_enter_the_season() -> None:
    y = DAILY[:480] + 0.1 * NOISE[:480]
    y[450] += 100
    clipped = season_of(y, DAY, 0.4, 6.0)
    taken = season_of(y, DAY, 0.4, 0.0)
    assert abs(clipped[450] - DAILY[450]) < 1
    assert abs(taken[450] - DAILY[450]) > 20


@pytest.mark.parametrize("step", [-3, 0, 1, 24, 25, 200])
def test_the_last_cycle_is_repeated_at_the_right_phase(step: int) -> None:
    """Oracle: walk back from origin + step by whole periods until the origin is reached."""
    parts = decompose(DAILY + WEEKLY + NOISE, SETTINGS, DAY)
    origin, expected = 500, 0.0
    for period, season in parts.seasons.items():
        at = origin + step
        while at > origin:
            at -= period
        while at + period <= origin:  # before the origin the last cycle stands too, as it is what the future will show
            at += period
        expected += season[at]
    assert parts.season_at(np.array([origin]), np.array([step]))[0, 0] == expected


def test_trailing_mean_equals_the_plain_loop() -> None:
    expected = [NOISE[max(0, i - 4) : i + 1].mean() for i in range(100)]
    np.testing.assert_allclose(trailing_mean(NOISE[:100], 5), expected)


def test_slope_of_a_line_is_its_slope_and_a_jump_is_none() -> None:
    assert slope_of(0.5 * T, 10)[-1] == pytest.approx(0.5)
    assert slope_of(0.5 * T, 10)[29] == 0  # three times ten steps were not yet seen
    jump = np.zeros(T.size)
    jump[-25:] = 9.0  # seen by one of the three spans
    assert slope_of(jump, 10)[-1] == 0


USABLE = {
    "sorted, once each": ((WEEK, DAY, DAY), 1000, (DAY, WEEK)),
    "a week needs two and a half": ((DAY, WEEK), 419, (DAY,)),
    "and has them": ((DAY, WEEK), 420, (DAY, WEEK)),
    "one step is no season": ((1, 0, -4), 1000, ()),
    "three at most": ((2, 3, 4, 5), 1000, (2, 3, 4)),
}


@pytest.mark.parametrize(("periods", "size", "expected"), USABLE.values(), ids=USABLE)
def test_usable_periods(periods: tuple[int, ...], size: int, expected: tuple[int, ...]) -> None:
    assert usable(periods, size) == expected

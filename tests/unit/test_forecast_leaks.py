"""Leaks go on and levels that are gone stay gone, at every age and step."""

from collections.abc import Callable

import numpy as np
import pytest

from cronocast.forecast.answer import MemberForecast
from tests.forecasts import DAY, HOUR, MINUTE, SIZE, Floats, H, forecast, season, shown

pytestmark = pytest.mark.slow

LINE, LEVEL = 1.0, 8.7  # slope of a leak per step, and size of a shift

BEFORE: dict[str, Callable[[np.random.Generator], Floats]] = {
    "flat": lambda _: np.full(SIZE, 55.0),
    "noise": lambda rng: 55 + rng.normal(0, 0.2, SIZE),
    "seasonal": lambda rng: 55 + 3 * season(SIZE) + rng.normal(0, 0.1, SIZE),
    "rounded": lambda rng: np.round(55 + rng.normal(0, 0.25, SIZE)),
}


def leak(kind: str, age: int, seed: int) -> tuple[Floats, Floats]:
    """A history that has risen in a straight line for so many steps, and how it goes on."""
    y = BEFORE[kind](np.random.default_rng((age, seed)))
    y[SIZE - age :] += LINE * np.arange(1, age + 1)
    ahead = 55 + LINE * (age + np.arange(1, H + 1)) + (3 * season(H, first=SIZE) if kind == "seasonal" else 0)
    return np.round(y) if kind == "rounded" else y, np.asarray(ahead)


def wrong_leak(result: MemberForecast, truth: Floats, age: int) -> str:
    """What is wrong with the forecast of a leak, "" if nothing."""
    ahead = np.arange(1, H + 1)
    stops = truth - 0.3 * LINE * np.maximum(0, ahead - age) + 1  # it may end after as long as it has held
    checks = {
        "off the line": abs(result.yhat[11] - truth[11]) <= 0.1 * LINE * (age + 12),
        "not covered": np.mean((result.lower <= truth) & (truth <= result.upper)) >= 0.95,
        "thin": result.upper[-1] - result.lower[-1] >= 0.1 * LINE * H,
        "never ends": bool((result.lower <= stops).all()),
    }
    return ", ".join(name for name, good in checks.items() if not good)


def bad_leaks(kind: str, step_s: int, ages: tuple[int, ...]) -> list[str]:
    found = []
    for age in ages:
        y, truth = leak(kind, age, step_s)
        result = forecast(y, step_s)
        if said := wrong_leak(result, truth, age):
            found.append(f"{kind}, {step_s} s, age {age}: {said}: {shown(result)}, truth {truth[[0, 12, -1]].round(1)}")
    return found


@pytest.mark.parametrize("step_s", [MINUTE, 5 * MINUTE, HOUR, DAY])
@pytest.mark.parametrize("kind", ["flat", "noise", "rounded"])
def test_a_leak_goes_on(kind: str, step_s: int) -> None:
    assert not bad_leaks(kind, step_s, (4, 12, 48) if kind == "flat" else (8, 12, 24, 48))


@pytest.mark.parametrize(("age", "seed"), [(7, 300), (10, 1002)])
def test_a_leak_that_scatters_by_rounding_goes_on(age: int, seed: int) -> None:
    y, truth = leak("rounded", age, seed)
    assert not wrong_leak(forecast(y, 5 * MINUTE), truth, age)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_leak_of_ninety_steps_that_scatters_by_rounding_goes_on(seed: int) -> None:
    rng, size, age = np.random.default_rng((300, 90, seed)), 672, 90
    y = np.round(np.round(55 + rng.normal(0, 0.3, size)) + np.maximum(0, np.arange(size) - (size - age) + 1))
    yhat = forecast(y, 5 * MINUTE).yhat
    assert yhat[-1] - yhat[0] == pytest.approx(H - 1, rel=0.2)


@pytest.mark.parametrize("age", [110])
def test_a_leak_of_hours_on_a_day_of_short_steps_goes_on(age: int) -> None:
    t, rng = np.arange(1440), np.random.default_rng((300, age, 0))
    y = 55 + 3 * season(1440, 288) + rng.normal(0, 0.2, 1440) + np.maximum(0, t - (1440 - age) + 1)
    yhat = forecast(y, 5 * MINUTE).yhat
    assert yhat[-1] > yhat[0] > y[-1] - 1


@pytest.mark.parametrize("seed", [2, 6, 8])  # three of the first ten
def test_a_leak_of_an_hour_at_short_steps_goes_on(seed: int) -> None:
    rng, size, age = np.random.default_rng((60, 60, seed)), 1440, 60
    y = np.round(55 + rng.normal(0, 0.3, size)) + np.maximum(0, np.arange(size) - (size - age) + 1)
    yhat = forecast(y, MINUTE).yhat
    assert yhat[-1] - yhat[0] == pytest.approx(H - 1, rel=0.2)


def test_a_leak_on_a_season_goes_on() -> None:
    assert not bad_leaks("seasonal", HOUR, (5, 8, 12, 24, 48))


def shifted(kind: str, age: int) -> tuple[Floats, Floats]:
    """A history whose level moved so many steps ago, and two days of how it goes on."""
    rng = np.random.default_rng(age)
    wave = 2.0 if "season" in kind else 0.0
    y = 6 + wave * season(SIZE) + (0 if "exact" in kind else rng.normal(0, 0.2, SIZE))
    y[SIZE - age :] += LEVEL
    return y, np.asarray(6 + LEVEL + wave * season(2 * H, first=SIZE))


def bad_shifts(kind: str, ages: tuple[int, ...]) -> list[str]:
    found = []
    for age in ages:
        y, truth = shifted(kind, age)
        result = forecast(y, horizon=2 * H)
        if np.abs(result.yhat - truth).max() > LEVEL / 8:
            found.append(f"{kind}, age {age}: off by {np.abs(result.yhat - truth).max():.1f}: {shown(result)}")
    return found


@pytest.mark.parametrize("kind", ["flat", "exact flat", "season", "exact season"])
def test_a_level_that_is_gone_does_not_come_back(kind: str) -> None:
    assert not bad_shifts(kind, (7, 13, 30, 100) if "season" in kind else (3, 9, 30, 100))


def test_nor_does_it_on_a_season_where_it_has_just_gone() -> None:
    assert not bad_shifts("season", (3, 4))

"""What a person relies on, over many series of each kind: lines, limits, exact series, honest widths."""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from tests.forecasts import DAY, HOUR, MINUTE, SIZE, Floats, H, forecast, season, shown, width

pytestmark = pytest.mark.slow

SEEDS = range(2)


@pytest.mark.parametrize("step_s", [MINUTE, 5 * MINUTE, HOUR, DAY])
def test_a_line_stays_a_line(step_s: int) -> None:
    for size, slope in ((6, 2.0), (12, -0.5), (30, 1e-3), (100, 1e6), (SIZE, 0.07)):
        result = forecast(np.asarray(50 + slope * np.arange(size), dtype=np.float64), step_s)
        assert result.yhat == pytest.approx(50 + slope * np.arange(size, size + H), rel=1e-6), (size, slope)


def mixed(seed: int) -> Iterator[tuple[str, Floats]]:
    """Series of many kinds, some of which have no mercy."""
    rng, t = np.random.default_rng(seed), np.arange(SIZE)
    yield "walk", 50 + np.cumsum(rng.normal(size=SIZE))
    yield "day", 50 + 5 * season(SIZE) + rng.normal(size=SIZE)
    yield "saw", (t + int(rng.integers(99))) % 67 * 0.5 + rng.normal(0, 0.1, SIZE)
    yield "counts", rng.poisson(1.5, SIZE).astype(float)
    yield "rare", (rng.random(SIZE) < 0.1).astype(float)
    yield "on, off", np.where(np.cumsum(rng.random(SIZE) < 0.1) % 2 == 1, 9.0, 0.0)
    yield "bursts", np.where(rng.random(SIZE) < 0.03, 1.0, 0.01) * rng.exponential(100, SIZE)
    yield "fall", np.maximum(0, 100 - 0.4 * t + rng.normal(0, 1, SIZE))
    yield "decay", np.asarray(100 * np.exp(-t / 60) * (1 + 0.1 * rng.random(SIZE)), dtype=np.float64)
    yield "office", np.where((t % 24 >= 8) & (t % 24 < 17) & (t // 24 % 7 < 5), rng.poisson(40, SIZE), 0).astype(float)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_curve_jumps_as_its_history_never_did(seed: int) -> None:
    for name, y in mixed(seed):
        result = forecast(y)
        largest = np.abs(np.diff(y)).max()
        jumps = np.abs(np.diff(np.concatenate(([y[-1]], result.yhat))))
        assert jumps.max() <= 2 * largest + 1e-9, f"{name}: {shown(result)}"


@pytest.mark.parametrize("silent", [0, 30])
def test_what_was_never_negative_never_is(silent: int) -> None:
    for name, y in mixed(silent):
        if y.min() >= 0 and name != "fall":
            result = forecast(y, silent=silent, levels=(0.5, 0.8, 0.99))
            assert min(low.min() for low in (result.lower, *(low for low, _ in result.further))) >= 0, name


WIDTHS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "white": lambda rng: 50 + rng.normal(size=SIZE),
    "day": lambda rng: 50 + 5 * season(SIZE) + rng.normal(size=SIZE),
    "trend": lambda rng: 10 + 0.1 * np.arange(SIZE) + rng.normal(size=SIZE),
    "walk": lambda rng: 50 + 0.5 * np.cumsum(rng.normal(size=SIZE)),
}


@cache
def sample(kind: str, seed: int) -> tuple[Floats, float]:
    """A whole history, and the width of its forecast."""
    y = WIDTHS[kind](np.random.default_rng((seed, len(kind))))
    return y, width(forecast(y))


def compared(kind: str, change: Callable[[Floats], Floats], silent: int = 0) -> tuple[float, float]:
    """Width with less known over width with more: geometric mean over seeds, and the least."""
    whole = [sample(kind, seed) for seed in range(4)]
    ratios = [width(forecast(change(y.copy()), silent=silent)) / before for y, before in whole]
    return float(np.exp(np.mean(np.log(ratios)))), min(ratios)


def newest(points: int) -> Callable[[Floats], Floats]:
    """Only so many values, the newest."""
    return lambda y: y[-points:]


def with_end(age: int) -> Callable[[Floats], Floats]:
    """The newest values far outside of all others."""

    def changed(y: Floats) -> Floats:
        y[-age:] += 2 * np.ptp(y)
        return y

    return changed


@pytest.mark.parametrize("kind", WIDTHS)
def test_silence_makes_no_interval_narrower(kind: str) -> None:
    # a window that ends elsewhere has other errors: widths vary by some percent
    for silent, enough in ((6, 0.95), (48, 1.0)):
        mean, least = compared(kind, lambda y: y, silent)
        assert (mean >= enough, least >= 0.85) == (True, True), (silent, mean, least)


@pytest.mark.parametrize("kind", ["white", "day", "trend"])
@pytest.mark.parametrize("points", [3, 6, 12, 24, 60])
def test_fewer_points_make_no_interval_narrower(points: int, kind: str) -> None:
    mean, least = compared(kind, newest(points))
    # the largest of few errors varies: some percent in the mean of a few series, more in one of them
    assert (mean >= 0.9, least >= 0.6) == (True, True), (mean, least)


@pytest.mark.parametrize("kind", ["white", "day", "trend"])
@pytest.mark.parametrize("age", [1, 2, 5, 16])
def test_a_fresh_break_or_odd_newest_values_make_no_interval_narrower(age: int, kind: str) -> None:
    mean, least = compared(kind, with_end(age))
    assert (mean >= 1.05, least >= 0.9) == (True, True), (mean, least)


def job(period: int, cycles: int, on: int, skipped: int, last: int) -> tuple[Floats, Floats]:
    """A job to the digit that was skipped once, so many cycles ago; and the period that follows."""
    t = np.arange(period * (cycles + 1)) + last
    y = np.where(t % period < on, 400.0, 5.0)
    size = period * cycles
    runs = np.flatnonzero((t[:size] % period < on) & (t[:size] // period == t[size - 1] // period - skipped))
    history = y[:size].copy()
    history[runs] = 5.0
    return history, y[size:]


JOBS = [
    (step_s, period, cycles, on, skipped)
    for step_s, period in ((HOUR, 24), (15 * MINUTE, 96), (MINUTE, 60), (DAY, 7))
    for cycles, on in ((8, 1), (14, max(2, period // 12)))
    for skipped in (0, 1)
]


def wrong_jobs(last: Callable[[int], int]) -> list[str]:
    found = []
    for step_s, period, cycles, on, skipped in JOBS:
        y, truth = job(period, cycles, on, skipped, last(period))
        result = forecast(y, step_s, period)
        expected = (np.abs(result.yhat - truth) < 40) | ((result.lower <= 5) & (result.upper >= 400))
        inside = (result.yhat >= 4.99) & (result.yhat <= 400.01)
        if not (expected & inside).all():
            found.append(f"{step_s} s, {period}, {cycles} cycles, {on} on, skipped {skipped} ago: {shown(result)}")
    return found


def test_a_job_that_was_skipped_once_is_expected() -> None:
    assert not wrong_jobs(lambda period: period // 3)


@pytest.mark.parametrize(("step_s", "period", "cycles", "on", "last"), [(MINUTE, 60, 8, 7, 30)])
def test_a_skipped_run_is_no_new_level(step_s: int, period: int, cycles: int, on: int, last: int) -> None:
    y, truth = job(period, cycles, on, 0, last)
    assert {*y} == {5.0, 400.0}
    assert forecast(y, step_s, period).yhat == pytest.approx(truth, abs=40)


@pytest.mark.parametrize(("step_s", "period"), [(HOUR, 24), (MINUTE, 60)])
def test_a_job_that_ran_once_is_not_expected(step_s: int, period: int) -> None:
    for ago in (0, 1, 5, period // 2, period - 1):
        y = np.full(period * 7, 5.0)
        y[-1 - ago] = 400.0
        assert forecast(y, step_s, period).yhat == pytest.approx(5), ago


@pytest.mark.parametrize("step_s", [MINUTE, HOUR, DAY])
def test_one_odd_newest_value_is_no_new_constant(step_s: int) -> None:
    for size in (30, SIZE):
        for value, odd in ((7.0, 700.0), (0.0, 1.0), (-3.0, 0.5)):
            y = np.full(size, value)
            y[-1] = odd
            result = forecast(y, step_s)
            assert result.yhat == pytest.approx(value), (size, value)
            assert (result.lower <= min(value, odd)).all(), (size, value)
            assert (result.upper >= max(value, odd)).all(), (size, value)


@pytest.mark.parametrize("size", [30, 100])
def test_two_odd_newest_values_leave_no_certainty(size: int) -> None:
    y = np.full(size, 7.0)
    y[-2:] = 700.0
    result = forecast(y, MINUTE)
    assert (result.upper > result.lower).all()


def test_a_level_of_three_values_is_not_certain() -> None:
    y = np.full(SIZE, 6.0)
    y[-3:] = 14.7
    result = forecast(y)
    assert (result.upper > result.lower).all()


def test_only_what_always_agreed_is_certain() -> None:
    rng = np.random.default_rng(5)
    day = np.round(rng.uniform(10, 50, 24))
    for place in (0, 7, 23):
        y = np.tile(day, 14)
        y[24 * int(rng.integers(2, 12)) + place] += 100
        result = forecast(y)
        certain = result.upper - result.lower <= 1e-9 * 50
        assert result.yhat == pytest.approx(day)
        assert certain.tolist() == [hour != place for hour in range(24)]


@pytest.mark.parametrize("y", [[5.2], [5.2, 5.2], [5.2, 6.1], [5.2, 6.1, 7.3], [5.2, 6.1, 5.9, 6.4], [5.2, 7, 6, 5, 8]])
def test_a_few_points_are_no_certainty(y: list[float]) -> None:
    result = forecast(np.array(y))
    assert (result.upper - result.lower).min() > 0.3 * y[-1]
    assert result.backtest["measured_steps"] == 0


def test_scores_are_of_what_is_clipped() -> None:
    y = 250 + 100 * season(SIZE) + np.random.default_rng(1).normal(0, 2, SIZE)
    free, clipped = (forecast(y, clip=(0.0, high)).backtest["chosen"] for high in (None, 100.0))
    assert (free["coverage"] > 0.85, free["mase"] < 1.2) == (True, True)
    assert (clipped["coverage"], clipped["mase"] > 10) == (0, True)

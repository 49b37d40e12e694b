"""Measures agree with a plain loop and with closed forms."""

import numpy as np
import pytest

from cronocast.forecast import measures

NAN = float("nan")


def loop_interval_score(y: list[float], low: list[float], high: list[float], level: float) -> float:
    total = 0.0
    for a, lo, hi in zip(y, low, high, strict=True):
        total += hi - lo
        if a < lo:
            total += 2 / (1 - level) * (lo - a)
        if a > hi:
            total += 2 / (1 - level) * (a - hi)
    return total / len(y)


def test_interval_score_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    y, low = rng.normal(size=50), rng.normal(size=50) - 1
    high = low + rng.random(50) * 3
    expected = loop_interval_score(y.tolist(), low.tolist(), high.tolist(), 0.95)
    assert measures.interval_score(y, low, high, 0.95) == pytest.approx(expected)


def test_interval_score_is_two_pinball_losses() -> None:
    rng = np.random.default_rng(2)
    y, low = rng.normal(size=80), rng.normal(size=80) - 1
    high = low + 2
    both = measures.pinball(y, low, 0.05) + measures.pinball(y, high, 0.95)
    assert measures.interval_score(y, low, high, 0.9) == pytest.approx(both * 2 / 0.1)


CASES = {
    "mae leaves out what was not observed": (measures.mae, [1, NAN, 3], [2, 5, 5], 1.5),
    "mae of nothing observed": (measures.mae, [NAN], [2], 0.0),
    "rmse is no mae": (measures.rmse, [0, 0], [3, 4], 12.5**0.5),
    "bias above zero where forecasts are too high": (measures.bias, [1, 1], [2, 4], 2.0),
    "smape of zeros": (measures.smape, [0, 0], [0, 0], 0.0),
    "smape at most 200": (measures.smape, [0, 1], [1, 1], 100.0),
    "smape leaves out what was not observed": (measures.smape, [NAN, 1], [1, 3], 100.0),
}


@pytest.mark.parametrize(("measure", "actual", "forecast", "expected"), CASES.values(), ids=CASES)
def test_measure(measure: object, actual: list[float], forecast: list[float], expected: float) -> None:
    assert callable(measure)
    assert measure(np.array(actual, dtype=float), np.array(forecast, dtype=float)) == pytest.approx(expected)


SCALES = {
    "mean change over a season": ([0, 0, 2, 4], 2, 3.0),
    "gaps do not count": ([0, NAN, 2, 4], 2, 2.0),
    "too short for the season: one step": ([1, 3], 24, 2.0),
    "repeats exactly: changes over one step": ([0, 4, 0, 4], 2, 4.0),
    "constant: its size": ([5, 5, 5], 1, 5.0),
    "zeros: 1": ([0, 0, 0], 1, 1.0),
}


@pytest.mark.parametrize(("y", "season", "expected"), SCALES.values(), ids=SCALES)
def test_scale_is_never_zero(y: list[float], season: int, expected: float) -> None:
    assert measures.scale(np.array(y, dtype=float), season) == expected


def test_coverage_counts_bounds_as_inside_and_skips_gaps() -> None:
    y, low, high = np.array([1.0, 2.0, NAN, 5.0]), np.array([1.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 9.0])
    assert measures.coverage(y, low, high) == pytest.approx(2 / 3)

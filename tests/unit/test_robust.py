"""Fast code of the models against the plain loops that it stands for."""

import numpy as np
import pytest

from cronocast.models.fourier import _cycles, frequencies
from cronocast.models.segments import _costs
from cronocast.models.theta import GAINS, _smoothed
from cronocast.timeseries.robust import median, spread_of


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 100])
def test_median_is_that_of_numpy(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    assert median(values) == np.median(values)
    assert spread_of(values) == pytest.approx(1.4826 * np.median(np.abs(values - np.median(values))))


@pytest.mark.parametrize(("size", "ahead"), [(5, 2), (50, 3), (97, 12), (240, 24), (600, 168)])
def test_theta_smooths_as_value_by_value(size: int, ahead: int) -> None:
    y = np.cumsum(np.random.default_rng(size).normal(size=size))
    gains, stride = np.array(GAINS), max(1, ahead // 2)
    level, errors = np.full(gains.size, np.median(y[:ahead])), np.zeros(gains.size)
    for t, value in enumerate(y):
        if t % stride == 0 and size // 4 < t <= size - ahead:
            errors += np.abs(y[t : t + ahead, None] - level).mean(axis=0)
        level = level + gains * (value - level)
    best = int(np.argmin(errors)) if errors.any() else GAINS.index(0.4)
    assert _smoothed(y, ahead) == pytest.approx((level[best], gains[best]), rel=1e-9)


def test_costs_of_lines_are_those_of_least_squares() -> None:
    z = np.cumsum(np.random.default_rng(1).normal(size=60))
    cuts = np.array([0, 3, 20, 41, 50, 60])
    cost = _costs(z, cuts, 8)
    for j, end in enumerate(cuts):
        for i, start in enumerate(cuts):
            if end - start < 8:
                assert cost[j, i] == np.inf
            else:
                t = np.arange(start, end)
                assert cost[j, i] == pytest.approx(
                    np.sum((z[start:end] - np.polyval(np.polyfit(t, z[start:end], 1), t)) ** 2), rel=1e-6
                )


def test_waves_over_one_period_go_on_as_sines() -> None:
    periods = (24, 168)
    rates, t = [f for _, f in frequencies(periods, (12, 30))], np.arange(500)
    sines = np.concatenate([cycle[0, t % cycle.shape[1]] for cycle in _cycles(periods)], axis=1)
    assert sines == pytest.approx(np.sin(2 * np.pi * np.outer(t, rates)), abs=1e-9)

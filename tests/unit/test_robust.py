"""Fast code of the models against the plain loops that it stands for."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.forecast import breaks
from cronocast.models.fourier import _columns, _cycles, _faded_grams, _with_slope_to, frequencies
from cronocast.models.least_squares import joined, regress_each, sums_up_to
from cronocast.models.segments import _costs, _sums
from cronocast.models.theta import GAINS, _smoothed
from cronocast.timeseries.robust import median, medians, spread_of

Floats = NDArray[np.float64]


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 100])
def test_median_is_that_of_numpy(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    assert median(values) == np.median(values)
    assert spread_of(values) == pytest.approx(1.4826 * np.median(np.abs(values - np.median(values))))
    rows = np.random.default_rng(size).normal(size=(size, 3))
    assert medians(rows).tolist() == np.median(rows, axis=0).tolist()


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
    for found in _smoothed([y, y[: size // 2 + 2], y], ahead)[::2]:  # beside others
        assert found == pytest.approx((level[best], gains[best]), rel=1e-9)


def test_costs_of_lines_are_those_of_least_squares() -> None:
    z = np.cumsum(np.random.default_rng(1).normal(size=60))
    cuts = np.array([0, 3, 20, 41, 50, 60])
    cost = np.zeros((6, 6))
    _costs(_sums(z), cuts, 8, cost)
    for j, end in enumerate(cuts):
        for i, start in enumerate(cuts[: j + 1]):
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


def plain_regression(x: Any, target: Any, ridge: float, importance: Any) -> tuple[Any, Any]:
    weights = importance
    for _ in range(3):
        found: Floats = np.linalg.solve(
            x.T @ (x * weights[:, None]) + ridge * np.eye(x.shape[1]), x.T @ (target * weights)
        )
        errors = target - x @ found
        spread = 1.4826 * float(np.median(np.abs(errors)))
        if spread == 0:
            break
        weights = importance * np.minimum(1, 2 * spread / np.maximum(np.abs(errors), spread))
    return found, errors


@pytest.mark.parametrize("noise", ["spikes", "exact but for a few", "all zero"])
def test_regressions_of_many_histories_are_those_of_each(noise: str) -> None:
    rng, ends = np.random.default_rng(3), np.array([40, 41, 90, 200])
    table, own = rng.normal(size=(200, 6)), rng.normal(size=(4, 2, 200))
    own *= np.arange(200) < ends[:, None, None]
    exact = table[:, :-1] @ np.arange(5.0)
    table[:, -1] = {"spikes": exact + rng.standard_t(2, 200), "exact but for a few": exact, "all zero": 0 * exact}[
        noise
    ]
    table[::9, -1] *= 30
    ridge = np.array([[1.0], [0.1], [2.0], [0.0]]) * (noise != "exact but for a few") + 1e-9
    found, errors = regress_each(table, own, joined(table, own, sums_up_to(table, ends)), ends, ridge, 2.0)
    for k, end in enumerate(ends):
        x = np.concatenate((own[k].T, table[:, :-1]), axis=1)[:end]
        expected = plain_regression(x, table[:end, -1], float(ridge[k, 0]), np.ones(end))
        assert found[k] == pytest.approx(expected[0], rel=1e-8, abs=1e-8)
        assert errors[k, :end] == pytest.approx(expected[1], rel=1e-8, abs=1e-8)
        assert not errors[k, end:].any()


def test_products_that_fade_are_those_of_each_history() -> None:
    n, t, half_life = np.array([100, 160, 300]), np.arange(300), 48.0
    table = np.column_stack((_columns((24,), t, 300), np.random.default_rng(1).normal(size=300)))
    for gram, end in zip(_with_slope_to(n, 300, _faded_grams(table, n, half_life)), n.tolist(), strict=True):
        own = np.column_stack((_columns((24,), t[:end], end), table[:end, -1]))
        assert gram == pytest.approx(own.T @ (own * 0.5 ** ((end - 1 - t[:end, None]) / half_life)), abs=1e-9)


def test_fresh_changes_found_together_are_those_of_each_with_all_of_its_past(monkeypatch: pytest.MonkeyPatch) -> None:
    ys, rng = [], np.random.default_rng(7)
    for i, n in enumerate((40, 120, 300, 300, 350, 460, 640, 640) * 3):
        newest = np.maximum(np.arange(n) - n + 4 + i, 0.0)
        wave = np.sin(np.arange(n) * np.pi / 12) if i % 2 else np.cumsum(rng.normal(0, 0.1, n))
        ys.append(wave + rng.normal(0, 0.05, n) + (newest, 3 * (newest > 0), 0)[i % 3])
    periods = [((), (24,), (24, 168))[i % 3 - i % 2] for i in range(len(ys))]
    together = breaks.fresh_breaks(ys, periods)
    monkeypatch.setattr(breaks, "_possible", lambda zs, ages, _: [ages] * len(zs))
    each = [breaks.fresh_breaks([y], [own])[0] for y, own in zip(ys, periods, strict=True)]
    assert 0 < sum(change is not None for change in each) < len(ys)
    for found, expected in zip(together, each, strict=True):
        assert (found and found.age) == (expected and expected.age)
        if found and expected:
            assert (found.level, found.slope) == pytest.approx((expected.level, expected.slope), rel=1e-9)

"""What the fall of a counter means, and that growth is neither lost nor made up: on random counters of every kind."""

from dataclasses import dataclass

import numpy as np
import pytest

from cronocast.timeseries.counter import rate

HOUR_NS = 3600 * 10**9
START_NS = 1_736_121_600 * 10**9


def times(n: int, step_ns: int = HOUR_NS) -> np.ndarray:
    return np.asarray(START_NS + np.arange(n) * step_ns, dtype=np.int64)


def counts(resets: int = 0, wraps: int = 0, corrections: int = 0) -> dict[str, int]:
    return {"counter_resets": resets, "counter_wraps": wraps, "counter_corrections": corrections}


def test_counter_becomes_growth_per_second() -> None:
    at, y, falls = rate(times(5), np.array([100.0, 3700.0, 7300.0, 1800.0, 5400.0]), HOUR_NS)
    assert at.tolist() == times(5)[1:].tolist()
    assert y.tolist() == [1.0, 1.0, 0.5, 1.0]  # after the fall it has grown from zero to 1800
    assert falls == counts(resets=1)


def test_growth_over_a_gap_is_spread_over_the_gap() -> None:
    at, y, _ = rate(times(6)[[0, 1, 5]], np.array([0.0, 3600.0, 3600.0 * 5]), HOUR_NS)
    assert at.tolist() == times(6)[[1, 5]].tolist()
    assert y.tolist() == [1.0, 1.0]


def test_values_below_zero_are_no_count() -> None:
    _, y, falls = rate(times(4), np.array([0.0, -5.0, 7200.0, 10800.0]), HOUR_NS)
    assert (y.tolist(), falls) == ([1.0, 1.0], counts())


@pytest.mark.parametrize("n", [0, 1])
def test_rate_of_too_few_values_is_empty(n: int) -> None:
    assert rate(times(n), np.zeros(n), HOUR_NS)[1].size == 0


@pytest.mark.parametrize("size", [1.0, 24.0, 1000.0])
def test_a_correction_of_a_large_counter_is_no_restart(size: float) -> None:
    growth = np.where(np.arange(200) % 24 < 14, 1440.0, 0.0)
    y = 812_345_678 + np.cumsum(growth)
    y[164:] -= size  # at a time when it stands still
    at, rates, falls = rate(times(200), y, HOUR_NS)
    assert falls == counts(corrections=1)
    assert at.size == 199
    assert rates.min() >= 0
    assert rates.max() <= 0.4
    assert rates.sum() * 3600 == pytest.approx(y[-1] - y[0], abs=1e-6)


def test_an_unexplained_fall_costs_its_step_alone() -> None:
    y = 1e9 + np.cumsum(np.full(100, 3600.0))
    y[50:] *= 0.8  # one of several counters that were added up began anew
    at, rates, falls = rate(times(100), y, HOUR_NS)
    assert falls == counts(resets=1)
    assert sorted({*times(100)[1:].tolist()} - {*at.tolist()}) == [int(times(100)[50])]
    assert rates[at < times(100)[50]].tolist() == pytest.approx([1.0] * 49)
    assert rates[at > times(100)[50]].tolist() == pytest.approx([0.8] * 49)


def test_what_grew_in_a_gap_with_a_restart_is_unknown() -> None:
    y = np.cumsum(np.full(100, 3600.0))
    y[60:] -= y[59]
    kept = np.r_[:50, 60:100]
    at, rates, _ = rate(times(100)[kept], y[kept], HOUR_NS)
    assert int(times(100)[60]) not in at.tolist()
    assert rates.tolist() == pytest.approx([1.0] * 88)


def test_a_meter_that_begins_anew_each_day_loses_nothing() -> None:
    growth = np.random.default_rng(3).uniform(0.5, 1.0, 24 * 14) * 3600
    y = np.concatenate([np.cumsum(day) for day in growth.reshape(-1, 24)])
    _, rates, falls = rate(times(y.size), y, HOUR_NS)
    assert falls == counts(resets=13)
    assert (rates * 3600).tolist() == pytest.approx(growth[1:].tolist())


@dataclass(frozen=True)
class Counter:
    """A random counter with its truth."""

    time_ns: np.ndarray
    y: np.ndarray  # as it was read
    grown: np.ndarray  # truly, since the value before, shape (t - 1,)
    step_ns: int
    falls: int  # restarts or wraps
    off: float  # what corrections and rounding may take of all growth


def random_counter(rng: np.random.Generator, kind: str) -> Counter:
    """One that stands still at times, with lost values; `kind` says what else happens to it."""
    n, step_ns = int(rng.integers(60, 800)), int(rng.choice([10, 60, 300, 3600, 86400])) * 10**9
    i, size = np.arange(n), 10.0 ** rng.uniform(0, 7)
    shapes = (np.full(n, 0.4), np.clip(np.sin(i / 12 * np.pi), 0, None), rng.exponential(1.0, n), (i % 24 < 12) * 1.0)
    growth = np.floor(shapes[rng.integers(4)] * size + 1) if rng.random() < 0.5 else shapes[rng.integers(4)] * size
    total, off, falls = np.cumsum(growth), 0.0, 0
    base = float(rng.choice([0.0, 1e3, 8e8, 1e12]))
    at = int(rng.integers(n // 4, 3 * n // 4))
    y = base + total
    lost = rng.random(n) < rng.choice([0.0, 0.02, 0.3])
    if kind == "rounding":
        y = y * (1 + 2e-16 * rng.standard_normal(n))
        off = 1e-15 * float(y.max()) * 4
    elif kind == "corrected":
        off = min(1.0, float(growth.max()) / 4, float(y[at]) / 200)
        y[at:] -= off
    elif kind in ("32 bits", "64 bits"):
        limit = 2.0**32 if kind == "32 bits" else 2.0**64
        since = total - total[at] + 1
        y, falls = np.where(i < at, limit + since, since), 1
        off = 4 * float(np.spacing(limit))
    elif kind == "restarted":
        y, falls = np.where(i >= at, total - total[at - 1], base + total), 1
        lost[at - 1 : at + 1] = False
    kept = np.flatnonzero(~lost)
    return Counter(times(n, step_ns)[kept], y[kept], np.diff(total[kept]), step_ns, falls, off)


@pytest.mark.parametrize("kind", ["plain", "rounding", "corrected", "32 bits", "64 bits"])
def test_all_growth_is_that_from_the_first_to_the_last_value(kind: str) -> None:
    rng = np.random.default_rng(11)
    for i in range(60):
        one = random_counter(rng, kind)
        if one.grown.sum() > 2.0**31:
            continue  # more than half a counter of 32 bits: it may have gone round
        at, rates, falls = rate(one.time_ns, one.y, one.step_ns)
        assert at.tolist() == one.time_ns[1:].tolist(), i
        assert rates.min() >= 0, i
        assert (falls["counter_resets"], falls["counter_wraps"]) == (0, one.falls if "bits" in kind else 0), i
        grown = rates * np.diff(one.time_ns) / 1e9
        assert grown.sum() == pytest.approx(one.grown.sum(), rel=1e-9, abs=2 * one.off + 1e-9 * float(one.y.max())), i


def test_a_restart_costs_its_step_alone() -> None:
    rng = np.random.default_rng(12)
    for i in range(60):
        one = random_counter(rng, "restarted")
        at, rates, _ = rate(one.time_ns, one.y, one.step_ns)
        true = dict(zip(one.time_ns[1:].tolist(), (one.grown / np.diff(one.time_ns) * 1e9).tolist(), strict=True))
        wrong = [t for t, r in zip(at.tolist(), rates.tolist(), strict=True) if r != pytest.approx(true[t], abs=1e-3)]
        assert len({*true} - {*at.tolist()}) + len(wrong) <= 1, i

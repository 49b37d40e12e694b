"""What `prepare` does with values: exactly what it says, counted, and nothing where nothing is asked for."""

import time
import tracemalloc
from array import array
from typing import Any

import numpy as np
import pytest

from cronocast.document.entry import parse_entry
from cronocast.document.meaning import preparation_of
from cronocast.handoff.series import Member
from cronocast.timeseries.clock import offset_ns
from cronocast.timeseries.outliers import outliers, running_median
from cronocast.timeseries.preparation import Preparation
from cronocast.timeseries.prepare import prepare, prepare_member, resample, smooth

HOUR_NS = 3600 * 10**9
MINUTE_NS = HOUR_NS // 60
START_NS = 1_736_121_600 * 10**9  # Monday 2025-01-06T00:00Z


def asked(**settings: Any) -> Preparation:
    source = {"url": "http://localhost:8086", "database": "d", "measurement": "m", "field": "f"}
    return preparation_of(parse_entry({"name": "x", "source": source, "prepare": settings}))


def times(n: int, step_ns: int = HOUR_NS) -> np.ndarray:
    return np.asarray(START_NS + np.arange(n) * step_ns, dtype=np.int64)


def test_nothing_is_done_unless_asked_for() -> None:
    member = Member("m", "a=b", array("q", [5, 7]), (array("d", [1.0, 2.0]),))
    assert prepare_member(member, asked(), START_NS) == (member, {})
    assert prepare_member(member, asked(transform="log", fill_limit="3h"), START_NS)[0] is member


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("mean", [2.0, 5.0]),
        ("median", [1.5, 5.0]),
        ("min", [1.0, 5.0]),
        ("max", [4.0, 5.0]),
        ("sum", [8.0, 5.0]),
        ("last", [4.0, 5.0]),
    ],
)
def test_rows_of_a_step_become_one_value_at_its_start(rule: str, expected: list[float]) -> None:
    at = START_NS + np.array([0, 1, 30, 59, 150]) * 60 * 10**9
    y = np.array([1.0, 1.0, 2.0, 4.0, 5.0])
    found_at, found = resample(at, y, HOUR_NS, rule)
    assert found_at.tolist() == [START_NS, START_NS + 2 * HOUR_NS]
    assert found.tolist() == pytest.approx(expected)


def test_resampling_is_counted_and_stays_finite() -> None:
    at = START_NS + np.arange(120) * 60 * 10**9
    for rule in ("mean", "median"):
        done = prepare(at, np.full(120, 1.7e308), asked(resample=rule), START_NS)
        assert done.y.tolist() == pytest.approx([1.7e308] * 2)
        assert done.counts == {"resampled_away": 118}


def test_moving_average_ends_at_its_value() -> None:
    y = np.array([0.0, 3.0, 6.0, 100.0])
    assert smooth(times(4), y, 3 * HOUR_NS).tolist() == pytest.approx([0.0, 1.5, 3.0, 109 / 3])


def test_moving_average_takes_time_and_not_a_number_of_values() -> None:
    at = times(10)[[0, 1, 2, 8, 9]]
    assert smooth(at, np.array([1.0, 2, 3, 10, 20]), 3 * HOUR_NS).tolist() == pytest.approx([1.0, 1.5, 2.0, 10.0, 15.0])


def test_moving_average_knows_nothing_of_the_future() -> None:
    y = np.random.default_rng(7).normal(size=200)
    assert np.allclose(smooth(times(200), y, 5 * HOUR_NS)[:150], smooth(times(150), y[:150], 5 * HOUR_NS))


GLITCHES = {"2^64": 2.0**64, "a trillion": 1e12, "largest": 1.7976931348623157e308, "below zero": -(2.0**64)}


@pytest.mark.parametrize("glitch", GLITCHES.values(), ids=GLITCHES)
@pytest.mark.parametrize("span", [1, 2, 3, 7, 24, 1000])
def test_moving_average_forgets_a_huge_value(glitch: float, span: int) -> None:
    y, at = 10 + np.random.default_rng(3).normal(size=300), np.delete(times(320), np.arange(150, 170))
    y[60] = glitch
    expected = [y[(at > t - span * HOUR_NS) & (at <= t)] for t in at]
    found = smooth(at, y, span * HOUR_NS)
    assert found.tolist() == pytest.approx([float(np.mean(v / v.size) * v.size) for v in expected], rel=1e-12)


def test_moving_average_of_the_largest_values_is_finite() -> None:
    assert smooth(times(100), np.full(100, 1.7e308), 24 * HOUR_NS).tolist() == pytest.approx([1.7e308] * 100)
    assert smooth(times(0), np.empty(0), HOUR_NS).size == 0


def test_a_year_of_minutes_is_smoothed_over_a_day_in_little_time() -> None:
    n = 365 * 1440
    began = time.process_time()
    found = smooth(times(n, MINUTE_NS), np.ones(n), 24 * HOUR_NS)
    assert np.ptp(found) < 1e-12
    assert time.process_time() - began < 5


def day_wave(n: int = 24 * 28, seed: int = 7) -> np.ndarray:
    t = np.arange(n)
    return np.asarray(10 * np.sin(2 * np.pi * t / 24) + 0.02 * t + 0.3 * np.random.default_rng(seed).normal(size=n))


def test_spikes_are_found_and_nothing_else() -> None:
    y = day_wave()
    y[[100, 300, 301]] += 25
    y[500] -= 40
    assert np.flatnonzero(outliers(times(y.size), y, HOUR_NS, 8)).tolist() == [100, 300, 301, 500]


def test_a_daily_peak_is_no_outlier() -> None:
    y = day_wave()
    y[3::24] += 60
    assert not outliers(times(y.size), y, HOUR_NS, 8).any()


# clocks of Europe change
SPRING, AUTUMN = (np.datetime64(day, "ns").astype(np.int64) for day in ("2025-03-30T01", "2025-10-26T01"))
CLOCKS = {  # step, zone, time of the first value; the peak stands at 8:00 by the clock
    "no change": (HOUR_NS, "UTC", SPRING - 18 * 24 * HOUR_NS),
    "spring": (HOUR_NS, "Europe/Berlin", SPRING - 18 * 24 * HOUR_NS),
    "autumn": (HOUR_NS, "Europe/Berlin", AUTUMN - 18 * 24 * HOUR_NS),
    "steps that can't follow the clock": (4 * HOUR_NS, "Europe/Berlin", SPRING - 18 * 24 * HOUR_NS - HOUR_NS),
    "rows at :58": (HOUR_NS, "Europe/Berlin", SPRING - 18 * 24 * HOUR_NS + 58 * MINUTE_NS),
}


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize(("step_ns", "zone", "first"), CLOCKS.values(), ids=CLOCKS)
def test_a_daily_peak_that_follows_the_clock_is_no_outlier(step_ns: int, zone: str, first: int, width: int) -> None:
    at = np.arange(first // step_ns, (first + 28 * 24 * HOUR_NS) // step_ns) * step_ns + first % step_ns
    local = at + np.array([offset_ns(zone, int(t)) for t in at])
    of_day = (local - 8 * HOUR_NS) % (24 * HOUR_NS) // step_ns
    y = 10 + 0.3 * np.random.default_rng(0).normal(size=at.size) + np.where(of_day < width, 20.0, 0.0)
    y[99] += 60
    assert np.flatnonzero(outliers(at, y, step_ns, 8, zone)).tolist() == [99]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_daily_peak_is_no_outlier_where_steps_do_not_divide_a_day(zone: str) -> None:
    step_ns = 7 * MINUTE_NS
    at = np.arange(28 * 24 * HOUR_NS // step_ns) * step_ns + (SPRING - 18 * 24 * HOUR_NS)
    local = at + np.array([offset_ns(zone, int(t)) for t in at])
    away = (local % (24 * HOUR_NS) - 8 * HOUR_NS) / (12 * MINUTE_NS)
    y = 10 + 0.3 * np.random.default_rng(0).normal(size=at.size) + 20 * np.exp(-(away**2))
    y[99] += 60
    odd = outliers(at, y, step_ns, 20, zone)
    assert odd[99]
    assert odd.sum() <= 1 + 28


@pytest.mark.parametrize("at", [200, 667, 671], ids=["in the middle", "five hours ago", "an hour ago"])
def test_a_new_level_is_no_outlier(at: int) -> None:
    for seed in range(20):
        y = day_wave(seed=seed)
        y[at:] += 80
        assert not outliers(times(y.size), y, HOUR_NS, 8).any(), seed


@pytest.mark.parametrize("middle", [94, 97, 99, 101])
def test_the_noise_of_other_hours_is_not_odd_where_a_bound_is_reached_each_day(middle: float) -> None:
    at = np.arange(14 * 288)
    for seed in range(3):
        y = np.minimum(
            100, middle + 6 * np.sin(2 * np.pi * at / 288) + 0.5 * np.random.default_rng(seed).normal(size=at.size)
        )
        assert outliers(times(at.size, 5 * MINUTE_NS), y, 5 * MINUTE_NS, 6).mean() < 0.003, (
            seed
        )  # one in twenty if noise is measured at the bound


@pytest.mark.parametrize(
    "y",
    [
        np.ones(200),
        np.arange(200.0),
        np.arange(5.0),
        np.empty(0),
        np.full(100, 1e308) * np.where(np.arange(100) % 2, 1, -1),
    ],
    ids=["constant", "line", "short", "empty", "huge"],
)
def test_where_nothing_says_how_far_is_far_nothing_is_odd(y: np.ndarray) -> None:
    assert not outliers(times(y.size), y, HOUR_NS, 8).any()


def test_running_median_is_that_of_the_windows() -> None:
    y = np.random.default_rng(7).normal(size=50)
    assert running_median(y, 5)[10:40].tolist() == [float(np.median(y[i - 2 : i + 3])) for i in range(10, 40)]


def test_a_wide_running_median_is_that_of_the_windows_but_for_noise() -> None:
    y = np.sin(np.arange(4000) / 300) + np.random.default_rng(3).normal(size=4000)
    y[2000:] += 20
    half = 500
    exact = [float(np.median(y[i - half : i + half + 1])) for i in range(half, y.size - half)]
    found = running_median(y, 2 * half + 1)
    assert found.size == y.size
    assert np.abs(found[half:-half] - exact).max() < 0.1  # the noise of such a median is 0.04, the new level 20


def test_a_week_of_ten_second_steps_needs_little_memory() -> None:
    y = np.random.default_rng(3).normal(size=7 * 8640)
    tracemalloc.start()
    try:
        outliers(times(y.size, 10 * 10**9), y, 10 * 10**9, 8)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_all_together_are_done_in_order_and_counted() -> None:
    minutes = np.asarray(START_NS + np.arange(28 * 24 * 12) * 300 * 10**9, dtype=np.int64)
    growth = 300 * (
        10
        + 5 * np.sin(2 * np.pi * np.arange(minutes.size) / 288)
        + 0.1 * np.random.default_rng(7).normal(size=minutes.size)
    )
    growth[12 * 400 : 12 * 401] *= 20
    counter = np.cumsum(growth)
    counter[4000:] -= counter[4000]
    done = prepare(minutes, counter, asked(resample="last", rate=True, outliers=10, smooth="2h"), START_NS)
    assert done.counts == {
        "resampled_away": minutes.size - 28 * 24,
        "counter_resets": 1,
        "counter_wraps": 0,
        "counter_corrections": 0,
        "outliers": 2,
        "smoothed": 28 * 24 - 3,
    }  # the burst, and the hour of the reset
    assert np.abs(done.y - 10).max() < 6
    assert (np.diff(done.time_ns) > 0).all()


@pytest.mark.parametrize(
    ("wanted", "token"),
    [
        ({"smooth": "1h"}, "E_CONFIG_CROSS prepare.smooth"),
        ({"outliers": 1}, "E_CONFIG_RANGE prepare.outliers"),
        ({"transform": "box"}, "E_CONFIG_CHOICE prepare.transform"),
        ({"resample": "percentile"}, "E_CONFIG_CHOICE prepare.resample"),
        ({"rate": "yes"}, "E_CONFIG_TYPE prepare.rate"),
    ],
)
def test_wrong_settings_are_named(wanted: dict[str, Any], token: str) -> None:
    with pytest.raises(Exception, match=token):
        asked(**wanted)


def exact(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    """A series without noise."""
    i = np.arange(n)
    return {
        "zeros": np.zeros(n),
        "one value": np.full(n, round(float(rng.normal()) * 100, 2)),
        "days": np.round(rng.normal(size=24) * 20, 2)[i % 24],
        "line": i * round(float(rng.normal()), 3),
        "nightly job": np.where(i % 24 == 3, 400.0, 5.0),
        "two levels": np.where(i < n // 3, 6.0, 14.7),
    }[kind]


@pytest.mark.parametrize("kind", ["zeros", "one value", "days", "line", "nightly job", "two levels"])
def test_one_spike_in_an_exact_series_is_an_outlier_and_nothing_else_is(kind: str) -> None:
    rng = np.random.default_rng(41)
    for i in range(25):
        n = int(rng.integers(96, 1000))
        y = exact(rng, n, kind)
        assert not outliers(times(n), y, HOUR_NS, 6).any(), i
        at, width = int(rng.integers(12, n - 12)), int(rng.integers(1, 4))
        y[at : at + width] += rng.choice([-1, 1]) * (np.ptp(y) + 1) * 10 ** rng.uniform(0.2, 4)
        if kind != "two levels" or abs(at - n // 3) > 12:
            assert np.flatnonzero(outliers(times(n), y, HOUR_NS, 6)).tolist() == [*range(at, at + width)], i


def test_events_among_zeros_are_no_outliers_but_one_far_beyond_them_is() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = (rng.random(672) < 0.1) * rng.integers(1, 9, 672).astype(float)
        assert not outliers(times(672), y, HOUR_NS, 6).any(), seed
        y[300] = 500
        assert np.flatnonzero(outliers(times(672), y, HOUR_NS, 6)).tolist() == [300], seed

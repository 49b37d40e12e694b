"""The last slope is found whatever came before it."""

from itertools import pairwise

import numpy as np
import pytest

from cronocast.errors import DataError
from cronocast.models.linear import Linear
from cronocast.models.model import Context
from cronocast.models.segments import segments, without_spikes

HOUR_NS = 3600 * 10**9
RNG = np.random.default_rng(5)


def forecast(
    y: "np.ndarray[tuple[int], np.dtype[np.float64]]", h: int, periods: tuple[int, ...] = ()
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return Linear().fit(np.asarray(y, dtype=float), Context(HOUR_NS, 0, periods=periods)).predict(h)


T = np.arange(400.0)
RAMP = 10 + 0.05 * T
NOISE = RNG.normal(0, 0.2, 400)
DROP = np.where(T < 300, 10 + 0.2 * T, 0.2 * (T - 300))
KINK = np.where(T < 250, 5 + 0.01 * T, 7.5 + 0.3 * (T - 250))
STEPS = np.where(T < 100, 40.0, np.where(T < 250, 16.0, 9.0))
SPIKES = np.where(T % 57 == 5, 30.0, 0.0)
BACKUP = np.where(T % 24 < 2, 3.0, 0.0)  # every night the disk holds a dump for two hours

CASES = {
    "a line forecasts itself": (RAMP, 10 + 0.05 * np.arange(400, 472), 1e-6),
    "ramp with noise": (RAMP + NOISE, 10 + 0.05 * np.arange(400, 472), 0.3),
    "drop: slope of what came after it": (DROP, 0.2 * np.arange(100, 172), 1e-3),
    "drop with noise": (DROP + NOISE, 0.2 * np.arange(100, 172), 0.8),
    "slope changes without a jump": (KINK + NOISE, 7.5 + 0.3 * np.arange(150, 222), 0.8),
    "levels only": (STEPS, np.full(72, 9.0), 1e-6),
    "spikes do not tilt it": (RAMP + NOISE + SPIKES, 10 + 0.05 * np.arange(400, 472), 0.4),
    "falling": (-RAMP, -10 - 0.05 * np.arange(400, 472), 1e-6),
    "constant": (np.full(400, 7.0), np.full(72, 7.0), 1e-9),
    "zero": (np.zeros(400), np.zeros(72), 1e-12),
    "tiny values": (RAMP * 1e-300, (10 + 0.05 * np.arange(400, 472)) * 1e-300, 1e-301),
    "far from zero": (RAMP + 1e9, 1e9 + 10 + 0.05 * np.arange(400, 472), 1e-3),
}


@pytest.mark.parametrize(("y", "expected", "within"), CASES.values(), ids=CASES)
def test_extends_the_last_slope(
    y: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    expected: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    within: float,
) -> None:
    assert np.max(np.abs(forecast(y, 72) - expected)) <= within


def test_season_is_taken_out_and_put_back() -> None:
    whole = np.arange(472.0)
    expected = 10 + 0.05 * whole + np.where(whole % 24 < 2, 3.0, 0.0)
    assert np.allclose(forecast(expected[:400], 72, (24,)), expected[400:], atol=0.2)


def test_ramp_with_one_drop_is_not_extended_from_before_it() -> None:
    y = np.concatenate((np.linspace(0, 100, 200), np.linspace(0, 25, 50)))
    assert forecast(y, 1)[0] == pytest.approx(25.5, abs=0.6)


@pytest.mark.parametrize("newest", [2, 3, 5], ids=lambda n: f"{n} points after the drop")
def test_a_level_that_just_dropped_is_where_the_forecast_starts(newest: int) -> None:
    y = np.concatenate((10 + 0.2 * np.arange(300), 5 + 0.2 * np.arange(newest))) + np.random.default_rng(5).normal(
        0, 0.02, 300 + newest
    )
    assert forecast(y, 24) == pytest.approx(5 + 0.2 * np.arange(newest, newest + 24), abs=1.5)


def test_one_odd_last_value_is_no_new_level() -> None:
    """A step at the very last row may be a spike; the line stays where the others are."""
    y = np.append(RAMP + NOISE, 500.0)
    assert forecast(y, 5) == pytest.approx(10 + 0.05 * np.arange(401, 406), abs=3.0)


@pytest.mark.parametrize("n", [3, 4, 5, 7, 8, 9, 15, 16, 17, 40])
@pytest.mark.parametrize(
    "make",
    [np.zeros, np.arange, lambda n: np.where(np.arange(n) < n - 1, 0.0, 1.0), lambda n: np.resize([1e300, -1e300], n)],
    ids=["zero", "ramp", "jump at the end", "huge"],
)
def test_short_and_odd_histories_give_h_values(n: int, make: object) -> None:
    assert callable(make)
    with np.errstate(all="ignore"):
        assert forecast(make(n), 6).shape == (6,)


def test_two_points_are_too_few() -> None:
    with pytest.raises(DataError, match=r"E_SHORT linear: .*\b2\b.*\b3\b"):
        forecast(np.array([1.0, 2.0]), 1)


def test_segments_start_where_the_slope_changes() -> None:
    found = segments(KINK + NOISE * 0.1)
    assert len(found) == 2
    assert abs(found[-1].start - 250) <= 3


def test_segments_meet_and_hold_everything() -> None:
    found = segments(np.cumsum(np.random.default_rng(5).normal(size=3000)))
    assert (found[0].start, found[-1].end) == (0, 3000)
    assert all(a.end == b.start for a, b in pairwise(found))


def test_spikes_of_three_steps_are_cleaned_and_levels_kept() -> None:
    z = np.concatenate((np.zeros(50), np.ones(50))) + np.random.default_rng(5).normal(0, 0.01, 100)
    z[20:23] += 9
    clean = without_spikes(z)
    assert clean[:50].max() < 0.1
    assert clean[52:].min() > 0.9

"""MSTL: a day and a week at once, what is left to theta, no season invented."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.errors import DataError
from cronocast.models.model import Context
from cronocast.models.mstl import MOST_POINTS, Mstl
from cronocast.models.theta import Theta

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
HOUR_NS = 3600 * 10**9
T = np.arange(24 * 7 * 6)
DAY, WEEK = 5 * np.sin(2 * np.pi * T / 24), np.where(T % 168 < 120, 4.0, -10.0)


def context(*periods: int) -> Context:
    return Context(HOUR_NS, 0, periods=periods)


def forecast(y: Floats, h: int, *periods: int) -> Floats:
    return Mstl().fit(y, context(*periods)).predict(h)


def test_a_day_and_a_week_at_once() -> None:
    y = 100 + DAY + WEEK + np.random.default_rng(0).normal(0, 0.3, T.size)
    error = np.abs(forecast(y[:-168], 168, 24, 168) - y[-168:]).mean()
    assert error < 0.8
    assert error < 0.3 * np.abs(forecast(y[:-168], 168, 24) - y[-168:]).mean()


def test_a_trend_goes_on_under_the_seasons() -> None:
    y = 0.05 * T + DAY
    assert (
        np.abs(forecast(y[:-48], 48, 24) - y[-48:]).mean() < 1.5
    )  # theta takes half of the slope: 1.2 behind after two days at most


def test_a_season_that_changes_is_followed_where_theta_keeps_the_old_one() -> None:
    y = (1 + T / T.size) * DAY
    theta = Theta().fit(y[:-24], context(24)).predict(24)
    assert np.abs(forecast(y[:-24], 24, 24) - y[-24:]).mean() < 0.5 * np.abs(theta - y[-24:]).mean()


SHORT: dict[str, tuple[int, tuple[int, ...]]] = {
    "no period": (500, ()),
    "two cycles": (48, (24,)),
    "nothing": (0, (24,)),
}


@pytest.mark.parametrize(("n", "periods"), SHORT.values(), ids=SHORT)
def test_without_a_season_there_is_nothing_to_take_out(n: int, periods: Any) -> None:
    with pytest.raises(DataError, match=rf"E_SHORT mstl: .*\b{n}\b.*\bextract\b.*\bperiods\b"):
        Mstl().fit(np.arange(float(n)), context(*periods))


def test_a_period_that_is_too_long_is_left_out_and_the_others_stay() -> None:
    y = DAY[: 168 * 2]
    np.testing.assert_array_equal(forecast(y, 24, 24, 168), forecast(y, 24, 24))


def test_a_long_history_costs_no_more_than_its_newest_part() -> None:
    y = np.sin(2 * np.pi * np.arange(22_000) / 288)
    began = time.process_time()
    assert np.abs(forecast(y, 288, 288) - np.sin(2 * np.pi * np.arange(22_000, 22_288) / 288)).max() < 0.1
    assert time.process_time() - began < 20  # without a limit it does not end within minutes
    np.testing.assert_array_equal(forecast(y, 5, 288), forecast(y[-MOST_POINTS:], 5, 288))

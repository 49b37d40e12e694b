"""Gaps are filled within limits and counted; ends are left alone."""

import numpy as np
import pytest

from cronocast.timeseries.fill import fill

NAN = float("nan")


def test_short_gap_gets_a_straight_line() -> None:
    filled = fill(np.array([0.0, NAN, NAN, 3.0]))
    assert filled.y.tolist() == [0, 1, 2, 3]
    assert filled.observed.tolist() == [True, False, False, True]
    assert (filled.by_line, filled.by_season) == (2, 0)


def test_nothing_is_invented_before_the_first_or_after_the_last_value() -> None:
    filled = fill(np.array([NAN, NAN, 1.0, 2.0, NAN]))
    assert (filled.y.tolist(), filled.start, filled.tail) == ([1, 2], 2, 1)


@pytest.mark.parametrize("y", [[], [NAN, NAN], [float("inf")]], ids=["empty", "all missing", "infinite"])
def test_no_value_gives_an_empty_history(y: list[float]) -> None:
    assert fill(np.array(y, dtype=float)).y.size == 0


def test_long_gap_gets_the_seasons_around_it_at_their_level() -> None:
    wave = np.tile([0.0, 1, 2, 3, 4, 5, 4, 3, 2, 1], 6) + np.arange(60) * 0.5
    y = wave.copy()
    y[22:29] = NAN
    filled = fill(y, (10,))
    assert filled.by_season == 7
    assert np.allclose(filled.y, wave)


def test_gap_as_long_as_a_season_does_not_copy_other_filled_values() -> None:
    y = np.tile([0.0, 10, 0, 0], 10)
    y[12:20] = NAN
    filled = fill(y, (4,))
    assert filled.by_season == 8
    assert filled.y.tolist() == np.tile([0.0, 10, 0, 0], 10).tolist()


def test_filled_values_stay_in_the_range_seen() -> None:
    rng = np.random.default_rng(3)
    y = np.abs(rng.normal(size=200))
    y[60:90] = NAN
    filled = fill(y, (24,))
    assert filled.y.min() >= np.nanmin(y)
    assert filled.y.max() <= np.nanmax(y)


def test_history_starts_after_an_outage_too_long_to_fill() -> None:
    filled = fill(np.concatenate((np.ones(10), np.full(200, NAN), np.arange(200.0))))
    assert (filled.start, filled.left_out, filled.by_line) == (0, 0, 200)  # at most half is missing
    filled = fill(np.concatenate((np.ones(10), np.full(420, NAN), np.arange(400.0))))
    assert (filled.start, filled.left_out, filled.y.size) == (430, 10, 400)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_values_that_come_seldom_are_no_outages(share: float, seed: int) -> None:
    y = np.where(np.random.default_rng(seed).random(672) < share, 1.0, NAN)
    filled = fill(y, (24,))
    assert filled.left_out == 0
    assert filled.y.size == np.ptp(np.flatnonzero(np.isfinite(y))) + 1


@pytest.mark.parametrize("after", [3, 4, 100])
def test_a_lone_value_long_ago_is_before_an_outage(after: int) -> None:
    filled = fill(np.concatenate(([7.0], np.full(1000, NAN), np.ones(after))))
    assert (filled.left_out, filled.y.tolist()) == (1, [1.0] * after)


def test_few_points_after_an_outage_do_not_cost_the_long_history_before_it() -> None:
    y = np.concatenate((np.arange(100.0), np.full(300, NAN), [1.0]))
    assert fill(y).start == 0


def mask(*runs: tuple[int, int]) -> np.ndarray:
    found = np.zeros(100, dtype=bool)
    for a, b in runs:
        found[a:b] = True
    return found


HOLIDAYS = {  # lost, holidays, limit, first step that counts, values left out before it
    "a holiday is no gap": (mask(), mask((50, 60)), 5, 0, 0),
    "nor in an outage within the limit": (mask((46, 50), (60, 64)), mask((50, 60)), 5, 0, 0),
    "an outage beside one": (mask((40, 50)), mask((50, 60)), 5, 60, 40),
    "the outage before one": (mask((20, 30)), mask((50, 60)), 5, 30, 20),
    "without a limit": (mask((1, 45)), mask((60, 80)), None, 0, 0),
    "most is an outage": (mask((1, 60)), mask((60, 70), (80, 85)), None, 70, 1),
}


@pytest.mark.parametrize(("lost", "holidays", "limit", "start", "left_out"), HOLIDAYS.values(), ids=HOLIDAYS)
def test_values_left_out_on_holidays_are_no_outage(
    lost: np.ndarray, holidays: np.ndarray, limit: int | None, start: int, left_out: int
) -> None:
    filled = fill(np.where(lost | holidays, NAN, np.arange(100.0)), limit=limit, holidays=holidays)
    assert (filled.start, filled.left_out) == (start, left_out)
    assert filled.observed[0]
    assert np.isfinite(filled.y).all()

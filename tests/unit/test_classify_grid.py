"""Rows become an even grid: step, snapping, duplicates, gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronocast.timeseries.grid import DEFAULT_STEP_NS, MAX_STEPS, infer_step, snap, steps_of, to_grid

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
START = 1_735_689_600 * SECOND


def jittered(count: int, step_ns: int, share: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    rng = np.random.default_rng(count)
    return START + np.arange(count) * step_ns + (rng.uniform(-share, share, count) * step_ns).astype(np.int64)


STEPS = {
    "no row": (np.empty(0, dtype=np.int64), (DEFAULT_STEP_NS, False)),
    "one row": (np.array([START]), (DEFAULT_STEP_NS, False)),
    "two rows": (np.array([START, START + 7 * SECOND]), (7 * SECOND, False)),
    "even": (START + np.arange(50) * 7 * MINUTE, (7 * MINUTE, False)),
    "a third missing": (START + np.delete(np.arange(60), np.arange(0, 60, 3)) * MINUTE, (MINUTE, False)),
    "jitter": (jittered(200, HOUR, 0.4), (HOUR, False)),
    "rate falls": (
        START + np.concatenate([np.arange(600), 600 + 10 * np.arange(60)]) * MINUTE,
        (10 * MINUTE, True),
    ),
    "rate rises": (
        START + np.concatenate([10 * np.arange(60), 600 + np.arange(600)]) * MINUTE,
        (10 * MINUTE, True),
    ),
    "extremes": (np.array([-(2**63), 2**63 - 1]), (2**63 - 1, False)),
    "nanoseconds": (np.arange(20), (1, False)),
}


@pytest.mark.parametrize(("times", "expected"), STEPS.values(), ids=STEPS)
def test_step_is_found(times: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", expected: tuple[int, bool]) -> None:
    assert infer_step(times) == expected


def test_gaps_are_nan_and_values_stay_to_the_last_bit() -> None:
    start, y, observed = to_grid([START, START + HOUR, START + 3 * HOUR], [0.1, 1e308, -5e-324], HOUR)
    assert start == START
    np.testing.assert_array_equal(y, [0.1, 1e308, np.nan, -5e-324])
    assert observed.tolist() == [True, True, False, True]


def test_rows_of_one_step_become_their_mean_without_overflow() -> None:
    grid = snap([START, START, START + HOUR], [1.7e308, 1.7e308, 2.0], HOUR)
    assert grid.y.tolist() == [1.7e308, 2.0]
    assert (grid.duplicated, grid.off_grid, grid.left_out) == (1, 0, 0)


def test_jittered_rows_return_to_their_steps() -> None:
    times = jittered(300, HOUR, 0.4)
    grid = snap(times, np.arange(300.0), HOUR)
    assert grid.start_ns == START
    assert grid.y.tolist() == list(range(300))
    assert grid.duplicated == 0
    assert grid.off_grid > 290


def test_a_row_beside_the_offset_that_most_rows_share_goes_to_the_step_of_that_offset() -> None:
    times = START + 17 * MINUTE + np.arange(20) * HOUR
    times[3] += MINUTE
    times[5] -= 20 * MINUTE
    grid = snap(times, np.arange(20.0), HOUR)
    assert grid.start_ns == START
    assert grid.y.tolist() == list(range(20))
    assert grid.off_grid == 2


COUNT = 300
DRIFT = np.random.default_rng(7).integers(-2000, 2000, COUNT) * SECOND // 1000
IN_THEIR_STEP = {  # rows, how many of the newest lie in the last step
    "sampled at :10": (START + 10 * MINUTE + np.arange(COUNT) * HOUR, 1),
    "sampled at :50": (START + 50 * MINUTE + np.arange(COUNT) * HOUR, 1),
    "stamped with the last second": (START + HOUR - SECOND + np.arange(COUNT) * HOUR, 1),
    "stamped in the last seconds": (START + HOUR - 10 * SECOND + np.arange(COUNT) * HOUR + DRIFT, 1),
    "around :50": (START + 50 * MINUTE + np.arange(COUNT) * HOUR + DRIFT, 1),
    "each 30 minutes": (START + np.arange(2 * COUNT) * HOUR // 2, 2),
    "each 10 minutes": (START + np.arange(6 * COUNT) * 10 * MINUTE, 6),
    "each 10 minutes, cut at both ends": (START + np.arange(4, 6 * COUNT - 3) * 10 * MINUTE, 3),
    "each 10 minutes, some missing": (
        START + np.delete(np.arange(6 * COUNT), np.arange(0, 5 * COUNT, 7)) * 10 * MINUTE,
        6,
    ),
    "each 7 minutes": (START + np.arange(0, COUNT * 60, 7) * MINUTE, 9),
    "each 40 minutes": (START + np.arange(0, COUNT * 60, 40) * MINUTE, 1),
    "at any time": (np.sort(np.random.default_rng(3).integers(START, START + COUNT * HOUR, 4 * COUNT)), 6),
}


@pytest.mark.parametrize(("times", "newest"), IN_THEIR_STEP.values(), ids=IN_THEIR_STEP)
def test_rows_belong_to_the_step_in_which_they_lie(
    times: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", newest: int
) -> None:
    index = (times - START) // HOUR
    values = np.random.default_rng(1).normal(size=times.size)
    grid = snap(times, values, HOUR)
    assert grid.start_ns == START
    assert int(np.count_nonzero(index == COUNT - 1)) == newest
    assert grid.y.tolist() == pytest.approx(
        [values[index == k].mean() if (index == k).any() else np.nan for k in range(COUNT)], nan_ok=True
    )
    assert steps_of(times, HOUR).tolist() == (START + index * HOUR).tolist()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.4])
def test_rows_around_the_beginnings_of_steps_belong_to_the_nearest(share: float) -> None:
    times = jittered(300, HOUR, share)
    assert steps_of(times, HOUR).tolist() == (START + np.arange(300) * HOUR).tolist()
    assert steps_of(times[::-1], HOUR).tolist() == (START + np.arange(300)[::-1] * HOUR).tolist()


def test_order_and_values_that_are_not_finite_do_not_matter() -> None:
    start, y, _ = to_grid([START + 2 * HOUR, START, START + HOUR], [3.0, 1.0, np.inf], HOUR)
    assert start == START
    np.testing.assert_array_equal(y, [1.0, np.nan, 3.0])


def test_rows_before_the_longest_grid_are_left_out_and_counted() -> None:
    grid = snap([0, START, START + SECOND], [1.0, 2.0, 3.0], SECOND)
    assert (grid.start_ns, grid.y.tolist(), grid.left_out) == (START, [2.0, 3.0], 1)
    assert MAX_STEPS * SECOND < START


def test_no_rows_make_an_empty_grid() -> None:
    assert [part.tolist() if hasattr(part, "tolist") else part for part in to_grid([], [], HOUR)] == [0, [], []]


def test_the_mean_of_largest_values_is_finite() -> None:
    largest = float(np.finfo(np.float64).max)
    assert snap([0, 0, 0, HOUR], [largest, largest, largest, 1.0], HOUR).y.tolist() == [largest, 1.0]


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=True, allow_infinity=True)), max_size=30),
    st.integers(1, 2**63 - 1),
)
def test_any_rows_make_a_grid_near_them(rows: list[tuple[int, float]], step_ns: int) -> None:
    grid = snap([t for t, _ in rows], [v for _, v in rows], step_ns)
    usable = [t for t, v in rows if np.isfinite(v)]
    assert int(grid.observed.sum()) + grid.duplicated + grid.left_out == len(usable)
    if usable and not grid.left_out:
        assert grid.start_ns % step_ns == 0
        for step, row in ((grid.start_ns, min(usable)), (grid.start_ns + (grid.y.size - 1) * step_ns, max(usable))):
            assert -step_ns <= 2 * (row - step) < 3 * step_ns  # within half a step of where most rows of it lie
        assert np.isfinite(grid.y[grid.observed]).all()

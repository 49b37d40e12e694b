"""Rows become an even grid: step, snapping, duplicates, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronocast.grid import DEFAULT_STEP_NS, MAX_STEPS, infer_step, snap, to_grid

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
    "D10 jitter": (jittered(200, HOUR, 0.4), (HOUR, False)),
    "D11 rate falls": (START + np.concatenate([np.arange(600), 600 + 10 * np.arange(60)]) * MINUTE, (10 * MINUTE, True)),
    "D11 rate rises": (START + np.concatenate([10 * np.arange(60), 600 + np.arange(600)]) * MINUTE, (10 * MINUTE, True)),
    "D17 extremes": (np.array([-(2**63), 2**63 - 1]), (2**63 - 1, False)),
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


def test_grid_keeps_the_offset_that_most_rows_share() -> None:
    times = START + 17 * MINUTE + np.arange(20) * HOUR
    times[3] += MINUTE
    grid = snap(times, np.ones(20), HOUR)
    assert grid.start_ns == START + 17 * MINUTE
    assert (grid.y.size, grid.off_grid) == (20, 1)


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


@settings(deadline=None)  # a loaded machine is no defect
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=True, allow_infinity=True)), max_size=30),
    st.integers(1, 2**63 - 1),
)
def test_any_rows_make_a_grid_near_them(rows: list[tuple[int, float]], step_ns: int) -> None:
    grid = snap([t for t, _ in rows], [v for _, v in rows], step_ns)
    usable = [t for t, v in rows if np.isfinite(v)]
    assert int(grid.observed.sum()) + grid.duplicated + grid.left_out == len(usable)
    if usable and not grid.left_out:
        assert abs(grid.start_ns - min(usable)) <= step_ns / 2
        assert abs(grid.start_ns + (grid.y.size - 1) * step_ns - max(usable)) <= step_ns / 2
        assert np.isfinite(grid.y[grid.observed]).all()

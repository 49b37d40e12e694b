"""Widths cover what they promise, per horizon step and side."""

from typing import Any

import numpy as np
import pytest

from cronocast.forecast import intervals

WALK = np.cumsum(np.random.default_rng(11).normal(size=500))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def random_walk_errors(
    rng: np.random.Generator, origins: int, h: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.cumsum(rng.normal(size=(origins, h)), axis=1)


@pytest.mark.parametrize("origins", [5, 14])
@pytest.mark.parametrize("level", [0.5, 0.8])
def test_narrow_intervals_of_few_windows_are_not_too_wide(level: float, origins: int, rng: np.random.Generator) -> None:
    def errors(count: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        white = rng.normal(size=(count, 25))
        return np.asarray(white[:, 1:] + 0.4 * white[:, :-1])

    shares = []
    for _ in range(150):
        low, high = intervals.offsets(errors(origins), 24, level, WALK, 1)
        new = errors(20)
        shares.append(((new >= -low) & (new <= high)).mean())
    assert np.mean(shares) == pytest.approx(level, abs=0.025)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_covers_new_errors_at_the_level(level: float, rng: np.random.Generator) -> None:
    shares = []
    for _ in range(60):
        low, high = intervals.offsets(random_walk_errors(rng, 14, 24), 24, level, WALK, 1)
        new = random_walk_errors(rng, 50, 24)
        shares.append(((new >= -low) & (new <= high)).mean())
    assert level - 0.06 < np.mean(shares) < min(level + 0.06, 0.99)


def test_widths_grow_with_the_horizon_of_a_random_walk(rng: np.random.Generator) -> None:
    low, high = intervals.offsets(random_walk_errors(rng, 14, 24), 24, 0.95, WALK, 1)
    assert high[-1] > 2 * high[0]
    assert low[-1] > 2 * low[0]


def test_sides_differ_where_errors_do(rng: np.random.Generator) -> None:
    errors = rng.exponential(size=(14, 24)) - 0.1
    low, high = intervals.offsets(errors, 24, 0.95, WALK, 1)
    assert (high > 2 * low).all()


def test_one_quiet_step_among_few_origins_is_not_narrower(rng: np.random.Generator) -> None:
    errors = rng.normal(size=(4, 24))
    errors[:, 20] = 0
    low, high = intervals.offsets(errors, 24, 0.95, WALK, 1)
    assert (low + high)[20] > 0.7 * (low + high)[19]


def test_beyond_the_backtest_widths_go_on_growing(rng: np.random.Generator) -> None:
    low, high = intervals.offsets(rng.normal(size=(14, 24)), 96, 0.95, WALK, 1)
    assert low.shape == high.shape == (96,)
    assert high[95] >= 1.9 * high[23] * 0.95
    assert (np.diff(high[24:]) > 0).all()


def left_out_coverage(errors: Any, ends: Any, level: float, y: Any, season: int) -> float | None:
    """Share of errors inside, each origin judged by widths from the others."""
    judged = [
        float(((errors[row] >= -below) & (errors[row] <= above)).mean())
        for row, below, above in intervals.left_out_offsets(errors, ends, level, y, season)
    ]
    return float(np.mean(judged)) if judged else None


@pytest.mark.parametrize(
    "errors",
    [np.full((0, 1), np.nan), np.full((3, 24), np.nan), np.zeros((1, 5))],
    ids=["no origin", "nothing observed", "one short origin"],
)
def test_too_few_errors_use_changes_of_the_history(errors: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> None:
    low, high = intervals.offsets(errors, 48, 0.95, WALK, 1)
    assert np.array_equal(low, high)
    assert high[0] > 1.5  # 1.96 standard deviations of a step
    assert (np.diff(high) >= 0).all()
    assert 0.5 < high[47] / (high[0] * 48**0.5) < 2


def test_without_errors_a_season_bounds_the_growth(rng: np.random.Generator) -> None:
    wave = np.tile(np.sin(np.arange(24) / 24 * 2 * np.pi) * 10, 10) + rng.normal(0, 0.1, 240)
    _, high = intervals.offsets(np.full((0, 1), np.nan), 48, 0.95, wave, 24)
    assert high.max() < 1


def test_of_one_point_only_its_size_is_known() -> None:
    low, high = intervals.offsets(np.full((0, 1), np.nan), 3, 0.95, np.array([-12.0]), 1)
    assert low.tolist() == high.tolist() == pytest.approx([12, 12, 12])


@pytest.mark.parametrize("y", [np.full(8, 7.0), np.zeros(50)], ids=["eight alike", "zeros"])
def test_no_change_gives_no_width(y: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> None:
    low, high = intervals.offsets(np.full((0, 1), np.nan), 3, 0.95, y, 1)
    assert low.tolist() == high.tolist() == [0, 0, 0]


def test_left_out_coverage_is_below_that_in_sample_and_near_the_level(rng: np.random.Generator) -> None:
    shares = [
        left_out_coverage(random_walk_errors(rng, 14, 24), range(0, 14 * 24, 24), 0.95, WALK, 1) for _ in range(20)
    ]
    known = [share for share in shares if share is not None]
    assert len(known) == 20
    assert 0.88 < np.mean(known) < 0.98


def test_overlapping_windows_widen_the_interval(rng: np.random.Generator) -> None:
    errors = random_walk_errors(rng, 14, 24)
    apart, overlapping = (intervals.offsets(errors, 24, 0.95, WALK, 1, independent)[1] for independent in (14, 4))
    assert (overlapping > 1.2 * apart).all()


def test_a_single_window_does_not_tell_how_windows_differ(rng: np.random.Generator) -> None:
    errors = random_walk_errors(rng, 14, 24)
    several, single = (intervals.offsets(errors, 24, 0.5, WALK, 1, independent)[1] for independent in (14, 1))
    assert (single > 1.15 * several).all()


@pytest.mark.parametrize(("freedom", "expected"), [(2, 4.303), (3, 3.182), (5, 2.571), (13, 2.160), (100, 1.984)])
def test_student_quantile_is_that_of_the_tables(freedom: int, expected: float) -> None:
    assert intervals.student(0.975, freedom) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("ends", [(0, 24), (0, 12, 24), (0, 8, 16)], ids=["two", "two apart", "none apart"])
def test_left_out_coverage_needs_two_others_that_share_no_step(ends: tuple[int, ...]) -> None:
    assert left_out_coverage(np.ones((len(ends), 24)), ends, 0.95, WALK, 1) is None


def walk_from(start: int, h: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.asarray(WALK[start : start + h] - WALK[start - 1])


WORTH = {  # h, where windows begin, what they are worth: of errors that forget each other at once, of a walk
    "apart": (24, range(1, 481, 24), 20, 20),
    "half a window apart": (24, range(1, 481, 12), 30, 30),
    "a day apart, a week ahead": (168, range(1, 337, 24), 8, 3),
    "a step apart": (24, range(1, 14), 7, 2),
    "one": (24, (1,), 1, 1),
    "none": (24, (), 0, 0),
    "one step ahead": (1, range(1, 21), 20, 20),
}


@pytest.mark.parametrize(("h", "ends", "forgetful", "walk"), WORTH.values(), ids=WORTH)
def test_windows_that_overlap_are_worth_what_their_errors_tell(h: int, ends: range, forgetful: int, walk: int) -> None:
    noise = np.diff(WALK)
    assert (
        intervals.effective_origins(np.array([noise[end : end + h] for end in ends]).reshape(len(ends), h), ends)
        == forgetful
    )
    assert (
        intervals.effective_origins(np.array([walk_from(end, h) for end in ends]).reshape(len(ends), h), ends) == walk
    )


def test_no_huge_error_makes_windows_worth_more(rng: np.random.Generator) -> None:
    ends = range(1, 14)
    errors = np.array([walk_from(end, 24) for end in ends])
    errors[5, 7] = 1e9
    assert intervals.effective_origins(errors, ends) <= 2


def test_windows_that_overlap_do_not_judge_each_other() -> None:
    # a week ahead, starts a day apart: three of them share no step
    h, ends, told, held = (168, range(504, 841, 24), [], [])
    for seed in range(150):
        walk = np.cumsum(np.random.default_rng(seed).normal(0, 1, 1008 + h))
        errors = np.array([walk[end : end + h] - walk[end - 1] for end in ends])
        told.append(left_out_coverage(errors, ends, 0.95, walk[:1008], 1))
        below, above = intervals.offsets(errors, h, 0.95, walk[:1008], 1, intervals.effective_origins(errors, ends))
        ahead = walk[1008:] - walk[1007]
        held.append(float(((ahead >= -below) & (ahead <= above)).mean()))
    assert np.mean(held) > 0.9  # a walk is the hardest case
    assert np.mean([share for share in told if share is not None]) == pytest.approx(np.mean(held), abs=0.07)


@pytest.mark.parametrize(("origins", "steps"), [(20, 24), (20, 3), (10, 6), (20, 1)])
def test_one_huge_error_says_nothing_of_its_step(origins: int, steps: int) -> None:
    errors = np.random.default_rng(5).normal(0, 1, (origins, steps))
    hit = errors.copy()
    hit[7, steps // 2] = 10_000.0
    assert intervals.step_scale(hit) == pytest.approx(intervals.step_scale(errors), rel=0.3)

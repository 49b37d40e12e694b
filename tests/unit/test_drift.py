"""Drift by simulation: what is noticed, how soon, and what never is."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.monitor.drift import (
    FLEET,
    KEEP,
    REFERENCE_MIN,
    WATCHED_SHORT,
    Drift,
    drift,
    drift_words,
    reference_of,
    threshold,
)

Floats = NDArray[np.float64]
FIRST = 20_000
KNOWN = REFERENCE_MIN + WATCHED_SHORT
WIDTH = 3.92
LEVEL = 0.95


def errors(days: int, slots: int = 24, seed: int = 0) -> Floats:
    """White errors over the width of a 95 % interval, (days, slots)."""
    return np.random.default_rng([seed, slots]).standard_normal((days, slots)) / WIDTH


def looked_at(found: Floats, numbers: NDArray[np.int64] | None = None, members: int = 1) -> Drift:
    return drift(found, FIRST + np.arange(len(found)) if numbers is None else numbers, members, LEVEL)


def first_alarm(found: Floats) -> int | None:
    """Day after the first 35, from 1, on which evaluate first says that something changed."""
    days = range(KNOWN + 1, len(found) + 1)
    return next((day - KNOWN for day in days if looked_at(found[:day]).alarm is not None), None)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, 0), (14, 0), (15, 14), (21, 14), (22, 15), (34, 27), (35, 28), (49, 28), (50, 29), (76, 55), (KEEP, 56)],
)
def test_the_reference_grows_and_stays_clear_of_the_newest_days(days: int, expected: int) -> None:
    assert reference_of(days) == expected


@pytest.mark.parametrize(
    ("change", "most", "of_mean"),
    [
        (lambda e: e + 2 / WIDTH, {24: 3, 8: 4, 4: 6}, True),
        (lambda e: e - 4 / WIDTH, {24: 2, 8: 2, 4: 3}, True),
        (lambda e: e * 2.5, {24: 4, 8: 6, 4: 12}, False),
        (
            lambda e: e + 2 / WIDTH * np.sin(2 * np.pi * np.arange(e.shape[1]) / e.shape[1]),
            {24: 6, 8: 10, 4: 20},
            False,
        ),
        (lambda e: e + 0.3 / WIDTH * np.arange(1, len(e) + 1)[:, None], {24: 6, 8: 8, 4: 10}, True),
    ],
    ids=["level up", "level down", "spread", "season gone", "slope"],
)
@pytest.mark.parametrize("slots", [24, 8, 4])
def test_a_lasting_change_is_noticed_and_dated(
    change: Callable[[Floats], Floats], most: dict[int, int], of_mean: bool, slots: int
) -> None:
    late, off, right = [], [], 0
    for seed in range(15):
        found = errors(KNOWN + 20, slots, seed)
        found[KNOWN:] = change(found[KNOWN:])
        day = first_alarm(found)
        late.append(99 if day is None else day)
        if day is not None:
            seen = looked_at(found[: KNOWN + day])
            off.append(abs((seen.change or 0) - FIRST - KNOWN))
            right += seen.of_mean == of_mean
    assert 1 < np.median(late) <= most[slots]
    assert min(late) > 1, "one day alone must never do"
    assert np.median(off) <= 2 + (most[slots] > 5)
    assert right >= 0.8 * len(off)


@pytest.mark.parametrize("days", [KNOWN + 14, KEEP])
@pytest.mark.parametrize("slots", [4, 24])
def test_members_that_do_not_change_are_left_alone(days: int, slots: int) -> None:
    assert [seed for seed in range(100) if looked_at(errors(days, slots, seed)).alarm is not None] == []


@pytest.mark.parametrize(("hours", "size"), [(slice(None), -4.0), (slice(6, 18), -6.0), (slice(None), 400.0)])
def test_one_bad_day_is_suspect_and_no_alarm(hours: slice, size: float) -> None:
    for seed in range(20):
        found = errors(KNOWN + 5, seed=seed)
        found[KNOWN, hours] += size / WIDTH
        assert first_alarm(found) is None
        assert FIRST + KNOWN in looked_at(found).bad


def test_a_day_is_bad_without_a_reference_where_few_values_lie_inside() -> None:
    found = errors(3)
    found[1] += 2 / WIDTH
    assert looked_at(found).bad == (FIRST + 1,)
    assert looked_at(found).alarm is None


def test_a_change_that_is_over_calls_for_nothing() -> None:
    found = errors(KNOWN + 8)
    found[KNOWN : KNOWN + 4] += 4 / WIDTH
    assert looked_at(found[: KNOWN + 4]).alarm is not None
    assert looked_at(found[: KNOWN + 5]).alarm is None


def test_words_tell_side_size_and_since_when() -> None:
    found = errors(KNOWN + 3)
    found[KNOWN:] += 2.3
    words = drift_words(looked_at(found))
    day = np.datetime64(FIRST + KNOWN, "D")
    assert all(token in words for token in ("2.3 widths", "above", f"since {day.astype(object).day} Nov", "(3 days)"))
    found[KNOWN:] -= 4.6
    assert "below" in drift_words(looked_at(found))
    wide = errors(KNOWN + 10)
    wide[KNOWN:] *= 3
    assert "2.9 times as large" in drift_words(looked_at(wide)) or "3 times as large" in drift_words(looked_at(wide))


def test_hours_that_scatter_more_have_a_scale_of_their_own() -> None:
    """A shift that is nothing among the loud hours is much in the quiet ones."""
    spread = np.where((np.arange(24) >= 8) & (np.arange(24) < 18), 2.0, 0.1)
    found = errors(KNOWN + 10) * spread
    found[KNOWN:, :8] += 1.5 / WIDTH
    assert first_alarm(found) is not None


def test_an_exact_member_that_changes_is_noticed_after_two_days() -> None:
    found = np.zeros((KNOWN + 3, 24))
    assert first_alarm(found) is None
    found[KNOWN:] = 100.0
    assert first_alarm(found) == 2


def test_missing_days_and_hours_are_no_change() -> None:
    alarms, noticed = 0, 0
    for seed in range(100):
        found = errors(KNOWN + 20, seed=seed)
        found[np.random.default_rng(seed).random(found.shape) < 0.3] = np.nan
        numbers = FIRST + np.flatnonzero(np.arange(2 * len(found)) % 7 < 5)[: len(found)]
        alarms += looked_at(found, numbers).alarm is not None
        found[-6:] += 3 / WIDTH
        noticed += looked_at(found, numbers).alarm is not None
    assert alarms <= 2  # 0.2 to be expected
    assert noticed >= 95


def test_an_hour_never_seen_in_the_reference_has_the_scale_of_all() -> None:
    found = errors(KNOWN + 6)
    found[:KNOWN, 3] = np.nan
    assert looked_at(found).alarm is None


def test_the_threshold_grows_with_the_fleet_and_counts_no_fleet_as_small() -> None:
    assert threshold(1, 28) == threshold(FLEET, 28) == threshold(FLEET, 56)
    assert threshold(10 * FLEET, 28) == 10 * threshold(FLEET, 28)
    assert threshold(FLEET, 14) > threshold(FLEET, 20) > threshold(FLEET, 28)


def test_nothing_known_says_nothing() -> None:
    assert looked_at(np.empty((0, 24))) == Drift()

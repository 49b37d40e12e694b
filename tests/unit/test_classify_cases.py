"""The twelve cases and their variations, and series as they are outside of books: at least 97 % right of each."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from cronocast.classify import classify_member
from tests.series_generator import (
    CASES,
    SECOND,
    Case,
    Series,
    Setting,
    make,
    random_walk,
    settings,
    weekly,
    white_noise,
)
from tests.series_spoiled import ROWS, SPOILED

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("VARIATIONS", "40"))  # of each case; every level of every property comes among them
RIGHT = 0.97


def variations(
    made: Callable[[Setting], Series], steps_s: tuple[int, ...], least_weeks: int = 0
) -> Iterator[tuple[str, int, Series]]:
    """How each was made, step in seconds, series."""
    for setting in settings(steps_s, COUNT):
        if setting.weeks >= least_weeks:
            yield repr(setting), setting.step_s, made(setting)


def all_cases() -> Iterator[tuple[str, Iterator[tuple[str, int, Series]]]]:
    """Name of a case, and its variations."""
    for name, (case, steps_s) in {**CASES, **SPOILED}.items():
        yield name, variations(partial(make, case), steps_s)
    for name, (spoil, case, steps_s, least_weeks) in ROWS.items():
        yield name, variations(partial(spoil, case), steps_s, least_weeks)


VARIATIONS = dict(all_cases())


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_case_gets_its_class_and_its_periods(name: str) -> None:
    wrong, tried = [], 0
    for how, step_s, series in VARIATIONS[name]:
        tried += 1
        profile = classify_member("m", "", series.time_ns, series.y, step_s * SECOND, 24, None, None)
        if (profile.series_class, profile.periods) != (series.series_class, series.periods):
            wrong.append(
                f"{how}: {profile.series_class} {profile.periods}, expected {series.series_class} {series.periods};"
                f" {profile.why}"
            )
    assert tried >= 0.75 * COUNT
    assert len(wrong) <= (1 - RIGHT) * tried + 0.5, f"{len(wrong)} of {tried} are wrong:\n" + "\n".join(wrong[:12])


@pytest.mark.parametrize("weeks", [4, 5])
def test_a_week_shows_in_a_month_of_days_and_noise_makes_none(weeks: int) -> None:
    def found(case: Case, noise: int, seed: int) -> bool:
        series = make(case, Setting(86400, weeks, noise, 0, seed))
        return 7 in classify_member("m", "", series.time_ns, series.y, 86400 * SECOND, 24, None, None).periods

    assert sum(found(weekly, 3, seed) for seed in range(50)) >= 47  # with noise of a third of the wave
    for case, noise in ((white_noise, 0), (random_walk, 3)):
        assert sum(found(case, noise, seed) for seed in range(100)) <= 1


def test_a_day_that_explains_nothing_inside_a_week_is_no_error() -> None:
    series = make(CASES["weekly wave"][0], Setting(step_s=300, weeks=4, noise=2, scale=2, seed=0))
    profile = classify_member("m", "", series.time_ns, series.y, 300 * SECOND, 24, None, None)
    assert (profile.series_class, profile.periods) == (series.series_class, series.periods)

"""Changes of level and slope are found where they are, and nowhere else."""

from collections.abc import Iterator
from itertools import islice

import pytest

from cronocast.classify import classify_member
from tests.series_generator import CASES, SECOND, Series, Setting, make, settings
from tests.series_spoiled import ROWS, SPOILED

pytestmark = pytest.mark.slow

COUNT = 40  # variations of each case
MOST_POINTS = 2100  # hours and days of 12 weeks; longer ones are tried with the classes
NEAR = 3  # steps by which a change may be off
FOUND, FALSE = 0.95, 0.05  # share of the changes, and false ones per series


def variations(name: str) -> Iterator[tuple[Setting, Series]]:
    case, steps_s = {**CASES, **SPOILED}[name]
    for setting in islice((s for s in settings(steps_s, 10**6) if s.size <= MOST_POINTS), COUNT):
        yield setting, make(case, setting)


def changes(setting: Setting, series: Series) -> list[int]:
    """Places of the changes that classify finds, in steps."""
    profile = classify_member("m", "", series.time_ns, series.y, setting.step_s * SECOND, 24, None, None)
    return [(ns - int(series.time_ns[0])) // (setting.step_s * SECOND) for ns in profile.change_points_ns]


@pytest.mark.parametrize(
    "name", ["disk sawtooth", "daily, level shift", "noise, level shift", "ramp that stops", "ramp with a drop"]
)
def test_changes_are_found_where_they_are(name: str) -> None:
    true = found = false = 0
    for setting, series in variations(name):
        near = setting.size // 25 if name == "ramp that stops" else NEAR  # where a slope ends is as vague as its noise
        at = changes(setting, series)
        true += len(series.changes)
        found += sum(any(abs(a - c) <= near for a in at) for c in series.changes)
        false += sum(all(abs(a - c) > near for c in series.changes) for a in at)
    assert true >= COUNT
    assert found >= FOUND * true
    assert false <= FALSE * COUNT


@pytest.mark.parametrize(
    "name",
    [
        "ramp",
        "weak trend",
        "weekly wave",
        "weekend",
        "random walk",
        "white noise",
        "ar(1)",
        "daily wave",
    ],
)
def test_series_without_changes_have_none(name: str) -> None:
    false = sum(len(changes(setting, series)) for setting, series in variations(name))
    assert false <= FALSE * COUNT


@pytest.mark.parametrize("name", ["daily at odd times", "ramp at odd times"])
def test_the_step_is_found_where_times_are_odd(name: str) -> None:
    spoil, case, steps_s, _ = ROWS[name]
    for setting in islice((s for s in settings(steps_s, 10**6) if s.size <= MOST_POINTS), COUNT):
        series = spoil(case, setting)
        profile = classify_member("m", "", series.time_ns, series.y, None, 24, None, None)
        assert (profile.step_ns, profile.series_class) == (setting.step_s * SECOND, series.series_class), setting

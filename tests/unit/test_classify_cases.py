"""The twelve cases and their variations, and series as they are outside of books: at least 97 % right of each."""

import os
from collections.abc import Iterator

import pytest

from cronocast.classify import classify_member
from tests.series_generator import CASES, SECOND, Series, make, settings
from tests.series_spoiled import ROWS, SPOILED

COUNT = int(os.environ.get("VARIATIONS", "60"))  # of each case; every level of every property comes among them
RIGHT = 0.97


def all_cases() -> Iterator[tuple[str, Iterator[tuple[str, int, Series]]]]:
    """Name of a case, and its variations: how it was made, step in seconds, series."""
    for name, (case, steps_s) in {**CASES, **SPOILED}.items():
        yield name, ((repr(s), s.step_s, make(case, s)) for s in settings(steps_s, COUNT))
    for name, (spoil, case, steps_s) in ROWS.items():
        yield name, ((repr(s), s.step_s, spoil(case, s)) for s in settings(steps_s, COUNT))


VARIATIONS = dict(all_cases())


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_case_gets_its_class_and_its_periods(name: str) -> None:
    wrong, tried = [], 0
    for how, step_s, series in VARIATIONS[name]:
        tried += 1
        profile = classify_member("m", "", series.time_ns, series.y, step_s * SECOND, 24, None, None)
        if (profile.series_class, profile.periods) != (series.series_class, series.periods):
            wrong.append(f"{how}: {profile.series_class} {profile.periods}, expected {series.series_class} {series.periods}; {profile.why}")
    assert tried >= min(COUNT, 40)
    assert len(wrong) <= (1 - RIGHT) * tried + 0.5, f"{len(wrong)} of {tried} are wrong:\n" + "\n".join(wrong[:12])

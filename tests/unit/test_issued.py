"""Dates that were told before: how far they move, when they are settled, and how they are scored."""

import json
from typing import Any

import pytest

from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Crossing
from cronocast.monitor.issued import MOST, Issued, Kept, from_document, noted, to_document

HOUR, DAY = UNIT_NS["h"], UNIT_NS["d"]
START = 20_000 * DAY


def date(earliest: int, crosses: int | None, latest: int | None, state: str = "date") -> Crossing:
    """A crossing with this range."""
    return Crossing("full", 90.0, True, "value", state, "", None, None, None, earliest, crosses, latest)


def over(since: int) -> Crossing:
    """The event holds since then."""
    return Crossing("full", 90.0, True, "value", "over", "", since_ns=since)


QUIET = Crossing("full", 90.0, True, "value", "quiet", "")


def told(runs: list[tuple[int, Crossing]]) -> tuple[list[Crossing], Kept]:
    """What each of these runs tells, one after another, with what is kept in the end."""
    kept, said = Kept(), []
    for run_ns, found in runs:
        crossing, kept = noted(kept, found, run_ns, HOUR)
        kept = from_document(json.loads(json.dumps(to_document(kept))))
        said.append(crossing)
    return said, kept


@pytest.mark.parametrize(
    ("medians", "settled"),
    [
        ([10 * DAY], [False]),  # nothing to compare with
        ([10 * DAY, 10 * DAY], [False, True]),
        ([10 * DAY, 12 * DAY, 12 * DAY], [False, True, True]),  # by a fifth of the time left
        ([10 * DAY, 20 * DAY, 10 * DAY, 10 * DAY], [False, False, False, True]),
        ([2 * HOUR, 3 * HOUR], [False, True]),  # nothing is more exact than a few steps
    ],
)
def test_a_date_is_settled_where_the_run_before_told_about_the_same(medians: list[int], settled: list[bool]) -> None:
    runs = [(START + i * HOUR, date(START + m - HOUR, START + m, START + m + DAY)) for i, m in enumerate(medians)]
    assert [crossing.settled for crossing in told(runs)[0]] == settled


def test_without_a_median_the_earliest_date_is_compared() -> None:
    runs = [(START + i * HOUR, date(START + 5 * DAY, None, None, "chance")) for i in range(2)]
    assert [crossing.settled for crossing in told(runs)[0]] == [False, True]


def test_what_holds_now_is_settled_and_no_date_is_not() -> None:
    said, _ = told([(START, QUIET), (START + HOUR, over(START))])
    assert [crossing.settled for crossing in said] == [False, True]


def test_moved_is_told_against_a_day_ago() -> None:
    at = START + 20 * DAY
    runs = [(START + i * 6 * HOUR, date(at, at + i * HOUR, at + DAY)) for i in range(9)]  # an hour later each time
    moved = [crossing.moved_ns for crossing in told(runs)[0]]
    assert moved[:4] == [None] * 4
    assert moved[4:] == [n * HOUR for n in (4, 5, 6, 7, 4)]  # of each day the first date is kept


def test_dates_are_scored_once_when_the_event_comes() -> None:
    event = START + 10 * DAY
    wrong = [(START + d * DAY, date(event + DAY, event + 2 * DAY, event + 3 * DAY)) for d in range(4)]
    right = [(START + d * DAY + h * HOUR, date(event - DAY, event, event + DAY)) for d in range(4, 9) for h in range(9)]
    after = [(event + h * HOUR, over(event)) for h in range(3)]
    said, kept = told([*wrong, *right, *after])
    assert said[-3:] == said[-3:-2] * 3
    assert (said[-1].events, said[-1].scored, said[-1].inside) == (1, 9, 5)
    assert said[-1].known_ns == event - (START + 4 * DAY)
    assert kept.issued == ()


def test_a_date_that_passes_without_the_event_was_wrong() -> None:
    passed = date(START + DAY, START + 2 * DAY, START + 3 * DAY)
    said, kept = told([(START, passed), (START + HOUR, passed), (START + 4 * DAY, QUIET), (START + 5 * DAY, QUIET)])
    assert (said[-1].events, said[-1].scored, said[-1].inside) == (0, 1, 0)
    assert kept.issued == ()


def test_a_second_event_is_scored_by_the_dates_since_the_first() -> None:
    first, second = START + 2 * DAY, START + 9 * DAY
    runs = [
        (START, date(first, first, first)),
        (first, over(first)),
        (first + DAY, QUIET),
        (second - DAY, date(first + DAY, first + DAY, None)),
        (second, over(second)),
    ]
    said, _ = told(runs)
    assert (said[-1].events, said[-1].scored, said[-1].inside) == (2, 2, 2)
    assert said[-1].known_ns == DAY


def test_a_run_that_is_repeated_tells_the_same() -> None:
    at = START + 9 * DAY
    runs = [(START + d * DAY, date(at, at + d * HOUR, None)) for d in range(5)]
    kept = Kept()
    for run_ns, found in runs:
        first, kept = noted(kept, found, run_ns, HOUR)
        assert noted(kept, found, run_ns, HOUR) == (first, kept)
    again, _ = noted(kept, runs[2][1], runs[2][0], HOUR)  # an older run, as of then
    assert again.moved_ns == HOUR


def test_what_is_kept_is_bounded() -> None:
    at = START + 4000 * DAY
    _, kept = told([(START + i * 8 * HOUR, date(at, at, at)) for i in range(1000)])
    assert len(kept.issued) <= MOST
    assert kept.issued[-1] == Issued(START + 999 * 8 * HOUR, at, at, at)


@pytest.mark.parametrize(
    "document",
    [None, 5, [], [[]], [[[1, 2, 3]], None, 0, 0, 0, None], [[], "x", 0, 0, 0, None], [[], None, 0, 0, None]],
)
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="no dates"):
        from_document(document)

"""Dates that were told before: how far they moved since, and whether they were right when the event came.

Pure functions on what one threshold of one member has kept. Times are ns UTC.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Crossing

DAY_NS = UNIT_NS["d"]
KEEP_NS = 180 * DAY_NS  # a date that nothing was heard of for so long is forgotten
MOST = 200  # dates kept of one threshold, one a day and the newest ones
NEWEST = 3  # of the dates told last are kept whatever their day
MOVED = 0.3  # of the time left: a date that moves further between two runs is not settled
YESTERDAY = (0.8, 3.0)  # days ago: what a date is compared with to say how far it moved


class Issued(NamedTuple):
    """One date as it was told."""

    run_ns: int
    earliest_ns: int
    crosses_ns: int | None
    latest_ns: int | None

    def holds(self, event_ns: int) -> bool:
        """Whether an event lies in the range."""
        return self.earliest_ns <= event_ns and (self.latest_ns is None or event_ns <= self.latest_ns)


class Kept(NamedTuple):
    """What is kept of one threshold of one member."""

    issued: tuple[Issued, ...] = ()  # not scored yet, ascending
    since_ns: int | None = None  # begin of the newest event
    events: int = 0
    scored: int = 0
    inside: int = 0
    known_ns: int | None = None


def noted(kept: Kept, found: Crossing, run_ns: int, step_ns: int) -> tuple[Crossing, Kept]:
    """Compare what was found with what was told before, and keep it for the next run.

    A run that is repeated finds what it found: what it kept itself, or a later run, is left aside.

    Args:
        kept: Of the runs before.
        found: What this run finds, without its past.
        run_ns: Scheduled time of the run.
        step_ns: Step size: nothing is more exact.
    """
    before = [date for date in kept.issued if date.run_ns < run_ns]
    kept = _came(kept, found) if found.state == "over" else _did_not_come(kept, run_ns)
    told = found._replace(
        moved_ns=_moved(before, found, run_ns),
        settled=_settled(before, found, step_ns),
        events=kept.events,
        scored=kept.scored,
        inside=kept.inside,
        known_ns=kept.known_ns,
    )
    if found.earliest_ns is not None and found.state != "over":
        now = Issued(run_ns, found.earliest_ns, found.crosses_ns, found.latest_ns)
        others = [date for date in kept.issued if date.run_ns != run_ns]
        kept = kept._replace(issued=_thinned(sorted([*others, now]), run_ns))
    return told, kept


def _came(kept: Kept, found: Crossing) -> Kept:
    """Score the dates that were told before an event that holds now, once."""
    event = found.since_ns
    if event is None or (kept.since_ns is not None and event <= kept.since_ns):
        return kept
    dates = [date for date in _daily(kept.issued) if date.run_ns < event]
    if not dates:
        return kept._replace(since_ns=event, issued=())
    right = [date.holds(event) for date in dates]
    known = next((dates[i].run_ns for i in range(len(dates)) if all(right[i:])), None)
    return Kept(
        issued=(),
        since_ns=event,
        events=kept.events + 1,
        scored=kept.scored + len(dates),
        inside=kept.inside + sum(right),
        known_ns=0 if known is None else event - known,
    )


def _did_not_come(kept: Kept, run_ns: int) -> Kept:
    """Score as wrong the dates whose latest has passed."""
    passed = [date for date in kept.issued if date.latest_ns is not None and date.latest_ns < run_ns]
    left = tuple(date for date in kept.issued if date not in passed)
    return kept._replace(issued=left, scored=kept.scored + len(_daily(passed)))


def _moved(before: Sequence[Issued], found: Crossing, run_ns: int) -> int | None:
    """How far the date moved since about a day ago: later is positive."""
    ages = [(run_ns - date.run_ns, date) for date in before if date.crosses_ns is not None]
    near = [pair for pair in ages if YESTERDAY[0] * DAY_NS <= pair[0] <= YESTERDAY[1] * DAY_NS]
    if found.crosses_ns is None or not near:
        return None
    date = min(near)[1]
    return found.crosses_ns - (date.crosses_ns or 0)


def _settled(before: Sequence[Issued], found: Crossing, step_ns: int) -> bool:
    """Whether the run before told about the same date; what holds now needs no date."""
    if found.state == "over":
        return True
    if found.earliest_ns is None:
        return False
    if not before:
        return False
    last = before[-1]
    new, old = (
        (found.crosses_ns, last.crosses_ns)
        if found.crosses_ns is not None and last.crosses_ns is not None
        else (found.earliest_ns, last.earliest_ns)
    )
    return abs(new - old) <= max(MOVED * (old - last.run_ns), 2 * step_ns)


def _daily(dates: Sequence[Issued]) -> list[Issued]:
    """The first date told on each day: more of them say the same."""
    return list({date.run_ns // DAY_NS: date for date in reversed(dates)}.values())[::-1]


def _thinned(dates: Sequence[Issued], run_ns: int) -> tuple[Issued, ...]:
    kept = {*_daily(dates), *dates[-NEWEST:]}
    return tuple(sorted(date for date in kept if run_ns - date.run_ns <= KEEP_NS))[-MOST:]


def to_document(kept: Kept) -> list[Any]:
    """The JSON form, short: it is written for every member and threshold."""
    return [[list(date) for date in kept.issued], *kept[1:]]


def from_document(data: Any) -> Kept:  # noqa: ANN401 - untrusted JSON
    """Read it back.

    Raises:
        ValueError: it is none.
    """
    try:
        dates, *rest = data
        kept = Kept(tuple(Issued(*map(_whole, date)) for date in dates), *map(_whole, rest))
    except (TypeError, ValueError) as error:
        raise ValueError(f"no dates of a threshold: {error}") from error
    if len(rest) != len(Kept._fields) - 1 or None in (kept.events, kept.scored, kept.inside):
        raise ValueError("no dates of a threshold: a count is missing")
    return kept


def _whole(value: object) -> Any:  # noqa: ANN401 - int or None, which the fields know
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{value!r} is not a whole number")
    return value

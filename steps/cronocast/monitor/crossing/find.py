"""When a member reaches its limits."""

from typing import TYPE_CHECKING

import numpy as np

from cronocast.monitor.crossing.event import DAY_NS, Event, Found
from cronocast.monitor.crossing.grid import Fine, fine
from cronocast.monitor.crossing.outlook import Outlook, outlook
from cronocast.monitor.crossing.reach import first, now, reached
from cronocast.monitor.crossing.state import LIKELY, Facts, Habits, over, state_of, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cronocast.timeseries.grid import Floats, Ints

PATHS = 400
LEAST_POINTS, LEAST_DAYS = 48, 2
ALIKE = 0.2  # of the larger of two slopes: so far apart they are the same
WEEK_DAYS = 7
ROUGH = 0.5  # of the history's length: dates farther than this are rough
RANGE = (0.1, 0.5, 0.9)
CHANCES_NS = (DAY_NS, 7 * DAY_NS, 30 * DAY_NS)


def crossings(
    time_ns: "Ints",
    y: "Floats",
    step_ns: int,
    events: "Sequence[Event]",
    reach_steps: int,
    seed: int,
    widen: float = 1.0,
) -> tuple[Found, ...]:
    """Say of every event when it happens first, in the order of the events.

    Args:
        time_ns: Starts of steps with a value, UTC nanoseconds, ascending; gaps are allowed.
        y: Values, NaN where there is none.
        step_ns: The step.
        events: What is asked.
        reach_steps: How far to look ahead, in steps; dates are given no farther than the history is long.
        seed: The same seed and history give the same answer.
        widen: By how much to widen the paths, from `calibrate.calibration`.
    """
    sides: dict[bool, Outlook | None] = {}
    found = []
    for event in events:
        history = fine(time_ns, y, step_ns, 1.0 if event.above else -1.0)
        early = _before_any_trend(history, event, reach_steps)
        if not early:
            if event.above not in sides:
                sides[event.above] = outlook(history, reach_steps, seed, PATHS, widen)
            ahead = sides[event.above]
            early = _found(history, ahead, event, reach_steps) if ahead else _too_little(history, event)
        found.append(early)
    return tuple(found)


def _before_any_trend(history: Fine, event: Event, reach_steps: int) -> Found | None:
    """Over now, or too little data."""
    known = int(np.isfinite(history.y).sum())
    if not known:
        return Found("too_little", "too little data: no value")
    sign = 1.0 if event.above else -1.0
    at = now(history, event, reached(history, sign * event.limit))
    if at.since_ns is not None:
        return Found(
            "over",
            over(at.since_ns, event.limit, event.above, history.end_ns),
            now=sign * at.level,
            since_ns=at.since_ns,
            reach_ns=reach_steps * history.step_ns,
        )
    if known < LEAST_POINTS or (history.y.size - 1) * history.step_ns < (LEAST_DAYS - 1) * DAY_NS:
        return _too_little(history, event)
    return None


def _too_little(history: Fine, event: Event) -> Found:
    known = history.y[np.isfinite(history.y)]
    said = f"too little data: {known.size} values, {LEAST_POINTS} over {LEAST_DAYS} days are needed"
    return Found("too_little", said, now=float(known[-1]) * (1 if event.above else -1))


def _found(history: Fine, ahead: Outlook, event: Event, reach_steps: int) -> Found:
    """What the paths say."""
    limit = reached(history, event.limit if event.above else -event.limit)
    steps = first(ahead, history, event, limit)
    facts = _facts(history, ahead, event, steps, reach_steps)
    state = state_of(facts)
    level = now(history, event, limit).level
    p_1d, p_7d, p_30d = (
        _chance(steps, ns // history.step_ns) if ns <= reach_steps * history.step_ns else None for ns in CHANCES_NS
    )
    return Found(
        state,
        words(facts, state),
        now=level if event.above else -level,
        slope_day=facts.slope_day,
        earliest_ns=facts.earliest_ns,
        crosses_ns=facts.crosses_ns,
        latest_ns=facts.latest_ns,
        p_1d=p_1d,
        p_7d=p_7d,
        p_30d=p_30d,
        reach_ns=reach_steps * history.step_ns,
        rough=facts.rough,
    )


def _facts(history: Fine, ahead: Outlook, event: Event, steps: "Floats", reach: int) -> Facts:
    """Dates and chances, none farther than the history is long; and what else words need."""
    sign, units, growth = (1.0 if event.above else -1.0), ahead.history, ahead.growth
    length = units.y.size * units.steps
    dated = min(reach, length)
    earliest = _date(history, steps, RANGE[0], reach)
    middle, latest = (_date(history, steps, share, dated) for share in RANGE[1:])
    slope_day, before = float(np.median(growth.slopes)) * units.day, _before_day(ahead)
    usual = before is not None and abs(slope_day - before) <= ALIKE * max(abs(slope_day), abs(before))
    return Facts(
        limit=event.limit,
        above=event.above,
        of=event.of,
        now_ns=history.end_ns,
        reach_ns=dated * history.step_ns,
        chance=_chance(steps, dated),
        beyond=_chance(steps, reach),
        earliest_ns=earliest,
        crosses_ns=middle,
        latest_ns=latest,
        grows=float(np.quantile(growth.slopes, RANGE[0])) > 0,
        slope_day=sign * slope_day,
        young_ns=None if usual else _young(ahead, history.end_ns),
        before_day=None if before is None else sign * before,
        habits=_habits(ahead, sign, history.end_ns),
        rough=middle is not None and middle - history.end_ns > ROUGH * length * history.step_ns,
        history_ns=length * history.step_ns,
    )


def _chance(steps: "Floats", within: int) -> float:
    """Share of the paths that have crossed by then."""
    return float(np.mean(steps <= within))


def _date(history: Fine, steps: "Floats", share: float, within: int) -> int | None:
    """The time by which a share of the paths has crossed; None if that is later than `within` steps ahead."""
    at = float(np.quantile(steps, share, method="inverted_cdf"))
    return history.end_ns + int(at) * history.step_ns if at <= within else None


def _young(ahead: Outlook, end_ns: int) -> int | None:
    """Since when the present slope goes on, if most paths say that it began within a day."""
    age = int(np.median(ahead.growth.ages))
    return end_ns - (age - 1) * ahead.history.unit_ns if age < ahead.history.day else None


def _before_day(ahead: Outlook) -> float | None:
    """Growth a day in the week before the present slope began; None where that is the whole history.

    Not of the stretch before alone: of stairs that may be one step.
    """
    y, day = ahead.history.y, ahead.history.day
    begin = y.size - int(np.median(ahead.growth.ages))
    span = min(begin, WEEK_DAYS * day)
    if ahead.growth.before is None or span < min(day, begin) or span < 1:
        return None
    return float(y[begin] - y[begin - span]) / span * day


def _habits(ahead: Outlook, sign: float, end_ns: int) -> Habits | None:
    """What is said of clean-ups."""
    found, cleaned, unit_ns = ahead.habit, ahead.cleaned, ahead.history.unit_ns
    if not (found and cleaned):
        return None
    overdue = end_ns - round((found.age - found.every) * unit_ns) if cleaned.overdue > LIKELY else None
    return Habits(round(found.every * unit_ns), sign * float(found.peaks.mean()), sign * cleaned.peaks_day, overdue)

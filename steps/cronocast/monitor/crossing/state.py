"""The state of a crossing, and its plain words. Times in words are UTC."""

from datetime import UTC, datetime
from typing import NamedTuple

from cronocast.monitor.crossing.event import DAY_NS, VALUE

SURE, LIKELY, POSSIBLE = 0.9, 0.5, 0.1  # of the paths
HOUR_NS = 3600 * 10**9
NEAR_NS = 3 * DAY_NS  # dates nearer than this have an hour


class Habits(NamedTuple):
    """What is said of clean-ups."""

    every_ns: int  # from one to the next
    peaks: float  # mean of the values before them
    peaks_day: float  # how they move per day
    overdue_ns: int | None  # since when one should have come, if most paths say that none will


class Facts(NamedTuple):
    """What words are made from."""

    limit: float
    above: bool
    of: str
    now_ns: int
    reach_ns: int  # how far dates are given
    chance: float  # to cross within it
    beyond: float  # to cross within all that was looked at
    earliest_ns: int | None
    crosses_ns: int | None
    latest_ns: int | None
    grows: bool  # whether the slope's 80 % interval is above 0
    slope_day: float  # towards the limit if positive, as `before`
    young_ns: int | None  # since when, if the present slope began within a day
    before_day: float | None  # the slope before it
    habits: Habits | None  # of clean-ups
    rough: bool
    history_ns: int


def state_of(facts: Facts) -> str:
    """The state by the chances within the reach; the words are in `words`."""
    if facts.chance >= SURE:
        return "date"
    if facts.chance >= LIKELY:
        return "open"
    if facts.beyond >= LIKELY:
        return "unsure"
    if facts.chance >= POSSIBLE:
        return "chance"
    if facts.habits:
        return "cleaned"
    return "quiet" if facts.grows else "not_growing"


def words(facts: Facts, state: str) -> str:
    """One plain sentence."""
    said = _SAID[state](facts)
    return "; ".join([said, *(part for part in (_cleaned(facts, state), _young(facts, state)) if part)])


def over(since_ns: int, limit: float, above: bool, now_ns: int) -> str:
    """Words of an event that holds now."""
    return f"{'over' if above else 'under'} {limit:g} now, since {when(since_ns, now_ns)}"


def when(time_ns: int, now_ns: int) -> str:
    """A day, with its hour if it is near, with its year if it is far."""
    time = datetime.fromtimestamp(time_ns // 10**9, UTC)
    day = f"{time.day} {time:%b}"
    if abs(time_ns - now_ns) < NEAR_NS:
        return f"{day} {time:%H:%M}"
    return day if abs(time_ns - now_ns) < 300 * DAY_NS else f"{day} {time.year}"


def span(ns: int) -> str:
    """A length in hours, days or weeks, in words."""
    for unit, name, least in ((7 * DAY_NS, "week", 4), (DAY_NS, "day", 2), (HOUR_NS, "hour", 0)):
        if ns >= least * unit and (count := round(ns / unit)):
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{round(ns / (60 * 10**9))} minutes"


def _verb(facts: Facts) -> str:
    what = "" if facts.of == VALUE else f"{facts.of.replace('_', ' ')} "
    return f"{what}{'reaches' if facts.above else 'falls to'} {facts.limit:g}"


def _at(facts: Facts, time_ns: int | None) -> str:
    return "" if time_ns is None else when(time_ns, facts.now_ns)


def _rough(facts: Facts) -> str:
    return f", rough: far for {span(facts.history_ns)} of history" if facts.rough else ""


def _date(facts: Facts) -> str:
    between = f"between {_at(facts, facts.earliest_ns)} and {_at(facts, facts.latest_ns)}"
    return f"{_verb(facts)} on {_at(facts, facts.crosses_ns)}, {between}{_rough(facts)}"


def _open(facts: Facts) -> str:
    longer = max(1, round(100 * (1 - facts.chance)))
    return (
        f"{_verb(facts)} about {_at(facts, facts.crosses_ns)}, not before {_at(facts, facts.earliest_ns)}; "
        f"{longer} % chance that it takes longer than {span(facts.reach_ns)}{_rough(facts)}"
    )


def _chance(facts: Facts) -> str:
    subject = "it" if facts.of == VALUE else "the"
    return (
        f"{round(100 * facts.chance)} % chance that {subject} {_verb(facts)} within {span(facts.reach_ns)}, "
        f"not before {_at(facts, facts.earliest_ns)}"
    )


def _unsure(facts: Facts) -> str:
    return (
        f"{_verb(facts)} not before {_at(facts, facts.earliest_ns)}; when is beyond what "
        f"{span(facts.history_ns)} of history can tell"
    )


def _quiet(facts: Facts) -> str:
    what = "" if facts.of == VALUE else f"{facts.of.replace('_', ' ')} "
    return f"{what}does not {'reach' if facts.above else 'fall to'} {facts.limit:g} within {span(facts.reach_ns)}"


def _not_growing(facts: Facts) -> str:
    return f"not {'growing' if facts.above else 'falling'}, {_quiet(facts)}"


def _stays(facts: Facts) -> str:
    return f"stays {'below' if facts.above else 'above'} {facts.limit:g} within {span(facts.reach_ns)}"


def _cleaned(facts: Facts, state: str) -> str:
    found = facts.habits
    if not found:
        return ""
    if found.overdue_ns is not None:
        return f"what comes every {span(found.every_ns)} has not come since {_at(facts, found.overdue_ns)}"
    done, end = ("cleaned", "peaks") if facts.above else ("refilled", "lows")
    moves = f", {end} move by {found.peaks_day * 7:+.3g} a week" if found.peaks_day and state != "cleaned" else ""
    return f"{done} about every {span(found.every_ns)}, {end} about {found.peaks:.3g}{moves}"


def _young(facts: Facts, state: str) -> str:
    if facts.young_ns is None or state in ("quiet", "not_growing", "cleaned"):
        return ""
    before = "" if facts.before_day is None else f", before: {facts.before_day:+.3g}"
    what = "growth" if facts.above else "fall"
    return f"if the {what} since {_at(facts, facts.young_ns)} goes on ({facts.slope_day:+.3g} a day{before})"


_SAID = {
    "date": _date,
    "open": _open,
    "chance": _chance,
    "unsure": _unsure,
    "quiet": _quiet,
    "not_growing": _not_growing,
    "cleaned": _stays,
}

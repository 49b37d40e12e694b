"""Steps of a time zone with an offset, such as the gas day: `GROUP BY time(1d, 6h) tz('Europe/Berlin')`.

The server takes the difference to UTC not at the beginning of a step but an offset before it. Where clocks change
between the two, 1.13 and 2.x lose up to a week of points, and older ones put hours into the wrong step, without a word.
Offsets that differ by a step mean the same, so one is chosen with which no change lies between the two.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronocast.durations import UNIT_NS, Duration
from cronocast.errors import ConfigError
from cronocast.sources.influxql.rules import masked
from cronocast.sources.reading import Window

SECOND, DAY = UNIT_NS["s"], UNIT_NS["d"] // UNIT_NS["s"]
UNITS = {**UNIT_NS, "ms": 10**6, "u": 10**3, "µ": 10**3, "ns": 1}
_DURATION = r"(?:[0-9]+(?:ns|ms|[uµsmhdw]))+"
_STEPS = re.compile(rf"\btime\s*\(\s*({_DURATION})\s*,\s*(-?{_DURATION})\s*\)", re.IGNORECASE)
_ZONE = re.compile(r"\btz\s*\(\s*(q+)\s*\)", re.IGNORECASE)


class Change(NamedTuple):
    """Clocks change: when (seconds since 1970), and their difference to UTC before and after."""

    at: int
    before: int
    after: int


def settled(query: str, window: Window) -> str:
    """The query with offsets that servers keep to in this window; the same where that is so already.

    Raises:
        ConfigError: there is none, since steps begin in the very hour that is left out or comes twice.
    """
    bare = masked(query)
    changes = changes_in(query, window)
    for found in reversed(list(_STEPS.finditer(bare)) if changes else []):
        step, offset = _ns(found[1]) // SECOND, _ns(found[2]) // SECOND
        if step and not _is_kept(step, offset, changes):
            query = f"{query[: found.start(2)]}{_offset(step, offset, changes)}{query[found.end(2) :]}"
    return query


def changes_in(query: str, window: Window) -> list[Change]:
    """Changes of the clocks of a query's zone, from a step before the window to one after it."""
    if not (found := _ZONE.search(masked(query))):
        return []
    try:
        zone = ZoneInfo(query[found.start(1) + 1 : found.end(1) - 1])
    except (ValueError, OSError, LookupError):  # the server names it
        return []
    around = max([_ns(steps[1]) for steps in _STEPS.finditer(query)], default=0) // SECOND + DAY
    days = range(window.start_ns // SECOND - around, window.end_ns // SECOND + around, DAY)
    return [_change(zone, day, day + DAY) for day in days if _ahead(zone, day) != _ahead(zone, day + DAY)]


def _change(zone: ZoneInfo, early: int, late: int) -> Change:
    """The change between two times."""
    before, after = _ahead(zone, early), _ahead(zone, late)
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (middle, late) if _ahead(zone, middle) == before else (early, middle)
    return Change(late, before, after)


def _ahead(zone: ZoneInfo, at: int) -> int:
    """Seconds by which local time is ahead of UTC."""
    ahead = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _offset(step: int, offset: int, changes: list[Change]) -> str:
    """Another offset that means the same and is kept to."""
    for same in (offset % step, offset % step - step):
        if _is_kept(step, same, changes):
            return f"{'-' if same < 0 else ''}{Duration.of(abs(same) * SECOND)}" if same else "0s"
    sentence = "steps of the query begin in an hour that clocks leave out or repeat, where no server counts right"
    raise ConfigError.one("E_CONFIG_CROSS", "source.query", f"{sentence}; choose an offset outside of that hour")


def _is_kept(step: int, offset: int, changes: list[Change]) -> bool:
    """Whether clocks change nowhere between the beginning of a step and the time whose difference the server takes.

    Times here are local. An hour that is left out or repeated counts as before the change, as it does to servers; no
    step may begin in the midst of it.
    """
    for change in changes:
        low, high = sorted((change.at + change.before, change.at + change.after))
        # Steps begin after the change and that time is before it, or the other way round.
        last = change.at + change.before
        reach = (high, high + offset) if offset > 0 else (last + high - low + offset, last)
        if offset and (_begins(step, offset, *reach) or _begins(step, offset, low + 1, high)):
            return False
    return True


def _begins(step: int, offset: int, first: int, end: int) -> bool:
    """Whether a step begins at `first` or later, but before `end`."""
    return first + (offset - first) % step < end


def _ns(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    return sign * sum(int(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)([a-zµ]+)", text.lower()))

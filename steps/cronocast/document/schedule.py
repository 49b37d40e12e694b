"""When the runs of a series are due."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from cronocast.document.entry import Entry


def occurrences(entry: Entry, start_ns: int, end_ns: int) -> Iterator[int]:
    """Scheduled times from `start_ns` up to, not including, `end_ns`; ns UTC, ascending.

    As on a cluster: a minute H is made from the name, times are those of the entry's zone.
    """
    return due_times(entry.name, entry.schedules, entry.timezone, start_ns, end_ns)


def due_times(name: str, schedules: Iterable[str], timezone: str, start_ns: int, end_ns: int) -> Iterator[int]:
    """As `occurrences`, of a series of which no more is known than its name and its schedules."""
    from cronsim import CronSim  # of no use to a step that starts

    before = datetime.fromtimestamp(start_ns // 10**9 - 1, ZoneInfo(timezone))
    due = [CronSim(with_minute(name, text), before) for text in schedules]
    heads = [_ns(next(times)) for times in due]
    while heads and (first := min(heads)) < end_ns:
        if first >= start_ns:
            yield first
        heads = [_ns(next(times)) if head == first else head for head, times in zip(heads, due, strict=True)]


def next_run_ns(entry: Entry, after_ns: int) -> int:
    """The first scheduled time after a time, ns UTC."""
    return next(occurrences(entry, after_ns + 1, 2**63 - 1))


def with_minute(name: str, schedule: str) -> str:
    """A schedule with H in its minute replaced by the minute that the chart makes from the name of the series."""
    minutes, rest = schedule.split(" ", 1)
    return f"{','.join(_minute(name, part) for part in minutes.split(','))} {rest}"


def _minute(name: str, part: str) -> str:
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    if part == "H":
        return str(number % 60)
    if part.startswith("H/"):
        every = int(part.removeprefix("H/"))
        return f"{number % every}-59/{every}"
    return part


def _ns(time: datetime) -> int:
    return int(time.timestamp()) * 10**9

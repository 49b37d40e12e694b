"""Rows a month apart, a quarter or a year: their distances in days differ, so that months are counted instead."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from cronocast.durations import UNIT_NS

DAY_NS = UNIT_NS["d"]
MONTH_NS = 30 * DAY_NS  # what a month counts as in steps, horizons and periods
LEAST_ROWS = 3  # of a member, that show that rows follow months
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Months:
    """The day of the month and the time of day at which all rows stand."""

    day: int  # 31: the last one
    rest_ns: int
    count: int  # months in a step

    def own(self, time_ns: int) -> int:
        """Months of 30 days since 1970 that stand for a time, in ns."""
        return _index(time_ns) * MONTH_NS

    def time(self, own_ns: int) -> int:
        """The time that stands so many months of 30 days after the beginning of 1970, in ns."""
        year, month = divmod(own_ns // MONTH_NS, 12)
        year, month = 1970 + year, 1 + month
        day = min(self.day, monthrange(year, month)[1])
        return (date(year, month, day).toordinal() - _EPOCH) * DAY_NS + self.rest_ns


def months_of(members: Iterable[Sequence[int]]) -> Months | None:
    """How rows follow months; None where they do not.

    Args:
        members: What the clock showed at the rows of each member, in ns, ascending.
    """
    known = list(members)
    times = [time for of_member in known for time in of_member]
    gaps = sorted(_index(b) - _index(a) for of_member in known for a, b in pairwise(of_member))
    if max(map(len, known), default=0) < LEAST_ROWS or gaps[0] < 1 or len({time % DAY_NS for time in times}) > 1:
        return None
    days = [_date(time) for time in times]
    if all(day.day == monthrange(day.year, day.month)[1] for day in days):
        day = 31
    elif len({day.day for day in days}) == 1:
        day = days[0].day
    else:
        return None
    return Months(day, times[0] % DAY_NS, gaps[len(gaps) // 2])


def _date(time_ns: int) -> date:
    return date.fromordinal(time_ns // DAY_NS + _EPOCH)


def _index(time_ns: int) -> int:
    """Months from the beginning of 1970 to that of the time's month."""
    day = _date(time_ns)
    return (day.year - 1970) * 12 + day.month - 1

"""The wall clock of a time zone: days of 24 hours for models, and the way back to the even grid of UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.timeseries.grid import Floats, Ints

NS = UNIT_NS["s"]


@dataclass(frozen=True)
class Clock:
    """Times as a wall clock shows them, less its offset at a base time.

    They are those of UTC from the base until the next change.
    """

    changes: Ints  # times in ns UTC at which the offset changes, ascending, shape (k,)
    shifts: (
        Ints  # ns that are added before the first change, after it, and so on, shape (k + 1,), multiples of the step
    )

    def local(self, time_ns: Ints) -> Ints:
        """Wall-clock times of times in UTC; the hour that occurs twice is given twice."""
        return np.asarray(time_ns + self.shifts[np.searchsorted(self.changes, time_ns, side="right")], dtype=np.int64)

    def utc(self, time_ns: int) -> int:
        """Time in UTC of a wall-clock time.

        One that comes twice means the later; one that is skipped is read as if the clock had not changed yet.
        """
        begins = self.changes + self.shifts[1:]
        return int(time_ns - self.shifts[np.searchsorted(begins, time_ns, side="right")])

    def history(self, time_ns: Ints, y: Floats) -> tuple[Ints, Floats]:
        """Observations by the wall clock, ascending.

        Two of the same time become their mean, and what is skipped is missing.

        Args:
            time_ns: Times in UTC, shape (t,).
            y: Values, shape (t,); those that are not finite are left out.
        """
        known = np.isfinite(y)
        times, place, counts = np.unique(self.local(time_ns[known]), return_inverse=True, return_counts=True)
        return times, np.bincount(place, y[known] / counts[place], times.size).astype(np.float64)

    def ahead(self, end_ns: int, step_ns: int, h: int) -> Ints:
        """Which wall-clock step from `end_ns`, the base, on each of h steps in UTC is: shape (h,).

        A repeated hour has the same ones again.
        """
        return np.maximum(0, (self.local(end_ns + step_ns * np.arange(h, dtype=np.int64)) - end_ns) // step_ns)


def clock_of(zone: str, first_ns: int, last_ns: int, base_ns: int, step_ns: int) -> tuple[Clock | None, str]:
    """The wall clock of a zone between two times, and a sentence on it.

    Args:
        zone: Its IANA name.
        first_ns: Where the history begins.
        last_ns: Where the horizon ends.
        base_ns: Where wall clock and UTC are taken to agree.
        step_ns: Step of the grid.

    Returns:
        No clock and "" where it does not change in between; no clock and the reason where steps can't follow it.
    """
    changes = _changes(zone, first_ns // UNIT_NS["d"], -(-last_ns // UNIT_NS["d"]))
    inside = [change for change in changes if first_ns < change <= last_ns]
    if not inside:
        return None, ""
    offsets = np.array([offset_ns(zone, time) for time in (inside[0] - NS, *inside)], dtype=np.int64)
    shifts = offsets - offset_ns(zone, base_ns)
    if (shifts % step_ns).any() or step_ns >= UNIT_NS["d"]:  # days have their dates, also where a zone left one out
        steps = f"steps of {step_ns / UNIT_NS['h']:g} h"
        return None, f"calendar: {steps} can't follow the clock of {zone}; they are forecast without it"
    times = "once" if len(inside) == 1 else f"{len(inside)} times"
    note = f"calendar: the clock of {zone} changes {times} in history or horizon; models see days of 24 hours"
    return Clock(np.array(inside, dtype=np.int64), shifts), note


def offset_ns(zone: str, time_ns: int) -> int:
    """What the wall clock of a zone shows beyond UTC at a time, in ns."""
    return _offset(ZoneInfo(zone), time_ns // NS)


def _offset(zone: tzinfo, time_s: int) -> int:
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) * NS if offset else 0


@lru_cache(maxsize=64)  # the members of a series mostly span the same days
def _changes(name: str, first_day: int, last_day: int) -> tuple[int, ...]:
    """Times in ns at which the offset of a zone changes, to the second.

    Two changes on one day that cancel out are left out.
    """
    zone, day_s = ZoneInfo(name), UNIT_NS["d"] // NS
    found = []
    before = _offset(zone, first_day * day_s)
    for low in range(first_day * day_s, last_day * day_s, day_s):
        after = _offset(zone, low + day_s)
        if after != before:
            a, b = low, low + day_s
            while b - a > 1:
                middle = (a + b) // 2
                a, b = (middle, b) if _offset(zone, middle) == before else (a, middle)
            found.append(b * NS)
        before = after
    return tuple(found)

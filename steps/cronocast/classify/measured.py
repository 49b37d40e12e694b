"""What the tests find in one member: seasons, then changes of what they leave, then slopes between these."""

from dataclasses import dataclass, replace

import numpy as np

from cronocast.classify.changes import Changes, change_points, unexplained
from cronocast.classify.features import Scaled, differ, is_constant, scaled
from cronocast.classify.fresh import LEVEL, NEWEST, SLOPE, Fresh, departure, fresh_change
from cronocast.classify.seasons import Found, calendar, find, periods_asked_for, without
from cronocast.classify.trend import Slope, slope
from cronocast.durations import UNIT_NS
from cronocast.timeseries.grid import Floats
from cronocast.timeseries.hours import Hours

CLEAR = 3.0  # standard errors that noise without memory reaches 3 times in 1000
CLEAR_MEMORY = (
    1.0  # more of them are asked as memory goes up to 1 (a random walk), since its own error then weighs more
)
SHARE = 0.01  # of the variance: a slope that rises by a third of the noise in all the time seen helps nobody
AGREES = 4.0  # standard errors within which the last slope is the common one
STUCK = 8  # part of all steps from which a single value at their end is what the series has become
LONG, PART = 24, 16  # steps since the last change, and part of all steps, from which they are judged by themselves
AS_WELL = 1.25  # times the mean square that another explanation leaves
LEFT = 0.3  # share of the variance that changes leave if they are most of what happens
COPIED, OFF = 0.6, 2  # share of the changes that come again in other cycles, and steps by which they may be off
SMALL = 0.03  # part of the spread around a straight line below which nothing is a change
NEWEST_VALUES = 3  # that are asked whether the series has ever been there
AWAY = 0.25  # width of the bulk by which they must lie beyond
NEAR = 3  # steps within which two changes are one, and a PART of the time since them
MOST = 20  # newest changes that are kept


@dataclass(frozen=True)
class Measured:
    """What the tests said about a member that is long enough and not constant."""

    series: Scaled
    found: Found
    changes: list[int]  # indices in series.y
    whole: Slope  # common slope of all segments
    last: Slope  # slope since the last change; the common one if that is too short a time
    rises: bool
    flat: bool  # constant since the last change
    kind: str = ""  # of the last change

    @property
    def now(self) -> Slope:
        """The slope that counts.

        Since the last change where it was judged by itself and is as clear or what changed, else that of all segments.
        """
        alone = self.last != self.whole and (self.kind == SLOPE or abs(self.last.z) >= abs(self.whole.z))
        return self.last if alone else self.whole


def measure(y: Floats, step_ns: int, periods: tuple[int, ...] | None) -> Measured:
    """Seasons first, then changes of what is left, then the slope between them.

    Y is a grid of shape (t,), NaN at gaps.
    """
    series = scaled(y)
    sudden = _sudden(series)
    steady = _without_change(series, sudden)
    if periods:
        whole = [p // series.thinned for p in periods]
        found = periods_asked_for(
            steady, sorted({p for p in whole if p >= 2 and 2 * p <= series.y.size and p <= series.observed.sum()})
        )
    else:
        found = find(steady, calendar(step_ns * series.thinned, series.y.size))
    return _tested(y, series, found, sudden, periods_set=bool(periods))


def measure_open(y: Floats, hours: Hours, periods: tuple[int, ...] | None) -> Measured:
    """The same on the open hours alone; periods and slopes come back in steps of the clock."""
    series = scaled(y)
    sudden = _sudden(series)
    steady = _without_change(series, sudden)
    clock = y.size * hours.open.size // int(hours.open.sum())
    # Only days and weeks are asked for: others would be of another length from day to day, and the seam between two
    # days makes a pattern of every hour.
    asked = periods or tuple(p for p in calendar(hours.step_ns, clock) if p * hours.step_ns >= UNIT_NS["d"])
    named = {p: steps for steps in asked if (p := hours.period(steps)) and 2 * p <= y.size and series.thinned == 1}
    found = periods_asked_for(steady, sorted(named)) if periods else find(steady, sorted(named), others=False)
    measured = _tested(y, series, found, sudden, periods_set=bool(periods))
    found.seasons = [
        replace(s, period=min(steps for p, steps in named.items() if p % s.period == 0)) for s in found.seasons
    ]
    found.tried = {named[p]: replace(s, period=named[p]) for p, s in found.tried.items() if p in named}
    share = float(hours.open.mean())
    whole, last = (
        replace(s, per_step=share * s.per_step, error=share * s.error) for s in (measured.whole, measured.last)
    )
    return replace(measured, whole=whole, last=last)


def _tested(y: Floats, series: Scaled, found: Found, sudden: Fresh | None, *, periods_set: bool) -> Measured:
    """Changes and slopes of what the seasons leave."""
    fresh = _fresh(series, found, sudden)
    steady = _without_change(series, fresh)
    changed = change_points(found.rest, series.observed, series.grain) if periods_set else _changes(steady, found)
    changes, kind = _with_fresh(changed, fresh, series.y.size)
    if fresh:
        found.rest = found.rest + departure(series.y.size, fresh)
    known = series.observed & changed.usual
    stuck = 0 if found.seasons else _stuck(y) // series.thinned
    if stuck:
        begin = series.y.size - stuck
        changes, kind = [*(at for at in changes if at < begin - OFF), begin], LEVEL
    changes = changes[-MOST:]
    start = changes[-1] if changes else 0
    common = slope(found.rest, known, [0, *changes], series.grain)
    newest = y[max(0, y.size - (series.y.size - start) * series.thinned) :]
    flat = stuck > 0 or (start > 0 and newest.size >= LONG and is_constant(newest[np.isfinite(newest)]))
    if fresh and fresh.kind == SLOPE and fresh.at == start:
        last = Slope(z=fresh.slope / fresh.error, strength=1.0, per_step=fresh.slope, error=fresh.error)
    else:
        enough = max([LONG, series.y.size // PART, *(season.period for season in found.seasons)])
        judged = series.y.size - start >= enough and start > 0
        last = slope(found.rest[start:], known[start:], [0], series.grain) if judged else common
    return Measured(series, found, changes, common, last, _rises(common, last), flat, kind)


def _sudden(series: Scaled) -> Fresh | None:
    """A fresh change to where the series never was: it would hide the seasons."""
    newest, older = series.y[-NEWEST_VALUES:], series.y[: series.y.size - series.y.size // NEWEST - NEWEST_VALUES]
    if not older.size or (newest.min() <= older.max() + AWAY and newest.max() >= older.min() - AWAY):
        return None
    return fresh_change(series.y, series.observed, series.grain, _small(series.y))


def _fresh(series: Scaled, found: Found, sudden: Fresh | None) -> Fresh | None:
    """A fresh change of what the seasons leave; `found.rest` is from here on what they leave without it."""
    small = _small(series.y)
    change = sudden or fresh_change(found.rest, series.observed, series.grain, small)
    if change is None:
        return None
    if found.seasons:  # which held a trace of the change, as its place held one of theirs
        rest = without(_without_change(series, change), found.seasons) + departure(series.y.size, change)
        change = fresh_change(rest, series.observed, series.grain, small) or change
    found.rest = without(_without_change(series, change), found.seasons)
    return change


def _small(y: Floats) -> float:
    """A small part of the spread of a series around a straight line."""
    time = np.linspace(-0.5, 0.5, y.size)
    away = y - y.mean()
    slope = float((time * away).sum()) / float((time**2).sum())
    return SMALL * float(np.mean(np.abs(away - slope * time)))


def _without_change(series: Scaled, change: Fresh | None) -> Scaled:
    """The series as it would be without its newest change."""
    return series if change is None else replace(series, y=series.y - departure(series.y.size, change))


def _with_fresh(changed: Changes, fresh: Fresh | None, size: int) -> tuple[list[int], str]:
    """Starts of all changes, ascending, and the kind of the last one."""
    starts, corners = changed.starts, changed.corners
    if fresh:
        near = max(NEAR, (size - fresh.at) // PART)
        starts = [*(at for at in starts if at < fresh.at - near), fresh.at]
        corners = [*corners, fresh.at] if fresh.kind == SLOPE else corners
    return starts, _kind_of(starts, corners)


def _kind_of(starts: list[int], corners: list[int]) -> str:
    """What the last change was, "" where there is none."""
    if not starts:
        return ""
    return SLOPE if starts[-1] in corners else LEVEL


def _stuck(y: Floats) -> int:
    """Steps at the end that all have one value: a good part of all, and no value before them lasted half as long.

    Else 0.
    """
    known = np.flatnonzero(np.isfinite(y))
    half = y[known] / 2  # the difference of +-1e308 overflows
    moved = np.flatnonzero(differ(half[:-1], half[1:])) + 1  # where another value begins
    if not moved.size:
        return 0
    lasted, before = half.size - int(moved[-1]), int(np.diff(moved, prepend=0).max())
    return y.size - int(known[moved[-1]]) if lasted >= max(LONG, y.size // STUCK) and lasted > 2 * before else 0


def _changes(series: Scaled, found: Found) -> Changes:
    """Changes of what seasons leave.

    Seasons are given up if there are far fewer changes without them that say as much: a few drops copied into every
    cycle.
    """
    changed = change_points(found.rest, series.observed, series.grain)
    if found.seasons and changed.starts:
        alone = change_points(series.y, series.observed, series.grain)
        left, before = unexplained(series.y, alone.starts), unexplained(found.rest, changed.starts)
        far_fewer = len(changed.starts) > 2 * len(alone.starts) + 1
        copied = (
            left <= LEFT * float(series.y.var())
            and _copies(changed.starts, [s.period for s in found.seasons]) >= COPIED
        )
        if far_fewer and (left <= AS_WELL * before or copied):
            found.seasons, found.rest = [], series.y
            return alone
    return changed


def _copies(starts: list[int], periods: list[int]) -> float:
    """Share of the changes that come again whole periods away."""
    apart = np.abs(np.subtract.outer(starts, starts))[:, :, None]
    again = (apart > OFF) & (np.abs((apart + np.array(periods) // 2) % periods - np.array(periods) // 2) <= OFF)
    return float(again.any(axis=(1, 2)).mean())


def _rises(common: Slope, last: Slope) -> bool:
    """A slope counts if it holds since the last change, or in all segments without the last one speaking against it."""
    if _clear(last):
        return True
    return _clear(common) and abs(last.per_step - common.per_step) <= AGREES * float(np.hypot(last.error, common.error))


def _clear(tested: Slope) -> bool:
    return abs(tested.z) > CLEAR + CLEAR_MEMORY * tested.memory and tested.strength > SHARE

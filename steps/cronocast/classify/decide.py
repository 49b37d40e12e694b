"""From measured features to one of the six classes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cronocast.classify import explain
from cronocast.classify.changes import Changes, change_points, unexplained
from cronocast.classify.features import MAX_POINTS, MOSTLY, Scaled, differ, is_constant, scaled, share_of_commonest
from cronocast.classify.measured import Measured
from cronocast.classify.seasons import Found, calendar, find, given
from cronocast.classify.trend import Slope, slope
from cronocast.durations import MAX_NS, UNIT_NS
from cronocast.errors import Terminated
from cronocast.handoff.profile import Gaps, Profile
from cronocast.timeseries.grid import Bools, Floats, Ints, Snapped, infer_step, snap
from cronocast.timeseries.hours import Hours, find_hours

CLEAR = 3.0  # standard errors that noise without memory reaches 3 times in 1000
CLEAR_MEMORY = (
    1.0  # more of them are asked as memory goes up to 1 (a random walk), since its own error then weighs more
)
SHARE = 0.01  # of the variance: a slope that rises by a third of the noise in all the time seen helps nobody
AGREES = 4.0  # standard errors within which the last slope is the common one
STUCK = 8  # part of all steps from which a single value at their end is what the series has become
LONG, PART = 24, 16  # steps since the last change, and part of all steps, from which they are judged by themselves
FEWEST = 3  # points without which no class can be forced: a line needs two, its error a third
AS_WELL = 1.25  # times the mean square that another explanation leaves
LEFT = 0.3  # share of the variance that changes leave if they are most of what happens
COPIED, OFF = 0.6, 2  # share of the changes that come again in other cycles, and steps by which they may be off
MOST = 20  # newest changes that are kept
FAR = 0.9  # of the time from the first row to the last
RESET = 0.1  # a counter falls to this share of what it was, or lower


def classify_member(
    name: str,
    tags: str,
    time_ns: Sequence[int] | Ints,
    y: Sequence[float] | Floats,
    step_ns: int | None,
    min_points: int,
    period_override: tuple[int, ...] | None,
    class_override: str | None,
) -> Profile:
    """Decide what kind of series a member is.

    Args:
        name: Name of the member.
        tags: Its tags as text.
        time_ns: Times in ns, any order.
        y: Values, same length; those that are not finite are gaps.
        step_ns: Step of the grid; None finds it from the times.
        min_points: Fewer steps with a value make the class too_short.
        period_override: Seasonal periods in steps to use instead of those found.
        class_override: Class to use instead of the one found.

    Returns:
        Class, periods, change points, gaps and the numbers behind them. The class `trend` includes rises broken by
        sudden drops (a disk that is cleaned up): what counts for the future is the slope since the last one.
    """
    times, values = np.asarray(time_ns, dtype=np.int64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    step, changed = (step_ns, False) if step_ns is not None else infer_step(times[np.isfinite(values)])
    grid = snap(times, values, step)
    base = _base(name, tags, step, grid, changed)
    try:
        profile = _classified(base, grid, min_points, period_override, forced=class_override is not None)
    except Terminated:
        raise
    # a bug that one member finds must not stop the others; irregular is the class that promises least
    except Exception as error:  # noqa: BLE001
        profile = replace(base, why=explain.failed(error), notes=(*base.notes, "classify_failed"))
    if class_override is None or profile.points < FEWEST:
        return profile
    why = f"Set to {class_override} in the settings; found was {profile.series_class}: {profile.why}"
    return replace(profile, series_class=class_override, why=why, notes=(*profile.notes, "class_set"))


def _base(name: str, tags: str, step_ns: int, grid: Snapped, changed: bool) -> Profile:
    """What is known before any test."""
    seen = grid.y[grid.observed]
    codes = {
        "duplicated_times": grid.duplicated > 0,
        "off_grid_times": grid.off_grid > 0,
        "old_rows_left_out": grid.left_out > 0,
        "step_changed": changed,
        "counter_like": _counts_up(seen),
    }
    first_ns, last_ns = (
        min(max(0, ns), MAX_NS) for ns in (grid.start_ns, grid.start_ns + max(0, grid.y.size - 1) * step_ns)
    )
    notes = tuple(code for code, holds in codes.items() if holds)
    return Profile(
        name, tags, "irregular", "", step_ns, int(seen.size), first_ns, last_ns, gaps=_gaps(grid.observed), notes=notes
    )


def _gaps(observed: Bools) -> Gaps:
    """Count missing steps; the first and the last step have a value."""
    missing = int(np.count_nonzero(~observed))
    if not missing:
        return Gaps()
    return Gaps(missing, int(np.diff(np.flatnonzero(observed)).max()) - 1, missing / observed.size)


def _counts_up(values: Floats) -> bool:
    """Tell whether values never fall but for resets to almost nothing.

    A counter, whose differences are what one wants to forecast.
    """
    if values.size < LONG or values.min() < 0:
        return False
    falls = np.flatnonzero(values[1:] < values[:-1])
    rises = np.count_nonzero(values[1:] > values[:-1])
    return bool(
        rises > 2 * falls.size
        and rises >= LONG // 2
        and 50 * falls.size <= values.size
        and np.all(values[falls + 1] <= RESET * values[falls])
    )


def _classified(
    base: Profile, grid: Snapped, min_points: int, periods: tuple[int, ...] | None, *, forced: bool
) -> Profile:
    if base.points < (FEWEST if forced else min_points):
        return replace(base, series_class="too_short", why=explain.too_short(base.points, min_points))
    seen = grid.y[grid.observed]
    part = _main_part(grid.observed)
    hours = find_hours(grid.y, grid.start_ns, base.step_ns) if grid.y.size <= MAX_POINTS else None
    index = part if hours is None else np.flatnonzero(hours.mask(grid.start_ns, grid.y.size))
    y = grid.y[index]
    if is_constant(y[np.isfinite(y)]):
        return replace(
            base,
            series_class="constant",
            why=explain.constant(y[np.isfinite(y)]),
            evidence={"equal_share": share_of_commonest(seen)},
        )
    measured = _measured(y, base.step_ns, periods) if hours is None else _measured_open(y, hours, periods)
    kind = _kind(measured, share_of_commonest(seen))
    thinned = measured.series.thinned
    offset = index.size % thinned
    codes = {
        "rare_deviations": kind == "constant" and not measured.changes,
        "thinned": thinned > 1,
        "silent_hours": hours is not None,
        "far_rows_left_out": index is part and part.size < grid.y.size,
        "periods_set": bool(periods),
        "period_too_long": len(measured.found.seasons) < len(periods or ()),
    }
    return replace(
        base,
        series_class=kind,
        why=explain.why(kind, measured, base.step_ns, seen),
        periods=tuple(s.period * thinned for s in measured.found.seasons),
        change_points_ns=tuple(
            grid.start_ns + int(index[offset + at * thinned]) * base.step_ns for at in measured.changes
        ),
        evidence=explain.evidence(measured, share_of_commonest(seen)),
        notes=base.notes + tuple(code for code, holds in codes.items() if holds),
    )


def _main_part(observed: Bools) -> Ints:
    """Indices of the grid without rows that lie far from all others.

    No gap that is longer than FAR of the rest has most rows beyond it.
    """
    low, high = 0, observed.size
    while True:
        known = low + np.flatnonzero(observed[low:high])
        apart = np.diff(known)
        widest = int(np.argmax(apart)) if apart.size else 0
        if not apart.size or apart[widest] <= FAR * (high - low):
            return np.arange(low, high)
        low, high = (low, int(known[widest]) + 1) if 2 * (widest + 1) > known.size else (int(known[widest + 1]), high)


def _measured(y: Floats, step_ns: int, periods: tuple[int, ...] | None) -> Measured:
    """Seasons first, then changes of what is left, then the slope between them.

    Y is a grid of shape (t,), NaN at gaps.
    """
    series = scaled(y)
    if periods:
        whole = [p // series.thinned for p in periods]
        found = given(
            series, sorted({p for p in whole if p >= 2 and 2 * p <= series.y.size and p <= series.observed.sum()})
        )
    else:
        found = find(series, calendar(step_ns * series.thinned, series.y.size))
    return _tested(y, series, found, periods_set=bool(periods))


def _measured_open(y: Floats, hours: Hours, periods: tuple[int, ...] | None) -> Measured:
    """The same on the open hours alone; periods and slopes come back in steps of the clock."""
    series = scaled(y)
    clock = y.size * hours.open.size // int(hours.open.sum())
    # Only days and weeks are asked for: others would be of another length from day to day, and the seam between two
    # days makes a pattern of every hour.
    asked = periods or tuple(p for p in calendar(hours.step_ns, clock) if p * hours.step_ns >= UNIT_NS["d"])
    named = {p: steps for steps in asked if (p := hours.period(steps)) and 2 * p <= y.size and series.thinned == 1}
    found = given(series, sorted(named)) if periods else find(series, sorted(named), others=False)
    measured = _tested(y, series, found, periods_set=bool(periods))
    found.seasons = [
        replace(s, period=min(steps for p, steps in named.items() if p % s.period == 0)) for s in found.seasons
    ]
    found.tried = {named[p]: replace(s, period=named[p]) for p, s in found.tried.items() if p in named}
    share = float(hours.open.mean())
    whole, last = (
        replace(s, per_step=share * s.per_step, error=share * s.error) for s in (measured.whole, measured.last)
    )
    return replace(measured, whole=whole, last=last)


def _tested(y: Floats, series: Scaled, found: Found, *, periods_set: bool) -> Measured:
    """Changes and slopes of what the seasons leave."""
    changed = change_points(found.rest, series.observed, series.grain) if periods_set else _changes(series, found)
    changes, known = changed.starts[-MOST:], series.observed & changed.usual
    stuck = 0 if found.seasons else _stuck(y) // series.thinned
    if stuck:
        begin = series.y.size - stuck
        changes = [*(at for at in changes if at < begin - OFF), begin]
    start = changes[-1] if changes else 0
    common = slope(found.rest, known, [0, *changes], series.grain)
    enough = max([LONG, series.y.size // PART, *(season.period for season in found.seasons)])
    judged = series.y.size - start >= enough and start > 0
    last = slope(found.rest[start:], known[start:], [0], series.grain) if judged else common
    newest = y[max(0, y.size - (series.y.size - start) * series.thinned) :]
    flat = stuck > 0 or (start > 0 and newest.size >= LONG and is_constant(newest[np.isfinite(newest)]))
    return Measured(series, found, changes, common, last, _rises(common, last), flat)


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


def _kind(measured: Measured, equal: float) -> str:
    if measured.found.seasons:
        return "trend_seasonal" if measured.rises else "seasonal"
    if measured.flat or (equal >= MOSTLY and not measured.changes):
        return "constant"
    return "trend" if measured.rises else "irregular"

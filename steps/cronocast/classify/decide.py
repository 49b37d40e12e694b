"""From measured features to one of the six classes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cronocast.classify import explain
from cronocast.classify.features import MAX_POINTS, MOSTLY, is_constant, shares
from cronocast.classify.measured import LONG, Measured, measure, measure_open
from cronocast.durations import MAX_NS
from cronocast.errors import Terminated
from cronocast.handoff.profile import Gaps, Profile
from cronocast.timeseries.grid import Bools, Floats, Ints, Snapped, infer_step, snap
from cronocast.timeseries.hours import find_hours

FEWEST = 3  # points without which no class can be forced: a line needs two, its error a third
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
        class_override: Class to use instead of the one that classify finds.

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
    why = f"Set to {class_override} in the settings; classified as {profile.series_class}: {profile.why}"
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

    That is a counter, whose differences are what one wants to forecast.
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
    values = shares(seen)
    part = _main_part(grid.observed)
    hours = find_hours(grid.y, grid.start_ns, base.step_ns) if grid.y.size <= MAX_POINTS else None
    index = part if hours is None else np.flatnonzero(hours.mask(grid.start_ns, grid.y.size))
    y = grid.y[index]
    if is_constant(y[np.isfinite(y)]):
        return replace(
            base,
            series_class="constant",
            why=explain.constant(y[np.isfinite(y)]),
            evidence={"equal_share": values.equal},
        )
    measured = measure(y, base.step_ns, periods) if hours is None else measure_open(y, hours, periods)
    kind = _kind(measured, values.equal, seen.size)
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
        last_change=measured.kind,
        slope_now=explain.slope_now(kind, measured),
        evidence=explain.evidence(measured, values),
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


def _kind(measured: Measured, equal: float, size: int) -> str:
    mostly = equal >= MOSTLY or (1 - equal) * size < 1.5  # one odd value among few is no more than one among many
    if measured.found.seasons:
        return "trend_seasonal" if measured.rises else "seasonal"
    if measured.flat or (mostly and not measured.changes):
        return "constant"
    return "trend" if measured.rises else "irregular"

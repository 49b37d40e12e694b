"""All that may come of a member: paths of its values, worked out once for every limit on one side."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cronocast.monitor.crossing.cleaning import Cleaned, Habit, habit, replay
from cronocast.monitor.crossing.grid import Fine, Grid, grid, steps_per_unit
from cronocast.monitor.crossing.paths import Growth, grow
from cronocast.monitor.crossing.season import Season, none, resampled, season

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

LEAST_UNITS = 8  # that anything can be fitted to


class Outlook(NamedTuple):
    """Paths in units from the newest value, growing towards the limit."""

    history: Grid
    paths: "Floats"  # (m, paths), means of units
    growth: Growth
    habit: Habit | None
    cleaned: Cleaned | None
    wider: "Floats | None"  # the paths as far apart as those of the past should have been


def outlook(history: Fine, reach_steps: int, seed: int, count: int, widen: float = 1.0) -> Outlook | None:
    """Draw the paths of a history; None if it is too short to fit anything.

    Args:
        history: Growing towards the limit.
        reach_steps: How far to look ahead.
        seed: The same seed and history give the same paths.
        count: Paths.
        widen: By how much to widen them around their median, from `calibrate.calibration`.
    """
    steps = steps_per_unit(history.step_ns, reach_steps)
    if history.y.size // steps < LEAST_UNITS:
        return None
    units = grid(history, steps)
    return (
        look_ahead(units, max(1, -(-reach_steps // steps)), seed, count, widen) if units.y.size >= LEAST_UNITS else None
    )


def look_ahead(units: Grid, m: int, seed: int, count: int, widen: float = 1.0) -> Outlook:
    """As `outlook`, from a history in units, m units ahead."""
    rng = np.random.default_rng(seed)
    grown, n = units.growth, units.y.size
    cycle = season(grown, (7 * units.day, units.day)) if units.weekly else none()
    at, ahead = np.arange(n), np.arange(n, n + m)
    z = grown - cycle.at(at)
    growth = grow(z, units, cycle.shape.size, (m, count), rng)
    paths = growth.paths + (units.y[-1] - cycle.at(at[-1:])) + _seasons(cycle, ahead, count, rng)
    found = habit(units)
    cleaned = replay(paths, float(units.y[-1]), found, units.day, rng) if found else None
    if cleaned:
        paths = cleaned.paths
    wider = None if cleaned or widen <= 1 else _wider(paths, widen, growth.ages / units.day)
    return Outlook(units, paths, growth, found, cleaned, wider)


def _wider(paths: "Floats", by: float, days: "Floats") -> "Floats":
    """Paths farther from their median; little so those whose slope is young, of which past origins tell nothing."""
    middle = np.median(paths, axis=1, keepdims=True)
    return np.asarray(middle + (1 + (by - 1) * np.minimum(days, 1.0)) * (paths - middle))


def _seasons(cycle: Season, ahead: "Ints", count: int, rng: np.random.Generator) -> "Floats":
    """The season ahead, shape (m, 1) or (m, paths): known from few cycles only, so each path has one of its own."""
    mean = cycle.at(ahead)[:, None]
    if cycle.shape.size < 2:
        return mean
    off = resampled(cycle, ahead, rng)
    return np.asarray(mean + off[rng.integers(0, len(off), count)].T)

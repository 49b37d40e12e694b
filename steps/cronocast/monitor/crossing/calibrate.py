"""How much wider the paths of a member must be, by how far those of past origins missed. Done once a day, then kept."""

from typing import TYPE_CHECKING

import numpy as np

from cronocast.monitor.crossing.event import Event
from cronocast.monitor.crossing.grid import Fine, Grid, fine, grid, steps_per_unit
from cronocast.monitor.crossing.outlook import LEAST_UNITS, look_ahead
from cronocast.monitor.crossing.reach import first, reached

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

ORIGINS = 5  # at most
PATHS = 80
DOUBT = 4.0  # origins without a surprise that a history of one slope brings along; one of k slopes a k-th of them
MOST = 6.0  # widths that a single miss counts at most
LEAST_DAYS = 3  # before an origin
ONE_SIGMA = (0.16, 0.5, 0.84)


def calibration(time_ns: "Ints", y: "Floats", step_ns: int, event: Event, reach_steps: int, seed: int) -> float:
    """A factor of at least 1 for the argument `widen` of `find.crossings`.

    Past origins are asked for the mean of the day that lies as far ahead as the event does; 1 where there are
    clean-ups, or too few values for an origin.

    Args:
        time_ns: As for `find.crossings`, like all that follow.
        y: Values.
        step_ns: The step.
        event: What is asked.
        reach_steps: How far to look ahead.
        seed: Of the paths.
    """
    history = fine(time_ns, y, step_ns, 1.0 if event.above else -1.0)
    steps = steps_per_unit(step_ns, reach_steps)
    if history.y.size // steps < LEAST_UNITS:
        return 1.0
    units = grid(history, steps)
    if units.drops.size or units.y.size < (LEAST_DAYS + 1) * units.day:
        return 1.0
    lead, units, doubt = _lead(history, units, event, max(1, -(-reach_steps // steps)), seed)
    misses = [_miss(units, end, lead, seed) for end in _origins(units, lead)]
    return max(1.0, float(np.sqrt((doubt + np.sum(np.square(misses))) / (doubt + len(misses)))))


def _lead(history: Fine, units: Grid, event: Event, reach: int, seed: int) -> tuple[int, Grid, float]:
    """Units to look ahead from past origins, to the median date but a third of the history at most; history and doubt.

    That ends where a slope of less than a day began: nobody could have known, and the paths say so by themselves.
    """
    most = units.y.size // 3
    limit = reached(history, event.limit if event.above else -event.limit)
    ahead = look_ahead(units, min(reach, most), seed, PATHS)
    at = float(np.quantile(np.minimum(first(ahead, history, event, limit), most * units.steps), 0.5)) / units.steps
    age = int(np.median(ahead.growth.ages))
    end = units.y.size - (age if age < units.day else 0)
    past = units._replace(y=units.y[:end], seen=units.seen[:end])
    return int(np.clip(round(at), min(units.day, most), most)), past, DOUBT / ahead.growth.stretches


def _origins(units: Grid, lead: int) -> list[int]:
    """Ends of shorter histories, newest first, whole days apart."""
    apart = max(units.day, lead // 2 // units.day * units.day)
    least = max(units.y.size // 3, LEAST_DAYS * units.day, LEAST_UNITS)
    return [end for i in range(ORIGINS) if (end := units.y.size - lead - i * apart) >= least]


def _miss(units: Grid, end: int, lead: int, seed: int) -> float:
    """How many standard deviations of the paths the mean of the last day of the lead was off their median."""
    past = units._replace(y=units.y[:end], seen=units.seen[:end])
    day = min(units.day, lead)
    ahead = look_ahead(past, lead, seed, PATHS).paths[-day:].mean(axis=0)
    low, middle, high = np.quantile(ahead, ONE_SIGMA)
    off = float(units.y[end + lead - day : end + lead].mean() - middle)
    width = max(float(high - low) / 2, 1e-9 * float(np.ptp(units.y)), 1e-300)
    return min(abs(off) / width, MOST)

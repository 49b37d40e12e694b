"""The history that dates are found on: hours or coarser units, without gaps, as if nothing had ever been cleaned."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cronocast.monitor.crossing.event import DAY_NS

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Bools, Floats, Ints

HOUR_NS = 3600 * 10**9
MOST_UNITS = 2016  # of history and of reach: 12 weeks of hours; longer ones are looked at in coarser units
DROP_NOISE = 10.0  # robust standard deviations of the steps that a clean-up exceeds
DROP_RANGE = 0.2  # share of the range of values that it exceeds as well
CONSISTENT = 0.6745  # median absolute deviation of a normal distribution of variance 1


class Fine(NamedTuple):
    """A history on its own steps up to its newest value; NaN where there is none."""

    y: "Floats"
    step_ns: int
    end_ns: int  # start of the newest step


class Grid(NamedTuple):
    """A history in units of whole steps, the last of which ends with the newest value."""

    y: "Floats"  # mean of each unit
    seen: "Bools"  # whether a unit has values of its own; the others are filled
    steps: int  # per unit
    unit_ns: int
    day: int  # units per day, at least 1
    weekly: bool  # whether days are whole numbers of units, so that seasons can be looked for
    drops: "Ints"  # units with which a clean-up ends, oldest first
    sizes: "Floats"  # by how much each lowered the value

    @property
    def growth(self) -> "Floats":
        """The values with all that was cleaned added back, shape of y."""
        added = np.zeros(self.y.size)
        added[self.drops] = self.sizes
        return np.asarray(self.y + np.cumsum(added))


def fine(time_ns: "Ints", y: "Floats", step_ns: int, sign: float) -> Fine:
    """Put values on the grid of their steps, ending with the newest; `sign` -1 turns falling into growing."""
    known = np.isfinite(y)
    time_ns, y = time_ns[known], y[known]
    if not y.size:
        return Fine(np.empty(0), step_ns, 0)
    place = np.round((time_ns - time_ns[-1]) / step_ns).astype(np.int64)
    length = int(min(1 - place[0], MOST_UNITS * max(1, DAY_NS // step_ns)))
    out = np.full(length, np.nan)
    kept = place > -length
    out[length - 1 + place[kept]] = sign * y[kept]
    return Fine(out, step_ns, int(time_ns[-1]))


def steps_per_unit(step_ns: int, reach_steps: int) -> int:
    """Steps of the unit to look at: an hour at most, unless the reach has too many of these; days stay whole."""
    least = max(1, -(-reach_steps // MOST_UNITS))
    most = max(least, HOUR_NS // step_ns)
    whole = [k for k in range(least, most + 1) if DAY_NS % (k * step_ns) == 0]
    if least * step_ns > HOUR_NS:
        whole = [k for k in range(least, 24 * least + 1) if DAY_NS % (k * step_ns) == 0][:1]
    return whole[-1] if whole else most


def grid(history: Fine, steps: int) -> Grid:
    """Means of units, the newest at most `MOST_UNITS` of them, filled along a line where gaps are."""
    units = min(history.y.size // steps, MOST_UNITS)
    rows = history.y[history.y.size - units * steps :].reshape(units, steps)
    count = np.isfinite(rows).sum(axis=1)
    y = np.where(count > 0, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)
    first = int(np.argmax(count > 0))
    y, seen = y[first:], count[first:] > 0
    unit_ns = steps * history.step_ns
    at = np.flatnonzero(seen)
    drops, sizes = clean_ups(y[at])
    drops = at[drops]
    added = np.zeros(y.size)
    added[drops] = sizes
    added = np.cumsum(added)
    grown = np.interp(np.arange(y.size), at, (y + added)[at])
    day = max(1, round(DAY_NS / unit_ns))
    return Grid(grown - added, seen, steps, unit_ns, day, day * unit_ns == DAY_NS, drops, sizes)


def clean_ups(y: "Floats") -> "tuple[Ints, Floats]":
    """Where y falls by far more than it usually moves, and by how much; none where it rises as far as often.

    Falls one or two values apart are one, since a unit may hold the level from before and after.
    """
    step = np.diff(y)
    if not step.size:
        return np.empty(0, np.int64), np.empty(0)
    noise = float(np.median(np.abs(step - np.median(step)))) / CONSISTENT
    low, high = np.quantile(y, [0.02, 0.98])
    far = max(DROP_NOISE * noise, DROP_RANGE * float(high - low), 1e-9 * float(np.abs(y).max()))
    falls = np.flatnonzero(step < -far) + 1
    if 2 * int((step > far).sum()) > falls.size:
        return np.empty(0, np.int64), np.empty(0)
    ends: list[int] = []
    sizes: list[float] = []
    for at in falls:
        if ends and at - ends[-1] <= 2:
            ends[-1], sizes[-1] = int(at), sizes[-1] - float(step[at - 1])
        else:
            ends.append(int(at))
            sizes.append(-float(step[at - 1]))
    return np.array(ends, np.int64), np.array(sizes)

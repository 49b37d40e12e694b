"""Rates of counters: what a fall of one means, and how much it has grown across it. Pure functions."""

from itertools import pairwise

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.timeseries.grid import Bools, Floats, Ints

ROUNDING = 1e-9  # of a counter: what the last digits of a mean or a sum of several may be off by
CORRECTION = 0.01  # share of a counter up to which a fall can be a correction; a restart falls further
PLAUSIBLE = 2.0  # times the fastest growth ever seen: more in one step was no growth
FEWEST = 3  # rises from which they tell what is fast
LIMITS = (2.0**32, 2.0**64)  # at which counters of 32 and 64 bits begin anew


def rate(time_ns: Ints, y: Floats, step_ns: int) -> tuple[Ints, Floats, dict[str, int]]:
    """Growth of a counter per second since the value before.

    A counter never falls, so a fall is one of four things. By rounding, or by little: a correction, of growth that was
    counted before. From just below 2^32 or 2^64 to about zero: it went on across that limit. To what it can have grown
    since a restart: it began anew at zero and has grown by what it shows, as Prometheus counts it. Anything else, and a
    restart within a gap: the growth of this step is unknown and the step is missing. None costs more than one step.

    After a gap the growth is spread over the whole gap and stands at its end, the gap stays a gap. The first value has
    none before it and is lost; values below zero are no count and are left out. Where the counter never began anew, all
    growth together is the last value less the first, or less the least where it was corrected.

    Args:
        time_ns: Times, shape (t,), ascending.
        y: Values, shape (t,), finite.
        step_ns: Step of the grid.

    Returns:
        Times and rates per second, shape (t - 1,) at most, never below zero; and how often which fall was seen.
    """
    time_ns, y = time_ns[y >= 0], y[y >= 0]
    apart = np.diff(time_ns) / UNIT_NS["s"]
    fell, fastest = np.diff(y) < 0, _fastest(y, apart)
    small = fell & _is_correction(y, apart, fastest)
    limit = _limits(y, apart, fastest) * (fell & ~small)
    began = fell & ~small & (limit == 0)
    z = _corrected(y, small, began | (limit > 0))
    growth = np.where(began, z[1:], np.diff(z) + limit)
    most = np.minimum(PLAUSIBLE * fastest * apart, np.where(np.isfinite(fastest), np.inf, y[:-1] / 2))
    known = ~began | ((growth <= most) & (apart < 2 * step_ns / UNIT_NS["s"]))
    counts = {
        "counter_resets": int(began.sum()),
        "counter_wraps": int(np.count_nonzero(limit)),
        "counter_corrections": int(small.sum()),
    }
    return time_ns[1:][known], np.maximum(growth[known], 0.0) / apart[known], counts


def _fastest(y: Floats, apart: Floats) -> float:
    """Growth between two values, per second, that hardly any is faster than; infinite where too few rises tell.

    One or two that are faster may be glitches, as may be what rises right after a fall.
    """
    growth = np.diff(y)
    rising = (growth > 0) & ~np.concatenate(([False], growth[:-1] < 0))[: growth.size]
    return float(np.sort(growth[rising] / apart[rising])[-FEWEST]) if rising.sum() >= FEWEST else np.inf


def _is_correction(y: Floats, apart: Floats, fastest: float) -> Bools:
    """Which falls, if they are falls, are rounding, or take back no more than one step may have added: shape (t - 1,).

    A larger one would undo the growth of many steps.
    """
    fall, before = y[:-1] - y[1:], y[:-1]
    return np.asarray((fall <= ROUNDING * before) | ((fall <= CORRECTION * before) & (fall <= fastest * apart)))


def _limits(y: Floats, apart: Floats, fastest: float) -> Floats:
    """The limit that the counter went across on its way to each value but the first, 0 where it can't have."""
    found = np.zeros(apart.size)
    for limit in LIMITS:
        grown = y[1:] + (limit - y[:-1])
        near = (y[:-1] > limit / 2) & (y[1:] < limit / 2) & (np.max(y, initial=0.0) <= limit * (1 + ROUNDING))
        found[near & (grown <= PLAUSIBLE * fastest * apart + 2 * np.spacing(limit))] = limit
    return found if np.isfinite(fastest) else np.zeros(apart.size)


def _corrected(y: Floats, small: Bools, anew: Bools) -> Floats:
    """The counter without corrections: no value is above a later one, up to where it begins anew."""
    if not small.any():
        return y
    z = y.copy()
    edges = [0, *(np.flatnonzero(anew) + 1).tolist(), y.size]
    for a, b in pairwise(edges):
        z[a:b] = np.minimum.accumulate(z[a:b][::-1])[::-1]
    return z

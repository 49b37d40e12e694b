"""Stretches of one slope each: where a history changed its level or its slope, found by dynamic programming."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cronocast.timeseries.robust import median, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.timeseries.grid import Floats

    Cuts = NDArray[np.int64]

LEAST_POINTS = 3  # two points make a line, the third says how good it is
LEAST_SEGMENT = 8  # steps; shorter stretches are noise more often than news
FINE = 16  # candidate cuts per octave of age: every step for the newest 16, every second for the next 16, and so on
LOOKED_AT = 4  # newest cuts whose place is found to the step; older ones only bound older segments
LOCAL = 32  # steps before the newest ones that say whether those are off the line
PENALTY = (
    12.0  # noise variances times log(t) that a new segment must explain; above the 3 of BIC since noise is rarely white
)
OUTLIER = 5.0  # robust standard deviations from the running median; further out is a spike, not a level
JUMP = 6.0  # robust standard deviations that all of the newest points must be off the line to be a new level


@dataclass(frozen=True)
class Segment:
    """One stretch [start, end) with one slope: value = level + slope * (index - middle), `middle` the mean index."""

    start: int
    end: int
    level: float
    slope: float
    noise: float  # standard deviation around the line


def without_spikes(z: "Floats") -> "Floats":
    """Replace lone spikes of up to three steps by the running median of seven (Hampel's filter)."""
    if z.size < 7:
        return z
    near = z.copy()  # at the ends no window looks at both sides
    near[3:-3] = np.partition(np.lib.stride_tricks.sliding_window_view(z, 7), 3, axis=1)[:, 3]
    off = z - near
    spread = spread_of(off)
    return np.where(np.abs(off) > OUTLIER * spread, near, z) if spread > 0 else z


def segments(z: "Floats") -> list[Segment]:
    """Cut z into stretches of one slope each, oldest first; a lone odd last value belongs to none."""
    newest = _newest_off(z)
    old = z[: z.size - newest]
    ends = _cut(old, _candidates(old.size))
    # Older candidates lie some steps apart: cut again with every step around the cuts found.
    near = [np.arange(cut - FINE, cut + FINE + 1) for cut in ends[1:-1][-LOOKED_AT:]]
    if near:
        ends = _cut(old, np.unique(np.clip(np.concatenate([*near, np.array(ends)]), 0, old.size)))
    found = [_line(old, a, b) for a, b in pairwise(ends)]
    if newest > 1:
        found.append(Segment(old.size, z.size, float(np.mean(z[old.size :])), found[-1].slope, found[-1].noise))
    return found


def _cut(z: "Floats", cuts: "Cuts") -> list[int]:
    """Choose among candidate cuts by dynamic programming: least squared error plus a penalty per segment."""
    n, least = z.size, min(LEAST_SEGMENT, z.size)
    cost = _costs(z, cuts, least) + PENALTY * _noise2(z) * np.log(n)
    best, previous = np.zeros(cuts.size), np.zeros(cuts.size, dtype=int)
    beyond = np.searchsorted(cuts, cuts + least).tolist()
    j = 1
    while j < cuts.size:
        end = beyond[j]  # none of cuts[j:end] can follow another of them: all are settled at once
        total = best[:j] + cost[j:end, :j]
        previous[j:end], best[j:end] = total.argmin(axis=1), total.min(axis=1)
        j = end
    ends, j = [n], cuts.size - 1
    while j > 0:
        j = int(previous[j])
        ends.append(int(cuts[j]))
    return ends[::-1]


def _newest_off(z: "Floats") -> int:
    """How many of the newest values are far off the line before them, all on one side and near each other.

    Fewer than a segment.
    """
    if z.size < 2 * LEAST_SEGMENT:
        return 0
    cut = z.size - LEAST_SEGMENT + 1
    before = _line(z, max(0, cut - LOCAL), cut)
    off = z[cut:] - (before.level + before.slope * (np.arange(cut, z.size) - (before.start + before.end - 1) / 2))
    limit = max(JUMP * before.noise, 1e-9 * float(np.ptp(z)))
    near = (np.abs(off) > limit) & (np.sign(off) == np.sign(off[-1])) & (np.abs(off - off[-1]) < np.abs(off[-1]) / 2)
    return 0 if near.all() else int(np.argmin(near[::-1]))


def _costs(z: "Floats", cuts: "Cuts", least: int) -> "Floats":
    """Squared error around the least-squares line from cut i to cut j, at [j, i], shape (m, m).

    Infinite where they are fewer than `least` steps apart.
    """
    t, y = np.arange(z.size) - z.size / 2, z - median(z)  # around the middle, so that little is lost in subtractions
    sums = np.zeros((3, z.size + 1))
    np.cumsum([y, t * y, y * y], axis=1, out=sums[:, 1:])
    at = sums[:, cuts]
    sy, sty, cost = at[:, :, None] - at[:, None, :]
    length = cuts[:, None] - cuts
    c = np.maximum(np.arange(z.size + 1.0), 2)
    sty -= (cuts[:, None] + (cuts - (1 + z.size))) * (sy / 2)  # the mean of t from cut to cut, times the sum of y
    cost -= sy * sy * (1 / c)[length]
    # the sum of squares of c numbers in a row around their mean is (c**3 - c) / 12
    cost -= sty * sty * (12 / (c * c * c - c))[length]
    return np.where(length >= least, np.maximum(cost, 0), np.inf)


def _noise2(z: "Floats") -> float:
    """Variance of the noise around smooth stretches, from second differences, never below a millionth of the range."""
    floor = 1e-6 * float(np.ptp(z))
    second = np.diff(z, 2)
    # Second differences of white noise have six times its variance.
    robust = spread_of(second) / np.sqrt(6) if second.size else 0.0
    return float(np.square(max(robust, floor, np.sqrt(np.finfo(float).tiny))))


def _candidates(n: int) -> "Cuts":
    """Ascending cuts from 0 to n: dense at the newest end, since only the last segment is extended."""
    ages, age, width = [0], 0, 1
    while age < n:
        for _ in range(FINE):
            age += width
            ages.append(min(age, n))
        width *= 2
    return n - np.unique(ages)[::-1]


def _line(z: "Floats", start: int, end: int) -> Segment:
    """Least squares on z[start:end], repeated without what lies far off."""
    t, y = np.arange(start, end) - (start + end - 1) / 2, z[start:end]
    keep = np.ones(y.size, dtype=bool)
    level, slope, spread = float(y.mean()), 0.0, 0.0
    for _ in range(3):
        tk, yk = t[keep], y[keep]
        if tk.size < LEAST_POINTS:
            break
        middle = float(tk.mean())
        slope = float((tk - middle) @ (yk - yk.mean()) / ((tk - middle) @ (tk - middle)))
        level = float(yk.mean() - slope * middle)
        off = y - level - slope * t
        spread = spread_of(off)
        before, keep = keep, np.abs(off) <= max(OUTLIER * spread, float(np.finfo(float).tiny))
        if (keep == before).all():
            break
    return Segment(start, end, level, slope, float(np.std(y[keep] - level - slope * t[keep])) if keep.any() else spread)

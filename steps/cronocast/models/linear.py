"""A straight line through the last stretch in which one slope held, found on real time.

The right model for filling disks.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.theta import has_season
from cronocast.timeseries.robust import median, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.models.model import Context
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
TRUST = 2  # times its length that a slope is extended: some hours of it say nothing about next week
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


class Linear:
    """Extends the line through the last segment of constant slope; a known season is removed first and added back.

    Short last segments borrow their slope from earlier ones, as far as those agree with each other (an empirical Bayes
    estimate: each slope weighted by its precision). What the newest values are off the line fades at the rate seen.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Find the segments of y, shape (t,), t >= 3.

        Raises:
            DataError: y has fewer than three points.
        """
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "linear", f"{y.size} points, need {LEAST_POINTS}: extract more")
        self.season = seasonal_shape(y, context.periods)
        z = y - np.resize(self.season, y.size)
        clean = without_spikes(z)
        self.segments = segments(clean)
        last = self.segments[-1]
        self.slope = shared_slope(self.segments)
        self.holds = max(TRUST * (last.end - last.start), float(np.median([s.end - s.start for s in self.segments])))
        middle = (last.start + last.end - 1) / 2
        self.end_value = last.level + self.slope * (y.size - 1 - middle)
        residual = clean[last.start : last.end] - (last.level + self.slope * (np.arange(last.start, last.end) - middle))
        self.off, self.fading = _newest_residual(residual) if last.end == y.size else (0.0, 0.0)
        self.size = y.size
        return self

    def predict(self, h: int) -> "Floats":
        """Extend the line by h steps.

        Sloping for twice as long as it was seen or as long as slopes usually hold, then level.
        """
        ahead = np.arange(1, h + 1)
        sloping = np.minimum(ahead, self.holds)
        season = self.season[(self.size - 1 + ahead) % self.season.size]
        return np.asarray(self.end_value + self.slope * sloping + self.off * self.fading**ahead + season)


def seasonal_shape(y: "Floats", periods: tuple[int, ...]) -> "Floats":
    """Median of each phase around a running level, shape (p,) with mean 0.

    P is the longest period that y holds three of and follows, else [0].
    """
    fitting = [p for p in periods if 3 * p <= y.size and has_season(y, p)]
    if not fitting:
        return np.zeros(1)
    p = max(fitting)
    rest = y - _running_level(y, p)
    begun = y.size % p  # phases of the cycle that is not complete yet
    cycles, newest = rest[: y.size - begun].reshape(-1, p), rest[y.size - begun :]
    shape = np.concatenate(
        (np.median(np.vstack((cycles[:, :begun], newest)), axis=0), np.median(cycles[:, begun:], axis=0))
    )
    return np.asarray(shape - shape.mean())


def _running_level(y: "Floats", p: int) -> "Floats":
    """Median of each block of p, joined by straight lines."""
    blocks = y[y.size % p :].reshape(-1, p)
    return np.interp(
        np.arange(y.size), y.size % p + p * np.arange(len(blocks)) + (p - 1) / 2, np.median(blocks, axis=1)
    )


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


def shared_slope(found: list[Segment]) -> float:
    """Slope of the last segment, pulled towards those before it as far as they agree and it is uncertain."""
    last = found[-1]
    earlier = [s for s in found[:-1] if s.end - s.start >= LEAST_SEGMENT][-8:]
    length = last.end - last.start
    if not earlier:
        return last.slope
    slopes, weights = np.array([s.slope for s in earlier]), np.array([s.end - s.start for s in earlier], dtype=float)
    centre = float(weights @ slopes / weights.sum())
    if length < LEAST_SEGMENT:
        return centre
    within = 12 * last.noise * last.noise / (length**3 - length)  # variance of a least-squares slope
    between = max(float(np.append(slopes, last.slope).var(ddof=1)) - within, 0.0)
    return (last.slope * between + centre * within) / (between + within) if between + within > 0 else last.slope


def _newest_residual(residual: "Floats") -> tuple[float, float]:
    """How far the newest value is off the line, and the share of that which is left after one step.

    The share is the lag-one autocorrelation, 0..0.98.
    """
    if residual.size < LEAST_SEGMENT:
        return 0.0, 0.0
    power = float(residual @ residual)
    fading = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    fading = min(max(fading, 0.0), 0.98)
    return float(residual[-1]), fading

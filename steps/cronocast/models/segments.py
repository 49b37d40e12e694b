"""Stretches of one slope each: where a history changed its level or its slope, found by dynamic programming."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cronocast.timeseries.robust import median, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
ROWS = 80  # of a matrix of costs that are worked out at once: what a processor holds near
TINY = float(np.finfo(float).tiny)


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
    return segments_of_each([z])[0]


def segments_of_each(zs: "Sequence[Floats]") -> list[list[Segment]]:
    """The segments of each of several histories; one search finds them all."""
    olds = [z[: z.size - _newest_off(z)] for z in zs]
    sums, penalties = [_sums(old) for old in olds], [PENALTY * _noise2(old) * np.log(old.size) for old in olds]
    ends = _cut(sums, penalties, [_candidates(old.size) for old in olds])
    # Older candidates lie some steps apart: cut again with every step around the cuts found.
    places = [i for i, found in enumerate(ends) if len(found) > 2]
    if places:
        finer = [_around(ends[i]) for i in places]
        again = _cut([sums[i] for i in places], [penalties[i] for i in places], finer)
        for i, found in zip(places, again, strict=True):
            ends[i] = found
    return [_between(z, found) for z, found in zip(zs, ends, strict=True)]


def _between(z: "Floats", ends: list[int]) -> list[Segment]:
    """A segment from each cut to the next; two or more values after the last one are a level by themselves."""
    found = [_line(z, a, b) for a, b in pairwise(ends)]
    if z.size - ends[-1] > 1:
        found.append(Segment(ends[-1], z.size, float(np.mean(z[ends[-1] :])), found[-1].slope, found[-1].noise))
    return found


def _cut(sums: "Sequence[Floats]", penalties: "Sequence[float]", cuts: "Sequence[Cuts]") -> list[list[int]]:
    """Choose among the candidate cuts of each history by dynamic programming, all of them at once.

    The best ones leave the least squared error plus a penalty per segment. Shorter lists of candidates are filled up
    with more beginnings.
    """
    count, width = len(sums), max(c.size for c in cuts)
    at, cost = np.zeros((count, width), dtype=int), np.zeros((count, width, width))
    beyond = np.full(width, width)
    for i, own in enumerate(cuts):
        least, first = min(LEAST_SEGMENT, int(own[-1])), width - own.size
        at[i, first:] = own
        cost[i, first + 1 :, :first] = np.inf
        _costs(sums[i], own, least, cost[i, first:, first:])
        cost[i, first] = 0
        beyond = np.minimum(beyond, np.searchsorted(at[i], at[i] + least))
    before = _best_before(cost, np.array(penalties)[:, None, None], beyond.tolist())
    return [_way_back(*each) for each in zip(at.tolist(), before, strict=True)]


def _best_before(cost: "Floats", penalty: "Floats", beyond: list[int]) -> list[list[int]]:
    """For each cut, the one before it in the best segmentation up to it: indices, for each history.

    None of the cuts j to beyond[j] can follow another of them: all are settled at once.
    """
    count, width, _ = cost.shape
    best, previous, each = np.zeros((count, 1, width)), np.zeros((count, width), dtype=int), np.arange(count)[:, None]
    j = 1
    while j < width:
        end = beyond[j]
        total = cost[:, j:end, :j] + (best[:, :, :j] + penalty)
        chosen = previous[:, j:end] = total.argmin(axis=2)
        best[:, 0, j:end] = total[each, np.arange(end - j), chosen]  # `min` takes five times as long
        j = end
    return previous.tolist()


def _way_back(at: list[int], previous: list[int]) -> list[int]:
    """The cuts chosen, ascending, from the last one back to the beginning."""
    j = len(at) - 1
    ends = [at[j]]
    while at[j] > 0:
        j = previous[j]
        ends.append(at[j])
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


def _sums(z: "Floats") -> "Floats":
    """Sums of y, t y and y y over the steps before each cut, shape (3, t + 1); both around the middle.

    That way little is lost in subtractions.
    """
    sums = np.zeros((3, z.size + 1))
    t, y = np.arange(z.size) - (z.size - 1) / 2, z - median(z)
    np.cumsum(y, out=sums[0, 1:])
    np.cumsum(t * y, out=sums[1, 1:])
    np.cumsum(y * y, out=sums[2, 1:])
    return sums


def _costs(sums: "Floats", cuts: "Cuts", least: int, out: "Floats") -> None:
    """Squared error around the least-squares line from cut i to cut j > i, into [j, i] of `out`, shape (m, m).

    Infinite where they are fewer than `least` steps apart.
    """
    y, ty, yy = sums[:, cuts]
    middle, one = (cuts - (sums.shape[1] - 1) / 2) / 2, np.ones(cuts.size)
    ty = ty - middle * y
    # The sum of t y less that of y times the mean of t from cut to cut, as one product of matrices.
    left, right = np.stack((ty, one, middle, y), axis=1), np.stack((one, -ty, y, -middle))
    shares = _shares(sums.shape[1].bit_length())
    for begin in range(0, cuts.size, ROWS):
        rows = slice(begin, begin + ROWS)
        before = slice(begin + ROWS)
        sty, sy, length = left[rows] @ right[:, before], y[rows, None] - y[before], cuts[rows, None] - cuts[before]
        cost = np.subtract(yy[rows, None], yy[before], out=out[rows, before])
        for total, share in zip((sy, sty), shares, strict=True):
            np.square(total, out=total)
            np.multiply(total, share[length], out=total)
            np.subtract(cost, total, out=cost)
        np.maximum(cost, 0, out=cost)
        cost[length < least] = np.inf


@lru_cache
def _shares(octaves: int) -> "tuple[Floats, Floats]":
    """What squares of sums over c steps are divided by: their number, and the sum of squares around their mean."""
    c = np.maximum(np.arange(2.0**octaves), 2)
    return 1 / c, 12 / (c * c * c - c)


def _noise2(z: "Floats") -> float:
    """Variance of the noise around smooth stretches, from second differences, never below a millionth of the range."""
    floor = 1e-6 * float(np.ptp(z))
    second = np.diff(z, 2)
    # Second differences of white noise have six times its variance.
    robust = spread_of(second) / np.sqrt(6) if second.size else 0.0
    return float(np.square(max(robust, floor, np.sqrt(np.finfo(float).tiny))))


def _candidates(n: int) -> "Cuts":
    """Ascending cuts from 0 to n: dense at the newest end, since only the last segment is extended."""
    ages = _ages(n.bit_length())
    return n - np.append(ages[: np.searchsorted(ages, n)], n)[::-1]


@lru_cache
def _ages(octaves: int) -> "Cuts":
    """Ages of candidate cuts, ascending, beyond 2**octaves."""
    widths = np.repeat(2 ** np.arange(octaves), FINE)
    return np.concatenate(([0], np.cumsum(widths)))


def _around(ends: list[int]) -> "Cuts":
    """The cuts found, and every step around the newest of them."""
    near = np.add.outer(ends[1:-1][-LOOKED_AT:], np.arange(-FINE, FINE + 1)).ravel()
    return np.unique(np.clip(np.concatenate((near, ends)), 0, ends[-1]))


def _line(z: "Floats", start: int, end: int) -> Segment:
    """Least squares on z[start:end], repeated without what lies far off."""
    t, y = np.arange(start, end) - (start + end - 1) / 2, z[start:end]
    tk, yk, keep = t, y, np.ones(y.size, dtype=bool)
    level, slope, spread = float(np.add.reduce(y)) / y.size, 0.0, 0.0
    for _ in range(3):
        if tk.size < LEAST_POINTS:
            break
        middle, mean = float(np.add.reduce(tk)) / tk.size, float(np.add.reduce(yk)) / yk.size
        tk = tk - middle
        slope = float(tk @ (yk - mean)) / float(tk @ tk)
        level = mean - slope * middle
        off = y - level - slope * t
        spread = spread_of(off)
        before, keep = keep, np.abs(off) <= max(OUTLIER * spread, TINY)
        if keep.tobytes() == before.tobytes():
            break
        tk, yk = t[keep], y[keep]
    return Segment(start, end, level, slope, _deviation((y - level - slope * t)[keep]) if keep.any() else spread)


def _deviation(x: "Floats") -> float:
    """Standard deviation; that of numpy gives the same numbers, but its checks take longer than the work."""
    off = x - float(np.add.reduce(x)) / x.size
    return float(np.sqrt(off @ off / x.size))

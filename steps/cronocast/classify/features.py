"""Scale-free values for the tests: outliers fenced, level and scale removed, gaps filled, very long series thinned."""

import sys
from dataclasses import dataclass

import numpy as np

from cronocast.timeseries.grid import Bools, Floats, infer_step

SMALLEST = sys.float_info.min  # below it doubles lose their digits
SAME = 1e-12  # a range below this share of the values is rounding of an aggregate, not change
MOSTLY = 0.98  # values that equal the commonest one: the rest are events on a constant
MAX_POINTS = 150_000  # keeps a member of any length under about two seconds
FACTORS = (1, 2, 3, 4, 6, 12, 24, 60, 120, 360)  # steps in one: most fit into an hour or a day whatever the step
EVEN = 0.4  # share of the time in which rows are one distance apart, where that is their step
# quantile at both ends, and how many of their distances may lie beyond; 0 is no fence
FENCES = ((0.1, 10.0), (0.01, 3.0), (0.0, 0.0))

TOGETHER = 3  # newest values that are all a third of the way to a fence are no spike
FARTHEST = 1e5  # times the way to the fence that they may lie away


@dataclass(frozen=True)
class Scaled:
    """A member as the tests see it: about -10..10 whatever the unit."""

    y: Floats  # shape (t,), finite, gaps filled by straight lines
    observed: Bools  # shape (t,)
    thinned: int = 1  # grid steps in one step of y
    unit: float = 1.0  # what 1 in y is in the member's unit
    grain: float = 1e-12  # differences in y below this are rounding of the values as they came


def is_constant(values: Floats) -> bool:
    """Tell whether all values are equal but for rounding; shape (n,), n >= 1, finite."""
    return not differ(values.min() / 2, values.max() / 2)  # halves: the range of +-1e308 overflows


def differ(one: Floats | float, other: Floats | float) -> Bools:
    """Tell which of two values, or of each pair of them, differ by more than rounding.

    Their difference must not overflow.
    """
    return np.abs(other - one) > np.maximum(SAME * np.maximum(np.abs(one), np.abs(other)), SMALLEST)


@dataclass(frozen=True)
class Shares:
    """What kinds of values there are."""

    equal: float  # share of the commonest value, 0..1
    zero: float  # share of zeros, 0..1
    distinct: int  # different values
    integers: bool  # all are whole numbers


def shares(values: Floats) -> Shares:
    """Count the values; shape (n,), n >= 1, finite."""
    kinds, counts = np.unique(values, return_counts=True)
    zeros = float(counts[kinds == 0].sum())
    return Shares(
        float(counts.max()) / values.size, zeros / values.size, kinds.size, bool(np.all(kinds == np.floor(kinds)))
    )


def scaled(grid: Floats) -> Scaled:
    """Bring a grid (shape (t,), NaN at gaps, not constant) to a common scale.

    Values far outside the bulk are moved to a wide fence: a spike of 1e300 must not hide a wave of 1, while a peak that
    comes once a day stays a peak.
    """
    half = grid / 2  # no difference of halves overflows
    ordered = np.sort(half[np.isfinite(half)])
    low, high, reach = _bulk(ordered)
    width = high - low
    # an infinite fence fences nothing, as it should
    fenced = np.clip(half, *_fence(half, low, high, reach * width)) if reach else half
    # eight units in the last place of the largest
    grain = max(1e-12, 8 * sys.float_info.epsilon * float(np.nanmax(np.abs(fenced)) / width))
    thinned, y = _thinned((fenced - ordered[ordered.size // 2]) / width)
    observed = np.isfinite(y)
    filled = np.interp(np.arange(y.size), np.flatnonzero(observed), y[observed])
    return Scaled(filled, observed, thinned, min(2 * width, sys.float_info.max), grain)


def _bulk(ordered: Floats) -> tuple[float, float, float]:
    """Ends of the bulk of ascending values, and how many of their distances beyond it a fence stands."""
    ends = []
    for q, reach in FENCES:
        at = int(q * (ordered.size - 1))
        ends.append((float(ordered[at]), float(ordered[-1 - at]), reach))
    return next(((low, high, reach) for low, high, reach in ends if differ(low, high)), ends[-1])


def _fence(half: Floats, low: float, high: float, reach: float) -> tuple[float, float]:
    """The fence, `reach` beyond the bulk; wider where the newest values go there together.

    What has just begun is no spike.
    """
    newest = half[-TOGETHER:]
    below, above = low - reach, high + reach
    if newest.min() > high + reach / TOGETHER:  # with a gap among them neither holds
        above = max(above, min(float(newest.max()), high + FARTHEST * reach))
    elif newest.max() < low - reach / TOGETHER:
        below = min(below, max(float(newest.min()), low - FARTHEST * reach))
    return below, above


def _thinned(grid: Floats) -> tuple[int, Floats]:
    """Means over as many steps as rows usually are apart, and so many that at most MAX_POINTS remain.

    The last block is whole.
    """
    known = np.flatnonzero(np.isfinite(grid))
    apart = np.diff(known)
    factor = infer_step(known)[0] if apart.size else 1
    if factor * np.count_nonzero(apart == factor) < EVEN * apart.sum():
        factor = max(f for f in FACTORS if f <= factor)  # rows here and there: blocks that fit into hours and days
    factor = next((factor * f for f in FACTORS if grid.size <= factor * f * MAX_POINTS), -(-grid.size // MAX_POINTS))
    if factor == 1:
        return 1, grid
    blocks = grid[grid.size % factor :].reshape(-1, factor)
    counts = np.isfinite(blocks).sum(axis=1)
    share = np.nan_to_num(blocks) / np.maximum(counts, 1)[:, None]
    return factor, np.where(counts > 0, share.sum(axis=1), np.nan)

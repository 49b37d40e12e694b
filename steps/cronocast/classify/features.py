"""Scale-free values for the tests: outliers fenced, level and scale removed, gaps filled, very long series thinned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cronocast.grid import infer_step

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAME = 1e-12  # a range below this share of the values is rounding of an aggregate, not change
MOSTLY = 0.98  # values that equal the commonest one: the rest are events on a constant
MAX_POINTS = 150_000  # keeps a member of any length under about two seconds
FENCES = ((0.1, 10.0), (0.01, 3.0), (0.0, 0.0))  # quantile at both ends, and how many of their distances may lie beyond


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
    low, high = float(values.min()) / 2, float(values.max()) / 2  # halves: the range of +-1e308 overflows
    return high - low <= SAME * max(abs(low), abs(high))


def share_of_commonest(values: Floats) -> float:
    """Share of the values that equal the commonest one, 0..1; shape (n,), n >= 1."""
    return float(np.unique(values, return_counts=True)[1].max() / values.size)


def scaled(grid: Floats) -> Scaled:
    """Bring a grid (shape (t,), NaN at gaps, not constant) to a common scale.

    Values far outside the bulk are moved to a wide fence: a spike of 1e300 must not hide a wave of 1, while a peak that comes once a day stays a peak.
    """
    thinned, grid = _thinned(grid)
    observed = np.isfinite(grid)
    half = grid[observed] / 2  # no difference of halves overflows
    ordered = np.sort(half)
    ends = [(ordered[int(q * (half.size - 1))], ordered[-1 - int(q * (half.size - 1))], reach) for q, reach in FENCES]
    low, high, reach = next(((a, b, r) for a, b, r in ends if b - a > SAME * max(abs(a), abs(b))), ends[-1])
    width = high - low
    with np.errstate(over="ignore"):  # an infinite fence fences nothing, as it should
        fenced = np.clip(half, low - reach * width, high + reach * width)
    middle = ordered[half.size // 2]
    known = np.flatnonzero(observed)
    unit = min(2 * float(width), float(np.finfo(np.float64).max))
    return Scaled(np.interp(np.arange(grid.size), known, (fenced - middle) / width), observed, thinned, unit, _grain(ordered, width))


def _grain(ordered: Floats, width: float) -> float:
    """Eight units in the last place of the largest value, in units of the scaled series."""
    largest = max(abs(float(ordered[0])), abs(float(ordered[-1])))
    return max(1e-12, 8 * float(np.finfo(np.float64).eps) * (largest / float(width)))


def _thinned(grid: Floats) -> tuple[int, Floats]:
    """Means over as many steps as rows usually are apart, and so many that at most MAX_POINTS remain; the last block is whole."""
    factor, _ = infer_step(np.flatnonzero(np.isfinite(grid)))
    factor = next((factor * f for f in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60) if grid.size <= factor * f * MAX_POINTS), -(-grid.size // MAX_POINTS))
    if factor == 1:
        return 1, grid
    blocks = grid[grid.size % factor :].reshape(-1, factor)
    counts = np.isfinite(blocks).sum(axis=1)
    share = np.nan_to_num(blocks) / np.maximum(counts, 1)[:, None]
    return factor, np.where(counts > 0, share.sum(axis=1), np.nan)

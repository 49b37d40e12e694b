"""Where a new level or a new slope began."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cronocast.classify.features import Floats

MARGIN = 2.0  # above sqrt(2 log n), which the largest of n normal values reaches: about 1 false alarm in 1000 series
MARGIN_SLOPE = 3.0  # few windows of that width fit in, so their scale is known less well
SPIKE_WINDOW, SPIKE = 9, 6.0  # up to four odd values in a row, 6 robust deviations away, are a spike and not a level
LAST = 3  # values that a new level must have held
MOSTLY = 6  # values on each side that are asked whether it did
TAIL, RARE = 3.0, 200  # steps with heavier tails than the normal have a wider spread to stand out from, where changes touch under 5 % of the windows
NARROWEST = 16  # widths tried are at most 1/16 of the series, so that most windows know nothing of the change
NARROWEST_SLOPE = 6  # a slope needs wide windows; the change touches a third of them at most
MOST = 20  # newest changes that are kept


def change_points(rest: Floats, grain: float) -> list[int]:
    """Find the starts of new levels and slopes.

    The difference of the means of two windows side by side is compared with what it is elsewhere in the same series. That holds for noise of any colour: a
    random walk is no row of level shifts, since all its differences are alike. A change must stand out from them as an outlier.

    Args:
        rest: Shape (t,), finite, scale-free, seasons removed.
        grain: Differences below this are rounding.

    Returns:
        Indices in rest, ascending, at most MOST.
    """
    y = without_spikes(rest)
    if np.ptp(y) <= grain:
        return []
    shifts = _level_shifts(y, grain)
    bends = _bends(_levelled(y, shifts), grain)
    apart = max(LAST, y.size // 50)
    bends = [b for b in bends if all(abs(b - s) > apart for s in shifts)]
    return sorted(int(c) for c in shifts + bends)[-MOST:]


def without_spikes(y: Floats) -> Floats:
    """Replace values far from the median of their neighbourhood by it."""
    if y.size < 3 * SPIKE_WINDOW:
        return y
    half = SPIKE_WINDOW // 2
    windows = sliding_window_view(np.pad(y, half, mode="reflect", reflect_type="odd"), SPIKE_WINDOW)
    middle = np.partition(windows, half, axis=1)[:, half]
    away = np.abs(y - middle)
    # On a smooth rise each value is the median of its neighbours: its own steps are no spikes.
    scale = max(1.4826 * float(np.median(away)), float(np.median(np.abs(np.diff(y)))))
    cleaned: Floats = np.where(away > SPIKE * scale, middle, y)
    return cleaned


def _bound(size: int, width: int) -> float:
    return float(np.sqrt(2 * np.log(size / width))) + MARGIN


def _outliers(statistic: Floats, floor: float) -> tuple[Floats, float]:
    """Distances from the median in robust deviations, and that deviation (at least `floor`)."""
    away = statistic - np.median(statistic)
    scale, spread = 1.4826 * float(np.median(np.abs(away))), float(away.std())
    if scale <= 1e-9 * spread:
        scale = spread  # most are equal: rounded values that seldom change
    scale = max(scale, floor, 1e-300)
    return away / scale, scale


def _level_shifts(y: Floats, grain: float) -> list[int]:
    """Outliers among differences of neighbouring means, at widths 1, 2, 4, ..., the clearest first."""
    total = np.concatenate([[0.0], np.cumsum(y)])
    found: list[tuple[float, int, int, float]] = []
    slope = float(np.median(np.diff(y)))
    scale = grain  # of a line without noise
    width = 1
    while width <= max(LAST, y.size // NARROWEST):
        at = np.arange(width, y.size - max(width, LAST) + 1)
        difference = (total[at + width] - 2 * total[at] + total[at - width]) / width
        away, scale = _outliers(difference, max(grain, scale / np.sqrt(2)))  # means of noise shrink with 1 / sqrt(width) at most
        bound = _bound(y.size, width)
        if y.size >= RARE * width:
            bound = max(bound, TAIL * float(np.quantile(np.abs(away), 0.95)))
        found += [(float(abs(away[k])), int(at[k]), width, float(difference[k]) - slope * width) for k in np.flatnonzero(np.abs(away) > bound)]
        width *= 2
    return _distinct(y, found, slope)


def _distinct(y: Floats, found: list[tuple[float, int, int, float]], slope: float) -> list[int]:
    """Keep the clearest of each cluster, at its exact place, if the new level lasts."""
    taken: list[int] = []
    blocked = np.zeros(y.size + 1, dtype=bool)
    for _, at, width, size in sorted(found, reverse=True):
        if blocked[at]:
            continue
        place = _exact(y, at, width)
        low, high = max(0, min(at, place) - width), max(at, place) + width + 1
        blocked[low:high] = True
        if _lasts(y, place, size, slope) and all(abs(place - t) >= LAST for t in taken):
            taken.append(place)
    return sorted(taken)


def _exact(y: Floats, at: int, width: int) -> int:
    """The split of the neighbourhood that leaves the least variance around two levels; the largest single step if that is clear."""
    reach = max(LAST, width)
    low, high = max(0, at - reach), min(y.size, at + reach)
    part = y[low:high]
    steps = np.diff(part)
    part = part - np.median(steps) * np.arange(part.size) if width <= LAST else part
    n = np.arange(1, part.size)
    total = np.cumsum(part)
    left, right = total[:-1] / n, (total[-1] - total[:-1]) / (part.size - n)
    gain = (left - right) ** 2 * n * (part.size - n)
    return low + 1 + int(np.argmax(gain))


def _lasts(y: Floats, at: int, size: float, slope: float) -> bool:
    """Tell whether most values around a shift of `size` are on its two sides, the common slope apart: a burst of a few is none."""
    before, after = y[max(0, at - MOSTLY) : at], y[at : at + MOSTLY]
    if min(before.size, after.size) < LAST:
        return False
    shift = float(np.median(after) - np.median(before)) - slope * (before.size + after.size) / 2
    return shift * size > 0 and abs(shift) >= abs(size) / 2


def _levelled(y: Floats, shifts: list[int]) -> Floats:
    """Take out the jumps, so that slopes can be compared across them."""
    flat = y.copy()
    for at in shifts:
        before, after = flat[max(0, at - LAST) : at], flat[at : at + LAST]
        step = float(np.median(np.diff(flat[max(0, at - 2 * LAST) : at + 2 * LAST])))
        flat[at:] -= float(np.median(after) - np.median(before)) - step * LAST
    return flat


def _slopes(y: Floats, width: int) -> Floats:
    """Least-squares slope of each window of `width` values, shape (t - width + 1,)."""
    time = np.arange(width) - (width - 1) / 2
    position = np.arange(y.size)
    total, moment = np.concatenate([[0.0], np.cumsum(y)]), np.concatenate([[0.0], np.cumsum(y * position)])
    start = np.arange(y.size - width + 1)
    sums = total[start + width] - total[start]
    slopes: Floats = (moment[start + width] - moment[start] - (start + (width - 1) / 2) * sums) / float(time @ time)
    return slopes


def _bends(y: Floats, grain: float) -> list[int]:
    """Outliers among differences of neighbouring slopes."""
    width = y.size // NARROWEST_SLOPE
    if width < 8:
        return []
    slopes = _slopes(y, width)
    difference = slopes[width:] - slopes[:-width]
    away, _ = _outliers(difference, max(grain, 1e-6 * float(np.std(y))) / width)
    bends: list[int] = []
    for k in np.argsort(-np.abs(away)):
        if abs(away[k]) < _bound(y.size, width) + MARGIN_SLOPE:
            break
        if all(abs(k + width - b) > width for b in bends):
            bends.append(int(k) + width)
    return sorted(_corner(y, b, width) for b in bends)


def _corner(y: Floats, at: int, width: int) -> int:
    """The corner of the broken line that fits the neighbourhood best."""
    low, high = max(0, at - width), min(y.size, at + width)
    part, time = y[low:high], np.linspace(-1, 1, high - low)
    best, place = np.inf, at
    for k in np.unique(np.linspace(LAST, part.size - LAST - 1, 60).astype(int)):
        basis = np.column_stack([np.ones_like(time), time, np.maximum(time - time[k], 0)])
        error = float(np.sum((part - basis @ np.linalg.lstsq(basis, part, rcond=None)[0]) ** 2))
        if error < best:
            best, place = error, low + int(k)
    return place

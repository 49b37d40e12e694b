"""Where a new level or a new slope began."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cronocast.classify.bends import bends
from cronocast.classify.features import Bools, Floats

MARGIN = 2.0  # above sqrt(2 log n), which the largest of n normal values reaches: about 1 false alarm in 1000 series
SPIKE_WINDOW, SPIKE = (9, 6.0)  # up to four odd values in a row, 6 robust deviations away, are a spike and not a level
LAST = 3  # values that a new level must have held
HELD = 6  # values on each side that are asked whether it did
TAIL, RARE = (3.0, 200)  # steps with heavier tails than the normal have a wider spread to stand out from, where changes touch under 5 % of the windows
FEW = 4  # but at least so wide
NARROWEST = 16  # widths tried are at most 1/16 of the series, so that most windows know nothing of the change
HEAVY = 0.4  # of the standard deviation: values of a few kinds (on and off) have a small median deviation
SMALL = 0.03  # of the spread of the bulk of the values: less is no new level, however clear
BACK, SHORT = (0.35, 10)  # a shift that is undone but for this share within 1/10 of the time is an outage or a holiday, and nothing new


class Changes(NamedTuple):
    """What changed, and when it was as usual."""

    starts: list[int]  # indices where a new level or slope began, ascending
    usual: Bools  # shape (t,), False in outages and holidays


class Jump(NamedTuple):
    """A candidate for a shift of the level."""

    clear: float  # robust deviations from what is usual
    at: int
    width: int  # of the windows that showed it
    size: float
    slope: float  # of the windows beside it


def change_points(rest: Floats, observed: Bools, grain: float) -> Changes:
    """Find the starts of new levels and slopes.

    The step between the means of two windows side by side, less the steps beside it, is compared with what it is elsewhere in the same series. That holds for
    noise of any colour: a random walk is no row of level shifts, since all its steps are alike. A change must stand out from them.

    Args:
        rest: Shape (t,), finite, scale-free, seasons removed.
        observed: Shape (t,), False where a gap was bridged.
        grain: Differences below this are rounding.
    """
    usual = np.ones(rest.size, dtype=bool)
    y = without_spikes(rest)
    if np.ptp(y) <= grain:
        return Changes([], usual)
    lasting: list[Jump] = []
    for jump in _level_shifts(y, observed, grain):
        if lasting and (jump.at - lasting[-1].at) * SHORT <= y.size and abs(jump.size + lasting[-1].size) <= BACK * abs(lasting[-1].size):
            usual[lasting.pop().at : jump.at] = False
        else:
            lasting.append(jump)
    shifts = [jump.at for jump in lasting]
    apart = max(LAST, y.size // 50)
    corners = [b for b in bends(_levelled(_bridged(y, usual), shifts), grain) if all(abs(b - s) > apart for s in shifts)]
    return Changes(sorted(shifts + corners), usual)


def unexplained(y: Floats, starts: list[int]) -> float:
    """Mean square of what straight lines between `starts` leave of y."""
    left = 0.0
    for low, high in zip([0, *starts], [*starts, y.size], strict=True):
        part = y[low:high] - y[low:high].mean()
        time = np.arange(part.size) - (part.size - 1) / 2
        left += float(part @ part) - float(time @ part) ** 2 / max(float(time @ time), 1.0)
    return max(0.0, left) / y.size


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


def _bridged(y: Floats, usual: Bools) -> Floats:
    """Straight lines across what is not usual."""
    kept = np.flatnonzero(usual)
    return np.interp(np.arange(y.size), kept, y[kept])


def _scale(excess: Floats, step: Floats, floor: float) -> float:
    """Deviation that half of the values stay within, as that of a normal variable, where most are not equal or heavy in the tails; at least `floor`."""
    away = np.abs(excess - np.median(excess))
    scale, spread = 1.4826 * float(np.median(away)), float(step.std())
    return max(scale, spread * (1.0 if scale <= 1e-9 * spread else HEAVY), floor, 1e-300)  # equal ones: rounded values that seldom change


def _bound(size: int, width: int) -> float:
    """Deviations that the largest of all windows of noise stays under."""
    return float(np.sqrt(2 * np.log(size / width))) + MARGIN


def _level_shifts(y: Floats, observed: Bools, grain: float) -> list[Jump]:
    """Shifts that last, in order of time, from windows of width 1, 2, 4, ..."""
    total, count = (np.concatenate([[0.0], np.cumsum(v)]) for v in (y * observed, observed))
    found: list[Jump] = []
    scale, width = grain, 1
    while width <= min(max(FEW, y.size // NARROWEST), y.size // 4):
        sums, seen = total[width:] - total[:-width], count[width:] - count[:-width]
        mean = np.where(2 * seen > width, sums / np.maximum(seen, 1), np.nan)
        step = mean[width:] - mean[:-width]
        step = np.where(np.isnan(step), np.median(step[~np.isnan(step)]) if np.isfinite(step).any() else 0.0, step)  # gaps can't be judged
        beside = _beside(step, 2 * width)
        excess = step - beside
        scale = _scale(excess, step, max(grain, scale / np.sqrt(2)))  # means of noise shrink with 1 / sqrt(width) at most
        clear = np.abs(excess) / scale
        limit = _bound(y.size, width)
        if y.size >= RARE * width:
            limit = max(limit, TAIL * float(np.quantile(clear, 0.95)))
        over = np.flatnonzero(clear > limit)
        for run in np.split(over, np.flatnonzero(np.diff(over) > 1) + 1) if over.size else []:
            top = int(run[np.argmax(clear[run])])
            if abs(excess[top]) >= SMALL:
                found.append(Jump(float(clear[top]), top + width, width, float(excess[top]), float(beside[top]) / width))
        width *= 2
    return _distinct(y, found)


def _beside(step: Floats, apart: int) -> Floats:
    """Mean of the steps `apart` before and after; at the ends the one there is, or none."""
    before, after = np.full(step.size, np.nan), np.full(step.size, np.nan)
    before[apart:], after[:-apart] = step[:-apart], step[apart:]
    before, after = (np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after))
    return np.asarray(np.nan_to_num((before + after) / 2))


def _distinct(y: Floats, found: list[Jump]) -> list[Jump]:
    """Keep the clearest of each cluster, at its exact place, if the new level lasts."""
    taken: list[Jump] = []
    for jump in sorted(found, reverse=True):
        # Windows that see a shift beside them make an echo of it.
        if any(abs(jump.at - t.at) <= 3 * jump.width for t in taken):
            continue
        place = _exact(y, jump)
        if all(abs(place - t.at) >= LAST for t in taken) and _lasts(y, place, jump):
            taken.append(jump._replace(at=place))
    return sorted(taken, key=lambda t: t.at)


def _exact(y: Floats, jump: Jump) -> int:
    """The split of the neighbourhood that leaves the least variance around two levels."""
    reach = max(LAST, jump.width)
    low, high = max(0, jump.at - reach), min(y.size, jump.at + reach)
    part = y[low:high] - _slope_near(y, jump) * np.arange(high - low)
    n = np.arange(1, part.size)
    total = np.cumsum(part)
    left, right = total[:-1] / n, (total[-1] - total[:-1]) / (part.size - n)
    return low + 1 + int(np.argmax((left - right) ** 2 * n * (part.size - n)))


def _slope_near(y: Floats, jump: Jump) -> float:
    """Slope around a shift: that of the windows beside it; of narrow ones, too noisy for that, the median step, which the shift itself does not move."""
    if jump.width >= HELD:
        return jump.slope
    return float(np.median(np.diff(y[max(0, jump.at - 4 * HELD) : jump.at + 4 * HELD])))


def _lasts(y: Floats, at: int, jump: Jump) -> bool:
    """Tell whether most values around a shift are on its two sides, the slope apart: a burst of a few is none."""
    reach = max(HELD, jump.width)
    before, after = y[max(0, at - reach) : at], y[at : at + reach]
    if min(before.size, after.size) < LAST:
        return False
    shift = float(np.median(after) - np.median(before)) - _slope_near(y, jump) * (before.size + after.size) / 2
    return shift * jump.size > 0 and abs(shift) >= abs(jump.size) / 2


def _levelled(y: Floats, shifts: list[int]) -> Floats:
    """Take out the jumps, so that slopes can be compared across them."""
    flat = y.copy()
    for at in shifts:
        before, after = flat[max(0, at - HELD) : at], flat[at : at + HELD]
        step = float(np.median(np.diff(flat[max(0, at - 4 * HELD) : at + 4 * HELD])))
        flat[at:] -= float(np.median(after) - np.median(before)) - step * (before.size + after.size) / 2
    return flat

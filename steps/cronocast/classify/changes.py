"""Where a new level or a new slope began."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cronocast.classify.bends import bends
from cronocast.classify.spikes import without_spikes
from cronocast.timeseries.grid import Bools, Floats

MARGIN = 2.0  # above sqrt(2 log n), which the largest of n normal values reaches: about 1 false alarm in 1000 series
FEWER = 25.0  # and this / n, since the scale of few values is not known well
LAST = 3  # values that a new level must have held
HELD = 6  # values on each side that are asked whether it did
# Steps with heavier tails than the normal have a wider spread to stand out from, where changes touch under 5 % of the
# windows.
TAIL, RARE = 3.0, 200
FEW = 4  # but at least so wide
NARROWEST = 16  # widths tried are at most 1/16 of the series, so that most windows know nothing of the change
ECHO = 4  # widths within which a shift shows in the steps beside
STAIRS = 3  # steps of a series without noise that are still changes
HEAVY = 0.4  # of the standard deviation: values of a few kinds (on and off) have a small median deviation
SMALL = 0.03  # of the spread of the bulk of the values: less is no new level, however clear
# a shift that is undone but for this share within 1/10 of the time is an outage or a holiday, and nothing new
BACK, SHORT = (0.35, 10)
SWITCHED = 0.7  # share of the shifts that are undone by the next one in a series that switches between two levels


class Changes(NamedTuple):
    """What changed, and when it was as usual."""

    starts: list[int]  # indices where a new level or slope began, ascending
    usual: Bools  # shape (t,), False in outages and holidays
    corners: list[int]  # those of the starts that are new slopes without a jump


class Jump(NamedTuple):
    """A candidate for a shift of the level."""

    clear: float  # robust deviations from what is usual
    at: int
    width: int  # of the windows that showed it
    size: float
    slope: float  # around it


def change_points(rest: Floats, observed: Bools, grain: float) -> Changes:
    """Find the starts of new levels and slopes.

    The step between the means of two windows side by side, less the steps beside it, is compared with what it is
    elsewhere in the same series. That holds for
    noise of any colour: a random walk is no row of level shifts, since all its steps are alike. A change must stand out
    from them.

    Args:
        rest: Shape (t,), finite, scale-free, seasons removed.
        observed: Shape (t,), False where a gap was bridged.
        grain: Differences below this are rounding.
    """
    y = without_spikes(rest)
    if np.ptp(y) <= grain:
        return Changes([], np.ones(rest.size, dtype=bool), [])
    found = _level_shifts(y, observed, grain)
    jumps, usual = _lasting(found, y.size)
    if _to_and_fro(found):
        return Changes([], usual, [])
    shifts = [jump.at for jump in jumps]
    apart = max(LAST, y.size // 50)
    bent = bends(_levelled(_bridged(y, usual), shifts), grain)
    corners = [b for b in bent if all(abs(b - s) > apart for s in shifts)]
    return Changes(sorted(shifts + corners), usual, corners)


def _lasting(jumps: list[Jump], size: int) -> tuple[list[Jump], Bools]:
    """Shifts to levels that last, and which steps (shape (size,)) are outside of short excursions that came back."""
    usual = np.ones(size, dtype=bool)
    lasting: list[Jump] = []
    for jump in jumps:
        last = lasting[-1] if lasting else None
        if last and (jump.at - last.at) * SHORT <= size and abs(jump.size + last.size) <= BACK * abs(last.size):
            usual[lasting.pop().at : jump.at] = False
        else:
            lasting.append(jump)
    return lasting, usual


def _to_and_fro(jumps: list[Jump]) -> bool:
    """Tell whether a series switches between two levels: neither is new."""
    undone = sum(abs(one.size + two.size) <= BACK * abs(one.size) for one, two in pairwise(jumps))
    return len(jumps) > 2 * STAIRS and undone >= SWITCHED * (len(jumps) - 1)


def unexplained(y: Floats, starts: list[int]) -> float:
    """Mean square of what straight lines between `starts` leave of y."""
    left = 0.0
    for low, high in zip([0, *starts], [*starts, y.size], strict=True):
        part = y[low:high] - y[low:high].mean()
        time = np.arange(part.size) - (part.size - 1) / 2
        left += float(part @ part) - float(time @ part) ** 2 / max(float(time @ time), 1.0)
    return max(0.0, left) / y.size


def _bridged(y: Floats, usual: Bools) -> Floats:
    """Straight lines across what is not usual."""
    kept = np.flatnonzero(usual)
    return np.interp(np.arange(y.size), kept, y[kept])


def _scale(excess: Floats, step: Floats, floor: float) -> float:
    """Deviation that half of the values stay within, scaled as for a normal variable; at least `floor`.

    It is larger where most values are equal or the tails are heavy.
    """
    away = np.sort(np.abs(excess - np.median(excess)))
    scale, spread = 1.4826 * float(away[away.size // 2]), float(step.std())
    if scale <= 1e-9 * spread:  # most are equal: no noise, or rounded values that seldom change
        return max(float(np.sqrt(np.mean(away[:-STAIRS] ** 2))) if away.size > STAIRS else spread, floor, 1e-300)
    return max(scale, HEAVY * spread, floor)


def _bound(size: int, width: int) -> float:
    """Deviations that the largest of all windows of noise stays under."""
    return float(np.sqrt(2 * np.log(size / width))) + MARGIN + FEWER / size


def _level_shifts(y: Floats, observed: Bools, grain: float) -> list[Jump]:
    """Shifts that last, in order of time, from windows of width 1, 2, 4, ..."""
    slopes = _running_slope(y, 4 * HELD + 1)
    found: list[Jump] = []
    scale, width = grain, 1
    while width <= min(max(FEW, y.size // NARROWEST), y.size // 4):
        step = _steps(y, observed, width)
        beside = _beside(step, 2 * width) if width >= HELD else width * slopes[width - 1 : slopes.size - width + 1]
        excess = step - beside
        known = np.isfinite(excess)
        if known.sum() > HELD:
            # means of noise shrink with 1 / sqrt(width) at most
            scale = _scale(excess[known], step[known], max(grain, scale / np.sqrt(2)))
            clear = np.where(known, np.abs(excess), 0) / scale
            limit = _bound(y.size, width)
            if y.size >= RARE * width:
                limit = max(limit, TAIL * float(np.quantile(clear, 0.95)))
            tops = _tops(clear, limit)
            found += [
                Jump(float(clear[k]), k + width, width, float(excess[k]), float(beside[k]) / width)
                for k in tops
                if abs(excess[k]) >= SMALL
            ]
        width *= 2
    distinct = _distinct(y, found)
    return [] if _stairs(distinct, np.abs(np.diff(y)), grain) else distinct


def _steps(y: Floats, observed: Bools, width: int) -> Floats:
    """Differences of the means of windows side by side, shape (t - 2 * width + 1,).

    NaN where a window is mostly gap.
    """
    total, count = (np.concatenate([[0.0], np.cumsum(v)]) for v in (y * observed, observed))
    sums, seen = total[width:] - total[:-width], count[width:] - count[:-width]
    mean = np.where(2 * seen > width, sums / np.maximum(seen, 1), np.nan)
    step: Floats = mean[width:] - mean[:-width]
    return step


def _tops(clear: Floats, limit: float) -> list[int]:
    """The highest place of each run above the limit."""
    over = np.flatnonzero(clear > limit)
    runs = np.split(over, np.flatnonzero(np.diff(over) > 1) + 1) if over.size else []
    return [int(run[np.argmax(clear[run])]) for run in runs]


def _stairs(distinct: list[Jump], steps: Floats, grain: float) -> bool:
    """Tell whether values mostly stay as they are and step by the same amount now and then.

    They are rounded or of a few kinds, such as on and off.
    """
    moved = steps[steps > grain]
    if (
        not distinct
        or 2 * moved.size > steps.size
        or np.median([abs(jump.size) for jump in distinct]) > 2 * np.median(moved)
    ):
        return False
    return len(distinct) > STAIRS or moved.size > STAIRS * len(distinct)


def _running_slope(y: Floats, size: int) -> Floats:
    """Step from each value to the next as the `size` (odd) steps around it have it.

    The mean of the middle half, which a few jumps do not move.

    A median would be as robust, but that of rounded values is a rounded number.
    """
    steps = np.diff(y)
    if steps.size < size:
        return np.full(steps.size, np.sort(steps)[steps.size // 4 : steps.size - steps.size // 4].mean())
    ordered = np.sort(sliding_window_view(np.pad(steps, size // 2, mode="reflect"), size), axis=1)
    return np.asarray(ordered[:, size // 4 : size - size // 4].mean(axis=1))


def _beside(step: Floats, apart: int) -> Floats:
    """Mean of the steps `apart` before and after; the one there is at ends and gaps, NaN where there is none."""
    before, after = np.full(step.size, np.nan), np.full(step.size, np.nan)
    before[apart:], after[:-apart] = step[:-apart], step[apart:]
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    return np.asarray((before + after) / 2)


def _distinct(y: Floats, found: list[Jump]) -> list[Jump]:
    """Keep the clearest of each cluster, at its exact place, if the new level lasts."""
    taken: list[Jump] = []
    for jump in sorted(found, reverse=True):
        # Windows that see a shift beside them make an echo of it.
        if any(abs(jump.at - t.at) <= ECHO * jump.width for t in taken):
            continue
        place = _exact(y, jump)
        if all(abs(place - t.at) >= LAST for t in taken) and _lasts(y, place, jump):
            taken.append(jump._replace(at=place))
    return sorted(taken, key=lambda t: t.at)


def _exact(y: Floats, jump: Jump) -> int:
    """The split of the neighbourhood that leaves the least variance around two levels."""
    reach = max(LAST, jump.width)
    low, high = max(0, jump.at - reach), min(y.size, jump.at + reach)
    part = y[low:high] - jump.slope * np.arange(high - low)
    n = np.arange(1, part.size)
    total = np.cumsum(part)
    left, right = total[:-1] / n, (total[-1] - total[:-1]) / (part.size - n)
    return low + 1 + int(np.argmax((left - right) ** 2 * n * (part.size - n)))


def _lasts(y: Floats, at: int, jump: Jump) -> bool:
    """Tell whether most values around a shift are on its two sides, the slope apart: a burst of a few is none."""
    reach = max(HELD, jump.width)
    before, after = y[max(0, at - reach) : at], y[at : at + reach]
    if min(before.size, after.size) < LAST:
        return False
    apart = float(np.median(after) - np.median(before))
    shift = apart - jump.slope * (before.size + after.size) / 2
    return min(apart * jump.size, shift * jump.size) > 0 and abs(shift) >= abs(jump.size) / 2


def _levelled(y: Floats, shifts: list[int]) -> Floats:
    """Take out the jumps, so that slopes can be compared across them.

    Each is taken as a line with a step fits it best between the jumps around it.
    """
    flat = y.copy()
    reach = max(HELD, y.size // NARROWEST)
    for before, at, after in zip([0, *shifts], shifts, [*shifts[1:], y.size], strict=False):
        low, high = max(before, at - reach), min(after, at + reach)
        time = np.arange(low, high)
        basis = np.column_stack([np.ones(time.size), time - at, time >= at])
        flat[at:] -= float(np.linalg.lstsq(basis, y[low:high], rcond=None)[0][2])
    return flat

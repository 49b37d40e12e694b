"""Values that are odd beside their neighbours and beside the same time of other days and weeks. Pure functions."""

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.timeseries.clock import clock_of
from cronocast.timeseries.grid import Bools, Floats, Ints, steps_of

LEVEL = 24  # values around a value that say its level, where no longer season is known
SPIKE_WINDOW = 9  # values around a value that must agree that it is odd
LONGEST_SPIKE = 4  # values in a row; more are a level of their own, and half of the window could not tell
PLACES = 50  # in half of a window at which a running median is taken
STEEP = 3.0  # times the change from place to place that 9 of 10 stay under: a new level, which lines would round off
PIECE = 2_000_000  # values of windows that are sorted at a time: 16 MB
RARE = 0.01  # share of the values that may be off where all others are exact
ROUNDING = 1e-9  # of the largest value
CYCLES = 3  # days or weeks from which their pattern is known


def outliers(
    time_ns: Ints, y: Floats, step_ns: int, limit: float, zone: str = "UTC"
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Tell which values are odd beside their neighbours and beside the same time of other days and weeks.

    Outliers are at most four in a row, and only where the values before and after them are alike: else there is a new
    level, which is no outlier. The newest values may be the start of one, so they never are.

    Args:
        time_ns: Times, shape (t,), ascending.
        y: Values, shape (t,).
        step_ns: Step of the grid.
        limit: Robust standard deviations from which on a value is odd.
        zone: Whose clock the pattern of a day follows.

    Returns:
        Shape (t,), True where odd.

    Source:
        Hampel, The influence curve and its role in robust estimation, 1974 (median and its absolute deviation), on what
        time of day and week leave.
    """
    odd = np.zeros(y.size, dtype=bool)
    if y.size < 3 * SPIKE_WINDOW:
        return odd
    y = y / (float(np.max(np.abs(y))) or 1.0)  # differences of 1e308 overflow
    day = UNIT_NS["d"] // step_ns
    half = max(LEVEL, min(day, y.size // 4)) // 2
    rest = level_free = y - running_median(y, 1 + 2 * half)
    # in the middle of the step, where a change by less moves it to no other
    shown = _wall_clock(steps_of(time_ns, step_ns), zone) + step_ns // 2
    for cycle_ns in (UNIT_NS["d"], UNIT_NS["w"]):
        if cycle_ns >= 2 * step_ns and time_ns[-1] - time_ns[0] >= CYCLES * cycle_ns:
            rest = rest - _medians_by(shown % cycle_ns // step_ns, rest)
    patternless = y - (level_free - rest)
    rest = rest - running_median(rest, SPIKE_WINDOW)
    size = np.abs(rest)
    scale = _scale(size, half)
    odd = size > limit * scale
    if exact := float(np.median(size)) <= ROUNDING:
        odd &= ~_comes_again(time_ns, y)
    edges = np.flatnonzero(np.diff(odd.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    for a, b in edges:
        # what an exact series begins with has nothing before it to be off from, and a level made of its mirror image
        ends = b == y.size or (a < SPIKE_WINDOW and exact)
        if b - a > LONGEST_SPIKE or ends or not _leaves_and_returns(patternless, a, b, limit * scale / 2):
            odd[a:b] = False
    return odd


def _scale(size: Floats, half: int) -> float:
    """Robust standard deviation of what is left, from its absolute values; at either end half a window is mirrored.

    Either figure of a normal variable gives it. The larger counts: what stands at its bound for a part of each day has
    no noise there, and what it has at other hours is not odd. Where most values are as expected to the last digit,
    those that are not say how far is far; where hardly any is not, whatever is more than rounding is far.
    """
    middle, upper = map(float, np.quantile(size, (0.5, 0.75)))
    if middle > ROUNDING:
        return max(1.4826 * middle, 0.8693 * upper)
    inner = size[half:-half] if 4 * half < size.size else size
    off = inner[inner > ROUNDING]
    return ROUNDING if off.size <= max(LONGEST_SPIKE, RARE * size.size) else float(np.median(off))


def _comes_again(time_ns: Ints, y: Floats) -> Bools:
    """Tell which values are the same a day or a week away."""
    again = np.zeros(y.size, dtype=bool)
    for away in (UNIT_NS["d"], UNIT_NS["w"]):
        at = np.minimum(np.searchsorted(time_ns, time_ns + away), y.size - 1)
        same = (time_ns[at] == time_ns + away) & (np.abs(y[at] - y) <= ROUNDING)
        again[same], again[at[same]] = True, True
    return again


def _leaves_and_returns(y: Floats, a: int, b: int, far: float) -> bool:
    """Tell whether y[a:b] lies off the values before it and off those after it, to the same side.

    Near a new level it is like those on one side.
    """
    beside = [
        float(np.median(part)) for part in (y[max(0, a - SPIKE_WINDOW) : a], y[b : b + SPIKE_WINDOW]) if part.size
    ]
    return float(y[a:b].min()) - max(beside) > far or min(beside) - float(y[a:b].max()) > far


def _wall_clock(time_ns: Ints, zone: str) -> Ints:
    """Times, shape (t,), ascending, as the clock of a zone shows them, less its offset at the newest."""
    first, last = int(time_ns[0]), int(time_ns[-1])
    clock, _ = clock_of(zone, first, last, last, step_ns=1)  # to the nanosecond: no grid has to follow
    return time_ns if clock is None else clock.local(time_ns)


def _medians_by(phase: Ints, y: Floats) -> Floats:
    """The median of all values of the same phase, for each value."""
    order = np.lexsort((y, phase))
    first = np.flatnonzero(np.diff(phase[order], prepend=-1))
    counts = np.diff(first, append=y.size)
    ordered = y[order]
    middle = ordered[first + (counts - 1) // 2] / 2 + ordered[first + counts // 2] / 2
    found = np.empty(y.size)
    found[order] = np.repeat(np.where(counts >= CYCLES, middle, 0.0), counts)  # fewer would be their own median
    return found


def running_median(y: Floats, width: int) -> Floats:
    """Median of the `width` (odd) values around each; towards the ends of those that there are, mirrored about the end.

    Wide ones are taken at some places, with straight lines between, but where they change fast: windows that share
    nearly all of their values have nearly the same median.
    """
    half = min(width // 2, y.size - 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(y, half, mode="reflect"), 2 * half + 1)
    apart = max(1, half // PLACES)
    at = np.append(np.arange(0, y.size - 1, apart), y.size - 1)
    medians = _medians_of(windows, at)
    change = np.abs(np.diff(medians))
    steep = at[:-1][change > STEEP * np.quantile(change, 0.9)] if change.size else at[:0]
    within = (steep[:, None] + np.arange(1, apart)).ravel()
    within = within[within < y.size - 1]
    order = np.argsort(np.concatenate((at, within)))
    found = np.concatenate((medians, _medians_of(windows, within)))[order]
    return np.interp(np.arange(y.size), np.concatenate((at, within))[order], found)


def _medians_of(windows: Floats, at: Ints) -> Floats:
    """Median of each of these rows, in pieces.

    The windows of a long series together would need a copy many times its size.
    """
    rows = max(1, PIECE // windows.shape[1])
    return np.concatenate(
        [np.empty(0), *(np.median(windows[at[i : i + rows]], axis=1) for i in range(0, at.size, rows))]
    )

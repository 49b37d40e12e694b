"""What an entry asks to be done with values before anything looks at them.

Resampling, counter to rate, outliers, moving average. Pure functions.
"""

from array import array
from dataclasses import dataclass, field, replace

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.handoff.series import Member
from cronocast.timeseries.clock import clock_of
from cronocast.timeseries.grid import Floats, Ints, steps_of
from cronocast.timeseries.settings import Prepare

LEVEL = 24  # values around a value that say its level, where no longer season is known
SPIKE_WINDOW = 9  # values around a value that must agree that it is odd
LONGEST_SPIKE = 4  # values in a row; more are a level of their own, and half of the window could not tell
PLACES = 50  # in half of a window at which a running median is taken
STEEP = 3.0  # times the change from place to place that 9 of 10 stay under: a new level, which lines would round off
PIECE = 2_000_000  # values of windows that are sorted at a time: 16 MB
CYCLES = 3  # days or weeks from which their pattern is known


@dataclass(frozen=True)
class Prepared:
    """Values as classify and forecast see them, and what was done to them."""

    time_ns: Ints  # shape (t,), ascending
    y: Floats  # shape (t,), finite
    counts: dict[str, int] = field(default_factory=dict)  # what was done -> to how many values


def changes_values(wanted: Prepare) -> bool:
    """Tell whether classify and forecast see other values than those that were read."""
    return wanted.resample is not None or wanted.rate or wanted.outliers is not None or wanted.smooth is not None


def prepare_member(member: Member, every_ns: int, wanted: Prepare, zone: str) -> tuple[Member, dict[str, int]]:
    """A member of a history prepared as wanted, on a grid of `every_ns`, and what was done to how many values."""
    if not changes_values(wanted):
        return member, {}
    times, values = np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0], dtype=np.float64)
    done = prepare(times, values, every_ns, wanted, zone)
    return replace(
        member, time_ns=array("q", done.time_ns.tobytes()), columns=(array("d", done.y.tobytes()),)
    ), done.counts


def prepare(time_ns: Ints, y: Floats, step_ns: int, wanted: Prepare, zone: str = "UTC") -> Prepared:
    """Do what is wanted, in this order: resample, rate, outliers, smooth. Without any of them values stay as they are.

    Args:
        time_ns: Times, shape (t,), ascending.
        y: Values, shape (t,), finite.
        step_ns: Step of the grid.
        wanted: The settings.
        zone: Whose clock the pattern of a day follows.
    """
    counts: dict[str, int] = {}
    if wanted.resample is not None:
        rows = y.size
        time_ns, y = resample(time_ns, y, step_ns, wanted.resample)
        counts["resampled_away"] = rows - y.size
    if wanted.rate:
        time_ns, y, counts["counter_resets"] = rate(time_ns, y)
    if wanted.outliers is not None:
        odd = outliers(time_ns, y, step_ns, wanted.outliers, zone)
        time_ns, y, counts["outliers"] = time_ns[~odd], y[~odd], int(odd.sum())
    if wanted.smooth is not None:
        y = smooth(time_ns, y, int(wanted.smooth))
        counts["smoothed"] = y.size
    return Prepared(time_ns, y, counts)


def resample(time_ns: Ints, y: Floats, step_ns: int, rule: str) -> tuple[Ints, Floats]:
    """One value for each step that has any.

    The rows from its start (which dates it) up to the next one, as a database groups them.

    Args:
        time_ns: Times, shape (t,), ascending.
        y: Values, shape (t,).
        step_ns: Step of the grid; steps begin at multiples of it.
        rule: mean, median, min, max, sum or last.
    """
    if not y.size:
        return time_ns, y
    steps = time_ns // step_ns
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    counts = np.diff(first, append=y.size)
    if rule == "median":
        ordered = y[np.lexsort((y, steps))]
        # halves: a sum of 1e308 overflows
        values = ordered[first + (counts - 1) // 2] / 2 + ordered[first + counts // 2] / 2
    elif rule == "mean":
        values = np.add.reduceat(y / np.repeat(counts, counts), first)
    elif rule == "last":
        values = y[first + counts - 1]
    else:
        values = {"min": np.minimum, "max": np.maximum, "sum": np.add}[rule].reduceat(y, first)
    return steps[first] * step_ns, values


def rate(time_ns: Ints, y: Floats) -> tuple[Ints, Floats, int]:
    """Growth of a counter per second since the value before.

    A value below the one before means that the counter began anew at zero: it has grown by what it shows. After a gap
    the growth is spread over the whole gap and stands at its end, the gap stays a gap. The first value has none before
    it and is lost; values below zero are no count and are left out.

    Returns:
        Times and rates, shape (t - 1,) at most, and how often the counter began anew.
    """
    counter = y >= 0
    time_ns, y = time_ns[counter], y[counter]
    growth = np.diff(y)
    fell = growth < 0
    growth = np.where(fell, y[1:], growth)
    return time_ns[1:], growth / (np.diff(time_ns) / UNIT_NS["s"]), int(fell.sum())


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
    rest = level_free = y - running_median(y, 1 + 2 * (max(LEVEL, min(day, y.size // 4)) // 2))
    # in the middle of the step, where a change by less moves it to no other
    shown = _wall_clock(steps_of(time_ns, step_ns), zone) + step_ns // 2
    for cycle_ns in (UNIT_NS["d"], UNIT_NS["w"]):
        if cycle_ns >= 2 * step_ns and time_ns[-1] - time_ns[0] >= CYCLES * cycle_ns:
            rest = rest - _medians_by(shown % cycle_ns // step_ns, rest)
    patternless = y - (level_free - rest)
    rest = rest - running_median(rest, SPIKE_WINDOW)
    size = np.abs(rest)
    middle, upper = map(float, np.quantile(size, (0.5, 0.75)))
    if middle == 0:
        return odd  # most values are as expected to the last digit: nothing says how far is far
    # Either figure of a normal variable gives its deviation. The larger counts: what stands at its bound for a part of
    # each day has no noise there, and what it has at other hours is not odd.
    scale = max(1.4826 * middle, 0.8693 * upper)
    odd = size > limit * scale
    edges = np.flatnonzero(np.diff(odd.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    for a, b in edges:
        if b - a > LONGEST_SPIKE or b == y.size or not _leaves_and_returns(patternless, a, b, limit * scale / 2):
            odd[a:b] = False
    return odd


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


def smooth(time_ns: Ints, y: Floats, span_ns: int) -> Floats:
    """Mean of the values of the newest `span_ns` at each value, itself included: nothing of it lies in the future.

    There are fewer of them at the start.
    """
    first = np.searchsorted(time_ns, time_ns - span_ns, side="right")
    counts = np.arange(1, y.size + 1) - first
    room = int(np.max(counts, initial=1)).bit_length()  # a sum of 1e308 overflows
    return np.ldexp(_sums(np.ldexp(y, -room), first, counts) / counts, room)


def _sums(y: Floats, first: Ints, counts: Ints) -> Floats:
    """Sum of so many values from each of these on, shape (t,).

    Each is put together from sums of 1, 2, 4, ... values: differences of one running sum would lose all digits after a
    huge value.
    """
    total, at, power = np.zeros(y.size), first.copy(), 1
    while (part := counts >= power).any():
        taken = part & (counts & power > 0)
        total[taken] += y[at[taken]]  # y[i] is the sum of `power` values from i on
        at[taken] += power
        y = np.concatenate((y[:-power] + y[power:], y[-power:]))
        power *= 2
    return total

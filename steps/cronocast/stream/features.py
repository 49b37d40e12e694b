"""What tells regimes apart: values, and their mean, spread and slope over the time before. One code for both ends.

Training and stream call the same function, so that a value gets the same features in both.
"""

from collections.abc import Sequence

import numpy as np

from cronocast.durations import Duration
from cronocast.timeseries.grid import Floats, Ints

HOUR_NS = 3600 * 10**9
MOST_CELLS = 2_000_000  # of windows side by side in memory


def feature_names(fields: Sequence[str], windows: Sequence[Duration]) -> tuple[str, ...]:
    """Names of the columns of `features`, in order."""
    kinds = ("mean", "spread", "slope")
    return (*fields, *(f"{field} {kind} {window}" for window in windows for field in fields for kind in kinds))


def features(time_ns: Ints, values: Floats, windows: Sequence[int], first: int = 0) -> Floats:
    """Features of rows from one on; rows before it only lend their values.

    Args:
        time_ns: Times of rows of one machine, rising, shape (n,).
        values: What was measured, shape (n, fields), finite.
        windows: Lengths in ns; a row's window ends at the row, which belongs to it, and its begin does not.
        first: Index of the first row that is wanted.

    Returns:
        Shape (n - first, fields * (1 + 3 * windows)): values, then mean, spread (standard deviation) and slope (least
        squares, per hour) over each window; spread and slope of a lone value are 0.
    """
    columns = [values[first:]]
    for window in windows:
        begin = np.searchsorted(time_ns, time_ns[first:] - window, side="right")
        columns += [_over(time_ns, values[:, field], begin, first) for field in range(values.shape[1])]
    return np.hstack(columns)


def _over(time_ns: Ints, y: Floats, begin: Ints, first: int) -> Floats:
    """Mean, spread and slope over rows from `begin` to each row from `first` on, shape (n - first, 3)."""
    end = np.arange(first, y.size) + 1
    out = np.empty((end.size, 3))
    longest = int((end - begin).max(initial=1))
    at_once = max(1, MOST_CELLS // longest)
    for at in range(0, end.size, at_once):
        rows = slice(at, at + at_once)
        out[rows] = _windows(time_ns, y, begin[rows], end[rows])
    return out


def _windows(time_ns: Ints, y: Floats, begin: Ints, end: Ints) -> Floats:
    """As `_over` for a few rows: each window by itself, since sums that run on would depend on what came before."""
    n = (end - begin).astype(float)
    place = begin[:, None] + np.arange(int(n.max(initial=1)))
    inside = place < end[:, None]
    place = np.minimum(place, y.size - 1)
    mean = _sum(np.where(inside, y[place], 0.0)) / n
    off = np.where(inside, y[place] - mean[:, None], 0.0)
    hours = np.where(inside, (time_ns[place] - time_ns[end - 1][:, None]) / HOUR_NS, 0.0)
    apart = np.where(inside, hours - (_sum(hours) / n)[:, None], 0.0)
    square = _sum(apart**2)
    slope = np.where(square > 0, _sum(apart * off) / np.where(square > 0, square, 1.0), 0.0)
    return np.column_stack((mean, np.sqrt(_sum(off**2) / n), slope))


def _sum(cells: Floats) -> Floats:
    """Sums of rows, one value after the other: to the last digit the same however many zeros stand behind."""
    return np.asarray(np.cumsum(cells, axis=1)[:, -1])

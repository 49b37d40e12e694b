"""What a step without a row means: nothing is known, nothing happened, or nothing changed. Pure functions."""

import numpy as np

from cronocast.timeseries.grid import MAX_STEPS, Floats, Ints, snap
from cronocast.timeseries.preparation import Absent


def read_absent(time_ns: Ints, y: Floats, step_ns: int, absent: Absent, end_ns: int) -> tuple[Ints, Floats, int]:
    """Give each step without a row the value that its absence means.

    From the first row on, since nothing tells whether the member was there before it, up to the end of the window,
    where the newest steps are as empty as any other. With `previous` a value stands from its time until the next row,
    so a step in which it changes has the mean (or the least, the greatest, the last) of what stood in it.

    Args:
        time_ns: Times of the rows, shape (t,), ascending.
        y: Values, shape (t,), finite.
        step_ns: Step of the grid.
        absent: How to read them.
        end_ns: End of the last finished step; rows after it count all the same.

    Returns:
        Times of steps and values, and how many steps had no row.
    """
    if absent.rule == "missing" or not y.size:
        return time_ns, y, 0
    grid = snap(time_ns, y, step_ns)
    if absent.rule == "previous":
        start_ns = max(int(time_ns[0]) // step_ns, int(time_ns[-1]) // step_ns - MAX_STEPS + 1) * step_ns
        last_ns, filled_before = int(time_ns[-1]) // step_ns * step_ns, np.unique(time_ns // step_ns).size
    else:
        start_ns, last_ns = grid.start_ns, grid.start_ns + (grid.y.size - 1) * step_ns
        filled_before = int(grid.observed.sum())
    ended = absent.silent_ns is not None and end_ns - last_ns - step_ns >= absent.silent_ns
    until_ns = last_ns + step_ns if ended else max(end_ns, last_ns + step_ns)
    steps = min(MAX_STEPS, (until_ns - start_ns) // step_ns)
    times = start_ns + step_ns * np.arange(steps, dtype=np.int64)
    if absent.rule == "previous":
        values = _stood(time_ns, y, np.append(times, times[-1] + step_ns), absent.aggregate)
    else:
        values = np.zeros(steps)
        values[: grid.y.size] = np.where(grid.observed, grid.y, 0.0)[:steps]
    return times, values, steps - filled_before


def _stood(time_ns: Ints, y: Floats, edges: Ints, aggregate: str) -> Floats:
    """The aggregate of what stood in each step, whose edges are given, shape (steps + 1,).

    The first step is judged by its part since the first row.
    """
    within = (time_ns >= edges[0]) & (time_ns < edges[-1])
    begins = np.union1d(time_ns[within], edges[:-1])
    at = np.searchsorted(time_ns, begins, side="right") - 1
    begins, at = begins[at >= 0], at[at >= 0]
    first = np.searchsorted(begins, edges[:-1])
    standing = y[at]
    if aggregate == "last":
        return np.asarray(standing[np.append(first[1:], begins.size) - 1])
    if aggregate in ("min", "max"):
        return np.asarray({"min": np.minimum, "max": np.maximum}[aggregate].reduceat(standing, first))
    lengths = np.diff(begins, append=edges[-1]).astype(np.float64)
    counts = np.diff(first, append=begins.size)
    shares = lengths / np.repeat(np.add.reduceat(lengths, first), counts)
    means = np.add.reduceat(standing * shares, first)
    return np.where(counts == 1, standing[first], means)  # to the last bit where nothing changed

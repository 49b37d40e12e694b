"""Whether the values of a member mean something else than when it was last made anew."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cronocast.durations import stamp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_NS = 86400 * 10**9
FACTOR = 2.0  # of the median: another unit, another aggregate, another thing measured
LONGER = 2  # times the longest gap known, such as that of regular closing hours
BLOCK_STEPS = 4  # at least, of what a median is taken of
OLD_BLOCKS, NEW_BLOCKS = 7, 2  # at least: a week, with its week-end, and more than one bad day


class History(NamedTuple):
    """Values of a member as read, without those that were filled."""

    start_ns: int  # begin of the window that was read
    times: Ints  # (t,) rising
    values: Floats  # (t,)


class Change(NamedTuple):
    """What is other than before, in words, and since when."""

    words: str
    since_ns: int | None = None


def changed_meaning(history: History, made_ns: int, points: int, step_ns: int, horizon_ns: int) -> Change | None:
    """What of a history is other than when a member was made of it; None for nothing.

    Args:
        history: Values up to the run.
        made_ns: Time of the run that made it.
        points: How many values it was made from.
        step_ns: Step size.
        horizon_ns: How far ahead it is forecast; shorter gaps change nothing.
    """
    if history.times.size >= LONGER * max(points, 1):
        return Change(f"{history.times.size} values are known, it was made from {points}")
    return _gap(history, made_ns, step_ns, horizon_ns) or _other_size(history, made_ns, step_ns)


def _gap(history: History, made_ns: int, step_ns: int, horizon_ns: int) -> Change | None:
    """The newest gap after which values have begun anew."""
    edges = np.concatenate([[history.start_ns - step_ns], history.times])
    gaps = np.diff(edges) - step_ns
    later = history.times > made_ns
    known = gaps[1:][~later[1:]].max(initial=0)
    long = np.flatnonzero(later & (gaps > max(horizon_ns, LONGER * known)))
    if not long.size:
        return None
    since_ns = int(history.times[long[-1]])
    if long[-1] == 0:
        return Change(f"its values begin on {stamp(since_ns)}, none is left of those it was made from", since_ns)
    return Change(f"no value before {stamp(since_ns)} for longer than the horizon", since_ns)


def _other_size(history: History, made_ns: int, step_ns: int) -> Change | None:
    """Blocks of a day that are all larger or smaller by a factor than all before: two at least, one is an incident."""
    block_ns = max(DAY_NS, BLOCK_STEPS * step_ns)
    blocks, sizes = _medians(history, block_ns, step_ns)
    for first in range(len(blocks) - NEW_BLOCKS, OLD_BLOCKS - 1, -1):
        if (blocks[first + NEW_BLOCKS - 1] + 1) * block_ns <= made_ns:
            return None  # it was made of them
        old, new = sizes[:first], sizes[first:]
        if 0 < FACTOR * old.max() < new.min() or 0 < FACTOR * new.max() < old.min():
            factor = float(np.median(new) / np.median(old))
            times = f"{factor:.3g} times as large" if factor > 1 else f"{1 / factor:.3g} times as small"
            since_ns = int(blocks[first]) * block_ns
            return Change(f"values about {times} since {stamp(since_ns)}", since_ns)
    return None


def _medians(history: History, block_ns: int, step_ns: int) -> tuple[Ints, Floats]:
    """Whole blocks that hold values, rising, and the median size of each."""
    until_ns = int(history.times[-1] + step_ns) // block_ns * block_ns if history.times.size else 0
    whole = history.times < until_ns
    blocks, begins = np.unique(history.times[whole] // block_ns, return_index=True)
    parts = np.split(np.abs(history.values[whole]), begins[1:])[: blocks.size]
    return blocks, np.array([np.median(part) for part in parts])

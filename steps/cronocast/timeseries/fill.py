"""Fills gaps in a history and counts what was filled; nothing is made up before the first or after the last value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Bools, Floats

SHORT_GAP = 3  # steps; a straight line over so few follows any curve well enough
MAX_FILLED_SHARE = 0.5  # more invented than seen is no history
# times as long as nine in ten distances of two values are: where one hour in eight has a value, a day without is usual
OUTAGE = 5
SPARSE = 2  # the same for a tail; where values come at random, one in a hundred is longer


@dataclass(frozen=True)
class Filled:
    """A history without gaps. It starts at the first observation that still counts and ends at the last one."""

    y: "Floats"  # shape (t,), finite
    observed: "Bools"  # shape (t,), False where filled
    start: int  # index of y[0] in what was given
    tail: int  # steps after the last observation, which nothing is invented for
    by_line: int = 0  # missing steps filled with a straight line
    by_season: int = 0  # missing steps filled from other seasons
    left_out: int = 0  # observations left out because an outage too long to fill follows them
    holidays: int = (
        0  # steps left out although they were observed; what stands there instead is filled, but was not missing
    )
    unseen: int = 0  # steps of the tail since something was last observed, be it on a holiday

    def too_short(self) -> str:
        """The reason of a member with too few points."""
        points = int(self.observed.sum())
        return f"too_short: {points} point{'s' * (points != 1)}"

    def silent_for(self, steps: int) -> bool:
        """Tell whether the tail is so long that the member has fallen silent.

        Where values lie far apart, it takes more than what usually lies between two.
        """
        return self.unseen >= max(steps, SPARSE * _usually_apart(self.observed))

    def counts(self) -> dict[str, int]:
        """What the result file says."""
        return {
            "filled_by_line": self.by_line,
            "filled_by_season": self.by_season,
            "left_out_before_outage": self.left_out,
            "left_out_on_holidays": self.holidays,
            "missing_at_end": self.unseen,
        }


def gaps(observed: "Bools") -> list[tuple[int, int]]:
    """Runs of False as (start, end), end exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate(([1], observed.astype(np.int8), [1]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def fill(
    y: "Floats", periods: tuple[int, ...] = (), limit: int | None = None, holidays: "Bools | None" = None
) -> Filled:
    """Fill the gaps of a history.

    Gaps of up to three steps, and all where no season is known, get a straight line. Longer ones get the same phase of
    the seasons around them, shifted to meet the values at both ends. An outage (much longer than values usually lie
    apart) that would
    leave more invented than seen is not filled: history starts after it, unless nearly all of the observations stand
    before it. With a limit it starts after the newest gap that is longer, however much that leaves.

    Args:
        y: Values on the grid, shape (t,), NaN or infinite where nothing was observed.
        periods: Seasonal periods in steps.
        limit: Longest gap in steps that is filled; None: any that leaves less invented than seen.
        holidays: Steps whose values are left out, shape (t,); they are filled as gaps are, but are none: they are not
            counted as missing, and no history begins after them. None: no step.
    """
    known = np.isfinite(y)
    off = ~known & holidays if holidays is not None else np.zeros(y.size, dtype=bool)
    where = np.flatnonzero(known)
    if not where.size:
        return Filled(np.empty(0), np.empty(0, dtype=bool), 0, y.size)
    measured = known | off  # a holiday is no outage
    first, end = int(where[0]), int(where[-1]) + 1
    start = _after_outage(measured, first, end) if limit is None else _after_gap(measured, first, end, limit)
    start = int(where[np.searchsorted(where, start)])
    left_out = int(known[first:start].sum())
    seen, missing = known[start:end], ~measured[start:end]
    z = np.where(seen, y[start:end], 0.0)
    index = np.arange(z.size)
    z[~seen] = np.interp(index[~seen], index[seen], z[seen])
    by_line = by_season = 0
    for a, b in gaps(seen):
        if b - a > SHORT_GAP and (pattern := _pattern(z, seen, a, b, periods)) is not None:
            z[a:b] = pattern
            by_season += int(missing[a:b].sum())
        else:
            by_line += int(missing[a:b].sum())
    unseen = int(np.argmax(measured[::-1]))
    return Filled(z, seen, start, y.size - end, by_line, by_season, left_out, int(off.sum()), unseen)


def _after_outage(measured: "Bools", first: int, end: int) -> int:
    """Move the start behind outages until at most half of what is left is missing.

    Gaps as long as usual between two values are none.
    """
    start = first
    usual = OUTAGE * _usually_apart(measured[first:end])
    for a, b in sorted(gaps(measured[first:end]), key=lambda g: g[0] - g[1]):  # longest first
        if b - a <= usual or np.mean(~measured[start:end]) <= MAX_FILLED_SHARE:
            break
        # What stands after the outage must be the larger part, else a few new points would cost a long history.
        if first + b > start and int(measured[first + b : end].sum()) >= int(measured[start : first + b].sum()):
            start = first + b
    return start


def _usually_apart(measured: "Bools") -> int:
    """Steps from one value to the next that nine in ten stay within; 0 where there are no two values."""
    apart = np.sort(np.diff(np.flatnonzero(measured)))
    return int(apart[9 * (apart.size - 1) // 10]) if apart.size else 0


def _after_gap(measured: "Bools", first: int, end: int, limit: int) -> int:
    """Move the start behind the newest gap that is longer than the limit."""
    return max((first + b for a, b in gaps(measured[first:end]) if b - a > limit), default=first)


def _pattern(z: "Floats", seen: "Bools", a: int, b: int, periods: tuple[int, ...]) -> "Floats | None":
    """Same phases from the seasons around [a, b), bent to meet the values at both ends.

    There are none (None) where no season has them all.
    """
    around = np.arange(a - 1, b + 1)  # with one observed step on each side
    for period in sorted((p for p in periods if 2 * p <= z.size), reverse=True):
        sums, counts = np.zeros(around.size), np.zeros(around.size)
        for shift in (-2 * period, -period, period, 2 * period):
            at = around + shift
            usable = (at >= 0) & (at < z.size)
            usable[usable] = seen[at[usable]]
            sums[usable] += z[at[usable]]
            counts[usable] += 1
        if counts.all():
            shape: Floats = sums / counts
            shape += np.interp(around, [a - 1, b], [z[a - 1] - shape[0], z[b] - shape[-1]])
            return np.clip(shape[1:-1], z[seen].min(), z[seen].max())
    return None

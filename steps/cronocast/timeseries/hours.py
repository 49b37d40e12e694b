"""Open hours of a series that is silent at the same times of every day or week, and the time that they leave."""

from dataclasses import dataclass

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.timeseries.grid import Bools, Floats, Ints

# a phase with values in at most this share of the days is silent: a key left in the door now and then does not open a
# shop
SELDOM = 0.1
LEAST_SILENT = 0.1  # share of a cycle; less is bridged as any gap is
LEAST_SEEN = 0.5  # share of the open steps that must have values, else they are sparse and not silent
CYCLES = 3  # days or weeks that show a habit
NEWEST = 4  # the newest 1/4 of the days must show it too, else it has ended
WEEK_BETTER = (
    0.05  # a weekly pattern (closed on Sundays) must explain this much more of the missing steps than a daily one
)


@dataclass(frozen=True)
class Hours:
    """Which steps of a day or week tell something. Phase 0 is at `start_ns` and every `open.size` steps from there."""

    start_ns: int
    step_ns: int
    open: Bools  # shape (cycle,)

    def mask(self, first_ns: int, count: int) -> Bools:
        """Which of `count` steps from `first_ns` on are open, shape (count,)."""
        phase = (first_ns - self.start_ns) // self.step_ns + np.arange(count)
        chosen: Bools = self.open[phase % self.open.size]
        return chosen

    def times(self, first_ns: int, count: int) -> Ints:
        """Times of the first `count` open steps at or after `first_ns`, shape (count,)."""
        whole = -(-count // int(self.open.sum())) + 1
        found = np.flatnonzero(self.mask(first_ns, whole * self.open.size))[:count]
        return np.asarray(first_ns + found * self.step_ns, dtype=np.int64)

    def period(self, steps: int) -> int | None:
        """A period of the clock in open steps; None where it is not the same number all the time, or less than two."""
        at = np.flatnonzero(self.open)
        if steps % self.open.size == 0:
            count = at.size * (steps // self.open.size)
            return count if count >= 2 else None
        phases = at % steps
        count = np.unique(phases).size
        even = self.open.size % steps == 0 and at.size % count == 0 and count >= 2
        return count if even and (phases.reshape(-1, count) == phases[:count]).all() else None


def find_hours(y: Floats, start_ns: int, step_ns: int) -> Hours | None:
    """Find the silent hours of a grid.

    Args:
        y: Values, shape (t,), NaN where nothing was observed.
        start_ns: Time of y[0].
        step_ns: Step size.

    Returns:
        The hours, or None where no such habit explains what is missing: nothing, too little or too irregularly is
            missing, or lately it was not.
    """
    seen = np.isfinite(y)
    best, left = None, 1.0
    for span in (UNIT_NS["d"], UNIT_NS["w"]):
        cycle, rest = divmod(span, step_ns)
        pattern = _open(seen, cycle) if rest == 0 and cycle >= 2 else None
        if pattern is None:
            continue
        missing = float(np.mean(~seen[np.resize(pattern, seen.size)]))
        # of a phase to be missing every time, if what is missing were missing anyhow
        by_chance = missing ** (seen.size // cycle)
        habit = missing <= 1 - LEAST_SEEN and float(np.mean(~pattern)) >= LEAST_SILENT + 2 * by_chance
        if habit and (best is None or missing < left - WEEK_BETTER):
            best, left = Hours(start_ns, step_ns, pattern), missing
    return best


def _open(seen: Bools, cycle: int) -> Bools | None:
    """Phases that are not silent, shape (cycle,), phase 0 at seen[0].

    There are none (None) where too few cycles were seen or no phase is silent.
    """
    used = np.concatenate((seen, np.zeros(-seen.size % cycle, dtype=bool))).reshape(-1, cycle)
    used = used[used.any(axis=1)]  # an outage of days says nothing about habits
    if len(used) < CYCLES:
        return None
    newest = used[-max(2, len(used) // NEWEST) :]
    silent = (used.mean(axis=0) <= SELDOM) & (newest.mean(axis=0) <= SELDOM)
    return ~silent if silent.any() and not silent.all() else None

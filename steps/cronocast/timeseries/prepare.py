"""What an entry asks to be done with values before anything looks at them.

Resampling, absent rows, counter to rate, outliers, moving average. Pure functions.
"""

from array import array
from dataclasses import dataclass, field, replace

import numpy as np

from cronocast.handoff.series import Member
from cronocast.timeseries.absent import read_absent
from cronocast.timeseries.counter import rate
from cronocast.timeseries.grid import Floats, Ints
from cronocast.timeseries.outliers import outliers
from cronocast.timeseries.preparation import Preparation


@dataclass(frozen=True)
class Prepared:
    """Values as classify and forecast see them, and what was done to them."""

    time_ns: Ints  # shape (t,), ascending
    y: Floats  # shape (t,), finite
    counts: dict[str, int] = field(default_factory=dict)  # what was done -> to how many values


def prepare_member(member: Member, how: Preparation, end_ns: int) -> tuple[Member, dict[str, int]]:
    """A member of a history prepared as wanted, and what was done to how many values.

    Args:
        member: What was read.
        how: The settings.
        end_ns: End of the last finished step, up to which the absence of a row may mean something.
    """
    if not how.changes_values:
        return member, {}
    times, values = np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0], dtype=np.float64)
    done = prepare(times, values, how, end_ns)
    return replace(
        member, time_ns=array("q", done.time_ns.tobytes()), columns=(array("d", done.y.tobytes()),)
    ), done.counts


def prepare(time_ns: Ints, y: Floats, how: Preparation, end_ns: int) -> Prepared:
    """Do what is wanted, in this order: resample, absent rows, rate, outliers, smooth.

    Without any of them values stay as they are.

    Args:
        time_ns: Times, shape (t,), ascending.
        y: Values, shape (t,), finite.
        how: The settings.
        end_ns: End of the last finished step.
    """
    wanted, step_ns, counts = how.wanted, how.every_ns, dict[str, int]()
    # what stands in a step with `previous` is aggregated from when it began to stand
    if wanted.resample is not None and how.absent.rule != "previous":
        rows = y.size
        time_ns, y = resample(time_ns, y, step_ns, wanted.resample)
        counts["resampled_away"] = rows - y.size
    if how.absent.rule != "missing":
        time_ns, y, counts[f"filled_as_{how.absent.rule}"] = read_absent(time_ns, y, step_ns, how.absent, end_ns)
    if wanted.rate:
        time_ns, y, falls = rate(time_ns, y, step_ns)
        counts |= falls
    if wanted.outliers is not None:
        odd = outliers(time_ns, y, step_ns, wanted.outliers, how.zone)
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

"""Errors of whole past days, from forecasts at fixed leads.

A day is one of UTC. Of each day about as much is kept as drift looks at: one mean error per hour, over the width of the
interval that the forecast stated for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cronocast.monitor.drift import KEEP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_NS = 86400 * 10**9
SLOTS = 24  # of a day at most
SLOTS_MIN = 4  # with fewer values a day, its spread says nothing
SEEN = 2 / 3  # of a day's steps
FAR = 100.0  # widths; an error beyond them says no more than one of them
_EXACT = 1e-6  # of the forecast: the width at least, for an interval without any


class Issued(NamedTuple):
    """What one run forecast for a member."""

    first_ns: int  # of the first step, the newest that the run did not know
    yhat: Floats  # (h,)
    width: Floats  # (h,) of the interval at the main level


class Days(NamedTuple):
    """Whole days of a member, rising."""

    numbers: Ints  # (d,) days since 1970
    errors: Floats  # (d, slots) over the width of the interval; NaN where nothing was seen


def slots_of(every_ns: int) -> int:
    """Into how many parts a day is split; 0 for steps that are too long to judge single days by them."""
    per_day = DAY_NS // every_ns
    return 0 if per_day < SLOTS_MIN else int(min(per_day, SLOTS))


def no_days(every_ns: int) -> Days:
    """None known yet."""
    return Days(np.empty(0, np.int64), np.empty((0, slots_of(every_ns))))


def whole_days(
    issued: Sequence[Issued], times: Ints, values: Floats, every_ns: int, after: int | None, now_ns: int
) -> Days:
    """Errors of the days that are over and were seen well enough.

    One forecast is used for as long as it reaches, a day at most, then the newest one before the step: with runs at the
    same times each day, an hour of the day has the same lead on all days.

    Args:
        issued: What was forecast, rising by `first_ns`, which none has twice.
        times: Shape (t,): ns of the steps with a value, rising; filled steps are left out.
        values: Shape (t,).
        every_ns: Step size.
        after: Number of the newest day that is known already, None for none.
        now_ns: Time of the run; days that end later are not whole.
    """
    slots = slots_of(every_ns)
    found = no_days(every_ns)
    if not slots or not issued or not times.size:
        return found
    firsts = np.array([one.first_ns for one in issued])
    begin = max(int(max(firsts[0], times[0]) // DAY_NS), now_ns // DAY_NS - KEEP, -1 if after is None else after + 1)
    rows = {
        day: row
        for day in range(begin, now_ns // DAY_NS)
        if (row := _day(day * DAY_NS, issued, firsts, times, values, every_ns)) is not None
    }
    return Days(np.array(list(rows), np.int64), np.array(list(rows.values()))) if rows else found


def _day(
    start_ns: int, issued: Sequence[Issued], firsts: Ints, times: Ints, values: Floats, every_ns: int
) -> Floats | None:
    """Mean error of each part of a day, (slots,); None where too little of it was seen."""
    low, high = np.searchsorted(times, [start_ns, start_ns + DAY_NS])
    at, actual = times[low:high], values[low:high]
    if at.size < SEEN * DAY_NS / every_ns:
        return None
    errors, done = np.full(at.size, np.nan), 0
    while done < at.size:
        until = done + 1
        for known_ns in (at[done] if done else start_ns, at[done]):
            which = int(np.searchsorted(firsts, known_ns, side="right")) - 1
            one = issued[which]
            reach_ns = one.first_ns + min(one.yhat.size * every_ns, DAY_NS)
            if which >= 0 and reach_ns > at[done]:
                until = int(np.searchsorted(at, reach_ns))
                lead = (at[done:until] - one.first_ns) // every_ns
                errors[done:until] = _over_width(actual[done:until], one.yhat[lead], one.width[lead])
                break
        done = until
    return _in_slots((at - start_ns) * slots_of(every_ns) // DAY_NS, errors, every_ns)


def _over_width(actual: Floats, yhat: Floats, width: Floats) -> Floats:
    """Errors in widths of the interval; of what has no width, in trifles of the forecast."""
    with np.errstate(over="ignore"):
        over: Floats = (actual - yhat) / np.maximum(np.maximum(width, _EXACT * np.abs(yhat)), np.finfo(float).tiny)
    return np.clip(over, -FAR, FAR)


def _in_slots(slot: Ints, errors: Floats, every_ns: int) -> Floats | None:
    known = np.isfinite(errors)
    if known.sum() < SEEN * DAY_NS / every_ns:
        return None
    slots = slots_of(every_ns)
    count = np.bincount(slot[known], minlength=slots)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.bincount(slot[known], errors[known], minlength=slots) / count
    return mean


def joined(kept: Days, newer: Days) -> Days:
    """Days kept and newer ones, the newest `KEEP` of them."""
    return Days(
        np.concatenate([kept.numbers, newer.numbers])[-KEEP:], np.concatenate([kept.errors, newer.errors])[-KEEP:]
    )


def between(days: Days, begin_ns: int, end_ns: int) -> Days:
    """Those that began at or after one time and were over at another one, such as when the clock was moved back."""
    inside = (days.numbers * DAY_NS >= begin_ns) & ((days.numbers + 1) * DAY_NS <= end_ns)
    return Days(days.numbers[inside], days.errors[inside])

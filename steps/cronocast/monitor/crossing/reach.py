"""What an event looks at, and when it holds first: now, or on each path."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cronocast.monitor.crossing.event import DAILY_MEAN, DAILY_PEAK, DAY_NS, VALUE, Event

if TYPE_CHECKING:
    from cronocast.monitor.crossing.grid import Fine
    from cronocast.monitor.crossing.outlook import Outlook
    from cronocast.timeseries.grid import Bools, Floats

TOUCH = 1e-9  # of the limit and the range of values: what rounding takes away is reached


class Now(NamedTuple):
    """Whether the event holds at the newest step."""

    level: float  # what is compared with the limit
    since_ns: int | None  # first step of those in which it has held; None if it does not


def reached(history: "Fine", limit: float) -> float:
    """The limit less what rounding may take away."""
    known = history.y[np.isfinite(history.y)]
    return limit - TOUCH * max(abs(limit), float(np.ptp(known)))


def now(history: "Fine", event: Event, limit: float) -> Now:
    """Look at the newest steps alone, before any trend: at the limit nothing grows any more.

    Args:
        history: Growing towards the limit.
        event: What is asked; its own limit is not looked at.
        limit: The limit on the side that history grows to.
    """
    day = max(1, round(DAY_NS / history.step_ns))
    levels = _levels(_filled(history.y), event.of, day)
    holds = levels >= limit
    if not holds[-1]:
        return Now(float(levels[-1]), None)
    since = int(holds.size - np.argmin(holds[::-1])) if not holds.all() else 0
    if holds.size - since < min(_span(event, day), holds.size):
        return Now(float(levels[-1]), None)
    return Now(float(levels[-1]), history.end_ns - (holds.size - 1 - since) * history.step_ns)


def first(ahead: "Outlook", history: "Fine", event: Event, limit: float) -> "Floats":
    """Steps from the newest one until the event holds first, of each path in ascending order; inf where it never does.

    Wider paths move the early half of the dates forward and the late half back, never the median.
    """
    steps = np.sort(_first(ahead, ahead.paths, history, event, limit))
    if ahead.wider is None:
        return steps
    wider, half = np.sort(_first(ahead, ahead.wider, history, event, limit)), steps.size // 2
    early, late = np.minimum(steps, wider)[:half], np.maximum(steps, wider)[half:]
    late[0] = steps[half]
    early[-1] = steps[half - 1]
    return np.concatenate((early, late))


def _first(ahead: "Outlook", paths: "Floats", history: "Fine", event: Event, limit: float) -> "Floats":
    """As `first` for these paths, in their order."""
    units = ahead.history
    within = event.of != DAILY_MEAN and units.steps > 1
    span = _span(event, units.day) if event.of != VALUE else max(1, round(event.stays / units.steps))
    past = units.y
    if within and (event.of == DAILY_PEAK or event.stays < units.steps):
        above = _above_mean(history, units.steps, event.stays if event.of == VALUE else 1)[-past.size :]
        past, paths = past + above, paths + above[ahead.growth.source]
    if event.of == VALUE and span == 1:
        return _in_steps(_first_true(paths >= limit), paths, past[-1], limit, units.steps)
    window = units.day if event.of != VALUE else 1
    front = min(window - 1 + span - 1, past.size)
    joined = np.concatenate((np.repeat(past[past.size - front :, None], paths.shape[1], axis=1), paths))
    holds = _levels(joined, event.of, units.day) >= limit
    holds[: min(window - 1, front)] = False  # less than a day
    return np.asarray(np.maximum(_first_true(_held(holds, span)) - front + 1, 1.0) * units.steps)


def _span(event: Event, day: int) -> int:
    """Steps in a row at which the event's level must reach the limit."""
    return event.stays if event.of == VALUE else (event.stays - 1) * day + 1


def _levels(y: "Floats", of: str, day: int) -> "Floats":
    """What is compared with the limit at each step along the first axis; the first day looks at what there is of it."""
    day = min(day, len(y))
    if of == VALUE or day == 1:
        return y
    if of == DAILY_PEAK:
        return _rolling_max(y, day)
    total = np.cumsum(y, axis=0)
    total[day:] -= total[:-day].copy()
    count = np.minimum(np.arange(1, len(y) + 1), day)
    return np.asarray(total / count.reshape(-1, *[1] * (y.ndim - 1)))


def _rolling_max(y: "Floats", length: int) -> "Floats":
    """Largest of the newest `length` rows up to each, by doubling."""
    out, have = y.copy(), 1
    while have < length:
        step = min(have, length - have)
        out[step:] = np.maximum(out[step:], out[:-step].copy())
        have += step
    return out


def _held(holds: "Bools", span: int) -> "Bools":
    """Where `span` rows in a row hold, from each on."""
    if span <= 1:
        return holds
    total = np.zeros((len(holds) + 1, holds.shape[1]), np.int64)
    np.cumsum(holds, axis=0, out=total[1:])
    out = np.zeros_like(holds)
    if len(holds) >= span:
        out[: len(holds) - span + 1] = total[span:] - total[:-span] == span
    return out


def _first_true(holds: "Bools") -> "Floats":
    """Index of the first row that holds, per column; inf for none."""
    return np.where(holds.any(axis=0), holds.argmax(axis=0), np.inf)


def _filled(y: "Floats") -> "Floats":
    """Values with gaps as the value before them."""
    known = np.isfinite(y)
    return np.asarray(y[np.maximum.accumulate(np.where(known, np.arange(y.size), int(np.argmax(known))))])


def _above_mean(history: "Fine", steps: int, stays: int) -> "Floats":
    """By how much `stays` steps in a row keep above the mean of each unit, at their best; shape (units,)."""
    units = history.y.size // steps
    y = _filled(history.y)[history.y.size - units * steps :].reshape(units, steps)
    kept = np.lib.stride_tricks.sliding_window_view(y, stays, axis=1).min(axis=2).max(axis=1)
    return np.asarray(kept - y.mean(axis=1))


def _in_steps(at: "Floats", paths: "Floats", newest: float, limit: float, steps: int) -> "Floats":
    """Steps until the limit is reached: within a unit, where a line through the paths reaches it."""
    if steps == 1:
        return at + 1
    found = np.flatnonzero(np.isfinite(at))
    row = at[found].astype(np.int64)
    to = paths[row, found]
    back = np.where(row > 0, paths[np.maximum(row - 1, 0), found], newest)
    rise = np.maximum(to - back, 1e-300)
    share = np.clip((limit - back) / rise, 0.0, 1.0)
    out = at.copy()
    out[found] = np.maximum(row * steps + np.ceil(share * steps), 1)
    return out

"""The steps that models see.

The whole grid, or its open hours where a series is silent at the same times of every day or week.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.forecast.candidates import longest_history, seasons
from cronocast.timeseries.grid import MAX_STEPS, to_grid
from cronocast.timeseries.hours import find_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.forecast.answer import MemberForecast
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Bools, Floats
    from cronocast.timeseries.hours import Hours

    Times = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """A member on the steps that count, up to the first forecast step."""

    start_ns: int  # time of values[0]
    values: "Floats"  # shape (t,), NaN where nothing was observed
    periods: tuple[int, ...]  # seasonal periods in these steps, ascending
    last_change: int  # index in values where what still holds began, 0 if it always did
    steps: int  # to forecast: those open within the horizon, or else up to the first open one
    hours: "Hours | None" = None  # None: every step counts
    silent_steps: int = 0  # left out of the history
    seen_in_silence: int = 0  # values in them

    def times(self, step_ns: int) -> "Times":
        """Times of the values, shape (t,)."""
        return (
            self.start_ns + step_ns * np.arange(self.values.size, dtype=np.int64)
            if self.hours is None
            else self.hours.times(self.start_ns, self.values.size)
        )

    def holding(self, time_ns: "Times", step_ns: int) -> "Bools":
        """Tell which steps some of these times belong to: shape (t,)."""
        at, inside = places(self.times(step_ns), time_ns, step_ns)
        found = np.zeros(self.values.size, dtype=bool)
        found[at[inside]] = True
        return found

    def steps_in(self, count: int) -> int:
        """How many of so many steps of the grid count, on average."""
        return count if self.hours is None else math.ceil(count * float(self.hours.open.mean()))

    def ahead(self, end_ns: int, step_ns: int) -> "Times":
        """Times of the steps to forecast, shape (steps,)."""
        return (
            end_ns + step_ns * np.arange(self.steps, dtype=np.int64)
            if self.hours is None
            else self.hours.times(end_ns, self.steps)
        )

    def preparation(self) -> dict[str, int]:
        """What the result file says of it."""
        return {"silent_steps": self.silent_steps, "left_out_in_silent_steps": self.seen_in_silence}


def timeline(profile: "Profile", time_ns: "Times", y: "Floats", end_ns: int, horizon: int) -> Timeline:
    """Bring observations before `end_ns` to the steps that count.

    Silent steps are left out, not filled: a night that nobody measured tells nothing, and what would stand there
    instead would be learnt as if it did.

    Args:
        profile: What classify found.
        time_ns: Times of the observations, shape (t,).
        y: Values, shape (t,).
        end_ns: Start of the first forecast step.
        horizon: Steps of the grid to forecast.
    """
    # What is older than the longest grid is left out as to_grid does, or a member silent for years would ask for all
    # the steps since.
    past = (time_ns < end_ns) & (time_ns >= end_ns - MAX_STEPS * profile.step_ns)
    start_ns, values, _ = to_grid(time_ns[past], y[past], profile.step_ns)
    values = _until(values, start_ns, end_ns, profile.step_ns)
    hours = find_hours(values, start_ns, profile.step_ns)
    periods = seasons(profile, values.size)
    changed = profile.change_points_ns[-1] if profile.change_points_ns else start_ns
    change = max(0, (changed - start_ns) // profile.step_ns)
    steps, silent, seen = horizon, 0, 0
    if hours is not None:
        mask = hours.mask(start_ns, values.size)
        silent, seen = int((~mask).sum()), int(np.isfinite(values[~mask]).sum())
        change, values = int(mask[:change].sum()), values[mask]
        periods = tuple(p for p in (hours.period(period) for period in periods) if p)
        steps = max(1, int(hours.mask(end_ns, horizon).sum()))
    surplus = max(0, values.size - longest_history(periods))
    start_ns = start_ns + surplus * profile.step_ns if hours is None else int(hours.times(start_ns, surplus + 1)[-1])
    return Timeline(start_ns, values[surplus:], periods, max(0, change - surplus), steps, hours, silent, seen)


def _until(values: "Floats", start_ns: int, end_ns: int, step_ns: int) -> "Floats":
    """Extend the grid to the last finished step; what nobody observed there is missing, not invented.

    Nothing has no start to count from.
    """
    if not values.size:
        return values
    steps = max(0, (end_ns - start_ns) // step_ns)
    return np.concatenate((values[:steps], np.full(max(0, steps - values.size), np.nan)))


def places(steps_ns: "Times", time_ns: "Times", step_ns: int) -> "tuple[Times, Bools]":
    """Find the step that each time belongs to, as rows are brought to a grid: the nearest one, the later of two.

    Args:
        steps_ns: Times of the steps, shape (t,), ascending.
        time_ns: Times to look for, shape (k,).
        step_ns: Step of the grid.

    Returns:
        Index of the step, and whether there is one within half a step; where there is none the index says nothing. Both
        of shape (k,).
    """
    at = np.searchsorted(steps_ns, time_ns - (step_ns - 1) // 2)
    inside = at < steps_ns.size
    inside[inside] = np.abs(steps_ns[at[inside]] - time_ns[inside]) <= step_ns // 2
    return at, inside


def spread(line: Timeline, end_ns: int, horizon: int, columns: "tuple[Floats, ...]") -> "tuple[Floats, ...]":
    """Bring a forecast and its bounds, each of shape (line.steps,), to steps of the grid.

    Silent steps get straight lines between the open ones around them, so that a curve has every step. What a value
    would be there nobody has measured: the bounds hold all that was seen at other steps.

    Args:
        line: The steps that count.
        end_ns: Start of the first forecast step.
        horizon: Steps of the grid.
        columns: The forecast, then a lower and an upper bound for each level.
    """
    if line.hours is None:
        return columns
    at = (line.hours.times(end_ns, line.steps) - end_ns) // line.hours.step_ns
    silent = ~np.isin(np.arange(horizon), at)
    yhat, *bounds = (np.interp(np.arange(horizon), at, column) for column in columns)
    low, high = float(np.nanmin(line.values)), float(np.nanmax(line.values))
    for lower, upper in zip(bounds[0::2], bounds[1::2], strict=True):
        lower[silent], upper[silent] = np.minimum(lower[silent], low), np.maximum(upper[silent], high)
    return yhat, *bounds


def steps_ahead(line: Timeline, tail: int, end_ns: int, count: int) -> list[int]:
    """How many steps of the grid ahead the first `count` steps of a timeline are, counted from 1.

    Args:
        line: The steps that count.
        tail: The newest of them without a value: a backtest counts from the last value on.
        end_ns: Start of the first forecast step.
        count: How many.
    """
    if line.hours is None:
        return list(range(1, count + 1))
    n = line.values.size
    times = line.hours.times(line.start_ns, n + count)[n - tail :][:count]
    first = end_ns if tail == 0 else int(times[0])
    return [int(k) for k in (times - first) // line.hours.step_ns + 1]


def on_every_step(found: "MemberForecast", line: Timeline, tail: int, end_ns: int, horizon: int) -> "MemberForecast":
    """Bring the forecast of open hours to all steps of the grid.

    Args:
        found: A forecast of the steps of the timeline.
        line: The steps that count; where all of them do, the forecast stays as it is.
        tail: The newest of them without a value.
        end_ns: Start of the first forecast step.
        horizon: Steps of the grid.
    """
    hours = line.hours
    if hours is None:
        return found
    columns = (found.yhat, found.lower, found.upper, *(bound for band in found.further for bound in band))
    yhat, lower, upper, *bounds = spread(line, end_ns, horizon, columns)
    times = end_ns + hours.step_ns * np.arange(horizon, dtype=np.int64)
    test = {**found.backtest, "by_step": {"steps": steps_ahead(line, tail, end_ns, found.backtest["steps"])}}
    if measured := found.backtest["measured_steps"]:
        # counted from the first step to forecast; silent steps after the last open one are measured as much as it is
        test["measured_steps"] = horizon if measured >= line.steps else steps_ahead(line, 0, end_ns, measured)[-1]
    if repeated := test.get("naive", {}).get("seasons"):
        # each is a period of the clock, so that any begin will do
        opened = hours.times(line.start_ns, repeated[-1] + 1)
        test["naive"] = {**test["naive"], "seasons": [int((opened[p] - opened[0]) // hours.step_ns) for p in repeated]}
    further = tuple(zip(bounds[0::2], bounds[1::2], strict=True))
    return replace(found, time_ns=times, yhat=yhat, lower=lower, upper=upper, further=further, backtest=test)

"""A member's observations by the wall clock of its calendar, and the way of its forecast back to UTC."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cronocast.timeseries.clock import Clock, clock_of, offset_ns
from cronocast.timeseries.grid import steps_of
from cronocast.timeseries.holidays import left_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.forecast.answer import MemberForecast, Settings
    from cronocast.handoff.profile import Profile
    from cronocast.timeseries.grid import Bools, Floats

    Times = NDArray[np.int64]


@dataclass(frozen=True)
class Observations:
    """What was observed of a member, at the beginnings of steps by the wall clock of its calendar."""

    profile: "Profile"  # what classify found; its change points by that clock
    time_ns: "Times"  # shape (t,)
    y: "Floats"  # shape (t,)
    on_holidays: "Bools"  # which of them lie on holidays and are left out, shape (t,)
    clock: Clock | None  # which the times follow; None: UTC
    offset_ns: int  # what the wall clock shows beyond these times
    end_ns: int  # start of the first forecast step, where wall clock and UTC agree
    horizon: int  # steps asked for, on the entry's grid
    clock_horizon: int  # steps of the wall clock that hold them
    note: str  # one sentence on the clock, "" where there is nothing to say

    @property
    def ordinary(self) -> "Floats":
        """Values with NaN on holidays, shape (t,)."""
        return np.where(self.on_holidays, np.nan, self.y)

    def on_the_entry_grid(self, found: "MemberForecast") -> "MemberForecast":
        """A forecast of `clock_horizon` steps of the wall clock, as one of `horizon` steps in UTC."""
        if self.clock is None:
            return found
        step_ns = self.profile.step_ns
        times = self.end_ns + step_ns * np.arange(self.horizon, dtype=np.int64)
        return found.at(self.clock.ahead(self.end_ns, step_ns, self.horizon), times)


def observations(profile: "Profile", time_ns: "Times", y: "Floats", settings: "Settings") -> Observations:
    """Bring the rows of a member to the wall clock of its calendar, and mark those on holidays.

    Args:
        profile: What classify found.
        time_ns: Times of the rows, ns UTC, shape (t,).
        y: Values, shape (t,).
        settings: How to forecast.

    Raises:
        ConfigError: the calendar names no known place.
        MissingExtraError: the package `holidays`, which the calendar needs, is not installed.
    """
    end_ns, step_ns, horizon = settings.end_ns, profile.step_ns, settings.horizon
    first_ns, last_ns = int(np.min(time_ns, initial=end_ns)), end_ns + (horizon - 1) * step_ns
    clock, note = clock_of(settings.timezone, first_ns, last_ns, end_ns, step_ns)
    clock_horizon = horizon
    if clock is not None:
        time_ns, y = clock.history(time_ns, y)
        profile = _by(clock, profile)
        clock_horizon = max(horizon, 1 + int(clock.ahead(end_ns, step_ns, horizon).max()))
    time_ns, zone_ns = steps_of(time_ns, step_ns), offset_ns(settings.timezone, end_ns)
    off = left_out(settings.holidays, time_ns, y, zone_ns, step_ns)
    return Observations(
        profile=profile,
        time_ns=time_ns,
        y=y,
        on_holidays=off,
        clock=clock,
        offset_ns=zone_ns,
        end_ns=end_ns,
        horizon=horizon,
        clock_horizon=clock_horizon,
        note=note,
    )


def _by(clock: Clock, profile: "Profile") -> "Profile":
    changes = clock.local(np.array(profile.change_points_ns, dtype=np.int64))
    return replace(profile, change_points_ns=tuple(changes.tolist()))

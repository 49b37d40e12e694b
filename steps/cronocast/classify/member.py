"""One member from values as they were read to its class."""

from dataclasses import replace

import numpy as np

from cronocast.classify import classify_member
from cronocast.document.entry import Entry
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import Member
from cronocast.timeseries.clock import clock_of, offset_ns
from cronocast.timeseries.grid import steps_of
from cronocast.timeseries.holidays import left_out


def profile_of(member: Member, entry: Entry) -> Profile:
    """Classify one member of a prepared history as its entry says.

    The tests go by the clock of its calendar, while times in the profile are UTC.
    """
    time_ns, y = np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0], dtype=np.float64)
    every, zone, clock, zone_ns = int(entry.every), entry.calendar.timezone, None, 0
    if time_ns.size:
        clock, _ = clock_of(zone, int(time_ns[0]), int(time_ns[-1]), int(time_ns[-1]), every)
    if clock is not None:
        time_ns, y = clock.history(time_ns, y)
    if time_ns.size:
        zone_ns = offset_ns(zone, int(time_ns[-1]))
    y = np.where(left_out(entry.calendar.holidays, steps_of(time_ns, every), y, zone_ns, every), np.nan, y)
    profile = classify_member(
        member.name,
        member.tags,
        time_ns,
        y,
        every,
        entry.min_points,
        tuple(period // entry.every for period in entry.periods) or None,
        entry.series_class,
    )
    if clock is None:
        return profile
    changes = tuple(clock.utc(time) for time in profile.change_points_ns)
    return replace(
        profile, first_ns=clock.utc(profile.first_ns), last_ns=clock.utc(profile.last_ns), change_points_ns=changes
    )

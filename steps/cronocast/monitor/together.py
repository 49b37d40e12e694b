"""Whether members of an entry changed together: then it is their source that changed, or is broken."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cronocast.monitor.daily import DAY_NS
from cronocast.monitor.drift import WATCHED, Drift

TOGETHER = 4  # members that change on one day are one cause: by chance once in 65,000 such days
BEYOND = 4.0  # standard deviations above the usual number of bad days, which large entries always have
HELD_DAYS = 2  # for which all but one are held back, in case the source is mended


class Held(NamedTuple):
    """Members that changed together with others."""

    members: frozenset[int]  # positions of those that are held back
    together: int  # how many changed in all; 0 where there is no common cause


def held_back(drifts: Sequence[Drift], tried_ns: int | None) -> Held:
    """Members in alarm that changed on a day on which unusually many did: all but one, for two days.

    Args:
        drifts: What the days of each member say.
        tried_ns: When a member was last made anew for drift; one that followed the common change is that one.
    """
    newest = max((drift.newest for drift in drifts if drift.newest is not None), default=0)
    flagged = [{*drift.bad, drift.alarm} for drift in drifts]
    counts = Counter(day for days in flagged for day in days if day is not None)
    usual = float(np.median([counts[newest - i] for i in range(WATCHED)]))
    common = {day for day, count in counts.items() if count >= max(TOGETHER, usual + BEYOND * usual**0.5)}
    alarmed = {
        i: drift.alarm
        for i, drift in enumerate(drifts)
        if drift.alarm is not None and drift.change is not None
        if any(drift.change <= day for day in flagged[i] & common if day is not None)
    }
    first = min(alarmed.values(), default=newest)
    if not alarmed or newest - first >= HELD_DAYS:
        return Held(frozenset(), 0)
    tried = tried_ns is not None and tried_ns >= (first + 1) * DAY_NS
    one = next(i for i, alarm in alarmed.items() if alarm == first)
    together = max(counts[day] for day in common if day >= min(d.change or 0 for d in drifts if d.alarm == first))
    return Held(frozenset(alarmed) - (frozenset() if tried else {one}), together)

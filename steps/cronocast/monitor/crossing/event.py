"""What is asked, an event, and what is found of it."""

from typing import NamedTuple

DAY_NS = 86400 * 10**9
VALUE, DAILY_MEAN, DAILY_PEAK = OF = ("value", "daily_mean", "daily_peak")


class Event(NamedTuple):
    """The first time that a member reaches a limit, and keeps to it for a while."""

    limit: float
    above: bool = True  # False: it falls to the limit
    of: str = VALUE  # of OF; mean and peak are those of the 24 hours that end with a step
    stays: int = 1  # steps in a row; days in a row for mean and peak


class Found(NamedTuple):
    """What `handoff.evaluation.Crossing` needs of one event, with the same names."""

    state: str
    words: str
    now: float | None = None
    slope_day: float | None = None
    since_ns: int | None = None
    earliest_ns: int | None = None
    crosses_ns: int | None = None
    latest_ns: int | None = None
    p_1d: float | None = None
    p_7d: float | None = None
    p_30d: float | None = None
    reach_ns: int = 0
    rough: bool = False

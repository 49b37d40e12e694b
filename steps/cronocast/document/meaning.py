"""What the settings of an entry mean together, and where they are left open. For the steps that look at values."""

from cronocast.document.entry import Entry
from cronocast.durations import UNIT_NS, Duration
from cronocast.timeseries.preparation import Absent, Preparation

LONGEST_SILENCE = Duration(UNIT_NS["w"])  # by default, however long the horizon
FEWEST_STEPS = 10  # that silence lasts by default, however short the horizon


def preparation_of(entry: Entry) -> Preparation:
    """How the members of an entry are prepared."""
    source = entry.source_settings()
    rule = getattr(source, "empty", None) or "missing"
    usual = "last" if entry.prepare.rate else "mean"
    aggregate = entry.prepare.resample or getattr(source, "aggregate", None) or usual
    silent_ns = None if entry.silent_after is None else int(entry.silent_after)
    return Preparation(int(entry.every), entry.prepare, entry.calendar.timezone, Absent(rule, aggregate, silent_ns))


def silent_after(entry: Entry) -> Duration | None:
    """For how long a member has no value until it gets no forecast; None: however long.

    Where the absence of a row means zero or unchanged, a member never falls silent unless the entry says so.
    """
    if entry.silent_after is not None:
        return entry.silent_after
    if preparation_of(entry).absent.rule != "missing":
        return None
    return Duration.of(max(FEWEST_STEPS * entry.every, min(entry.horizon, LONGEST_SILENCE)))


def never_negative(entry: Entry) -> bool:
    """Tell whether no value of an entry can be below zero: rates of counters, and counts."""
    return entry.prepare.rate or getattr(entry.source_settings(), "aggregate", None) == "count"

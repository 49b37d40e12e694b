"""From what was forecast and what happened to the verdict of each member, and the days to keep."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cronocast.handoff.evaluation import Verdict
from cronocast.monitor.daily import DAY_NS, Issued, between, joined, no_days, whole_days
from cronocast.monitor.days_file import KeptDays, Key
from cronocast.monitor.drift import KEEP, Drift, drift
from cronocast.monitor.meaning import History
from cronocast.monitor.verdict import Kept, Member, Rules, verdicts

OF_ANOTHER_KIND = ("first", "data", "drift")  # reasons after which errors can't be compared with those before


class Watched(NamedTuple):
    """What is known of a member when a run begins."""

    key: Key
    kept: Kept | None  # None for nothing of use
    history: History
    issued: Sequence[Issued]  # by past runs, rising


def judge(
    watched: Sequence[Watched], days: Mapping[Key, KeptDays], rules: Rules, level: float
) -> tuple[list[Verdict], dict[Key, KeptDays]]:
    """Verdicts of the members of an entry, in their order.

    Args:
        watched: The members of this run.
        days: What was kept of members by earlier runs.
        rules: What the run asks for.
        level: Nominal coverage of the interval whose width `issued` tells.

    Returns:
        The verdicts, and the days to keep, also those of members that are missing today and may come back.
    """
    now = {one.key: _days_of(one, days.get(one.key), rules) for one in watched}
    members = [
        Member(one.kept, now[one.key].begun_ns, _drift(now[one.key], len(watched), level), one.history)
        for one in watched
    ]
    away = {key: kept for key, kept in days.items() if key not in now and _may_return(kept, rules.now_ns)}
    return verdicts(members, rules), now | away


def _days_of(one: Watched, before: KeptDays | None, rules: Rules) -> KeptDays:
    """Whole days of a member up to now, since its errors have been of one kind."""
    nothing = no_days(rules.step_ns)
    if one.kept is None:
        return KeptDays(rules.now_ns, nothing)
    begun_ns = one.kept.made_ns if one.kept.reason in OF_ANOTHER_KIND or not before else before.begun_ns
    old = between(before.days, begun_ns, rules.now_ns) if before else nothing
    after = int(old.numbers[-1]) if old.numbers.size else -(-begun_ns // DAY_NS) - 1
    times, values = one.history.times, one.history.values
    newer = whole_days(one.issued, times, values, rules.step_ns, after, rules.now_ns)
    return KeptDays(begun_ns, joined(old, newer))


def _drift(kept: KeptDays, members: int, level: float) -> Drift:
    """What its days say."""
    found = drift(kept.days.errors, kept.days.numbers, members, level)
    if found.change is not None and found.change < kept.begun_ns // DAY_NS:
        return found._replace(alarm=None, change=None)  # it was made with this change in sight
    return found


def _may_return(kept: KeptDays, now_ns: int) -> bool:
    numbers = kept.days.numbers
    return bool(numbers.size) and now_ns // DAY_NS - int(numbers[-1]) <= KEEP

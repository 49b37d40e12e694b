"""What the rules of a series would have told in the past: the same steps as `evaluate` and `alert`, as of past runs.

Forecasts are those that were kept, values those of the newest run folder, cut where each run began: nothing later is
seen. Verdicts and failed runs of the past are not known any more, so that their rules are silent.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cronocast.chain.alert import Kept, moved
from cronocast.chain.alert_rules import seen_in
from cronocast.chain.evaluate import Known, judged
from cronocast.document.entry import Entry
from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Crossing, MemberEvaluation
from cronocast.monitor.dates import Told, dates_of
from cronocast.monitor.vintages import Vintage
from cronocast.notify.message import FIRING, Message

MOST_RUNS = 60  # evenly spread over the time, so that a replay ends within a minute
LEAST_PAST_NS = 3 * UNIT_NS["d"]  # before the first run: dates need something to go by
Key = tuple[str, str]


class Sent(NamedTuple):
    """One message that would have been sent."""

    run_ns: int
    message: Message
    right: bool | None  # whether what it said came true; None where that can't be told, or not yet


def replayed(
    entry: Entry, members: Sequence[Known], vintages: Mapping[Key, Sequence[Vintage]], since_ns: int
) -> tuple[list[int], list[Sent]]:
    """Times of the runs that were looked at, and the messages that they would have sent.

    Args:
        entry: With the rules to try.
        members: With all that is known of them today.
        vintages: What was forecast of each, the oldest first.
        since_ns: How far to go back.
    """
    runs = past_runs(members, vintages, since_ns)
    told: dict[Key, Told] = {}
    kept, sent = Kept(), list[Sent]()
    dates: dict[tuple[Key, str, int], Crossing] = {}
    rules = entry if entry.notify else _with_somebody(entry)
    for run_ns in runs:
        found = []
        for member in members:
            one, told[member.key] = _as_of(
                member, vintages.get(member.key, ()), rules, run_ns, told.get(member.key, Told())
            )
            found.append(one)
            dates |= {(member.key, crossing.threshold, run_ns): crossing for crossing in one.crossings}
        kept = moved(kept, seen_in(rules, found, run_ns), rules, run_ns)
        fresh = {waiting.message.event: waiting.message for waiting in kept.waiting}
        kept = kept._replace(waiting=())
        sent += [Sent(run_ns, message, _right(message, dates, members, run_ns)) for message in fresh.values()]
    return runs, sent


def past_runs(members: Sequence[Known], vintages: Mapping[Key, Sequence[Vintage]], since_ns: int) -> list[int]:
    """Runs whose forecasts are kept, as many as a replay looks at, the oldest first."""
    begin = min((int(member.time_ns[0]) for member in members if member.time_ns.size), default=0) + LEAST_PAST_NS
    runs = sorted({one.run_ns for kept in vintages.values() for one in kept if one.run_ns >= max(since_ns, begin)})
    return runs[:: -(-len(runs) // MOST_RUNS) or 1]


def _as_of(
    member: Known, vintages: Sequence[Vintage], entry: Entry, run_ns: int, told: Told
) -> tuple[MemberEvaluation, Told]:
    """What a run would have found of a member."""
    step_ns = int(entry.every)
    end_ns = run_ns // step_ns * step_ns
    known = int((member.time_ns < end_ns).sum())
    cut = Known(member.name, member.tags, member.time_ns[:known], member.y[:known])
    before = [one for one in vintages if one.run_ns < run_ns]
    found = judged(cut, before, entry, end_ns)
    if not entry.thresholds:
        return found, told
    crossings, told = dates_of(member.key, cut.time_ns, cut.y, step_ns, entry.thresholds, told, run_ns)
    return found._replace(crossings=crossings), told


def _right(
    message: Message, dates: Mapping[tuple[Key, str, int], Crossing], members: Sequence[Known], run_ns: int
) -> bool | None:
    """Whether a message about a limit was right: the limit was reached, and not after the latest date."""
    if message.rule != "crossing" or message.status != FIRING:
        return None
    crossing = dates[(message.name, message.tags), message.subject, run_ns]
    if crossing.state == "over":
        return True
    member = next(one for one in members if one.key == (message.name, message.tags))
    after = member.time_ns >= run_ns
    beyond = member.y[after] >= crossing.limit if crossing.above else member.y[after] <= crossing.limit
    times = member.time_ns[after][beyond]
    if times.size:
        return crossing.latest_ns is None or int(times[0]) <= crossing.latest_ns
    newest_ns = int(member.time_ns[-1]) if member.time_ns.size else run_ns
    return False if crossing.latest_ns is not None and newest_ns > crossing.latest_ns else None


def _with_somebody(entry: Entry) -> Entry:
    """The entry with one to tell, since messages are made for somebody."""
    from dataclasses import replace

    from cronocast.notify.settings import File

    return replace(entry, notify=(File(path=str(Path("replay"))),))

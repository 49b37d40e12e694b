"""How much of each member the forecast makes anew, by what was kept of it and how it did since."""

from collections.abc import Mapping, Sequence

from cronocast import __version__
from cronocast.chain.job import Job
from cronocast.errors import StorageError
from cronocast.forecast.digest import digest
from cronocast.forecast.kept import Head, Key, read_heads
from cronocast.handoff.evaluation import Verdict
from cronocast.handoff.results import Outcome
from cronocast.monitor.daily import Issued
from cronocast.monitor.days_file import NAME as DAYS
from cronocast.monitor.days_file import read_days, write_days
from cronocast.monitor.judge import Watched, judge
from cronocast.monitor.meaning import History
from cronocast.monitor.verdict import Kept, rules_of
from cronocast.monitor.vintages import Vintage


def verdicts_of_run(
    job: Job, histories: Mapping[Key, History], vintages: Mapping[Key, Sequence[Vintage]], outcome: Outcome
) -> list[Verdict]:
    """The verdict of each member, in their order; all is made anew where nothing can be kept.

    Args:
        job: The run.
        histories: Values of each member, as the forecast sees them.
        vintages: What was forecast of it, the oldest first.
        outcome: Of the step; what can't be read or written is noted.
    """
    if job.state is None:
        return [Verdict()] * len(histories)
    heads, notes = read_heads(job.state, job.run_ns)
    rules = rules_of(job.entry, job.run_ns, digest(job.entry), __version__)
    watched = [
        Watched(key, _as_kept(heads.get(key)), history, _issued(vintages.get(key, []), job.entry.level))
        for key, history in histories.items()
    ]
    path = job.state / DAYS
    found, days = judge(watched, read_days(path, rules.step_ns, notes), rules, job.entry.level)
    try:
        write_days(path, rules.step_ns, days)
    except StorageError as error:
        notes.append(str(error))
    outcome.notes += notes
    return found


def _as_kept(head: Head | None) -> Kept | None:
    if head is None:
        return None
    made_ns, warmed_ns, reason, points, _ = head.made
    return Kept(made_ns, warmed_ns, reason, head.step_ns, points, head.periods, head.settings, head.version)


def _issued(vintages: Sequence[Vintage], level: float) -> list[Issued]:
    """What was forecast, with the width of the main interval; of several with one first step the newest."""
    wanted = {one.first_ns: one for one in vintages if level in one.levels}
    found = []
    for first_ns, one in sorted(wanted.items()):
        lower, upper = one.bounds[one.levels.index(level)]
        found.append(Issued(first_ns, one.yhat, upper - lower))
    return found

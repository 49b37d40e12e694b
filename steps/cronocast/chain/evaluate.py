"""The evaluate step: history.csv and the state of the series in, evaluation.json out.

What was foretold is held against what came, and what must be made anew is decided. It never costs a run its forecast:
what goes wrong with a member or with the state is a note.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cronocast.chain.job import Job
from cronocast.chain.verdicts import verdicts_of_run
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.document.meaning import preparation_of
from cronocast.errors import StorageError, seen
from cronocast.handoff.evaluation import SCHEMA, Anomaly, Crossing, MemberEvaluation, to_document
from cronocast.handoff.files import write_json
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.series import HISTORY_COLUMNS, Member
from cronocast.handoff.strict import read_members
from cronocast.monitor.accumulator import accumulated
from cronocast.monitor.accuracy import accuracy, newest_before, pairs_of, past_forecasts
from cronocast.monitor.anomalies import anomalies
from cronocast.monitor.dates import Told, dates_of, read_told, write_told
from cronocast.monitor.late import late, newest, read_used, write_used
from cronocast.monitor.meaning import History
from cronocast.monitor.vintages import Vintage, read_vintages
from cronocast.timeseries.grid import Floats, Ints
from cronocast.timeseries.prepare import prepare_member

Key = tuple[str, str]
PROGRESS_EVERY = 100  # members between two progress lines


class Known(NamedTuple):
    """One member as it is evaluated: its history as the forecast sees it."""

    name: str
    tags: str
    time_ns: Ints
    y: Floats

    @property
    def key(self) -> tuple[str, str]:
        """Name and tags."""
        return self.name, self.tags


def run(job: Job, outcome: Outcome) -> None:
    """Evaluate every member of the history and publish evaluation.json.

    Raises:
        DataError, ContractError, StorageError: the history is missing, is not what extract published, or can't be read.
    """
    extracted = check_handoff(job.history, "extract", *job.handoff_names())
    outcome.window = extracted.get("window", {})
    if extracted.get("status") == "skipped":
        outcome.skip(extracted.get("reason", ""))
        return
    members = _known(job, outcome)
    outcome.add_input(job.history)
    if not members:
        outcome.skip("no_data: the history has no rows")
        return
    vintages, notes = read_vintages(job.state, job.run_ns)
    outcome.notes += notes
    crossings = _crossings(job, members, outcome)
    start_ns = outcome.window.get("start_ns", 0)
    histories = {member.key: History(start_ns, member.time_ns, member.y) for member in members}
    verdicts = verdicts_of_run(job, histories, vintages, outcome)
    late = _late(job, members, outcome)
    found = [
        _judged(member, vintages.get(member.key, []), job, outcome)._replace(
            crossings=dates, verdict=verdict, late=late.get(member.key, 0)
        )
        for member, dates, verdict in zip(members, crossings, verdicts, strict=True)
    ]
    document = {"schema": SCHEMA, "series": job.entry.name, "run": job.run}
    write_json(job.output, {**document, "members": [to_document(one) for one in found]})
    outcome.add_output(job.output, len(found))
    outcome.rows_kept = sum(member.y.size for member in members)
    outcome.members = [{"name": one.name, "tags": one.tags} for one in found]
    for note in outcome.notes:
        say(f"evaluate: {note}")


def _late(job: Job, members: Sequence[Known], outcome: Outcome) -> dict[Key, int]:
    """How many values of each member came or changed after the run before had used them."""
    if job.state is None:
        return {}
    end_ns, horizon = outcome.window.get("end_ns", 0), job.entry.horizon // job.entry.every
    used, notes = read_used(job.state, job.run_ns)
    outcome.notes += notes
    try:
        now = {member.key: newest(member.time_ns, member.y, end_ns, horizon) for member in members}
        write_used(job.state, job.run_ns, now)
    except StorageError as error:
        outcome.notes.append(str(error))
    return {member.key: late(used[member.key], member.time_ns, member.y) for member in members if member.key in used}


def _judged(member: Known, vintages: Sequence[Vintage], job: Job, outcome: Outcome) -> MemberEvaluation:
    """As `judged`; what goes wrong with one member is a note."""
    try:
        return judged(member, vintages, job.entry, outcome.window.get("end_ns", 0))
    except (ArithmeticError, ValueError, LookupError) as error:
        outcome.notes.append(f"accuracy of {seen(member.tags)}: {seen(str(error))}")
        return MemberEvaluation(member.name, member.tags)


def judged(member: Known, vintages: Sequence[Vintage], entry: Entry, end_ns: int) -> MemberEvaluation:
    """Hold what was forecast of a member against what came.

    Args:
        member: Its history.
        vintages: Of earlier runs, the oldest first.
        entry: Of the series.
        end_ns: End of the last finished step.
    """
    step_ns, horizon = int(entry.every), entry.horizon // entry.every
    levels = (entry.level, *sorted(entry.levels))
    pairs = pairs_of(vintages, member.time_ns, member.y, levels)
    found = MemberEvaluation(member.name, member.tags, anomalies=_unusual(member, vintages, entry, end_ns))
    if pairs is not None:
        scores = accuracy(pairs, levels, horizon)
        useful_ns = None if scores.useful_steps is None else scores.useful_steps * step_ns
        found = found._replace(leads=scores.leads, useful_ns=useful_ns, pit=scores.pit)
    if entry.vintages.write:
        found = found._replace(past=past_forecasts(vintages, member.time_ns, entry.level, horizon))
    return found


def _unusual(member: Known, vintages: Sequence[Vintage], entry: Entry, end_ns: int) -> tuple[Anomaly, ...]:
    """What of the newest values is unusual; nothing where rows do not lie on the grid of the entry."""
    step_ns = int(entry.every)
    if not member.time_ns.size or end_ns <= member.time_ns[-1]:
        return ()
    steps = np.arange(int(member.time_ns[0]), end_ns, step_ns, dtype=np.int64)
    place = (member.time_ns - steps[0]) // step_ns
    y = np.full(steps.size, np.nan)
    y[place] = member.y
    foretold = newest_before(vintages, steps, entry.level)
    if entry.anomalies == "accumulator":
        return tuple(accumulated(steps, y, *foretold, entry.horizon // entry.every))
    return tuple(anomalies(steps, y, *foretold, entry.level))


def _known(job: Job, outcome: Outcome) -> list[Known]:
    """Members of the history, prepared as for the forecast."""
    how, end_ns = preparation_of(job.entry), outcome.window.get("end_ns", 0)
    found = []
    for member in read_members(job.history, HISTORY_COLUMNS):
        outcome.rows_in += len(member.time_ns) + member.gaps_in_file
        found.append(as_known(prepare_member(member, how, end_ns)[0]))
    return found


def as_known(member: Member) -> Known:
    """A prepared member as arrays."""
    return Known(
        member.name,
        member.tags,
        np.frombuffer(member.time_ns, dtype=np.int64),
        np.frombuffer(member.columns[0], dtype=np.float64),
    )


def _crossings(job: Job, members: Sequence[Known], outcome: Outcome) -> list[tuple[Crossing, ...]]:
    """When each member reaches the thresholds of the entry."""
    entry = job.entry
    if not entry.thresholds:
        return [()] * len(members)
    told, notes = read_told(job.state)
    outcome.notes += notes
    found: list[tuple[Crossing, ...]] = []
    for i, member in enumerate(members, start=1):
        try:
            crossings, told[member.key] = dates_of(
                member.key,
                member.time_ns,
                member.y,
                int(entry.every),
                entry.thresholds,
                told.get(member.key, Told()),
                job.run_ns,
            )
            found.append(crossings)
        except (ArithmeticError, ValueError, LookupError) as error:
            outcome.notes.append(f"crossing of {seen(member.tags)}: {seen(str(error))}")
            found.append(())
        if i % PROGRESS_EVERY == 0:
            say(f"evaluate: dates of {i} of {len(members)} members")
    if job.state is not None:
        try:
            write_told(job.state, told)
        except StorageError as error:
            outcome.notes.append(str(error))
    return found

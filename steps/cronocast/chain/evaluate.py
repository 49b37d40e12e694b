"""The evaluate step: history.csv and the state of the series in, evaluation.json out.

What was foretold is held against what came, and what must be made anew is decided. It never costs a run its forecast:
what goes wrong with a member or with the state is a note.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cronocast.chain.job import Job
from cronocast.console import say
from cronocast.document.meaning import preparation_of
from cronocast.errors import StorageError, seen
from cronocast.handoff.evaluation import SCHEMA, Crossing, MemberEvaluation, to_document
from cronocast.handoff.files import write_json
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.series import HISTORY_COLUMNS, Member
from cronocast.handoff.strict import read_members
from cronocast.monitor.dates import Told, dates_of, read_told, write_told
from cronocast.timeseries.grid import Floats, Ints
from cronocast.timeseries.prepare import prepare_member

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
    crossings = _crossings(job, members, outcome)
    found = [
        MemberEvaluation(member.name, member.tags, crossings=told)
        for member, told in zip(members, crossings, strict=True)
    ]
    document = {"schema": SCHEMA, "series": job.entry.name, "run": job.run}
    write_json(job.output, {**document, "members": [to_document(one) for one in found]})
    outcome.add_output(job.output, len(found))
    outcome.rows_kept = sum(member.y.size for member in members)
    outcome.members = [{"name": one.name, "tags": one.tags} for one in found]
    for note in outcome.notes:
        say(f"evaluate: {note}")


def _known(job: Job, outcome: Outcome) -> list[Known]:
    """Members of the history, prepared as for the forecast."""
    how, end_ns = preparation_of(job.entry), outcome.window.get("end_ns", 0)
    found = []
    for member in read_members(job.history, HISTORY_COLUMNS):
        outcome.rows_in += len(member.time_ns) + member.gaps_in_file
        found.append(_as_known(prepare_member(member, how, end_ns)[0]))
    return found


def _as_known(member: Member) -> Known:
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

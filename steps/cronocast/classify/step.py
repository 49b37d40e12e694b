"""The classify step: history.csv in, profile.json out."""

from collections.abc import Iterator

import numpy as np

from cronocast.classify import classify_member
from cronocast.durations import stamp
from cronocast.entry import Entry
from cronocast.files import write_json
from cronocast.plan import write_outputs
from cronocast.profile import SCHEMA, Profile, to_document
from cronocast.results import Outcome, check_handoff
from cronocast.series import HISTORY_COLUMNS, Member, read_members
from cronocast.step import Job, say

PROGRESS_EVERY = 100  # members between two progress lines


def profile_of(member: Member, entry: Entry) -> Profile:
    """Classify one member of a history as its entry says."""
    return classify_member(
        member.name,
        member.tags,
        np.frombuffer(member.time_ns, dtype=np.int64),
        np.frombuffer(member.columns[0], dtype=np.float64),
        int(entry.every),
        entry.min_points,
        tuple(period // entry.every for period in entry.periods) or None,
        entry.series_class,
    )


def run(job: Job) -> Outcome:
    """Classify every member of the history and publish profile.json.

    Raises:
        DataError, ContractError, StorageError: the history is missing, is not what extract published, or can't be read.
    """
    extracted = check_handoff(job.history, "extract", *job.handoff_names())
    outcome = Outcome(window=extracted.get("window", {}))
    if extracted.get("status") == "skipped":
        if job.outputs is not None:
            write_outputs(job.outputs, job.entry, [])
        return Outcome(status="skipped", reason=extracted.get("reason", ""), window=outcome.window)
    profiles = list(_profiles(job, outcome))
    outcome.add_input(job.history)
    if job.outputs is not None:
        write_outputs(job.outputs, job.entry, [profile.series_class for profile in profiles])
    if not profiles:
        return Outcome(status="skipped", reason="no_data: the history has no rows", inputs=outcome.inputs, window=outcome.window)
    documents = [to_document(profile) for profile in profiles]
    path = job.output
    write_json(path, {"schema": SCHEMA, "series": job.entry.name, "run": job.run, "every": str(job.entry.every), "members": documents})
    outcome.add_output(path, len(documents))
    outcome.rows_kept = sum(profile.points for profile in profiles)
    outcome.rows_dropped = {"gap": outcome.rows_in - outcome.rows_kept} if outcome.rows_in > outcome.rows_kept else {}
    outcome.members = [{"name": p.name, "tags": p.tags, "class": p.series_class, "why": p.why, "rows": p.points} for p in profiles]
    return outcome


def _profiles(job: Job, outcome: Outcome) -> Iterator[Profile]:
    for i, member in enumerate(read_members(job.history, HISTORY_COLUMNS), start=1):
        outcome.rows_in += len(member.time_ns) + member.gaps_in_file
        yield profile_of(member, job.entry)
        if i % PROGRESS_EVERY == 0:
            say(f"classify: {i} members done, the last one ends at {stamp(member.time_ns[-1]) if member.time_ns else 'no row'}")

"""The classify step: history.csv in, profile.json out."""

from collections.abc import Iterator

import numpy as np

from cronocast.classify import classify_member
from cronocast.durations import stamp
from cronocast.entry import Entry
from cronocast.errors import ContractError, seen
from cronocast.files import read_json, write_json
from cronocast.profile import Profile, from_document, to_document
from cronocast.results import Outcome, check_handoff
from cronocast.series import HISTORY_COLUMNS, Member, read_members
from cronocast.step import Job, say

SCHEMA = 1
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
        return Outcome(status="skipped", reason=extracted.get("reason", ""), window=outcome.window)
    profiles = list(_profiles(job, outcome))
    outcome.add_input(job.history)
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


def read_profiles(job: Job) -> dict[tuple[str, str], Profile]:
    """Read profile.json of this run by member.

    Raises:
        ContractError: it is not what classify published, or a profile in it is impossible.
    """
    path = job.profile
    if path is None:
        return {}
    check_handoff(path, "classify", *job.handoff_names())
    document = read_json(path)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not isinstance(document.get("members"), list):
        raise ContractError("E_CLASS", str(path), f"not a profile of schema {SCHEMA}: {seen(document)}; run classify again")
    profiles = [from_document(item, f"{path}:members[{i}]") for i, item in enumerate(document["members"])]
    return {(profile.name, profile.tags): profile for profile in profiles}

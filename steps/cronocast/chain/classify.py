"""The classify step: history.csv in, profile.json out."""

from collections.abc import Iterator, Sequence

from cronocast.chain.evaluated import evaluation_of
from cronocast.chain.going_on import counting, heads_of, kept_profile, learns, verdicts_of
from cronocast.chain.job import Job
from cronocast.chain.parts import models_by_image, trains_only, write_outputs
from cronocast.classify.member import profile_of
from cronocast.console import say
from cronocast.document.meaning import preparation_of
from cronocast.durations import stamp
from cronocast.forecast.kept import read_heads
from cronocast.handoff.files import atomic, write_json
from cronocast.handoff.profile import SCHEMA, Profile, to_document
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.series import HISTORY_COLUMNS, Member, header, rows
from cronocast.handoff.strict import read_members
from cronocast.images import PARTS
from cronocast.timeseries.prepare import prepare_member

PREPARED = "prepared.csv"  # beside profile.json: the history after `prepare`, where that changes values
PROGRESS_EVERY = 100  # members between two progress lines


def run(job: Job, outcome: Outcome) -> None:
    """Classify every member of the history and publish profile.json.

    Raises:
        DataError, ContractError, StorageError: the history is missing, is not what extract published, or can't be read.
    """
    extracted = check_handoff(job.history, "extract", *job.handoff_names())
    outcome.window = extracted.get("window", {})
    if extracted.get("status") == "skipped":
        if job.outputs is not None:
            write_outputs(job.outputs, job.entry, [])
        outcome.skip(extracted.get("reason", ""))
        return
    profiles = list(_profiles(job, outcome))
    outcome.add_input(job.history)
    if job.outputs is not None:
        found = evaluation_of(job).values()
        classes = [profile.series_class for profile in profiles]
        write_outputs(job.outputs, job.entry, classes, found, _resting(job, profiles))
    if not profiles:
        outcome.skip("no_data: the history has no rows")
        return
    documents = [to_document(profile) for profile in profiles]
    path = job.output
    write_json(
        path,
        {
            "schema": SCHEMA,
            "series": job.entry.name,
            "run": job.run,
            "every": str(job.entry.every),
            "members": documents,
        },
    )
    outcome.add_output(path, len(documents))
    outcome.rows_kept = sum(profile.points for profile in profiles)
    gaps = outcome.rows_in - outcome.rows_kept - outcome.rows_dropped.get("prepared", 0)
    outcome.rows_dropped |= {"gap": gaps} if gaps > 0 else {}
    outcome.members = [
        {"name": p.name, "tags": p.tags, "class": p.series_class, "why": p.why, "rows": p.points, **told}
        for p, told in zip(profiles, outcome.members, strict=True)
    ]


def _resting(job: Job, profiles: Sequence[Profile]) -> list[str]:
    """Images that are needed for training alone, on a day when no member of theirs is due."""
    verdicts = verdicts_of(job)
    images = [image for image in PARTS if trains_only(job.entry, image)]
    keys = {
        image: [(p.name, p.tags) for p in profiles if image in models_by_image(job.entry, p.series_class)]
        for image in images
    }
    return [image for image in images if not learns(keys[image], verdicts, read_heads(job.state, job.run_ns, image)[0])]


def _profiles(job: Job, outcome: Outcome) -> Iterator[Profile]:
    verdicts, heads = verdicts_of(job), heads_of(job, outcome)
    for i, member in enumerate(_prepared(job, outcome), start=1):
        verdict, head = verdicts.get(member.key), heads.get(member.key)
        since = counting(member, verdict, head)
        yield kept_profile(since, head, verdict) or profile_of(since, job.entry)
        if i % PROGRESS_EVERY == 0:
            say(
                f"classify: {i} members done, the last one ends at"
                f" {stamp(member.time_ns[-1]) if member.time_ns else 'no row'}"
            )


def _prepared(job: Job, outcome: Outcome) -> Iterator[Member]:
    """Members as the entry wants them prepared.

    In a run folder they are also kept, so that the report shows what the forecast continues.
    """
    path = job.output.with_name(PREPARED)
    if job.standalone or not preparation_of(job.entry).changes_values:
        if not job.standalone:
            path.unlink(missing_ok=True)  # of the same run with other settings
        yield from _each(job, outcome)
        return
    written = 0
    with atomic(path) as file:
        file.write(header(HISTORY_COLUMNS))
        for member in _each(job, outcome):
            file.write(rows(member))
            written += len(member.time_ns)
            yield member
    outcome.add_output(path, written)


def _each(job: Job, outcome: Outcome) -> Iterator[Member]:
    how = preparation_of(job.entry)
    end_ns = outcome.window.get("end_ns") or (_end_of(job, how.every_ns) if how.changes_values else 0)
    for member in read_members(job.history, HISTORY_COLUMNS):
        outcome.rows_in += len(member.time_ns) + member.gaps_in_file
        prepared, done = prepare_member(member, how, end_ns)
        counts = {name: count for name, count in done.items() if count}
        outcome.members.append({"prepared": counts} if counts else {})
        dropped = len(member.time_ns) + counts.get(f"filled_as_{how.absent.rule}", 0) - len(prepared.time_ns)
        if dropped > 0:
            outcome.rows_dropped["prepared"] = outcome.rows_dropped.get("prepared", 0) + dropped
        yield prepared


def _end_of(job: Job, every_ns: int) -> int:
    """Where a history ends that no window bounds: with the step of its newest row."""
    newest_ns = max((m.time_ns[-1] for m in read_members(job.history, HISTORY_COLUMNS) if m.time_ns), default=0)
    return newest_ns // every_ns * every_ns + every_ns

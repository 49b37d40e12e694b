"""The forecast step: history.csv and profile.json in, forecast.csv out."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cronocast.chain.found import found_of, summed_up
from cronocast.chain.going_on import Keeping, counting, heads_of, kept_profile, learns, verdicts_of
from cronocast.chain.going_on import told as told_of
from cronocast.chain.job import Job
from cronocast.chain.parts import models_by_image
from cronocast.chain.run_records import history_notes
from cronocast.classify.member import profile_of
from cronocast.console import say
from cronocast.document.meaning import preparation_of
from cronocast.errors import ConfigError, CronocastError, DataError, InvariantError, seen
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.candidates import unused
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.files import atomic, series_id
from cronocast.handoff.profile import Profile, read_profiles
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.series import HISTORY_COLUMNS, Member, forecast_columns, header, ordered, rows
from cronocast.handoff.strict import read_members
from cronocast.monitor.vintages import Batch, keep, naive_forecast, naive_scale
from cronocast.timeseries.holidays import parts_note
from cronocast.timeseries.prepare import prepare_member

PROGRESS_EVERY = 25  # members between two progress lines


def run(job: Job, outcome: Outcome) -> None:
    """Forecast every member of the history and publish forecast.csv.

    Raises:
        DataError, ContractError, StorageError: history or profile are missing, are not what their steps published, or
            can't be read.
        ConfigError: an unknown model, one that does not take an option, or one whose library is not installed.
        InvariantError: not one member could be forecast.
    """
    extracted = check_handoff(job.history, "extract", *job.handoff_names())
    outcome.window = extracted.get("window", {})
    if extracted.get("status") == "skipped":
        outcome.skip(extracted.get("reason", ""))
        return
    profiles = read_profiles(job.profile, *job.handoff_names()) if job.profile else {}
    members = list(read_members(job.history, HISTORY_COLUMNS))
    for path in (job.history, job.profile):
        if path is not None:
            outcome.add_input(path)
    if not members:
        outcome.skip("no_data: the history has no rows")
        return
    outcome.rows_in = sum(len(m.time_ns) + m.gaps_in_file for m in members)
    how, end_ns = preparation_of(job.entry), _bounded(job, members, outcome)
    told, read = dict[tuple[str, str], dict[str, Any]](), members
    members = []
    for member in read:
        prepared = prepare_member(member, how, end_ns)
        told[member.key] = found_of(member, prepared, job.entry, how)
        members.append(prepared[0])
    works = _member_jobs(job, members, profiles, outcome)
    outcome.rows_kept = sum(len(m.time_ns) for m in members)
    if not works:
        outcome.skip("no_members: no member belongs to this part")
        outcome.rows_in = outcome.rows_kept = 0
        return
    outcome.notes += unused(job.entry.options, job.entry.model, job.entry.candidates)
    outcome.notes += filter(None, [parts_note(job.entry.calendar.holidays, job.run_ns)])
    for note in outcome.notes:
        say(f"forecast: {note}")
    outcome.expected = len(works) * works[0].settings.horizon
    _publish(job, works, told, outcome)
    _judge(outcome)
    for note in history_notes({"notes": outcome.notes}):
        say(f"forecast: {note}")


def _bounded(job: Job, members: Sequence[Member], outcome: Outcome) -> int:
    """End of the last finished step; where no window says it, that of the newest row."""
    every = int(job.entry.every)
    newest_ns = max((m.time_ns[-1] for m in members if m.time_ns), default=0)
    end_ns = outcome.window.get("end_ns") or newest_ns // every * every + every
    outcome.window = {**outcome.window, "end_ns": end_ns, "every_ns": every}
    return end_ns


def _member_jobs(
    job: Job, members: Sequence[Member], profiles: dict[tuple[str, str], Profile], outcome: Outcome
) -> list[MemberJob]:
    """One job per member; where no step classified them it is done here."""
    entry, settings = job.entry, settings_of(job.entry, outcome.window["end_ns"])
    models = job.state / "models" if job.state else None
    verdicts, heads = verdicts_of(job), heads_of(job, outcome)
    classified = []
    for member in members:
        verdict, head = verdicts.get(member.key), heads.get(member.key)
        since = counting(member, verdict, head)
        profile = profiles.get(member.key) or kept_profile(since, head, verdict)
        classified.append((since, profile or profile_of(since, entry)))
    share = list(_share(job, classified))
    trains = learns([member.key for member, *_ in share], verdicts, heads)
    jobs = []
    for member, profile, tries in share:
        own = replace(settings, trains=trains, candidates=tries[job.part.image] if job.part else settings.candidates)
        time_ns = np.frombuffer(member.time_ns, dtype=np.int64)
        y = np.frombuffer(member.columns[0], dtype=np.float64)
        state = models / series_id(member.label) if models else None
        verdict, head = verdicts.get(member.key), heads.get(member.key)
        jobs.append(MemberJob(profile, time_ns, y, own, state, verdict=verdict, head=head))
    return jobs


def _share(
    job: Job, classified: list[tuple[Member, Profile]]
) -> Iterator[tuple[Member, Profile, dict[str, tuple[str, ...]]]]:
    """The members that this container forecasts, with the models that each image tries for them.

    They are all members, or those of its part.
    """
    for i, (member, profile) in enumerate(classified):
        tries = models_by_image(job.entry, profile.series_class)
        if job.part is None or (job.part.image in tries and i % job.part.count == job.part.index):
            yield member, profile, tries


def _publish(job: Job, works: list[MemberJob], told: dict[tuple[str, str], dict[str, Any]], outcome: Outcome) -> None:
    """Forecast and write member by member, so that memory does not grow with their number."""
    written, first = 0, None
    batch = Batch(job.run_ns, (job.entry.level, *sorted(job.entry.levels)))

    def progress(count: int, total: int) -> None:
        if count % PROGRESS_EVERY == 0 or count == total:
            say(f"forecast: {count} of {total} members")

    with Keeping(job, outcome) as next_run, atomic(job.output) as file:
        file.write(header(forecast_columns(job.entry.levels)))
        for work, result in zip(works, forecast_members(works, job.entry.jobs, progress, _weights(job)), strict=True):
            first = first or result
            if result.time_ns.size:
                file.write(rows(_as_member(result)))
                written += result.time_ns.size
                if job.state is not None:
                    _keep(batch, work, result)
            next_run.add(work, result)
            told_now = {**told[work.profile.name, work.profile.tags], "verdict": told_of(work.verdict, result.done)}
            outcome.members.append(_as_document(work.profile, result, told_now))
        if first and not written and all(member["status"] != "skipped" for member in outcome.members):
            raise _nothing(first)
    outcome.add_output(job.output, written)
    if job.state is not None and written:
        kept = job.entry.vintages
        part = job.part.name if job.part else ""
        note = keep(batch, job.state, part, int(job.entry.horizon), int(kept.keep), kept.count)
        outcome.notes += [note] if note else []


def _keep(batch: Batch, work: MemberJob, result: MemberForecast) -> None:
    """Add a forecast to what is kept, with the naive one that its backtest compared it with."""
    step_ns, seasons = work.profile.step_ns, result.backtest.get("naive", {}).get("seasons", ())
    known = np.isfinite(work.y)
    gaps = (int(result.time_ns[0]) - work.time_ns[known]) // step_ns
    y, season = work.y[known], int(seasons[0]) if len(seasons) else None
    columns = (result.yhat, result.lower, result.upper, *(bound for band in result.further for bound in band))
    naive = naive_forecast(y, gaps, season, result.yhat.size)
    scale = naive_scale(y, gaps, season)
    batch.add((result.name, result.tags), int(result.time_ns[0]), step_ns, columns, naive, scale, result.status)


def _weights(job: Job) -> Path | None:
    """Where models that learn from all members keep their weights.

    One folder of the series, or of each share of its members.
    """
    if job.state is None:
        return None
    return job.state / "models" if job.part is None or job.part.count == 1 else job.state / "models" / job.part.name


def _as_member(result: MemberForecast) -> Member:
    """The rows of one forecast, checked: finite and in order, whatever the model did."""
    columns = (result.yhat, result.lower, result.upper, *(bound for band in result.further for bound in band))
    if not all(np.isfinite(c).all() for c in columns) or not all(
        (columns[a] <= columns[b]).all() for a, b in ordered(len(columns))
    ):
        raise InvariantError(
            "E_NONFINITE_FORECAST",
            f"{result.name}{{{result.tags}}}",
            f"{result.model} gave a forecast that is not finite or outside its own interval",
        )
    return Member(
        result.name, result.tags, array("q", result.time_ns.tolist()), tuple(array("d", c.tolist()) for c in columns)
    )


def _as_document(profile: Profile, result: MemberForecast, told: dict[str, Any]) -> dict[str, Any]:
    """What the result file says of a member, with what is told of its history."""
    notes = [*told["notes"], *result.notes]
    return {
        "name": result.name,
        "tags": result.tags,
        "status": result.status,
        "reason": result.reason,
        "class": profile.series_class,
        "model": result.model,
        "why": result.why,
        "rows": int(result.time_ns.size),
        **{name: told[name] for name in ("rows_asked", "rows_found", "rows_filled", "empty")},
        **({"notes": notes} if notes else {}),
        "prepared": {**told["prepared"], **result.prepared},
        "backtest": {**result.backtest, **_headline_scores(result.backtest)},
        "cpu_s": round(result.cpu_s, 4),
        **told["verdict"],
    }


def _headline_scores(backtest: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of what was chosen that a backtest shows at its top."""
    scores = {name: value for name, value in backtest.get("chosen", {}).items() if value is not None}
    return {name: value for name, value in scores.items() if name in ("ratio", "mase") or name.startswith("coverage")}


def _judge(outcome: Outcome) -> None:
    """Say in the result how the members fared together."""
    counts = Counter(member["status"] for member in outcome.members)
    said = [
        f"{counts[status]} of {len(outcome.members)} members {status}"
        for status in ("failed", "skipped", "fallback")
        if counts[status]
    ]
    outcome.reason = ", ".join(said)
    outcome.notes += summed_up([note for member in outcome.members for note in member.get("notes", ())])
    silent = sum(member["reason"].startswith("silent: ") for member in outcome.members if member["status"] == "skipped")
    if counts["skipped"] == len(outcome.members):
        outcome.status = "skipped"
    elif len(outcome.members) - counts["ok"] > silent:  # members that are gone are no fault of the run
        outcome.status = "fallback"


def _nothing(first: MemberForecast) -> CronocastError:
    """What ends the step where no member has a forecast: what stopped the first one stands for all."""
    where = f"{first.name}{{{first.tags}}}"
    if first.error is not None and issubclass(first.error, ConfigError):
        return ConfigError.one(first.token, where, first.reason)
    if first.error is not None and issubclass(first.error, DataError):
        return DataError(first.token, where, first.reason)
    return InvariantError(
        "E_NO_FORECAST", where, f"no member could be forecast; reason of the first: {seen(first.reason)}"
    )

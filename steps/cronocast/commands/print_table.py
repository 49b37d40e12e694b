"""What a step on a table of one's own prints: its result to stdout, what was found to stderr."""

import csv
import json
import sys
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cronocast.chain.job import Job
from cronocast.console import say
from cronocast.durations import Duration
from cronocast.handoff.files import read_json
from cronocast.handoff.profile import Profile, read_profiles
from cronocast.handoff.series import Member, forecast_columns
from cronocast.handoff.strict import read_members
from cronocast.tables.table import Table

MOST_MEMBERS = 20  # that a person reads one by one
Info = dict[tuple[str, str], dict[str, Any]]  # what the result of the step says of each member


def say_found(table: Table, path: Path, *, guessed: bool) -> None:
    """Say what was found in a table, before anything is made of it."""
    encoding, *notes = table.notes
    wide = len(table.values) > 1
    by = (
        f"; members by {', '.join(table.by)}"
        if table.by and not wide
        else "; a member for each of them"
        if wide
        else ""
    )
    how = " (the median distance of rows; --every sets another)" if guessed else ""
    first = min(member.time_ns[0] for member in table.members)
    last = max(member.time_ns[-1] for member in table.members)
    count = len(table.members)
    say(f"{path.name}: {table.rows} row{'s' if table.rows != 1 else ''}; {encoding}")
    say(f"time: {table.time} ({table.form.words()}); value: {', '.join(table.values)}{by}")
    say(
        f"step: {Duration.of(table.every_ns)}{how}; {count} member{'s' if count != 1 else ''},"
        f" {table.written(first)} to {table.written(last)}"
    )
    for note in notes:
        say(f"note: {note}")


def label_of(table: Table, key: tuple[str, str]) -> str:
    """What people call a member of a table."""
    return ", ".join(filter(None, table.labels[key])) or key[0]


def print_result(table: Table, job: Job, *, as_json: bool) -> None:
    """Print what a step made of a table."""
    infos: Info = {(info["name"], info["tags"]): info for info in read_json(job.result)["members"]}
    if job.step == "classify":
        profiles = read_profiles(job.output, None, None) if job.output.exists() else {}
        _print_json(_profiles_json(table, profiles)) if as_json else _print_profiles(table, profiles)
        return
    columns = forecast_columns(job.entry.levels)
    members = {m.key: m for m in read_members(job.output, columns)} if job.output.exists() else {}
    _say_members(table, infos)
    if as_json:
        _print_json(_forecasts_json(table, job, columns, members, infos))
    else:
        _print_csv(table, columns, members)


def _print_json(document: Any) -> None:  # noqa: ANN401 - JSON
    print(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False))  # noqa: T201 - the answer


def _print_csv(table: Table, columns: Sequence[str], members: dict[tuple[str, str], Member]) -> None:
    """The forecast, in the order of the table: what tells members apart, times in the form of the table, values."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*table.by, table.time, *columns])
    for key, member in members.items():
        times = map(table.written, member.time_ns)
        out.writerows([*table.labels[key], *row] for row in zip(times, *member.columns, strict=True))


def _say_members(table: Table, infos: Info) -> None:
    """Class and model of each member, as far as people read."""
    rows = [("member", "rows", "class", "model", "")]
    counts = {member.key: str(len(member.time_ns)) for member in table.members}
    for key, info in list(infos.items())[:MOST_MEMBERS]:
        reason = info["reason"] if info["status"] != "ok" else ""
        rows.append((label_of(table, key), counts[key], info["class"], info["model"] or "-", reason))
    for line in aligned(rows):
        say(line)
    if len(infos) > MOST_MEMBERS:
        say(f"and {len(infos) - MOST_MEMBERS} more members")


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows of text under one another."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _forecasts_json(
    table: Table, job: Job, columns: Sequence[str], members: dict[tuple[str, str], Member], infos: Info
) -> dict[str, Any]:
    found = []
    for key, info in infos.items():
        member = members.get(key, Member(*key, columns=tuple(array("d") for _ in columns)))
        values = dict(zip(columns, map(list, member.columns), strict=True))
        own = {name: info[name] for name in ("status", "reason", "class", "model", "why", "backtest")}
        times = [table.written(time) for time in member.time_ns]
        found.append({**_labels(table, key), **own, table.time: times, **values})
    entry = job.entry
    asked = {"every": str(entry.every), "horizon": str(entry.horizon), "level": entry.level}
    return {**asked, "levels": [float(level) for level in entry.levels], "notes": table.notes, "members": found}


def _labels(table: Table, key: tuple[str, str]) -> dict[str, str]:
    return dict(zip(table.by, table.labels[key], strict=True))


def _profiles_json(table: Table, profiles: dict[tuple[str, str], Profile]) -> dict[str, Any]:
    members = [{**_labels(table, key), **profile_facts(table, profile)} for key, profile in profiles.items()]
    return {"every": str(Duration.of(table.every_ns)), "notes": table.notes, "members": members}


def profile_facts(table: Table, profile: Profile) -> dict[str, Any]:
    """What classify found out about a member of a table, in plain values."""
    return {
        "class": profile.series_class,
        "periods": [str(Duration.of(period * profile.step_ns)) for period in profile.periods],
        "points": profile.points,
        "missing": profile.gaps.missing,
        "first": table.written(profile.first_ns),
        "last": table.written(profile.last_ns),
        "changes": [table.written(time) for time in profile.change_points_ns],
        "why": profile.why,
        "notes": list(profile.notes),
        "evidence": profile.evidence,
    }


def _print_profiles(table: Table, profiles: dict[tuple[str, str], Profile]) -> None:
    rows = [("member", "class", "periods", "points", "missing", "last change", "why")]
    for key, profile in profiles.items():
        facts = profile_facts(table, profile)
        change = facts["changes"][-1] if facts["changes"] else "-"
        counts = str(facts["points"]), str(facts["missing"])
        periods = ", ".join(facts["periods"]) or "-"
        rows.append((label_of(table, key), facts["class"], periods, *counts, change, facts["why"]))
    print("\n".join(aligned(rows)))  # noqa: T201 - the answer

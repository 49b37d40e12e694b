"""Values of a series from its run folders: the newest history, and older ones for what lies before it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cronocast.chain.evaluate import Known, as_known
from cronocast.document.entry import Entry
from cronocast.document.meaning import preparation_of
from cronocast.errors import DataError
from cronocast.handoff.files import newest_first, read_json
from cronocast.handoff.series import HISTORY_COLUMNS
from cronocast.handoff.strict import read_members
from cronocast.timeseries.prepare import prepare_member


class Past(NamedTuple):
    """A run folder with a history, and the time that the history covers."""

    run: Path
    start_ns: int
    end_ns: int


def past_values(entry: Entry, folder: Path, since_ns: int) -> list[Known]:
    """Values of the members of the newest run, as far back as histories reach without a gap between them.

    Args:
        entry: Of the series.
        folder: Of the series.
        since_ns: From when on values are wanted.

    Raises:
        DataError: no run has a history.
    """
    runs = newest_first(folder / "runs") if (folder / "runs").is_dir() else []
    pasts = [_past(run) for run in runs if (run / "history.csv").exists()]
    if not pasts:
        raise DataError("E_INPUT_MISSING", str(folder), "no run with a history; run the series first")
    newest, *wanted = needed(pasts, since_ns)
    members = {one.key: one for one in _read(entry, newest)}
    for past in wanted:
        older = {one.key: one for one in _read(entry, past)}
        members = {key: joined(one, older.get(key)) for key, one in members.items()}
    return list(members.values())


def needed(pasts: Sequence[Past], since_ns: int) -> list[Past]:
    """Of histories, the newest first, those that cover the time since then: the newest, and as few more as do."""
    chosen = [pasts[0]]
    while chosen[-1].start_ns > since_ns:
        begin_ns = chosen[-1].start_ns
        touching = [past for past in pasts if past.start_ns < begin_ns <= past.end_ns]
        if not touching:
            break
        chosen.append(min(touching, key=lambda past: past.start_ns))
    return chosen


def _past(run: Path) -> Past:
    window = read_json(run / "extract.result.json").get("window", {})
    return Past(run, window.get("start_ns", 0), window.get("end_ns", 0))


def _read(entry: Entry, past: Past) -> list[Known]:
    how = preparation_of(entry)
    members = read_members(past.run / "history.csv", HISTORY_COLUMNS)
    return [as_known(prepare_member(one, how, past.end_ns)[0]) for one in members]


def joined(member: Known, older: Known | None) -> Known:
    """A member with the values of an older history that lie before its own."""
    if older is None or not member.time_ns.size:
        return member
    before = older.time_ns < member.time_ns[0]
    times = np.concatenate((older.time_ns[before], member.time_ns))
    return member._replace(time_ns=times, y=np.concatenate((older.y[before], member.y)))

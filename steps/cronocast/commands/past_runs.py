"""The chain as of past times, for runs that were missed or never due.

A run sees what lay before its scheduled time only, and is repeated without harm. Runs of one series go one after
another, since each builds on what those before kept.
"""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cronocast.chain.job import run_folder
from cronocast.chain.table import chain_steps
from cronocast.commands.find_runs import run_times
from cronocast.commands.print_table import aligned
from cronocast.commands.progress import Display
from cronocast.commands.run import Children, chosen_of, run_series, together
from cronocast.commands.series_run import Chain
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.document.schedule import occurrences
from cronocast.document.values import load_values
from cronocast.durations import UNIT_NS, Duration, parse_stamp, stamp
from cronocast.errors import ConfigError, CronocastError, Problem, seen
from cronocast.handoff.files import series_id

MINUTE_NS = UNIT_NS["m"]
MOST_RUNS = 20_000  # of all series together
MOST_NAMED = 6  # missing runs of a series that are named


class Slot(NamedTuple):
    """One run that is due: it is there if any run lies between its time and the next one's."""

    run_ns: int
    until_ns: int


class Due(NamedTuple):
    """What is due of one series, and what of it is missing."""

    entry: Entry
    slots: tuple[Slot, ...]
    missing: tuple[Slot, ...]


def due_of(
    values: Path, names: list[str], root: Path, texts: tuple[str, str | None, str | None], *, again: bool, argo: bool
) -> list[Due]:
    """What is due of each series.

    Raises:
        ConfigError: the values file, a name or a time is wrong, or more runs are due than anybody wants.
    """
    entries = load_values(values)
    problems: list[Problem] = []
    chosen = chosen_of("--series", names, tuple(entries), problems)
    now_ns = time.time_ns()
    start_ns = _time("--from", texts[0], now_ns, problems)
    end_ns = _time("--to", texts[1], now_ns, problems) if texts[1] else now_ns
    every = Duration.read(texts[2]) if texts[2] else None
    if texts[2] and (every is None or every <= 0):
        problems.append(Problem("E_CONFIG_TIME", "--every", f"{seen(texts[2])} is no duration; allowed: 1h, 1d, ..."))
    if not problems and start_ns > end_ns:
        said = f"{stamp(start_ns)} is not before {stamp(end_ns)}; give --from before --to"
        problems.append(Problem("E_CONFIG_CROSS", "--from", said))
    if problems:
        raise ConfigError(problems)
    found = []
    for name in chosen:
        slots = slots_of(entries[name], start_ns, min(end_ns, now_ns), every)
        there = [] if again else _there(entries[name], root, start_ns, end_ns, argo=argo)
        found.append(Due(entries[name], slots, missing(slots, there)))
    return found


def _time(flag: str, text: str, now_ns: int, problems: list[Problem]) -> int:
    """A time as it was typed."""
    if (ago := Duration.read(text)) is not None:
        return now_ns - ago
    try:
        return parse_stamp(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        allowed = "allowed: 2026-01-31T12:00:00Z, 2026-01-31, or 60d for so long ago"
        problems.append(Problem("E_CONFIG_TIME", flag, f"{seen(text)} is not a time; {allowed}"))
        return 0


def slots_of(entry: Entry, start_ns: int, end_ns: int, every: Duration | None) -> tuple[Slot, ...]:
    """Runs of a series that are due from one time to another, both included.

    Raises:
        ConfigError: they are more than anybody wants.
    """
    due = range(start_ns, end_ns + 1, every) if every else occurrences(entry, start_ns, end_ns + 1)
    times: list[int] = []
    for run_ns in due:
        times.append(run_ns // 10**9 * 10**9)
        if len(times) > MOST_RUNS:
            said = f"more than {MOST_RUNS} runs of {seen(entry.name)} are due; give --every, or a shorter time"
            raise ConfigError.one("E_CONFIG_SIZE", "--every", said)
    after = end_ns + 1
    return tuple(Slot(run, until) for run, until in zip(times, [*times[1:], after], strict=True))


def missing(slots: Iterable[Slot], there: Iterable[int]) -> tuple[Slot, ...]:
    """Those in which no run lies; a record says the minute of its run only."""
    known = sorted(there)
    return tuple(
        slot for slot in slots if not any(slot.run_ns // MINUTE_NS * MINUTE_NS <= t < slot.until_ns for t in known)
    )


def _there(entry: Entry, root: Path, start_ns: int, end_ns: int, *, argo: bool) -> list[int]:
    """Times of the runs that have written their forecast: by their folders here, and by their records."""
    here = [] if argo else run_times(root / series_id(entry.name))
    if not entry.sink.runs:
        return here
    from cronocast.chain.run_records import recorded_runs

    try:
        return [*here, *recorded_runs(entry, start_ns, end_ns)]
    except CronocastError as error:
        say(f"{entry.name}: records can't be read, so that runs elsewhere count as missing: {error}")
        return here


def run_missing(due: list[Due], root: Path) -> list[Chain]:
    """Run what is missing: of a series one run after another, several series at once."""
    root = root.absolute()
    done: list[Chain] = []
    waiting = [one for one in due if one.missing]

    def work(one: Due, children: Children) -> None:
        for i, slot in enumerate(one.missing, start=1):
            if children.stopped:
                return
            chain = Chain(one.entry, run_folder(root, one.entry.name, slot.run_ns))
            run_series(chain, list(chain_steps()), root, slot.run_ns, children, display)
            done.append(chain)
            said = f"failed: {chain.error}" if chain.exit_code else chain.status
            say(f"{one.entry.name} {stamp(slot.run_ns)}: {said} ({i} of {len(one.missing)})")

    if waiting:
        with Display([one.entry.name for one in waiting], list(chain_steps()), quiet=True) as display:
            together(waiting, work)
    return done


def print_runs(due: list[Due], chains: list[Chain], *, as_json: bool) -> None:
    """Print what was due and what became of it, as a table or as data."""
    if as_json:
        print(json.dumps([_document(one, chains) for one in due], indent=1))  # noqa: T201 - the answer
        return
    rows: list[Sequence[str]] = [("series", "due", "there", "missing", "run now", "failed")]
    for one in due:
        mine = [chain for chain in chains if chain.entry is one.entry]
        failed = sum(chain.exit_code != 0 for chain in mine)
        counts = len(one.slots), len(one.slots) - len(one.missing), len(one.missing), len(mine) - failed, failed
        rows.append((one.entry.name, *map(str, counts)))
    print("\n".join(aligned(rows)))  # noqa: T201 - the answer
    for one in due:
        if one.missing and not chains:
            print(f"{one.entry.name}: missing {named(one.missing)}")  # noqa: T201


def named(slots: tuple[Slot, ...]) -> str:
    """Times of runs, the first and last of many."""
    times = [stamp(slot.run_ns) for slot in slots]
    return ", ".join(times if len(times) <= MOST_NAMED else [*times[: MOST_NAMED - 1], "...", times[-1]])


def _document(one: Due, chains: list[Chain]) -> dict[str, Any]:
    mine = {chain.folder.name: chain for chain in chains if chain.entry is one.entry}
    runs = [{"run": chain.folder.name, "status": chain.status, "exit": chain.exit_code} for chain in mine.values()]
    return {
        "series": one.entry.name,
        "due": len(one.slots),
        "missing": [stamp(slot.run_ns) for slot in one.missing],
        "runs": runs,
    }

"""One record per member and run: which class and model it got, and how good the model was. Standard library only."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cronocast import registry
from cronocast.chain.job import Job
from cronocast.chain.table import STEPS, steps_before
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.errors import ContractError
from cronocast.handoff.results import read_result, result_path
from cronocast.sinks.points import Run, Value
from cronocast.sinks.table import SINKS, Sink

WORDS = ("class", "model", "why", "status", "reason", "empty")
# Steps of the lookback, those of them with a row, and those whose absence of one was read as a value; by `empty`.
COUNTS = ("rows_asked", "rows_found", "rows_filled")
# Names of fields: of the records of members, and of those of whole runs.
RECORD_FIELD = re.compile(
    rf"{'|'.join((*WORDS, *COUNTS))}|measured_steps|notes|mase|coverage(_[0-9]+)*|points|verdict|verdict_reason"
    r"|failed_step|exit|message"
    rf"|({'|'.join(STEPS)})_s"
)
MOST = 2**63 - 1  # that an integer field holds
HISTORY_NOTES = ("edge_scatter", "outside_clip")  # tokens of the notes of forecast on the history of a member
MOST_NOTES = 1000  # characters
COVERAGE = re.compile(r"coverage(_[0-9]+)*")  # of the interval, and of those at further levels such as coverage_50


def run_of(job: Job) -> Run:
    """What every point of a run carries."""
    return Run(job.entry.name, job.run_ns, job.entry.sink_measurement(), RECORD_FIELD)


def sink_of(job: Job) -> Sink:
    """The sink of a run.

    Raises:
        ConfigError: there is no such kind, or it can't carry the names of the run.
    """
    kind, settings = job.entry.sink.kind, job.entry.sink_settings()
    return registry.load(SINKS, "sink.kind", kind)(settings, run_of(job), say)  # type: ignore[no-any-return]


def recorded_runs(entry: Entry, first_ns: int, last_ns: int) -> list[int]:
    """Minutes in which runs of a series lie that wrote their forecast, by their records; [] where a sink can't say.

    Raises:
        CronocastError: as `Sink.recorded`.
    """
    if not SINKS[entry.sink.kind].can_count:
        return []
    run = Run(entry.name, last_ns, entry.sink_measurement(), RECORD_FIELD)
    sink: Sink = registry.load(SINKS, "sink.kind", entry.sink.kind)(entry.sink_settings(), run, say)
    return sink.recorded(first_ns, last_ns)


def step_results(beside: Path, series: str | None, run: str | None) -> dict[str, dict[str, Any]]:
    """Results of the steps before load that lie in the same folder.

    Those that are missing or of another run are left out.
    """
    found = {}
    for step in steps_before("load"):
        try:
            result = read_result(result_path(step, beside), step)
        except ContractError:
            continue
        if (series, run) in ((None, None), (result.get("series"), result.get("run"))):
            found[step] = result
    return found


def run_fields(
    results: Mapping[str, dict[str, Any]], points: Mapping[tuple[str, str], int]
) -> Iterator[tuple[tuple[str, str], dict[str, Value]]]:
    """Fields of the record of each member that was forecast or skipped: ((name, tags), fields).

    What is not known is None.

    Args:
        results: From `step_results`.
        points: Points written per member.
    """
    durations: dict[str, Value] = {
        f"{step}_s": _number(results.get(step, {}).get("duration_s")) for step in steps_before("load")
    }
    classes = {_key(member): member for member in _members(results.get("classify", {}))}
    members = {_key(member): member for member in _members(results.get("forecast", {}))}
    for key in {**dict.fromkeys(members), **dict.fromkeys(points)}:
        member = members.get(key, {})
        words = {name: _word(member.get(name)) for name in WORDS} | {
            "class": _word(member.get("class")) or _word(classes.get(key, {}).get("class"))
        }
        scores = member.get("backtest")
        scores = scores if isinstance(scores, dict) else {}
        coverage = {name: _number(value) for name, value in scores.items() if COVERAGE.fullmatch(name)}
        found: dict[str, Value] = {name: _count(member.get(name)) for name in COUNTS}
        found["measured_steps"] = _count(scores.get("measured_steps"))
        numbers = {"mase": _number(scores.get("mase")), **coverage, "points": points.get(key, 0), **found, **durations}
        yield key, {**words, "notes": _notes(results, member), **numbers}


def history_notes(result: Mapping[str, Any]) -> list[str]:
    """What forecast says of a history, for the result of the step or that of one of its members."""
    notes = result.get("notes")
    texts = map(str, notes if isinstance(notes, list) else ())
    return [text for text in texts if text.partition(":")[0] in HISTORY_NOTES]


def _notes(results: Mapping[str, dict[str, Any]], member: Mapping[str, Any]) -> str | None:
    """What was left out of the history as a whole, or averaged in it, and what is odd about that of the member."""
    if "extract" not in results:
        return None
    return "; ".join([*map(str, results["extract"].get("notes") or ()), *history_notes(member)])[:MOST_NOTES]


def _members(result: dict[str, Any]) -> list[dict[str, Any]]:
    members = result.get("members")
    return (
        [member for member in members if isinstance(member, dict) and isinstance(member.get("name"), str)]
        if isinstance(members, list)
        else []
    )


def _key(member: dict[str, Any]) -> tuple[str, str]:
    return member["name"], str(member.get("tags", ""))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST else None


def _number(value: object) -> float | None:
    """A finite float: a whole number would fix the field's type as integer on the server."""
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )

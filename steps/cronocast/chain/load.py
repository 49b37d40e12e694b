"""The load step: forecast.csv becomes points in the database, every one of them acknowledged."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from cronocast import registry
from cronocast.chain.job import Job
from cronocast.chain.run_records import run_fields, step_results
from cronocast.console import say
from cronocast.durations import stamp
from cronocast.errors import ContractError, DataError, RefusedError, StorageError, TemporaryError
from cronocast.formats.line_protocol import record
from cronocast.handoff.files import atomic, read_json, write_json
from cronocast.handoff.forecast_file import Key, Rows, Seen, checked_rows
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.series import MAX_LINE_BYTES, forecast_columns, levels_of
from cronocast.sinks.influx.batches import ahead, forecast_bodies, joined
from cronocast.sinks.influx.target import Target, resolved_target
from cronocast.sinks.table import SINKS, Sink, Written

DEAD_LETTERS = "load.dead-letter.lp"


LOADED = "loaded.json"


def run(job: Job, outcome: Outcome) -> None:
    """Write the forecast of a run, or say why not. No line is sent before it has been checked.

    Raises:
        RefusedError: the server refuses a line or all of them; refused lines lie in `load.dead-letter.lp`.
        CronocastError: any other reason why not every point was acknowledged; `outcome` has the counts so far.
    """
    target = resolved_target(job.entry, job.run_ns)
    if newer := _newer_run(job):
        outcome.status, outcome.reason = (
            "superseded",
            f"newer_run: {newer} is loaded already; remove {LOADED} from the state folder to load an older one",
        )
        return
    forecast = check_handoff(job.forecast, "forecast", *job.handoff_names())
    outcome.window = forecast.get("window", {})
    if forecast.get("status") == "skipped":
        outcome.skip(str(forecast.get("reason", "")))
        return
    if forecast:
        outcome.inputs[job.forecast.name] = forecast["outputs"][job.forecast.name]["sha256"]  # as just checked
    else:
        outcome.add_input(job.forecast)
    with _opened(job.forecast) as file:
        _check_levels(file, job.forecast, job.entry.levels)
        every_ns, columns = forecast.get("window", {}).get("every_ns"), forecast_columns(job.entry.levels)
        # What forecast has published and vouches for is checked while it is sent, no line before its own check. A file
        # that stands alone is checked whole before anything is sent.
        promised = _promised(forecast, job.forecast) or _counted(file, job.forecast, every_ns, columns)
        outcome.rows_in = outcome.rows_kept = outcome.expected = sum(promised.values())
        outcome.members = [{"name": name, "tags": tags, "points": rows} for (name, tags), rows in promised.items()]
        if not promised:
            outcome.skip("no_data: the forecast has no rows")
            return
        seen_ = Seen()
        _deliver(job, outcome, target, checked_rows(file, job.forecast, every_ns, promised, seen_, columns), seen_)


def _newer_run(job: Job) -> str:
    """Name of a newer run that is loaded already, or ""; an unreadable note is no reason to stop loading for ever."""
    try:
        loaded = read_json(job.state / LOADED) if job.state is not None else {}
        return str(loaded["run"]) if loaded["run_ns"] > job.run_ns else ""
    except (DataError, ContractError, KeyError, TypeError):
        return ""


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise StorageError(
            "E_STORAGE", str(path), f"can't be opened: {error.strerror}; check that the volume is there and readable"
        ) from error


def _check_levels(file: io.BufferedReader, path: Path, levels: Iterable[float]) -> None:
    """Say how to ask for the further levels of a file where others are asked for.

    Any other first line is left to the strict reading.
    """
    there = levels_of(file.readline(MAX_LINE_BYTES))
    if there is None or forecast_columns(there) == forecast_columns(levels):
        return
    listed = ",".join(f"{level:g}" for level in there)
    has = f"the further levels {listed}" if there else "no further levels"
    raise ContractError(
        "E_CSV_HEADER", str(path), f"has {has}; {f'give --levels {listed}' if there else 'leave --levels out'}"
    )


def _promised(forecast: Mapping[str, Any], path: Path) -> dict[Key, int] | None:
    """Rows of each member as the result of forecast says, or None where it does not stand there.

    Raises:
        ContractError: they are not the rows of the file.
    """
    try:
        promised = {
            (str(member["name"]), str(member["tags"])): int(member["rows"])
            for member in forecast["members"]
            if member["rows"]
        }
        rows = forecast["outputs"][path.name]["rows"]
    except (KeyError, TypeError, ValueError):
        return None
    if sum(promised.values()) != rows:
        raise ContractError(
            "E_HANDOFF",
            str(path),
            f"{rows} rows, the members in the result of forecast have {sum(promised.values())}; run forecast again",
        )
    return promised


def _counted(file: io.BufferedReader, path: Path, every_ns: int | None, columns: tuple[str, ...]) -> dict[Key, int]:
    """Check the whole file and count the rows of each member."""
    counted = Seen()
    for _ in checked_rows(file, path, every_ns, None, counted, columns):
        pass
    return counted.members


def _deliver(job: Job, outcome: Outcome, target: Target, rows: Iterator[Rows], seen_: Seen) -> None:
    members: dict[Key, int] = {(member["name"], member["tags"]): member["points"] for member in outcome.members}
    keys = {tags: target.key(target.measurement, tags) for _, tags in members}
    if len(keys) < len(members):
        raise ContractError(
            "E_CSV_ROW",
            str(job.forecast),
            "two members of different names have the same tags, so their points would overwrite each other",
        )
    bodies = forecast_bodies(rows, keys.__getitem__, target.run_s, job.entry.sink.batch)
    records = [*_records(job, target, members)] if job.entry.sink.runs else []
    if job.dry_run is not None:
        with atomic(job.dry_run) as lines:
            for part in chain(bodies, records):
                lines.write(part)
        outcome.add_output(job.dry_run, outcome.expected + len(records))
        outcome.reason = f"dry_run: the lines are in {job.dry_run.name}, nothing was sent"
        return
    sink: Sink = registry.load(SINKS, "sink.kind", job.entry.sink.kind)(job.entry, say)
    # Closed here also after a failure: left to the garbage collector its thread would be joined wherever that runs,
    # inside `threading` too, for ever.
    with closing(ahead(bodies)) as coming:
        _send(job, outcome, sink, coming, records)
    if job.entry.sink.read_back:
        _read_back(sink, target, outcome.expected, seen_)
    if job.state is not None:
        write_json(job.state / LOADED, {"run": job.run, "run_ns": job.run_ns, "points": outcome.expected})


def _records(job: Job, target: Target, members: Mapping[Key, int]) -> Iterator[bytes]:
    """One line per member for `<measurement>_runs`, at the run's time."""
    for (_, tags), fields in run_fields(step_results(job.forecast, *job.handoff_names()), members):
        yield record(target.key(target.runs, tags), fields, job.run_ns)


def _send(job: Job, outcome: Outcome, sink: Sink, bodies: Iterator[bytes], records: list[bytes]) -> None:
    points, runs = Written(), Written()
    dead_letters = job.output.parent / DEAD_LETTERS
    try:
        dead_letters.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            "E_STORAGE", str(dead_letters), f"can't be removed: {error.strerror}; check that the volume is writable"
        ) from error
    try:
        sink.write(bodies, points)
        sink.write(joined(records, job.entry.sink.batch), runs)
    finally:
        outcome.acked, outcome.bytes, outcome.attempts = points.acked, points.size, max(1, sink.attempts)
        refused = points.refused + runs.refused
        if refused:
            with atomic(dead_letters) as file:
                file.writelines(
                    b"# %b\n%b" % (words.encode("ascii", "backslashreplace"), line) for line, words in refused
                )
            outcome.add_output(dead_letters, len(refused))
    requests = points.requests + runs.requests
    outcome.notes += [
        f"{requests} request{'s' * (requests != 1)}",
        f"{runs.acked} record{'s' * (runs.acked != 1)} written to the runs measurement",
    ]
    if refused:
        sentence = (
            f"{len(refused)} of {outcome.expected + len(records)} lines were refused: {refused[0][1]}; they lie in"
            f" {DEAD_LETTERS}"
        )
        raise RefusedError("E_PARTIAL", str(dead_letters), sentence)
    if points.acked != outcome.expected or runs.acked != len(records):
        raise RefusedError(
            "E_PARTIAL", str(job.forecast), f"{points.acked} of {outcome.expected} points were acknowledged"
        )


def _read_back(sink: Sink, target: Target, expected: int, seen_: Seen) -> None:
    """Count the points again on the server; it can only make a success of 204s doubtful, never a failure good."""
    found = sink.count(target.measurement, target.series, target.run_s, seen_.first_ns, seen_.last_ns)
    if found != expected:
        sentence = (
            f"{expected} points of {stamp(seen_.first_ns)} to {stamp(seen_.last_ns)} were acknowledged, the server"
            f" shows {found}"
        )
        raise TemporaryError("E_READ_BACK", target.measurement, sentence)

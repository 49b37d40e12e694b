"""The load step: forecast.csv becomes points in the database, every one of them acknowledged."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cronocast.chain.evaluated import evaluation_of, evaluation_points, verdict_fields
from cronocast.chain.job import Job
from cronocast.chain.run_records import run_fields, run_of, sink_of, step_results
from cronocast.chain.unwritable import Unwritable
from cronocast.durations import stamp
from cronocast.errors import ContractError, DataError, RefusedError, StorageError, TemporaryError
from cronocast.handoff.evaluation import MemberEvaluation
from cronocast.handoff.files import atomic, read_json, write_json
from cronocast.handoff.forecast_file import checked_rows
from cronocast.handoff.results import Outcome, check_handoff
from cronocast.handoff.rows import Extent, Key, Rows
from cronocast.handoff.series import forecast_columns, levels_of
from cronocast.handoff.strict import MAX_LINE_BYTES
from cronocast.sinks.points import Point, Written
from cronocast.sinks.table import SINKS, Sink

DEAD_LETTERS = "load.dead-letter"  # and the extension of the sink
LOADED = "loaded.json"


@dataclass(frozen=True)
class Forecast:
    """A forecast to be written: rows of each member, the rows as they are read, how far that has come."""

    members: Mapping[Key, int]
    rows: Iterator[Rows]
    extent: Extent

    @property
    def count(self) -> int:
        """Rows of all members."""
        return sum(self.members.values())


def run(job: Job, outcome: Outcome) -> None:
    """Write the forecast of a run, or say why not. No row is sent before it has been checked.

    Raises:
        RefusedError: the server refuses a point or all of them; refused ones lie in `load.dead-letter.EXTENSION`.
        CronocastError: any other reason why not every point was acknowledged; `outcome` has the counts so far.
    """
    if newer := _newer_run(job):
        outcome.status, outcome.reason = (
            "superseded",
            f"newer_run: {newer} is already loaded; remove {LOADED} from the state folder to load an older one",
        )
        return
    result = check_handoff(job.forecast, "forecast", *job.handoff_names())
    outcome.window = result.get("window", {})
    if result.get("status") == "skipped":
        outcome.skip(str(result.get("reason", "")))
        return
    if result:
        outcome.inputs[job.forecast.name] = result["outputs"][job.forecast.name]["sha256"]  # as just checked
    else:
        outcome.add_input(job.forecast)
    sink = sink_of(job)  # loads an HTTP client, which nothing before needs
    with _opened(job.forecast) as file:
        whole = _read(job, result, file)
        unwritable = Unwritable(job)
        forecast = _writable(whole, unwritable)
        unwritable.refuse_if_all(forecast.members)
        outcome.rows_in, outcome.rows_kept, outcome.expected = whole.count, forecast.count, forecast.count
        outcome.rows_dropped = {"unwritable": dropped} if (dropped := whole.count - forecast.count) else {}
        outcome.members = [{"name": name, "tags": tags, "points": n} for (name, tags), n in forecast.members.items()]
        if not forecast.members:
            outcome.skip("no_data: the forecast has no rows")
            return
        evaluated = evaluation_of(job)
        records = _records(job, forecast.members, unwritable, evaluated)
        outcome.notes += unwritable.notes("load")
        if job.dry_run is not None:
            _write_down(job.dry_run, outcome, sink, forecast, records)
            return
        _send(job, outcome, sink, forecast, records)
    if SINKS[job.entry.sink.kind].can_count and job.entry.sink.read_back:
        _read_back(sink, forecast, job.entry.sink_measurement())
    if job.state is not None:
        write_json(job.state / LOADED, {"run": job.run, "run_ns": job.run_ns, "points": outcome.expected})


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
    """Say how to ask for the additional levels of a file where others are asked for.

    Any other first line is left to the strict reading.
    """
    there = levels_of(file.readline(MAX_LINE_BYTES))
    if there is None or forecast_columns(there) == forecast_columns(levels):
        return
    listed = ",".join(f"{level:g}" for level in there)
    has = f"the additional levels {listed}" if there else "no additional levels"
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
    extent = Extent()
    for _ in checked_rows(file, path, every_ns, None, extent, columns):
        pass
    return extent.members


def _read(job: Job, result: Mapping[str, Any], file: io.BufferedReader) -> Forecast:
    """What the file holds.

    What forecast has published and vouches for is checked while it is sent, no row before its own check. A file that
    stands alone is checked whole before anything is sent.
    """
    path, levels = job.forecast, job.entry.levels
    _check_levels(file, path, levels)
    every_ns, columns, extent = result.get("window", {}).get("every_ns"), forecast_columns(levels), Extent()
    members = _promised(result, path) or _counted(file, path, every_ns, columns)
    return Forecast(members, checked_rows(file, path, every_ns, members, extent, columns), extent)


def _writable(forecast: Forecast, unwritable: Unwritable) -> Forecast:
    """Members that the sink can carry, and their rows."""
    members = {key: count for key, count in forecast.members.items() if not unwritable(key)}
    rows = (rows for rows in forecast.rows if (rows.name, rows.tags) in members)
    return Forecast(members, rows, forecast.extent)


def _records(
    job: Job, members: Mapping[Key, int], unwritable: Unwritable, evaluated: Mapping[Key, MemberEvaluation]
) -> list[Point]:
    """What stands beside the forecast of members that can be written, if records are wanted.

    One record of each at the run's time, and what evaluate found of it.
    """
    if not job.entry.sink.runs:
        return []
    results, run = step_results(job.forecast, *job.handoff_names()), run_of(job)
    records = [
        Point(run.runs, key[1], run.time_ns, {**fields, **verdict_fields(evaluated.get(key))})
        for key, fields in run_fields(results, members)
        if key in members or not unwritable(key)
    ]
    found = {key: member for key, member in evaluated.items() if key in members or not unwritable(key)}
    return [*records, *evaluation_points(job, found)]


def _write_down(path: Path, outcome: Outcome, sink: Sink, forecast: Forecast, records: list[Point]) -> None:
    """Write what would be sent into a file."""
    with atomic(path) as file:
        file.writelines(sink.encoded(forecast.members, forecast.rows, records))
    outcome.add_output(path, forecast.count + len(records))
    outcome.reason = f"dry_run: the lines are in {path.name}, nothing was sent"


def _send(job: Job, outcome: Outcome, sink: Sink, forecast: Forecast, records: list[Point]) -> None:
    """Send everything; the outcome has the counts and the dead letters also after an error."""
    letters = job.output.parent / f"{DEAD_LETTERS}.{sink.extension}"
    _remove(letters)
    points, runs = Written(), Written()
    try:
        with closing(sink.write(forecast.members, forecast.rows)) as writing:
            for done in writing:
                points += done
        with closing(sink.record(records)) as writing:
            for done in writing:
                runs += done
    finally:
        _account(outcome, points, runs, letters)
    if refused := (points + runs).refused:
        part = f"{len(refused)} of {forecast.count + len(records)} lines were refused"
        raise RefusedError("E_PARTIAL", str(letters), f"{part}: {refused[0].reason}; they are in {letters.name}")
    if points.acked != forecast.count or runs.acked != len(records):
        sentence = f"{points.acked} of {forecast.count} points were acknowledged"
        raise RefusedError("E_PARTIAL", str(job.forecast), sentence)


def _account(outcome: Outcome, points: Written, runs: Written, letters: Path) -> None:
    both = points + runs
    outcome.acked, outcome.bytes, outcome.attempts = points.acked, points.size, max(1, both.attempts)
    outcome.notes += [
        f"{both.requests} request{'s' * (both.requests != 1)}",
        f"{runs.acked} record{'s' * (runs.acked != 1)} written beside the forecast",
    ]
    if both.refused:
        with atomic(letters) as file:
            file.writelines(refused.text for refused in both.refused)
        outcome.add_output(letters, len(both.refused))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            "E_STORAGE", str(path), f"can't be removed: {error.strerror}; check that the volume is writable"
        ) from error


def _read_back(sink: Sink, forecast: Forecast, measurement: str) -> None:
    """Count the points again on the server; it can only make a success doubtful, never a failure good."""
    extent, expected = forecast.extent, forecast.count
    found = sink.count(extent.first_ns, extent.last_ns)
    if found != expected:
        sentence = (
            f"{expected} points of {stamp(extent.first_ns)} to {stamp(extent.last_ns)} were acknowledged, but"
            f" the server has {found}"
        )
        raise TemporaryError("E_READ_BACK", measurement, sentence)

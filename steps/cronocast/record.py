"""The record step: what became of a run as a point in the database, also when a step failed. It runs last, whatever happened."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cronocast import registry
from cronocast.errors import ContractError, CronocastError
from cronocast.load import SINKS
from cronocast.load.line_protocol import Value, record
from cronocast.load.target import resolved_target
from cronocast.load.written import Written
from cronocast.results import STATUSES, Outcome, read_result
from cronocast.step import Job, say

STEPS = ("extract", "classify", "forecast", "load")
MAX_FAILURES_BYTES = 10**6  # the engine's list has an entry per failed pod


def run(job: Job) -> Outcome:
    """Write one point per run and series to `<measurement>_runs`: status, failing step, exit code, message, durations.

    Raises:
        CronocastError: as load.
    """
    target = resolved_target(job.entry, job.run_ns)
    fields = record_fields(job.forecast.parent, job.entry.name, job.run, job.told.get("status", ""), job.told.get("failures", ""))
    line = record(target.key(target.runs, ""), fields, job.run_ns)
    written = Written()
    registry.load(SINKS, "sink.kind", job.entry.sink.kind)(job.entry, say).write([line], written)
    said = f"{fields['status']}: {fields['message']}" if fields["message"] else ""
    return Outcome(reason=said, expected=1, acked=written.acked, bytes=written.size)


def record_fields(folder: Path, series: str, run: str, status: str, failures: str) -> dict[str, Value]:
    """What is known of a run from the result files of its steps, and from the engine where a step left none.

    Args:
        folder: Run folder.
        series: Exact name of the series; results of others are left aside.
        run: Name of the run.
        status: The engine's word for the whole run, such as Succeeded or Failed; "" if it said none.
        failures: The engine's JSON list of failed pods, each with displayName and message; "" if it said none.
    """
    results = {result["step"]: result for result in _results(folder, series, run)}
    failed = next((result for result in results.values() if result["status"] == "failed"), None)
    durations: dict[str, Value] = {f"{step}_s": float(results[step]["duration_s"]) for step in STEPS if step in results}
    base: dict[str, Value] = {"failed_step": None, "exit": 0, "message": None, **durations}
    if failed is not None:
        return {**base, "status": "failed", "failed_step": failed["step"], "exit": int(failed["exit"]), "message": str(failed["message"])}
    pod = _first_failure(failures)
    if pod or status in ("Failed", "Error"):
        # Killed, evicted, out of memory, never started: the step could leave no result.
        return {**base, "status": "failed", "failed_step": pod.get("displayName", "unknown"), "exit": -1, "message": pod.get("message") or f"the workflow ended as {status}"}
    last = results.get("load") or next(reversed(results.values()), {"status": "skipped", "reason": "no step left a result"})
    return {**base, "status": last["status"] if last["status"] in STATUSES else "ok", "message": str(last.get("reason") or "") or None}


def _results(folder: Path, series: str, run: str) -> Iterator[dict[str, Any]]:
    """Results in this run folder, in order of the steps; parts of a forecast count as forecast. What can't be read is left out."""
    paths = [(step, folder / f"{step}.result.json") for step in STEPS]
    paths[3:3] = [("forecast", path) for path in sorted(folder.glob("forecast/*.result.json"))]
    for step, path in paths:
        try:
            result = read_result(path, step)
        except (CronocastError, ContractError):
            continue
        if (result.get("series"), result.get("run")) == (series, run):
            yield result


def _first_failure(failures: str) -> Mapping[str, str]:
    """The first pod that failed, by the engine's list; {} where there is none or the text can't be read."""
    try:
        listed = json.loads(json.loads(failures)) if failures.startswith('"') else json.loads(failures[:MAX_FAILURES_BYTES])
        return {str(name): str(value) for name, value in listed[0].items()}
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError):
        return {}

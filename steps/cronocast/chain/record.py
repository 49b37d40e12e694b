"""The record step: what became of a run as a point in the database, also when a step failed.

It runs last, whatever happened.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cronocast.chain.alert import tell_of_record
from cronocast.chain.job import Job
from cronocast.chain.run_records import run_of, sink_of
from cronocast.chain.table import chain_steps
from cronocast.chain.tidy import tidy
from cronocast.console import say
from cronocast.errors import CronocastError, Terminated, seen
from cronocast.handoff.files import atomic
from cronocast.handoff.results import Outcome, read_result
from cronocast.sinks.points import Point, Value

ENDINGS = ("Succeeded", "Failed", "Error")  # the engine's words for a whole run
MOST_SHOWN = 1000  # characters of a message: the whole object of a run holds 1 MiB at most
ATTEMPT = re.compile(r"\(\d+\)$")  # how the engine names each try of a step
CONTAINER = re.compile(r"[\w-]+: \w+ \(exit code (\d+)\)")  # how the engine begins what a container said at its end
GO_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)", re.DOTALL)


def run(job: Job, outcome: Outcome) -> None:
    """Write one point per run and series to `<measurement>_runs`, if records are wanted.

    It holds status, failing step, exit code, message, durations.

    Raises:
        CronocastError: as load.
    """
    told = (job.flags.get("status", ""), job.flags.get("failures", ""))
    fields = record_fields(job.forecast.parent, job.entry.name, job.run, *told)
    if job.outputs is not None:
        _show(job.outputs, fields)
    # before the database is asked, which may be what failed
    tell_of_record(job, outcome, fields, skipped=fields["status"] == "skipped")
    if (most := int(job.flags.get("keep_runs", 0))) > 0 and not job.standalone:
        outcome.facts["runs_removed"] = tidy(job.forecast.parent, most)
    if not job.entry.sink.runs:
        outcome.skip("no_records: sink.runs is false")
        return
    first = _recorded(job)
    outcome.facts["recorded"] = fields["status"]
    if fields["status"] == "failed" and first not in ("", "failed"):
        outcome.facts["recorded"] = first
        outcome.skip(f"kept_first: this run had been recorded as {first}, and its points stay")
        return
    sink, run_ = sink_of(job), run_of(job)
    doubts = not_understood(*told)
    outcome.notes += doubts
    for note in doubts:
        say(f"record: {note}")
    outcome.expected, outcome.acked = 1, 0
    with closing(sink.record([Point(run_.runs, "", job.run_ns, fields)])) as writing:
        for done in writing:
            outcome.acked, outcome.bytes = outcome.acked + done.acked, outcome.bytes + done.size
    outcome.reason = f"{fields['status']}: {fields['message']}" if fields["message"] else ""


def _recorded(job: Job) -> str:
    """The status that an earlier attempt at the same run was recorded with; "" where there was none."""
    try:
        earlier = read_result(job.result, "record")
    except CronocastError:
        return ""
    same = (earlier.get("series"), earlier.get("run")) == (job.entry.name, job.run)
    return str(earlier.get("facts", {}).get("recorded", "")) if same and earlier["status"] != "failed" else ""


def _show(folder: Path, fields: Mapping[str, Value]) -> None:
    """Write how the run ended for the engine to show: `status`, and `message` with the step that failed in front."""
    failed = f"{fields['failed_step']}: " if fields["failed_step"] else ""
    for name, text in (("status", fields["status"]), ("message", f"{failed}{fields['message']}"[:MOST_SHOWN])):
        with atomic(folder / str(name)) as file:
            file.write(str(text).encode())


def not_understood(status: str, failures: str) -> list[str]:
    """What the engine was to say and did not say so that it can be read, in sentences.

    The results of the steps then speak alone.
    """
    said = (
        [f"--status: {seen(status)} is none of {', '.join(ENDINGS)}; ignored"] if status not in ("", *ENDINGS) else []
    )
    if failures and not first_failure(failures) and _unquoted(failures).strip() not in ("", "null", "[]"):
        said.append(f"--failures: {seen(failures)} is not a JSON list of failed pods; ignored")
    return said


def record_fields(folder: Path, series: str, run: str, status: str, failures: str) -> dict[str, Value]:
    """What is known of a run from the result files of its steps, and from the engine where a step left none.

    Args:
        folder: Run folder.
        series: Exact name of the series; results of others are left aside.
        run: Name of the run.
        status: The engine's word for the whole run, such as Succeeded or Failed; "" if it said none.
        failures: The engine's JSON list of failed pods, each with displayName and message; "" if it said none.
    """
    found = list(_results(folder, series, run))
    durations: dict[str, Value] = {
        f"{step}_s": max(float(r["duration_s"]) for r in found if r["step"] == step)
        for step in chain_steps()
        if any(r["step"] == step for r in found)
    }
    # Empty ones too: the database keeps a field of an earlier attempt at this run until it is written again.
    base: dict[str, Value] = {"failed_step": "", "exit": 0, "message": "", **durations}
    told = _told(found)
    went_well = {**base, "status": told["status"], "message": str(told.get("reason") or "")}
    # Results and pods that failed may be of earlier attempts at the same run: where the engine says that all went well,
    # it did.
    if status == "Succeeded":
        return went_well
    failed = next((result for result in found if result["status"] == "failed"), None)
    pod = first_failure(failures)
    if failed is not None:
        # A step that was stopped does not know why; the engine does: its deadline, a node that shuts down.
        said = [pod["message"]] if int(failed["exit"]) == Terminated.exit_code and pod.get("message") else []
        return {
            **base,
            "status": "failed",
            "failed_step": failed["step"],
            "exit": int(failed["exit"]),
            "message": "; ".join([*said, str(failed["message"])]),
        }
    if pod or status in ("Failed", "Error"):
        # Killed, evicted, out of memory, never started: the step could leave no result.
        words = pod.get("message") or f"the workflow ended as {status}"
        container = CONTAINER.match(words)
        return {
            **base,
            "status": "failed",
            "failed_step": pod.get("displayName", "unknown"),
            "exit": int(container[1]) if container else -1,
            "message": words,
        }
    return went_well


def _told(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The result that says how a run ended which did not fail.

    The last one, or that of a forecast which fell back, as load writes it like any other.
    """
    well = [result for result in reversed(found) if result["status"] != "failed"]
    last = next(iter(well), {"status": "skipped", "reason": "no step left a result"})
    # Of several forecasts the last one, which was merged from the others, says what was chosen.
    forecast = next((result for result in well if result["step"] == "forecast"), last)
    return forecast if (last["status"], forecast["status"]) == ("ok", "fallback") else last


def _results(folder: Path, series: str, run: str) -> Iterator[dict[str, Any]]:
    """Results in this run folder, in order of the steps; parts of a forecast count as forecast.

    What can't be read is left out.
    """
    parts = [("forecast", path) for path in sorted(folder.glob("forecast/*.result.json"))]
    steps = [(step, folder / f"{step}.result.json") for step in chain_steps()]
    before = chain_steps().index("forecast")
    for step, path in [*steps[:before], *parts, *steps[before:]]:
        try:
            result = read_result(path, step)
        except CronocastError:
            continue
        if (result.get("series"), result.get("run")) == (series, run):
            yield result


def first_failure(failures: str) -> Mapping[str, str]:
    """The attempt that ended the first step which failed for good, by the engine's list.

    The list is in no order. It also names what only contains others, and attempts of steps that went well at a later
    one.

    Args:
        failures: JSON, or that as a quoted string in Go's form; it may be cut off anywhere.

    Returns:
        displayName, message and the like; {} where nothing can be read.
    """
    listed = list(_objects(_unquoted(failures)))
    names = {node.get("displayName", "") for node in listed}
    # The last attempt of each step: a later one replaces those before it.
    last = {
        ATTEMPT.sub("", name): node
        for node in sorted(listed, key=_ended)
        if ATTEMPT.search(name := node.get("displayName", ""))
    }
    lasting = [node for step, node in last.items() if step in names]
    return min(lasting or list(last.values()) or listed, key=_ended, default={})


def _ended(node: Mapping[str, str]) -> tuple[str, str]:
    return node.get("finishedAt", ""), node.get("displayName", "")


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    # Beside JSON's escapes Go's form has an x with two digits and a U with eight.
    plain = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
    return GO_ESCAPE.sub(
        lambda m: chr(min(int(m[1][1:], 16), 0x10FFFF)) if len(m[1]) > 1 else plain.get(m[1], m[1]),
        text[1:].removesuffix('"'),
    )


def _objects(text: str) -> Iterator[dict[str, str]]:
    """The objects of a JSON list, up to where it ends or breaks off; their values as text."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            node, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        if isinstance(node, dict):
            yield {str(name): str(value) for name, value in node.items()}
        at = text.find("{", at)

"""Runs on the volume, the newest first, and how each went. Standard library only."""

import heapq
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from cronocast.chain.table import chain_steps
from cronocast.durations import stamp
from cronocast.errors import CronocastError
from cronocast.handoff.files import newest_first, read_json, run_ns_of, series_id

LAST = "alert"  # the step that ends a chain


def runs_of(root: Path, names: Iterable[str], running: Mapping[str, str], limit: int) -> list[dict[str, Any]]:
    """The newest runs of some series.

    Args:
        root: Root of the volume.
        names: The series.
        running: The run of each series that goes on now.
        limit: At most so many.
    """
    each = ([(run.name, name, run) for run in _folders(root, name)] for name in names)
    newest = islice(heapq.merge(*each, key=lambda item: item[0], reverse=True), limit)
    return [_run(name, folder, running.get(name, "")) for _, name, folder in newest]


def _folders(root: Path, name: str) -> list[Path]:
    try:
        return newest_first(root / series_id(name) / "runs")
    except OSError:
        return []


def _run(series: str, folder: Path, running: str) -> dict[str, Any]:
    """One run: that of the first step that failed, else of the last one that has ended."""
    run = stamp(run_ns_of(folder.name))
    results = [result for step in chain_steps() if (result := _result(folder, step))]
    last = next((result for result in results if result.get("status") == "failed"), results[-1] if results else {})
    status = str(last.get("status", ""))
    if run == running:
        status = "running"
    elif status not in ("failed", "skipped", "superseded") and last.get("step") != LAST:
        status = "unfinished"
    members = next((len(r["members"]) for r in reversed(results) if r.get("step") == "forecast"), 0)
    told = str(last.get("message") or last.get("reason") or "")
    return {
        "series": series,
        "run": run,
        "status": status,
        "step": str(last.get("step", "")),
        "members": members,
        "told": told,
    }


def _result(folder: Path, step: str) -> dict[str, Any] | None:
    path = folder / f"{step}.result.json"
    try:
        found = read_json(path) if path.exists() else None
    except CronocastError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("members"), list) else None

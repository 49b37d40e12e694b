"""The runs of the chain that `bench.telegraf` judges: what each member's history and forecast were at each run time."""

import csv
import json
import os
import string
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cronocast.chain.job import run_folder

Floats = NDArray[np.float64]
HOUR_S = 3600
VALUES = Path(__file__).with_name("telegraf.yaml")
RATES = ("net",)  # entries whose source is a counter: the forecast is of its rate


@dataclass(frozen=True)
class Curve:
    """Values by time; times are starts of hours in seconds since 1970, shape (n,)."""

    time_s: Floats
    values: Floats  # shape (n,), or (n, 3): yhat, lower, upper


@dataclass(frozen=True)
class Member:
    """One member as one run saw it; without a forecast the curve is empty."""

    entry: str
    tags: str
    run_s: int
    history: Curve
    forecast: Curve
    said: str = ""  # class and model, and what was wrong

    @property
    def label(self) -> str:
        """What people read."""
        return f"{self.entry} {self.tags}"


def run_all(url: str, root: Path, entries: Sequence[str], times_s: Sequence[int], jobs: int) -> list[Member]:
    """Run the chain of each entry at each time, in order of time; `jobs` entries at once."""
    values = root / "values.yaml"
    values.write_text(string.Template(VALUES.read_text()).substitute(url=url))
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda entry: [m for time_s in times_s for m in run_one(values, root, entry, time_s)], entries)
        return [member for members in found for member in members]


def run_one(values: Path, root: Path, entry: str, run_s: int) -> list[Member]:
    """Run the chain of one entry.

    Raises:
        SystemExit: the chain failed, or read what lies after the time of its run.
    """
    run = datetime.fromtimestamp(run_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    command = [sys.executable, "-m", "cronocast", "run", "-f", str(values), "--root", str(root)]
    command += ["--series", entry, "--run", run]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"NO_COLOR": "1"})
    if ended.returncode:
        raise SystemExit(f"{entry} at {run} ended with {ended.returncode}: {ended.stderr[-1000:]}")
    return members(run_folder(root, entry, run_s * 10**9), entry, run_s)


def members(folder: Path, entry: str, run_s: int) -> list[Member]:
    """What a run folder holds of each member.

    Raises:
        SystemExit: the history goes beyond the time of the run.
    """
    histories, forecasts = curves(folder / "history.csv"), curves(folder / "forecast.csv")
    if late := [tags for tags, curve in histories.items() if curve.time_s[-1] + HOUR_S > run_s]:
        raise SystemExit(f"{entry} at {run_s}: the history of {late[0]} goes beyond the run")
    said = statuses(folder / "forecast.result.json")
    none = Curve(np.empty(0), np.empty((0, 3)))
    return [
        Member(
            entry,
            tags,
            run_s,
            rate(curve) if entry in RATES else curve,
            forecasts.get(tags, none),
            said.get(tags, ""),
        )
        for tags, curve in histories.items()
    ]


def curves(path: Path) -> dict[str, Curve]:
    """The curves of a history or a forecast by tags."""
    with path.open(newline="") as file:
        return dict(_curves(csv.reader(file)))


def _curves(rows: Iterator[list[str]]) -> Iterator[tuple[str, Curve]]:
    next(rows)
    for tags, group in groupby(rows, key=lambda row: row[1]):
        cells = np.array([row[2:] for row in group], dtype=float)
        cells[:, 0] /= 10**9
        yield tags, Curve(cells[:, 0], cells[:, 1] if cells.shape[1] == 2 else cells[:, 1:4])


def rate(counter: Curve) -> Curve:
    """Increase per second of a counter; the steps in which it was reset are left out."""
    rise = np.diff(counter.values)
    kept = rise >= 0
    return Curve(counter.time_s[1:][kept], (rise / np.diff(counter.time_s))[kept])


def statuses(path: Path) -> dict[str, str]:
    """What the forecast step says of each member, by tags."""
    said = json.loads(path.read_text())["members"]
    return {m["tags"]: f"{m['class']} {m['model']} {m['reason']}".strip() for m in said}

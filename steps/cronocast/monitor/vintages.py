"""Vintages: what each run forecast, kept so that it can be held against what came.

One file per run and part of it, whole or not there, in the state of the series. A forecast is kept with all its
intervals, and with the naive forecast of the same moment, so that its skill is known whatever becomes of the history.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.errors import CronocastError, StorageError
from cronocast.handoff.files import VINTAGES, atomic, read_json, run_name, run_ns_of
from cronocast.timeseries.grid import Floats, Ints

SCHEMA = 1
DAY_NS = UNIT_NS["d"]
CYCLES = 4  # seasons back that are looked at for a value that can be repeated
MOST_NEW = 48  # vintages of the newest horizon that are kept; of more, every so many
NEWEST = 3  # of the vintages made last are kept in any case
Key = tuple[str, str]
BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, CronocastError)


class Vintage(NamedTuple):
    """What one run forecast for one member. Arrays have shape (horizon,)."""

    run_ns: int  # scheduled time of the run
    first_ns: int  # start of the first step that was forecast: nothing from here on was known
    step_ns: int
    levels: tuple[float, ...]  # nominal coverage of the intervals, as they were written
    yhat: Floats
    bounds: Floats  # (levels, 2, horizon): lower and upper end of each interval
    naive: Floats
    scale: float  # mean naive error of the history, which errors are measured in; 0 where there was none
    status: str  # ok, or fallback where a simpler model stood in

    @property
    def time_ns(self) -> Ints:
        """Starts of the steps."""
        return self.first_ns + self.step_ns * np.arange(self.yhat.size, dtype=np.int64)


class Batch:
    """The vintages of one run, gathered member by member and then written."""

    def __init__(self, run_ns: int, levels: Sequence[float]) -> None:
        self.run_ns, self.levels = run_ns, tuple(levels)
        self.heads: list[dict[str, Any]] = []
        self.rows: list[Floats] = []

    def add(
        self,
        key: Key,
        first_ns: int,
        step_ns: int,
        columns: Sequence[Floats],
        naive: Floats,
        scale: float,
        status: str,
    ) -> None:
        """Keep one forecast.

        Args:
            key: Name and tags of the member.
            first_ns: Start of its first step.
            step_ns: Step size.
            columns: yhat, then lower and upper end of each level, each of shape (horizon,).
            naive: The naive forecast, shape (horizon,).
            scale: Mean naive error of the history.
            status: How the forecast ended.
        """
        head = {"name": key[0], "tags": key[1], "first": first_ns, "step": step_ns, "scale": scale, "status": status}
        self.heads.append({**head, "n": int(naive.size)})
        self.rows.append(np.vstack([*columns, naive]))

    def write(self, state: Path, part: str = "") -> None:
        """Publish them; those of an earlier try of the run are replaced.

        Raises:
            StorageError: the volume is full, read-only or failing.
        """
        head = {"schema": SCHEMA, "run": self.run_ns, "levels": self.levels, "members": self.heads}
        values = np.concatenate([row.ravel() for row in self.rows]) if self.rows else np.empty(0)
        packed = io.BytesIO()
        np.savez_compressed(packed, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), values=values)
        with atomic(_folder(state) / file_name(self.run_ns, part)) as file:
            file.write(packed.getvalue())


def file_name(run_ns: int, part: str = "") -> str:
    """Name of the file of a run, or of a part of it."""
    return f"{run_name(run_ns)}{'.' if part else ''}{part}.npz"


def naive_forecast(y: Floats, gaps: Ints, season: int | None, horizon: int) -> Floats:
    """Repeat the last season, or the last value.

    Args:
        y: Values of the steps that have one, the newest last, shape (n,).
        gaps: How many steps before the first forecast step each of them lies, 1 for the newest possible, shape (n,).
        season: Steps of a season; None for the last value.
        horizon: Steps to forecast.
    """
    if not y.size:
        return np.full(horizon, np.nan)
    if season is None:
        return np.full(horizon, float(y[-1]))
    known = np.full((CYCLES + 1) * season + 1, np.nan)
    near = gaps < known.size
    known[gaps[near]] = y[near]
    back = season - np.arange(horizon) % season
    out = known[back]
    for k in range(1, CYCLES):
        out = np.where(np.isnan(out), known[back + k * season], out)
    return np.where(np.isnan(out), float(y[-1]), out)


def naive_scale(y: Floats, gaps: Ints, season: int | None) -> float:
    """Mean error of repeating the last season, or the last value, over the history; 0 where it can't be told.

    Hyndman & Koehler (2006), "Another look at measures of forecast accuracy": the scale of MASE.
    """
    back = season or 1
    grid = np.full(int(gaps[0]) if gaps.size else 0, np.nan)
    grid[grid.size - gaps] = y
    if grid.size <= back:
        return 0.0
    errors = np.abs(grid[back:] - grid[:-back])
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if known.size else 0.0


def read_vintages(state: Path | None, before_ns: int) -> tuple[dict[Key, list[Vintage]], list[str]]:
    """Vintages of earlier runs by member, the oldest first, and notes on files that can't be read.

    Args:
        state: State folder of the series; None where there is none.
        before_ns: Time of the run that asks: of itself and of later runs it knows nothing.
    """
    found: dict[Key, dict[int, Vintage]] = {}
    notes: list[str] = []
    folder = _folder(state) if state else None
    for path in sorted(folder.glob("*.npz")) if folder and folder.is_dir() else ():
        name, _, part = path.name.removesuffix(".npz").partition("Z")
        try:
            if run_ns_of(name) >= before_ns:
                continue
            chosen = _chosen(path.with_name(f"{name}Z.chosen.json"))
            for key, vintage in _read(path):
                if chosen.get(key, part[1:]) == part[1:]:
                    found.setdefault(key, {})[vintage.run_ns] = vintage
        except BROKEN as error:
            notes.append(f"{VINTAGES}/{path.name}: can't be read and is left out: {error or type(error).__name__}")
    return {key: [runs[run] for run in sorted(runs)] for key, runs in found.items()}, notes


def _chosen(path: Path) -> dict[Key, str]:
    """The part whose forecast was chosen, of members that several parts forecast."""
    return {(name, tags): part for name, tags, part in read_json(path)} if path.exists() else {}


def _read(path: Path) -> Iterable[tuple[Key, Vintage]]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        head, values = json.loads(data["head"].tobytes()), data["values"]
    if head["schema"] != SCHEMA:
        raise ValueError(f"schema {head['schema']!r}, this version reads {SCHEMA}")
    levels, at = tuple(head["levels"]), 0
    for one in head["members"]:
        rows, n = 2 + 2 * len(levels), int(one["n"])
        part = values[at : at + rows * n].reshape(rows, n)
        at += rows * n
        bounds = part[1:-1].reshape(len(levels), 2, n)
        yield (
            (one["name"], one["tags"]),
            Vintage(
                int(head["run"]),
                one["first"],
                one["step"],
                levels,
                part[0],
                bounds,
                part[-1],
                one["scale"],
                one["status"],
            ),
        )


def thin(state: Path, run_ns: int, horizon_ns: int, keep_ns: int, count: int) -> None:
    """Remove vintages that are no longer needed.

    All of the newest horizon are kept, at most 48 of them evenly; of older ones the first of each day, up to an age.
    What can't be removed is left for the next run.

    Args:
        state: State folder of the series.
        run_ns: Time of the newest run.
        horizon_ns: How far ahead it forecasts.
        keep_ns: Age at which a vintage is forgotten.
        count: Vintages that are kept in all.
    """
    folder = _folder(state)
    paths: dict[int, list[Path]] = {}
    for path in folder.glob("*Z.*") if folder.is_dir() else ():
        with suppress(ValueError):
            paths.setdefault(run_ns_of(path.name.partition("Z")[0]), []).append(path)
    for run in set(paths) - kept_runs(sorted(paths), run_ns, horizon_ns, keep_ns, count):
        for path in paths[run]:
            with suppress(OSError):
                path.unlink()


def kept_runs(runs: Sequence[int], run_ns: int, horizon_ns: int, keep_ns: int, count: int) -> set[int]:
    """Which of the runs, ascending, are kept by the rule of `thin`; later runs than the newest one always are."""
    past = [run for run in runs if run <= run_ns]
    new = [run for run in past if run > run_ns - horizon_ns]
    # By slots of time that stay where they are: every so many of what is left would thin the same ones at each run.
    spread = {run // max(1, horizon_ns // MOST_NEW): run for run in reversed(new)}
    old = [run for run in past if run_ns - keep_ns <= run <= run_ns - horizon_ns]
    daily = {run // DAY_NS: run for run in reversed(old)}
    kept = sorted({*spread.values(), *daily.values(), *past[-NEWEST:]})[-count:]
    return {*kept, *runs[len(past) :]}


def _folder(state: Path) -> Path:
    return state / VINTAGES


def keep(batch: Batch, state: Path, part: str, horizon_ns: int, keep_ns: int, count: int) -> str:
    """Write the vintages of a run and remove old ones; why it failed, "" if it did not: a forecast is worth more."""
    try:
        batch.write(state, part)
    except StorageError as error:
        return f"{VINTAGES}: {error}"
    thin(state, batch.run_ns, horizon_ns, keep_ns, count)
    return ""

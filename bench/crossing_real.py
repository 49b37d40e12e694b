"""Rolling origins of the real hourly series of the accuracy benchmark, where that is beside the repository."""

import csv
import gzip
import os
from itertools import groupby
from pathlib import Path

import numpy as np

from bench.crossing_kinds import Floats

HERE = Path(__file__).resolve().parent
PAST, AHEAD, APART = 504, 240, 84  # hours of history, looked ahead, and from one origin to the next
LEAST_AHEAD = 120
SUITES = ("m4/", "nab/")

Task = tuple[Floats, Floats, float]  # history, future, limit


def data_file() -> Path | None:
    """The file of series, that of the folder BENCH_DATA if it is set; None where there is none."""
    folders = [Path(os.environ["BENCH_DATA"])] if "BENCH_DATA" in os.environ else []
    folders += [folder / "shared/bench/data" for folder in (HERE.parent, HERE.parent.parent)]
    return next((file for folder in folders if (file := folder / "series.csv.gz").exists()), None)


def series(file: Path) -> list[Floats]:
    """Values of the hourly series that are long enough, in the order of the file."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        rows = groupby(csv.DictReader(text), key=lambda row: row["series_id"])
        every = [(name, np.array([float(row["y"]) for row in group])) for name, group in rows]
    return [y for name, y in every if name.startswith(SUITES) and y.size >= PAST + LEAST_AHEAD]


def origins(cumulated: bool, seed: int, most: int) -> list[Task] | str:
    """Tasks, at most so many, spread over all series; or why there are none.

    Args:
        cumulated: Whether values are added up, as in a log that fills a disk; the limit is then some days of the mean
            rate away, else near the largest value of the newest week.
        seed: Of the limits.
        most: Tasks.
    """
    file = data_file()
    if file is None:
        return "shared/bench lies neither in the repository nor beside it, and BENCH_DATA is not set"
    rng, tasks = np.random.default_rng([seed, 500, cumulated]), []
    for y in series(file):
        values = np.cumsum(y - min(0.0, float(y.min()))) if cumulated else y
        for end in list(range(PAST, y.size - LEAST_AHEAD + 1, APART))[:8]:
            past, future = values[end - PAST : end], values[end : end + AHEAD]
            limit = _limit(past, cumulated, rng)
            if past[-24:].max() < limit:
                tasks.append((past, future, limit))
    chosen = np.sort(rng.permutation(len(tasks))[:most])
    return [tasks[i] for i in chosen]


def _limit(past: Floats, cumulated: bool, rng: np.random.Generator) -> float:
    if cumulated:
        return float(past[-1] + (past[-1] - past[0]) / past.size * np.exp(rng.uniform(np.log(12), np.log(168))))
    return float(past[-168:].max() + rng.uniform(-0.1, 0.05) * np.ptp(past[-168:]))

"""The history that regimes are learnt from: every field of every machine, joined by time."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cronocast.charts.words import counted
from cronocast.console import say
from cronocast.durations import stamp
from cronocast.errors import DataError
from cronocast.handoff.series import HISTORY_COLUMNS, header
from cronocast.handoff.strict import read_members
from cronocast.registry import load
from cronocast.sources.reading import Window
from cronocast.sources.spool import Spool
from cronocast.sources.table import SOURCES, Source
from cronocast.stream.features import features
from cronocast.stream.settings import Regimes
from cronocast.timeseries.grid import Floats, Ints

LEAST = 100  # rows; of fewer no regime can be learnt


class Past(NamedTuple):
    """What is known of one machine."""

    tags: str
    time_ns: Ints  # rising
    values: Floats  # (n, fields)


def read_history(entry: Regimes, now_ns: int | None = None) -> list[Past]:
    """Read every field and join them; times at which a field is missing are left out.

    Raises:
        DataError: there are fewer rows than anything can be learnt from.
        CronocastError: whatever goes wrong with the server or its answer.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    end_ns = (now_ns - entry.source.delay) // entry.every * entry.every
    window = Window(int(end_ns - entry.lookback), int(end_ns), int(entry.every))
    columns = [_read(entry, field, window) for field in entry.fields]
    found = []
    for tags in sorted(set.intersection(*map(set, columns))):
        times = columns[0][tags][0]
        for one in columns[1:]:
            times = np.intersect1d(times, one[tags][0])
        values = [one[tags][1][np.searchsorted(one[tags][0], times)] for one in columns]
        if times.size:
            found.append(Past(tags, times, np.column_stack(values)))
    rows = sum(one.time_ns.size for one in found)
    say(f"{entry.name}: {counted(rows, 'row')} of {counted(len(found), 'machine')} from {window}")
    if rows < LEAST:
        right = f"allowed: {LEAST} at least; look at lookback, every and fields"
        raise DataError("E_NO_DATA", entry.name, f"{rows} rows from {stamp(window.start_ns)}; {right}")
    return found


def _read(entry: Regimes, field: str, window: Window) -> dict[str, tuple[Ints, Floats]]:
    """Times and values of one field, by tags."""
    source: Source = load(SOURCES, "source.kind", entry.source.kind)()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.csv"
        with path.open("w+b") as file:
            spool = Spool(file, Path(folder), header(HISTORY_COLUMNS))
            source.read(entry.source_of(field), window, spool, say)
            spool.arrange()
        found = {}
        for member in read_members(path, HISTORY_COLUMNS):
            times, values = np.array(member.time_ns, dtype=np.int64), np.array(member.columns[0], dtype=float)
            known = np.isfinite(values)
            found[member.tags] = (times[known], values[known])
    return found


def all_features(entry: Regimes, pasts: list[Past]) -> tuple[Floats, Ints]:
    """Features of all rows of all machines, shape (n, d), and when they were, shape (n,)."""
    windows = [int(window) for window in entry.windows]
    x = np.vstack([features(one.time_ns, one.values, windows) for one in pasts])
    return x, np.concatenate([one.time_ns for one in pasts])

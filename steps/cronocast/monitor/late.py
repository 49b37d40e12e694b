"""Values that came late, or changed after they had been used: a score may be made from what is no longer there.

The newest values of each member are kept from run to run, and held against what the next run reads.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cronocast.errors import seen
from cronocast.handoff.files import atomic
from cronocast.timeseries.grid import Floats, Ints

SCHEMA = 1
FILE = "actuals"
SAME = 1e-9  # of a value: what is read twice is the same
LEAST_STEPS = 48  # that are kept
Key = tuple[str, str]
BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


class Used(NamedTuple):
    """The newest values of a member as a run used them."""

    end_ns: int  # of the last step that was finished then
    time_ns: Ints
    y: Floats


def newest(time_ns: Ints, y: Floats, end_ns: int, steps: int) -> Used:
    """The values that are kept of a history: at most so many, the newest."""
    kept = max(LEAST_STEPS, steps)
    return Used(end_ns, time_ns[-kept:], y[-kept:])


def late(used: Used, time_ns: Ints, y: Floats) -> int:
    """How many values of a stretch that was used have come or changed since.

    Args:
        used: What a run before has used.
        time_ns: Times of the values now, ascending.
        y: The values now.
    """
    if not used.time_ns.size:
        return 0
    inside = (time_ns >= used.time_ns[0]) & (time_ns < used.end_ns)
    now_ns, now = time_ns[inside], y[inside]
    place = np.searchsorted(used.time_ns, now_ns)
    there = (place < used.time_ns.size) & (used.time_ns[np.minimum(place, used.time_ns.size - 1)] == now_ns)
    before = used.y[place[there]]
    changed = np.abs(now[there] - before) > SAME * np.maximum(np.abs(before), np.abs(now[there]))
    return int((~there).sum() + changed.sum())


def write_used(state: Path, run_ns: int, members: Mapping[Key, Used]) -> None:
    """Keep what a run has used.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    head = {
        "schema": SCHEMA,
        "run": run_ns,
        "members": [[*key, one.end_ns, int(one.time_ns.size)] for key, one in members.items()],
    }
    packed = io.BytesIO()
    none: list[Floats] = [np.empty(0)]
    np.savez_compressed(
        packed,
        head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
        times=np.concatenate([np.empty(0, dtype=np.int64), *(one.time_ns for one in members.values())]),
        values=np.concatenate([*none, *(one.y for one in members.values())]),
    )
    with atomic(state / FILE) as file:
        file.write(packed.getvalue())


def read_used(state: Path, before_ns: int) -> tuple[dict[Key, Used], list[str]]:
    """What an earlier run has used, and a note where it can't be read; nothing of this run itself or of a later one."""
    path = state / FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            head, times, values = json.loads(data["head"].tobytes()), data["times"], data["values"]
        if head["schema"] != SCHEMA:
            raise ValueError(f"schema {head['schema']!r}, this version reads {SCHEMA}")
        if head["run"] >= before_ns:
            return {}, []
        found, at = {}, 0
        for name, tags, end_ns, count in head["members"]:
            found[name, tags] = Used(end_ns, times[at : at + count], values[at : at + count])
            at += count
    except FileNotFoundError:
        return {}, []
    except BROKEN as error:
        return {}, [f"{FILE}: {seen(str(error) or type(error).__name__)}; late values of this run are not counted"]
    return found, []

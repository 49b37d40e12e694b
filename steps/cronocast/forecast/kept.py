"""What a run keeps of each member for the next one: its class, what was chosen, and the forecasts of past origins.

One file per run and part of it, whole or not there. Its index holds what a verdict looks at; the rest of a member lies
in a block of its own, so that memory does not grow with members. A run reads what an earlier run left, never its own:
repeated, it answers the same.

```
blocks   JSON of the member, then float64: actual values, and forecasts of each model, each (origins, steps)
index    JSON: schema, run, settings, version, and of each member where its block lies
tail     16 bytes: length of the index (uint64, little-endian), MAGIC
```
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from cronocast import __version__
from cronocast.errors import ContractError, CronocastError, seen
from cronocast.handoff.files import atomic, run_name, run_ns_of
from cronocast.handoff.profile import Profile, from_document, to_document

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats

SCHEMA = 1
FOLDER = "kept"  # of the state of a series
MAGIC = b"cronokep"
TAIL = struct.Struct("<Q8s")
MOST_INDEX = 256 * 2**20  # bytes
RUNS = 2  # that are kept: the newest one and the one it began with
Key = tuple[str, str]
BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, struct.error, CronocastError)


class Made(NamedTuple):
    """When a member was made anew, and from what; times are those of runs."""

    made_ns: int = 0  # classified and backtested from nothing
    warmed_ns: int = 0  # when the newest origin was added
    reason: str = "first"  # why it was made then, of evaluation.REASONS
    points: int = 0  # values it was made from
    start_ns: int | None = None  # where the history that counts begins, after a change


@dataclass(frozen=True)
class Kept:
    """What is kept of one member. Times of origins follow the wall clock of its calendar, as models see them."""

    profile: Profile
    names: tuple[str, ...]  # the models that backtests chose
    why: str
    origins_ns: tuple[int, ...]  # first steps of past forecasts, ascending
    near: int  # so many of the newest had not all their steps behind them
    actual: "Floats"  # (origins, steps), in the unit of the member, NaN where nothing was observed
    forecasts: "dict[str, Floats]"  # by model, shape and unit as `actual`, NaN where there is none
    failures: dict[str, str]
    skipped: tuple[str, ...]  # models that the budget left no time for
    periods: tuple[int, ...]  # that models were tested with
    report: dict[str, Any]  # of the backtest, for the result file
    made: Made = Made()


class Head(NamedTuple):
    """What a verdict looks at, and where the rest lies."""

    made: Made
    step_ns: int
    periods: tuple[int, ...]  # that classify found, in steps
    settings: str  # digest of all settings that change a forecast, see `digest.digest`
    version: str  # of cronocast
    path: Path
    offset: int
    sizes: tuple[int, int]  # bytes of the JSON, and of the block
    checksum: int


def read_heads(state: Path | None, before_ns: int, image: str = "") -> tuple[dict[Key, Head], list[str]]:
    """What the newest earlier run kept, by member, and notes on what can't be read.

    Args:
        state: State folder of the series; None where there is none.
        before_ns: Time of the run that asks: of itself and of later runs it knows nothing.
        image: Of the part of the forecast that asks; "" for those of any, the first part that has a member.
    """
    found: dict[Key, Head] = {}
    notes: list[str] = []
    runs = _files(state) if state else {}
    newest = max((run for run in runs if run < before_ns), default=None)
    for path in sorted(runs[newest]) if newest is not None else ():
        part = path.name.removesuffix(".bin").partition("Z.")[2]
        if image and part and part.rpartition("-")[0] != image:
            continue
        try:
            found = {**dict(_index(path)), **found}
        except BROKEN as error:
            why = str(error) or type(error).__name__
            notes.append(f"{FOLDER}/{path.name}: can't be read, its members are made anew: {why}")
    return found, notes


def load(head: Head) -> Kept:
    """The rest of a member.

    Raises:
        ContractError: it is not what was written.
        OSError: the file can't be read.
    """
    with head.path.open("rb") as file:
        file.seek(head.offset)
        block = file.read(sum(head.sizes))
    if len(block) != sum(head.sizes) or zlib.crc32(block) != head.checksum:
        raise ContractError("E_STATE", str(head.path), "a member is damaged; it is made anew")
    try:
        return _from_block(json.loads(block[: head.sizes[0]]), np.frombuffer(block[head.sizes[0] :], dtype="<f8"), head)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError("E_STATE", str(head.path), f"a member is ill-typed: {seen(str(error))}") from error


def _from_block(data: dict[str, Any], values: "Floats", head: Head) -> Kept:
    models, k, h = data["models"], len(data["origins"]), int(data["steps"])
    actual, *rows = values.reshape(1 + len(models), k, h).astype(float)
    return Kept(
        profile=from_document(data["profile"], str(head.path)),
        names=tuple(data["names"]),
        why=data["why"],
        origins_ns=tuple(data["origins"]),
        near=data["near"],
        actual=actual,
        forecasts=dict(zip(models, rows, strict=True)),
        failures=data["failures"],
        skipped=tuple(data["skipped"]),
        periods=tuple(data["periods"]),
        report=data["report"],
        made=head.made,
    )


class Writer:
    """Writes what a run keeps, member by member."""

    def __init__(self, file: BinaryIO, run_ns: int, settings: str) -> None:
        self._file, self._at = file, 0
        self._head = {"schema": SCHEMA, "run": run_ns, "settings": settings, "version": __version__}
        self._members: list[list[Any]] = []

    def add(self, kept: Kept) -> None:
        """Keep one member.

        Raises:
            StorageError: the volume is full, read-only or failing.
        """
        text = json.dumps(_document(kept), default=str).encode()
        values = np.stack([kept.actual, *kept.forecasts.values()]).astype("<f8").tobytes()
        self._file.write(text + values)
        profile = kept.profile
        told = [kept.made, profile.step_ns, profile.periods]
        place = [self._at, len(text), len(values), zlib.crc32(text + values)]
        self._members.append([profile.name, profile.tags, *told, *place])
        self._at += len(text) + len(values)

    def end(self) -> None:
        """Write the index."""
        index = json.dumps({**self._head, "members": self._members}).encode()
        self._file.write(index + TAIL.pack(len(index), MAGIC))


@contextmanager
def writer(state: Path, run_ns: int, part: str, settings: str) -> Iterator[Writer]:
    """Publish what a run keeps on a clean exit, and remove what older runs kept.

    Args:
        state: State folder of the series.
        run_ns: Time of the run.
        part: Name of the part of the forecast; "" for all.
        settings: Digest of the settings, see `digest.digest`.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    with atomic(state / FOLDER / f"{run_name(run_ns)}{'.' if part else ''}{part}.bin") as file:
        found = Writer(file, run_ns, settings)
        yield found
        found.end()
    runs = _files(state)
    for run in sorted(run for run in runs if run <= run_ns)[:-RUNS]:
        for path in runs[run]:
            with suppress(OSError):
                path.unlink()


def _document(kept: Kept) -> dict[str, Any]:
    return {
        "profile": to_document(kept.profile),
        "names": kept.names,
        "why": kept.why,
        "origins": kept.origins_ns,
        "near": kept.near,
        "steps": kept.actual.shape[1],
        "models": list(kept.forecasts),
        "failures": kept.failures,
        "skipped": kept.skipped,
        "periods": kept.periods,
        "report": kept.report,
    }


def _files(state: Path) -> dict[int, list[Path]]:
    """Files of runs by the time of the run; what is not ours is left alone."""
    found: dict[int, list[Path]] = {}
    folder = state / FOLDER
    for path in folder.glob("*Z*.bin") if folder.is_dir() else ():
        with suppress(ValueError, CronocastError):
            found.setdefault(run_ns_of(path.name.removesuffix(".bin").partition("Z")[0]), []).append(path)
    return found


def _index(path: Path) -> Iterator[tuple[Key, Head]]:
    with path.open("rb") as file:
        end = file.seek(-TAIL.size, os.SEEK_END)
        size, magic = TAIL.unpack(file.read(TAIL.size))
        if magic != MAGIC or size > min(end, MOST_INDEX):
            raise ValueError("it does not end as such a file does")
        file.seek(end - size)
        index = json.loads(file.read(size))
    if index["schema"] != SCHEMA:
        raise ValueError(f"schema {seen(index['schema'])}, this version reads {SCHEMA}")
    for name, tags, *told, offset, text, values, checksum in index["members"]:
        made, step_ns, periods = told
        about = (Made(*made), step_ns, tuple(periods), index["settings"], index["version"])
        yield (name, tags), Head(*about, path, offset, (text, values), checksum)

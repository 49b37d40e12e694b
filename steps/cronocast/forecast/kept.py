"""What a run keeps of each member for the next one: its class, what was chosen, and forecasts from past origins.

One file for each run and part, whole or not there; the two newest are kept, so that a run that is repeated begins with
what it began with. Forecasts stand in the unit of the member, by the time of their first step, so that another run can
take them for its own origins.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from cronocast import __version__
from cronocast.document.entry import Entry
from cronocast.errors import CronocastError, seen
from cronocast.handoff.files import run_name, run_ns_of
from cronocast.handoff.profile import Profile, from_document, to_document
from cronocast.settings.declare import given

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

SCHEMA = 1
FOLDER = "kept"
HEAD = "head.json"
GENERATIONS = 2
# Settings that change no forecast: where it goes, when it runs, what is said of it.
WITHOUT_FORECAST = (
    "title", "sink", "jobs", "schedules", "timezone", "suspend", "profile", "shards", "pods", "thresholds", "alerts",
    "notify", "vintages", "retrain", "retrain_every", "on_no_data",
)  # fmt: skip
BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, CronocastError)
Key = tuple[str, str]


class Kept(NamedTuple):
    """What is kept of one member."""

    profile: Profile
    names: tuple[str, ...]  # models that were chosen
    why: str
    periods: tuple[int, ...]  # in steps, that the newest origin was tested with
    made_ns: int  # run that classified and tested it from nothing
    warmed_ns: int  # run that added the newest origin
    reason: str  # of the verdict that made it, of handoff.evaluation.REASONS
    start_ns: int | None  # where the history that counts begins, after a change
    points: int  # values that it was made from
    step_ns: int
    settings: str  # digest of those that matter
    version: str  # of cronocast
    report: Mapping[str, Any]  # of its backtest
    origins_ns: "Ints"  # first step of each origin, shape (k,)
    forecasts: "Mapping[str, Floats]"  # by model, (k, h) in the unit of the member; NaN where it had none


def digest(entry: Entry) -> str:
    """What tells the settings of a forecast from others."""
    document = {name: value for name, value in given(entry).items() if name not in WITHOUT_FORECAST}
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:20]


def version() -> str:
    """Of this program: another one may choose otherwise."""
    return __version__


class Keeper:
    """Writes what is kept, member by member, so that memory does not grow with their number."""

    def __init__(self, file: BinaryIO) -> None:
        """Take an open file, such as `handoff.files.atomic` gives."""
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
        self._heads: list[dict[str, Any]] = []

    def add(self, kept: Kept) -> None:
        """Keep one member."""
        names = list(kept.forecasts)
        head = kept._asdict()
        head |= {"profile": to_document(kept.profile), "models": names, "values": len(self._heads)}
        del head["origins_ns"], head["forecasts"]
        packed = io.BytesIO()
        values = np.array([kept.forecasts[name] for name in names], dtype=np.float64)
        np.savez(packed, origins=kept.origins_ns, values=values)
        self._zip.writestr(f"{len(self._heads)}.npz", packed.getvalue())
        self._heads.append(head)

    def close(self) -> None:
        """Write what makes it whole."""
        self._zip.writestr(HEAD, json.dumps({"schema": SCHEMA, "members": self._heads}))
        self._zip.close()


def path_of(state: Path, run_ns: int, part: str = "") -> Path:
    """Where a run, or a part of it, keeps what it keeps."""
    return state / FOLDER / f"{run_name(run_ns)}{'.' if part else ''}{part}.zip"


def forget_older(state: Path, run_ns: int) -> None:
    """Remove all but the newest files of each part; what can't be removed is left for the next run."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in (state / FOLDER).glob("*.zip"):
        with suppress(ValueError):
            name, _, part = path.name.removesuffix(".zip").partition("Z")
            found.setdefault(part, []).append((run_ns_of(name), path))
    for files in found.values():
        for made_ns, path in sorted(files)[:-GENERATIONS]:
            if made_ns != run_ns:
                with suppress(OSError):
                    path.unlink()


class Store:
    """What the newest earlier run has kept, read on demand."""

    def __init__(self, state: Path | None, before_ns: int, part: str | None = None) -> None:
        """Look at the files of runs before a time; of one part, or of all where none is named."""
        self.notes: list[str] = []
        self._heads: dict[Key, tuple[Path, dict[str, Any]]] = {}
        for path in self._newest(state, before_ns, part):
            try:
                with zipfile.ZipFile(path) as archive:
                    document = json.loads(archive.read(HEAD))
                if document["schema"] != SCHEMA:
                    raise ValueError(f"schema {document['schema']!r}, this version reads {SCHEMA}")
                for head in document["members"]:
                    self._heads[head["profile"]["name"], head["profile"]["tags"]] = path, head
            except BROKEN as error:
                self.notes.append(f"{FOLDER}/{path.name}: {seen(str(error))}; its members are made from nothing")

    @staticmethod
    def _newest(state: Path | None, before_ns: int, part: str | None) -> list[Path]:
        found: dict[str, tuple[int, Path]] = {}
        for path in (state / FOLDER).glob("*.zip") if state else ():
            with suppress(ValueError):
                name, _, of = path.name.removesuffix(".zip").partition("Z")
                at = run_ns_of(name)
                if at < before_ns and (part is None or of.removeprefix(".") == part):
                    found[of] = max(found.get(of, (at, path)), (at, path))
        return [path for _, path in found.values()]

    def __iter__(self) -> Iterator[Key]:
        """Members that something is kept of."""
        return iter(self._heads)

    def get(self, key: Key, *, whole: bool = True) -> Kept | None:
        """What is kept of a member; None for nothing of use.

        Args:
            key: Name and tags.
            whole: With its forecasts, which take longer to read.
        """
        if key not in self._heads:
            return None
        path, head = self._heads[key]
        try:
            return _kept(path, head, whole=whole)
        except BROKEN as error:
            self.notes.append(f"{FOLDER}/{path.name}: {key[1]}: {seen(str(error))}; it is made from nothing")
            return None


def _kept(path: Path, head: Mapping[str, Any], *, whole: bool) -> Kept:
    origins, forecasts = np.empty(0, dtype=np.int64), {}
    if whole:
        with zipfile.ZipFile(path) as archive, np.load(io.BytesIO(archive.read(f"{head['values']}.npz"))) as data:
            origins, values = data["origins"], data["values"]
        forecasts = dict(zip(head["models"], values, strict=True))
    rest = {name: head[name] for name in Kept._fields if name not in ("profile", "origins_ns", "forecasts")}
    rest |= {"names": tuple(head["names"]), "periods": tuple(head["periods"])}
    return Kept(profile=from_document(head["profile"], str(path)), origins_ns=origins, forecasts=forecasts, **rest)

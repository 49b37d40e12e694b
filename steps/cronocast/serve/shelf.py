"""Where entries that came over HTTP are kept: one file each in a folder. Standard library only."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cronocast.errors import ContractError, CronocastError, Problem, StorageError
from cronocast.handoff.files import read_json, series_id, write_json

SCHEMA = 1
MOST_SERIES = 5_000


@dataclass(frozen=True)
class Kept:
    """One entry as it is kept."""

    name: str
    document: dict[str, Any]  # as it was given, without defaults
    by: str
    at: str  # RFC 3339
    asked_by: dict[str, str] = field(default_factory=dict)  # for whom, where a request of a queue said so


class Shelf(Protocol):
    """Keeps entries by name."""

    def problems(self, whole: Mapping[str, Any]) -> list[Problem]:
        """What this place has against a sound document, defaults and all."""
        ...

    def put(self, kept: Kept, whole: Mapping[str, Any]) -> bool:
        """Keep an entry with its document over the defaults; returns whether it is new.

        Raises:
            CronocastError: it can't be kept.
        """
        ...

    def get(self, name: str) -> Kept | None:
        """The entry of a name; None where there is none."""
        ...

    def remove(self, name: str) -> bool:
        """Forget an entry; returns whether there was one."""
        ...

    def all(self, problems: list[str]) -> list[Kept]:
        """All entries; what can't be read is told in words."""
        ...


class Folder:
    """A folder on this machine.

    Args:
        path: Where the files lie.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[tuple[int, int], Kept]] = {}  # what a file held when it looked so

    def problems(self, whole: Mapping[str, Any]) -> list[Problem]:
        """Nothing: what is sound runs here."""
        return []

    def put(self, kept: Kept, whole: Mapping[str, Any]) -> bool:
        """Keep an entry; returns whether it is new.

        Raises:
            StorageError: the folder is full, read-only or failing, or has as many as it may.
        """
        with self._lock:
            path = self._path(kept.name)
            new = not path.exists()
            if new and len(list(self._folder.glob("*.json"))) >= MOST_SERIES:
                raise StorageError("E_FULL", str(self._folder), f"{MOST_SERIES} entries; remove one first")
            write_json(path, {"schema": SCHEMA, **vars(kept)})
            return new

    def get(self, name: str) -> Kept | None:
        """The entry of a name; None where there is none.

        Raises:
            CronocastError: its file can't be read.
        """
        path = self._path(name)
        return _read(path) if path.exists() else None

    def remove(self, name: str) -> bool:
        """Forget an entry; returns whether there was one. Its runs stay on the volume."""
        with self._lock:
            path = self._path(name)
            if not path.exists():
                return False
            try:
                path.unlink()
            except OSError as error:
                raise StorageError("E_STORAGE", str(path), f"can't be removed: {error.strerror}") from error
            self._read.pop(path, None)
            return True

    def all(self, problems: list[str]) -> list[Kept]:
        """All entries by name; what can't be read is told in words."""
        found = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []:
            try:
                found.append(self._kept(path))
            except FileNotFoundError:  # removed at this moment
                continue
            except CronocastError as error:
                problems.append(str(error))
        return sorted(found, key=lambda kept: kept.name)

    def _kept(self, path: Path) -> Kept:
        status = path.stat()
        looks = status.st_mtime_ns, status.st_size
        if self._read.get(path, ((0, 0), None))[0] != looks:
            self._read[path] = looks, _read(path)
        return self._read[path][1]

    def _path(self, name: str) -> Path:
        return self._folder / f"{series_id(name)}.json"


def kept_of(document: Any, where: str) -> Kept:  # noqa: ANN401 - untrusted data
    """What was kept, from its document.

    Raises:
        ContractError: it is not of this version.
    """
    try:
        if document["schema"] != SCHEMA:
            raise ValueError("schema")
        return Kept(**{name: value for name, value in document.items() if name != "schema"})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError("E_ENTRY", where, "not an entry of this version; put it again") from error


def _read(path: Path) -> Kept:
    return kept_of(read_json(path), str(path))

"""Models of an entry on disk: generations side by side, `CURRENT` names the one in use. Whole or not there."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cronocast.errors import ContractError, DataError, StorageError, seen
from cronocast.handoff.files import atomic, read_json, sync_folder, write_json

SCHEMA = 1
CURRENT = "CURRENT"
MODEL = "model.json"
SPARK = "spark"  # folder of the classifier as Spark ML persists it


@dataclass(frozen=True)
class Model:
    """What a generation is, besides the classifier itself. Lists of numbers are in the order of `features`."""

    run_ns: int  # when it was trained
    fields: tuple[str, ...]
    windows_ns: tuple[int, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]  # of each feature; features are scaled by (x - mean) / spread
    spread: tuple[float, ...]
    names: tuple[str, ...]  # of the regimes, in the order of the classifier's classes
    centres: tuple[tuple[float, ...], ...]  # in the units of the features
    usual: tuple[float, ...]  # distance of the furthest usual value of each regime from its centre, scaled
    report: dict[str, Any]  # how it was made and how good it is


def current(folder: Path) -> str | None:
    """Name of the generation in use; None where there is none.

    Raises:
        ContractError: CURRENT does not name one.
    """
    try:
        name = (folder / CURRENT).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    if not name or "/" in name or name.startswith(".") or not (folder / name / MODEL).is_file():
        raise ContractError("E_MODEL", str(folder / CURRENT), f"{seen(name)} names no generation; train again")
    return name


def read_model(folder: Path, name: str) -> Model:
    """A generation, its files held against their checksums.

    Raises:
        DataError: it is not there.
        ContractError: it is damaged, or of another version.
    """
    path = folder / name / MODEL
    if not path.is_file():
        raise DataError("E_MODEL", str(path), "no such generation; run `cronocast regimes train` first")
    document = read_json(path)
    try:
        if document["schema"] != SCHEMA:
            raise ContractError("E_MODEL", str(path), f"schema {seen(document['schema'])}, this version reads {SCHEMA}")
        for part, checksum in document["files"].items():
            if _checksum(folder / name / part) != checksum:
                raise ContractError("E_MODEL", str(folder / name / part), "it is damaged; train again")
        given = document["model"]
        lists = ("fields", "windows_ns", "features", "mean", "spread", "names", "usual")
        return Model(
            run_ns=int(given["run_ns"]),
            centres=tuple(tuple(map(float, one)) for one in given["centres"]),
            report=dict(given["report"]),
            **{key: tuple(given[key]) for key in lists},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise ContractError("E_MODEL", str(path), f"it is ill-typed: {seen(str(error))}; train again") from error


def publish(folder: Path, name: str, model: Model, save: Callable[[Path], None], keep: int) -> None:
    """Write a generation and make it the current one; older ones than so many are removed.

    Args:
        folder: Of the models of the entry.
        name: Of the generation; one of that name is replaced.
        model: What it is.
        save: Writes the classifier into a folder.
        keep: Generations that are kept.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    making = folder / f".tmp.{name}.{os.getpid()}"
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        save(making / SPARK)
        files = {str(path.relative_to(making)): _checksum(path) for path in sorted(making.rglob("*")) if path.is_file()}
        write_json(making / MODEL, {"schema": SCHEMA, "model": asdict(model), "files": files})
        if (folder / name).exists():
            (folder / name).rename(folder / f".tmp.{name}.{os.getpid()}.old")
        making.rename(folder / name)
        sync_folder(folder)
        with atomic(folder / CURRENT) as file:
            file.write(f"{name}\n".encode())
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        sentence = f"{error.strerror or error}; check that it is there, writable and not full"
        raise StorageError("E_STORAGE", str(error.filename or folder), sentence) from error
    _tidy(folder, name, keep)


def generations(folder: Path) -> list[str]:
    """Names of the generations, the oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{MODEL}") if not path.parent.name.startswith("."))


def _tidy(folder: Path, name: str, keep: int) -> None:
    for old in [one for one in generations(folder) if one != name][: -(keep - 1) or None]:
        shutil.rmtree(folder / old, ignore_errors=True)
    for path in folder.glob(".tmp.*"):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

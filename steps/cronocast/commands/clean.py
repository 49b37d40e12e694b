"""The janitor: removes run folders that are old; saved models and the newest run of every series stay."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from cronocast.chain.tidy import size_of
from cronocast.console import say
from cronocast.durations import Duration
from cronocast.errors import StorageError
from cronocast.handoff.files import newest_first


@dataclass(frozen=True)
class Cleaned:
    """What was removed, and what could not be."""

    removed: int
    kept: int
    failed: tuple[str, ...]
    gone: tuple[str, ...] = ()  # series whose folders went as a whole


def clean(root: Path, keep: Duration, now_s: float | None = None, gone: Duration | None = None) -> Cleaned:
    """Remove run folders in which nothing changed for `keep`, but never the newest one of a series.

    Only folders named like a run below `<root>/<series id>/runs` are looked at; links are never followed. The folder of
    a series goes as a whole, with models and all, where nothing in it changed for `gone`.

    Raises:
        StorageError: the root can't be read.
    """
    now_s = time.time() if now_s is None else now_s
    limit = now_s - keep / 10**9
    removed, kept = 0, 0
    failed: list[str] = []
    left: list[str] = []
    for runs in _listed(root):
        try:
            if gone is not None and _newest_s(runs.parent) < now_s - gone / 10**9:
                shutil.rmtree(runs.parent)
                left.append(runs.parent.name)
                continue
        except OSError as error:
            failed.append(f"{runs.parent.name}: {error.strerror}")
        folders = _run_folders(root, runs, failed)
        for folder in folders:
            try:
                if folder == folders[-1] or _changed_s(folder) > limit:
                    kept += 1
                    continue
                shutil.rmtree(folder)
                removed += 1
            except OSError as error:
                failed.append(f"{folder.relative_to(root)}: {error.strerror}")
    for line in failed[:20]:
        say(f"clean: not removed: {line}")
    return Cleaned(removed, kept, tuple(failed), tuple(left))


def fullness(root: Path) -> tuple[float, list[tuple[str, int]]]:
    """How full the volume is, 0 to 1, and the folders of series with their bytes, the largest first."""
    usage = shutil.disk_usage(root)
    sizes = [(runs.parent.name, size_of(runs.parent)) for runs in _listed(root)]
    return usage.used / usage.total, sorted(sizes, key=lambda pair: -pair[1])


def _run_folders(root: Path, runs: Path, failed: list[str]) -> list[Path]:
    """The run folders of a series, the newest last; none where they can't be listed, which is added to `failed`."""
    try:
        return newest_first(runs)[::-1]
    except OSError as error:
        failed.append(f"{runs.relative_to(root)}: {error.strerror}")
        return []


def _listed(root: Path) -> list[Path]:
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise StorageError("E_STORAGE", str(root), f"{error.strerror}; name the root of the volume") from error
    return [path / "runs" for path in entries if _has_runs(path)]


def _has_runs(path: Path) -> bool:
    """Whether this is the folder of a series; what can't be looked into, such as root's own lost+found, is none."""
    runs = path / "runs"
    try:
        return runs.is_dir() and not path.is_symlink() and not runs.is_symlink()
    except OSError:
        return False


def _newest_s(folder: Path) -> float:
    """When something below a folder changed last."""
    below = (
        _newest_s(path) if path.is_dir() and not path.is_symlink() else _modified_s(path) for path in folder.iterdir()
    )
    return max([folder.lstat().st_mtime, *below])


def _changed_s(folder: Path) -> float:
    """When something in a run folder changed last: a run that still goes on is never old."""
    # The folder comes last: a file that vanished meanwhile is told by it.
    return max([*map(_modified_s, folder.iterdir()), folder.lstat().st_mtime])


def _modified_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0

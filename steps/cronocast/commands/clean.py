"""The janitor: removes run folders that are old; saved models and the newest run of every series stay."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

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


def clean(root: Path, keep: Duration, now_s: float | None = None) -> Cleaned:
    """Remove run folders in which nothing changed for `keep`, but never the newest one of a series.

    Only folders named like a run below `<root>/<series id>/runs` are looked at; links are never followed.

    Raises:
        StorageError: the root can't be read.
    """
    limit = (time.time() if now_s is None else now_s) - keep / 10**9
    removed, kept = 0, 0
    failed: list[str] = []
    for runs in _listed(root):
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
    return Cleaned(removed, kept, tuple(failed))


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


def _changed_s(folder: Path) -> float:
    """When something in a run folder changed last: a run that still goes on is never old."""
    # The folder comes last: a file that vanished meanwhile is told by it.
    return max([*map(_modified_s, folder.iterdir()), folder.lstat().st_mtime])


def _modified_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0

"""Keeps what the runs of one series leave on the volume bounded: a history that was used, runs beyond a number or size.

Standard library only.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from cronocast.handoff.files import RUN_FOLDER

USED = ("history.csv", "prepared.csv")  # nine tenths of what a run leaves; extract reads them again if need be
HELD_BYTES = 500 * 2**20  # of all runs of one series


def tidy(run: Path, most: int, held_bytes: int = HELD_BYTES) -> int:
    """Of all runs of a series but the newest and this one, drop the history, and whole runs beyond what is held.

    What can't be removed stays: no run fails for it, and the janitor names it.

    Args:
        run: Folder of the run that ends here.
        most: Runs that are kept.
        held_bytes: What the runs of the series may take; the oldest go first.

    Returns:
        How many run folders were removed.
    """
    folders = sorted((path for path in _listed(run.parent) if RUN_FOLDER.fullmatch(path.name)), reverse=True)
    needed = {run, *folders[:1]}
    sizes = {}
    for folder in folders:
        if folder not in needed:
            for name in USED:
                with suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
        sizes[folder] = size_of(folder)
    removed, held = 0, sum(sizes[folder] for folder in needed if folder in sizes)
    for i, folder in enumerate(folder for folder in folders if folder not in needed):
        held += sizes[folder]
        if i + len(needed) >= most or held > held_bytes:
            shutil.rmtree(folder, ignore_errors=True)
            removed += not folder.exists()
    return removed


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder, at any depth; links are not followed, what vanishes meanwhile counts nothing."""
    total = 0
    for path in _listed(folder):
        with suppress(OSError):
            total += size_of(path) if path.is_dir() and not path.is_symlink() else path.lstat().st_size
    return total


def _listed(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.is_symlink()]
    except OSError:
        return []

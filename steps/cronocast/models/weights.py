"""Weights kept from run to run: plain float32 arrays and a JSON manifest in numbered generations.

They are never a pickle and never a full model file.

```
<folder>/CURRENT                     gen-00000007
<folder>/gen-00000007/manifest.json  what the arrays are, whose they are, their checksums
<folder>/gen-00000007/weights.f32    the arrays one after another, little-endian, in the manifest's order
```
The manifest holds no path and no code. What it declares must equal what the caller expects before a byte of the arrays
is read.

A run starts from what an earlier run left, never from its own: repeated, it starts where its first execution did, since
that generation is kept beside its own.
That of an older run is gone by then: repeated, it trains from nothing, but `load` does not write its points over those
of a newer one.
"""

import heapq
import os
import re
from pathlib import Path

from cronocast.durations import stamp
from cronocast.errors import ContractError, StorageError, seen
from cronocast.handoff import files
from cronocast.models.weights_manifest import Identity, Saved, read, read_bytes, written

KEEP = 2  # the one in use and the one it was trained from
TRIES = 3  # generations looked at before a full training is cheaper than the search
MAX_ENTRIES = 20_000  # names read in the folder; a folder of ours holds three
MAX_REMOVED = 100  # old generations removed in one run
_GENERATION = re.compile(r"gen-([0-9]{8})", re.ASCII)
_FULL_MODELS = (".keras", ".h5", ".hdf5", ".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npz")


def load(folder: Path, identity: Identity, notes: list[str]) -> Saved | None:
    """The newest sound weights that an earlier run left, or None, with every reason in `notes`.

    Raises:
        StorageError: the folder is there and can't be read.
    """
    return _earlier(folder, identity, notes)[1]


def _current_first(current: str, names: list[str]) -> list[str]:
    """The names with the current generation at their head, where it is one of them or the only one known."""
    if current in names or (current and not names):
        return [current, *(name for name in names if name != current)]
    return names


def _earlier(folder: Path, identity: Identity, notes: list[str]) -> tuple[str, Saved | None]:
    """The generation that `load` finds, and its name, "" if there is none."""
    names = _generations(folder, notes)
    names = _current_first(_current(folder), names)
    reasons = []
    for name in names[:TRIES]:
        try:
            saved, end_ns = read(folder / name, identity)
        except ContractError as error:
            reasons.append(f"{error.token} {name}: {error.problem}")
            continue
        if end_ns < identity.end_ns:
            notes += [f"model_previous_generation: {reason}" for reason in reasons]
            return name, saved
        if end_ns > identity.end_ns:
            reasons.append(f"E_MODEL_LATER {name}: saved by a later run, whose forecast begins {stamp(end_ns)}")
    notes += [f"model_retrained: {reason}" for reason in reasons]
    return "", None


def save(folder: Path, identity: Identity, saved: Saved) -> None:
    """Publish weights as a new generation, unless this run or a later one has left its own.

    A kill at any point leaves the old one in use.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    if _has_left(folder, identity):
        return
    names, (start, _) = _generations(folder, []), _earlier(folder, identity, [])
    number = int(names[0][4:]) % 99_999_999 + 1 if names else 1
    name = f"gen-{number:08d}"
    payload, manifest = written(identity, saved)
    with files.atomic(folder / name / "weights.f32") as file:
        file.write(payload)
    files.write_json(folder / name / "manifest.json", manifest)
    with files.atomic(folder / "CURRENT") as file:
        file.write(f"{name}\n".encode())
    others = sorted((other for other in names if other != name), key=lambda other: other != start)
    for old in others[KEEP - 1 :][:MAX_REMOVED]:
        _remove(folder / old)


def _has_left(folder: Path, identity: Identity) -> bool:
    """Tell whether the generation in use is sound and of this run or a later one."""
    current = _current(folder)
    try:
        return current != "" and read(folder / current, identity)[1] >= identity.end_ns
    except ContractError:
        return False


def _generations(folder: Path, notes: list[str]) -> list[str]:
    """The newest generations by number, newest first; what else lies there is left alone."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
                if _GENERATION.fullmatch(entry.name):
                    found.append(entry.name)
                elif entry.name.lower().endswith(_FULL_MODELS):
                    never = "full model files and pickles are never opened"
                    notes.append(f"model_ignored: E_MODEL_FORMAT {seen(entry.name)}: {never}")
    except FileNotFoundError:
        return []
    except OSError as error:
        sentence = f"{error.strerror or error}; check owner and mode of the state folder"
        raise StorageError("E_STORAGE", str(folder), sentence) from error
    return heapq.nlargest(KEEP + MAX_REMOVED, found)


def _current(folder: Path) -> str:
    """What CURRENT names, "" if it names no generation."""
    try:
        text = read_bytes(folder / "CURRENT", 64).decode("ascii", "replace").strip()
    except ContractError:
        return ""
    return text if _GENERATION.fullmatch(text) else ""


def _remove(generation: Path) -> None:
    """Remove a generation of ours; what is not ours in it keeps it."""
    for path in (generation / "manifest.json", generation / "weights.f32"):
        if not generation.is_symlink():
            path.unlink(missing_ok=True)
    try:
        generation.rmdir()
    except OSError:
        return

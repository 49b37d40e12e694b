"""Weights kept from run to run: plain float32 arrays and a JSON manifest in numbered generations.

Never a pickle, never a full model file.

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

import hashlib
import heapq
import hmac
import json
import os
import re
import stat
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.durations import stamp
from cronocast.errors import ContractError, StorageError, seen
from cronocast.handoff import files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]

FORMAT = 2
KEEP = 2  # the one in use and the one it was trained from
TRIES = 3  # generations looked at before a full training is cheaper than the search
MAX_ENTRIES = 20_000  # names read in the folder; a folder of ours holds three
MAX_REMOVED = 100  # old generations removed in one run
MAX_MANIFEST_BYTES = 64 * 2**10  # ours has about 2 kB
MAX_TIME = 2**63  # ns
MAX_WEIGHT = 1e6  # trained weights stay below ten; beyond this a bit was flipped
KEY_FILE = "CRONOCAST_MODEL_KEY_FILE"  # with it manifests are signed, and unsigned ones refused
_GENERATION = re.compile(r"gen-([0-9]{8})", re.ASCII)
_FULL_MODELS = (".keras", ".h5", ".hdf5", ".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npz")
_KEYS = {"format", "key", "architecture", "step_ns", "end_ns", "score", "arrays"}


@dataclass(frozen=True)
class Identity:
    """Whose weights are wanted, of which shape, and for which run."""

    key: str
    architecture: dict[str, int]
    shapes: dict[str, tuple[int, ...]]
    step_ns: int
    end_ns: int  # when the run's forecast begins


@dataclass(frozen=True)
class Saved:
    """Sound weights, and their held-out error relative to that without them (0..1)."""

    arrays: "dict[str, Floats32]"
    score: float


def load(folder: Path, identity: Identity, notes: list[str]) -> Saved | None:
    """The newest sound weights that an earlier run left, or None, with every reason in `notes`.

    Raises:
        StorageError: the folder is there and can't be read.
    """
    return _earlier(folder, identity, notes)[1]


def _earlier(folder: Path, identity: Identity, notes: list[str]) -> tuple[str, Saved | None]:
    """The generation that `load` finds, and its name, "" if there is none."""
    names = _generations(folder, notes)
    current = _current(folder)
    if current in names or (current and not names):
        names = [current, *(name for name in names if name != current)]
    reasons = []
    for name in names[:TRIES]:
        try:
            saved, end_ns = _read(folder / name, identity)
        except ContractError as error:
            reasons.append(f"{error.token} {name}: {error.problem}")
            continue
        if end_ns < identity.end_ns:
            notes += [f"model_previous_generation: {reason}" for reason in reasons]
            return name, saved
        if end_ns > identity.end_ns:
            reasons.append(f"E_MODEL_LATER {name}: left by a later run, whose forecast begins {stamp(end_ns)}")
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
    payload = {key: np.ascontiguousarray(array, dtype="<f4").tobytes() for key, array in saved.arrays.items()}
    arrays = [
        {"name": key, "dtype": "<f4", "shape": list(saved.arrays[key].shape), "sha256": hashlib.sha256(raw).hexdigest()}
        for key, raw in payload.items()
    ]
    manifest: dict[str, Any] = {"format": FORMAT, "key": identity.key, "architecture": identity.architecture}
    manifest |= {"step_ns": identity.step_ns, "end_ns": identity.end_ns, "score": saved.score, "arrays": arrays}
    if secret := _secret():
        manifest["hmac"] = _signature(manifest, secret)
    with files.atomic(folder / name / "weights.f32") as file:
        file.write(b"".join(payload.values()))
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
        return current != "" and _read(folder / current, identity)[1] >= identity.end_ns
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
                    notes.append(
                        f"model_ignored: E_MODEL_FORMAT {seen(entry.name)}: full model files and pickles are never"
                        " opened"
                    )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            "E_STORAGE", str(folder), f"{error.strerror or error}; check owner and mode of the state folder"
        ) from error
    return heapq.nlargest(KEEP + MAX_REMOVED, found)


def _current(folder: Path) -> str:
    """What CURRENT names, "" if it names no generation."""
    try:
        text = _bytes(folder / "CURRENT", 64).decode("ascii", "replace").strip()
    except ContractError:
        return ""
    return text if _GENERATION.fullmatch(text) else ""


def _read(folder: Path, identity: Identity) -> tuple[Saved, int]:
    """Weights of one generation, checked from the outside in, and when the forecast of the run that left them begins.

    Raises:
        ContractError: damaged, foreign, forged, or of another format.
    """
    if folder.is_symlink():
        raise ContractError("E_MANIFEST", str(folder), "a link; generations are folders")
    manifest = _manifest(folder / "manifest.json")
    _check_identity(manifest, identity, str(folder))
    sizes = {name: prod(shape) for name, shape in identity.shapes.items()}
    whole = _bytes(folder / "weights.f32", 4 * sum(sizes.values()))
    if len(whole) != 4 * sum(sizes.values()):
        raise ContractError(
            "E_MODEL_DAMAGED", str(folder), f"weights.f32 has {len(whole)} bytes, right: {4 * sum(sizes.values())}"
        )
    arrays, at = {}, 0
    for entry in manifest["arrays"]:
        name = entry["name"]
        raw = whole[at : at + 4 * sizes[name]]
        at += len(raw)
        if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
            raise ContractError("E_MODEL_DAMAGED", str(folder), f"weights damaged (sha256 of {name} differs)")
        array = np.frombuffer(raw, dtype="<f4").reshape(identity.shapes[name])
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > MAX_WEIGHT:
            raise ContractError(
                "E_MODEL_DAMAGED", str(folder), f"weights of {name} are not finite or beyond {MAX_WEIGHT:g}"
            )
        arrays[name] = array.astype(np.float32)
    return Saved(arrays, float(manifest["score"])), manifest["end_ns"]


def _manifest(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_bytes(path, MAX_MANIFEST_BYTES), object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ContractError("E_MANIFEST", str(path), f"not a manifest: {seen(str(error))}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ContractError(
            "E_MODEL_VERSION",
            str(path),
            f"format {seen(data.get('format') if isinstance(data, dict) else data)}, right: {FORMAT}",
        )
    return data


def _check_identity(manifest: dict[str, Any], identity: Identity, where: str) -> None:
    signature = manifest.pop("hmac", None)
    if secret := _secret():
        right = _signature(manifest, secret)
        if not isinstance(signature, str) or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), right.encode()
        ):
            raise ContractError(
                "E_MODEL_SIGNATURE",
                where,
                "the manifest is not signed with our key; a security event if nobody changed the key",
            )
    if set(manifest) != _KEYS:
        raise ContractError("E_MANIFEST", where, f"keys {seen(sorted(manifest))}, right: {sorted(_KEYS)}")
    if manifest["key"] != identity.key:
        raise ContractError(
            "E_MODEL_FOREIGN", where, f"weights of {seen(manifest['key'])}, wanted: {seen(identity.key)}"
        )
    if manifest["architecture"] != identity.architecture:
        raise ContractError(
            "E_MODEL_FOREIGN",
            where,
            f"architecture {seen(manifest['architecture'])}, wanted: {seen(identity.architecture)}",
        )
    if manifest["step_ns"] != identity.step_ns:
        raise ContractError(
            "E_MODEL_FOREIGN",
            where,
            f"weights for steps of {seen(manifest['step_ns'])} ns, wanted: {identity.step_ns} ns",
        )
    end_ns = manifest["end_ns"]
    if isinstance(end_ns, bool) or not isinstance(end_ns, int) or not -MAX_TIME <= end_ns < MAX_TIME:
        raise ContractError("E_MANIFEST", where, f"end_ns {seen(end_ns)}, right: a time in ns")
    score = manifest["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise ContractError("E_MANIFEST", where, f"score {seen(score)}, right: 0 to 1")
    entries = manifest["arrays"]
    declared = (
        [{k: e[k] for k in e if k != "sha256"} for e in entries]
        if isinstance(entries, list) and all(isinstance(e, dict) and "sha256" in e for e in entries)
        else None
    )
    expected = [{"name": name, "dtype": "<f4", "shape": list(shape)} for name, shape in identity.shapes.items()]
    if declared != expected:
        raise ContractError("E_MANIFEST", where, f"arrays {seen(declared)}, right: {seen(expected)}")


def _bytes(path: Path, most: int) -> bytes:
    """Content of a plain file of at most `most` bytes, from one descriptor: what is checked is what is used."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ContractError(
            "E_MANIFEST", str(path), f"{path.name} can't be opened: {error.strerror or error}"
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise ContractError(
                "E_MANIFEST",
                str(path),
                f"{path.name} is no plain file or has {status.st_size} bytes, at most {most} are read",
            )
        return os.read(handle, most + 1)
    finally:
        os.close(handle)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _secret() -> bytes:
    """The key that signs manifests, b"" if none is configured."""
    name = os.environ.get(KEY_FILE, "")
    if not name:
        return b""
    try:
        return Path(name).read_bytes().strip()
    except OSError as error:
        raise StorageError("E_STORAGE", KEY_FILE, f"{error.strerror or error}; name a readable file") from error


def _signature(manifest: dict[str, Any], secret: bytes) -> str:
    return hmac.new(secret, json.dumps(manifest, sort_keys=True, default=str).encode(), hashlib.sha256).hexdigest()


def _remove(generation: Path) -> None:
    """Remove a generation of ours; what is not ours in it keeps it."""
    for path in (generation / "manifest.json", generation / "weights.f32"):
        if not generation.is_symlink():
            path.unlink(missing_ok=True)
    try:
        generation.rmdir()
    except OSError:
        return

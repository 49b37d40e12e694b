"""One generation of saved weights: what its manifest must declare before a byte of its arrays is used."""

import hashlib
import hmac
import json
import os
import stat
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.errors import ContractError, StorageError, seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]

FORMAT = 2
MAX_MANIFEST_BYTES = 64 * 2**10  # ours has about 2 kB
MAX_TIME = 2**63  # ns
MAX_WEIGHT = 1e6  # trained weights stay below ten; beyond this a bit was flipped
KEY_FILE = "CRONOCAST_MODEL_KEY_FILE"  # with it manifests are signed, and unsigned ones refused
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


def written(identity: Identity, saved: Saved) -> tuple[bytes, dict[str, Any]]:
    """The bytes of weights.f32, and the manifest that `read` checks them by.

    Raises:
        StorageError: the key that signs manifests can't be read.
    """
    payload = {key: np.ascontiguousarray(array, dtype="<f4").tobytes() for key, array in saved.arrays.items()}
    arrays = [
        {"name": key, "dtype": "<f4", "shape": list(saved.arrays[key].shape), "sha256": hashlib.sha256(raw).hexdigest()}
        for key, raw in payload.items()
    ]
    manifest: dict[str, Any] = {"format": FORMAT, "key": identity.key, "architecture": identity.architecture}
    manifest |= {"step_ns": identity.step_ns, "end_ns": identity.end_ns, "score": saved.score, "arrays": arrays}
    if secret := _secret():
        manifest["hmac"] = _signature(manifest, secret)
    return b"".join(payload.values()), manifest


def read(folder: Path, identity: Identity) -> tuple[Saved, int]:
    """Weights of one generation, checked from the outside in, and when the forecast of the run that left them begins.

    Raises:
        ContractError: damaged, foreign, forged, or of another format.
    """
    if folder.is_symlink():
        raise ContractError("E_MANIFEST", str(folder), "a link; generations are folders")
    manifest = _manifest(folder / "manifest.json")
    _check_identity(manifest, identity, str(folder))
    sizes = {name: prod(shape) for name, shape in identity.shapes.items()}
    right = 4 * sum(sizes.values())
    whole = read_bytes(folder / "weights.f32", right)
    if len(whole) != right:
        raise ContractError("E_MODEL_DAMAGED", str(folder), f"weights.f32 has {len(whole)} bytes, right: {right}")
    arrays, at = {}, 0
    for entry in manifest["arrays"]:
        name = entry["name"]
        raw = whole[at : at + 4 * sizes[name]]
        at += len(raw)
        arrays[name] = _array(raw, entry, identity.shapes[name], str(folder))
    return Saved(arrays, float(manifest["score"])), manifest["end_ns"]


def _array(raw: bytes, entry: dict[str, Any], shape: tuple[int, ...], where: str) -> "NDArray[np.float32]":
    """Weights of one entry of the manifest, checked."""
    name = entry["name"]
    if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
        raise ContractError("E_MODEL_DAMAGED", where, f"weights damaged (sha256 of {name} differs)")
    array = np.frombuffer(raw, dtype="<f4").reshape(shape)
    if not np.isfinite(array).all() or np.abs(array).max(initial=0) > MAX_WEIGHT:
        raise ContractError("E_MODEL_DAMAGED", where, f"weights of {name} are not finite or beyond {MAX_WEIGHT:g}")
    return array.astype(np.float32)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(
            read_bytes(path, MAX_MANIFEST_BYTES), object_pairs_hook=_no_doubles, parse_constant=_no_constant
        )
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
    _check_signature(manifest, where)
    if set(manifest) != _KEYS:
        raise ContractError("E_MANIFEST", where, f"keys {seen(sorted(manifest))}, right: {sorted(_KEYS)}")
    key, architecture, step_ns = manifest["key"], manifest["architecture"], manifest["step_ns"]
    foreign = ""
    if key != identity.key:
        foreign = f"weights of {seen(key)}, wanted: {seen(identity.key)}"
    elif architecture != identity.architecture:
        foreign = f"architecture {seen(architecture)}, wanted: {seen(identity.architecture)}"
    elif step_ns != identity.step_ns:
        foreign = f"weights for steps of {seen(step_ns)} ns, wanted: {identity.step_ns} ns"
    if foreign:
        raise ContractError("E_MODEL_FOREIGN", where, foreign)
    _check_origin(manifest["end_ns"], manifest["score"], where)
    _check_arrays(manifest["arrays"], identity.shapes, where)


def _check_origin(end_ns: object, score: object, where: str) -> None:
    """Check when the run that left the weights forecast from, and how good they were."""
    if isinstance(end_ns, bool) or not isinstance(end_ns, int) or not -MAX_TIME <= end_ns < MAX_TIME:
        raise ContractError("E_MANIFEST", where, f"end_ns {seen(end_ns)}, right: a time in ns")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise ContractError("E_MANIFEST", where, f"score {seen(score)}, right: 0 to 1")


def _check_signature(manifest: dict[str, Any], where: str) -> None:
    """Take the signature out of a manifest, which is not signed itself."""
    signature = manifest.pop("hmac", None)
    if secret := _secret():
        right = _signature(manifest, secret)
        if not isinstance(signature, str) or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), right.encode()
        ):
            raise ContractError(
                "E_MODEL_SIGNATURE",
                where,
                "the manifest is not signed with our key; a security incident unless the key was changed",
            )


def _check_arrays(entries: Any, shapes: dict[str, tuple[int, ...]], where: str) -> None:  # noqa: ANN401 - JSON
    declared = (
        [{k: e[k] for k in e if k != "sha256"} for e in entries]
        if isinstance(entries, list) and all(isinstance(e, dict) and "sha256" in e for e in entries)
        else None
    )
    expected = [{"name": name, "dtype": "<f4", "shape": list(shape)} for name, shape in shapes.items()]
    if declared != expected:
        raise ContractError("E_MANIFEST", where, f"arrays {seen(declared)}, right: {seen(expected)}")


def read_bytes(path: Path, most: int) -> bytes:
    """Content of a plain file of at most `most` bytes, from one descriptor: what is checked is what is used.

    Raises:
        ContractError: no such file, no plain one, or a larger one.
    """
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
                f"{path.name} is not a plain file, or has {status.st_size} bytes where at most {most} are read",
            )
        return os.read(handle, most + 1)
    finally:
        os.close(handle)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key appears twice")
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

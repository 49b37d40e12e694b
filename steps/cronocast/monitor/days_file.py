"""The file of whole days: all members of a series in one, whole or not there."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cronocast.errors import seen
from cronocast.handoff.files import atomic
from cronocast.monitor.daily import Days, slots_of
from cronocast.monitor.drift import KEEP

NAME = "days"  # in the state of a series
VERSION = 1
_PARTS = {"head": np.uint8, "begun": np.int64, "counts": np.int64, "numbers": np.int64, "errors": np.float32}


class KeptDays(NamedTuple):
    """What is kept of a member."""

    begun_ns: int  # since when its errors have been of one kind: when it was first made, or made anew after a change
    days: Days


Key = tuple[str, str]  # name and tags of a member


def write_days(path: Path, every_ns: int, members: Mapping[Key, KeptDays]) -> None:
    """Publish the days of all members in place of those before.

    Raises:
        StorageError: the volume is full, read-only or failing; the file before is still there.
    """
    head = {"version": VERSION, "every_ns": every_ns, "members": list(members)}
    kept = [member.days for member in members.values()]
    arrays: dict[str, Any] = {
        "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
        "begun": [member.begun_ns for member in members.values()],
        "counts": [days.numbers.size for days in kept],
        "numbers": np.concatenate([np.empty(0), *(days.numbers for days in kept)]),
        "errors": np.concatenate([np.empty((0, slots_of(every_ns))), *(days.errors for days in kept)]),
    }
    with atomic(path) as file:
        np.savez(file, allow_pickle=False, **{name: np.asarray(arrays[name], kind) for name, kind in _PARTS.items()})


def read_days(path: Path, every_ns: int, notes: list[str]) -> dict[Key, KeptDays]:
    """Read what is kept; {} with a note where it is of no use, so that days are counted from today.

    Args:
        path: The file, which need not exist.
        every_ns: Step size of the series; what was kept at another one is of no use.
        notes: Receives what was wrong.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return _members({name: file[name] for name in _PARTS}, every_ns)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        notes.append(f"errors of past days, {path.name}: {seen(str(error))}; they are collected anew")
        return {}


def _members(parts: dict[str, Any], every_ns: int) -> dict[Key, KeptDays]:
    """Check what was read and take it apart.

    Raises:
        ValueError, KeyError, TypeError: it is not what `write_days` published for this step size.
    """
    head = json.loads(parts["head"].tobytes())
    if head["version"] != VERSION:
        raise ValueError(f"version {head['version']!r} instead of {VERSION}")
    if head["every_ns"] != every_ns:
        raise ValueError("kept at another step size")
    counts, numbers, errors = parts["counts"], parts["numbers"], parts["errors"].astype(float)
    if not (
        len(head["members"]) == counts.size == parts["begun"].size
        and bool(((counts >= 0) & (counts <= KEEP)).all())
        and counts.sum() == numbers.size == len(errors)
        and errors.shape[1:] == (slots_of(every_ns),)
        and bool(np.isfinite(errors).any(axis=1).all())
    ):
        raise ValueError("its parts do not match")
    ends = np.cumsum(counts)
    members = {
        (str(name), str(tags)): KeptDays(int(begun), Days(numbers[end - count : end], errors[end - count : end]))
        for (name, tags), begun, count, end in zip(head["members"], parts["begun"], counts, ends, strict=True)
    }
    if any((np.diff(kept.days.numbers) <= 0).any() for kept in members.values()):
        raise ValueError("its days do not rise")
    return members

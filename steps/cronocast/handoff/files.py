"""Files on the shared volume: atomic writes, checksums, folders named by series and run. Standard library only."""

import errno
import hashlib
import io
import json
import os
import re
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cronocast.errors import ContractError, DataError, InvariantError, StorageError, TemporaryError, seen

RUN_FOLDER = re.compile(r"\d{8}T\d{6}(\.\d{9})?Z", re.ASCII)  # name of a run folder
MAX_JSON_BYTES = 256 * 2**20  # a result of 100,000 members is about 60 MB


def _storage(error: OSError, path: Path) -> StorageError:
    return StorageError(
        "E_STORAGE", str(path), f"{error.strerror or error}; check that the volume is there, writable and not full"
    )


class _Raw(io.FileIO):
    """A file whose failing writes are storage errors that name it.

    What else fails while it is open keeps its own error.
    """

    def __init__(self, handle: int, path: Path) -> None:
        super().__init__(handle, "wb")
        self._path = path

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        """Write as much as the volume takes."""
        try:
            return super().write(data)
        except OSError as error:
            raise _storage(error, self._path) from error


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; on a clean exit it is synced and renamed to `path`, else removed.

    A reader finds the old file or the whole new one, never a part. Nothing is published after a failed sync.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Same folder: a rename is atomic only there. Random name: every container is pid 1.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".tmp.{path.name}.")
    except OSError as error:
        raise _storage(error, path) from error
    try:
        with io.BufferedWriter(_Raw(handle, path), 2**20) as file:
            yield file
            file.flush()
            _publish(handle, name, path)
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)


def _publish(handle: int, name: str, path: Path) -> None:
    try:
        os.fsync(handle)
        with suppress(PermissionError):  # CIFS, as of Azure Files: the mount gives the mode of every file
            os.fchmod(handle, 0o644)  # the next step may run under another user
        Path(name).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _storage(error, path) from error


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync folders
            raise
    finally:
        os.close(handle)


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Publish a document as JSON.

    Raises:
        InvariantError: it holds NaN or infinity, which are no JSON.
        StorageError: the volume is full, read-only or failing.
    """
    try:
        text = json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False, default=str).encode() + b"\n"
    except ValueError as error:
        raise InvariantError("E_NONFINITE", str(path), f"{error}; every number in it must be finite") from error
    with atomic(path) as file:
        file.write(text)


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON document
    """Read a JSON document of ours.

    Raises:
        DataError: the file is missing or empty.
        ContractError: it is not JSON, or larger than any of ours.
        StorageError: it is no plain file, or can't be read.
    """
    check_plain_file(path)
    try:
        text = path.read_bytes()
        if len(text) > MAX_JSON_BYTES:
            raise ContractError("E_JSON", str(path), f"{len(text)} bytes, at most {MAX_JSON_BYTES} are read")
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ContractError(
            "E_JSON", str(path), f"not a JSON document: {seen(str(error))}; rerun the step that writes it"
        ) from error
    except OSError as error:
        raise _storage(error, path) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def check_plain_file(path: Path) -> int:
    """Return the size of a plain, readable file.

    Raises:
        DataError: it is missing or has 0 bytes.
        StorageError: it is a folder, link, pipe or device, or can't be read.
    """
    try:
        status = path.lstat()
    except FileNotFoundError as error:
        raise DataError("E_INPUT_MISSING", str(path), "no such file; run the step that writes it first") from error
    except OSError as error:
        raise _storage(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(
            "E_INPUT_KIND", str(path), "not a plain file (a folder, link, pipe or device); name a plain file"
        )
    if not os.access(path, os.R_OK):
        raise StorageError("E_INPUT_KIND", str(path), "not readable by this user; check its owner and mode")
    if status.st_size == 0:
        raise DataError("E_INPUT_MISSING", str(path), "0 bytes; rerun the step that writes it")
    return status.st_size


def sha256(path: Path) -> str:
    """Checksum of a file, read in blocks."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _storage(error, path) from error


def series_id(name: str) -> str:
    """Folder name of a series: a readable slug plus a short hash of the exact name.

    Two names never share a folder, even if they differ only in case or in their Unicode form.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-")
    return f"{slug or 'series'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def run_name(run_ns: int) -> str:
    """Folder name of a run: its scheduled time, sortable, free of characters that need quoting."""
    whole, rest = divmod(run_ns, 10**9)
    return datetime.fromtimestamp(whole, UTC).strftime("%Y%m%dT%H%M%S") + (f".{rest:09d}" if rest else "") + "Z"


def run_ns_of(name: str) -> int:
    """The time that the name of a run folder says, ns UTC.

    Raises:
        ValueError: it is no such name.
    """
    whole, _, rest = name.removesuffix("Z").partition(".")
    at = datetime.strptime(f"{whole}+0000", "%Y%m%dT%H%M%S%z")
    return int(at.timestamp()) * 10**9 + int(rest or 0)


def newest_first(runs: Path) -> list[Path]:
    """Run folders in `<series>/runs`, the newest first; links are none.

    Raises:
        OSError: they can't be listed.
    """
    found = (
        path for path in runs.iterdir() if RUN_FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )
    return sorted(found, reverse=True)


VINTAGES = "vintages"  # folder of the state with what each run forecast


def chosen_part_file(run_ns: int) -> str:
    """Name of the file in the state that says which part of a run was chosen where several forecast a member."""
    return f"{VINTAGES}/{run_name(run_ns)}.chosen.json"


@contextmanager
def series_lock(folder: Path, wait_s: float = 30.0) -> Iterator[None]:
    """Hold the one lock of a series; the kernel frees it when the holder dies.

    Raises:
        TemporaryError: another step of the series held it for `wait_s` seconds.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("wb")
    except OSError as error:
        raise _storage(error, folder) from error
    with file:
        _wait_for_lock(file, folder, wait_s)
        yield


def _wait_for_lock(file: BinaryIO, folder: Path, wait_s: float) -> None:
    """Lock the open lock file of a folder."""
    import fcntl
    import time

    end = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                sentence = f"another run of this series held the lock for {wait_s:g} s"
                raise TemporaryError("E_LOCK", str(folder), sentence) from error
            time.sleep(0.2)
        except OSError as error:
            raise _storage(error, folder) from error
        else:
            return

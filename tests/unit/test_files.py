"""Publishing a file.

Whatever call fails or kills the writer, a reader finds the old file or the whole new one.
"""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cronocast.errors import ContractError, CronocastError, DataError, InvariantError, StorageError, TemporaryError
from cronocast.handoff import files
from cronocast.handoff.files import atomic, check_plain_file, read_json, run_name, series_lock, write_json

OLD, NEW = b"old " * 50_000, b"new " * 100_000
WRITER = (
    "import sys; from pathlib import Path; from cronocast.handoff.files import atomic\n"
    "with atomic(Path(sys.argv[1])) as file:\n"
    "    for _ in range(4): file.write(b'new ' * 25_000)"
)
CALLS = "openat,write,fsync,fchmod,rename,close,unlink"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file.csv").write_bytes(OLD)
    return tmp_path / "file.csv"


def leftovers(folder: Path) -> list[str]:
    return [name.name for name in folder.iterdir() if name.name.startswith(".tmp.")]


def test_the_new_file_replaces_the_old_one(path: Path) -> None:
    with atomic(path) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
    assert (path.read_bytes(), leftovers(path.parent)) == (NEW, [])
    assert path.stat().st_mode & 0o777 == 0o644  # the next step may run under another user


def test_folders_are_made(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b" / "x.json", {"y": 1})
    assert read_json(tmp_path / "a" / "b" / "x.json") == {"y": 1}


@pytest.mark.parametrize(
    "raised",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError("t"),
        OSError("of a library"),
        ValueError("x"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_an_error_of_the_body_is_passed_on_as_it_is(raised: BaseException, path: Path) -> None:
    def write_and_fail() -> None:
        with atomic(path) as file:
            file.write(NEW)
            raise raised

    with pytest.raises(type(raised)) as caught:
        write_and_fail()
    assert caught.value is raised
    assert (path.read_bytes(), leftovers(path.parent)) == (OLD, [])


def traced(path: Path, log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the writer under strace."""
    return subprocess.run(
        ["strace", "-f", "-o", str(log), *options, sys.executable, "-c", WRITER, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def kill_points(path: Path, log: Path) -> list[tuple[str, int]]:
    """Every call of the writer from the moment it makes its temporary file.

    (call, how many of its kind before and with it).
    """
    assert traced(path, log, "-e", f"trace={CALLS}").returncode == 0
    counts: dict[str, int] = {}
    points, begun = [], False
    for line in log.read_text().splitlines():
        call = re.match(r"\d+ +([a-z]+)\(", line)
        if call:
            counts[call[1]] = counts.get(call[1], 0) + 1
            begun = begun or ".tmp.file.csv." in line
            if begun:
                points.append((call[1], counts[call[1]]))
    path.write_bytes(OLD)
    return points


@pytest.mark.skipif(
    not Path("/usr/bin/strace").exists(), reason="needs strace; the test of injected errors covers the same calls"
)
def test_killed_at_any_call(path: Path, tmp_path: Path) -> None:
    points = kill_points(path, tmp_path / "log")
    kinds = [name for name, _ in points]
    assert kinds.count("write") >= 1
    assert {"openat", "fsync", "rename", "close"} <= set(kinds)
    published = 0
    last = max(i for i, name in enumerate(kinds) if name == "fsync")
    for name, count in points[: last + 2]:  # what comes later only ends the process
        path.write_bytes(OLD)
        ended = traced(
            path, tmp_path / "log", "-e", f"trace={CALLS}", "-e", f"inject={name}:signal=SIGKILL:when={count}"
        )
        assert ended.returncode in (-9, 137), (name, count, ended.returncode)  # the injector fired
        content = path.read_bytes()
        assert content in (OLD, NEW), (name, count)
        published += content == NEW
    assert 0 < published < len(points)


FAULTS = {
    "no inode": ("open", errno.ENOSPC, OLD),
    "no space on fsync": ("fsync", errno.ENOSPC, OLD),
    "EIO on fsync": ("fsync", errno.EIO, OLD),
    "stale handle on rename": ("replace", errno.ESTALE, OLD),
    "read-only": ("open", errno.EROFS, OLD),
    "EIO on the folder": ("sync_folder", errno.EIO, NEW),
}


@pytest.mark.parametrize(("call", "number", "content"), FAULTS.values(), ids=FAULTS)
def test_a_failing_call_is_exit_74(
    call: str, number: int, content: bytes, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    target, name = {
        "open": (tempfile, "mkstemp"),
        "fsync": (os, "fsync"),
        "replace": (Path, "replace"),
        "sync_folder": (files, "sync_folder"),
    }[call]
    monkeypatch.setattr(target, name, fail)
    with pytest.raises(StorageError, match=os.strerror(number)) as caught, atomic(path) as file:
        file.write(NEW)
    assert caught.value.exit_code == 74
    assert str(path) in caught.value.where
    monkeypatch.undo()
    assert (path.read_bytes(), leftovers(path.parent)) == (content, [])


def test_a_full_volume_is_told_with_the_name_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), f"{path}.tmp"))
    with pytest.raises(StorageError, match=os.strerror(errno.ENOSPC)) as caught, atomic(path) as file:
        file.write(NEW)
    assert caught.value.where == str(path)


def test_a_volume_that_keeps_modes_to_itself_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CIFS does, such as Azure Files: every file has the mode of the mount."""

    def refused(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchmod", refused)
    with atomic(path) as file:
        file.write(NEW)
    assert (path.read_bytes(), leftovers(path.parent)) == (NEW, [])


def in_child(action: Callable[[], None]) -> int:
    """Run an action in a child process and return its exit code: 0, that of its error, or 99."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            action()
            code = 0
        except CronocastError as error:
            code = error.exit_code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def publish(path: Path) -> None:
    with atomic(path) as file:
        for _ in range(64):
            file.write(b"x" * 2**16)


def test_file_size_limit(path: Path) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        publish(path)

    assert in_child(limited) == 74
    assert (path.read_bytes(), leftovers(path.parent)) == (OLD, [])


@pytest.mark.parametrize("options", ["size=2m", "size=8m,nr_inodes=3"])
def test_full_volume(options: str, tmp_path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(tmp_path)], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs the right to mount; the file size limit above proves the same")
    try:
        path = tmp_path / "file.csv"
        path.write_bytes(OLD)
        if "nr_inodes" in options:
            (tmp_path / "last").touch()
        assert in_child(lambda: publish(path)) == 74
        assert (path.read_bytes(), leftovers(tmp_path)) == (OLD, [])
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        assert in_child(lambda: publish(path)) == 74
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_folder_of_another_user(path: Path) -> None:
    def as_nobody() -> None:
        if os.getuid() == 0:
            os.setuid(65534)
        publish(path)

    path.parent.chmod(0o555)
    try:
        assert in_child(as_nobody) == 74
    finally:
        path.parent.chmod(0o755)
    assert path.read_bytes() == OLD


def test_a_file_where_a_folder_should_be(path: Path) -> None:
    with pytest.raises(StorageError):
        write_json(path / "x.json", {})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_result_that_is_no_json_is_never_published(number: float, path: Path) -> None:
    with pytest.raises(InvariantError, match="E_NONFINITE"):
        write_json(path, {"x": [number]})
    assert path.read_bytes() == OLD


BAD_JSON = {
    "cut": b'{"a": 1',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[-Infinity]",
    "html": b"<html>",
    "deep": b"[" * 100_000,
    "not UTF-8": b'"\xff"',
    "two": b"{} {}",
    "digits": b"1" * 5000,
}


@pytest.mark.parametrize("content", BAD_JSON.values(), ids=BAD_JSON)
def test_json_that_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ContractError, match="E_JSON"):
        read_json(tmp_path / "x.json")


def test_json_missing_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        with pytest.raises(DataError, match="E_INPUT_MISSING"):
            read_json(tmp_path / name)


def test_unreadable_file(path: Path) -> None:
    def as_nobody() -> None:
        if os.getuid() == 0:
            os.setuid(65534)
        check_plain_file(path)

    path.chmod(0)
    assert in_child(as_nobody) == 74


HOLDER = (
    "import sys, time; from pathlib import Path; from cronocast.handoff.files import series_lock\nwith"
    " series_lock(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


def test_lock_is_held_and_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TemporaryError, match="E_LOCK") as caught, series_lock(tmp_path, wait_s=0.1):
            pytest.fail("two held one lock")
        assert caught.value.exit_code == 75
        with series_lock(tmp_path / "another", wait_s=0):
            pass
        holder.kill()
        holder.wait()
    with series_lock(tmp_path, wait_s=0):
        pass


def test_run_names_sort_as_times() -> None:
    times = [0, 1, 10**9, 1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + 5, 9_000_000_000 * 10**9]
    names = [run_name(t) for t in times]
    assert len(set(names)) == len(names)
    assert names[3] == "20231114T221320Z"
    assert all(re.fullmatch(r"[0-9]{8}T[0-9]{6}(\.[0-9]{9})?Z", name) for name in names)


def test_json_is_ascii_and_keeps_numbers(tmp_path: Path) -> None:
    document = {"name": "Zürich \u202e", "big": 2**63 - 1, "float": 0.1}
    write_json(tmp_path / "x.json", document)
    assert (tmp_path / "x.json").read_bytes().isascii()
    assert read_json(tmp_path / "x.json") == json.loads(json.dumps(document))

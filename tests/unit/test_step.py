"""The shell around a step.

Result file, exit code, one error line, lock, SIGTERM, closed streams.
"""

import contextlib
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cronocast import console, registry
from cronocast.chain import shell as step
from cronocast.chain.classify import run as classify_run
from cronocast.chain.job import Job, run_folder
from cronocast.chain.shell import guarded, run_step
from cronocast.commands import application as cli
from cronocast.document.entry import parse_entry
from cronocast.errors import AccessError, DataError, InvariantError, RefusedError, TemporaryError
from cronocast.handoff.files import atomic, read_json, series_lock
from cronocast.handoff.results import Outcome, result_path, write_result
from cronocast.handoff.series import HISTORY_COLUMNS, header
from cronocast.sources.spool import Spool

ENTRY: dict[str, Any] = {
    "name": "cpu",
    "source": {"url": "http://127.0.0.1:1", "database": "d", "measurement": "cpu", "field": "v"},
}
RUN_NS = 1_700_000_000 * 10**9


def make_job(root: Path, **changed: Any) -> Job:
    folder = run_folder(root, "cpu", RUN_NS)
    paths = {
        name: folder / f"{name}.{ending}"
        for name, ending in (("history", "csv"), ("profile", "json"), ("forecast", "csv"))
    }
    arguments: dict[str, Any] = {
        "step": "extract",
        "entry": parse_entry(ENTRY),
        "run_ns": RUN_NS,
        "standalone": False,
        **paths,
        "state": root / "state",
        **changed,
    }
    return Job(**arguments)


def write_history(job: Job) -> None:
    with atomic(job.history) as file:
        file.write(header(HISTORY_COLUMNS) + b"cpu,,3600000000000,1.0\n")
    outcome = Outcome()
    outcome.add_output(job.history, 1)
    write_result(job.result, "extract", job.entry.name, job.run, outcome, 1.0, None, {})


def result(job: Job) -> dict[str, Any]:
    document: dict[str, Any] = read_json(result_path(job.step, job.output))
    return document


def nothing(*_: Any) -> None:
    """The work of a step that finds nothing to tell."""


def gives(**found: Any) -> Callable[[Job, Outcome], None]:
    """The work of a step that tells this of itself."""

    def work(_: Job, outcome: Outcome) -> None:
        vars(outcome).update(found)

    return work


def test_an_ok_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = make_job(tmp_path)
    assert run_step(gives(rows_in=3, members=[{"name": "cpu", "tags": ""}]), job) == 0
    assert {
        "status": "ok",
        "exit": 0,
        "rows_in": 3,
        "series": "cpu",
        "run": "2023-11-14T22:13:20Z",
        "step": "extract",
    }.items() <= result(job).items()
    assert capsys.readouterr().err.startswith("extract: ok, 1 member, ")


ERRORS = [
    DataError("E_X", "w", "sentence"),
    RefusedError("E_X", "w", "s"),
    InvariantError("E_X", "w", "s"),
    TemporaryError("E_X", "w", "s"),
    AccessError("E_X", "w", "s"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_same_code_in_result_and_termination_log(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    monkeypatch.setattr(console, "TERMINATION_LOG", log)

    def work(*_: Any) -> None:
        raise error

    job = make_job(tmp_path)
    code = run_step(work, job)
    expected: int = error.exit_code  # type: ignore[attr-defined]
    assert (code, result(job)["exit"], result(job)["status"]) == (expected, expected, "failed")
    last = capsys.readouterr().err.splitlines()[-1]
    assert log.read_text() == last + "\n" == f"error: {error}\n"
    assert result(job)["message"] == str(error)


def test_a_bug_is_exit_1_and_has_its_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = make_job(tmp_path)
    assert run_step(lambda *_: 1 // 0, job) == 1  # type: ignore[arg-type]
    assert (result(job)["exit"], result(job)["token"]) == (1, "E_BUG")
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: E_BUG ZeroDivisionError: integer division")
    assert "Traceback" not in err
    assert run_step(lambda *_: 1 // 0, job, debug=True) == 1  # type: ignore[arg-type]
    assert "Traceback" in capsys.readouterr().err


def regroup(job: Job, outcome: Outcome) -> None:
    with atomic(job.history) as file:
        spool = Spool(file, job.history.parent, b"head\n")
        for time_ns, tags in ((1, "a=1"), (1, "a=2"), (2, "a=1")):
            spool.add("m", tags, [b"%d,1.0" % time_ns], time_ns, time_ns, ascending=True)
        spool.arrange()


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile(io.BytesIO):
    """A file on a volume with no room left."""

    writelines = write = full


def no_file(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/tmpx")


# id -> (what fails, how, the file that the line names; that of the step if empty)
VOLUME: dict[str, tuple[str, Callable[..., Any], str]] = {
    "a full volume while members are regrouped": ("tempfile.TemporaryFile", lambda **_: FullFile(), ""),
    "no inode for the second copy": ("tempfile.TemporaryFile", no_file, "/data/tmpx"),
    "a full volume while they are put back": ("shutil.copyfileobj", full, ""),
    "an I/O error while they are read": ("os.pread", full, ""),
}


@pytest.mark.parametrize(("call", "fail", "named"), VOLUME.values(), ids=VOLUME)
def test_any_call_to_the_volume_that_fails_is_exit_74(
    call: str,
    fail: Callable[..., Any],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make_job(tmp_path)
    monkeypatch.setattr(f"cronocast.sources.spool.{call}", fail)
    assert run_step(regroup, job) == 74
    monkeypatch.undo()
    assert (result(job)["exit"], result(job)["token"]) == (74, "E_STORAGE")
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(f"error: E_STORAGE {named or job.output}: No space left on device")
    )
    assert not job.history.exists()
    assert run_step(regroup, job) == 0


def test_a_prepared_file_that_cannot_be_removed_is_exit_74(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, **_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    job = make_job(tmp_path)
    write_history(job)
    monkeypatch.setattr(Path, "unlink", read_only)
    classify = replace(job, step="classify")
    assert run_step(classify_run, classify) == 74
    monkeypatch.undo()
    assert result(classify)["message"].startswith(
        f"E_STORAGE {classify.output.with_name('prepared.csv')}: Read-only file system"
    )


def test_a_result_that_is_no_json_is_exit_70(tmp_path: Path) -> None:
    assert run_step(gives(members=[{"mase": float("nan")}]), make_job(tmp_path)) == 70


def test_messages_can_not_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(*_: Any) -> None:
        raise DataError("E_X", "a b\x1b[2J", "one\ntwo \x1b[31m \u202e ü " + "x" * 1000)

    assert run_step(work, make_job(tmp_path)) == 66
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: E_X a%20b%1B[2J: one two \\x1b[31m \\u202e \\xfc xxx")
    assert line.isascii()
    assert len(line) < 450


def test_no_place_for_the_result(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text("a file where the folder should be")
    job = make_job(tmp_path, history=tmp_path / "cpu" / "history.csv")
    assert run_step(nothing, job) == 74


def test_lock_held_by_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "series_lock", partial(series_lock, wait_s=0.3))
    job = make_job(tmp_path)
    with series_lock(tmp_path / "state"):
        assert run_step(lambda *_: pytest.fail("ran without the lock"), job) == 75
    assert result(job)["token"] == "E_LOCK"
    assert run_step(nothing, job) == 0


def test_the_result_of_who_had_the_lock_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "series_lock", partial(series_lock, wait_s=0.3))
    job = make_job(tmp_path)
    assert run_step(gives(rows_in=3), job) == 0
    with series_lock(tmp_path / "state"):
        assert run_step(lambda *_: pytest.fail("ran without the lock"), job) == 75
    assert (result(job)["status"], result(job)["rows_in"]) == ("ok", 3)


def test_old_leftovers_of_the_own_run_are_removed(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    folder, elsewhere = job.history.parent, tmp_path / "elsewhere"
    for where in (folder, elsewhere):
        where.mkdir(parents=True)
        for name, age in ((".tmp.history.csv.old", 3700), (".tmp.history.csv.new", 3500), ("history.csv", 10**6)):
            (where / name).touch()
            os.utime(where / name, (time.time() - age,) * 2)
    assert run_step(nothing, job) == 0
    assert {path.name for path in folder.iterdir()} == {".tmp.history.csv.new", "history.csv", "extract.result.json"}
    standalone = make_job(tmp_path, standalone=True, history=elsewhere / "history.csv", state=None)
    assert run_step(nothing, standalone) == 0
    assert (elsewhere / ".tmp.history.csv.old").exists()  # somebody else's folder


SLEEPER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_step import make_job
from cronocast.handoff.files import atomic
from cronocast.chain.shell import run_step, stop_after
if len(sys.argv) > 3:
    stop_after(int(sys.argv[3]))
def work(job, outcome):
    with atomic(job.history) as file:
        file.write(b"half")
        file.flush()
        print("working", flush=True)
        time.sleep(60)
sys.exit(run_step(work, make_job(Path(sys.argv[1]))))
"""


def test_sigterm_is_obeyed_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLEEPER, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "working\n"
        begin = time.monotonic()
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=10)
    assert child.returncode == 143
    assert time.monotonic() - begin < 5
    assert err.splitlines()[-1].startswith("error: E_TERMINATED SIGTERM: ")
    job = make_job(tmp_path)
    assert (result(job)["status"], result(job)["exit"]) == ("failed", 143)
    assert [path.name for path in job.history.parent.iterdir()] == [
        "extract.result.json"
    ]  # no half file, nothing left over


def test_a_step_ends_itself_at_its_deadline_as_by_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLEEPER, str(tmp_path), str(Path(__file__).parent), "1"]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (143, "working\n")
    assert 1 <= time.monotonic() - begin < 10
    assert "the deadline of 1 s has passed" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: E_TERMINATED SIGTERM: ")
    assert not [*tmp_path.rglob(".tmp.*")]


class Dropped:
    """Gets SIGTERM in its destructor, where Python drops what the handler raises."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def lost_in_a_destructor() -> None:
    Dropped()


def lost_in_a_callback() -> None:
    target = type("Target", (), {})()
    watched = weakref.ref(target, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del target
    assert watched() is None


def lost_in_a_library() -> None:
    with contextlib.suppress(Exception):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("lose", [lost_in_a_destructor, lost_in_a_callback, lost_in_a_library])
def test_sigterm_that_python_drops_comes_again(
    lose: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while `requests` is imported: the step went on as if nothing had been sent."""
    monkeypatch.setattr(step, "AGAIN_S", 0.05)

    def work(*_: Any) -> None:
        lose()
        lose()
        time.sleep(10)
        pytest.fail("SIGTERM was not obeyed")

    before = set(threading.enumerate())
    assert run_step(work, make_job(tmp_path)) == 143
    for thread in set(threading.enumerate()) - before:
        thread.join(5)  # no signal comes after the end of the step: it would end this process


def test_sigterm_while_libraries_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of a step is imported under the handler: a slow import can be stopped as well."""

    def slow_import(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        pytest.fail("SIGTERM was not obeyed")

    monkeypatch.setattr(registry, "load", slow_import)
    monkeypatch.setattr(
        sys, "argv", ["cronocast", "load", "--forecast", str(tmp_path / "f.csv"), "--entry", json.dumps(ENTRY)]
    )
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 143


def test_missing_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    for name in [
        name
        for name in sys.modules
        if name.startswith(
            ("cronocast.forecast.", "cronocast.classify.", "cronocast.timeseries.", "cronocast.chain.forecast")
        )
    ]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "h.csv").write_text("name,tags,time,value\nm,,1700000000000000000,1\n")
    monkeypatch.setattr(
        sys,
        "argv",
        ["cronocast", "forecast", "--history", str(tmp_path / "h.csv"), "--forecast", str(tmp_path / "f.csv")],
    )
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 78
    line = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"error: E_MISSING_EXTRA forecast: .*'numpy'.*'cronocast\[linear\]'", line)


STREAMS = {
    "stderr closed": "2>&-",
    "stdout closed": ">&-",
    "all closed": "<&- >&- 2>&-",
    "stderr full": "2>/dev/full",
    "both full": ">/dev/full 2>/dev/full",
    "nobody reads": "2>&1 | true",
}


@pytest.mark.parametrize("redirection", STREAMS.values(), ids=STREAMS)
def test_streams_change_no_exit_code(redirection: str, tmp_path: Path) -> None:
    command = (
        f"set -o pipefail; {sys.executable} -m cronocast load --forecast {tmp_path}/missing.csv --sink-url"
        " http://127.0.0.1:1 --sink-database d --sink-measurement m"
    )
    ended = subprocess.run(
        ["bash", "-c", f"{command} {redirection}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 66, ended
    assert read_json(tmp_path / "load.result.json")["exit"] == 66


def test_reader_that_has_seen_enough() -> None:
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m cronocast schema | head -c 10"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_is_exit_130(capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        raise KeyboardInterrupt

    assert guarded(action, debug=False) == 130
    assert capsys.readouterr().err.startswith("error: E_INTERRUPTED keyboard: ")

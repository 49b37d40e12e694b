"""`cronocast run`: several series side by side, what it prints, how it ends when a step fails or somebody stops it."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cronocast.commands import run as chain_module
from cronocast.commands.run import Children, run_chain
from cronocast.durations import stamp
from cronocast.handoff.files import run_name, series_id
from cronocast.handoff.results import Outcome, write_result
from demo.influxd import Influxd
from tests.messages import numbers

COMMAND = [sys.executable, "-m", "cronocast", "run", "-f", "values.yaml", "--root", "data"]
HOUR_NS = 3600 * 10**9
NOW_NS = 1_750_000_000 * 10**9 // HOUR_NS * HOUR_NS


def write_values(folder: Path, series: dict[str, Any], **defaults: Any) -> None:
    (folder / "values.yaml").write_text(json.dumps({"defaults": defaults, "series": series}))  # JSON is YAML


def source(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "database": "metrics", "measurement": "cpu", "field": "v", "retry_for": "0s", **more}


@pytest.fixture
def black_hole() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@pytest.fixture
def two_series(influxd: Influxd, database: str, tmp_path: Path) -> Path:
    """Values of a good series of two members and, before it, one whose database does not exist."""
    lines = [
        f"cpu,host={host} v={i % 24 + k}.{i * 7919 % 97} {NOW_NS - i * HOUR_NS}"
        for k, host in enumerate("ab")
        for i in range(24 * 14)
    ]
    influxd.write(lines, database)
    for account in (influxd.reader, influxd.writer):
        path = tmp_path / account.name
        path.write_text(account.password)
        path.chmod(0o400)
    login = {"auth": "basic", "username": influxd.reader.name, "password_file": str(tmp_path / influxd.reader.name)}
    sink = {"username": influxd.writer.name, "password_file": str(tmp_path / influxd.writer.name)}
    good = {"source": source(influxd.url, **login, database=database, group_by=["host"]), "sink": sink}
    bad = {"source": source(influxd.url, **login, database="not_there")}
    write_values(tmp_path, {"broken": bad, "good": good}, lookback="2w", horizon="6h", model="seasonal_naive")
    return tmp_path


COLUMNS = {"series", "member", "status", "class", "model", "coverage", "points"}


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--run", str(NOW_NS // 10**9), *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_one_series_that_fails_leaves_the_others_alone(two_series: Path) -> None:
    ended = run(two_series)
    assert ended.returncode in (69, 77)  # the code of the first that failed
    table = ended.stdout.splitlines()
    assert set(table[0].split()) >= COLUMNS
    assert re.match(r"broken +failed", table[1])
    assert re.match(r"good +host=a +ok +seasonal +seasonal_naive +\d+% +[01]\.\d\d +\d+% +6\b", table[2])
    assert re.match(r" +host=b +ok ", table[3])
    [failure] = [line for line in (*table, *ended.stderr.splitlines()) if "E_" in line]  # each error once
    assert re.match(rf"failed broken: extract .*\b{ended.returncode}: E_", failure)
    assert f"broken extract: failed {ended.returncode}" in ended.stderr.splitlines()
    assert "\x1b" not in ended.stdout + ended.stderr  # nobody's terminal
    [folder] = (two_series / "data" / series_id("good") / "runs").iterdir()
    shown = str(folder.relative_to(two_series))
    assert f"files: {shown}" in table[5:]
    assert table[-2:] == [f"report: cronocast report {shown}", f"  writes {shown}/report.html"]
    assert "good load: ok" in ended.stderr
    assert {path.name for path in (two_series / "data" / series_id("good") / "runs").glob("*/*.json")} >= {
        f"{step}.result.json" for step in ("extract", "classify", "forecast", "load")
    }


def test_a_log_has_one_line_of_settings_for_each_series_of_what_differs_from_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = source("http://127.0.0.1:9", retry_for="0s")
    series = {"a": {"clip": {"min": 0}, "horizon": "6h"}, "b": {"source": {"tags": {"cpu": "all"}}, "horizon": "2h"}}
    write_values(tmp_path, series, source=nowhere, horizon="6h")
    monkeypatch.setenv("CRONOCAST_LEVEL", "0.9")
    said = [line for line in run(tmp_path).stderr.splitlines() if "settings" in line]
    assert said == [
        'a: settings: clip.min=0, level="0.9" (CRONOCAST_LEVEL)',
        'b: settings: source.tags.cpu="all", horizon="2h", level="0.9" (CRONOCAST_LEVEL)',
    ]


def test_json_and_choice_of_series_and_steps(two_series: Path) -> None:
    ended = run(two_series, "--series", "good", "--only", "extract,classify", "--json")
    [series] = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (series["series"], series["status"], series["exit"], list(series["steps"])) == (
        "good",
        "ok",
        0,
        ["extract", "classify"],
    )
    assert [member["tags"] for member in series["steps"]["classify"]["members"]] == ["host=a", "host=b"]
    [broken] = json.loads(run(two_series, "--series", "broken", "--json").stdout)
    assert (broken["status"], broken["failed_step"], list(broken["steps"])) == ("failed", "extract", ["extract"])
    assert broken["error"].startswith("E_")


def test_a_later_try_that_fails_is_not_hidden_by_an_earlier_one(
    two_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(two_series, "--series", "good").returncode == 0
    monkeypatch.setenv("CRONOCAST_MODEL", "no such")
    ended = run(two_series, "--series", "good")
    assert ended.returncode == 78
    assert re.match(r"good +failed$", ended.stdout.splitlines()[1].rstrip())
    assert re.search(r"^failed good: evaluate .*: E_MODEL CRONOCAST_MODEL: ", ended.stdout, re.MULTILINE)
    [series] = json.loads(run(two_series, "--series", "good", "--json").stdout)
    assert (series["failed_step"], {step: result["status"] for step, result in series["steps"].items()}) == (
        "evaluate",
        {"extract": "ok", "evaluate": "failed"},
    )
    [folder] = (two_series / "data" / series_id("good") / "runs").iterdir()
    assert json.loads((folder / "evaluate.result.json").read_text())["token"] == "E_MODEL"


def test_who_is_to_be_told_is_told_of_a_run_that_fails(two_series: Path) -> None:
    values = json.loads((two_series / "values.yaml").read_text())
    messages = two_series / "messages"
    values["series"]["broken"] |= {"notify": [{"kind": "file", "path": str(messages)}], "alerts": {"failed": 1}}
    (two_series / "values.yaml").write_text(json.dumps(values))
    assert run(two_series, "--series", "broken").returncode in (69, 77)
    [message] = map(json.loads, messages.read_text().splitlines())
    assert (message["rule"], message["status"], message["fields"]["Step"]) == ("failed", "firing", "extract")
    assert "E_" in message["text"]


def test_a_step_that_was_killed_does_not_answer_with_an_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_values(tmp_path, {"a": {"title": "A"}}, source=source("http://127.0.0.1:9"))
    write_result(
        tmp_path / "data" / series_id("a") / "runs" / run_name(NOW_NS) / "extract.result.json",
        "extract",
        "a",
        stamp(NOW_NS),
        Outcome(),
        1.0,
        None,
        {},
    )
    real = chain_module._follow

    def killed(child: "subprocess.Popen[str]", *rest: Any) -> int:
        child.kill()
        return real(child, *rest)

    monkeypatch.setattr(chain_module, "_follow", killed)
    assert (
        run_chain(tmp_path / "values.yaml", [], "extract", tmp_path / "data", str(NOW_NS // 10**9), as_json=True) == 137
    )
    [series] = json.loads(capsys.readouterr().out)
    assert (series["status"], numbers(series["error"]), series["steps"]) == ("failed", ["9"], {})


def test_variables_that_hold_for_one_step_do_not_lead_a_chain_astray(
    two_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"NAME": "other", "FORECAST": "f.csv", "HISTORY": "h.csv", "PART": "light-0/1"}.items():
        monkeypatch.setenv(f"CRONOCAST_{name}", value)
    ended = run(two_series, "--series", "good")
    assert ended.returncode == 0, ended.stderr
    assert "CRONOCAST_NAME, CRONOCAST_HISTORY, CRONOCAST_FORECAST, CRONOCAST_PART: " in ended.stderr.splitlines()[0]
    assert [path.name for path in (two_series / "data").iterdir()] == [series_id("good")]


def test_what_a_newer_run_has_replaced_is_not_called_ok(two_series: Path) -> None:
    assert run(two_series, "--series", "good").returncode == 0
    ended = subprocess.run(
        [*COMMAND, "--run", str(NOW_NS // 10**9 - 3600), "--series", "good"],
        cwd=two_series,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = ended.stdout.splitlines()[1:3]
    assert [row.split()[row.split().index("seasonal") - 1] for row in rows] == ["superseded"] * 2
    reasons = [line for line in ended.stdout.splitlines()[3:] if "newer_run: " in line]
    assert [line.split(":")[0] for line in reasons] == ["host=a", "host=b"]


def test_wrong_names_start_nothing(two_series: Path) -> None:
    ended = run(two_series, "--series", "goood", "--only", "extract,lode", "--run", "soon")
    assert ended.returncode == 78
    assert all(f" {flag}: " in ended.stderr for flag in ("--series", "--only", "--run"))
    assert not (two_series / "data").exists()


def test_every_series_that_fails_is_listed(tmp_path: Path) -> None:
    nowhere = source("http://127.0.0.1:9")  # nothing listens there
    write_values(tmp_path, {"a": {"title": "A"}, "b": {"title": "B"}}, source=nowhere)
    ended = run(tmp_path)
    assert ended.returncode == 75
    assert [line.split(":")[0] for line in ended.stdout.splitlines()[3:]] == ["failed a", "failed b", "files", "files"]


def children(pid: int) -> list[int]:
    found = [
        int(text) for task in Path(f"/proc/{pid}/task").iterdir() for text in (task / "children").read_text().split()
    ]
    return found + [below for child in found for below in children(child)]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)],
    ids=["Ctrl-C", "SIGTERM", "terminal closed"],
)
def test_stopped_with_every_step(number: signal.Signals, code: int, black_hole: socket.socket, tmp_path: Path) -> None:
    write_values(
        tmp_path,
        {"a": {"title": "A"}, "b": {"title": "B"}},
        source=source(f"http://127.0.0.1:{black_hole.getsockname()[1]}"),
    )
    with subprocess.Popen(
        [*COMMAND, "--run", "1750000000"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as chain:
        connection, _ = black_hole.accept()  # a step is at work
        steps = children(chain.pid)
        begin = time.monotonic()
        chain.send_signal(number)
        _, err = chain.communicate(timeout=20)
        connection.close()
    assert steps
    assert chain.returncode == code
    assert time.monotonic() - begin < 10
    assert not [step for step in steps if Path(f"/proc/{step}").exists()]
    assert [line for line in err.splitlines() if line.startswith("error:")] == err.splitlines()[-1:]
    results = list((tmp_path / "data").glob("*/runs/*/extract.result.json"))
    assert results
    assert all(json.loads(path.read_text())["exit"] == 143 for path in results)
    assert not list((tmp_path / "data").rglob(".tmp.*"))


def test_deaf_steps_are_killed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time to obey is one for all steps: ten that don't listen take no longer than one."""
    monkeypatch.setattr(chain_module, "STOP_S", 0.5)
    running = Children()
    deaf = [running.start(["sh", "-c", "trap '' TERM; echo >&2; exec sleep 60"], os.environ) for _ in range(10)]
    for child in deaf:
        assert child is not None
        assert child.stderr is not None
        assert child.stderr.readline() == "\n"  # deaf from here on
    begin = time.monotonic()
    running.stop()
    assert [child.wait(timeout=10) for child in deaf if child] == [-signal.SIGKILL] * 10
    assert time.monotonic() - begin < 4
    assert running.start(["true"], os.environ) is None


def test_progress_on_a_terminal(two_series: Path) -> None:
    """On a terminal of 120 columns no line is broken, and the table stays when progress is gone."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    command = [*COMMAND, "--run", str(NOW_NS // 10**9), "--series", "good"]
    with subprocess.Popen(
        command, cwd=two_series, env=environment, stdin=follower, stdout=follower, stderr=follower
    ) as chain:
        os.close(follower)
        shown = bytearray()
        while True:
            try:
                block = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not block:
                break
            shown += block
    os.close(leader)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert chain.returncode == 0, text
    assert re.search(r"series +extract +evaluate +classify +forecast +load", text)
    last = text[text.rindex("series  ") :].splitlines()
    assert set(last[0].split()) >= COLUMNS
    assert [line.split()[:2] for line in last[1:3]] == [["good", "host=a"], ["host=b", "ok"]]
    assert all(len(line.rstrip()) <= 120 for line in last)

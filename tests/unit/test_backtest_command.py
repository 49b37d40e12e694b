"""`cronocast backtest` as people meet it: JSON, tables and page, one error line, what fails told, ended tidily."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backtest_sample import HOUR, member, wave, write
from tests.messages import numbers
from tests.waiting import wait_until


@pytest.fixture
def command(command: Any) -> Any:
    """Run `backtest` in this process: exit code, stdout, stderr."""
    return lambda *words: command("backtest", *words)


@pytest.fixture
def history(tmp_path: Path) -> str:
    return str(
        write(
            tmp_path / "h.csv",
            [member(wave, 240, "host=a", noise=2), member(lambda i: 0.2 * i, 240, "host=bb", noise=1)],
        )
    )


def test_json_goes_to_stdout_and_progress_to_stderr(history: str, command: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = command(
        history,
        "--horizon",
        "12h",
        "--models",
        "theta,linear",
        "--origins",
        "3",
        "--jobs",
        "1",
        "--out",
        str(page),
        "--json",
    )
    assert code == 0, err
    found = json.loads(out)
    assert (list(found["models"]), len(found["origins"]), found["horizon"]) == (
        ["theta", "linear", "seasonal_naive", "naive"],
        3,
        "12h",
    )
    assert err.splitlines()[-1].startswith("backtest: ")
    assert numbers(err.splitlines()[-1]) == ["24", "24"]  # forecasts done, of how many
    assert page.read_text().startswith("<!doctype html>")


def test_tables_are_the_default(history: str, command: Any) -> None:
    code, out, _ = command(history, "--horizon", "12h", "--models", "naive", "--jobs", "1")
    assert code == 0
    assert all(word in out for word in ("model", "step", "member", "seasonal_naive", "host=bb"))
    assert numbers(out)[1] == "6"  # members, then how many forecasts were made of each


def test_titles_stand_on_one_line_also_above_a_narrow_table(command: Any, tmp_path: Path) -> None:
    many = write(tmp_path / "h.csv", [member(wave, 240, f"m={i}", noise=2) for i in range(2)])
    _, out, _ = command(str(many), "--horizon", "80h", "--models", "naive", "--jobs", "1")
    assert numbers(out)[:2] == ["2", "1"]
    assert any("step" in line and "MASE" in line and "coverage" in line for line in out.splitlines())
    assert any("member" in line and "naive" in line and "coverage" in line for line in out.splitlines())


def test_an_entry_without_a_source_takes_what_is_left_open_from_the_file(command: Any, tmp_path: Path) -> None:
    days = write(tmp_path / "h.csv", [member(lambda i: 0.2 * i, 90, noise=1, step=24 * HOUR)])
    order = [str(days), "--horizon", "3d", "--models", "naive", "--origins", "2", "--jobs", "1", "--json"]
    code, out, err = command(*order, "--entry", '{"levels": [0.5]}')
    assert code == 0, err
    found = json.loads(out)
    assert (found["every"], found["levels"], "coverage_50" in found["models"]["naive"]) == ("1d", [0.5], True)
    code, _, err = command(*order, "--entry", '{"calendr": {}, "levels": [80]}')
    assert code == 78
    assert all(f" {place}: " in err for place in ("calendr", "levels[0]"))
    assert "E_CONFIG_MISSING" not in err


class Broken:
    """A model that always fails."""

    def fit(self, y: object, context: object) -> "Broken":
        raise ValueError("no idea")

    def predict(self, h: int) -> object:
        raise NotImplementedError


def test_a_model_that_fails_is_told_and_not_flattered(history: str, command: Any) -> None:
    code, out, _ = command(
        history,
        "--horizon",
        "12h",
        "--models",
        "tests.unit.test_backtest_command:Broken",
        "--origins",
        "2",
        "--jobs",
        "1",
        "--json",
    )
    found = json.loads(out)["models"]["tests.unit.test_backtest_command:Broken"]
    assert code == 0
    assert found["statuses"] == {"fallback": 4}
    assert "no idea" in found["reasons"][0]
    assert found["ratio"]["value"] >= 1  # the naive forecasts stood in


ERRORS = {
    "no file": (["absent.csv"], 66, "E_INPUT_MISSING absent.csv: "),
    "unknown model": (["--models", "thetta"], 78, "E_MODEL --models: 'thetta' .*'theta'"),
    "too long a horizon": (["--horizon", "7d"], 66, r"E_TOO_SHORT DATA: .*240 steps \(10d\).* 7d .*3w"),
    "the page over the history": (["--out", "h.csv"], 78, "E_PATH --out: "),
    "no origins": (["--origins", "0"], 78, "E_CONFIG_RANGE --origins: 0 "),
    "not a number": (["--origins", "ten"], 2, "E_USAGE .*--origins.*'ten'"),
}


@pytest.mark.parametrize(("words", "code", "line"), ERRORS.values(), ids=ERRORS)
def test_errors_are_one_line(
    words: list[str], code: int, line: str, history: str, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(history).parent)
    ended, out, err = command(
        *(["h.csv"] if "absent.csv" not in words else []), "--horizon", "12h", "--jobs", "1", *words
    )
    assert (ended, out) == (code, "")
    assert re.match(f"error: {line}", err.splitlines()[-1]), err


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks through /proc")
def test_sigterm_ends_it_with_all_its_processes(tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", [member(wave, 400, f"host={i}", noise=2) for i in range(6)])
    words = [
        sys.executable,
        "-m",
        "cronocast",
        "backtest",
        str(path),
        "--horizon",
        "12h",
        "--models",
        "theta",
        "--jobs",
        "2",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("backtest: ") for line in process.stderr)
        workers = children(process.pid)
        process.send_signal(signal.SIGTERM)
        err = process.stderr.read()
        assert process.wait(20) == 143, err
    assert err.splitlines()[-1].startswith("error: E_TERMINATED SIGTERM")
    assert len(workers) >= 2
    wait_until(lambda: not any(map(alive, workers)), "the end of its processes")


def alive(pid: int) -> bool:
    """Whether a process still runs; one that ended may wait for its new parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

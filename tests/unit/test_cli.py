"""Commands as people meet them: help that fits the screen, and bad files (S rows) through the whole command."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cronocast import __version__
from cronocast.commands.reference import COMMANDS
from cronocast.handoff.files import read_json
from tests.messages import numbers

HEAD = "name,tags,time,value\n"
HOUR_NS = 3600 * 10**9
GOOD = HEAD + "".join(f"cpu,host=a,{1_700_000_000 * 10**9 + i * HOUR_NS},{i % 24}.5\n" for i in range(72))


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_eighty_columns(name: str, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = command(*name.split(), "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(
        r"^ +-.*<(str|path|int|float|bool|list)", out, re.MULTILINE | re.IGNORECASE
    )  # no names of types
    assert "Usage: cronocast" in out


def test_version_and_no_words(command: Any) -> None:
    assert command("--version") == (0, f"{__version__}\n", "")
    code, _, err = command()
    assert (code, err.startswith("Usage: cronocast"), "error:" in err) == (2, True, False)


BAD = {
    "header only": (HEAD, 0, "skipped"),
    "the text of an error": ('error\n"database not found"\n', 76, "E_CSV_HEADER"),
    "header again": (GOOD + HEAD, 76, "E_CSV_ROW"),
    "thousands": (GOOD.replace(",7.5\n", ",1,000\n", 1), 76, "E_CSV_VALUE"),
    "infinity": (GOOD.replace(",7.5\n", ",inf\n", 1), 76, "E_CSV_VALUE"),
    "NUL": (GOOD.replace(",7.5\n", ",\x00\n", 1), 76, "E_CSV_ENCODING"),
    "unsorted": (HEAD + GOOD.splitlines(keepends=True)[2] + GOOD.splitlines(keepends=True)[1], 76, "E_CSV_TIME"),
    "cut": (GOOD[:-3], 76, "E_CSV_ROW"),
    "empty": ("", 66, "E_INPUT_MISSING"),
}


@pytest.mark.parametrize(("content", "code", "token"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("step", ["classify", "forecast"])
def test_rows_through_the_command(step: str, content: str, code: int, token: str, command: Any, tmp_path: Path) -> None:
    history, output = tmp_path / "h.csv", tmp_path / ("p.json" if step == "classify" else "f.csv")
    history.write_text(content)
    output.write_text("the last good one")
    ended, _, err = command(
        step, "--history", str(history), "--profile" if step == "classify" else "--forecast", str(output)
    )
    assert (ended, "Traceback" in err) == (code, False), err
    assert token in err.splitlines()[-1]
    assert code == 0 or output.read_text() == "the last good one"


def history_of(path: Path, step_s: int, count: int = 400) -> str:
    path.write_text(
        HEAD + "".join(f"cpu,,{(1_790_000_000 // step_s + i) * step_s * 10**9},{i % 24}.5\n" for i in range(count))
    )
    return str(path)


@pytest.mark.parametrize("step_s", [3599, 7 * 60, 5 * 3600, 7 * 86400])
def test_a_step_asks_for_nothing_that_it_does_not_read(step_s: int, command: Any, tmp_path: Path) -> None:
    """A horizon of 24 h is no multiple of these steps; classify has none."""
    code, _, err = command(
        "classify", "--history", history_of(tmp_path / "h.csv", step_s), "--profile", str(tmp_path / "p.json")
    )
    assert code == 0, err


def test_a_step_found_in_the_file_that_does_not_fit_says_whence_it_is(command: Any, tmp_path: Path) -> None:
    words = ["forecast", "--history", history_of(tmp_path / "h.csv", 3599), "--forecast", str(tmp_path / "f.csv")]
    code, _, err = command(*words)
    assert code == 78
    assert re.search("--horizon: 24h .*3599s.*--every", err)
    assert command(*words, "--every", "1h")[0] == 0


def test_what_a_step_left_before_does_not_stand_for_a_try_that_failed(command: Any, tmp_path: Path) -> None:
    words = ["forecast", "--history", history_of(tmp_path / "h.csv", 3600), "--forecast", str(tmp_path / "f.csv")]
    assert command(*words)[0] == 0
    (tmp_path / "h.csv").write_text((tmp_path / "h.csv").read_text().replace(",5.5", ",abc", 1))
    assert command(*words)[0] == 76
    assert read_json(tmp_path / "forecast.result.json")["exit"] == 76
    code, _, err = command(
        "load",
        "--forecast",
        str(tmp_path / "f.csv"),
        "--sink-url",
        "http://localhost:1",
        "--sink-database",
        "d",
        "--sink-measurement",
        "m",
    )
    assert code == 76
    assert "forecast failed" in err


def test_mutated_files_through_the_command(command: Any, tmp_path: Path) -> None:
    """Whatever happens to a file: an exit code of the table and one error line."""
    rng = random.Random(20260131)
    codes = set()
    for _ in range(int(os.environ.get("MUTATIONS", "60"))):
        changed = bytearray(GOOD.encode())
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(len(changed))
            changed[at : at + rng.choice([0, 1, 30])] = rng.choice(
                [b"", b"\n", b",", b'"', b"nan", b"9", b"\xff", bytes([rng.randrange(256)])]
            )
        (tmp_path / "h.csv").write_bytes(bytes(changed))
        code, _, err = command("classify", "--history", str(tmp_path / "h.csv"), "--profile", str(tmp_path / "p.json"))
        codes.add(code)
        assert "Traceback" not in err
        assert code == 0 or err.splitlines()[-1].startswith("error: E_")
    assert codes <= {0, 66, 76, 78}
    assert {0, 76} <= codes


def test_validate_says_what_it_found(command: Any, tmp_path: Path) -> None:
    source = {"url": "http://h:8086", "database": "d", "measurement": "cpu", "field": "v"}
    (tmp_path / "v.yaml").write_text(
        json.dumps(
            {"defaults": {"source": source}, "series": {"a": {"title": "A"}, "b": {"every": "5m", "model": "linear"}}}
        )
    )
    code, out, err = command("validate", "-f", str(tmp_path / "v.yaml"))
    assert (code, err) == (0, "")
    assert re.match(r"b: .*\b5m\b.*\b4w\b.*\b24h\b.*\blinear\b.*\bcpu_forecast\b", out.splitlines()[1])
    assert list(json.loads(command("validate", "-f", str(tmp_path / "v.yaml"), "--json")[1])) == ["a", "b"]


def test_validate_says_twenty_problems_and_all_as_data(command: Any, tmp_path: Path) -> None:
    entry = {
        "every": "1h",
        "lookback": "4w",
        "horizon": "1d",
        "source": {"url": "http://h:8086", "database": "d", "measurement": "cpu", "field": "v"},
        "model": "lstm",
        "options": {"epochs": 0, "horizon": 5},
    }
    (tmp_path / "v.yaml").write_text(json.dumps({"series": {f"s{i}": entry for i in range(15)}}))
    code, out, err = command("validate", "-f", str(tmp_path / "v.yaml"))
    assert (code, out, err.count("problem: E_")) == (78, "", 20)
    more = [line for line in err.splitlines() if line.startswith("problem: ") and not line.startswith("problem: E_")]
    assert [numbers(line) for line in more] == [["10"]]
    assert re.search(r"options\.epochs: 0 .*\b1 .*\b1000\b", err)
    code, out, _ = command("validate", "-f", str(tmp_path / "v.yaml"), "--json")
    problems = json.loads(out)["problems"]
    assert (code, len(problems)) == (78, 30)
    [first] = [problem for problem in problems if problem["where"] == "series.s0.options.epochs"]
    assert first["token"] == "E_CONFIG_RANGE"
    assert numbers(first["sentence"]) == ["0", "1", "1000"]


def test_schema_is_json(command: Any) -> None:
    assert json.loads(command("schema")[1])["required"] == ["series"]


@pytest.mark.parametrize(
    "how", [["-m", "cronocast"], ["-c", "from cronocast.__main__ import start; start()"]], ids=["module", "script"]
)
@pytest.mark.parametrize("library", ["typer", "yaml"])
def test_ctrl_c_while_libraries_are_loaded_is_one_line(library: str, how: list[str], tmp_path: Path) -> None:
    (tmp_path / f"{library}.py").write_text("raise KeyboardInterrupt")
    (tmp_path / "v.yaml").write_text("series: {}")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    words = [sys.executable, *how, "validate", "-f", "v.yaml"]
    ended = subprocess.run(
        words,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 130
    [line] = ended.stderr.splitlines()
    assert line.startswith("error: E_INTERRUPTED keyboard: ")
    assert "Ctrl-C" in line


def test_as_a_process_a_step_writes_its_result(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(GOOD)
    words = [
        sys.executable,
        "-m",
        "cronocast",
        "forecast",
        "--history",
        "h.csv",
        "--forecast",
        "f.csv",
        "--model",
        "seasonal_naive",
        "--horizon",
        "12h",
    ]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 13
    assert read_json(tmp_path / "forecast.result.json")["status"] == "ok"

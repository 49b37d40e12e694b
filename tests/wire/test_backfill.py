"""`cronocast backfill` against a real server: past runs see only their past, and only what is missing is run."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.handoff.files import run_name, series_id
from demo.influxd import Influxd

HOUR = 3600
NOW = int(time.time()) // HOUR * HOUR
FIRST, LAST, EVERY = NOW - 48 * HOUR, NOW - 24 * HOUR, 12 * HOUR  # three runs
RUNS = [FIRST, FIRST + EVERY, LAST]


def points(end: int) -> list[str]:
    """Ten days of a daily saw tooth up to a time; afterwards all is otherwise."""
    return [
        f"cpu usage={t // HOUR % 24 if t < end else 1000.0} {t}000000000" for t in range(NOW - 240 * HOUR, NOW, HOUR)
    ]


def at(seconds: int) -> str:
    """A time as options take it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@pytest.fixture
def values(influxd: Influxd, database: str, tmp_path: Path) -> Path:
    """A values file of one series, whose user may read and write."""
    password = tmp_path / "password"
    password.write_text(influxd.admin.password)
    password.chmod(0o400)
    user = {"auth": "basic", "username": influxd.admin.name, "password_file": str(password), "database": database}
    entry = {"source": {"url": influxd.url, "measurement": "cpu", "field": "usage", **user}, "lookback": "7d"}
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"series": {"cpu": {**entry, "schedules": ["0 0,12 * * *"]}}}))
    return path


@pytest.fixture
def backfill(command: Callable[..., tuple[int, str, str]], values: Path) -> Callable[..., Any]:
    """Run the command in a root; what it prints as data."""

    def run(root: Path, *more: str) -> Any:
        code, out, err = command(
            "backfill", "-f", str(values), "--from", at(FIRST), "--to", at(LAST), "--root", str(root), "--json", *more
        )
        assert code == 0, err
        return json.loads(out)[0]

    return run


def test_past_runs_see_nothing_later_and_are_done_once(
    influxd: Influxd, database: str, backfill: Callable[..., Any], tmp_path: Path
) -> None:
    influxd.write(points(NOW), database)
    done = backfill(tmp_path / "a", "--every", "12h")
    assert [run["status"] for run in done["runs"]] == ["ok"] * 3
    assert done["missing"] == [at(run) for run in RUNS]

    def forecast(root: str, run: int) -> bytes:
        return (tmp_path / root / series_id("cpu") / "runs" / run_name(run * 10**9) / "forecast.csv").read_bytes()

    # by its own folders
    assert backfill(tmp_path / "a", "--every", "12h")["missing"] == []
    # elsewhere by the records in the database
    assert backfill(tmp_path / "b", "--every", "12h")["missing"] == []
    # what happened after a run changes nothing of it
    for i, run in enumerate(RUNS):
        influxd.write(points(run), database)
        backfill(tmp_path / "c", "--every", "12h", "--again")
        assert forecast("c", run) == forecast("a", run), i
        influxd.write(points(NOW), database)
    # the newest run has the last word where several forecast the same time
    rows = influxd.query(f"SELECT run FROM cpu_forecast WHERE time = {LAST + 6 * HOUR}s", database)
    assert rows[0]["run"] == LAST


def test_what_the_schedules_missed_is_named(
    influxd: Influxd, database: str, backfill: Callable[..., Any], tmp_path: Path
) -> None:
    influxd.write(points(NOW), database)
    named = backfill(tmp_path, "--list")
    assert 2 <= named["due"] == len(named["missing"]) <= 3
    assert {text[11:] for text in named["missing"]} <= {"00:00:00Z", "12:00:00Z"}
    assert named["runs"] == []
    again = backfill(tmp_path)
    assert again["missing"] == named["missing"]
    assert [run["status"] for run in again["runs"]] == ["ok"] * len(named["missing"])
    assert backfill(tmp_path, "--list")["missing"] == []


@pytest.mark.parametrize(
    ("options", "where", "token"),
    [
        (["--from", "yesterday"], "--from", "E_CONFIG_TIME"),
        (["--from", "60d", "--to", "90d"], "--from", "E_CONFIG_CROSS"),
        (["--from", "60d", "--every", "often"], "--every", "E_CONFIG_TIME"),
        (["--from", "60d", "--every", "1s"], "--every", "E_CONFIG_SIZE"),
        (["--from", "60d", "--series", "gpu"], "--series", "E_CONFIG_CHOICE"),
    ],
)
def test_times_that_make_no_sense_are_refused(
    command: Callable[..., tuple[int, str, str]], values: Path, options: list[str], where: str, token: str
) -> None:
    code, _, err = command("backfill", "-f", str(values), *options)
    assert code == 78
    assert f"{token} {where}" in err

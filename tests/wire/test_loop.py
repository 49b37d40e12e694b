"""The loop against a real server: several runs, and what stands beside their forecasts in the database."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.influxd import Influxd

HOUR = 3600
NOW = int(time.time()) // HOUR * HOUR
LIMIT = 100.0
RISE = 1.2  # a day, of host a, which reaches the limit in five days
DAYS = 35


def points() -> list[str]:
    """Host a rises to a limit, host b is flat and jumps five hours ago, host kind has a tag that a measurement has."""
    dice = random.Random(5)
    lines = []
    for i in range(DAYS * 24):
        at = NOW - (DAYS * 24 - i) * HOUR
        rising = LIMIT - 5 * RISE - (NOW - at) / HOUR / 24 * RISE + dice.gauss(0, 0.3)
        flat = 40 + dice.gauss(0, 0.5) + (25 if at >= NOW - 5 * HOUR else 0)
        lines.append(f"disk,host=a,kind=ssd used={rising} {at}000000000")
        lines.append(f"disk,host=b,kind=ssd used={flat} {at}000000000")
    return lines


@pytest.fixture
def loop(
    influxd: Influxd, database: str, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> Callable[[str], list[dict[str, Any]]]:
    """Four runs, each half a day after the one before, the last one now; reads what they left in a measurement."""
    influxd.write(points(), database)
    password = tmp_path / "password"
    password.write_text(influxd.admin.password)
    password.chmod(0o400)
    user = {"auth": "basic", "username": influxd.admin.name, "password_file": str(password), "database": database}
    source = {"url": influxd.url, "measurement": "disk", "field": "used", "group_by": ["host", "kind"], **user}
    values = tmp_path / "values.yaml"
    entry = {
        "source": source,
        "levels": [0.5],
        "vintages": {"write": True},
        "thresholds": [{"above": LIMIT, "name": "full", "lead": "7d"}],
        "alerts": {"anomaly": "2h"},
        "notify": [{"kind": "file", "path": str(tmp_path / "messages")}],
    }
    values.write_text(yaml.safe_dump({"series": {"disk": entry}}))
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 36 * HOUR))
    code, _, err = command(
        "backfill", "-f", str(values), "--from", start, "--every", "12h", "--root", str(tmp_path / "root")
    )
    assert code == 0, err
    return lambda name: influxd.query(f'SELECT * FROM "disk_forecast_{name}"', database)


def test_what_stands_beside_a_forecast_is_right(
    loop: Callable[[str], list[dict[str, Any]]], tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    newest = NOW * 10**9
    crossing = {row["host"]: row for row in loop("crossing") if row["time"] == newest}
    assert crossing["a"]["state"] == "date"
    assert crossing["a"]["threshold"] == "full"
    assert crossing["a"]["tag_kind"] == "ssd"  # `kind` is a tag of this family of measurements itself
    truth = NOW + 5 * 24 * HOUR
    assert abs(crossing["a"]["crosses_at"] - truth) < 24 * HOUR
    assert crossing["a"]["earliest"] <= crossing["a"]["crosses_at"] <= crossing["a"]["latest"]
    assert crossing["a"]["act_by"] == crossing["a"]["earliest"] - 7 * 24 * HOUR
    assert crossing["a"]["settled"] == 1

    accuracy = [row for row in loop("accuracy") if row["time"] == newest and row["host"] == "a"]
    assert {row["lead"] for row in accuracy} == {"1h", "4h", "8h", "1d"}
    assert sum(row["n"] for row in accuracy) == 24 + 24 + 12  # of three runs, each twelve hours after the one before
    assert all(row["coverage_low"] <= row["coverage"] <= row["coverage_high"] for row in accuracy)
    assert all(0 < row["mae"] < 1.5 for row in accuracy)

    [jump] = [row for row in loop("anomaly") if row["host"] == "b" and row["steps"] >= 4]
    assert jump["until"] >= NOW - HOUR  # data may come late, so that the newest step may not be looked at yet
    assert 0 <= NOW - 5 * HOUR - jump["time"] // 10**9 <= 3 * HOUR  # the steps before may have been out by chance

    past = [row for row in loop("vintage") if row["host"] == "a"]
    assert {row["lead"] for row in past} == {"1h", "4h", "8h", "1d"}
    # nobody forecasts the past, but for the step under way, which a run does not read
    assert all(row["run"] <= row["time"] // 10**9 + HOUR for row in past)

    runs = [row for row in loop("runs") if row["host"] == "a"]
    assert min(runs, key=lambda row: int(row["time"]))["verdict"] == "full"
    assert {"warm", "predict"} & {row["verdict"] for row in runs}

    told = [json.loads(line) for line in (tmp_path / "messages").read_text().splitlines()]
    assert [(one["rule"], one["member"]) for one in told if one["rule"] == "crossing"] == [
        ("crossing", "host=a, kind=ssd")
    ]

    where = ("-f", str(tmp_path / "values.yaml"), "--root", str(tmp_path / "root"))
    _, out, _ = command("alerts", *where, "--json")
    assert {one["key"] for one in json.loads(out) if one["stage"] == "firing"} == {one["key"] for one in told}
    # by the forecasts that were kept, the rules would have sent what they sent
    _, out, _ = command("alerts", *where, "--replay", "10d", "--json")
    [again] = json.loads(out)
    assert again["runs"] == 4
    assert {(one["key"], one["at"]) for one in again["messages"]} == {(one["key"], one["starts_at"]) for one in told}
    _, out, _ = command("alerts", *where, "--dry-run")
    assert "disk: file" in out

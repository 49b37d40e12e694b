"""`cronocast init` against a real server: the file that it prints passes `check` and runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.check.entry import check_entry
from cronocast.commands.run import run_chain
from cronocast.document.values import load_values
from cronocast.errors import ConfigError, DataError
from cronocast.propose.command import run_init
from demo.influxd import Influxd
from tests import servers

DATABASE = "init_metrics"
STEP, DAYS = 600, 5
AT = int(time.time()) // 60 * 60


def points(key: str, field: str, first: float = 0.0, rise: float = 1.0, kind: str = "", end: int = 0) -> Iterator[str]:
    """Five days of points, each larger than the one before, up to `end` seconds ago."""
    count = DAYS * 86400 // STEP
    for i in range(count):
        value = f"{int(first + rise * i)}i" if kind == "i" else repr(first + rise * i + i % 3)
        yield f"{key} {field}={value} {AT - end - STEP * (count - 1 - i)}000000000"


def lines() -> Iterator[str]:
    for host, path, device in (("a", "/", "s1"), ("a", "/data", "s2"), ("b", "/", "s1")):
        yield from points(f"disk,host={host},path={path},device={device}", "used_percent", 10, 0.01)
    for cpu in ("cpu-total", "cpu0", "cpu1"):
        yield from points(f"cpu,host=a,cpu={cpu}", "usage_idle", 50, 0.0)
    yield from points("net,host=a,interface=eth0", "bytes_recv", 0, 1000, "i")
    yield from points("rabbitmq_queue,node=n,queue=orders,vhost=/", "messages", 3, 0, "i")
    yield from points("rabbitmq_queue,node=n,queue=mails,vhost=/", "messages", 3, 0, "i")
    for room in ("08", "y"):
        yield from points(f"rooms,floor=1,room={room}", "celsius", 20, 0.0)
    yield from points("08", "1e3", 20, 0.0)
    yield from points("jobs", "done", 5, 3, "i")
    yield from points("old,host=a", "value", end=3 * 86400)
    yield from points("disk_forecast,host=a,series=disk", "yhat")
    yield from points("clash,series=a", "value")
    yield from points("clash,series=b", "value")
    yield f'events,host=a text="x" {AT}000000000'


@pytest.fixture(scope="module")
def server(influxd: Influxd) -> Iterator[Influxd]:
    influxd.create_database(DATABASE)
    influxd.write(lines(), DATABASE)
    yield influxd
    influxd.drop_database(DATABASE)


@pytest.fixture
def sign_in(server: Influxd, tmp_path: Path) -> dict[str, str | None]:
    password = tmp_path / "password"
    password.write_text(server.admin.password)
    password.chmod(0o400)
    given = {"auth": None, "username": server.admin.name, "password_file": str(password), "token_file": None}
    return dict(given)


ENTRIES: dict[str, dict[str, Any]] = {
    "disk": {"field": "used_percent", "group_by": ["host", "path"]},
    "cpu": {"field": "usage_idle", "group_by": ["host"], "tags": {"cpu": "cpu-total"}},
    "net": {"field": "bytes_recv", "group_by": ["host", "interface"], "aggregate": "last"},
    "rabbitmq_queue": {"field": "messages", "group_by": ["vhost", "queue"]},
    "rooms": {"field": "celsius", "group_by": ["room"]},
    "jobs": {"field": "done", "aggregate": "last"},
    "08": {"field": "1e3"},
}
LEFT_OUT = {"old": "3 days", "clash": "series"}


def test_the_proposed_file_is_right_and_runs(
    server: Influxd, sign_in: dict[str, str | None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = tmp_path / "values.yaml"
    assert run_init(server.url, DATABASE, sign_in, values) == 0
    read = yaml.safe_load(values.read_text())
    assert {name: entry["source"] for name, entry in read["series"].items()} == {
        name: {"measurement": name, **source} for name, source in ENTRIES.items()
    }
    comments = [line for line in values.read_text().splitlines() if line.startswith("#   ")]
    for name, why in LEFT_OUT.items():
        assert any(line.startswith(f"#   {name}") and why in line for line in comments), comments
    entries = load_values(values)
    found = [one for entry in entries.values() for one in check_entry(entry, time.time_ns(), write=True, env={})]
    assert [finding for finding in found if finding.level in ("warning", "error")] == []
    capsys.readouterr()
    some = ["net", "rooms", "08"]
    assert run_chain(values, some, None, tmp_path / "root", None, as_json=True) == 0
    for name in some:
        assert server.query(f'SELECT count(yhat) FROM "{name}_forecast" WHERE "run" > 0', DATABASE)


def test_without_a_file_it_is_printed(
    server: Influxd, sign_in: dict[str, str | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(server.url, DATABASE, sign_in, None) == 0
    out = capsys.readouterr().out
    assert {*yaml.safe_load(out)["series"]} == {*ENTRIES}
    assert server.admin.password not in out


def test_a_secret_may_come_by_variable(server: Influxd, tmp_path: Path) -> None:
    """Both commands as they are typed."""
    env = {**os.environ, "CRONOCAST_SOURCE_PASSWORD": server.reader.password, "CRONOCAST_SOURCE_URL": server.url}
    init = ["init", "--database", DATABASE, "--username", server.reader.name, "-o", "values.yaml"]
    for command, code in ((init, 0), (["check", "-f", "values.yaml", "--json"], 0), (init, 78)):
        line = [sys.executable, "-m", "cronocast", *command]
        done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert server.reader.password not in done.stdout + done.stderr
    text = (tmp_path / "values.yaml").read_text()
    assert yaml.safe_load(text)["defaults"]["source"]["username"] == server.reader.name
    assert server.reader.password not in text


@pytest.mark.skipif(not servers.IS_2, reason="buckets came with 2.x")
def test_a_bucket_without_a_default_policy(
    server: Any, sign_in: dict[str, str | None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.create_bucket("init_bucket/p")
    server.post("/write?db=init_bucket&rp=p", "\n".join(points("m,host=a", "v")).encode())
    values = tmp_path / "values.yaml"
    assert run_init(server.url, "init_bucket", sign_in, values) == 0
    assert {*load_values(values)} == {"m"}
    assert run_chain(values, [], None, tmp_path / "root", None, as_json=True) == 0
    server.create_bucket("init_bucket/q")
    with pytest.raises(ConfigError, match=r"--retention-policy.* p, q"):
        run_init(server.url, "init_bucket", sign_in, None)
    assert run_init(server.url, "init_bucket", {**sign_in, "retention_policy": "p"}, None) == 0


def test_a_file_that_is_there_is_kept(server: Influxd, sign_in: dict[str, str | None], tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("mine")
    with pytest.raises(ConfigError, match="E_PATH"):
        run_init(server.url, DATABASE, sign_in, values)
    assert values.read_text() == "mine"


def test_an_empty_database_says_so(server: Influxd, sign_in: dict[str, str | None], database: str) -> None:
    with pytest.raises(DataError, match="E_NO_DATA"):
        run_init(server.url, database, sign_in, None)

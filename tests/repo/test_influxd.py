"""The real server that tests, benchmark and demo run on.

Rights, crash and restart, and that it never outlives its owner.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import influxd_find
from demo.influxd import Influxd, InfluxdError
from tests import servers
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_server_is_of_the_version_that_was_asked_for(influxd: Influxd) -> None:
    with urllib.request.urlopen(f"{influxd.url}/ping", timeout=10) as answer:
        version = answer.headers["X-Influxdb-Version"].removeprefix("v")
    assert version.startswith("1." if servers.UNDER_TEST == "debian" else servers.UNDER_TEST)


def test_what_is_written_can_be_read_with_tags_columns_and_nanoseconds(influxd: Influxd, database: str) -> None:
    influxd.write(
        ["cpu,host=a value=1.5 1700000000000000001", "cpu,host=b value=2.5 1700000000000000001"],
        database,
        influxd.writer,
    )
    rows = influxd.query("SELECT value FROM cpu GROUP BY host", database, influxd.reader)
    assert rows == [
        {"host": host, "time": 1700000000000000001, "value": value} for host, value in (("a", 1.5), ("b", 2.5))
    ]


REFUSALS: dict[str, Callable[[Influxd, str], object]] = {
    "the reader may not write": lambda server, name: server.write("cpu value=1", name, server.reader),
    "the writer may not read": lambda server, name: server.query("SELECT value FROM cpu", name, server.writer),
    "an error within an answer of 200": lambda server, name: server.query("SELECT nonsense(value) FROM cpu", name),
    "a line that is refused among good ones": lambda server, name: server.write(["cpu value=1", "cpu value="], name),
}


@pytest.mark.parametrize("act", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_an_error(influxd: Influxd, database: str, act: Callable[[Influxd, str], object]) -> None:
    with pytest.raises(InfluxdError):
        act(influxd, database)


@pytest.mark.skipif(servers.IS_2, reason="2.x takes no JSON web token")
def test_a_bearer_token_lets_an_account_in(influxd: Influxd, database: str) -> None:
    influxd.write("cpu value=1", database)
    request = urllib.request.Request(
        f"{influxd.url}/query?db={database}&q=SELECT+value+FROM+cpu",
        headers={"Authorization": f"Bearer {influxd.bearer(influxd.reader)}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b'"value"' in answer.read()


def test_data_outlives_a_crash_and_nothing_outlives_the_server() -> None:
    with Influxd(settings={"HTTP_MAX_ROW_LIMIT": 2}) as server:
        server.create_database("m")
        server.write([f"cpu value={n} {n}" for n in range(5)], "m")
        server.kill()
        with pytest.raises(InfluxdError, match=re.escape(server.url)):
            server.query("SHOW DATABASES")
        server.restart()
        assert len(server.query("SELECT value FROM cpu", "m")) == 2  # the setting holds, and so does the data
        folder = server.folder
    assert not folder.exists()
    with pytest.raises(InfluxdError):
        server.query("SHOW DATABASES")


def test_a_server_that_can_not_start_says_why() -> None:
    server = Influxd(settings={"HTTP_HTTPS_ENABLED": "true", "HTTP_HTTPS_CERTIFICATE": "/dev/null"})
    with pytest.raises(InfluxdError, match="PEM"):
        server.start()
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part of this is Linux's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_the_server_ends_with_its_owner(number: signal.Signals) -> None:
    code = (
        "import time; from demo.influxd import Influxd; s = Influxd().__enter__(); print(s._process.pid, s.folder,"
        " flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        owner.send_signal(number)
        owner.wait(15)
    wait_until(lambda: not running(int(pid)), "the end of the server")
    if number == signal.SIGINT:
        assert not Path(folder).exists()
    shutil.rmtree(folder, ignore_errors=True)


def running(pid: int) -> bool:
    """Whether a process lives; a zombie that nobody has collected yet does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_without_any_way_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "influxd", "echo InfluxDB v2.7.1")
    program(tmp_path, "docker", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        influxd_find.NotFoundError,
        match=r"(?s)v2\.7\.1.*1\.x.*apt-get.*docker info.*podman.*apt-get install influxdb",
    ):
        influxd_find.command(1, tmp_path, {})


def test_a_container_gets_its_settings_without_secrets_among_the_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "podman", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = influxd_find.command(8086, tmp_path, {"INFLUXDB_HTTP_SHARED_SECRET": "hidden"})
    assert words[0].endswith("podman")
    assert "INFLUXDB_HTTP_SHARED_SECRET" in words
    assert "hidden" not in " ".join(words)
    assert "127.0.0.1:8086:8086" in words


@pytest.mark.parametrize("version", ["v1.6.7~rc0", "1.13.2"])
def test_an_unreadable_cache_is_not_needed_where_influxd_is_on_the_path(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "influxd", f"echo 'InfluxDB {version} (git: unknown unknown)'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")
    assert influxd_find.command(8086, tmp_path, {}) == [str(tmp_path / "influxd"), "-config", os.devnull]


def test_versions_that_can_not_be_tested_against_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"'1\.7'.*1\.13\.2"):
        servers.build("1.7")
    monkeypatch.setattr(servers, "SCRIPTS", tmp_path)
    servers.build("debian")
    for version in servers.COMPILED:
        with pytest.raises(SystemExit, match=rf"{re.escape(version)}: there is no \.\./shared/servers"):
            servers.build(version)

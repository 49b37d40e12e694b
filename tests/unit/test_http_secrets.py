"""Secrets come from files or, on a laptop, from the environment, and are usable or refused."""

import os
from pathlib import Path
from typing import Any

import pytest

from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError
from cronocast.http.client import client_of
from cronocast.http.secrets import secret
from cronocast.sinks.influx.settings import FilledSettings
from cronocast.sources.influxql.settings import Settings as Source

GOOD = {"plain": b"s3cret", "newline": b"s3cret\n", "windows newline": b"s3cret\r\n"}
BAD: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "only a newline": b"\n",
    "too large": b"x" * 4097,
    "two lines": b"CANARY\nb",
    "NUL": b"CANARY\0",
    "not UTF-8": b"CANARY\xff",
}


def servers(source: dict[str, Any], sink: dict[str, Any] | None = None) -> tuple[Source, FilledSettings]:
    """The settings of both, those of the sink with what is taken from the source."""
    base = {"url": "http://127.0.0.1:1", "database": "d", "measurement": "m", "field": "f"}
    entry = parse_entry({"name": "s", "source": base | source, "sink": sink or {}})
    return entry.source, entry.sink_settings()


def keep(path: Path, content: bytes, mode: int = 0o400) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_secret_is_read_without_its_newline(content: bytes, tmp_path: Path) -> None:
    source, _ = servers({"auth": "token", "token_file": keep(tmp_path / "t", content)})
    assert secret(source, "source", {}) == "s3cret"
    (tmp_path / "link").symlink_to(tmp_path / "t")
    assert secret(servers({"auth": "token", "token_file": str(tmp_path / "link")})[0], "source", {}) == "s3cret"


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_unusable_secret_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = keep(tmp_path / "t", content) if content is not None else str(tmp_path / "t")
    source, _ = servers({"auth": "bearer", "token_file": path})
    with pytest.raises(ConfigError, match=r"^E_SECRET source.token_file: ") as caught:
        secret(source, "source", {})
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o404])
def test_file_that_everybody_reads_is_refused(mode: int, tmp_path: Path) -> None:
    source, _ = servers({"auth": "token", "token_file": keep(tmp_path / "t", b"x", mode)})
    with pytest.raises(ConfigError, match="chmod 0400"):
        secret(source, "source", {})


def test_pipe_and_folder_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ConfigError, match=r"^E_SECRET"):
            secret(servers({"auth": "token", "token_file": str(path)})[0], "source", {})


@pytest.mark.parametrize(
    "value", ["x" * 4097, "two\nlines", "\udcff", ""], ids=["4 kB", "newline", "not UTF-8", "empty"]
)
def test_environment_is_checked_alike(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^E_SECRET CRONOCAST_SOURCE_TOKEN: "):
        secret(servers({"auth": "token"})[0], "source", {"CRONOCAST_SOURCE_TOKEN": value})


def test_missing_secret_names_both_places() -> None:
    with pytest.raises(ConfigError, match=r"^E_SECRET source.password_file: .*CRONOCAST_SOURCE_PASSWORD"):
        secret(servers({"auth": "basic", "username": "u"})[0], "source", {})


ENV = {"CRONOCAST_SOURCE_PASSWORD": "of-source", "CRONOCAST_SOURCE_TOKEN": "tok"}
OWN = {**ENV, "CRONOCAST_SINK_PASSWORD": "of-sink"}
SINKS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str], str]] = {
    "nothing needed": ({}, {}, ENV, ""),
    "the source's": ({"auth": "basic", "username": "u"}, {}, ENV, "of-source"),
    "own variable": ({"auth": "basic", "username": "u"}, {}, OWN, "of-sink"),
    "own user": ({"auth": "basic", "username": "u"}, {"username": "w"}, OWN, "of-sink"),
    "other scheme": ({"auth": "token"}, {"auth": "basic", "username": "w"}, OWN, "of-sink"),
    "token for bearer": ({"auth": "token"}, {"auth": "bearer"}, ENV, "tok"),
    "sink is open": ({"auth": "token"}, {"auth": "none"}, ENV, ""),
}


@pytest.mark.parametrize(("source", "sink", "env", "expected"), SINKS.values(), ids=SINKS)
def test_sink_falls_back_to_the_source(
    source: dict[str, Any], sink: dict[str, Any], env: dict[str, str], expected: str
) -> None:
    _, write = servers(source, sink)
    assert secret(write.server, "sink", env, write.lender) == expected


def test_a_variable_of_the_sink_goes_before_a_file_of_the_source(tmp_path: Path) -> None:
    _, write = servers({"auth": "basic", "username": "u", "password_file": keep(tmp_path / "p", b"of-file")})
    assert secret(write.server, "sink", {}, write.lender) == "of-file"
    assert secret(write.server, "sink", OWN, write.lender) == "of-sink"


def test_secret_of_another_user_is_not_borrowed() -> None:
    _, write = servers({"auth": "basic", "username": "u"}, {"username": "w"})
    with pytest.raises(ConfigError, match=r"^E_SECRET sink.password_file"):
        secret(write.server, "sink", ENV, write.lender)


def test_clients_take_what_the_entry_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", "p")
    read, write = servers(
        {"auth": "basic", "username": "u", "timeout": "7s", "retry_for": "3s"},
        {"url": "http://127.0.0.1:2", "timeout": "9s"},
    )
    source = client_of(read, "source", print)
    sink = client_of(write.server, "sink", print, write.lender)
    assert (source.where, source.username, source.secret, source.timeout_s, source.retry_for_s) == (
        "http://127.0.0.1:1",
        "u",
        "p",
        7,
        3,
    )
    assert (sink.where, sink.username, sink.secret, sink.timeout_s, sink.retry_for_s) == (
        "http://127.0.0.1:2",
        "u",
        "p",
        9,
        90,
    )
    stray, _ = servers({"auth": "none", "token_file": str(tmp_path / "t")})
    with pytest.raises(ConfigError, match=r"source\.token_file: .*\bauth\b.*\bnone\b"):
        client_of(stray, "source", print)
    with pytest.raises(ConfigError, match=r"source\.username"):
        client_of(servers({"auth": "basic"})[0], "source", print)

"""What versions of InfluxDB have of their own: limits of a policy, partial writes, rights, buckets, signing in."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cronocast.document.entry import parse_entry
from cronocast.errors import RefusedError
from cronocast.sinks.influx.batches import Body
from cronocast.sinks.influx.sink import Influx
from cronocast.sinks.points import Run, Written
from demo.influxd import Influxd
from tests import servers
from tests.influxd2 import Influxd2
from tests.load_run import EVERY_NS, RUN_NS, load, make_job, publish, signed_in
from tests.wire.extract_run import END, HOUR, START, Ran, extract_run

only_2 = pytest.mark.skipif(not servers.IS_2, reason="tokens and buckets came with 2.x")


@pytest.fixture
def sink(influxd: Influxd, database: str, tmp_path: Path) -> Callable[..., Influx]:
    """The sink alone, which takes lines as they are."""

    def made(**settings: Any) -> Influx:
        server = {"url": influxd.url, "measurement": "cpu", "field": "v", **signed_in(influxd, tmp_path, database)}
        entry = parse_entry({"name": "s", "source": server, "sink": settings})
        return Influx(entry.sink_settings(), Run("s", RUN_NS, "cpu_forecast"))

    return made


def written(sink: Influx, lines: list[str], batch: int = 10_000) -> tuple[Written, RefusedError | None]:
    """What became of lines, and the error that ended it."""
    done = Written()
    parts = ["".join(f"{line}\n" for line in lines[i : i + batch]).encode() for i in range(0, len(lines), batch)]
    try:
        for one in sink._deliver(map(Body.of, parts)):
            done += one
    except RefusedError as error:
        return done, error
    return done, None


@pytest.mark.parametrize("measurement", ["cpu_forecast", "disk_types"])
def test_points_too_old_are_one_refusal(
    measurement: str, sink: Callable[..., Influx], influxd: Influxd, database: str
) -> None:
    influxd.create_policy(database, "an hour", "1h")
    lines = [f"{measurement},series=s yhat=1 {RUN_NS + i}" for i in range(5000)]
    done, error = written(sink(retention_policy="an hour"), lines)
    assert error is not None
    assert (error.token, done.requests, done.acked) == ("E_RETENTION", 1, 0)


def test_a_line_that_no_server_takes_is_the_only_one_lost(
    sink: Callable[..., Influx], influxd: Influxd, database: str
) -> None:
    """1.x stores the good lines beside it at once, 2.x none of the request."""
    lines = [f"m yhat={i} {RUN_NS + i}" for i in range(100)]
    lines[37] = f"m yhat= {RUN_NS}"
    done, error = written(sink(), lines)
    assert error is None
    assert (done.acked, [letter.text.splitlines()[1] for letter in done.refused]) == (99, [lines[37].encode()])
    assert influxd.query("SELECT count(yhat) FROM m", database)[0]["count"] == 99


def test_a_field_of_another_type_is_one_refusal(sink: Callable[..., Influx], influxd: Influxd, database: str) -> None:
    influxd.write(f"retention yhat=1i {RUN_NS}", database)
    done, error = written(sink(), [f"retention yhat={i}.5 {RUN_NS + i}" for i in range(100)])
    assert error is not None
    assert (error.token, done.requests, done.acked) == ("E_TYPE_CONFLICT", 1, 0)
    assert all(word in str(error) for word in ("'yhat'", "'retention'", "float", "integer"))


@pytest.mark.skipif(not servers.HAS_LIMITS, reason="FUTURE LIMIT came with 1.12, and 2.x has none")
@pytest.mark.parametrize("account", ["admin", "writer"])
def test_a_limit_shorter_than_the_horizon_stops_all_and_can_be_lifted(
    account: str, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    """Also for who may write and no more."""
    policy = f'"six hours" ON "{database}" DURATION 30d REPLICATION 1 DEFAULT FUTURE LIMIT 6h'
    influxd.query(f"CREATE RETENTION POLICY {policy}")
    [limit] = [row for row in influxd.query(f'SHOW RETENTION POLICIES ON "{database}"') if row["default"]]
    assert (limit["futureWriteLimit"], limit["pastWriteLimit"]) == ("6h0m0s", "0s")
    (tmp_path / "secret").write_text(getattr(influxd, account).password)
    (tmp_path / "secret").chmod(0o600)
    login = {"auth": "basic", "username": account, "password_file": str(tmp_path / "secret")}
    now = time.time_ns() // EVERY_NS * EVERY_NS
    made = make_job(tmp_path, influxd.url, source={"database": database, **login}, run_ns=now)
    rows = [f"cpu,,{now + i * EVERY_NS},5.5,4.5,6.5\n" for i in range(12 * 24)]
    publish(made, [{}], len(rows), "name,tags,time,yhat,yhat_lower,yhat_upper\n" + "".join(rows))
    code, result = load(made)
    assert (code, result["token"], result["acked"]) == (69, "E_RETENTION", 0)
    assert influxd.query("SELECT * FROM cpu_forecast", database) == []
    assert "6h0m0s" in result["message"]
    cure = re.search(r"ALTER RETENTION POLICY .* FUTURE LIMIT \S+", result["message"])
    assert cure, result["message"]
    influxd.query(cure[0])
    code, result = load(made)
    assert (code, result["acked"]) == (0, len(rows)), result["message"]


def test_a_reader_may_not_write_and_a_writer_may_not_read(
    influxd: Influxd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """2.x says of both that there is nothing."""
    influxd.write(f"m f=1 {START}", database)
    monkeypatch.setenv("CRONOCAST_SOURCE_PASSWORD", influxd.writer.password)
    user = {"database": database, "auth": "basic", "username": influxd.writer.name, "timeout": "20s"}
    ran = extract_run(capsys, tmp_path, influxd.url, user)
    assert (ran.code, ran.token) == ((69, "E_DB_NOT_FOUND") if servers.IS_2 else (77, "E_AUTH"))
    assert ("token may not read" in ran.error) == servers.IS_2


@pytest.mark.skipif(
    servers.UNDER_TEST not in ("1.8.3", "1.13.2"), reason="1.6 takes no tokens, 2.x no passwords in one"
)
def test_user_and_password_pass_for_a_token(
    influxd: Influxd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    influxd.write(f"m f=1 {START}", database)
    monkeypatch.setenv("CRONOCAST_SOURCE_TOKEN", f"{influxd.reader.name}:{influxd.reader.password}")
    ran = extract_run(capsys, tmp_path, influxd.url, {"database": database, "auth": "token", "timeout": "20s"})
    assert (ran.code, len(ran.rows)) == (0, 1), ran.stderr


# From here on what 2.x alone has.


@pytest.fixture
def server(influxd: Influxd) -> Influxd2:
    assert isinstance(influxd, Influxd2)
    return influxd


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], str]:
    """The path of a file that holds a secret."""

    def made(text: str) -> str:
        path = tmp_path / "secret"
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return made


@pytest.fixture
def bucket(server: Influxd2, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Name and id of a bucket x/p that nobody has mapped, with a point an hour for two days."""
    name = "plain" if "plain" in request.node.name else "x"
    made = server.create_bucket(name if name == "plain" else "x/p")
    rp = "" if name == "plain" else "&rp=p"
    server.post(f"/write?db={name}{rp}", "\n".join(f"m f={i} {START + i * HOUR}" for i in range(24)).encode())
    yield name, made
    server.api("DELETE", f"/api/v2/buckets/{made}")


@pytest.fixture
def extract(
    influxd: Influxd, tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: Callable[[str], str]
) -> Callable[..., Ran]:
    def run(database: str, token: str, **source: Any) -> Ran:
        login = {"auth": "token", "token_file": secret(token), "database": database, "timeout": "20s"}
        return extract_run(capsys, tmp_path, influxd.url, {**login, **source})

    return run


@only_2
def test_a_bucket_with_a_slash_needs_its_policy_named(
    server: Influxd2, bucket: tuple[str, str], extract: Callable[..., Ran], secret: Callable[[str], str], tmp_path: Path
) -> None:
    ran = extract("x", server.admin_token)
    assert (ran.code, ran.token) == (69, "E_DB_NOT_FOUND")
    assert "source.retention_policy" in ran.error
    assert len(extract("x", server.admin_token, retention_policy="p").rows) == 24

    login = {"auth": "token", "token_file": secret(server.admin_token), "database": "x"}
    made = make_job(tmp_path, server.url, source=login)
    publish(made, [{"host": "a"}], 10)
    code, result = load(made)
    assert (code, result["token"]) == (69, "E_DB_NOT_FOUND")
    assert "sink.retention_policy" in result["message"]
    made = make_job(tmp_path, server.url, source=login, retention_policy="p", read_back=True)
    publish(made, [{"host": "a"}], 10)
    code, result = load(made)
    assert (code, result["acked"]) == (0, 10), result["message"]


@only_2
def test_a_plain_bucket_is_a_database(server: Influxd2, bucket: tuple[str, str], extract: Callable[..., Ran]) -> None:
    assert len(extract("plain", server.admin_token).rows) == 24


@only_2
def test_tokens_for_one_bucket_read_and_write_it_plain(
    server: Influxd2, bucket: tuple[str, str], extract: Callable[..., Ran], secret: Callable[[str], str], tmp_path: Path
) -> None:
    name, made = bucket
    reader, writer = server.token("read", made), server.token("write", made)
    assert len(extract(name, reader).rows) == 24
    ran = extract(name, writer)
    assert (ran.code, ran.token) == (69, "E_DB_NOT_FOUND")
    for token, right in ((writer, 0), (reader, 77)):
        job = make_job(tmp_path, server.url, source={"auth": "token", "token_file": secret(token), "database": name})
        publish(job, [{"host": "a"}], 10)
        code, result = load(job)
        assert code == right, result["message"]
    other = server.token("read write", server.api("GET", "/api/v2/buckets?name=bucket")["buckets"][0]["id"])
    job = make_job(tmp_path, server.url, source={"auth": "token", "token_file": secret(other), "database": name})
    publish(job, [{"host": "a"}], 10)
    code, result = load(job)
    assert (code, result["token"]) == (69, "E_DB_NOT_FOUND")
    assert "token may not write" in result["message"]


@only_2
def test_a_token_passes_for_a_password(
    server: Influxd2, database: str, extract: Callable[..., Ran], secret: Callable[[str], str]
) -> None:
    server.write(f"m f=1 {START}", database)
    basic = {"auth": "basic", "username": "anyone", "token_file": None, "password_file": secret(server.admin_token)}
    assert extract(database, server.admin_token, **basic).code == 0
    assert extract(database, server.admin_token, auth="bearer").token == "E_AUTH"


@only_2
def test_a_window_longer_than_the_server_allows_is_read_in_slices(
    serve: Callable[..., Influxd], extract: Callable[..., Ran]
) -> None:
    with serve({"INFLUXQL_MAX_TIME_RANGE": "6h"}) as limited:
        assert isinstance(limited, Influxd2)
        limited.create_database("d")
        limited.write([f"m f={i} {START + i * HOUR}" for i in range(24)], "d")
        ran = extract("d", limited.admin_token, url=limited.url)
        assert (ran.code, ran.token) == (69, "E_QUERY")
        assert "source.slice" in ran.error
        sliced = extract("d", limited.admin_token, url=limited.url, slice="6h")
        assert (sliced.code, len(sliced.rows)) == (0, 24), sliced.stderr
        assert sliced.rows[-1][1] < END

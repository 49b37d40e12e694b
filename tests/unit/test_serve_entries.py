"""What the API of `cronocast serve` takes and keeps: documents, hosts, files, tokens; and when runs are due."""

import hashlib
import ipaddress
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from cronocast.durations import UNIT_NS, parse_stamp
from cronocast.errors import ConfigError
from cronocast.serve import policy as policies
from cronocast.serve.answers import pointer
from cronocast.serve.api_schema import ENTRY_EXAMPLE, QUEUE_EXAMPLE, entry_schema, queue_schema
from cronocast.serve.policy import Policy
from cronocast.serve.queue_request import OPTIONAL, REQUIRED
from cronocast.serve.schedule import Runner
from cronocast.serve.shelf import Kept
from cronocast.serve.store import MOST_REQUESTS_BYTES, Store
from cronocast.serve.tokens import Rate, Tokens, parse_tokens
from tests.json_schema import fits

NO_NAMES: dict[str, list[str]] = {}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What hosts resolve to: nothing is asked of a network."""
    known: dict[str, list[str]] = {
        "inner.example": ["10.0.0.5"],
        "rebound.example": ["93.184.216.34", "169.254.169.254"],
    }

    def addresses(host: str, *_: object, **__: object) -> list[Any]:
        if host not in known:
            raise socket.gaierror
        return [(0, 0, 0, "", (address, 0)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    return known


def store(folder: Path, defaults: dict[str, Any] | None = None, policy: Policy | None = None) -> Store:
    return Store(folder, defaults or {}, policy or Policy())


def refused(kept: Store, document: Any, name: str | None = None) -> dict[str, str]:
    """Tokens by path of what is wrong with a document."""
    with pytest.raises(ConfigError) as caught:
        kept.checked(document, name)
    return {problem.where: problem.token for problem in caught.value.problems}


METADATA = "is a link-local, metadata"


@pytest.mark.parametrize(
    ("host", "fault"),
    {
        "influxdb.example": "",
        "inner.example": "",
        "10.1.2.3": "",
        "169.254.169.254": METADATA,
        "169.254.170.2": METADATA,
        "fe80::1": METADATA,
        "::ffff:169.254.169.254": METADATA,
        "64:ff9b::a9fe:a9fe": METADATA,
        "2002:a9fe:a9fe::1": METADATA,
        "fd00:ec2::254": METADATA,
        "100.100.100.200": METADATA,
        "168.63.129.16": METADATA,
        "0.0.0.0": METADATA,
        "224.0.0.1": METADATA,
        "rebound.example": METADATA,
        "metadata.google.internal": "tells a machine its secrets",
        "METADATA.google.internal.": "tells a machine its secrets",
        "127.0.0.1": "is this machine itself",
        "::1": "is this machine itself",
        "::ffff:127.0.0.1": "is this machine itself",
    }.items(),
)
def test_hosts_that_no_entry_may_name(host: str, fault: str) -> None:
    said = Policy().host_fault(host)
    assert (fault in said) if fault else said == "", said


@pytest.mark.parametrize(
    ("host", "allowed"),
    {
        "db.example": True,
        "a.dbs.example": True,
        "dbs.example": False,
        "other": False,
        "127.0.0.1": True,
        "169.254.1.1": False,
    }.items(),
)
def test_where_hosts_are_listed_no_other_may_be_named_and_some_never(host: str, allowed: bool) -> None:
    listed = Policy(("db.example", "*.dbs.example", "127.0.0.1", "169.254.1.1"))
    assert (listed.host_fault(host) == "") is allowed


def entry(**more: Any) -> dict[str, Any]:
    source = {"url": "http://influxdb.example:8086", "database": "d", "measurement": "m", "field": "f"}
    return {"name": "disk", "source": source, **more}


@pytest.mark.parametrize(
    ("more", "where", "token"),
    [
        ({"sink": {"url": "http://169.254.169.254"}}, "sink.url", "E_HOST"),
        ({"notify": [{"kind": "email", "host": "127.0.0.1"}]}, "notify[0].host", "E_HOST"),
        ({"notify": [{"kind": "alertmanager", "url": "http://[::1]:9093"}]}, "notify[0].url", "E_HOST"),
        ({"notify": [{"kind": "slack", "url_file": "/etc/passwd"}]}, "notify[0].url_file", "E_PATH"),
        ({"notify": [{"kind": "file", "path": "/etc/motd"}]}, "notify[0].path", "E_PATH"),
        ({"sink": {"ca_file": "/etc/shadow"}}, "sink.ca_file", "E_PATH"),
        ({"sink": {"password_file": "/secrets/../etc/shadow"}}, "sink.password_file", "E_PATH"),
        ({"model": "os:system"}, "model", "E_MODEL"),
        ({"candidates": ["theta", "my.own:Class"]}, "candidates[1]", "E_MODEL"),
        ({"options": {"local_dir": "/tmp/weights"}, "model": "darts:TFTModel"}, "options.local_dir", "E_PATH"),
    ],
)
def test_what_an_entry_may_not_name_is_told_with_its_path(
    tmp_path: Path, more: dict[str, Any], where: str, token: str
) -> None:
    kept = store(tmp_path, policy=Policy(("influxdb.example",), "/secrets") if where.startswith("sink.p") else None)
    assert refused(kept, entry(**more))[where] == token


def test_files_of_the_folder_of_secrets_may_be_named(tmp_path: Path) -> None:
    kept = store(tmp_path, policy=Policy(("influxdb.example",), "/secrets"))
    source = {**entry()["source"], "auth": "basic", "username": "u", "password_file": "/secrets/source/password"}
    assert kept.checked(entry(source=source))[1].source.password_file == "/secrets/source/password"


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = entry(horizn="1h", every="soon", level=7, sink={"url": "http://127.0.0.1"})
    assert refused(store(tmp_path), wrong) == {
        "horizn": "E_CONFIG_UNKNOWN_KEY",
        "every": "E_CONFIG_DURATION",
        "level": "E_CONFIG_RANGE",
        "sink.url": "E_HOST",
    }


def test_a_secret_in_a_document_is_refused_and_not_repeated(tmp_path: Path) -> None:
    source = {**entry()["source"], "password": "hunter2-hunter2"}
    with pytest.raises(ConfigError) as caught:
        store(tmp_path).checked(entry(source=source))
    assert "hunter2" not in str([str(problem) for problem in caught.value.problems])


@pytest.mark.parametrize(
    ("document", "name", "wrong"),
    [
        ({"name": "a/b"}, None, {"name": "E_SERIES_NAME"}),
        ({}, "cpu", {"name": "E_SERIES_NAME"}),
        ({"name": "disk"}, "disk", {}),
    ],
)
def test_the_name_is_that_of_the_address(
    tmp_path: Path, document: dict[str, Any], name: str | None, wrong: dict[str, str]
) -> None:
    whole = {**entry(), **document}
    if wrong:
        assert refused(store(tmp_path), whole, name) == wrong
    else:
        assert store(tmp_path).checked(whole, name)[1].name == "disk"
    without = {key: value for key, value in entry().items() if key != "name"}
    assert store(tmp_path).checked(without, "cpu")[1].name == "cpu"


DEFAULTS: dict[str, Any] = {
    "source": {"url": "http://yarn.example:8086", "auth": "basic", "username": "reader", "password_file": "/secrets/r"},
    "sink": {"auth": "basic", "username": "writer", "password_file": "/secrets/w"},
}


def test_the_request_of_a_queue_forecast_is_taken_as_it_is(tmp_path: Path) -> None:
    own, found, asked_by = store(tmp_path, DEFAULTS).checked(QUEUE_EXAMPLE)
    assert (found.name, found.title, found.model) == ("yarn-root-queue", "Memory that queues use", "prophet")
    assert (str(found.every), str(found.lookback), str(found.horizon)) == ("1h", "5d", "3d")
    assert (found.source.url, found.source.database, found.source.measurement) == (
        DEFAULTS["source"]["url"],
        "yarn",
        "queue_usage",
    )
    assert (found.sink.database, found.sink_measurement()) == ("forecasts", "queue_usage_forecast")
    assert asked_by == {"user_name": "ada", "project": "capacity", "owner": "platform"}
    assert own["source"] == {"measurement": "queue_usage", "database": "yarn", "field": "memory_mb", "kind": "influxql"}


def changed(path: str, value: Any) -> dict[str, Any]:
    made = json.loads(json.dumps(QUEUE_EXAMPLE))
    part = made
    *outer, last = path.split(".")
    for name in outer:
        part = part[name]
    if value is None:
        part.pop(last)
    else:
        part[last] = value
    return dict(made)


@pytest.mark.parametrize(
    ("path", "value", "wrong"),
    [
        ("aggregation_time_period", "hourly", {"aggregation_time_period": "E_CONFIG_DURATION"}),
        ("future_prediction_time_period", "90m", {"future_prediction_time_period": "E_CONFIG_DURATION"}),
        ("data.source.name", "mongodb", {"data.source.name": "E_CONFIG_CHOICE"}),
        ("data.source.name", None, {"data.source.name": "E_CONFIG_CHOICE"}),
        ("data.destination.name", "kafka", {"data.destination.name": "E_CONFIG_CHOICE"}),
        ("data.source.collection", None, {"data.source.collection": "E_CONFIG_MISSING"}),
        ("data.source.field", None, {"data.source.field": "E_CONFIG_MISSING"}),
        ("model", "gpt", {"model": "E_MODEL"}),
        ("priority", "high", {"priority": "E_CONFIG_UNKNOWN_KEY"}),
        ("data.source.tags", {"a": "b"}, {"data.source.tags.a": "E_CONFIG_UNKNOWN_KEY"}),
        ("data.destination.measurement", "queue_usage", {"data.destination.measurement": "E_FEEDBACK_LOOP"}),
    ],
)
def test_what_is_wrong_with_it_has_its_own_paths(tmp_path: Path, path: str, value: Any, wrong: dict[str, str]) -> None:
    document = changed(path, value)
    if path == "data.destination.measurement":
        document["data"]["destination"]["database"] = "yarn"
    found = refused(store(tmp_path, DEFAULTS), document)
    assert set(found) == set(wrong), found


def test_mongodb_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'mongodb' can't be read yet; allowed: influxdb"):
        store(tmp_path, DEFAULTS).checked(changed("data.source.name", "mongodb"))


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ({}, {}),
        ({"source": {"url": "http://yarn.example:8086"}}, {}),
        (
            {"source": {"url": "http://evil.example"}},
            {"source.password_file": "E_SECRET", "sink.password_file": "E_SECRET"},
        ),
        (
            {"sink": {"url": "http://evil.example"}},
            {"source.password_file": "E_SECRET", "sink.password_file": "E_SECRET"},
        ),
    ],
)
def test_secrets_of_the_defaults_are_not_sent_to_another_server(
    tmp_path: Path, own: dict[str, Any], wrong: dict[str, str]
) -> None:
    source = {"database": "d", "measurement": "m", "field": "f", **own.get("source", {})}
    document = {"name": "disk", "source": source, "sink": {"database": "f", **own.get("sink", {})}}
    kept = store(tmp_path, DEFAULTS)
    if wrong:
        assert refused(kept, document) == wrong
    else:
        assert kept.checked(document)
    assert kept.borrows(document) is not bool(wrong)


def test_examples_and_their_schemas_are_true(tmp_path: Path) -> None:
    assert store(tmp_path).checked(ENTRY_EXAMPLE)
    assert fits(entry_schema(), ENTRY_EXAMPLE)
    assert fits(queue_schema(), QUEUE_EXAMPLE)
    for path in REQUIRED:
        assert not fits(queue_schema(), changed(path, None)), path
    for path in OPTIONAL:
        if path != "data.source.group_by":
            assert fits(queue_schema(), changed(path, None)), path


@pytest.mark.parametrize(
    ("where", "expected"),
    {
        "": "#",
        "horizon": "#/horizon",
        "thresholds[0].above": "#/thresholds/0/above",
        "source.tags.a/b~": "#/source/tags/a~1b~0",
    }.items(),
)
def test_paths_as_json_pointers(where: str, expected: str) -> None:
    assert pointer(where) == expected


# -- what is kept

KEPT = Kept("disk", entry(), "ada", "2026-01-01T00:00:00Z", {"owner": "platform"})


def test_entries_are_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.put(KEPT)
    assert kept.shelf.get("disk") == KEPT
    newer = Kept("disk", entry(horizon="48h"), "bob", "2026-01-02T00:00:00Z")
    assert not kept.put(newer)
    assert kept.shelf.all([]) == [newer]
    assert kept.shelf.remove("disk")
    assert not kept.shelf.remove("disk")
    assert kept.shelf.all([]) == []


def test_a_file_that_can_not_be_read_is_told_and_hides_no_other(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.put(KEPT)
    (tmp_path / "zz-00000000.json").write_text("{}")
    problems: list[str] = []
    assert kept.shelf.all(problems) == [KEPT]
    assert "not an entry of this version" in problems[0]


def test_requests_are_kept_newest_first_within_bounds(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.noted(5) == []
    for i in range(4):
        kept.note({"i": i, "text": "x" * (MOST_REQUESTS_BYTES // 2)})
    (tmp_path / "requests.jsonl").open("ab").write(b'{"cut":')
    assert [note["i"] for note in kept.noted(5)] == [3, 2, 1, 0]
    for i in range(4, 9):
        kept.note({"i": i, "text": "x" * (MOST_REQUESTS_BYTES // 2)})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5 * MOST_REQUESTS_BYTES
    assert kept.noted(1)[0]["i"] == 8


# -- who may ask


def line(name: str, scopes: str, token: str) -> str:
    return f"{name} {scopes} sha256:{hashlib.sha256(token.encode()).hexdigest()}\n"


def test_tokens_are_known_by_their_hash_and_change_with_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens"
    path.write_text("# who\n\n" + line("ada", "read,write", "one") + line("bob", "read", "two"))
    tokens = Tokens(path)
    found = tokens.caller("one")
    assert found is not None
    assert (found.name, found.scopes) == ("ada", frozenset(("read", "write")))
    assert tokens.caller("three") is tokens.caller("") is None
    path.write_text(line("eve", "read", "three") + "#" * 100)
    assert tokens.caller("one") is None
    assert tokens.caller("three")
    path.unlink()
    assert tokens.caller("three") is tokens.caller("three") is None
    assert capsys.readouterr().err.count("E_TOKENS") == 1
    path.write_text(line("ada", "read", "one"))
    assert tokens.caller("one")


@pytest.mark.parametrize("text", ["", "ada read one\n", "ada all sha256:" + "0" * 64, "ada read sha256:XYZ", "a b"])
def test_files_without_a_sound_token_are_refused(text: str) -> None:
    callers, problems = parse_tokens(text, "f")
    assert (callers, {problem.token for problem in problems}) == ({}, {"E_TOKENS"})


def test_so_many_requests_a_minute_and_no_more() -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    assert [rate.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait_s("a") == pytest.approx(1.0)
    assert rate.wait_s("b") == 0
    now[0] = 1.0
    assert rate.wait_s("a") == 0
    assert rate.wait_s("a") > 0
    now[0] = 1000.0
    assert [rate.wait_s("a") for _ in range(61)][59:] == [0.0, pytest.approx(1.0)]


# -- when runs are due

NOON = parse_stamp("2026-03-10T12:00:00Z")
MINUTE = UNIT_NS["m"]


class Due(Runner):
    """Notes what would be started."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.started: list[tuple[str, int]] = []

    def start(self, kept: Kept, run_ns: int) -> bool:
        self.started.append((kept.name, (run_ns - NOON) // MINUTE))
        return True


def test_runs_begin_when_they_are_due_and_a_changed_entry_at_its_next_time(tmp_path: Path) -> None:
    kept, now = store(tmp_path), [NOON]
    runner = Due(kept, tmp_path / "root", 1, clock=lambda: now[0])

    def at(minutes: float) -> list[tuple[str, int]]:
        now[0] = NOON + round(minutes * MINUTE)
        runner.started.clear()
        runner.look()
        return list(runner.started)

    def put(name: str, **more: Any) -> None:
        kept.put(Kept(name, {**entry(**more), "name": name}, "ada", str(now[0])))

    put("half", schedules=["*/30 * * * *"])
    put("hour", schedules=["0 * * * *"])
    put("never", schedules=["* * * * *"], suspend=True)
    assert at(1) == []
    assert at(29.9) == []
    assert at(30.5) == [("half", 30)]
    assert at(31) == []
    put("half", schedules=["45 * * * *"])
    assert at(44) == []
    assert at(46) == [("half", 45)]
    kept.shelf.remove("half")
    assert at(200) == [("hour", 180)]  # the latest of those that were missed
    assert at(239) == []
    assert at(241) == [("hour", 240)]


def test_no_two_runs_of_a_series_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    runner, go = Runner(store(tmp_path), tmp_path / "root", 1), threading.Event()
    monkeypatch.setattr(runner, "_chain", lambda *_: go.wait(10))
    other = Kept("cpu", entry(name="cpu"), "ada", "")
    assert runner.start(KEPT, NOON)
    assert not runner.start(KEPT, NOON + MINUTE)
    assert runner.start(other, NOON)  # waits for its turn
    assert runner.running() == {"disk": "2026-03-10T12:00:00Z", "cpu": "2026-03-10T12:00:00Z"}
    go.set()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
    assert runner.running() == {}
    runner.stop()
    assert not runner.start(KEPT, NOON)


def test_addresses_are_those_of_the_library() -> None:
    assert policies.addresses_of("inner.example") == [ipaddress.ip_address("10.0.0.5")]
    assert policies.addresses_of("unknown.example") == []

"""The HTTP client against a server that lies: every fault has its class, within its time, without secrets."""

import re
import socket
import threading
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cronocast.errors import CronocastError
from cronocast.http import transport as http_transport
from cronocast.http.client import Client, blocks
from tests.lying_server import (
    Answer,
    Behaviour,
    LyingServer,
    Seen,
    drip,
    endless,
    hang_up,
    json_answer,
    raw,
    reset,
    silent,
    status,
)
from tests.messages import numbers
from tests.unit.certificates import Certificates

SECRET = "CANARY-tok3n"
GOOD = json_answer({"fine": 1})


def client(url: str, **settings: Any) -> Client:
    return Client(url, **{"auth": "token", "secret": SECRET, "timeout_s": 1.5, "retry_for_s": 0.4, **settings})


def ask(made: Client, **more: Any) -> bytes:
    return made.send(
        "POST", "/query", accept=frozenset({200}), consume=lambda r: b"".join(blocks(r)), body=b"q=SELECT", **more
    )


def fault(url: str, **settings: Any) -> tuple[CronocastError, Client]:
    made = client(url, **settings)
    with pytest.raises(CronocastError) as caught:
        ask(made)
    assert SECRET not in str(caught.value)
    assert re.fullmatch(r"E_[A-Z0-9_]+ \S+: .{5,400}", str(caught.value))
    return caught.value, made


HTML = "<html><head><style>a{}</style></head><body><h1>Bad Gateway</h1>" + "<p>nginx</p>" * 500
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTS: dict[str, tuple[Behaviour, int, str, int]] = {  # behaviour, exit code, token, tries
    "429": (status(429, "slow down"), 75, "E_BUSY", 5),
    "429 with a garbled wish": (status(429, Retry_After="soon"), 75, "E_BUSY", 5),
    "429 in an hour": (status(429, Retry_After="3600"), 75, "E_BUSY", 1),
    "502 html": (status(502, HTML), 75, "E_SERVER", 5),
    "503": (status(503), 75, "E_SERVER", 5),
    "504": (status(504), 75, "E_SERVER", 5),
    "throttled": (status(503, "request throttled, queue full"), 75, "E_SERVER", 5),
    "no policy": (status(500, '{"error":"retention policy not found: x"}'), 69, "E_DB_NOT_FOUND", 1),
    "type conflict": (status(500, '{"error":"field type conflict: input field"}'), 69, "E_REFUSED", 1),
    "no database": (status(404, '{"error":"database not found: \\"x\\""}'), 69, "E_DB_NOT_FOUND", 1),
    "no such path": (status(404, "404 page not found"), 69, "E_REFUSED", 1),
    "408": (status(408), 75, "E_BUSY", 5),
    "other 4xx": (status(405), 69, "E_REFUSED", 1),
    "401": (status(401, '{"error":"authorization failed"}'), 77, "E_AUTH", 1),
    "403": (status(403, f"no {SECRET} here"), 77, "E_AUTH", 1),
    "redirect": (status(302, Location="http://127.0.0.1:1/"), 76, "E_HTTP_STATUS", 1),
    "204": (status(204), 76, "E_HTTP_STATUS", 1),
    "304": (status(304), 76, "E_HTTP_STATUS", 1),
    "600": (status(600), 76, "E_HTTP_STATUS", 1),
    "101": (raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), 76, "E_HTTP_STATUS", 1),
    "418": (status(418), 69, "E_REFUSED", 1),
    "HTTP/0.9": (raw(b"hello there\r\n\r\n"), 76, "E_HTTP_STATUS", 1),
    "100 for ever": (endless(b"HTTP/1.1 100 Continue\r\n\r\n"), 76, "E_HTTP_STATUS", 1),
    "header of 1 MB": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2**20 + b"\r\n\r\n"), 76, "E_HEADERS", 1),
    "10,000 headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n"), 76, "E_HEADERS", 1),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        76,
        "E_HEADERS",
        1,
    ),
    "gzip": (Answer(body=b"{}", headers={"Content-Encoding": "gzip"}), 76, "E_ENCODING", 2),
    "silence": (silent, 75, "E_TIMEOUT", 1),
    "drip in headers": (drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 999), 75, "E_TIMEOUT", 1),
    "drip in the body": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"a" * 999), 75, "E_TIMEOUT", 1),
    "drip in chunks": (drip(CHUNKS + b"1\r\na\r\n" * 999, 0.02), 75, "E_TIMEOUT", 1),
    "cut before its length": (Answer(body=b"x" * 999, cut=500), 75, "E_CUT", 5),
    "cut in a chunk": (Answer(body=(b"x" * 999,), cut=500), 75, "E_CUT", 5),
    "cut between chunks": (raw(CHUNKS + b"3\r\nabc\r\n"), 75, "E_CUT", 5),
    "bad chunk size": (raw(CHUNKS + b"zz\r\nabc\r\n"), 75, "E_CUT", 5),
    "reset": (reset, 75, "E_UNREACHABLE", 5),
    "hang up": (hang_up, 75, "E_UNREACHABLE", 5),
    "reset in the body": (Answer(body=b"x" * 99999, cut=500, reset=True), 75, "", 5),
}


@pytest.mark.parametrize(("behaviour", "code", "token", "tries"), FAULTS.values(), ids=FAULTS)
def test_fault_has_its_class(
    behaviour: Behaviour, code: int, token: str, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = time.monotonic()
    monkeypatch.setattr("cronocast.http.client.time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: None))
    with LyingServer([behaviour]) as server:
        limits = {"retry_for_s": 60 if tries > 1 else 0.01, "timeout_s": 0.5 if token == "E_TIMEOUT" else 1.5}
        error, made = fault(server.url, **limits)
        assert (error.exit_code, len(server.seen)) == (code, made.attempts)
    assert token in ("", error.token)
    assert made.attempts == tries
    assert time.monotonic() - begin < 9
    assert len(error.problem) < 300


def test_a_missing_right_is_told_with_its_database_and_without_the_query() -> None:
    said = (
        "error authorizing query: reader not authorized to execute statement 'SELECT mean(v) FROM m.a.x WHERE time"
        " \\u003e= 1', requires READ on metrcs"
    )
    with LyingServer([status(403, f'{{"error":"{said}"}}')]) as server:
        problem = fault(server.url)[0].problem
    assert "reader not authorized" in problem
    assert "READ on metrcs" in problem
    assert "SELECT" not in problem


@pytest.mark.parametrize(
    "first", [status(503), status(429, Retry_After="0"), reset, Answer(body=(b"x" * 999,), cut=500)]
)
def test_passing_fault_is_retried_with_the_same_bytes(first: Behaviour) -> None:
    said: list[str] = []
    with LyingServer([first, GOOD]) as server:
        made = client(server.url, say=said.append, retry_for_s=5)
        assert ask(made) == b'{"fine": 1}\n'
        assert [s.body for s in server.seen] == [b"q=SELECT"] * 2
    assert made.attempts == 2
    assert len(said) == 1
    assert numbers(said[0])[-2] == "2"  # the try that follows, and in how many seconds


@pytest.mark.parametrize(
    ("ahead_s", "outcome"),
    [
        (-4000, "E_CLOCK_SKEW"),
        (-600, "10 min"),
        (-200, ""),
        (0, ""),
        (200, ""),
        (600, "10 min"),
        (4000, "E_CLOCK_SKEW"),
    ],
)
def test_clocks_that_differ(ahead_s: int, outcome: str) -> None:
    said: list[str] = []
    with LyingServer([status(200, "fine", Date=formatdate(time.time() - ahead_s, usegmt=True))]) as server:
        made = client(server.url, say=said.append)
        if outcome.startswith("E_"):
            error, _ = fault(server.url)
            assert (error.exit_code, error.token, len(server.seen)) == (76, outcome, 1)
            assert "67 min" in error.problem
            assert ("ahead" if ahead_s > 0 else "behind") in error.problem
            return
        assert ask(made) == ask(made) == b"fine"
    assert len(said) == bool(outcome)
    assert outcome in "".join(said)
    assert not said or ("ahead" if ahead_s > 0 else "behind") in said[0]


@pytest.mark.parametrize("date", ["", "soon", "Sat, 99 Nov 2026 11:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_says_nothing_is_no_reason_to_refuse(date: str) -> None:
    with LyingServer([status(200, "fine", Date=date)]) as server:
        assert ask(client(server.url)) == b"fine"


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_waited_for_as_told(date: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("cronocast.http.client.time", clock)
    told = formatdate(time.time() + 40, usegmt=True) if date else "40"
    with LyingServer([status(429, Retry_After=told), GOOD]) as server:
        ask(client(server.url, retry_for_s=90))
    assert 20 <= clock.now <= 60


def test_jitter_differs_and_stays_below_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter before tries 2 to 4; the fifth and last comes when the time is used up."""
    waits: list[list[float]] = []
    for _ in range(20):
        clock = Clock()
        monkeypatch.setattr("cronocast.http.client.time", clock)
        with LyingServer([status(503)]) as server:
            error, _ = fault(server.url, retry_for_s=90)
        waits.append(clock.waits)
        assert numbers(error.problem)[-2:] == ["5", "90"]  # tries, seconds
        assert sum(clock.waits) == pytest.approx(90)
    assert len({wait for four in waits for wait in four}) == 80
    assert all(
        wait <= 90 * share for four in waits for wait, share in zip(four, (1 / 16, 1 / 4, 1 / 2, 1), strict=True)
    )


OUTAGES = {
    "reset": reset,
    "503": status(503),
    "503 with a wish": status(503, Retry_After="1"),
    "429 with a wish": status(429, Retry_After="5"),
}


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("during", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_that_is_shorter_than_retry_for_is_survived(
    during: Behaviour, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        clock = Clock()
        monkeypatch.setattr("cronocast.http.client.time", clock)
        outage = 90 * share
        answers = lambda _, clock=clock, outage=outage: GOOD if clock.now >= outage else during  # noqa: E731
        with LyingServer(answers) as server:
            made = client(server.url, retry_for_s=90)
            assert ask(made) == b'{"fine": 1}\n'
        assert made.attempts <= 5
        assert clock.now <= 90


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error, made = fault(f"http://127.0.0.1:{port}")
    assert (error.exit_code, error.token) == (75, "E_UNREACHABLE")
    assert made.attempts > 1


def test_black_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "CONNECT_S", 0.3)
    begin = time.monotonic()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # no room is left: the kernel drops what comes now
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        error, _ = fault(f"http://127.0.0.1:{full.getsockname()[1]}", timeout_s=9, retry_for_s=0)
        for one in waiting:
            one.close()
    assert (error.exit_code, error.token) == (75, "E_TIMEOUT")
    assert time.monotonic() - begin < 7  # of 9 s


def test_drip_outside_the_main_thread() -> None:
    caught: list[BaseException] = []

    def work(url: str) -> None:
        try:
            client(url, retry_for_s=0).send("GET", "/", accept=frozenset({200}), consume=lambda r: list(blocks(r, 0.5)))
        except CronocastError as error:
            caught.append(error)

    with LyingServer(
        [drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 999, 0.01)]
    ) as server:
        thread = threading.Thread(target=work, args=(server.url,))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
    assert [type(error).__name__ for error in caught] == ["TemporaryError"]


def test_unknown_host() -> None:
    assert fault("http://no-such-host.invalid")[0].token == "E_DNS"


def test_slow_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> list[Any]:
        time.sleep(9)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begin = time.monotonic()
    assert fault("http://slow.example", timeout_s=0.5)[0].exit_code == 75
    assert time.monotonic() - begin < 6  # of 9 s


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "0.0.0.0", "::", "fe80::1", "::ffff:169.254.169.254", "224.0.0.1"]
)
def test_name_of_a_forbidden_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)), (0, 0, 0, "", (address, 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    error, _ = fault("http://innocent.example")
    assert (error.exit_code, error.token) == (78, "E_URL_HOST")


def test_second_address_is_tried_and_the_checked_one_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    with LyingServer([GOOD]) as server:
        answer = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", server.port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
        ]
        resolve = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *more, **named: answer if host == "two.example" else resolve(host, *more, **named),
        )
        created: list[Any] = []
        dial = socket.create_connection

        def note(to: Any, wait: float) -> socket.socket:
            created.append(to)
            return dial(to, wait)

        monkeypatch.setattr(socket, "create_connection", note)
        assert ask(client(f"http://two.example:{server.port}")) == b'{"fine": 1}\n'
        assert server.seen[0].headers["host"] == f"two.example:{server.port}"
    assert [to[0] for to in created] == ["127.0.0.2", "127.0.0.1"]


AUTH = {
    "none": ("none", None),
    "basic": ("basic", "Basic dTpDQU5BUlktdG9rM24="),
    "token": ("token", f"Token {SECRET}"),
    "bearer": ("bearer", f"Bearer {SECRET}"),
}


@pytest.mark.parametrize(("scheme", "header"), AUTH.values(), ids=AUTH)
def test_secret_goes_into_one_header_only(scheme: str, header: str | None) -> None:
    with LyingServer([GOOD]) as server:
        made = client(server.url, auth=scheme, username="u")
        ask(made, params={"db": "d"}, headers={"X-More": "1"})
        got = server.seen[0]
    assert got.headers.get("authorization") == header
    assert (got.headers["accept-encoding"], got.params, got.headers["x-more"]) == ("identity", {"db": "d"}, "1")
    assert SECRET not in repr(made)


def test_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    for name, value in {
        "http_proxy": "http://127.0.0.1:1",
        "HOME": str(tmp_path),
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    with LyingServer([GOOD]) as server:
        ask(client(server.url, auth="none"))
        assert "authorization" not in server.seen[0].headers


def test_second_host_sees_nothing() -> None:
    with LyingServer([GOOD]) as second, LyingServer([status(307, Location=second.url + "/query")]) as first:
        assert fault(first.url)[0].token == "E_HTTP_STATUS"
        assert not second.seen


def test_connection_is_kept() -> None:
    ports: list[Any] = []

    def behave(connection: socket.socket, request: Seen) -> None:
        ports.append(connection.getpeername())
        GOOD(connection, request)

    with LyingServer([behave]) as server:
        made = client(server.url)
        ask(made)
        ask(made)
    assert ports[0] == ports[1]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


TLS = {"self-signed": "stranger", "wrong host": "other-host", "expired": "expired"}


@pytest.mark.parametrize("name", TLS.values(), ids=TLS)
def test_bad_certificate(name: str, certificates: Certificates) -> None:
    with LyingServer([GOOD], certificates.server(name)) as server:
        error, made = fault(server.url, ca_file=str(certificates.ca))
        assert (error.exit_code, error.token, made.attempts) == (69, "E_TLS", 1)
        assert not server.seen


def test_own_authority_is_trusted(certificates: Certificates) -> None:
    with LyingServer([GOOD], certificates.server("good")) as server:
        assert ask(client(server.url, ca_file=str(certificates.ca))) == b'{"fine": 1}\n'
        assert fault(server.url)[0].token == "E_TLS"


def test_old_tls_and_plain_http(certificates: Certificates) -> None:
    with LyingServer([GOOD], certificates.server("good", tls_1_0=True)) as server:
        assert fault(server.url, ca_file=str(certificates.ca))[0].token == "E_TLS"
    with LyingServer([GOOD]) as server:
        error, _ = fault(server.url.replace("http:", "https:"), ca_file=str(certificates.ca))
        assert error.exit_code in (69, 75)
        assert not server.seen


@pytest.mark.parametrize("content", [None, "no certificates"])
def test_certificate_file(content: str | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "ca").write_text(content)
    error, _ = fault("https://127.0.0.1:1", ca_file=str(tmp_path / "ca"))
    assert (error.exit_code, error.token) == (78, "E_CA_FILE")

"""A real InfluxDB 1.x server of one's own for the demo, the tests and the benchmark. Standard library only.

with Influxd() as server:
    server.create_database("metrics")
    server.write("cpu,host=a value=1 1700000000000000000", "metrics")
    server.query("SELECT value, host FROM cpu", "metrics")
"""

import atexit
import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import random
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.influxd_find import command, end_container

READY_S = 30.0  # a container on a slow disk takes seconds
STOP_S = 10.0  # time to write caches out before the server is killed
BEARER_S = 3600  # longer than any test or demo
PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


class InfluxdError(Exception):
    """The server did not start, or refused a request; the message has its words."""


@dataclass(frozen=True)
class Account:
    """A user of the server."""

    name: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    @property
    def basic(self) -> str:
        """Value of the Authorization header."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


class Influxd:
    """One server on 127.0.0.1 with authentication on; it never outlives this process.

    Args:
        folder: Where the data goes; a temporary folder that goes away with the server if not given.
        settings: Further settings as in the server's documentation, without the prefix `INFLUXDB_`:
            `{"HTTP_MAX_ROW_LIMIT": 10}`, or `HTTP_HTTPS_ENABLED` ("true"), `HTTP_HTTPS_CERTIFICATE`,
            `HTTP_HTTPS_PRIVATE_KEY`.

    Attributes:
        admin, reader, writer: Accounts; reader may READ and writer may WRITE what `create_database` made.
        shared_secret: Key of the bearer tokens that the server takes, see `bearer`.
    """

    ready = "/ping"  # answers as soon as the server does its work

    def __init__(self, folder: Path | None = None, settings: Mapping[str, str | int] | None = None) -> None:
        self.settings = {name: str(value) for name, value in (settings or {}).items()}
        self.admin, self.reader, self.writer = Account("admin"), Account("reader"), Account("writer")
        self.shared_secret = secrets.token_urlsafe(24)
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="cronocast-influxd-")) if folder is None else folder.resolve()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"{'https' if self.settings.get('HTTP_HTTPS_ENABLED') == 'true' else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
            self._set_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server on its port and folder and wait until it answers.

        Raises:
            InfluxdError: it ended or did not answer in time; the message has the end of its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._command = self._program()
        with (self.folder / "influxd.log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches this process alone, which then stops the server in
            # order.
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - calls prctl only
            )
        atexit.register(self.stop)
        self._await_ready()

    def stop(self) -> None:
        """End the server and remove its temporary folder; nothing happens if it has ended."""
        self._end(signal.SIGTERM)
        atexit.unregister(self.stop)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server as a crash would; `restart` brings it back with its data."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server if it runs, and start it on the same port and data."""
        self._end(signal.SIGTERM)
        self.start()

    def query(self, text: str, database: str | None = None, account: Account | None = None) -> list[dict[str, Any]]:
        """Run InfluxQL and return its rows: tags and columns by name, times in ns.

        Raises:
            InfluxdError: the server refused it, or one of its statements.
        """
        form = {"q": text, "epoch": "ns"} | ({"db": database} if database else {})
        answer = json.loads(self.post("/query", urllib.parse.urlencode(form).encode(), account))
        rows = []
        for result in answer["results"]:
            if "error" in result:
                raise InfluxdError(f"{text[:200]}: {result['error']}")
            for series in result.get("series", []):
                rows += [
                    {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
                    for values in series.get("values", [])
                ]
        return rows

    def write(self, lines: str | Iterable[str], database: str, account: Account | None = None) -> None:
        """Write line protocol with times in ns.

        Raises:
            InfluxdError: the server refused at least one line.
        """
        body = lines if isinstance(lines, str) else "\n".join(lines)
        self.post(f"/write?db={urllib.parse.quote(database)}&precision=ns", body.encode(), account)

    def create_database(self, name: str, *, readable: bool = True, writable: bool = True) -> None:
        """Create a database; the reader may read it and the writer may write it, unless said otherwise."""
        self.query(f'CREATE DATABASE "{name}"')
        if readable:
            self.query(f'GRANT READ ON "{name}" TO {self.reader.name}')
        if writable:
            self.query(f'GRANT WRITE ON "{name}" TO {self.writer.name}')

    def drop_database(self, name: str) -> None:
        """Remove a database and all that it holds; nothing happens if there is none."""
        self.query(f'DROP DATABASE "{name}"')

    def create_policy(self, database: str, name: str, duration: str = "INF") -> None:
        """Create a retention policy that is not the default of its database; the duration is as InfluxQL writes it."""
        self.query(f'CREATE RETENTION POLICY "{name}" ON "{database}" DURATION {duration} REPLICATION 1')

    def bearer(self, account: Account) -> str:
        """A token for `Authorization: Bearer` that lets the account in for an hour (JWT, HS256)."""
        claims = {"username": account.name, "exp": int(time.time()) + BEARER_S}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        return f"{text}.{_base64url(hmac.new(self.shared_secret.encode(), text.encode(), hashlib.sha256).digest())}"

    def post(self, path: str, body: bytes, account: Account | None = None) -> bytes:
        """Send one request as an account (admin if not given) and return the body of the answer.

        Raises:
            InfluxdError: an answer other than 2xx, or none.
        """
        request = urllib.request.Request(self.url + path, body, {"Authorization": (account or self.admin).basic})
        try:
            with self._opener().open(request, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise InfluxdError(
                f"{error.code} to {path}: {error.read(2000).decode(errors='replace').strip()}"
            ) from error
        except OSError as error:
            raise InfluxdError(f"no answer from {self.url}: {error}") from error

    def _program(self) -> list[str]:
        return command(self.port, self.folder, self._environment())

    def _set_up(self) -> None:
        for account, more in ((self.admin, " WITH ALL PRIVILEGES"), (self.reader, ""), (self.writer, "")):
            self.query(f"CREATE USER {account.name} WITH PASSWORD '{account.password}'{more}")

    def _opener(self) -> urllib.request.OpenerDirector:
        # No proxy: the server is on this machine. Its own certificate, if it has one, is the one to trust.
        context = ssl.create_default_context(cafile=self.settings.get("HTTP_HTTPS_CERTIFICATE"))
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def _environment(self) -> dict[str, str]:
        settings = {
            "REPORTING_DISABLED": "true",  # it would call its maker
            "BIND_ADDRESS": "127.0.0.1:0",  # backup service: unused, any free port
            "META_DIR": str(self.folder / "meta"),
            "DATA_DIR": str(self.folder / "data"),
            "DATA_WAL_DIR": str(self.folder / "wal"),
            "DATA_QUERY_LOG_ENABLED": "false",
            "MONITOR_STORE_ENABLED": "false",  # no database that nobody asked for
            "HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "HTTP_AUTH_ENABLED": "true",
            "HTTP_SHARED_SECRET": self.shared_secret,
            "HTTP_LOG_ENABLED": "false",
        }
        return {f"INFLUXDB_{name}": value for name, value in (settings | self.settings).items()}

    def _await_ready(self) -> None:
        end = time.monotonic() + READY_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), self._opener().open(self.url + self.ready, timeout=5):
                return
            time.sleep(0.02)
        self._end(signal.SIGKILL)
        raise InfluxdError(
            f"influxd did not start on {self.url}:\n{(self.folder / 'influxd.log').read_text(errors='replace')[-2000:]}"
        )

    def _end(self, with_signal: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            if with_signal != signal.SIGKILL:
                process.send_signal(with_signal)
                process.wait(STOP_S)
        end_container(self._command)
        process.kill()
        process.wait()


def free_port() -> int:
    """A free port below 30000.

    A client that keeps dialling a stopped server on an ephemeral port can connect to itself.
    """
    while True:
        port = random.SystemRandom().randrange(20000, 30000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def die_with_parent() -> None:
    """Have Linux end this child when its parent ends in whatever way (SIGTERM: a container's client passes it on)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

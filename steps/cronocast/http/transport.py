"""Connections for the HTTP client: checked addresses, one total deadline, nothing taken from the environment."""

import http.client
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cronocast import __version__
from cronocast.errors import ConfigError, seen
from cronocast.http.faults import RetryableError
from cronocast.settings.rules import host_fault

if TYPE_CHECKING:
    import requests

MAX_INTERIM = 5  # "100 Continue" answers before the real one; a server in a loop sends them for ever


class DeadlineExceededError(BaseException):
    """The deadline of a request has passed; no `except Exception` of a library swallows it."""


def session(where: str, ca_file: str | None, headers: dict[str, str]) -> "requests.Session":
    """A session of requests that dials only checked addresses, with `headers` in every request.

    Raises:
        ConfigError: the certificate file is missing or holds no certificates.
    """
    import logging

    import requests

    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its warnings carry addresses with their parameters
    made = requests.Session()
    made.trust_env = False  # no proxies, .netrc or certificates from the environment
    made.headers.update({"Accept-Encoding": "identity", "User-Agent": f"cronocast/{__version__}", **headers})
    made.verify = readable_certificates(ca_file) if ca_file else True
    made.mount("http://", _adapter(where))
    made.mount("https://", _adapter(where))
    return made


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `DeadlineExceededError` in the main thread after `seconds`, whatever it waits for.

    A read timeout never fires on a drip of bytes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(signum: int, frame: object) -> None:  # noqa: ARG001 - the form of a signal handler
        raise DeadlineExceededError

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # repeated: one raised inside a destructor is lost
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous or signal.SIG_DFL)


class Interim(http.client.HTTPResponse):
    """An answer that gives up on a server that says 100 Continue for ever."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        self.interim: int = getattr(self, "interim", 0) + (status == 100)
        if self.interim > MAX_INTERIM:
            raise http.client.BadStatusLine("100 Continue too many times")
        return version, status, reason


def connect(host: str, port: int, where: str) -> socket.socket:
    """Open a connection to a checked address of `host`: the address that was checked is the one that is dialled.

    Raises:
        RetryableError: no such host, or nobody answers in time.
        ConfigError: the name stands for a link-local, unspecified or multicast address.
        OSError: refused or unreachable.
    """
    addresses = _resolve(host, port, where)
    failure: OSError | None = None
    for address in addresses:
        if fault := host_fault(address):
            raise ConfigError.one("E_URL_HOST", where, f"host {seen(host)} resolves to {address}, which {fault}")
    for address in addresses:
        try:
            return socket.create_connection((address, port), max(1.0, CONNECT_S / len(addresses)))
        except OSError as error:
            failure = error
    raise failure or OSError("no address")


def _resolve(host: str, port: int, where: str) -> list[str]:
    """Addresses of a host; in a thread, since no signal interrupts the system's resolver."""
    found: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError):
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(CONNECT_S)
    if not found:
        sentence = f"host {seen(host)} is not known or the name server does not answer; check the name"
        raise RetryableError("E_DNS", where, sentence)
    return found


def readable_certificates(path: str) -> str:
    """The path of certificates that can be read.

    Raises:
        ConfigError: the file is missing or holds no certificates.
    """
    import ssl

    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError.one(
            "E_CA_FILE",
            "ca_file",
            f"{path!a} {'is missing' if not Path(path).exists() else 'holds no certificates'}; name a PEM file",
        ) from error
    return path


def _adapter(where: str) -> Any:  # noqa: ANN401 - a class of requests, which is imported late
    """An adapter of requests that dials only checked addresses."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def dial(connection: HTTPConnection) -> socket.socket:
        # where urllib3's own proxies hook in, too
        made = connect(connection._dns_host, connection.port, where)  # noqa: SLF001
        for option in connection.socket_options or ():
            made.setsockopt(*option)
        return made

    class Plain(HTTPConnection):
        response_class = Interim
        _new_conn = dial

    class Secure(HTTPSConnection):
        response_class = Interim
        _new_conn = dial

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    adapter = HTTPAdapter(pool_maxsize=4)
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return adapter


CONNECT_S = 5.0  # a server that does not accept in this time is down or behind a firewall

"""A loopback HTTP server that misbehaves to order: each request gets the next behaviour of a list, the last one stays.

with LyingServer([status(503), json_answer({"results": []})]) as server:
    ...  # server.url, server.seen
"""

import contextlib
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request as the server received it."""

    method: str
    path: str
    params: dict[str, str]  # of the URL
    form: dict[str, str]  # of the body
    headers: dict[str, str]  # names in lower case
    body: bytes


Behaviour = Callable[[socket.socket, Seen], None]


class LyingServer:
    """Serves on a free port of 127.0.0.1 until the `with` block ends.

    Args:
        behaviours: What each request gets, in this order; the last one stays. Or a function that chooses by the
            request.
        tls: Context of a server, for https.
    """

    def __init__(
        self, behaviours: Iterable[Behaviour] | Callable[[Seen], Behaviour], tls: ssl.SSLContext | None = None
    ) -> None:
        self._choose = behaviours if callable(behaviours) else None
        self._left = [] if callable(behaviours) else list(behaviours)
        self._tls = tls
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self.seen: list[Seen] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)  # tests count threads
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Else the second of two small pieces waits 40 ms for an acknowledgement of the first.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as file:
                while request := read_request(file):
                    with self._lock:
                        self.seen.append(request)
                        behaviour = (
                            self._choose(request)
                            if self._choose
                            else self._left.pop(0)
                            if len(self._left) > 1
                            else self._left[0]
                        )
                    behaviour(connection, request)


def read_request(file: Any) -> Seen | None:
    """Read one request, None at the end of the connection."""
    line = file.readline().decode("latin-1")
    if not line.strip():
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (text := file.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = file.read(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    form = (
        dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        if "urlencoded" in headers.get("content-type", "")
        else {}
    )
    return Seen(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), form, headers, body)


@dataclass(frozen=True)
class Answer:
    """An answer, whole or spoilt in one way.

    Attributes:
        code: Status code as it stands in the status line.
        body: One block, or several that are sent as HTTP chunks.
        headers: Further headers; with `None` a standard one is left out.
        cut: Close the connection after this many bytes of the body.
        pause_s: Wait between the pieces of a body that is sent in `pieces` of so many bytes.
        version: HTTP/1.0 has no length: the end of the connection is the end of the body.
        reset: End with a reset instead of an orderly end.
    """

    code: int = 200
    body: bytes | tuple[bytes, ...] = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    cut: int | None = None
    pieces: int | None = None
    pause_s: float = 0.0
    version: str = "HTTP/1.1"
    reset: bool = False

    def __call__(self, connection: socket.socket, request: Seen) -> None:
        """Send it."""
        chunked = isinstance(self.body, tuple)
        payload = (
            b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*self.body, b""))
            if isinstance(self.body, tuple)
            else self.body
        )
        fields: dict[str, str | None] = {"Content-Type": "application/json"}
        if self.version == "HTTP/1.1" and self.code not in (204, 304):
            fields |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(payload))}
        fields |= self.headers
        head = (
            f"{self.version} {self.code} Words\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
            + "\r\n"
        )
        connection.sendall(head.encode("latin-1"))
        self._send(connection, payload if self.cut is None else payload[: self.cut])
        if self.reset:
            reset(connection, request)
        elif self.cut is not None or self.version == "HTTP/1.0":
            connection.shutdown(socket.SHUT_RDWR)

    def _send(self, connection: socket.socket, payload: bytes) -> None:
        size = self.pieces or max(1, len(payload))
        for i in range(0, len(payload), size):
            connection.sendall(payload[i : i + size])
            time.sleep(self.pause_s)


def status(code: int, text: str = "", **headers: str) -> Answer:
    """An answer with a status and a plain body; underscores in the names of headers become dashes."""
    return Answer(
        code,
        text.encode(),
        {"Content-Type": "text/plain"} | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def json_answer(*documents: Any, **spoilt: Any) -> Answer:
    """The documents as InfluxDB sends them: one line and one HTTP chunk each."""
    return Answer(body=tuple(json.dumps(document).encode() + b"\n" for document in documents), **spoilt)


def raw(data: bytes, *, close: bool = True) -> Behaviour:
    """Exactly these bytes instead of an answer."""

    def behave(connection: socket.socket, request: Seen) -> None:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return behave


def drip(data: bytes, pause_s: float = 0.1) -> Behaviour:
    """These bytes one by one, with a pause after each; no read timeout ever fires."""

    def behave(connection: socket.socket, request: Seen) -> None:
        for i in range(len(data)):
            connection.sendall(data[i : i + 1])
            time.sleep(pause_s)

    return behave


def endless(data: bytes, head: bytes = b"") -> Behaviour:
    """The head, and then the same bytes until the client goes away."""

    def behave(connection: socket.socket, request: Seen) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(data)

    return behave


def silent(connection: socket.socket, request: Seen) -> None:
    """Say nothing, and keep the connection."""
    with contextlib.suppress(OSError):
        connection.recv(1)  # until the client goes away


def reset(connection: socket.socket, request: Seen) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # close() would wait for the file that reads requests


def hang_up(connection: socket.socket, request: Seen) -> None:
    """Close the connection without a word."""
    connection.shutdown(socket.SHUT_RDWR)

"""What goes wrong between a step and any server: garbage instead of an answer, and the faults of HTTP."""

from collections.abc import Callable

from tests.lying_server import Answer, Behaviour, drip, endless, hang_up, raw, reset, silent, status

Serve = Callable[[bytes], Behaviour]  # from the body of a whole answer
# Bodies that are no answer, for every kind; made from a whole answer.
GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda body: body[: len(body) // 2],
    "a byte short": lambda body: body[:-1],
    "nothing": lambda _: b"",
    "binary": lambda _: bytes(range(256)) * 4,
    "login page": lambda _: b"<!doctype html><title>Login</title>" + b"<p>x" * 999,
    "something behind it": lambda body: body + b"\n}{",
    "deep": lambda _: b"[" * 100_000,
    "another document": lambda _: b'{"status":"ok"}',
    "null": lambda _: b"null",
}

OK = b"HTTP/1.1 200 OK\r\n"
# What a server or a proxy does to any request, with the exit code of DESIGN's table.
FAULTS: dict[str, tuple[Serve, int]] = {
    "401": (lambda _: status(401, "who are you"), 77),
    "403": (lambda _: status(403, "no"), 77),
    "404": (lambda _: status(404, "no such page"), 69),
    "408": (lambda _: status(408), 75),
    "429": (lambda _: status(429), 75),
    "429 come back in an hour": (lambda _: status(429, Retry_After="3600"), 75),
    "500": (lambda _: status(500, "oh"), 75),
    "503": (lambda _: status(503, "<html><body>" + "<p>x" * 9999), 75),
    "204": (lambda _: status(204), 76),
    "302": (lambda _: status(302, Location="http://127.0.0.1:1/"), 76),
    "600": (lambda _: status(600), 76),
    "cut": (lambda body: Answer(body=body, cut=len(body) // 2), 75),
    "cut between chunks": (lambda body: Answer(body=(body[:99], body[99:]), cut=105), 75),
    "cut without a length": (lambda body: Answer(body=body, cut=len(body) // 2, version="HTTP/1.0"), 76),
    "reset": (lambda _: reset, 75),
    "reset in the answer": (lambda body: Answer(body=body, cut=99, reset=True), 75),
    "hung up": (lambda _: hang_up, 75),
    "silence": (lambda _: silent, 75),
    "byte by byte": (lambda body: drip(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body), 75),
    "compressed": (lambda body: Answer(body=body, headers={"Content-Encoding": "gzip"}), 76),
    "too many headers": (lambda _: raw(OK + b"X: a\r\n" * 10_000 + b"\r\n"), 76),
    "endless": (lambda _: endless(b"\n" * 65536, OK + b"\r\n"), 66),
}
ONLY_ENDLESS = {"endless": {"max_bytes": 10**6, "timeout": "30s"}}

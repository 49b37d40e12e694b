"""Writing to InfluxDB: the `/write` that 1.x, 2.x and 3.x share. Success is 204 and nothing else."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cronocast.document.entry import Entry
from cronocast.errors import CronocastError, RefusedError, seen
from cronocast.http.client import Client, Say, blocks, sink_client
from cronocast.sinks.table import Written

if TYPE_CHECKING:
    import requests

DONE = 204
# 1.x, 2.x and 3.x mean different things by them; sending halves again is right for all
SPLIT = frozenset({400, 413, 422})
MAX_REFUSED = 100  # lines; then it is no line that is at fault, and asking on would take thousands of requests
MAX_ANSWER_BYTES = 2**16  # of an answer: 1.x lists every refused line
MAX_WORDS = 300
CONFLICT = re.compile(
    r'field type conflict: input field "(.+)" on measurement "(.+)" is type (\w+), already exists as type (\w+)'
)
# 1.13 and 2.x say "outside", with the key of a series behind it, so that any word may follow.
RETENTION = re.compile(r"(?:beyond|outside) retention policy|exceeds retention", re.IGNORECASE)
TYPE = re.compile(r"field type conflict|invalid column type", re.IGNORECASE)
# Refusals that hold for every line of the request, so that halves of it would be refused as well.
FOR_ALL = re.compile(
    rf"{RETENTION.pattern}|{TYPE.pattern}|limit exceeded|database is required|database not found", re.IGNORECASE
)
# How 1.13 names a policy's limits, whichever is at fault: (-12h0m0s to 6h0m0s), (6h0m0s), (-12h0m0s)
FUTURE_LIMIT = re.compile(r"outside write window \((?:-\S+ to )?([0-9][0-9a-z.]*)\)")
POLICY = re.compile(r" for retention policy: (.+)$")


@dataclass
class Influx:
    """One database as a sink.

    Attributes:
        client: The server.
        database: Its name; in 2.x the bucket mapped to it.
        retention_policy: None means the database's default.
    """

    client: Client
    database: str
    retention_policy: str | None
    _max_bytes: int = 2**62  # the server has refused larger bodies with 413

    @property
    def attempts(self) -> int:
        """Tries of the slowest request so far."""
        return self.client.attempts

    def write(self, bodies: Iterable[bytes], written: Written) -> None:
        """Send bodies of line protocol one after the other and count what is acknowledged.

        A body that the server refuses is halved and sent again until the lines at fault stand alone; they go to
        `written.refused`.

        Raises:
            RefusedError: the database or policy is missing, a field has another type, or more than 100 lines are
                refused.
            TemporaryError, AccessError, ContractError: as `Client.send`.
        """
        for body in bodies:
            parts = [body]
            while parts:
                part = parts.pop()
                halves = _halves(part)
                if len(part) > self._max_bytes and len(halves) == 2:
                    parts += halves[::-1]
                    continue
                parts += self._send(part, halves, written)[::-1]

    def _send(self, body: bytes, halves: list[bytes], written: Written) -> list[bytes]:
        """Send one body; return what is to be sent instead of it."""
        written.requests += 1
        status, words = self._ask(body)
        if status == DONE:
            written.acked += body.count(b"\n")
            written.size += len(body)
            return []
        if status != 413 and FOR_ALL.search(words):
            raise self._refusal(status, words, body)
        if status == 413:
            self._max_bytes = min(self._max_bytes, max(map(len, halves)))
        if len(halves) == 2:
            return halves
        written.refused.append((body, f"status {status}, {words}"))
        if len(written.refused) >= MAX_REFUSED:
            raise RefusedError(
                "E_PARTIAL",
                self._where,
                f"{len(written.refused)} lines were refused and no more were tried; status {status}, {words}",
            )
        return []

    def _ask(self, body: bytes) -> tuple[int, str]:
        params = {"db": self.database, "precision": "ns"} | (
            {"rp": self.retention_policy} if self.retention_policy else {}
        )

        def consume(response: "requests.Response") -> tuple[int, str]:
            return response.status_code, self._words(_read(response))

        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            return self.client.send(
                "POST", "/write", params=params, body=body, headers=headers, accept=SPLIT | {DONE}, consume=consume
            )
        except RefusedError as error:
            if error.token != "E_DB_NOT_FOUND":
                raise
            also = "or (2.x) the token may not write to it, or a bucket x/p needs its p as sink.retention_policy"
            raise RefusedError(error.token, error.where, f"{error.problem}, {also}") from error

    @property
    def _where(self) -> str:
        return f"{self.client.where}/write?db={self.database}"

    def _words(self, answer: bytes) -> str:
        """What the server said, on one line of ASCII, never with the secret in it."""
        text = answer.decode("utf-8", "replace")
        try:
            document = json.loads(text)
            text = str(document.get("error") or document.get("message") or text)
        except (ValueError, AttributeError, RecursionError):
            pass
        if self.client.secret:
            text = text.replace(self.client.secret, "***")
        line = " ".join(ascii(text)[1:-1].replace("\\'", "'").replace("\\n", " ").replace("\\\\", "\\").split())
        # Both ends tell something: what is wrong, and which policy refused it.
        return line if len(line) <= MAX_WORDS else f"{line[: MAX_WORDS - 100]} ... {line[-95:]}"

    def _refusal(self, status: int, words: str, body: bytes) -> CronocastError:
        if found := CONFLICT.search(words):
            name, measurement, sent, there = found.groups()
            right = (
                f"field {seen(name)} of measurement {seen(measurement)} is sent as {sent} but stands there as {there};"
                " write to another measurement or drop the old one"
            )
            return RefusedError("E_TYPE_CONFLICT", self._where, right)
        if RETENTION.search(words):
            right = self._future_limit(words, body) or (
                f"status {status}, {words}; name a retention policy that keeps points of this age, or lengthen this one"
            )
            return RefusedError("E_RETENTION", self._where, right)
        token = "E_TYPE_CONFLICT" if TYPE.search(words) else "E_REFUSED"
        return RefusedError(
            token, self._where, f"status {status}, {words}; mend this on the server, or write elsewhere"
        )

    def _future_limit(self, words: str, body: bytes) -> str:
        """What to do where all of these points lie ahead, so that nothing but a limit of the policy can refuse them.

        The server blames a lower bound (1.13) or names both (1.12). SHOW RETENTION POLICIES would tell, only not to a
        user who may write and no more.
        """
        ahead_s = min(int(line.rpartition(b" ")[2]) for line in body.splitlines()) / 10**9 - time.time()
        if ahead_s <= 0:
            return ""
        limit, named = FUTURE_LIMIT.search(words), POLICY.search(words)
        policy = self.retention_policy or (named[1] if named else "autogen")
        cure = f"ALTER RETENTION POLICY {_quoted(policy)} ON {_quoted(self.database)} FUTURE LIMIT INF"
        return (
            f"the retention policy refuses points {ahead_s / 3600:.1f} h ahead (FUTURE LIMIT"
            f"{f' of {limit[1]}' if limit else ''}); {cure} lifts it, or shorten horizon"
        )

    def count(self, measurement: str, series: str, run_s: int, first_ns: int, last_ns: int) -> int:
        """Count the points of one run that the server has, both ends of the window included.

        Points of older runs in the same window carry another `run`, so they do not count.

        Raises:
            RefusedError: the server answers with an error.
            TemporaryError, AccessError, ContractError: as `Client.send`.
        """
        policy = f"{_quoted(self.retention_policy)}." if self.retention_policy else ""
        where = f'"series" = $series AND "run" = {run_s} AND time >= {first_ns} AND time <= {last_ns}'
        # names are quoted, the text is bound
        text = f"SELECT count(yhat) FROM {policy}{_quoted(measurement)} WHERE {where}"  # noqa: S608
        params = {"db": self.database, "epoch": "ns", "q": text, "params": json.dumps({"series": series})}
        answer = self.client.send(
            "GET",
            "/query",
            params=params,
            headers={"Accept": "application/json"},
            accept=frozenset({200}),
            consume=_read,
        )
        try:
            result = json.loads(answer)["results"][0]
            if "error" in result:
                sentence = f"{seen(result['error'])}; sink.read_back takes a user or token that may read"
                raise RefusedError("E_QUERY", self.client.where, f"the points can't be counted: {sentence}")
            found: Any = result["series"][0]["values"][0][1] if result.get("series") else 0
            return int(found)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise RefusedError(
                "E_ANSWER", self.client.where, f"not an answer to a count: {seen(answer[:80])}"
            ) from error


def influx_sink(entry: Entry, say: Say) -> Influx:
    """The sink of an entry; what it does not say is taken from the source.

    Raises:
        ConfigError: the secret is missing or unusable.
    """
    return Influx(
        sink_client(entry.sink, entry.source, say),
        entry.sink.database or entry.source.database,
        entry.sink.retention_policy,
    )


def _read(response: "requests.Response") -> bytes:
    """The first 64 KiB of an answer; the rest is read and let go, so that the connection can be kept."""
    kept = b""
    for block in blocks(response):
        kept += block[: MAX_ANSWER_BYTES - len(kept)]
    return kept


def _halves(body: bytes) -> list[bytes]:
    """Cut a body near its middle, between two lines; one line stays whole."""
    cut = body.find(b"\n", len(body) // 2, len(body) - 1) + 1 or body.rfind(b"\n", 0, len(body) // 2) + 1
    return [body[:cut], body[cut:]] if cut else [body]


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

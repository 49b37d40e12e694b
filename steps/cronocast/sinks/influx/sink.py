"""Writing to InfluxDB: the `/write` that 1.x, 2.x and 3.x share. Success is 204 and nothing else."""

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from cronocast.errors import CronocastError, RefusedError, seen
from cronocast.formats.influx_names import quoted
from cronocast.formats.line_protocol import record
from cronocast.handoff.rows import Key, Rows
from cronocast.http.client import Client, Say, blocks, client_of
from cronocast.sinks.influx.answers import FOR_ALL, Destination, refusal, words_of
from cronocast.sinks.influx.batches import Body, ahead, forecast_bodies, joined
from cronocast.sinks.influx.settings import FilledSettings, Settings
from cronocast.sinks.influx.target import Target, target_of
from cronocast.sinks.points import Point, Refused, Run, Writing, Written

if TYPE_CHECKING:
    import requests

DONE = 204
# 1.x, 2.x and 3.x mean different things by them; sending halves again is right for all
SPLIT = frozenset({400, 413, 422})
MAX_REFUSED = 100  # lines; then it is no line that is at fault, and asking on would take thousands of requests
MAX_ANSWER_BYTES = 2**16  # of an answer: 1.x lists every refused line
PIECE_NS = 24 * 3600 * 10**9  # of a window: runs of every minute of a day fit into one answer


@dataclass
class Influx:
    """One database as a sink; see `table.Sink`.

    Attributes:
        settings: What is not given is taken from the source already.
        run: Whose points are written.
        say: Takes one line for people per failed try.
    """

    settings: Settings
    run: Run
    say: Say = lambda _: None
    extension: str = "lp"
    target: Target = field(init=False)
    _max_bytes: int = 2**62  # the server has refused larger bodies with 413

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ConfigError: line protocol can't carry them.
        """
        self.target = target_of(self.run)

    @cached_property
    def client(self) -> Client:
        """The server.

        Raises:
            ConfigError: the secret is missing or unusable.
        """
        lender = self.settings.lender if isinstance(self.settings, FilledSettings) else None
        return client_of(self.settings.server, "sink", self.say, lender)

    @property
    def _place(self) -> Destination:
        return Destination(self.client.where, self.settings.database or "", self.settings.retention_policy)

    def write(self, members: Collection[Key], rows: Iterable[Rows]) -> Writing:
        """Send rows as line protocol.

        A body that the server refuses is halved and sent again until the lines at fault stand alone.

        Raises:
            ConfigError, ContractError: a member that line protocol can't carry.
            RefusedError: the database or policy is missing, a field has another type, or more than 100 lines are
                refused.
            TemporaryError, AccessError, ContractError: as `Client.send`.
        """
        # Closed here also after a failure: left to the garbage collector its thread would be joined wherever that runs,
        # inside `threading` too, for ever.
        with closing(ahead(self._forecast(members, rows))) as coming:
            yield from self._deliver(coming)

    def record(self, points: Iterable[Point]) -> Writing:
        """Send other points; as `write`."""
        yield from self._deliver(self._others(points))

    def encoded(self, members: Collection[Key], rows: Iterable[Rows], points: Iterable[Point]) -> Iterator[bytes]:
        """The lines that would be sent."""
        for body in chain(self._forecast(members, rows), self._others(points)):
            yield body.text

    def _forecast(self, members: Collection[Key], rows: Iterable[Rows]) -> Iterator[Body]:
        keys = self.target.keys(members)
        return forecast_bodies(rows, keys.__getitem__, self.target.run_s, self.settings.batch)

    def _others(self, points: Iterable[Point]) -> Iterator[Body]:
        lines = (record(self.target.key(p.measurement, p.tags), p.fields, p.time_ns) for p in points)
        return joined(filter(None, lines), self.settings.batch)

    def _deliver(self, bodies: Iterable[Body]) -> Writing:
        client, refused = self.client, 0
        for body in bodies:
            waiting = [body]
            while waiting:
                part = waiting.pop()
                if len(part.text) > self._max_bytes and (halves := part.halves()):
                    waiting += halves[::-1]
                    continue
                try:
                    done, instead = self._send(part)
                except CronocastError:
                    yield Written(requests=1, attempts=client.attempts)
                    raise
                waiting += instead[::-1]
                refused += len(done.refused)
                yield done
                if refused >= MAX_REFUSED:
                    raise self._too_many(refused, done.refused[-1].reason)

    def _too_many(self, refused: int, reason: str) -> RefusedError:
        return RefusedError(
            "E_PARTIAL", self._place.where, f"{refused} lines were refused, and no more were sent; {reason}"
        )

    def _send(self, body: Body) -> tuple[Written, list[Body]]:
        """Send one body; return what became of it, and what is to be sent instead."""
        status, words = self._ask(body.text)
        done = Written(requests=1, attempts=self.client.attempts)
        if status == DONE:
            return replace(done, acked=body.lines, size=len(body.text)), []
        if status != 413 and FOR_ALL.search(words):
            raise refusal(status, words, body.text, self._place)
        halves = body.halves()
        if status == 413:
            self._max_bytes = min(self._max_bytes, max(len(half.text) for half in halves or [body]))
        if halves:
            return done, halves
        reason = f"status {status}, {words}"
        letter = b"# %b\n%b" % (reason.encode("ascii", "backslashreplace"), body.text)
        return replace(done, refused=(Refused(letter, reason),)), []

    def _ask(self, body: bytes) -> tuple[int, str]:
        policy = self.settings.retention_policy
        params = {"db": self.settings.database or "", "precision": "ns"} | ({"rp": policy} if policy else {})

        def consume(response: "requests.Response") -> tuple[int, str]:
            return response.status_code, words_of(_read(response), self.client.secret)

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

    def count(self, first_ns: int, last_ns: int) -> int:
        """Count the points of the run that the server has, both ends of the window included.

        Points of older runs in the same window carry another `run`, so they do not count.

        Raises:
            RefusedError: the server answers with an error.
            TemporaryError, AccessError, ContractError: as `Client.send`.
        """
        where = f'"run" = {self.target.run_s} AND time >= {first_ns} AND time <= {last_ns}'
        return sum(count for _, count in self._counts("yhat", self.target.measurement, where))

    def recorded(self, first_ns: int, last_ns: int) -> list[int]:
        """Minutes in which runs of the series lie that wrote their forecast, by their records.

        Raises:
            RefusedError: the server answers with an error.
            TemporaryError, AccessError, ContractError: as `Client.send`.
        """
        found: list[int] = []
        for begin in range(first_ns, last_ns + 1, PIECE_NS):
            end = min(last_ns, begin + PIECE_NS - 1)
            where = f"time >= {begin} AND time <= {end} GROUP BY time(1m) fill(none)"
            found += [time for time, _ in self._counts("points", self.target.runs, where)]
        return sorted({*found})

    def _counts(self, field: str, measurement: str, where: str) -> list[tuple[int, int]]:
        """Numbers of points of this series that have a field: time and count of each row of the answer."""
        policy = f"{quoted(self.settings.retention_policy)}." if self.settings.retention_policy else ""
        # names are quoted, the text is bound
        text = f'SELECT count({field}) FROM {policy}{quoted(measurement)} WHERE "series" = $series AND {where}'  # noqa: S608
        bound = json.dumps({"series": self.target.series})
        params = {"db": self.settings.database or "", "epoch": "ns", "q": text, "params": bound}
        headers, accept = {"Accept": "application/json"}, frozenset({200})
        answer = self.client.send("GET", "/query", params=params, headers=headers, accept=accept, consume=_read)
        return _counted(answer, self.client.where)


def _counted(answer: bytes, where: str) -> list[tuple[int, int]]:
    try:
        result = json.loads(answer)["results"][0]
        if "error" in result:
            sentence = f"{seen(result['error'])}; sink.read_back takes a user or token that may read"
            raise RefusedError("E_QUERY", where, f"the points can't be counted: {sentence}")
        rows: list[Any] = result["series"][0]["values"] if result.get("series") else []
        return [(int(time), int(count)) for time, count, *_ in rows]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError("E_ANSWER", where, f"not an answer to a count: {seen(answer[:80])}") from error


def _read(response: "requests.Response") -> bytes:
    """The first 64 KiB of an answer; the rest is read and let go, so that the connection can be kept."""
    kept = b""
    for block in blocks(response):
        kept += block[: MAX_ANSWER_BYTES - len(kept)]
    return kept

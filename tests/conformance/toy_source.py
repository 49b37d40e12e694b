"""A source in one file, as an example: a made-up server that answers `GET /points?metric=M&start=NS&end=NS` with JSON.

Of the answer `{"members": [{"tags": {"host": "a"}, "points": [[TIME_NS, VALUE], ...]}]}`.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cronocast.durations import Duration
from cronocast.errors import ContractError, DataError
from cronocast.handoff.series import tags_text
from cronocast.http.client import blocks, client_of
from cronocast.registry import KindRow
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Number, Span, Text
from cronocast.settings.server import Server
from cronocast.sources.reading import Reading, Window
from cronocast.sources.spool import Spool

ROW = KindRow("tests.conformance.toy_source:Toy", settings="tests.conformance.toy_source:Settings")


@dataclass(frozen=True)
class Settings(Server):
    """Address and sign-in are those of every server; these are the toy's own."""

    kind: str = setting(Text(("toy",)), "toy", "Kind of source.", "extract")
    metric: str = setting(Text(about="the name of a metric"), ..., "Metric to read.", "extract")
    delay: Duration = setting(Span(zero=True), Duration.parse("5s"), "How long data may arrive late.", "extract")
    max_bytes: int = setting(Number(1, 2**30, whole=True), 2**24, "Refuse an answer of more bytes.", "extract")


class Toy:
    """Reads a metric by one request."""

    def read(self, settings: Settings, window: Window, spool: Spool, say: Callable[[str], None]) -> Reading:
        """Put the answer into the spool; the client retries, bounds the time and names every fault of HTTP."""
        client = client_of(settings, "source", say)
        take = partial(_take, settings=settings, window=window, spool=spool, where=client.where)
        params = {"metric": settings.metric, "start": str(window.start_ns), "end": str(window.end_ns)}
        reading = client.send("GET", "/points", params=params, accept=frozenset({200}), consume=take)
        reading.attempts = client.attempts
        client.close()
        return reading


def _take(response: Any, *, settings: Settings, window: Window, spool: Spool, where: str) -> Reading:
    """Check one answer and keep its rows; runs once per try."""
    spool.rewind()
    body, reading = b"", Reading(dropped={"outside_window": 0})
    for block in blocks(response, settings.timeout / 10**9):
        body += block
        if len(body) > settings.max_bytes:
            raise DataError("E_TOO_LARGE", where, f"more than {settings.max_bytes} bytes; shorten lookback")
    try:
        for member in json.loads(body)["members"]:
            rows = [(int(time), float(value)) for time, value in member["points"]]
            if not all(math.isfinite(value) for _, value in rows):
                raise ValueError("a value is not finite")
            inside = [(time, value) for time, value in rows if window.start_ns <= time < window.end_ns]
            reading.rows += len(rows)
            reading.dropped["outside_window"] += len(rows) - len(inside)
            if inside:
                times, lines = [time for time, _ in inside], [b"%d,%r" % row for row in inside]
                ascending = times == sorted(set(times))
                spool.add(
                    settings.metric,
                    tags_text(member["tags"].items()),
                    lines,
                    min(times),
                    max(times),
                    ascending=ascending,
                )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ContractError("E_ANSWER", where, f"{error!a}; right: members with tags and points") from error
    reading.bytes = len(body)
    return reading

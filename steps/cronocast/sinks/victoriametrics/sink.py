"""Writing to VictoriaMetrics, and reading back what a range query returns. 204 is no proof there."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from cronocast.errors import ContractError, seen
from cronocast.formats.line_protocol import record
from cronocast.handoff.rows import Key, Rows
from cronocast.handoff.series import parse_tags, tags_text
from cronocast.http.client import blocks
from cronocast.sinks.influx.batches import Body, forecast_bodies, joined
from cronocast.sinks.influx.sink import Influx
from cronocast.sinks.influx.target import target_of
from cronocast.sinks.points import Point, Writing
from cronocast.sinks.victoriametrics.ladder import MINUTE_NS, MS_NS, refuse_too_long, stamp, stamped, step_of

if TYPE_CHECKING:
    import requests

SETTLE_S = 6.0  # what was written shows after 3.5 to 5 s; whoever asks sooner is told for long that there is nothing
VISIBLE_S = 20.0  # after that it is missing
PAUSE_S = 0.5
MOST_STEPS = 10_000  # of one range query; the server's own limit is 30,000
TEXT = "text_{}"  # label of a text of a record


@dataclass
class VictoriaMetrics(Influx):
    """One server as a sink; see `table.Sink`. Each field becomes a metric `<measurement>_<field>`.

    It has no texts: those of a record are labels `text_...` of the metric `<measurement>_info`, whose value is 1.
    """

    _written: int = field(default=0, init=False)  # forecast points that were made into lines
    _every_ns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ConfigError: line protocol can't carry them.
        """
        there = target_of(self.run)
        self.target = replace(
            there, measurement=doubled(there.measurement), series=doubled(there.series), runs=doubled(there.runs)
        )

    def _forecast(self, members: Collection[Key], rows: Iterable[Rows]) -> Iterator[Body]:
        self.target.keys(members)  # for what it refuses
        keys = {tags: self._key(self.run.measurement, dict(parse_tags(tags))) for _, tags in members}
        self._written = 0
        return forecast_bodies(self._stamped(rows), keys.__getitem__, self.target.run_s, self.settings.batch)

    def _stamped(self, rows: Iterable[Rows]) -> Iterator[Rows]:
        for part in rows:
            self._every_ns = self._every_ns or step_of(part)
            refuse_too_long(part, self.run.time_ns, self._every_ns)
            self._written += part.count
            yield stamped(part, self.run.time_ns, self._every_ns)

    def _key(self, measurement: str, tags: Mapping[str, str]) -> bytes:
        pairs = ((doubled(name), doubled(value)) for name, value in tags.items())
        return self.target.key(doubled(measurement), tags_text(pairs))

    def record(self, points: Iterable[Point]) -> Writing:
        """Send other points; those with texts as two lines, which count as one."""
        known = list(points)
        for lines, counts in ((self._first(known), True), (self._second(known), False)):
            for done in self._deliver(joined(lines, self.settings.batch)):
                yield done if counts else replace(done, acked=0)

    def _others(self, points: Iterable[Point]) -> Iterator[Body]:
        known = list(points)
        return joined(chain(self._first(known), self._second(known)), self.settings.batch)

    def _first(self, points: Iterable[Point]) -> Iterator[bytes]:
        return (line for point in points for line in islice(self._lines(point), 1))

    def _second(self, points: Iterable[Point]) -> Iterator[bytes]:
        return (line for point in points for line in islice(self._lines(point), 1, None))

    def _lines(self, point: Point) -> Iterator[bytes]:
        """One line for the numbers of a point, and one for its texts, if it has them."""
        at = stamp(point.time_ns, self.run.time_ns)
        numbers = {name: value for name, value in point.fields.items() if not isinstance(value, str)}
        texts = {
            TEXT.format(name): " ".join(value.split())
            for name, value in point.fields.items()
            if isinstance(value, str) and value.split()
        }
        if line := record(self._key(point.measurement, dict(parse_tags(point.tags))), numbers, at):
            yield line
        if texts:
            tags = {**texts, **dict(parse_tags(point.tags))}
            yield record(self._key(point.measurement, tags), {"info": 1}, at)

    def count(self, first_ns: int, last_ns: int) -> int:
        """Count the steps of a window at which a range query returns this run; waits until they show.

        Raises:
            TemporaryError, AccessError, RefusedError, ContractError: as `Client.send`.
        """
        time.sleep(SETTLE_S if self._written else 0)
        until = time.monotonic() + VISIBLE_S
        while (found := self._returned(first_ns, last_ns)) < self._written and time.monotonic() < until:
            time.sleep(PAUSE_S)
        return found

    def _returned(self, first_ns: int, last_ns: int) -> int:
        every = self._every_ns or MINUTE_NS
        found = 0
        for begin in range(first_ns, last_ns + 1, every * MOST_STEPS):
            end = min(last_ns, begin + every * (MOST_STEPS - 1))
            asked = f"last_over_time({self._selector(self.run.measurement, 'run')}[{every // MS_NS}ms])"
            params = {"query": asked, "start": _s(begin), "end": _s(end), "step": f"{every // MS_NS}ms", "nocache": "1"}
            answer = self._get("/api/v1/query_range", params)
            found += sum(run == self.target.run_s for run in _range_values(answer, self.client.where))
        return found

    def recorded(self, first_ns: int, last_ns: int) -> list[int]:
        """Minutes in which runs of the series lie that wrote their forecast, by their records.

        Raises:
            TemporaryError, AccessError, RefusedError, ContractError: as `Client.send`.
        """
        params = {"match[]": self._selector(self.run.runs, "points"), "start": _s(first_ns), "end": _s(last_ns)}
        times = _export_times(self._get("/api/v1/export", params), self.client.where)
        kept = (time_ns for time_ns in times if first_ns <= time_ns <= last_ns)
        return sorted({time_ns // MINUTE_NS * MINUTE_NS for time_ns in kept})

    def _selector(self, measurement: str, name: str) -> str:
        metric, series = json.dumps(f"{measurement}_{name}", ensure_ascii=False), self.run.series
        return f"{{__name__={metric},series={json.dumps(series, ensure_ascii=False)}}}"

    def _get(self, path: str, params: dict[str, str]) -> bytes:
        return self.client.send("GET", path, params=params, accept=frozenset({200}), consume=_whole)


def doubled(text: str) -> str:
    """Text for line protocol as this server reads it: two backslashes are one, where InfluxDB takes them as two."""
    return text.replace("\\", "\\\\")


def _s(time_ns: int) -> str:
    return f"{time_ns // MS_NS / 1000:.3f}"


def _range_values(answer: bytes, where: str) -> Iterator[float]:
    try:
        found: list[Any] = json.loads(answer)["data"]["result"]
        return iter([float(value) for one in found for _, value in one["values"]])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ContractError("E_ANSWER", where, f"{seen(answer[:80])} is no answer to a range query") from error


def _export_times(answer: bytes, where: str) -> list[int]:
    try:
        return [int(at) * MS_NS for line in answer.splitlines() for at in json.loads(line)["timestamps"]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ContractError("E_ANSWER", where, f"{seen(answer[:80])} is no export of VictoriaMetrics") from error


def _whole(response: "requests.Response") -> bytes:
    return b"".join(blocks(response))

"""How the suite of sinks speaks to each kind: its settings, and how what it stores is read back."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from demo.influxd import Influxd
from tests.load_run import signed_in
from tests.lying_server import Answer, Behaviour, LyingServer, Seen, status
from tests.victoriametrics import victoriametrics

Points = list[dict[str, Any]]  # time, tags, series and fields side by side


@dataclass(frozen=True)
class Place:
    """A place that keeps what a sink writes."""

    settings: dict[str, Any]  # of the sink
    points: Callable[[str], Points]  # of a measurement


class Adapter(Protocol):
    """One kind of sink as the suite needs it."""

    @property
    def ok(self) -> Answer | None:
        """How its server acknowledges a request; None: there is no server, and faults of HTTP do not apply."""
        ...

    @property
    def record_lines(self) -> int:
        """Lines of a dry run for one record."""
        ...

    @property
    def digits(self) -> int:
        """Significant digits that come back unchanged; 17 is every one."""
        ...

    def settings(self, url: str) -> dict[str, Any]:
        """Settings that write to a server that lies."""
        ...

    def place(self, folder: Path, database: Callable[[], tuple[Influxd, str]]) -> Place:
        """A real place, empty."""
        ...

    def refusing(self, folder: Path, above: float) -> Any:
        """A context that gives settings of a place which refuses exactly the points whose yhat is above a value."""
        ...


@dataclass(frozen=True)
class Influx:
    ok: Answer | None = status(204)
    record_lines: int = 1
    digits: int = 17

    def settings(self, url: str) -> dict[str, Any]:
        return {"url": url, "database": "d", "timeout": "1s", "retry_for": "0s", "batch": 100}

    def place(self, folder: Path, database: Callable[[], tuple[Influxd, str]]) -> Place:
        server, name = database()

        def points(measurement: str) -> Points:
            return server.query(f'SELECT * FROM "{measurement}"', name)

        return Place({"url": server.url, **signed_in(server, folder, name), "batch": 7}, points)

    @contextmanager
    def refusing(self, folder: Path, above: float) -> Iterator[dict[str, Any]]:
        def choose(request: Seen) -> Behaviour:
            yhats = [line.partition(b" yhat=")[2].partition(b",")[0] for line in request.body.splitlines()]
            bad = any(float(yhat) > above for yhat in yhats if yhat)
            return status(400, '{"error":"unable to parse"}') if bad else status(204)

        with LyingServer(choose) as server:
            yield self.settings(server.url)


@dataclass(frozen=True)
class VictoriaMetrics(Influx):
    record_lines: int = 2  # numbers, and texts as labels
    digits: int = 9  # it keeps about 12, in its own rounding

    def settings(self, url: str) -> dict[str, Any]:
        own = {"kind": "victoriametrics", "url": url, "timeout": "1s", "retry_for": "0s", "batch": 100}
        return {**own, "read_back": False}  # who lies about writes has nothing to read

    def place(self, folder: Path, database: Callable[[], tuple[Influxd, str]]) -> Place:
        server = victoriametrics()
        server.clear()

        def points(measurement: str) -> Points:
            return _points_of(server.export(), measurement)

        return Place({"kind": "victoriametrics", "url": server.url, "batch": 7}, points)


def _points_of(exported: list[dict[str, Any]], measurement: str) -> Points:
    """Metrics of a measurement as points: stamps lie less than a minute before the times that they stand for."""
    found: dict[str, dict[str, Any]] = {}
    for one in exported:
        labels = dict(one["metric"])
        name, tags = labels.pop("__name__").removeprefix(f"{measurement}_"), dict[str, Any]()
        if not one["metric"]["__name__"].startswith(f"{measurement}_") or name.startswith("runs_"):
            continue
        texts = {key.removeprefix("text_"): value for key, value in labels.items() if key.startswith("text_")}
        tags = {key: value for key, value in labels.items() if not key.startswith("text_")}
        for value, at in zip(one["values"], one["timestamps"], strict=True):
            time = -(-at // 60_000) * 60 * 10**9
            point = found.setdefault(json.dumps([time, tags], sort_keys=True), {"time": time, **tags})
            point.update(texts if name == "info" else {name: value})
    return list(found.values())


@dataclass(frozen=True)
class Toy:
    ok: Answer | None = None
    record_lines: int = 1
    digits: int = 17

    def settings(self, url: str) -> dict[str, Any]:
        return {"kind": "toy", "file": url}

    def place(self, folder: Path, database: Callable[[], tuple[Influxd, str]]) -> Place:
        file = folder / "points.jsonl"

        def points(measurement: str) -> Points:
            kept = map(json.loads, file.read_text().splitlines())
            return [{"time": time, **tags, **values} for (name, time, tags), values in kept if name == measurement]

        return Place(self.settings(str(file)), points)

    @contextmanager
    def refusing(self, folder: Path, above: float) -> Iterator[dict[str, Any]]:
        yield {**self.settings(str(folder / "points.jsonl")), "highest": above}


ADAPTERS: dict[str, Adapter] = {"influx": Influx(), "victoriametrics": VictoriaMetrics(), "toy": Toy()}

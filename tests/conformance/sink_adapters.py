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
class Toy:
    ok: Answer | None = None

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


ADAPTERS: dict[str, Adapter] = {"influx": Influx(), "toy": Toy()}

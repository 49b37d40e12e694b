"""A sink in one file, as an example: every point is one line of JSON in a file, the same point again replaces it."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cronocast.handoff.files import atomic
from cronocast.handoff.rows import Key, Rows
from cronocast.handoff.series import parse_tags
from cronocast.registry import KindRow
from cronocast.settings.declare import setting
from cronocast.settings.kinds import Flag, Number, Text
from cronocast.sinks.points import Point, Refused, Run, Writing, Written

ROW = KindRow("tests.conformance.toy_sink:Toy", settings="tests.conformance.toy_sink:Settings")


@dataclass(frozen=True)
class Settings:
    """Where the forecast goes."""

    kind: str = setting(Text(("toy",)), "toy", "Kind of sink.", "load")
    file: str = setting(Text(about="the path of a file"), ..., "File of the points.", "load")
    measurement: str | None = setting(Text(about="a name"), None, "Name of the points.", "load")
    highest: float = setting(Number(-1e300, 1e300), 1e300, "Refuse points above it.", "load")
    runs: bool = setting(Flag(), True, "Also write records.", "load")


@dataclass
class Toy:
    """One file; see `table.Sink`. Nothing is stored before every point has come."""

    settings: Settings
    run: Run
    say: Callable[[str], None]
    extension: str = "jsonl"

    def write(self, members: Collection[Key], rows: Iterable[Rows]) -> Writing:
        yield self._store(self._points(rows))

    def record(self, points: Iterable[Point]) -> Writing:
        yield self._store(points)

    def encoded(self, members: Collection[Key], rows: Iterable[Rows], points: Iterable[Point]) -> Iterator[bytes]:
        return map(self._line, chain(self._points(rows), points))

    def count(self, first_ns: int, last_ns: int) -> int:
        raise NotImplementedError  # its row does not say `can_count`

    def recorded(self, first_ns: int, last_ns: int) -> list[int]:
        raise NotImplementedError  # as `count`

    def _points(self, rows: Iterable[Rows]) -> Iterator[Point]:
        for part in rows:
            for time, *values in zip(part.times, *part.values, strict=True):
                fields = dict(zip(part.columns, map(float, values), strict=True))
                yield Point(self.run.measurement, part.tags, int(time), {**fields, "run": self.run.time_ns // 10**9})

    def _line(self, point: Point) -> bytes:
        tags = {**dict(parse_tags(point.tags)), "series": self.run.series}
        fields = {name: value for name, value in point.fields.items() if value is not None}
        return json.dumps([[point.measurement, point.time_ns, tags], fields]).encode() + b"\n"

    def _store(self, points: Iterable[Point]) -> Written:
        path, kept, acked, refused = Path(self.settings.file), dict[str, bytes](), 0, list[Refused]()
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            kept[_identity(line)] = line
        for point in points:
            line, yhat = self._line(point), point.fields.get("yhat")
            if isinstance(yhat, float) and yhat > self.settings.highest:
                refused.append(Refused(line, f"{yhat} is above the highest value"))
            else:
                kept[_identity(line)], acked = line, acked + 1
        with atomic(path) as file:
            file.writelines(kept.values())
        return Written(acked, sum(map(len, kept.values())), 1, 1, tuple(refused))


def _identity(line: bytes) -> str:
    return json.dumps(json.loads(line)[0])

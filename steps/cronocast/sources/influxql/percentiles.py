"""Low percentiles: of a step with too few points for one the server gives none, and may end its whole answer there.

So the points of such steps are read. The server picks the nearest rank: of n points in order number
`floor(n * percentile / 100 + 0.5)`, counted from 1. Where that is 0 it picks none; the lowest point stands for it here.
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from cronocast.errors import ContractError
from cronocast.sources.reading import Window
from cronocast.sources.spool import Rows

MOST = 50  # stretches of points that are asked for one by one; beyond it near ones are joined


class Part(NamedTuple):
    """What one request asks for: values of the server, or the points."""

    window: Window
    points: bool


def rank(points: int, percentile: float) -> int:
    """Which of so many points in order is the percentile, counted from 1; 0 where the server picks none."""
    return math.floor(points * percentile / 100 + 0.5)


def least_points(percentile: float) -> int:
    """The fewest points of which the server picks one."""
    points = max(1, math.floor(50 / percentile) - 1)
    while rank(points, percentile) < 1:
        points += 1
    return points


def parts_of(window: Window, thin: Iterable[int]) -> list[Part]:
    """The window in parts: stretches around thin steps are read as points.

    Args:
        window: What is read, of whole steps.
        thin: Times of steps that have too few points.
    """
    parts, at = [], window.start_ns
    for start, end in _stretches(sorted(thin), window.every_ns):
        if at < start:
            parts.append(Part(Window(at, start, window.every_ns), points=False))
        parts.append(Part(Window(start, end, window.every_ns), points=True))
        at = end
    return [*parts, Part(Window(at, window.end_ns, window.every_ns), points=False)] if at < window.end_ns else parts


def _stretches(steps: list[int], every_ns: int) -> list[tuple[int, int]]:
    """Where neighbours lie, as [start, end); at most MOST of them, so that near ones are joined too."""
    gaps = sorted((later - earlier for earlier, later in pairwise(steps)), reverse=True)
    joined = max(every_ns, gaps[MOST - 1] if len(gaps) >= MOST else 0)
    found: list[tuple[int, int]] = []
    for step in steps:
        if found and step - (found[-1][1] - every_ns) <= joined:
            found[-1] = (found[-1][0], step + every_ns)
        else:
            found.append((step, step + every_ns))
    return found


class Percentiles:
    """Takes points in order of time, member by member, and puts one value per step into the spool.

    Attributes:
        points: Points taken.
        steps: Values given.
        lowest: Of these, those that are the lowest point because the server would pick none.
    """

    def __init__(self, spool: Rows, every_ns: int, percentile: float, where: str) -> None:
        self._spool, self._every_ns, self._percentile, self._where = spool, every_ns, percentile, where
        self._member, self._step = ("", ""), -1
        self._values: list[bytes] = []
        self.points = self.steps = self.lowest = 0

    def add(self, name: str, tags: str, lines: list[bytes], first_ns: int, last_ns: int, *, ascending: bool) -> None:
        """Take points of one member, as `Spool.add` does rows.

        Raises:
            ContractError: they go back in time.
        """
        del first_ns, last_ns, ascending  # points of one time are no fault here
        self.points += len(lines)
        for line in lines:
            time, _, value = line.partition(b",")
            step = int(time) // self._every_ns * self._every_ns
            if step != self._step or (name, tags) != self._member:
                if step < self._step and (name, tags) == self._member:
                    raise ContractError("E_ORDER", self._where, "points out of order; an InfluxDB sends them by time")
                self.flush()
                self._member, self._step = (name, tags), step
            self._values.append(value)

    def flush(self) -> None:
        """Give the value of the last step."""
        if not self._values:
            return
        picked = rank(len(self._values), self._percentile)
        value = sorted(self._values, key=float)[max(picked, 1) - 1]
        self._spool.add(*self._member, [b"%d,%s" % (self._step, value)], self._step, self._step, ascending=True)
        self.steps, self.lowest = self.steps + 1, self.lowest + (picked < 1)
        self._values = []

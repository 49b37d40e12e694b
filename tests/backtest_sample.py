"""Small histories for the tests of the backtest command."""

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cronocast.backtest.request import Request, make_request
from cronocast.durations import parse_stamp
from cronocast.handoff.series import HISTORY_COLUMNS, Member, header, rows

HOUR = 3600 * 10**9
START = parse_stamp("2026-01-05T00:00:00Z")
Curve = Callable[[int], float]


def member(curve: Curve, steps: int, tags: str = "", noise: float = 0.0, first: int = 0, step: int = HOUR) -> Member:
    """A member whose values follow a curve over step numbers."""
    rng = np.random.default_rng(len(tags) + steps)
    made = Member("cpu", tags, array("q"), (array("d"),))
    for i in range(first, steps):
        made.time_ns.append(START + i * step)
        made.columns[0].append(curve(i) + noise * float(rng.normal()))
    return made


def wave(i: int) -> float:
    """A day that repeats."""
    return 50 + 10 * float(np.sin(2 * np.pi * i / 24))


def write(path: Path, members: Sequence[Member]) -> Path:
    path.write_bytes(header(HISTORY_COLUMNS) + b"".join(rows(m) for m in members))
    return path


def request(
    path: Path,
    models: str = "auto",
    origins: int | None = None,
    horizon: str = "12h",
    out: Path | None = None,
    **texts: str | None,
) -> Request:
    return make_request(path, out, None, models, origins, {"horizon": horizon, "jobs": "1", **texts})

"""What the product and predict_linear say of an hourly series whose future is known, beside the truth."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.crossing_kinds import Floats
from cronocast.monitor.crossing.calibrate import calibration
from cronocast.monitor.crossing.event import Event
from cronocast.monitor.crossing.find import crossings

HOUR_NS = 3600 * 10**9
START_NS = 1_740_009_600 * 10**9  # a midnight
WINDOWS = (6, 24, 168)  # hours that predict_linear looks back
INF = float("inf")


class Dates(NamedTuple):
    """What was stated of one series, and the truth, in hours from the newest value; inf for never."""

    earliest: float
    median: float
    latest: float
    dated: bool  # whether the state names a date
    p_7d: float  # chance to cross within a week
    find_s: float  # CPU
    calibrate_s: float
    truth: float
    reach: float
    linear: tuple[float, ...]  # by predict_linear over WINDOWS

    @property
    def inside(self) -> bool:
        """Whether the stated range holds the truth."""
        return self.earliest <= self.truth <= self.latest

    def error(self, stated: float) -> float:
        """Days between a stated date and the truth, both no farther than the reach."""
        return abs(min(stated, self.reach) - min(self.truth, self.reach)) / 24


@dataclass(frozen=True)
class Aim:
    """A figure and whether it is good enough."""

    what: str
    figure: float
    low: float = -INF
    high: float = INF

    @property
    def met(self) -> bool:
        """Whether the figure is in its range."""
        return self.low <= self.figure <= self.high


def predict_linear(y: Floats, limit: float, window: int) -> float:
    """Hours until the line through the newest values reaches the limit; inf where it never does."""
    t = np.arange(1 - min(window, y.size), 1)
    slope, level = np.polyfit(t, y[-t.size :], 1)
    return 0.0 if level >= limit else (limit - level) / slope if slope > 1e-12 else INF


class Shape(NamedTuple):
    """How a series is handed over."""

    step_ns: int = HOUR_NS
    above: bool = True  # False: upside down, with a limit below
    missing: float = 0.0  # share of values, and besides two days in the middle

    def kept(self, n: int, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which of n values there are; always the newest."""
        kept = np.random.default_rng([seed, 600]).random(n) >= self.missing
        if self.missing:
            kept[n // 2 : n // 2 + 48 * HOUR_NS // self.step_ns] = False
        kept[-1] = True
        return kept


HOURLY = Shape()


def judged(past: Floats, future: Floats, limit: float, seed: int, calibrated: bool, shape: Shape = HOURLY) -> Dates:
    """Ask the product about a history, and predict_linear too."""
    kept, sign, hours = shape.kept(past.size, seed), 1 if shape.above else -1, shape.step_ns / HOUR_NS
    time_ns = (START_NS + np.arange(past.size, dtype=np.int64) * shape.step_ns)[kept]
    y, event, began = sign * past[kept], Event(sign * limit, shape.above), time.process_time()
    widen = calibration(time_ns, y, shape.step_ns, event, future.size, seed) if calibrated else 1.0
    between = time.process_time()
    (found,) = crossings(time_ns, y, shape.step_ns, (event,), future.size, seed, widen)
    find_s, hit = time.process_time() - between, np.flatnonzero(future >= limit)
    earliest, median, latest = (
        INF if at is None else (at - int(time_ns[-1])) / HOUR_NS
        for at in (found.earliest_ns, found.crosses_ns, found.latest_ns)
    )
    return Dates(
        earliest=earliest,
        median=median,
        latest=latest,
        dated=found.state in ("over", "date", "open"),
        p_7d=found.p_7d or 0.0,
        find_s=find_s,
        calibrate_s=between - began,
        truth=(hit[0] + 1.0) * hours if hit.size else INF,
        reach=future.size * hours,
        linear=tuple(hours * predict_linear(past, limit, max(2, round(window / hours))) for window in WINDOWS),
    )


def percent(values: Sequence[bool] | Iterator[bool]) -> float:
    """Share in percent."""
    return 100 * float(np.mean(list(values)))


def head(*names: str) -> str:
    """Head of a table."""
    return "\n".join(("", "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)))


def geometric(values: Sequence[float]) -> float:
    """Geometric mean."""
    return float(np.exp(np.mean(np.log(values))))

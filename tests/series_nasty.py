"""Series that nobody should send and somebody will.

They go by number; each is a mix of a shape, a size, what is missing, and a request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator

SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS
STEPS_S = (1, 60, 300, 3600, 86_400)
SIZES = (0, 1, 2, 3, 4, 5, 8, 13, 24, 49, 100, 170, 340, 700)
# of the sizes: long ones cost most and hide least
SHARES = (0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.07, 0.08, 0.1, 0.13, 0.1, 0.08, 0.05, 0.03)
LEVELS = (0.5, 0.8, 0.95, 0.99)


@dataclass(frozen=True)
class Nasty:
    """One member and what is asked of it."""

    name: str
    step_ns: int
    time_ns: "NDArray[np.int64]"
    y: Floats
    settings: Mapping[str, Any]


def _spikes(n: int, rng: Rng) -> Floats:
    return np.where(rng.random(n) < 0.05, 10.0 ** rng.uniform(0, 12), rng.normal(size=n))


def _one_changed(n: int, rng: Rng) -> Floats:
    y = np.full(n, rng.normal())
    y[rng.integers(max(n, 1)) if rng.random() < 0.5 else -1 :][:1] += 10.0 ** rng.uniform(-12, 12)
    return y


def _counter(n: int, rng: Rng) -> Floats:
    return np.cumsum(rng.integers(0, 9, n)).astype(float) % (1 + n)


def _steps(n: int, rng: Rng) -> Floats:
    return 100.0 * np.repeat(rng.normal(size=max(1, n)), 1 + rng.integers(30))[:n]


def _wave(n: int, rng: Rng) -> Floats:
    return np.asarray(
        np.sin(np.arange(n) / rng.choice([2, 3, 7, 24, 50.5]) * 2 * np.pi)
        + rng.choice([0, 1e-9, 0.3]) * rng.normal(size=n)
    )


def _growth(n: int, rng: Rng) -> Floats:
    return np.asarray(np.exp(np.minimum(np.arange(n) * rng.uniform(-3, 3), 690.0)))


SHAPES: Mapping[str, Callable[[int, Rng], Floats]] = {
    "constant": lambda n, rng: np.full(n, rng.choice([0.0, -0.0, 1.0, -3.7])),
    "one value changed": _one_changed,
    "spikes": _spikes,
    "alternating": lambda n, rng: np.resize([1.0, -1.0], n) * rng.uniform(0, 9),
    "ramp": lambda n, rng: np.arange(float(n)) * float(rng.normal()),
    "ramp that falls to zero": lambda n, rng: np.arange(n, dtype=float) % max(2, n // int(rng.integers(2, 9))),
    "counter": _counter,
    "steps": _steps,
    "wave": _wave,
    "noise": lambda n, rng: rng.normal(size=n),
    "heavy tails": lambda n, rng: rng.standard_cauchy(n),
    "walk": lambda n, rng: np.cumsum(rng.normal(size=n)),
    "growth": _growth,
    "two values": lambda n, rng: rng.integers(0, 2, n).astype(float),
    "mostly zero": lambda n, rng: np.where(rng.random(n) < 0.03, 1.0, 0.0),
    "integers near 2^63": lambda n, rng: np.array([float(2**63 - int(k)) for k in rng.integers(0, 5000, n)]),
}
SCALES: Mapping[str, Callable[[Floats], Floats]] = {
    "": lambda y: y,
    "times 1e300": lambda y: y * 1e300,
    "times 1e-300": lambda y: y * 1e-300,
    "times the smallest number": lambda y: np.round(y) * 5e-324,
    "on a level of 1e15": lambda y: y + 1e15,
    "at the edge of doubles": lambda y: np.where(y > 0, 1.7976931348623157e308, -1.7976931348623157e308),
}


def _missing(y: Floats, rng: Rng) -> tuple[str, Floats]:
    """Take values away."""
    kind, n = rng.integers(7), y.size
    if kind == 1:
        return "a tenth missing", np.where(rng.random(n) < 0.1, np.nan, y)
    if kind == 2:
        return "nine tenths missing", np.where(rng.random(n) < 0.9, np.nan, y)
    if kind == 3:
        first = int(rng.integers(n + 1))
        return "an outage", np.where((np.arange(n) >= first) & (np.arange(n) < first + n // 2), np.nan, y)
    if kind == 4:
        return "silent at the end", np.where(np.arange(n) > n * rng.random(), np.nan, y)
    if kind == 5:
        return "some infinite", np.where(rng.random(n) < 0.05, np.inf * rng.choice([-1, 1]), y)
    return "", y


def nasty(number: int) -> Nasty:
    """Make the series with this number; the same at every call."""
    rng = np.random.default_rng((2026, number))
    n = int(rng.choice(SIZES, p=SHARES))
    shape, scale = (str(rng.choice(list(table))) for table in (SHAPES, SCALES))
    step_ns = int(rng.choice(STEPS_S)) * SECOND_NS
    with np.errstate(all="ignore"):
        y = np.clip(SCALES[scale](SHAPES[shape](n, rng)), -1.7976931348623157e308, 1.7976931348623157e308)
    said, y = _missing(y, rng)
    h = int(rng.choice([1, 2, 7, 24, 60]))
    clip = [(None, None), (0.0, None), (0.0, 100.0), (None, -1e9)][rng.choice(4, p=[0.6, 0.2, 0.1, 0.1])]
    start = START_NS // step_ns * step_ns
    late = int(rng.choice([0, 0, 0, 1, 30]))  # steps between the last value and the first forecast
    settings = {"horizon": h, "end_ns": start + step_ns * (n + late), "level": float(rng.choice(LEVELS)), "clip": clip}
    name = ", ".join(
        part
        for part in (
            f"{number}: {n} of {shape}",
            scale,
            said,
            f"step {step_ns // SECOND_NS} s",
            f"h {h}",
            f"late {late}",
        )
        if part
    )
    return Nasty(name, step_ns, start + step_ns * np.arange(n, dtype=np.int64), y, settings)

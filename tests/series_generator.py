"""Series of known kind: the twelve cases that a classifier must get right, and what spoils them in practice.

Every case is a function of a `Setting` that returns values of about unit size; `make` adds offset, scale and times.
Noise levels 0 to 4 go from hardly visible to where a person who looks at the plot would hesitate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SECOND = 10**9
STEPS_S = (60, 300, 3600, 86400)
WEEKS = (3, 4, 6, 8, 12)
SCALES = ((0.0, 1.0), (1e6, 1e3), (-5.0, 1e-6))  # offset, factor
SEEDS = tuple(range(10))
WAVE_NOISE = (0.02, 0.1, 0.3, 0.7, 1.2)  # standard deviation, where a wave has amplitude 1 and a square wave height 2
FEW = 0.5  # with fewer than 100 points the same noise hides more
START_NS = 1_735_689_600 * SECOND  # Wednesday 2025-01-01T00:00Z


@dataclass(frozen=True)
class Setting:
    """One variation of a case."""

    step_s: int = 3600
    weeks: int = 4
    noise: int = 1  # level 0..4
    scale: int = 0  # index in SCALES
    seed: int = 0

    @property
    def size(self) -> int:
        return self.weeks * 7 * 86400 // self.step_s

    @property
    def day(self) -> int:
        return 86400 // self.step_s

    @property
    def random(self) -> np.random.Generator:
        return np.random.default_rng([self.step_s, self.weeks, self.noise, self.scale, self.seed])


@dataclass(frozen=True)
class Series:
    """What a case makes: rows and the right answer."""

    time_ns: Ints
    y: Floats
    series_class: str
    periods: tuple[int, ...] = ()
    changes: tuple[int, ...] = ()  # indices where a new level or slope begins


Values = tuple[Floats, str, tuple[int, ...], tuple[int, ...]]
Case = Callable[[Setting, np.random.Generator], Values]


def make(case: Case, setting: Setting) -> Series:
    """Rows of one variation."""
    y, kind, periods, changes = case(setting, setting.random)
    offset, factor = SCALES[setting.scale]
    return Series(START_NS + np.arange(y.size) * (setting.step_s * SECOND), offset + factor * y, kind, periods, changes)


def _wave(s: Setting, rng: np.random.Generator, period: int) -> Floats:
    return np.asarray(np.sin(2 * np.pi * (np.arange(s.size) / period + rng.random())))


def _noise(s: Setting, rng: np.random.Generator) -> Floats:
    return WAVE_NOISE[s.noise] * (FEW if s.size < 100 else 1.0) * rng.normal(size=s.size)


def _ar(rng: np.random.Generator, size: int, memory: float) -> Floats:
    shocks, y = rng.normal(size=size + 100), np.empty(size + 100)
    last = 0.0
    for i, shock in enumerate(shocks):
        last = memory * last + shock
        y[i] = last
    return np.asarray(y[100:] * np.sqrt(1 - memory**2))


def ramp(s: Setting, rng: np.random.Generator) -> Values:
    return np.linspace(0, 10, s.size) + (0.0, 0.001, 0.01, 0.1, 1.0)[s.noise] * rng.normal(size=s.size), "trend", (), ()


def weak_trend(s: Setting, rng: np.random.Generator) -> Values:
    """Rises by 4 down to 1 standard deviation of the noise, never by less than seven standard errors."""
    rise = max((4.0, 3.0, 2.0, 1.5, 1.0)[s.noise], 7 * np.sqrt(12 / s.size))
    return rng.choice([-1, 1]) * np.linspace(0, rise, s.size) + rng.normal(size=s.size), "trend", (), ()


def trend_and_daily(s: Setting, rng: np.random.Generator) -> Values:
    return np.linspace(0, 20, s.size) + _wave(s, rng, s.day) + _noise(s, rng), "trend_seasonal", (s.day,), ()


def weekly(s: Setting, rng: np.random.Generator) -> Values:
    return _wave(s, rng, 7 * s.day) + _noise(s, rng), "seasonal", (7 * s.day,), ()


def weekend(s: Setting, rng: np.random.Generator) -> Values:
    day = (np.arange(s.size) + rng.integers(7 * s.day)) // s.day
    return np.where(day % 7 < 5, 1.0, -1.0) + _noise(s, rng), "seasonal", (7 * s.day,), ()


def daily(s: Setting, rng: np.random.Generator) -> Values:
    return _wave(s, rng, s.day) + _noise(s, rng), "seasonal", (s.day,), ()


def random_walk(s: Setting, rng: np.random.Generator) -> Values:
    return (
        np.cumsum(rng.normal(size=s.size)) + (0.0, 0.25, 0.5, 1.0, 2.0)[s.noise] * rng.normal(size=s.size),
        "irregular",
        (),
        (),
    )


def white_noise(s: Setting, rng: np.random.Generator) -> Values:
    shapes: tuple[Callable[[], Floats], ...] = (
        lambda: rng.normal(size=s.size),
        lambda: rng.uniform(size=s.size),
        lambda: rng.laplace(size=s.size),
        lambda: rng.exponential(size=s.size),
        lambda: rng.standard_t(4, size=s.size),
    )
    return shapes[s.noise](), "irregular", (), ()


def constant(s: Setting, _rng: np.random.Generator) -> Values:
    return np.full(s.size, (0.0, 1.0, -3.7, 1e-300, 1e300)[s.noise]), "constant", (), ()


def ar_1(s: Setting, rng: np.random.Generator) -> Values:
    return _ar(rng, s.size, 0.9) + (0.0, 0.1, 0.2, 0.3, 0.5)[s.noise] * rng.normal(size=s.size), "irregular", (), ()


def disk_sawtooth(s: Setting, rng: np.random.Generator) -> Values:
    """Rises by about 1 a tooth, falls by most of it at irregular times, up to 7 teeth of at least 8 steps.

    There is noise up to 0.08.
    """
    teeth = rng.uniform(0.6, 1.4, size=max(2, min(int(rng.integers(4, 8)), s.size // 14)))
    drops = (np.cumsum(teeth)[:-1] / teeth.sum() * s.size).astype(int)
    slope = teeth.size / s.size
    y = slope * np.arange(s.size)
    for at in drops:
        y[at:] -= rng.uniform(0.6, 0.95) * min(1.0, y[at] - y.min() + 0.3)
    return (
        y + (0.002, 0.005, 0.01, 0.03, 0.08)[s.noise] * rng.normal(size=s.size),
        "trend",
        (),
        tuple(int(d) for d in drops),
    )


# The twelve, with the steps at which they make sense.
CASES: dict[str, tuple[Case, tuple[int, ...]]] = {
    "ramp": (ramp, STEPS_S),
    "weak trend": (weak_trend, STEPS_S),
    "trend and daily wave": (trend_and_daily, STEPS_S[:3]),
    "weekly wave": (weekly, STEPS_S),
    "weekend": (weekend, STEPS_S),
    "daily wave at 5 min": (daily, (300,)),
    "random walk": (random_walk, STEPS_S),
    "white noise": (white_noise, STEPS_S),
    "constant": (constant, STEPS_S),
    "ar(1)": (ar_1, STEPS_S),
    "daily wave": (daily, STEPS_S[:3]),
    "disk sawtooth": (disk_sawtooth, STEPS_S),
}


def settings(steps_s: tuple[int, ...], count: int) -> Iterator[Setting]:
    """About `count` variations; every level of every property comes, long series seldom, since they cost most."""
    grid = [
        Setting(*p)
        for p in product(steps_s, WEEKS, range(5), range(len(SCALES)), SEEDS)
        if p[0] * 24 <= p[1] * 7 * 86400
    ]
    order = np.random.default_rng(len(grid)).permutation(len(grid))
    left = {20_000: count // 25, 10_000: count // 8}
    chosen = 0
    for i in order:
        setting = grid[i]
        length = next((least for least in left if setting.size > least), None)
        if length is not None:
            left[length] -= 1
            if left[length] < 0:
                continue
        chosen += 1
        yield setting
        if chosen == count:
            return

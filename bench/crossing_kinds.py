# ruff: noqa: ARG001 - every kind takes the same arguments
"""Series of many kinds whose future is known, hourly, each with a limit: those that cross it, and those that do not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Time:
    """The hours of a series: `past` of history, then `ahead` of future."""

    past: int
    ahead: int

    @property
    def hour(self) -> NDArray[np.int64]:
        """Index of each hour."""
        return np.arange(self.past + self.ahead)

    @property
    def day(self) -> Floats:
        """Days from the newest hour of the history on."""
        return (self.hour - self.past + 1) / 24.0


Made = tuple[Floats, float]
Maker = Callable[[np.random.Generator, Time, float], Made]


def noise(rng: np.random.Generator, phi: float, sd: float, n: int) -> Floats:
    """AR(1) with this standard deviation, shape (n,)."""
    out = rng.normal(0, sd * np.sqrt(1 - phi * phi), n)
    out[0] = rng.normal(0, sd)
    for i in range(1, n):
        out[i] += phi * out[i - 1]
    return out


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is equally likely everywhere."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _from_now(y: Floats, time: Time, level: float, distance: float) -> Made:
    """The series moved so that it stands at a level now, and a limit that far above."""
    return y - y[time.past - 1] + level, level + distance


def walk(low: float, high: float) -> Maker:
    """Random walk with drift, its daily standard deviation in a range of drifts."""

    def made(rng: np.random.Generator, time: Time, days: float) -> Made:
        slope = rng.uniform(0.6, 1.8)
        y = np.cumsum(rng.normal(slope / 24, slope * rng.uniform(low, high) / np.sqrt(24), time.hour.size))
        return _from_now(y, time, 40.0, slope * days)

    return made


def trend(phi: float, low: float, high: float) -> Maker:
    """A line with noise of one memory and a standard deviation in a range of days of growth."""

    def made(rng: np.random.Generator, time: Time, days: float) -> Made:
        slope, off = rng.uniform(0.5, 2.0), rng.uniform(low, high)
        y = 30 + slope * (time.day + noise(rng, phi, off, time.hour.size))
        return y, 30 + slope * (days + off * (2 if phi == 0 else 1))

    return made


def change(days_ago: float, before: float, after: float) -> Maker:
    """A slope that changed some days ago."""

    def made(rng: np.random.Generator, time: Time, days: float) -> Made:
        ago = days_ago * rng.uniform(0.85, 1.25)
        first, second = before * rng.uniform(0.6, 1.4), after * rng.uniform(0.8, 1.3)
        y = np.where(time.day < -ago, first * time.day - ago * (second - first), second * time.day)
        return 50 + y + noise(rng, 0.9, 0.3, time.hour.size), 50 + second * days + 0.3

    return made


def office(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Growth in office hours only."""
    open_now = ((time.hour // 24) % 7 < 5) & (time.hour % 24 >= 7) & (time.hour % 24 < 17)
    slope = rng.uniform(0.6, 1.6)
    y = np.cumsum(rng.gamma(3, 1 / 3, time.hour.size) * open_now * slope * 168 / 50 / 24)
    return _from_now(y, time, 45.0, slope * days)


def seasonal(rng: np.random.Generator, time: Time, days: float) -> Made:
    """A daily wave, higher on workdays, with a trend."""
    slope, wave = rng.uniform(0.4, 1.2), rng.uniform(3.0, 7.0)
    y = slope * time.day + wave * np.sin(2 * np.pi * (time.hour + rng.integers(0, 24)) / 24)
    y += rng.uniform(1.0, 3.0) * ((time.hour // 24 + rng.integers(0, 7)) % 7 < 5)
    return 50 + y + noise(rng, 0.9, 1.0, y.size), 50 + slope * days + wave + 2


def stairs(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Large files at random times."""
    every, size = rng.uniform(1.0, 3.0), rng.uniform(1.0, 3.0)
    jumps = (rng.random(time.hour.size) < 1 / 24 / every) * rng.exponential(size, time.hour.size)
    return _from_now(np.cumsum(jumps + 0.002), time, 50.0, size / every * days)


def back_up(rng: np.random.Generator, time: Time, days: float) -> Made:
    """One full back-up a week, little else."""
    size = rng.uniform(4.0, 9.0)
    at = (time.hour + rng.integers(0, 168)) % 168 == 0
    y = np.cumsum(at * rng.normal(size, size / 10, at.size) + rng.gamma(1, 0.002, at.size))
    return _from_now(y, time, 50.0, size / 7 * days)


def rising_saw(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Cleaned every few days, what stays behind rises."""
    every, slope, base = int(24 * rng.integers(5, 9)), rng.uniform(2.0, 4.0), rng.uniform(2.0, 4.0)
    place = time.hour + rng.integers(0, every)
    y = 20 + base * (place // every) + slope * (place % every) / 24 + noise(rng, 0.9, 0.5, place.size)
    past = y[: time.past]
    return y, float(past[-every:].max()) + base * max(1, round(days * 24 / every)) - base / 3


def broken_saw(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Cleaned every few days, but no more: overdue for some days."""
    every, slope = int(24 * rng.integers(5, 9)), rng.uniform(2.0, 4.0)
    start = time.past - every - int(24 * rng.uniform(2.0, 5.0))
    since = time.hour - start
    y = 40 + slope * np.where(since >= 0, since, since % every) / 24 + noise(rng, 0.9, 0.5, since.size)
    return y, float(y[time.past - 1]) + slope * days


def exponential(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Growth that grows."""
    fold, size = rng.uniform(10.0, 20.0), rng.uniform(1.0, 3.0)
    y = 50 + size * np.exp(time.day / fold) + noise(rng, 0.9, 0.15, time.hour.size)
    return y, 50 + size * float(np.exp(days / fold))


def flat(phi: float, sd: float) -> Maker:
    """A level, the limit well above it."""

    def made(rng: np.random.Generator, time: Time, days: float) -> Made:
        off = sd * rng.uniform(0.7, 1.3)
        return 50 + noise(rng, phi, off, time.hour.size), 50 + (6.5 if phi < 0.95 else 5.5) * off

    return made


def falling(rng: np.random.Generator, time: Time, days: float) -> Made:
    """It falls."""
    return 80 - rng.uniform(0.3, 1.0) * time.day + noise(rng, 0.9, 1.0, time.hour.size), 92.0


def saw_by_time(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Cleaned every few days."""
    every, slope = int(24 * rng.integers(5, 10)), rng.uniform(2.0, 4.0)
    y = 40 + slope * ((time.hour + rng.integers(0, every)) % every) / 24 + noise(rng, 0.9, 0.5, time.hour.size)
    return y, 40 + slope * every / 24 + rng.uniform(6.0, 10.0)


def saw_by_level(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Cleaned at about one level."""
    y, level, top, slope = np.empty(time.hour.size), rng.uniform(50, 75), 80.0, rng.uniform(2.0, 5.0)
    for i in range(y.size):
        level += slope / 24 * (1 + 0.5 * rng.normal())
        if level >= top:
            level, top = 45 + 2 * rng.normal(), min(80 + 2 * rng.normal(), 87.0)
        y[i] = level
    return y, 90.0


def nightly(rng: np.random.Generator, time: Time, days: float) -> Made:
    """A job that fills the disk for some hours every night."""
    begins, lasts, size = rng.integers(0, 5), rng.integers(2, 5), rng.uniform(10.0, 20.0)
    at = (time.hour % 24 >= begins) & (time.hour % 24 < begins + lasts)
    return 50 + 0.1 * time.day + size * at + noise(rng, 0.9, 0.3, at.size), 58 + size + 14


def stopped(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Growth that ended some days ago."""
    ago, slope = rng.uniform(3.0, 10.0), rng.uniform(0.35, 0.8)
    return 60 + slope * np.minimum(time.day + ago, 0) + noise(rng, 0.9, 0.4, time.hour.size), 60 + 16 * slope


def saturating(rng: np.random.Generator, time: Time, days: float) -> Made:
    """Growth that fades, to end below the limit."""
    fold, size = time.past / 24 / rng.uniform(1.7, 2.5), rng.uniform(12.0, 24.0)
    y = 70 + size * (1 - np.exp(-(time.day + time.past / 24) / fold)) + noise(rng, 0.9, 0.2, time.hour.size)
    return y, 70 + 1.11 * size


def regime(rng: np.random.Generator, hours: int) -> Floats:
    """Slopes that change at random, every two weeks in the mean."""
    slopes, at = np.empty(hours), 0
    while at < hours:
        length = max(48, int(rng.exponential(14 * 24)))
        slopes[at : at + length] = rng.gamma(2, 0.35) / 24
        at += length
    return np.cumsum(slopes) + noise(rng, 0.9, 0.4, hours)


def grown(rng: np.random.Generator, n: int, day: int, counted: bool) -> Made:
    """Two histories of n steps: growth with noise whose memory is ten hours, or rounded events that only add up."""
    slope, days = rng.uniform(0.5, 2.0), _between(rng, n / day / 20, n / day / 2)
    if counted:
        events = rng.poisson(slope * (1 + np.sin(2 * np.pi * np.arange(2 * n) / day)) / day * 20)
        y = np.cumsum(events.astype(float))
        return y, float(y[n - 1]) + 20 * slope * days
    off = slope * rng.uniform(0.5, 2.0)
    y = 30 + slope * (np.arange(2 * n) - n + 1) / day + noise(rng, 0.9 ** (24 / day), off, 2 * n)
    return y, 30 + slope * days + off


def leak(rng: np.random.Generator, past: int) -> tuple[Floats, float]:
    """Slow growth, and from the hour `past` on a leak that fills the disk within 28 to 60 hours."""
    base, rate = rng.uniform(0.05, 0.3) / 24, float(np.exp(rng.uniform(np.log(0.4), np.log(2.0))))
    sd, wave, phi = (
        float(np.exp(rng.uniform(np.log(0.01), np.log(0.4)))),
        rng.choice([0, 0, 0.5, 2.0]),
        rng.choice([0, 0.9]),
    )
    t = np.arange(past + 200)
    y = 55 + base * t + wave * np.sin(2 * np.pi * (t + rng.integers(0, 24)) / 24) + noise(rng, phi, sd, t.size)
    limit = 55 + base * past + rng.uniform(28, 60) * (rate + base)
    return y + rate * np.maximum(t - past + 1, 0), limit


CROSSING: dict[str, Maker] = {
    "random walk, calm": walk(0.7, 1.4),
    "random walk, wild": walk(2.0, 3.5),
    "trend + AR(.9)": trend(0.9, 1.0, 3.0),
    "trend + AR(.99)": trend(0.99, 1.5, 4.0),
    "trend + white noise": trend(0.0, 1.0, 3.0),
    "slope changed 1 day ago": change(1, 0.1, 4.0),
    "slope changed 3 days ago": change(3, 0.2, 2.0),
    "slope changed 2 weeks ago": change(14, 0.2, 1.0),
    "growth in office hours": office,
    "season and trend": seasonal,
    "stairs": stairs,
    "weekly back-up": back_up,
    "cleaned, base rises": rising_saw,
    "clean-up has stopped": broken_saw,
    "exponential growth": exponential,
}
STAYING: dict[str, Maker] = {
    "flat AR(.9)": flat(0.9, 3.0),
    "flat AR(.99)": flat(0.99, 4.0),
    "falling": falling,
    "cleaned by time": saw_by_time,
    "cleaned by level": saw_by_level,
    "nightly job": nightly,
    "growth stopped": stopped,
    "saturating": saturating,
}

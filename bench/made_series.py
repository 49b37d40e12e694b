"""Series of kinds that packages carry too few of, made with fixed seeds: machines on or off, and rare counts."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Rng = np.random.Generator
Values = NDArray[np.float64]
DAY, DAYS = 1440, 12  # minutes, and how many days of them
COUNTED = 700  # days
START = "2026-01-05"  # a Monday
ON = 18.0
SEEDS = (1, 2, 3)


def heater(rng: Rng) -> Values:
    """A thermostat with hysteresis; colder outside and a lower setting at night."""
    hour = np.arange(DAYS * DAY) % DAY / 60
    outside = 4 + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + np.repeat(rng.normal(0, 1.5, DAYS), DAY)
    wanted = np.where((hour >= rng.uniform(5, 7)) & (hour < 22), 21.0, 17.0)
    inside, on, loss, power = 20.0, False, rng.uniform(0.002, 0.004), rng.uniform(0.15, 0.3)
    found = np.zeros(hour.size)
    for i, draught in enumerate(rng.normal(0, 0.02, hour.size)):
        on = inside < wanted[i] + (0.4 if on else -0.4)
        inside += loss * (outside[i] - inside) + power * on + draught
        found[i] = ON * on
    return found


def compressor(rng: Rng) -> Values:
    """On for a quarter of an hour in about every hour, longer by day."""
    found, i, long = np.zeros(DAYS * DAY), int(rng.integers(60)), rng.uniform(10, 20)
    while i < found.size:
        busy = 1 + 0.5 * np.sin(2 * np.pi * (i % DAY / DAY - 0.3))
        end = i + max(2, round(long * busy * rng.normal(1, 0.08)))
        found[i:end] = ON
        i = end + max(5, round(rng.normal(40, 2)))
    return found


def boiler(rng: Rng) -> Values:
    """Somebody draws hot water, mostly in the morning and the evening; each time it heats for a while."""
    hour = np.arange(DAYS * DAY) % DAY / 60
    rate = 0.02 * (np.exp(-(((hour - 7) / 1.2) ** 2)) + np.exp(-(((hour - 20) / 1.5) ** 2))) + 0.0008
    found = np.zeros(hour.size)
    for i in np.flatnonzero(rng.random(hour.size) < rate):
        found[i : i + int(rng.integers(8, 30))] = ON
    return found


def lamp(rng: Rng) -> Values:
    """Switched on and off by hand at about the same times, an hour later at the weekend."""
    found = np.zeros(DAYS * DAY)
    on, off = rng.uniform(17, 19), rng.uniform(22, 23)
    for day in range(DAYS):
        late = day % 7 >= 5
        begin, end = (60 * (hour + late * 0.7) + rng.normal(0, 8) for hour in (on, off))
        found[day * DAY + round(begin) : day * DAY + round(end)] = ON
    return found


def rare(rng: Rng) -> Values:
    """Poisson counts at a constant rate."""
    return rng.poisson(rng.uniform(0.2, 1.5), COUNTED).astype(float)


def drifting(rng: Rng) -> Values:
    """Overdispersed counts whose rate wanders."""
    rate = np.exp(np.log(rng.uniform(0.4, 2)) + np.cumsum(rng.normal(0, 0.03, COUNTED)))
    return np.asarray(rng.poisson(rate * rng.gamma(1.5, 1 / 1.5, COUNTED)), dtype=float)


def workdays(rng: Rng) -> Values:
    """Nothing at the weekend."""
    week = np.arange(COUNTED) % 7
    return np.asarray(rng.poisson(rng.uniform(0.5, 2) * np.where(week < 5, 1 + 0.5 * (week == 0), 0.03)), dtype=float)


def lumpy(rng: Rng) -> Values:
    """Rare orders of several pieces each."""
    ordered = rng.random(COUNTED) < rng.uniform(0.08, 0.3)
    return np.asarray(ordered * rng.geometric(1 / rng.uniform(3, 12), COUNTED), dtype=float)


def fading(rng: Rng) -> Values:
    """Asked for less and less, in packs."""
    rate = rng.uniform(1, 3) * np.exp(-np.arange(COUNTED) / rng.uniform(200, 400))
    return rng.poisson(rate).astype(float) * rng.integers(1, 4, COUNTED)


ON_OFF: Mapping[str, Callable[[Rng], Values]] = {
    "heater": heater,
    "compressor": compressor,
    "boiler": boiler,
    "lamp": lamp,
}
COUNTS: Mapping[str, Callable[[Rng], Values]] = {
    "rare": rare,
    "drifting": drifting,
    "workdays": workdays,
    "lumpy": lumpy,
    "fading": fading,
}


def made(makers: Mapping[str, Callable[[Rng], Values]], freq: str) -> dict[str, pd.Series]:
    """Series by name, some of each kind."""
    found = {}
    for kind, make in makers.items():
        for seed in SEEDS:
            values = make(np.random.default_rng([seed, *kind.encode()]))
            found[f"{kind}{seed}"] = pd.Series(values, index=pd.date_range(START, periods=values.size, freq=freq))
    return found

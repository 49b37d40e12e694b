"""What spoils the plain cases in practice.

Changes of regime, missing weeks, holidays, several seasons, rows at odd times.
"""

from collections.abc import Callable

import numpy as np

from tests.series_generator import (
    SECOND,
    STEPS_S,
    Case,
    Floats,
    Ints,
    Series,
    Setting,
    Values,
    daily,
    make,
    ramp,
    weekend,
    weekly,
)

FINE = (60, 300, 3600)  # steps that show a day
NOISE = (0.02, 0.1, 0.3, 0.5, 0.7)


def _normal(s: Setting, rng: np.random.Generator) -> Floats:
    return NOISE[s.noise] * rng.normal(size=s.size)


def _middle(s: Setting, rng: np.random.Generator) -> int:
    return int(rng.uniform(0.35, 0.65) * s.size)


def two_seasons(s: Setting, rng: np.random.Generator) -> Values:
    """A daily wave that is smaller at weekends, and a lower level there."""
    time = np.arange(s.size) + rng.integers(7 * s.day)
    workday = time // s.day % 7 < 5
    y = np.where(workday, 1.0, 0.3) * np.sin(2 * np.pi * time / s.day) + np.where(workday, 1.0, 0.0)
    return y + _normal(s, rng), "seasonal", (s.day, 7 * s.day), ()


def business_hours(s: Setting, rng: np.random.Generator) -> Values:
    """Load from 9 to 17, Monday to Friday."""
    time = np.arange(s.size)
    busy = (time // s.day % 7 < 5) & (time % s.day >= s.day * 9 // 24) & (time % s.day < s.day * 17 // 24)
    return 2.0 * busy + _normal(s, rng), "seasonal", (s.day, 7 * s.day), ()


def hour_and_day(s: Setting, rng: np.random.Generator) -> Values:
    """A job of 10 minutes every hour on a daily wave."""
    hour, time = s.day // 24, np.arange(s.size)
    return (
        np.sin(2 * np.pi * time / s.day) + 1.0 * (time % hour < hour // 6) + 0.5 * _normal(s, rng),
        "seasonal",
        (hour, s.day),
        (),
    )


def jobs(s: Setting, rng: np.random.Generator) -> Values:
    """A job of 15 minutes every 90 minutes: no calendar has it."""
    every, time = s.day // 16, np.arange(s.size)
    return 2.0 * (time % every < every // 6) + _normal(s, rng), "seasonal", (every,), ()


def jobs_and_day(s: Setting, rng: np.random.Generator) -> Values:
    """The same on a daily wave."""
    y, kind, periods, _ = jobs(s, rng)
    return y + np.sin(2 * np.pi * np.arange(s.size) / s.day), kind, (*periods, s.day), ()


def backup(s: Setting, rng: np.random.Generator) -> Values:
    """One high value a day, nothing else."""
    return 10.0 * (np.arange(s.size) % s.day == s.day // 8) + _normal(s, rng), "seasonal", (s.day,), ()


def shifted_level(s: Setting, rng: np.random.Generator) -> Values:
    """A daily wave whose level jumps."""
    at, (y, kind, periods, _) = _middle(s, rng), daily(s, rng)
    y[at:] += rng.choice([-1, 1]) * rng.uniform(3, 6)
    return y, kind, periods, (at,)


def grown_wave(s: Setting, rng: np.random.Generator) -> Values:
    """A daily wave that doubles."""
    at, wave = _middle(s, rng), np.sin(2 * np.pi * np.arange(s.size) / s.day)
    wave[at:] *= 2
    return wave + _normal(s, rng), "seasonal", (s.day,), ()


def noise_shifted(s: Setting, rng: np.random.Generator) -> Values:
    """Noise whose level jumps by 8 standard deviations."""
    at, y = _middle(s, rng), rng.normal(size=s.size)
    y[at:] += 8 * rng.choice([-1, 1])
    return y, "irregular", (), (at,)


def ramp_stopped(s: Setting, rng: np.random.Generator) -> Values:
    """A rise that ends: what holds now is noise around a level."""
    at = _middle(s, rng)
    y = np.minimum(np.linspace(0, 10, s.size), 10 * at / s.size)
    return y + 0.2 * NOISE[s.noise] * rng.normal(size=s.size), "irregular", (), (at,)


def ramp_shifted(s: Setting, rng: np.random.Generator) -> Values:
    """A rise with one drop."""
    at, (y, kind, periods, _) = _middle(s, rng), ramp(s, rng)
    y[at:] -= 6
    return y, kind, periods, (at,)


def holidays(s: Setting, rng: np.random.Generator) -> Values:
    """Weekdays and weekends, and one weekday in ten is like a weekend."""
    y, kind, periods, _ = weekend(s, rng)
    for day in rng.choice(s.size // s.day, size=max(1, s.size // s.day // 14), replace=False):
        y[day * s.day : (day + 1) * s.day] = -1 + 0.1 * rng.normal(size=s.day)
    return y, kind, periods, ()


def spikes(s: Setting, rng: np.random.Generator) -> Values:
    """A daily wave with wild single values."""
    y, kind, periods, _ = daily(s, rng)
    y[rng.random(s.size) < 0.01] += rng.choice([-1, 1]) * 20
    return y, kind, periods, ()


def _rows(series: Series, kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Series:
    return Series(series.time_ns[kept], series.y[kept], series.series_class, series.periods, ())


def without_week(case: Case, s: Setting) -> Series:
    """A whole week missing in the middle, and 3 % of the rest."""
    series, rng = make(case, s), s.random
    week, start = 7 * s.day, int(rng.integers(s.size // 4, s.size // 2))
    position = np.arange(s.size)
    return _rows(series, ((position < start) | (position >= start + week)) & (rng.random(s.size) > 0.03))


def odd_times(case: Case, s: Setting) -> Series:
    """Stamps off by up to 40 % of a step, 3 % of the rows twice, 5 % missing."""
    series, rng = make(case, s), s.random
    moved: Ints = series.time_ns + (rng.uniform(-0.4, 0.4, size=s.size) * s.step_s * SECOND).astype(np.int64)
    twice = np.sort(np.concatenate([np.flatnonzero(rng.random(s.size) > 0.05), rng.choice(s.size, size=s.size // 33)]))
    return Series(moved[twice], series.y[twice], series.series_class, series.periods, ())


SPOILED: dict[str, tuple[Case, tuple[int, ...]]] = {
    "two seasons": (two_seasons, FINE),
    "business hours": (business_hours, FINE),
    "hour and day": (hour_and_day, FINE[:2]),
    "90 minutes": (jobs, FINE[:2]),
    "90 minutes and day": (jobs_and_day, FINE[:2]),
    "daily backup": (backup, FINE),
    "daily, level shift": (shifted_level, FINE),
    "daily, wave doubles": (grown_wave, FINE),
    "noise, level shift": (noise_shifted, STEPS_S),
    "ramp that stops": (ramp_stopped, FINE),
    "ramp with a drop": (ramp_shifted, STEPS_S),
    "weekend with holidays": (holidays, FINE),
    "daily with spikes": (spikes, FINE),
}
# Of three weeks two are left without one: two cycles of a week are not enough to tell under noise (begun at three, 33
# of 87 such series were wrong).
ROWS: dict[str, tuple[Callable[[Case, Setting], Series], Case, tuple[int, ...], int]] = {
    "daily without a week": (without_week, daily, FINE, 3),
    "weekly without a week": (without_week, weekly, FINE, 4),
    "weekend without a week": (without_week, weekend, FINE, 4),
    "two seasons without a week": (without_week, two_seasons, FINE, 4),
    "daily at odd times": (odd_times, daily, FINE, 3),
    "ramp at odd times": (odd_times, ramp, FINE, 3),
}

"""Clean-ups ahead: replayed in the paths of growth, by time or by level, whichever the past agrees on better."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cronocast.monitor.crossing.grid import Grid
    from cronocast.timeseries.grid import Floats

LEAST = 2  # clean-ups that make a habit
TREND = 4  # of them that can show how the level after them moves
CLEAR = 2.0  # standard errors from 0 of such a move
LATE = 0.03  # of a gap: so late may even the most regular clean-up be
DRAWS = 5  # vain ones for the next clean-up, after which a path has none


class Habit(NamedTuple):
    """What past clean-ups have in common; lengths in units."""

    gaps: "Floats"
    peaks: "Floats"  # values just before
    by_time: bool
    every: float  # mean gap
    age: int  # of the newest, at the newest value
    trough: "Floats"  # coefficients of value after it: per unit ahead of now, and now
    trough_cov: "Floats"  # their covariance, zeros where it does not move
    trough_sd: float


class Cleaned(NamedTuple):
    """Paths with clean-ups."""

    paths: "Floats"
    overdue: float  # share of paths in which none comes again
    peaks_day: float  # trend of the peaks per day


def habit(history: "Grid") -> Habit | None:
    """What the clean-ups of a history have in common; None where there are too few."""
    at, y = history.drops, history.y
    if at.size < LEAST:
        return None
    gaps, peaks = np.diff(at).astype(float), y[at - 1]
    fall = float(np.mean(peaks - y[at]))
    by_time = (float(np.std(gaps) / np.mean(gaps)) if gaps.size > 1 else 0.5) <= float(np.std(peaks)) / fall
    return Habit(
        gaps,
        peaks,
        by_time,
        float(np.mean(gaps)),
        y.size - 1 - int(at[-1]),
        *_troughs((at - y.size).astype(float), y[at]),
    )


def _troughs(x: "Floats", y: "Floats") -> "tuple[Floats, Floats, float]":
    """Line through values after clean-ups, where it clearly has a slope, else their mean."""
    k = y.size
    if k >= TREND:
        design = np.stack((x, np.ones(k)), axis=1)
        line = np.linalg.lstsq(design, y, rcond=None)[0]
        variance = float(np.sum((y - design @ line) ** 2)) / (k - 2)
        cov = variance * np.linalg.inv(design.T @ design)
        if abs(line[0]) > CLEAR * np.sqrt(cov[0, 0]):
            return np.asarray(line), np.asarray(cov), float(np.sqrt(variance))
    return np.array([0.0, y.mean()]), np.zeros((2, 2)), float(np.std(y, ddof=1) * np.sqrt(1 + 1 / k))


def _next(found: Habit, count: int, rng: np.random.Generator) -> "Floats":
    """When the next clean-up of each path comes, as a gap since the one before, or at which peak; shape (count,)."""
    if found.by_time:
        late = max(float(np.std(found.gaps)) / 2, LATE * found.every)
        return np.asarray(np.maximum(1.0, rng.choice(found.gaps, count) + rng.uniform(-late, late, count)))
    k = found.peaks.size
    spread = np.std(found.peaks, ddof=1) * np.sqrt(1 + 1 / k)
    return np.asarray(found.peaks.mean() + spread * rng.standard_t(max(2, k - 1), count))


def _first(found: Habit, past: float, count: int, rng: np.random.Generator) -> "Floats":
    """As `_next`, but beyond what is past; inf where that is not to be had."""
    due = _next(found, count, rng)
    for _ in range(DRAWS):
        due = np.where(due <= past, _next(found, count, rng), due)
    return np.where(due <= past, np.inf, due)


def replay(growth: "Floats", newest: float, found: Habit, day: int, rng: np.random.Generator) -> Cleaned:
    """Let clean-ups happen in paths of growth.

    Args:
        growth: Paths as if nothing were cleaned, shape (m, paths).
        newest: The newest value.
        found: The habit of the past.
        day: Units per day.
        rng: The one source of chance.
    """
    m, count = growth.shape
    due = _first(found, float(found.age) if found.by_time else newest, count, rng)
    overdue = float(np.mean(np.isinf(due)))
    if found.trough_cov.any():
        slope, base = rng.multivariate_normal(found.trough, found.trough_cov, count).T
    else:
        slope, base = np.full((2, count), found.trough[:, None])
    out, lowered, age = np.empty_like(growth), np.zeros(count), np.full(count, float(found.age))
    for h in range(m):
        level, age = growth[h] - lowered, age + 1
        hit = np.flatnonzero((age if found.by_time else level) >= due)
        if hit.size:
            after = base[hit] + slope[hit] * h + found.trough_sd * rng.standard_normal(hit.size)
            after = np.minimum(after, level[hit])
            lowered[hit] += level[hit] - after
            level[hit], age[hit] = after, 0.0
            due[hit] = _next(found, hit.size, rng)
        out[h] = level
    return Cleaned(out, overdue, float(found.trough[0]) * day)

"""Growth as it may go on: joint paths from the newest value, each with a slope, an end of it, and noise as it was."""

from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cronocast.monitor.crossing.changes import Posterior, Stretch, posterior
from cronocast.monitor.crossing.lines import PHI

if TYPE_CHECKING:
    from cronocast.monitor.crossing.grid import Grid
    from cronocast.timeseries.grid import Bools, Floats, Ints

HOLDS = 0.35  # a slope that has held for t lasts another t with the chance 2^-HOLDS
VARIES = 0.35  # standard deviation of the logarithm of the ratio of a new slope to the one before
SMOOTH = 0.3  # share of noise that is not a past one
SMOOTHED = float(np.sqrt(1 - SMOOTH**2))
DAYS_FOR_BLOCKS = 2  # days of innovations that blocks of a day can be drawn from; fewer are normal noise
GOLDEN = 1.2207440846057596  # the root of x^4 = x + 1
NORMAL = NormalDist()
SHORT_DAY = 8  # units; of shorter ones blocks are a week
LARGEST_BEND = 20.0  # of rate x units ahead: e^20 is beyond any limit


class Growth(NamedTuple):
    """Paths of the growth and what is known of the present slope."""

    paths: "Floats"  # (m, paths), without season, from the newest value
    source: "Ints"  # (m, paths): the unit of the history whose innovation each step has
    slopes: "Floats"  # (paths,) per unit, now
    ages: "Ints"  # (paths,) units since it began
    before: float | None  # the slope before the present stretch
    stretches: int  # of different slopes in the history, the present one included


def grow(z: "Floats", history: "Grid", period: int, size: tuple[int, int], rng: np.random.Generator) -> Growth:
    """Draw paths of growth.

    Args:
        z: The growth of the history without its season, shape (n,).
        history: Where it comes from.
        period: Units of its season; innovations are drawn from the same place of it.
        size: Units ahead, and paths.
        rng: The one source of chance.
    """
    m, count = size
    found = posterior(z, history.seen, history.day)
    even = _even(count, rng)
    memory, cell = _drawn(found.weight, count, rng)
    n = z.size
    sigma = np.sqrt(found.variance[memory] * (n - 3) / rng.chisquare(n - 3, count))
    slope, level = _slope_and_level(found, memory, cell, sigma, even[:2])
    level = np.where(PHI[memory] < 1, level, 0.0)
    noise, source = _noise(found, history, max(period, history.day), (m, count), rng)
    ages = n - found.start[cell]
    turns = _turns(slope, found.rate[cell], ages, found.stretches, (n, m, history.day), even[2], rng)
    out = _walked(level, turns, noise, (PHI[memory], sigma))
    before = found.stretches[-2].slope * found.scale if len(found.stretches) > 1 else None
    return Growth(out * found.scale, source, slope * found.scale, ages, before, len(found.stretches))


def _even(count: int, rng: np.random.Generator) -> "Floats":
    """Numbers in (0, 1), shape (3, count), any run of which is spread evenly: dates depend less on chance.

    The R3 sequence of Roberts (2018), a generalisation of the golden ratio to three dimensions.
    """
    steps = GOLDEN ** -np.arange(1, 4)
    return np.asarray(np.clip((rng.random((3, 1)) + steps[:, None] * np.arange(count)) % 1.0, 1e-9, 1 - 1e-9))


def _drawn(weight: "Floats", count: int, rng: np.random.Generator) -> "tuple[Ints, Ints]":
    """Cells by their weights, by systematic sampling: those of one cell follow each other."""
    total = np.cumsum(weight.ravel())
    at = (np.arange(count) + rng.random()) / count * total[-1]
    pick = np.minimum(np.searchsorted(total, at), total.size - 1)
    memory, cell = np.divmod(pick, weight.shape[1])
    return memory, cell


def _slope_and_level(
    found: Posterior, memory: "Ints", cell: "Ints", sigma: "Floats", even: "Floats"
) -> "tuple[Floats, Floats]":
    """Slope and level of the newest stretch at the newest value, as uncertain as their fit is."""
    level, slope, var_level, var_slope, cov = (v[memory, cell] for v in found.fit[:5])
    var_slope = np.maximum(var_slope, 1e-300)
    first, second = np.array([[NORMAL.inv_cdf(u) for u in row] for row in even])
    drawn = slope + sigma * np.sqrt(var_slope) * first
    rest = np.sqrt(np.maximum(var_level - cov**2 / var_slope, 0.0))
    return drawn, level + cov / var_slope * (drawn - slope) + sigma * rest * second


def _turns(
    slope: "Floats",
    rate: "Floats",
    ages: "Ints",
    stretches: tuple[Stretch, ...],
    units: tuple[int, int, int],
    even: "Floats",
    rng: np.random.Generator,
) -> "Floats":
    """By how much the slope of each path turns before each unit ahead, shape (m, paths); the first is the slope itself.

    How long a slope lasts depends on how long it has; a new one is either a variation of the one before or one of
    those of the past.
    """
    n, m, day = units
    count, k = slope.size, len(stretches)
    lengths, known = np.array([s.end - s.start for s in stretches], float), np.array([s.slope for s in stretches])
    end = ages * (even ** (-1 / HOLDS) - 1)
    if k > 1:
        end = np.minimum(end, n * (rng.random(count) ** (-1 / (k - 1)) - 1))
    step = np.minimum(end, m).astype(np.int64)
    turns = np.zeros((m + 1, count))
    turns[0] = slope
    bends = np.flatnonzero(rate)
    grown = slope[bends] * np.exp(np.minimum(rate[bends] * np.arange(m + 1.0)[:, None], LARGEST_BEND))
    turns[1:, bends] = np.where(np.arange(1, m + 1)[:, None] < step[bends], np.diff(grown, axis=0), 0.0)
    current = slope.copy()
    current[bends] = grown[np.maximum(step[bends] - 1, 0), np.arange(bends.size)]
    while (step < m).any():
        old = known[rng.choice(k, count, p=lengths / lengths.sum())]
        varied = current * np.exp(VARIES * rng.standard_normal(count))
        fresh = np.where(rng.random(count) < 1 / k, varied, old)
        turns[step, np.arange(count)] += fresh - current
        current = fresh
        lasts = np.maximum(day, n * (rng.random(count) ** (-1 / (HOLDS + k - 1)) - 1))
        step = np.minimum(step + lasts, m).astype(np.int64)
    return turns[:m]


def _walked(level: "Floats", turns: "Floats", noise: "Floats", memory: "tuple[Floats, Floats]") -> "Floats":
    """Paths from 0: the level with its slope, and AR(1) noise of this memory and standard deviation around it."""
    phi, sigma = memory
    out, slope, off, level = np.empty_like(turns), np.zeros(level.size), -level, level.copy()
    for t in range(len(turns)):
        slope += turns[t]
        level += slope
        off *= phi
        off += noise[t] * sigma
        np.add(level, off, out=out[t])
    return out


def _noise(
    found: Posterior, history: "Grid", period: int, size: tuple[int, int], rng: np.random.Generator
) -> "tuple[Floats, Ints]":
    """Innovations ahead with variance 1, in blocks of a day that begin at the same place of the season as they were.

    Returns:
        The innovations and the units of the history they are from, shape `size` both.
    """
    m, count = size
    past = _innovations(found, history.seen, rng)
    block = history.day if history.day >= SHORT_DAY else 7 * history.day
    period = max(period, block) // block * block if past.size >= 3 * period else block
    n = past.size
    starts = np.arange(0, m, block)
    first = -(-(starts % period + block) // period)
    last = np.maximum((n + starts % period) // period, first)
    back = rng.integers(first[:, None], last[:, None] + 1, (starts.size, count))
    begin = np.clip(n + (starts % period)[:, None] - period * back, 0, max(n - block, 0))
    source = (begin[:, None, :] + np.arange(block)[None, :, None]).reshape(-1, count)[:m]
    source = np.minimum(source, n - 1)
    fresh = rng.standard_normal(size, dtype=np.float32).astype(np.float64)
    if n < DAYS_FOR_BLOCKS * block:
        return fresh, source
    fresh *= SMOOTH
    fresh += SMOOTHED * past[source]
    return fresh, source


def _innovations(found: Posterior, seen: "Bools", rng: np.random.Generator) -> "Floats":
    """Past innovations off the likeliest stretches, variance 1, shape (n,); those of filled values are of others."""
    phi = PHI[found.best]
    w = found.z[1:] - phi * found.z[:-1]
    out = np.zeros(found.z.size)
    for s in found.stretches:
        begin = max(s.start, 1)
        out[begin : s.end] = _off_line(w[begin - 1 : s.end - 1], s.rate, phi < 1)
        if s.start:
            out[s.start] = 0.0
    own = seen & np.concatenate(([False], seen[:-1]))
    if own.any() and not own.all():
        out[~own] = rng.choice(out[own], int((~own).sum()))
    size = float(np.sqrt(np.mean(out**2)))
    return np.asarray(out / size) if size > 0 else out


def _off_line(w: "Floats", rate: float, sloped: bool) -> "Floats":
    """Innovations less their mean, and less their trend where that belongs to a line or a curve."""
    if w.size < 3:
        return np.asarray(w - np.median(w)) if w.size else w
    off = np.asarray(w - w.mean())
    if w.size < 8 or not (sloped or rate):
        return off
    x = np.arange(w.size) - (w.size - 1.0)
    x = np.exp(np.minimum(rate * x, 300.0)) if rate else x
    x = x - x.mean()
    return np.asarray(off - x * ((off @ x) / max(x @ x, 1e-300)))

"""Seasons: is there a pattern that comes back every p steps, beyond what noise of any colour does by itself?"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cronocast.classify.features import Scaled
from cronocast.timeseries.grid import Bools, Floats, Ints
from cronocast.timeseries.robust import median

MIN_CYCLES = 2  # less can't repeat
WHOLE = 0.5  # share of a cycle that must have values for it to count
# deviations that a value may be away from the other cycles': what is rarer than 1 in CLIP**2 (a holiday, a shift of the
# level) is moved
CLIP = 5.0
PASSES = 6  # the wildest inflate the deviation that judges the others
OFFSETS = 8  # places that are tried for the end of the last cycle
PHASES = (
    24  # a cycle is summed up in this many parts to measure strength, so that strength depends little on the step size
)
# Neighbours of a line, on both sides together, that say how high the spectrum would be there without a season. The near
# ones follow its slope, the many give a steady figure; the higher of the two counts.
NEAR, FAR = 6, 24
AR = np.array([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.9999])  # from white noise to a random walk
TINY = 1e-24  # share of all power; below it a spectrum is rounding


@dataclass(frozen=True)
class Season:
    """A pattern of `period` steps."""

    period: int
    score: float  # minus the log of the chance (natural, an upper bound) that noise makes these lines
    # share of the variance around the local level that the pattern foretells in cycles it has not seen, at most 1
    strength: float


def cycles(y: Floats, series: Scaled, period: int, *, trusted: bool = False) -> Floats | None:
    """Cut y (the series or what seasons leave of it) into whole cycles, and take the local level out of each.

    The level is a line through the middles of the cycles, so a trend of any moderate bend leaves no trace. Cycles with
    few values are left out: the others keep their phase. The last cycle ends `offset` steps before the series does.
    What is missing in a cycle is taken from the others, if the period is trusted; else only in the measure in which
    they foretell each other, for gaps must not make a season.

    Returns:
        Shape (cycles, period), or None if fewer than two cycles are left or nothing but rounding.
    """
    end = y.size - offset(series.observed, period)
    count = end // period
    if count < MIN_CYCLES:
        return None
    seen = series.observed[end - count * period : end].reshape(count, period)
    kept = np.flatnonzero(seen.mean(axis=1) >= WHOLE)
    if kept.size < MIN_CYCLES:
        return None
    table, seen = y[end - count * period : end].reshape(count, period)[kept], seen[kept]
    whole = bool(seen.all())
    rest = table - _level(table.mean(axis=1), kept, period)
    shape = rest.mean(axis=0) if whole else _mean_seen(rest, seen)
    # Once more by medians around the pattern: neither a day off nor the line that bridges a gap is a cycle's level.
    middle = _median(table - shape) if whole else np.nanmedian(np.where(seen, table - shape, np.nan), axis=1)
    rest = table - _level(middle, kept, period)
    if not whole:
        weight = 1.0 if trusted else max(0.0, strength(np.where(seen, rest, 0.0)))
        rest = np.where(seen, rest, _mean_seen(rest, seen) * weight)
    return _clipped(rest) if _deviation(rest) > series.grain else None


def _mean_seen(table: Floats, seen: Bools) -> Floats:
    """Mean cycle of what was seen, 0 where nothing was."""
    mean: Floats = (table * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return mean


def offset(observed: Bools, period: int) -> int:
    """Steps to leave out at the end so that most cycles are whole.

    A gap of one period should spoil one cycle and not two.
    """
    if observed.all():
        return 0
    total = np.concatenate([[0], np.cumsum(observed)])
    gains = {}
    for shift in range(0, period, max(1, period // OFFSETS)):
        ends = np.arange(observed.size - shift, period - 1, -period)
        gains[shift] = float(np.maximum(2 * (total[ends] - total[ends - period]) / period - 1, 0).sum())
    return max(gains, key=lambda shift: gains[shift])


def _level(middle: Floats, kept: Ints, period: int) -> Floats:
    """Straight lines through the middles of the cycles that were kept, shape (cycles, period); the end ones go on."""
    centre = (kept + 0.5) * period - 0.5
    ends = (middle[1] - middle[0]) / (centre[1] - centre[0]), (middle[-1] - middle[-2]) / (centre[-1] - centre[-2])
    knots = np.concatenate(([centre[0] - period], centre, [centre[-1] + period]))
    heights = np.concatenate(([middle[0] - ends[0] * period], middle, [middle[-1] + ends[1] * period]))
    return np.asarray(np.interp(kept[:, None] * period + np.arange(period), knots, heights))


def _deviation(table: Floats) -> float:
    """Standard deviation of values whose mean is near 0, in a third of the time that NumPy's takes."""
    flat = table.ravel()
    square = float(np.einsum("t,t->", flat, flat)) / flat.size  # BLAS would start threads for a long one
    return float(np.sqrt(max(0.0, square - (float(flat.sum()) / flat.size) ** 2)))


def _clipped(table: Floats) -> Floats:
    """Move values that differ wildly from the other cycles' towards them."""
    sigma = 1.4826 * median(np.abs(table[1:] - table[:-1]).ravel()) / np.sqrt(2)  # of a value, from neighbouring cycles
    # of three cycles two can hold a spike at the same time by chance: all three must agree
    inner = (len(table) - 1) // 2 if len(table) > 3 else 0
    low, high = np.sort(table, axis=0)[[inner, len(table) - 1 - inner]]
    # a median that between two prefers the one nearer to the level
    middle = np.where(np.abs(low) < np.abs(high), low, high)
    away = table - middle
    for _ in range(PASSES):
        widest = max(float(away.max()), -float(away.min()))
        limit = CLIP * max(sigma, _deviation(away))
        if widest <= limit:
            break  # nothing is wild any more, nor will it be
        away = np.clip(away, -limit, limit)
    clipped: Floats = middle + away
    return clipped


def pattern(table: Floats) -> Floats:
    """The mean cycle, shape (period,), mean 0."""
    mean = table.mean(axis=0)
    shape: Floats = mean - mean.mean()
    return shape


def explained(table: Floats) -> tuple[float, float]:
    """Variance of the pattern alone, what noise adds to it taken off, and the standard error of that.

    Comparable between periods.
    """
    count, period = table.shape
    noise = float(np.sum((table - table.mean(axis=0)) ** 2)) / (period * (count - 1)) / count
    return float(np.var(table.mean(axis=0))) - noise, noise * float(np.sqrt(2 / period))


def strength(table: Floats) -> float:
    """Share of the variance that the mean of the other cycles foretells.

    1 - PRESS / total, in up to 24 parts of the cycle.
    """
    count, period = table.shape
    width = max(1, period // PHASES)
    parts = table[:, : period // width * width].reshape(count, -1, width).mean(axis=2)
    total = float(np.sum(parts**2))
    if total <= TINY * float(np.sum(table**2)):
        return 0.0
    missed = float(np.sum((parts - parts.mean(axis=0)) ** 2))
    # leaving a cycle out of the mean widens its residual by n / (n - 1)
    return float(1 - missed / total * (count / (count - 1)) ** 2)


def score(table: Floats) -> float:
    """How much stronger the lines of the season are than the spectrum beside them.

    With whole cycles end to end, all that repeats falls exactly on every `count`-th frequency and noise falls evenly on
    all. Each line is compared with its neighbours (after the slope of the spectrum has been taken out by the best
    AR(1)), which gives an F-like ratio with the chance p of being that high in noise; -log p is exponential, their sum
    over the first m lines is a gamma variable, and the best m counts by Chernoff's bound for its tail.

    Args:
        table: Shape (cycles, period), level removed.

    Source:
        The scan over m follows the H-test: de Jager, Raubenheimer & Swanepoel, Astron. Astrophys. 221 (1989).
    """
    count, period = table.shape
    power = np.abs(np.fft.rfft(table.ravel())) ** 2
    power += TINY * power.sum() + 1e-300
    top = power.size - 1
    omega = 2 * np.pi * np.arange(power.size) / table.size
    flat = power * _inverse_ar(power, omega, table.size, count)
    line = np.arange(1, period // 2 + 1) * count
    beside = np.maximum(_median_beside(flat, line, count, NEAR), _median_beside(flat, line, count, FAR))
    # a median is worth half its values; each power has two degrees of freedom
    freedom = min(FAR, top - top // count) * 0.96
    surprise = freedom / 2 * np.log1p(2 * flat[line] / (beside * freedom))
    total = np.cumsum(surprise)
    m = np.unique(np.geomspace(1, total.size, 30).astype(np.int64))
    reached = np.maximum(total[m - 1], m)
    return float(np.max(reached - m - m * np.log(reached / m)))


def _inverse_ar(power: Floats, omega: Floats, size: int, count: int) -> Floats:
    """What flattens a spectrum.

    1 / spectrum of the AR(1) whose logarithm runs most parallel to that between the lines.
    """
    between, log_inverse = _spectra_of_ar(size, count)
    best = AR[int(np.argmin(np.var(np.log(power[between]) + log_inverse, axis=1)))]
    flattening: Floats = 1 - 2 * best * np.cos(omega) + best**2
    return flattening


@lru_cache(maxsize=128)
def _spectra_of_ar(size: int, count: int) -> tuple[Ints, Floats]:
    """Some frequencies between the lines and minus the log spectrum of each AR(1) there, shape (AR, frequencies).

    Members of one length share them.
    """
    top = size // 2
    some = np.unique(np.geomspace(1, top, 400).astype(np.int64))  # even in log frequency, and enough
    between = some[some % count != 0]
    omega = 2 * np.pi * between / size
    return between, np.log(1 - 2 * AR[:, None] * np.cos(omega) + AR[:, None] ** 2)


def _median(table: Floats) -> Floats:
    """Median of each row of finite values.

    NumPy sorts short rows faster than it finds their middle, and its own median checks longer than that.
    """
    half = table.shape[1] // 2
    ordered = np.sort(table, axis=1)
    middle: Floats = ordered[:, half] if table.shape[1] % 2 else (ordered[:, half - 1] + ordered[:, half]) / 2
    return middle


def _median_beside(power: Floats, line: Ints, count: int, many: int) -> Floats:
    """Mean of the spectrum beside each line, by the median of its nearest frequencies that are no lines.

    Edges are mirrored.
    """
    near = np.array([k for k in range(1, many + 2) if k % count != 0][: many // 2])
    at = np.abs(line[:, None] + np.concatenate([-near, near]))
    top = power.size - 1
    at = np.where(at > top, 2 * top - at, at)
    at = np.where(at % count == 0, at + 1, at)  # mirrored onto a line
    middle = _median(power[np.clip(at, 1, top)])
    ranks = np.arange(many // 2 + 1, many + 1)
    # expectation of that median for exponential variables of mean 1
    mean: Floats = middle / (np.sum(1.0 / ranks) + 1 / many)
    return mean


def repeated(shape: Floats, size: int, left_out: int = 0) -> Floats:
    """Repeat a pattern over `size` steps so that its last value stands `left_out` steps before the end."""
    return np.resize(np.roll(shape, (size - left_out) % shape.size), size)

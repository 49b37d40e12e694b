"""Waves of the known periods on a straight line, newest data counting most; the rest goes on as an autoregression."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.least_squares import regress_each
from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cronocast.errors import CronocastError
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

    Ints = NDArray[np.int64]

WAVES = ((2, 2), (5, 8), (12, 30))  # harmonics of the shortest period and of each longer one that are tried
REST_LAGS = 3  # of the autoregression on what the waves leave over
HUBER = 2.0  # robust standard deviations from which on a point counts less
RIDGE = 0.5  # penalty per wave, in points: a wave seen once is half believed; the level is not doubted
HALF_LIFE = 1.0  # longest periods after which a point counts half


@dataclass(frozen=True)
class _Fit:
    """What was learnt of one history, in a unit of its own."""

    periods: tuple[int, ...]
    size: int
    middle: float
    unit: float
    weights: "Floats"  # of the columns
    rest: "Floats"  # newest values that the waves leave over
    bounds: tuple[float, float]  # of all of these
    carry: "Floats"


class Fourier:
    """Least squares on sines and cosines; how many, and whether with a slope, is chosen by the error on held-out data.

    Source:
        Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 7.4 and 12.1 (dynamic harmonic
        regression).
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Choose and fit, y of shape (t,).

        Raises:
            DataError: no period is known that y holds two of.
        """
        periods = _fitting(y, context)
        if not periods:
            raise _too_short(y, context)
        [self.found] = _fit([y], periods)
        return self

    def predict(self, h: int) -> "Floats":
        """Line and waves, plus what is left of the newest rest."""
        return _extend([self.found], h)[0]

    @classmethod
    def forecast_origins(
        cls, ys: "Sequence[Floats]", contexts: "Sequence[Context]", h: int
    ) -> "list[Floats | CronocastError]":
        """Forecast from many origins, see `ForecastOrigins`: sums over what they share are made once."""
        found: list[Floats | CronocastError] = []
        known = zip(ys, contexts, strict=True)
        for periods, group in groupby(known, lambda each: _fitting(*each)):  # more of them fit as histories grow
            alike = list(group)
            found += _extend(_fit([y for y, _ in alike], periods), h) if periods else [_too_short(*e) for e in alike]
        return found


def _fitting(y: "Floats", context: "Context") -> tuple[int, ...]:
    return tuple(p for p in context.periods if 2 * p <= y.size)


def _too_short(y: "Floats", context: "Context") -> DataError:
    seasons = f"the seasons {context.periods or '(none known)'}"
    sentence = f"{y.size} points do not cover two cycles of {seasons}: extract more or set periods"
    return DataError("E_SHORT", "fourier", sentence)


def _columns(periods: tuple[int, ...], t: "Ints", n: int) -> "Floats":
    """Constant, slope up to 0 at step n, then sine and cosine of every wave: shape (t, columns)."""
    waves = [cycle[:, t % cycle.shape[1]] for cycle in _cycles(periods)]
    parts = (np.ones((t.size, 1)), _slope(t, n)[:, None], *(w[0] for w in waves), *(w[1] for w in waves))
    return np.concatenate(parts, axis=1)


def _slope(t: "Ints", n: "int | Ints") -> "Floats":
    return np.asarray((t - n) / n)


def frequencies(periods: tuple[int, ...], waves: tuple[int, int]) -> list[tuple[int, float]]:
    """Harmonics as (index of the period, cycles per step).

    Each frequency once and none faster than two steps per cycle.
    """
    found: dict[float, tuple[int, float]] = {}
    for i, period in enumerate(periods):
        for k in range(1, waves[min(i, 1)] + 1):
            if 2 * k < period or (2 * k == period and period == 2):
                found.setdefault(round(k / period, 9), (i, k / period))
    return list(found.values())


@lru_cache(maxsize=8)  # the same at every origin of every member with these periods
def _cycles(periods: tuple[int, ...]) -> "tuple[Floats, ...]":
    """Sine and cosine of all waves of each period, over one period of it: shapes (2, period, waves)."""
    every = frequencies(periods, WAVES[-1])
    angles = [
        np.outer(np.arange(period), [2 * np.pi * f for of, f in every if of == i]) for i, period in enumerate(periods)
    ]
    return tuple(np.stack((np.sin(a), np.cos(a))) for a in angles)


@lru_cache(maxsize=8)
def _sets(periods: tuple[int, ...]) -> "tuple[Ints, ...]":
    """Columns of each set of waves that is tried, the level among them."""
    every = [round(f, 9) for _, f in frequencies(periods, WAVES[-1])]
    used = [{round(f, 9) for _, f in frequencies(periods, waves)} for waves in WAVES]
    index = [np.array([i for i, f in enumerate(every) if f in some], dtype=np.int64) for some in used]
    return tuple(np.concatenate(([0], 2 + i, 2 + len(every) + i)) for i in index)


def _fit(ys: "Sequence[Floats]", periods: tuple[int, ...]) -> list[_Fit]:
    """Choose and fit for each of a chain of histories, see `ForecastOrigins`."""
    n, t, half_life = np.array([y.size for y in ys]), np.arange(ys[-1].size), HALF_LIFE * periods[-1]
    middle, unit = median(ys[-1]), float(np.ptp(ys[-1])) or 1.0
    table = np.column_stack((_columns(periods, t, t.size), (ys[-1] - middle) / unit))
    # a choice is judged at the end of a history, as long as the longest period, or a quarter of it if that is less
    begin = n - np.minimum(n // 4, periods[-1])
    grams = _faded_grams(table, np.concatenate((begin, n)), half_life)
    train, whole = (_with_slope_to(n, t.size, gram) for gram in np.split(grams, 2))
    options = _choose(table, train, begin, n, periods)
    weights, rest = np.zeros((n.size, table.shape[1] - 1)), np.zeros((n.size, t.size))
    for option in np.unique(options).tolist():
        alike = np.flatnonzero(options == option)
        order = np.array([*[1][: option % 2], *_sets(periods)[option // 2], -1])
        fade = 0.5 ** ((n[alike, None] - 1 - t) / half_life)
        weights[alike[:, None], order[:-1]], rest[alike] = _regressed(table, whole[alike], order, n[alike], fade)
    return [
        _fit_of(periods, middle, unit, own, left[:size])
        for size, own, left in zip(n.tolist(), weights, rest, strict=True)
    ]


def _regressed(table: "Floats", gram: "Floats", order: "Ints", n: "Ints", fade: "Floats") -> "tuple[Floats, Floats]":
    """Coefficients of the columns of each history in an order, and what they leave over; the values stand last."""
    sloping = int(order[0] == 1)  # each history has a slope of its own
    slopes = _slope(np.arange(len(table)), n[:, None])[:, None][:, :sloping]
    gram, ridge = gram[:, order[:, None], order], np.where(order[:-1] > 0, RIDGE, 0.0)
    return regress_each(table[:, order[sloping:]], slopes, gram, n, ridge, HUBER, fade)


def _fit_of(periods: tuple[int, ...], middle: float, unit: float, weights: "Floats", rest: "Floats") -> _Fit:
    bounds = (float(rest.min()), float(rest.max()))
    return _Fit(periods, rest.size, middle, unit, weights, rest[-REST_LAGS:], bounds, _autoregression(rest))


def _faded_grams(table: "Floats", ends: "Ints", half_life: float) -> "Floats":
    """Products of all columns summed over the rows before each end, which count half for every half-life of age."""
    found, at = {}, 0
    gram = np.zeros((table.shape[1], table.shape[1]))
    for end in np.unique(ends).tolist():
        rows = table[at:end] * np.sqrt(_fade(end - at, half_life))[:, None]
        gram = gram * 0.5 ** ((end - at) / half_life) + rows.T @ rows
        found[end], at = gram, end
    return np.array([found[end] for end in ends.tolist()])


def _with_slope_to(n: "Ints", size: int, grams: "Floats") -> "Floats":
    """The products with a slope that ends at step n instead of `size`: it is a sum of that one and the constant."""
    share, level = (size / n)[:, None], ((size - n) / n)[:, None]
    grams[:, :, 1] = share * grams[:, :, 1] + level * grams[:, :, 0]
    grams[:, 1] = share * grams[:, 1] + level * grams[:, 0]
    return grams


def _choose(table: "Floats", gram: "Floats", begin: "Ints", n: "Ints", periods: tuple[int, ...]) -> "Ints":
    """Twice the index of the set of waves that forecasts the held-out end of each history best, 1 more with a slope.

    Args:
        table: All columns, the last one the values.
        gram: Products of these up to the end that is held out, the second with the slope of each history.
        begin: Where that begins.
        n: And where it ends.
        periods: Whose waves they are.
    """
    levels, per_slope, slopes = _solutions(gram, _sets(periods))
    found = []
    for k, (a, b) in enumerate(zip(begin.tolist(), n.tolist(), strict=True)):
        known = table[a:b, :-1].T
        off, drift = table[a:b, -1] - levels[:, k] @ known, _slope(np.arange(a, b), b) - per_slope[:, k] @ known
        errors = np.abs(np.stack((off, off - slopes[:, k] * drift), axis=1))
        found.append(int(np.add.reduce(errors, axis=2).argmin()))
    return np.array(found)


def _solutions(gram: "Floats", sets: "tuple[Ints, ...]") -> "tuple[Floats, Floats, Floats]":
    """Coefficients with each set of columns alone, what they lose per unit of a slope beside them, and that slope.

    Shapes (sets, k, columns), the same, and (sets, k, 1).
    """
    shape = (len(sets), len(gram), gram.shape[1] - 1)
    levels, per_slope, slopes = np.zeros(shape), np.zeros(shape), np.zeros((*shape[:2], 1))
    for i, columns in enumerate(sets):
        ridge = np.diag(np.where(columns > 0, RIDGE, 0.0))
        targets = gram[:, columns[:, None], [-1, 1]]
        both = np.linalg.solve(gram[:, columns[:, None], columns] + ridge, targets)
        levels[i, :, columns], per_slope[i, :, columns] = both.transpose(2, 1, 0)
        # both systems by one solution: elimination of the slope
        explained = (targets[:, None, :, 1] @ both)[:, 0]
        slopes[i, :, 0] = (gram[:, 1, -1] - explained[:, 0]) / (gram[:, 1, 1] + RIDGE - explained[:, 1])
    return levels, per_slope, slopes


def _fade(n: int, half_life: float) -> "Floats":
    """Weights of n points, the newest 1, halved every half-life."""
    return np.asarray(0.5 ** (np.arange(n - 1, -1, -1) / half_life))


def _autoregression(rest: "Floats") -> "Floats":
    """Coefficients on the three values before, oldest first."""
    before = np.lib.stride_tricks.sliding_window_view(rest[:-1], REST_LAGS)
    gram = before.T @ before
    return np.asarray(
        np.linalg.solve(gram + (1e-6 * np.trace(gram) + 1e-12) * np.eye(REST_LAGS), before.T @ rest[REST_LAGS:])
    )


def _extend(fits: list[_Fit], h: int) -> "list[Floats]":
    """Line and waves of each history, plus what is left of the newest rest, which stays as near as it was."""
    carry, bounds = np.array([fit.carry for fit in fits]), np.array([fit.bounds for fit in fits])
    rest = np.zeros((len(fits), REST_LAGS + h))
    rest[:, :REST_LAGS] = [fit.rest for fit in fits]
    for i in range(REST_LAGS, REST_LAGS + h):
        step = np.add.reduce(rest[:, i - REST_LAGS : i] * carry, axis=1)
        rest[:, i] = np.minimum(np.maximum(step, bounds[:, 0]), bounds[:, 1])
    return [
        fit.middle + fit.unit * (_columns(fit.periods, fit.size + np.arange(h), fit.size) @ fit.weights + own)
        for fit, own in zip(fits, rest[:, REST_LAGS:], strict=True)
    ]

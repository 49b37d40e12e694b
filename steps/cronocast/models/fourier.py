"""Waves of the known periods on a straight line, newest data counting most; the rest goes on as an autoregression."""

from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

    Ints = NDArray[np.int64]

WAVES = ((2, 2), (5, 8), (12, 30))  # harmonics of the shortest period and of each longer one that are tried
REST_LAGS = 3  # of the autoregression on what the waves leave over
HUBER = 2.0  # robust standard deviations from which on a point counts less
RIDGE = 0.5  # penalty per wave, in points: a wave seen once is half believed
HALF_LIFE = 1.0  # longest periods after which a point counts half


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
        self.periods = tuple(p for p in context.periods if 2 * p <= y.size)
        if not self.periods:
            seasons = f"the seasons {context.periods or '(none known)'}"
            sentence = f"{y.size} points do not cover two cycles of {seasons}: extract more or set periods"
            raise DataError("E_SHORT", "fourier", sentence)
        self.middle, self.unit = median(y), float(np.ptp(y)) or 1.0
        self.size = y.size
        z = (y - self.middle) / self.unit
        x = self._columns(np.arange(y.size))
        kept = _choose(x, z, self.periods)
        weights = _fade(y.size, HALF_LIFE * self.periods[-1])
        self.weights = np.zeros(x.shape[1])
        self.weights[kept] = _robust(x[:, kept], z, weights)
        self.rest = z - x @ self.weights
        self.carry = _autoregression(self.rest)
        return self

    def predict(self, h: int) -> "Floats":
        """Line and waves, plus what is left of the newest rest."""
        rest = np.concatenate((self.rest[-REST_LAGS:], np.zeros(h)))
        least, most = float(self.rest.min()), float(self.rest.max())
        for i in range(REST_LAGS, REST_LAGS + h):
            rest[i] = min(max(float(rest[i - REST_LAGS : i] @ self.carry), least), most)
        yhat = self._columns(self.size + np.arange(h)) @ self.weights + rest[REST_LAGS:]
        return np.asarray(self.middle + self.unit * yhat)

    def _columns(self, t: "Ints") -> "Floats":
        """Constant, slope, then sine and cosine of every wave: shape (t, columns)."""
        waves = [cycle[:, t % cycle.shape[1]] for cycle in _cycles(self.periods)]
        return np.concatenate(
            (
                np.ones((t.size, 1)),
                (t[:, None] - self.size) / self.size,
                *(w[0] for w in waves),
                *(w[1] for w in waves),
            ),
            axis=1,
        )


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


def _choose(x: "Floats", z: "Floats", periods: tuple[int, ...]) -> "Ints":
    """Columns of the set of waves that forecasts a held-out end best.

    The end is as long as the longest period, or a quarter of the history if that is less.
    """
    held = min(z.size // 4, periods[-1])
    train, end = slice(0, z.size - held), slice(z.size - held, z.size)
    # of the weights: a matrix times itself costs half of what two matrices cost
    root = np.sqrt(_fade(z.size - held, HALF_LIFE * periods[-1]))
    weighted = x[train] * root[:, None]
    gram, target = weighted.T @ weighted, weighted.T @ (z[train] * root)
    best, best_error = np.arange(0), np.inf
    for columns in _sets(periods):
        cross = gram[columns, 1]
        level, per_slope = _solve(gram[np.ix_(columns, columns)], np.column_stack((target[columns], cross))).T
        # both systems by one solution: elimination of the slope
        slope = (target[1] - cross @ level) / (gram[1, 1] + RIDGE - cross @ per_slope)
        known = x[end, columns]
        off, drift = z[end] - known @ level, x[end, 1] - known @ per_slope
        for chosen, errors in ((columns, off), (np.insert(columns, 1, 1), off - slope * drift)):
            error = float(np.abs(errors).mean())
            if error < best_error:
                best, best_error = chosen, error
    return best


def _solve(gram: "Floats", target: "Floats") -> "Floats":
    """Ridge regression from its normal equations; `target` may have several columns."""
    penalty = np.full(len(target), RIDGE)
    penalty[0] = 1e-6  # the level is not doubted
    return np.asarray(np.linalg.solve(gram + np.diag(penalty), target))


def _robust(x: "Floats", z: "Floats", importance: "Floats") -> "Floats":
    """Least squares repeated with less weight on what fits badly (Huber, 1964)."""
    root = np.sqrt(importance)
    for _ in range(3):
        weighted = x * root[:, None]
        coefficients = _solve(weighted.T @ weighted, weighted.T @ (z * root))
        errors = np.abs(z - x @ coefficients)
        spread = 1.4826 * median(errors)
        if spread == 0:
            break
        root = np.sqrt(importance * np.minimum(1.0, HUBER * spread / np.maximum(errors, spread)))
    return coefficients


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

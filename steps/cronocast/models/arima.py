"""Seasonal ARIMA by least squares: two kinds of differences, sparse lags, mean of both."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.least_squares import joined, regress_each, sums_up_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cronocast.errors import CronocastError
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

    Lags = NDArray[np.int64]

DENSE = 24  # newest lags that all get a coefficient: a day of hours, two hours of 5-minute steps
NO_SEASON = 12  # newest lags where no season is known
ROWS_PER_LAG = (
    3  # equations per coefficient; with fewer, least squares fits chance (measured: ten times the naive error)
)
CYCLES_FOR_SECOND = 6  # seasons in the history before the value two seasons ago gets a coefficient
# penalty per coefficient on standardised values; more after seasonal differences, which double the noise
RIDGE = {True: 3.0, False: 1.0}
# of the largest difference: a spread below it is what numbers leave over on a straight line, and blown up it makes
# equations singular
ROUNDING = 1e-6
HUBER = 3.0  # robust standard deviations from which on an equation counts less


@dataclass(frozen=True)
class _Part:
    """One fitted ARMA on differences of one lag."""

    lag: int  # of the differences
    z: "Floats"  # newest differences
    e: "Floats"  # newest one-step errors
    ar: "Lags"
    ma: "Lags"
    weights: "Floats"
    last: "Floats"  # newest `lag` values of the history
    bounds: tuple[float, float]  # smallest and largest difference seen, and half their range beyond


class Arima:
    """Mean of an ARIMA(p,1,q) and a seasonal ARIMA(p,0,q)(P,1,Q): the first follows levels, the second repeats seasons.

    Lags are 1..24 and those around each seasonal period, as many as the history has equations for.

    Source:
        Hannan & Rissanen, Recursive estimation of mixed autoregressive-moving average order, 1982 (errors of a long
        autoregression stand in for the moving-average terms); ridge penalty: Hoerl & Kennard, 1970; weights: Huber,
        1964.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Estimate both, shape (t,); the seasonal one only where y holds three of the shortest period.

        Raises:
            DataError: there are too few points for either.
        """
        [self.parts] = _fit([y], [context])
        if not self.parts:
            raise _too_short(y)
        return self

    def predict(self, h: int) -> "Floats":
        """Mean of the forecasts of both."""
        return np.asarray(np.mean(_extend(self.parts, h), axis=0))

    @classmethod
    def forecast_origins(
        cls, ys: "Sequence[Floats]", contexts: "Sequence[Context]", h: int
    ) -> "list[Floats | CronocastError]":
        """Forecast from many origins, see `ForecastOrigins`: sums over what they share are made once."""
        found = _fit(ys, contexts)
        ahead = iter(_extend([part for parts in found for part in parts], h))
        return [
            np.mean([next(ahead) for _ in parts], axis=0) if parts else _too_short(y)
            for y, parts in zip(ys, found, strict=True)
        ]


def _too_short(y: "Floats") -> DataError:
    need = ROWS_PER_LAG * NO_SEASON + NO_SEASON
    return DataError("E_SHORT", "arima", f"{y.size} points, need about {need}: extract more")


@lru_cache(maxsize=256)  # the same at each origin of every member
def lags_of(n: int, periods: tuple[int, ...]) -> "Lags":
    """Lags that n values have equations enough for, ascending: the newest ones, and those around each season."""
    dense = min(periods[0] if periods else NO_SEASON, DENSE)
    wanted = set(range(1, dense + 1))
    for p in periods:
        wanted |= {p - 1, p, p + 1} | ({2 * p} if n >= CYCLES_FOR_SECOND * p else set())
    return np.array(sorted(lag for lag in wanted if lag >= 1 and n - lag >= ROWS_PER_LAG * len(wanted)), dtype=np.int64)


def _fit(ys: "Sequence[Floats]", contexts: "Sequence[Context]") -> list[list[_Part]]:
    """The parts of each of a chain of histories, see `ForecastOrigins`; none where they are too short."""
    found: list[list[_Part]] = [[] for _ in ys]
    jobs: dict[tuple[int, bytes, bytes], list[tuple[int, Lags, Lags]]] = {}  # by lags: which histories
    for i, (y, context) in enumerate(zip(ys, contexts, strict=True)):
        periods = tuple(p for p in context.periods if 3 * p <= y.size)
        for lag in (1, *periods[:1]):
            n = y.size - lag
            ar = lags_of(n, periods) if n >= NO_SEASON else np.empty(0, dtype=np.int64)
            if ar.size:
                ma = _moving_average_lags(n, int(ar[-1]), ar.size, periods)
                jobs.setdefault((lag, ar.tobytes(), ma.tobytes()), []).append((i, ar, ma))
    for (lag, *_), alike in jobs.items():
        places = [i for i, *_ in alike]
        for i, part in zip(places, _fit_alike([ys[i] for i in places], lag, *alike[0][1:]), strict=True):
            found[i].append(part)
    return found


def _fit_alike(ys: "Sequence[Floats]", lag: int, ar: "Lags", ma: "Lags") -> list[_Part]:
    """Fit an ARMA to differences of one lag of each of a chain of histories."""
    z, sizes = ys[-1][lag:] - ys[-1][:-lag], np.array([y.size - lag for y in ys])
    lows, highs = (extreme.accumulate(z)[sizes - 1] for extreme in (np.minimum, np.maximum))
    spread = np.array([[_variance(z[:n], *ends)] for n, *ends in zip(sizes, lows, highs, strict=True)])
    weights, e = _regressed(z, sizes, ar, ma, RIDGE[lag > 1] * spread)
    keep, slack = max(int(ar[-1]), int(ma.max(initial=0))), (highs - lows) / 2
    return [
        _Part(lag, z[n - keep : n], e[i, n - keep : n], ar, ma, weights[i], y[-lag:], (low, high))
        for i, (y, n, low, high) in enumerate(zip(ys, sizes, lows - slack, highs + slack, strict=True))
    ]


def _regressed(z: "Floats", sizes: "Lags", ar: "Lags", ma: "Lags", doubt: "Floats") -> "tuple[Floats, Floats]":
    """Coefficients of each beginning of z, so long, and its one-step errors: of a long autoregression, then beside it.

    Args:
        z: Differences, shape (t,).
        sizes: How many of them each history has, k of them, ascending.
        ar: Lags of differences.
        ma: Lags of errors.
        doubt: Penalty per coefficient, for each number of them, shape (k, 1).

    Returns:
        Shapes (k, lags), those of differences first, and (k, t), 0 where there are none.
    """
    first = int(ar[-1])
    begin = first + int(ma.max(initial=0))  # of the equations that errors are known for
    rows = np.arange(first, z.size)
    table = np.column_stack((z[rows[:, None] - ar], z[rows]))
    early, late = table[: begin - first], table[begin - first :]
    gram, e, none = (
        sums_up_to(late, sizes - begin),
        np.zeros((sizes.size, z.size)),
        np.empty((sizes.size, 0, len(rows))),
    )
    weights, e[:, first:] = regress_each(table, none, early.T @ early + gram, sizes - first, ar.size * doubt, HUBER)
    if not ma.size:
        return weights, e
    before = np.stack([e[:, begin - q : z.size - q] for q in ma], axis=1)
    before *= np.arange(begin, z.size) < sizes[:, None, None]
    ridge, gram = (ar.size + ma.size) * doubt, joined(late, before, gram)
    weights, e[:, begin:] = regress_each(late, before, gram, sizes - begin, ridge, HUBER)
    return np.roll(weights, -ma.size, axis=1), e


def _variance(z: "Floats", low: float, high: float) -> float:
    """Variance that coefficients are doubted in units of, never 0."""
    off = z - np.add.reduce(z) / z.size
    return max(float(off @ off) / z.size, (ROUNDING * max(-low, high)) ** 2) or 1.0


@lru_cache(maxsize=256)
def _moving_average_lags(n: int, first: int, count: int, periods: tuple[int, ...]) -> "Lags":
    """Lags of errors: the newest two and those around the seasons, as far as the equations go."""
    wanted = {1, 2}
    for i, p in enumerate(periods):
        wanted |= {p - 1, p, p + 1} if i == 0 else {p}
    lags = sorted(q for q in wanted if q >= 1 and n - first - q >= ROWS_PER_LAG * (count + len(wanted)))
    return np.array(lags, dtype=np.int64)


def _extend(parts: list[_Part], h: int) -> "list[Floats]":
    """Forecast the differences of each part one by one, then add them up, shapes (h,).

    Each stays near what was seen: coefficients just beyond stability would otherwise explode over long horizons.
    """
    if not parts:
        return []
    keep, lags = max(part.z.size for part in parts), max(part.weights.size for part in parts)
    known = np.zeros((2, len(parts), keep + h))
    at, weights = np.zeros((len(parts), lags), dtype=np.int64), np.zeros((len(parts), lags))
    for i, part in enumerate(parts):
        known[:, i, keep - part.z.size : keep] = part.z, part.e
        begins = np.repeat((i, len(parts) + i), (part.ar.size, part.ma.size)) * (keep + h)
        at[i, : part.weights.size] = begins + keep - np.concatenate((part.ar, part.ma))
        weights[i, : part.weights.size] = part.weights
    low, high = np.array([part.bounds for part in parts]).T
    for i in range(h):
        step = np.add.reduce(known.take(at + i) * weights, axis=1)
        known[0, :, keep + i] = np.minimum(np.maximum(step, low), high)
    return [_added_up(part, ahead) for part, ahead in zip(parts, known[0, :, keep:], strict=True)]


def _added_up(part: _Part, ahead: "Floats") -> "Floats":
    """Values from differences, each of which is one from `lag` steps before."""
    whole = np.concatenate((ahead, np.zeros(-ahead.size % part.lag))).reshape(-1, part.lag)
    return np.asarray((part.last + np.cumsum(whole, axis=0)).ravel()[: ahead.size])

"""Seasonal ARIMA by least squares: two kinds of differences, sparse lags, mean of both."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    z: "Floats"  # newest differences, divided by unit
    e: "Floats"  # newest one-step errors
    unit: float
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
        periods = tuple(p for p in context.periods if 3 * p <= y.size)
        lags = (1, *periods[:1])
        self.parts = [part for part in (_fit(y, lag, periods) for lag in lags) if part]
        if not self.parts:
            raise DataError(
                "E_SHORT", "arima", f"{y.size} points, need about {ROWS_PER_LAG * NO_SEASON + NO_SEASON}: extract more"
            )
        return self

    def predict(self, h: int) -> "Floats":
        """Mean of the forecasts of both."""
        return np.asarray(np.mean([_extend(part, h) for part in self.parts], axis=0))


def lags_of(n: int, periods: tuple[int, ...]) -> "Lags":
    """Lags that n values have equations enough for, ascending: the newest ones, and those around each season."""
    dense = min(periods[0] if periods else NO_SEASON, DENSE)
    wanted = set(range(1, dense + 1))
    for p in periods:
        wanted |= {p - 1, p, p + 1} | ({2 * p} if n >= CYCLES_FOR_SECOND * p else set())
    return np.array(sorted(lag for lag in wanted if lag >= 1 and n - lag >= ROWS_PER_LAG * len(wanted)), dtype=np.int64)


def _fit(y: "Floats", lag: int, periods: tuple[int, ...]) -> _Part | None:
    """Fit an ARMA to differences of one lag; None where there are too few."""
    z = y[lag:] - y[:-lag]
    if z.size < NO_SEASON:
        return None
    unit = max(float(z.std()), ROUNDING * float(np.abs(z).max()))
    if unit > 0:
        z = z / unit
    ar = lags_of(z.size, periods)
    if not ar.size:
        return None
    penalty = RIDGE[lag > 1]
    first = int(ar[-1])
    rows = np.arange(first, z.size)
    e = np.zeros(z.size)
    weights, e[first:] = _regress(z[rows[:, None] - ar], z[rows], penalty)
    ma = _moving_average_lags(z.size, first, ar.size, periods)
    if ma.size:
        rows = np.arange(first + int(ma[-1]), z.size)
        weights, e[rows] = _regress(
            np.concatenate((z[rows[:, None] - ar], e[rows[:, None] - ma]), axis=1), z[rows], penalty
        )
    keep = max(first, int(ma.max(initial=0)))
    slack = float(np.ptp(z)) / 2
    return _Part(
        lag, z[-keep:], e[-keep:], unit, ar, ma, weights, y[-lag:], (float(z.min()) - slack, float(z.max()) + slack)
    )


def _moving_average_lags(n: int, first: int, count: int, periods: tuple[int, ...]) -> "Lags":
    """Lags of errors: the newest two and those around the seasons, as far as the equations go."""
    wanted = {1, 2}
    for i, p in enumerate(periods):
        wanted |= {p - 1, p, p + 1} if i == 0 else {p}
    lags = sorted(q for q in wanted if q >= 1 and n - first - q >= ROWS_PER_LAG * (count + len(wanted)))
    return np.array(lags, dtype=np.int64)


def _regress(x: "Floats", target: "Floats", penalty: float) -> "tuple[Floats, Floats]":
    """Ridge regression, twice repeated with less weight on what fits badly; returns coefficients and errors."""
    root = np.ones(target.size)  # of the weights: a matrix times itself costs half of what two matrices cost
    ridge = penalty * x.shape[1] * np.eye(x.shape[1])
    for _ in range(3):
        weighted = x * root[:, None]
        coefficients = np.linalg.solve(weighted.T @ weighted + ridge, weighted.T @ (target * root))
        errors = target - x @ coefficients
        size = np.abs(errors)
        spread = 1.4826 * median(size)
        if spread == 0:
            break
        root = np.sqrt(np.minimum(1.0, HUBER * spread / np.maximum(size, spread)))
    return coefficients, errors


def _extend(part: _Part, h: int) -> "Floats":
    """Forecast the differences one by one, then add them up.

    Each stays near what was seen: coefficients just beyond stability would otherwise explode over long horizons.
    """
    keep = part.z.size
    known = np.concatenate((part.z, np.zeros(h), part.e, np.zeros(h)))
    at = np.concatenate((keep - part.ar, 2 * keep + h - part.ma))
    low, high = part.bounds
    for i in range(h):
        known[keep + i] = min(max(float(known[at + i] @ part.weights), low), high)
    ahead = known[keep : keep + h] * (part.unit if part.unit > 0 else 1.0)
    whole = np.concatenate((ahead, np.zeros(-h % part.lag))).reshape(-1, part.lag)
    return np.asarray((part.last + np.cumsum(whole, axis=0)).ravel()[:h])

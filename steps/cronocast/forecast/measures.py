"""Error measures of forecasts: shapes (k, h) for k origins and h steps; NaN marks what was not observed."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats


def scale(y: "Floats", season: int) -> float:
    """Return the mean absolute change over one season, the unit of MASE and MSIS.

    Args:
        y: History, shape (t,), NaN where nothing was observed.
        season: Steps in one season, >= 1; where y is too short for it, one step is used.

    Returns:
        A number > 0. A history that repeats itself exactly is measured by its size instead, and zeros by 1.

    Source:
        Hyndman & Koehler, Another look at measures of forecast accuracy, 2006; M4 competition guide, 2018.
    """
    for lag in (season, 1):
        if 0 < lag < y.size:
            change = np.abs(y[lag:] - y[:-lag])
            change = change[np.isfinite(change)]
            if change.size and change.mean() > 0:
                return float(change.mean())
    size = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
    return size if size > 0 else 1.0


def mean(values: "Floats") -> float:
    """Mean of what is finite; 0 if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else 0.0


def mae(actual: "Floats", forecast: "Floats") -> float:
    """Mean absolute error, in the unit of the values."""
    return mean(np.abs(actual - forecast))


def rmse(actual: "Floats", forecast: "Floats") -> float:
    """Root of the mean squared error, in the unit of the values."""
    return float(np.sqrt(mean((actual - forecast) ** 2)))


def bias(actual: "Floats", forecast: "Floats") -> float:
    """Mean of forecast - actual: above zero where forecasts are too high."""
    return mean(forecast - actual)


def smape(actual: "Floats", forecast: "Floats") -> float:
    """Symmetric percentage error, 0..200; a pair of zeros counts 0 (M4 competition guide, 2018)."""
    size = np.abs(actual) + np.abs(forecast)
    return mean(np.where(size > 0, 200 * np.abs(actual - forecast) / np.where(size > 0, size, 1), 0 * size))


def inside(actual: "Floats", lower: "Floats", upper: "Floats") -> "Floats":
    """1 where an observed value is inside its interval, else 0; NaN where nothing was observed. Bounds are inside."""
    return np.where(np.isfinite(actual), ((actual >= lower) & (actual <= upper)).astype(float), np.nan)


def coverage(actual: "Floats", lower: "Floats", upper: "Floats") -> float:
    """Share of observed values inside their interval, 0..1."""
    return mean(inside(actual, lower, upper))


def pinball(actual: "Floats", quantile: "Floats", q: float) -> float:
    """Mean quantile loss of one bound, 0 < q < 1 (Koenker & Bassett, 1978)."""
    miss = actual - quantile
    return mean(np.maximum(q * miss, (q - 1) * miss))


def interval_score(actual: "Floats", lower: "Floats", upper: "Floats", level: float) -> float:
    """Mean interval score: width plus 2/(1 - level) times each miss (Gneiting & Raftery, 2007).

    Over `scale` it is MSIS.
    """
    weight = 2 / (1 - level)
    return mean((upper - lower) + weight * np.maximum(lower - actual, 0) + weight * np.maximum(actual - upper, 0))

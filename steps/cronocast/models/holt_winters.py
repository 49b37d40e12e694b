"""Holt-Winters smoothing.

Level, damped slope and up to two seasons, with the gains that forecast best a season ahead.
"""

from itertools import product
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

LEAST_POINTS = 10
NO_SEASON = 12  # steps that gains are judged by where no season is known
DAMPING = (
    0.98  # share of the slope left after a step: half of it after 34; an undamped slope runs away over long horizons
)
LEVEL_GAINS = (0.02, 0.1, 0.3, 0.7)
SLOPE_GAINS = (0.0, 0.05)  # of the level's gain; larger ones follow noise
SEASON_GAINS = ((0.05, 0.2, 0.5), (0.1, 0.4))  # for the shortest and the longest period


class HoltWinters:
    """Additive Holt-Winters with a damped trend; a grid of smoothing parameters is tried and the best one forecasts.

    Source:
        Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 8.3; two seasons: Taylor, Short-term
        electricity demand forecasting using double seasonal exponential smoothing, 2003.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Smooth y, shape (t,), with every combination of gains.

        Raises:
            DataError: y has fewer than ten points.
        """
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "holt_winters", f"{y.size} points, need {LEAST_POINTS}: extract more")
        fitting = [p for p in context.periods if 2 * p <= y.size]
        self.periods = tuple(dict.fromkeys((*fitting[:1], *fitting[-1:])))
        self.size = y.size
        self.level, self.slope, self.seasons = _smooth(y, self.periods)
        return self

    def predict(self, h: int) -> "Floats":
        """Level, slope fading away, seasons."""
        ahead = np.arange(1, h + 1)
        yhat = self.level + self.slope * np.cumsum(DAMPING**ahead)
        for season in self.seasons:
            yhat = yhat + season[(self.size - 1 + ahead) % season.size]
        return np.asarray(yhat)


def _smooth(y: "Floats", periods: tuple[int, ...]) -> "tuple[float, float, list[Floats]]":
    """Run every combination of gains over y at once; returns level, slope and seasons of the best one."""
    grid = np.array(list(product(LEVEL_GAINS, SLOPE_GAINS, *SEASON_GAINS[: len(periods)])))
    gain, slope_gain, season_gains = grid[:, 0], grid[:, 0] * grid[:, 1], (1 - grid[:, :1]) * grid[:, 2:]
    begin = max(periods, default=LEAST_POINTS // 2)
    level, slope, seasons = _start(y, begin, periods, len(grid))
    ahead = min(periods, default=min(NO_SEASON, y.size // 4))
    errors = np.zeros(len(grid))
    for t in range(begin, y.size):
        if (t - begin) % ahead == 0 and t > begin and t + ahead <= y.size:
            errors += _error(y[t : t + ahead], t, level, slope, seasons)
        base = level + DAMPING * slope
        surprise = y[t] - base - sum(season[t % len(season)] for season in seasons)
        level, slope = base + gain * surprise, DAMPING * slope + slope_gain * surprise
        for i, season in enumerate(seasons):
            season[t % len(season)] += season_gains[:, i] * surprise
    best = int(np.argmin(errors))
    return float(level[best]), float(slope[best]), [season[:, best].copy() for season in seasons]


def _start(y: "Floats", begin: int, periods: tuple[int, ...], count: int) -> "tuple[Floats, Floats, list[Floats]]":
    """Level, slope and seasons after the first longest season.

    Means by phase around its slope, the shorter season first.
    """
    slope = float(np.median(y[begin : 2 * begin] - y[:begin])) / begin if periods else 0.0
    line = y[:begin].mean() + slope * (np.arange(begin) - (begin - 1) / 2)
    rest, seasons = y[:begin] - line, []
    for period in periods:
        season = np.array([rest[phase::period].mean() for phase in range(period)])
        seasons.append(np.repeat(season[:, None], count, axis=1))
        rest = rest - np.resize(season, rest.size)
    return np.full(count, line[-1]), np.full(count, slope), seasons


def _error(actual: "Floats", t: int, level: "Floats", slope: "Floats", seasons: "list[Floats]") -> "Floats":
    """Mean absolute error of forecasting `actual` from the state before step t, per combination."""
    steps = np.arange(1, actual.size + 1)
    yhat = level + np.cumsum(DAMPING**steps)[:, None] * slope
    for season in seasons:
        yhat = yhat + season[(t - 1 + steps) % len(season)]
    return np.asarray(np.abs(actual[:, None] - yhat).mean(axis=0))

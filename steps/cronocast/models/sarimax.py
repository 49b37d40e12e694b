"""SARIMAX of statsmodels: ARIMA of one season, with waves for every other season as its regressors."""

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

from cronocast.errors import DataError
from cronocast.models.options import SarimaxOptions, read_options

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

LEAST_CYCLES = 3  # of a season: one is lost to differences
MORE_POINTS = 10  # than differences and coefficients take
MOST_SEASON = 26  # steps of the season in the ARIMA: time grows with its cube; longer ones become waves
MOST_POINTS = 500  # of the newest, but always three cycles: time grows with their number
WAVES = 4  # of each season that is none of the ARIMA's
TRIALS = 12  # of the optimiser at most: about half a second with a season of a day of hours
STEADY = 1e-6  # change of the filter's variance below which it is taken to stay: most of the time is saved
LEAST_NOISE = 1e-6  # of the range: below it nothing is left to fit


class Sarimax:
    """SARIMAX of statsmodels with options `order`, `seasonal_order` and `trend`; long seasons are waves beside it.

    Differences are taken here, not within the state space, where each costs a state for every step of a season.

    Source:
        Box & Jenkins, Time series analysis, 1970; Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd
        ed., 9.9 and 10.5 (waves with ARIMA errors); statsmodels' `SARIMAX`.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Fit the newest of y, shape (t,), by maximum likelihood.

        Raises:
            ConfigError: an option is wrong.
            DataError: y has too few points for the differences and coefficients.
        """
        options = read_options(SarimaxOptions, context.options)
        y = y[-max(MOST_POINTS, LEAST_CYCLES * max(context.periods, default=0)) :]
        known = [p for p in context.periods if LEAST_CYCLES * p <= y.size]
        season = known[0] if known and known[0] <= MOST_SEASON and any(options.seasonal_order) else 0
        self.lags = _difference(options, season)
        need = self.lags.size + sum(options.order) + season * (options.seasonal_order[0] + options.seasonal_order[2])
        if y.size < need + MORE_POINTS:
            raise DataError("E_SHORT", "sarimax", f"{y.size} points, need {need + MORE_POINTS}: extract more")
        self.low, self.unit = float(y.mean()), float(np.ptp(y)) or 1.0
        self.y = (y - self.low) / self.unit
        self.waves = [p for p in known if p != season]
        self.fitted = self._fitted(options, season)
        return self

    def _fitted(self, options: SarimaxOptions, season: int) -> Any:  # noqa: ANN401 - the library has no types
        changes = np.convolve(self.y, self.lags, "valid")
        waves = self._waves(0, self.y.size)
        self.weights = np.linalg.lstsq(waves, changes - changes.mean(), rcond=None)[0]
        changes = changes - waves @ self.weights
        if float(np.ptp(changes)) <= LEAST_NOISE:
            self.rest = float(changes.mean())
            return None
        p, _, q = options.order
        seasonal_p, _, seasonal_q = options.seasonal_order if season else (0, 0, 0)
        model = SARIMAX(
            changes,
            order=(p, 0, q),
            seasonal_order=(seasonal_p, 0, seasonal_q, season),
            trend={"none": None, "constant": "c", "linear": "ct"}[options.trend],
            concentrate_scale=True,
        )
        model.ssm.tolerance = STEADY
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence: the backtest says whether the forecast is any good
            return model.fit(disp=False, maxiter=TRIALS, cov_type="none", low_memory=True)

    def predict(self, h: int) -> "Floats":
        """Sum up the changes that waves and ARIMA expect."""
        n, depth = self.y.size, self.lags.size - 1
        rest = np.full(h, self.rest) if self.fitted is None else np.asarray(self.fitted.forecast(h), dtype=float)
        changes = rest + self._waves(n - depth, depth + h) @ self.weights
        values = np.concatenate((self.y, changes))
        for i in range(n, n + h):
            values[i] -= self.lags[1:] @ values[i - depth : i][::-1]
        return np.asarray(self.low + self.unit * values[n:])

    def _waves(self, first: int, count: int) -> "Floats":
        """Differences of sines and cosines for steps from `first` on, shape (count - depth, waves)."""
        t = np.arange(first, first + count)
        turns = [k * t / p for p in self.waves for k in range(1, min(WAVES, (p - 1) // 2) + 1)]
        waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
        rows = [np.convolve(wave, self.lags, "valid") for wave in waves]
        return np.stack(rows, axis=1) if rows else np.empty((count - self.lags.size + 1, 0))


def _difference(options: SarimaxOptions, season: int) -> "Floats":
    """Coefficients of (1 - B)^d (1 - B^s)^D, shape (1 + d + s D,)."""
    lags = np.ones(1)
    for _ in range(options.order[1]):
        lags = np.convolve(lags, [1.0, -1.0])
    for _ in range(options.seasonal_order[1] if season else 0):
        lags = np.convolve(lags, [1.0, *[0.0] * (season - 1), -1.0])
    return lags

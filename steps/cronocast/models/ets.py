"""ETS of statsmodels: error, trend and season, each additive, multiplicative or absent."""

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from cronocast.errors import DataError
from cronocast.models.options import EtsOptions, read_options

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

LEAST_POINTS = 10  # which its first level and slope are taken from
LEAST_CYCLES = 2
MOST_SEASON = 400  # steps; a longer season needs as many first states, each looked for again at every trial
MOST_POINTS, MOST_CYCLES = 1000, 8  # of the newest, but never fewer cycles: what is older has no weight left
TRIALS = 100  # of the optimiser at most
LEAST_NOISE = 1e-9  # of the range: below it there is nothing to fit


class Ets:
    """ETS of statsmodels with options `error`, `trend`, `damped` and `seasonal`; the season is the shortest one known.

    Source:
        Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 8.5 to 8.7; statsmodels' `ETSModel`.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Fit the newest of y, shape (t,), by maximum likelihood.

        Raises:
            ConfigError: an option is wrong.
            DataError: fewer than ten points, or values of 0 or less for what is multiplicative.
        """
        options = read_options(EtsOptions, context.options)
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "ets", f"{y.size} points, need {LEAST_POINTS}: extract more")
        multiplied = "mul" in (options.error, options.trend, options.seasonal)
        if multiplied and float(y.min()) <= 0:
            sentence = f"a value is {float(y.min()):g}: multiplicative parts need values above 0; set them to add"
            raise DataError("E_NOT_POSITIVE", "ets", sentence)
        period = next((p for p in context.periods if p <= MOST_SEASON and LEAST_CYCLES * p <= y.size), 0)
        y = y[-max(MOST_POINTS, MOST_CYCLES * period) :]
        # unit and level do not matter; what is multiplied keeps its zero
        self.low = 0.0 if multiplied else float(y.mean())
        self.unit = float(np.ptp(y))
        self.fitted = (
            _fitted((y - self.low) / self.unit, period, options) if self.unit > LEAST_NOISE * abs(y).max() else None
        )
        self.last = float(y[-1])
        return self

    def predict(self, h: int) -> "Floats":
        """Level, trend and season h steps ahead."""
        if self.fitted is None:
            return np.full(h, self.last)
        return self.low + self.unit * np.asarray(self.fitted.forecast(h), dtype=float)


def _fitted(y: "Floats", period: int, options: EtsOptions) -> Any:  # noqa: ANN401 - the library has no types
    season = None if options.seasonal == "none" or not period else options.seasonal
    trend = None if options.trend == "none" else options.trend
    model = ETSModel(
        y,
        error=options.error,
        trend=trend,
        damped_trend=options.damped and trend is not None,
        seasonal=season,
        seasonal_periods=period if season else None,
        initialization_method="heuristic",  # first states from the first cycles: fitting all would cost minutes
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: the backtest says whether the forecast is any good
        fitted = model.fit(disp=False, maxiter=TRIALS)
        if np.isfinite(fitted.params).all() and np.isfinite(fitted.forecast(1)).all():
            return fitted
        return model.smooth(model.start_params)

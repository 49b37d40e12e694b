"""Prophet: a line that bends at change points, and smooth seasons."""

import logging
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from cronocast.errors import DataError
from cronocast.models.options import ProphetOptions, read_options

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

# when it is imported it tells that plotly, for its pictures, is not there
logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
from prophet import Prophet as Library  # noqa: E402

LEAST_POINTS = 5  # a level, a slope and some points that are neither
WAVES = 10  # of each season at most, as Prophet has for a year; a season of p steps has p/2


class Prophet:
    """Prophet's additive model with the periods that classify finds.

    Values are brought to 0..1 before, so that unit and level do not matter. Its own interval is not used: widths are
    measured, as for every model.

    Source:
        Taylor & Letham, Forecasting at scale, 2018; the package `prophet`.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Fit y, shape (t,), by maximum a posteriori.

        Raises:
            ConfigError: an option is wrong.
            DataError: fewer than five points.
        """
        options = read_options(ProphetOptions, context.options)
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "prophet", f"{y.size} points, need {LEAST_POINTS}: extract more")
        self.size, self.context = y.size, context
        self.low, self.unit = float(y.min()), float(np.ptp(y))
        if self.unit == 0:
            return self  # a constant has no scale to fit on
        self.model = _model(options, context, y.size)
        frame = pd.DataFrame({"ds": self._stamps(0, y.size), "y": (y - self.low) / self.unit})
        self.model.fit(frame, seed=context.seed)
        return self

    def predict(self, h: int) -> "Floats":
        """Extend trend and seasons by h steps."""
        if self.unit == 0:
            return np.full(h, self.low)
        ahead = self.model.predict(pd.DataFrame({"ds": self._stamps(self.size, h)}))
        return self.low + self.unit * np.asarray(ahead["yhat"], dtype=float)

    def _stamps(self, first: int, count: int) -> pd.DatetimeIndex:
        """Clock times in the zone of the entry's calendar."""
        hours, start_ns = self.context.hours, self.context.start_ns
        times = (
            start_ns + np.arange(first, first + count) * self.context.step_ns
            if hours is None
            else hours.times(start_ns, first + count)[first:]
        )
        return pd.to_datetime(times + self.context.offset_ns)


def _model(options: ProphetOptions, context: "Context", n: int) -> Any:  # noqa: ANN401 - the library has no types
    """An unfitted model of the library."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)  # they tell of every fit
    model = Library(
        growth=options.growth,  # type: ignore[arg-type] # checked by the options
        n_changepoints=min(options.n_changepoints, n // 3),
        changepoint_range=options.changepoint_range,
        changepoint_prior_scale=options.changepoint_prior_scale,
        seasonality_mode=options.seasonality_mode,  # type: ignore[arg-type]
        seasonality_prior_scale=options.seasonality_prior_scale,
        uncertainty_samples=0,
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
    )
    for period in (p for p in context.periods if 2 * p <= n):
        days = (context.time_of(period) - context.time_of(0)) / 86_400e9
        waves = min(WAVES, max(1, (period - 1) // 2))
        model.add_seasonality(name=f"every {period} steps", period=days, fourier_order=waves)
    return model

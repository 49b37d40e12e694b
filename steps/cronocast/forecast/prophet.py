"""Prophet: a line that bends at change points, and smooth seasons."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from prophet import Prophet as Library

from cronocast.document import parse, setting
from cronocast.errors import ConfigError, DataError, Problem
from cronocast.kinds import Number, Text

if TYPE_CHECKING:
    from cronocast.forecast import Context, Floats

LEAST_POINTS = 5  # a level, a slope and some points that are neither
WAVES = 10  # of each season at most, as Prophet has for a year; a season of p steps has p/2
OF_ENGINE = ("horizon", "key")  # options that every model is told


@dataclass(frozen=True)
class Options:
    """What `options` of an entry may say for this model; the names are Prophet's."""

    growth: str = setting(Text(("linear", "flat")), "linear", "Whether the level may rise and fall.")
    n_changepoints: int = setting(Number(0, 200, whole=True), 25, "Places at which the slope may change.")
    changepoint_range: float = setting(Number(0, 1, open_low=True), 0.8, "Share of the history in which they lie.")
    changepoint_prior_scale: float = setting(Number(0, 100, open_low=True), 0.05, "How freely the slope changes.")
    seasonality_mode: str = setting(Text(("additive", "multiplicative")), "additive", "Whether seasons grow with the level.")
    seasonality_prior_scale: float = setting(Number(0, 1000, open_low=True), 10.0, "How freely seasons follow the values.")


def read_options(given: Mapping[str, Any]) -> Options:
    """Check the options of an entry.

    Raises:
        ConfigError: with every option that is unknown or not allowed.
    """
    problems: list[Problem] = []
    options = parse(Options, {name: value for name, value in given.items() if name not in OF_ENGINE}, "options", problems)
    if options is None:
        raise ConfigError(problems)
    return options  # type: ignore[no-any-return]


class Prophet:
    """Prophet's additive model with the periods found.

    Values are brought to 0..1 before, so that unit and level do not matter. Its own interval is not used: widths are measured, as for every model.

    Source:
        Taylor & Letham, Forecasting at scale, 2018; the package `prophet`.
    """

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> None:
        """Tell what is wrong with options before any work.

        Raises:
            ConfigError: with every option that is unknown or not allowed.
        """
        read_options(options)

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Fit y, shape (t,), by maximum a posteriori.

        Raises:
            ConfigError: an option is wrong.
            DataError: fewer than five points.
        """
        options = read_options(context.options)
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
        times = start_ns + np.arange(first, first + count) * self.context.step_ns if hours is None else hours.times(start_ns, first + count)[first:]
        return pd.to_datetime(times + self.context.offset_ns)


def _model(options: Options, context: "Context", n: int) -> Any:  # noqa: ANN401 - the library has no types
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
        model.add_seasonality(name=f"every {period} steps", period=days, fourier_order=min(WAVES, max(1, (period - 1) // 2)))
    return model

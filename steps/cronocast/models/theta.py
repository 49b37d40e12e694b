"""Theta method on deseasonalised values.

Exponential smoothing for the level, half of the overall slope for the drift.
"""

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.timeseries.robust import median, medians

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cronocast.errors import CronocastError
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

    Lags = NDArray[np.int64]

LEAST_POINTS = 4
CYCLES = 7  # newest seasons whose median is the season: one odd day of a week does not show
NO_SEASON = 12  # steps that a level is judged by where no season is known
ONE_IN_TEN = 1.645  # standard errors that chance exceeds in one of ten cases, on either side
MOST_LAGS = 48  # autocorrelations that stand for all up to a period
GAINS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # share of the newest value in the level, slow to the last value itself


class Theta:
    """Classic theta method; its smoothing parameter is the one that was best a season ahead at past origins.

    Source:
        Assimakopoulos & Nikolopoulos, The theta model, 2000; as exponential smoothing with drift: Hyndman & Billah,
        Unmasking the theta method, 2003. Each season is the median over cycles, which a spike does not move.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Take the seasons out of y, shape (t,), then smooth.

        Raises:
            DataError: y has fewer than four points.
        """
        seasons, level = _deseasonalised(y, context)
        [smoothed] = _smoothed([level], _steps_ahead(context))
        return self.follow(seasons, level, *smoothed)

    @classmethod
    def forecast_origins(
        cls, ys: "Sequence[Floats]", contexts: "Sequence[Context]", h: int
    ) -> "list[Floats | CronocastError]":
        """Forecast from many origins, see `ForecastOrigins`: all are smoothed at once."""
        found: list[Floats | CronocastError] = []
        for ahead, group in groupby(zip(ys, contexts, strict=True), lambda each: _steps_ahead(each[1])):
            known = [_deseasonalised(y, context) for y, context in group]
            smoothed = _smoothed([level for _, level in known], ahead)
            found += [cls().follow(*each, *own).predict(h) for each, own in zip(known, smoothed, strict=True)]
        return found

    def follow(self, seasons: "list[Floats]", level: "Floats", newest: float, gain: float) -> Self:
        """Take half of the slope of what the seasons leave, level, shape (t,), and its smoothed newest value."""
        self.seasons, self.size, self.level, self.gain = seasons, level.size, newest, gain
        t = np.arange(level.size) - (level.size - 1) / 2
        self.drift = float(t @ level / (t @ t)) / 2
        return self

    def predict(self, h: int) -> "Floats":
        """Level plus drift plus seasons."""
        ahead = np.arange(h)
        lag = (1 - (1 - self.gain) ** self.size) / self.gain  # how far the smoothed level is behind the line
        yhat = self.level + self.drift * (ahead + lag)
        for season in self.seasons:
            yhat = yhat + season[(self.size + ahead) % season.size]
        return np.asarray(yhat)


def _steps_ahead(context: "Context") -> int:
    """How far ahead gains are judged."""
    return min(context.periods, default=NO_SEASON)


def _deseasonalised(y: "Floats", context: "Context") -> "tuple[list[Floats], Floats]":
    """The seasons of y that are no chance, and what they leave."""
    if y.size < LEAST_POINTS:
        raise DataError("E_SHORT", "theta", f"{y.size} points, need {LEAST_POINTS}: extract more")
    seasons, level = [], y
    for period in (p for p in context.periods if 2 * p <= y.size):
        around = around_mean(level, period)
        if _repeats(around, period):
            seasons.append(_season(around, period))
            level = level - np.resize(seasons[-1], y.size)
    return seasons, level


def around_mean(y: "Floats", period: int) -> "Floats":
    """What y is off its centred running mean over one period.

    Half a season at each end takes the nearest full mean, so that no point is lost.
    """
    total = np.concatenate(([0.0], np.cumsum(y)))
    mean = (total[period:] - total[:-period]) / period
    if period % 2 == 0:
        mean = np.concatenate((mean[:1], (mean[1:] + mean[:-1]) / 2, mean[-1:]))  # of an even number lies between two
    around = y.copy()
    begin, end = (period - 1) // 2, (period - 1) // 2 + mean.size
    around[:begin] -= mean[0]
    around[begin:end] -= mean
    around[end:] -= mean[-1]
    return around


def has_season(y: "Floats", period: int) -> bool:
    """Tell whether values one period apart go together more than chance explains.

    It is the 90 % test of the theta method in M3 and M4.

    Source:
        Bartlett's standard error of an autocorrelation: Hyndman & Athanasopoulos, ibid., 2.8 and 9.1.
    """
    return _repeats(around_mean(y, period), period)


def _repeats(around: "Floats", period: int) -> bool:
    """As `has_season`, of values off their running mean."""
    power, n = float(around @ around), around.size
    if float(around[period:] @ around[:-period]) <= ONE_IN_TEN * power / np.sqrt(n):  # the least that chance explains
        return False
    lags = _lags(period)
    shifted = np.concatenate((around, np.zeros(period)))
    later = np.ndarray((period + 1, n), float, shifted, strides=2 * shifted.strides)[lags]
    likeness = later @ around / power
    chance = np.sqrt((1 + 2 * period / lags.size * float(likeness[:-1] @ likeness[:-1])) / n)
    return bool(likeness[-1] > ONE_IN_TEN * chance)


@lru_cache(maxsize=32)  # the same at every origin of every member with this period
def _lags(period: int) -> "Lags":
    """Lags that are asked how like the values are, the last one a period."""
    return np.unique(np.linspace(1, period, min(period, MOST_LAGS)).astype(np.int64))


def season_of(y: "Floats", period: int) -> "Floats":
    """Median of each phase around the running mean over the newest cycles, shape (period,), mean 0.

    Element 0 is the phase of y[0].
    """
    return _season(around_mean(y, period), period)


def _season(around: "Floats", period: int) -> "Floats":
    """As `season_of`, of values off their running mean."""
    cycles = min(around.size // period, CYCLES)
    season = medians(around[around.size - cycles * period :].reshape(cycles, period))
    season -= np.add.reduce(season) / period
    begun = around.size % period  # the newest cycle begins so many steps after one that y[0] is in
    return np.concatenate((season[period - begun :], season[: period - begun]))


def _smoothed(ys: "Sequence[Floats]", ahead: int) -> list[tuple[float, float]]:
    """Smooth histories with every gain at once; the newest level of the best one of each, and its gain.

    The best one makes the least error that many steps ahead.
    """
    gains = np.array(GAINS)
    stride = max(1, ahead // 2)  # levels are judged that far apart, so only there they are needed
    counts = [y.size // stride for y in ys]
    wholes = np.zeros((len(ys), max(counts) * stride))
    for whole, y, count in zip(wholes, ys, counts, strict=True):
        whole[: count * stride] = y[: count * stride]
    levels = np.empty((max(counts) + 1, len(ys), gains.size))
    levels[0] = np.array([median(y[:ahead]) for y in ys])[:, None]
    kept, gained = (1 - gains) ** stride, wholes.reshape(len(ys), -1, stride) @ _shares(gains, stride)
    for i in range(max(counts)):
        levels[i + 1] = kept * levels[i] + gained[:, i]
    return [
        _best(y, levels[: count + 1, k], ahead, stride) for k, (y, count) in enumerate(zip(ys, counts, strict=True))
    ]


def _best(y: "Floats", levels: "Floats", ahead: int, stride: int) -> tuple[float, float]:
    """The newest level of the best gain, and the gain; levels after every `stride` steps, shape (n, gains)."""
    gains, whole = np.array(GAINS), (len(levels) - 1) * stride
    newest = (1 - gains) ** (y.size - whole) * levels[-1] + y[whole:] @ _shares(gains, y.size - whole)
    # Not judged on the first quarter, in which slow gains still hold the start.
    first, last = y.size // 4 // stride + 1, (y.size - ahead) // stride
    if last < first:
        return float(newest[GAINS.index(0.4)]), 0.4
    later = np.ndarray((last - first + 1, ahead), float, y[first * stride :].copy(), strides=(stride * 8, 8))
    errors = np.add.reduce(np.abs(later[:, :, None] - levels[first : last + 1, None]), axis=(0, 1))
    best = int(np.argmin(errors)) if errors.any() else GAINS.index(0.4)
    return float(newest[best]), float(gains[best])


def _shares(gains: "Floats", steps: int) -> "Floats":
    """Share of each of the newest steps, oldest first, in the level of each gain: shape (steps, gains)."""
    return np.asarray(gains * (1 - gains) ** np.arange(steps - 1, -1, -1)[:, None])

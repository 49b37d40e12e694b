"""Theta method on deseasonalised values.

Exponential smoothing for the level, half of the overall slope for the drift.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        if y.size < LEAST_POINTS:
            raise DataError("E_SHORT", "theta", f"{y.size} points, need {LEAST_POINTS}: extract more")
        self.size = y.size
        self.seasons, level = [], y
        for period in (p for p in context.periods if 2 * p <= y.size):
            if has_season(level, period):
                self.seasons.append(season_of(level, period))
                level = level - np.resize(self.seasons[-1], y.size)
        self.level, self.gain = _smoothed(level, min(context.periods, default=NO_SEASON))
        t = np.arange(y.size) - (y.size - 1) / 2
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


def around_mean(y: "Floats", period: int) -> "Floats":
    """What y is off its centred running mean over one period.

    Half a season at each end takes the nearest full mean, so that no point is lost.
    """
    total = np.concatenate(([0.0], np.cumsum(y)))
    mean = (total[period:] - total[:-period]) / period
    return np.asarray(y - np.interp(np.arange(y.size), np.arange(mean.size) + (period - 1) / 2, mean))


def has_season(y: "Floats", period: int) -> bool:
    """Tell whether values one period apart go together more than chance explains.

    It is the 90 % test of the theta method in M3 and M4.

    Source:
        Bartlett's standard error of an autocorrelation: Hyndman & Athanasopoulos, ibid., 2.8 and 9.1.
    """
    around = around_mean(y, period)
    power = float(around @ around)
    if power == 0:
        return False
    lags = _lags(period)
    later = np.lib.stride_tricks.sliding_window_view(np.concatenate((around, np.zeros(period))), y.size)[lags]
    likeness = later @ around / power
    chance = np.sqrt((1 + 2 * period / lags.size * float(likeness[:-1] @ likeness[:-1])) / y.size)
    return bool(likeness[-1] > ONE_IN_TEN * chance)


@lru_cache(maxsize=32)  # the same at every origin of every member with this period
def _lags(period: int) -> "Lags":
    """Lags that are asked how like the values are, the last one a period."""
    return np.unique(np.linspace(1, period, min(period, MOST_LAGS)).astype(np.int64))


def season_of(y: "Floats", period: int) -> "Floats":
    """Median of each phase around the running mean over the newest cycles, shape (period,), mean 0.

    Element 0 is the phase of y[0].
    """
    around = around_mean(y, period)
    cycles = min(y.size // period, CYCLES)
    season = np.median(around[y.size - cycles * period :].reshape(cycles, period), axis=0)
    return np.roll(season - season.mean(), y.size % period)


def _smoothed(y: "Floats", ahead: int) -> tuple[float, float]:
    """Smooth with every gain at once; returns the newest level of the best one, and its gain."""
    gains = np.array(GAINS)
    stride = max(1, ahead // 2)  # levels are judged that far apart, so only there they are needed
    whole = y.size // stride * stride
    kept, levels = (1 - gains) ** stride, [np.full(gains.size, median(y[:ahead]))]
    for gained in y[:whole].reshape(-1, stride) @ _shares(gains, stride):
        levels.append(kept * levels[-1] + gained)
    newest = (1 - gains) ** (y.size - whole) * levels[-1] + y[whole:] @ _shares(gains, y.size - whole)
    # Not judged on the first quarter, in which slow gains still hold the start.
    judged = [i for i in range(len(levels)) if y.size // 4 < i * stride <= y.size - ahead]
    errors = sum(
        (np.abs(y[i * stride : i * stride + ahead, None] - levels[i]).sum(axis=0) for i in judged), np.zeros(gains.size)
    )
    best = int(np.argmin(errors)) if errors.any() else GAINS.index(0.4)
    return float(newest[best]), float(gains[best])


def _shares(gains: "Floats", steps: int) -> "Floats":
    """Share of each of the newest steps, oldest first, in the level of each gain: shape (steps, gains)."""
    return np.asarray(gains * (1 - gains) ** np.arange(steps - 1, -1, -1)[:, None])

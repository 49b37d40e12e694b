"""Take a member apart into trend, seasons and rest, each from values up to its own time only.

A two-sided smoother loses the ends or looks ahead, and a forecaster trained on its parts learns from a future that it
will not have. Here the part at time t comes from y[..t], so the forecast errors seen in the past are honest and no
point is lost at either end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    _Split = tuple[Floats, dict[int, Floats]]
    _Memo = dict[tuple[tuple[float, ...], float], _Split]  # per gains and clip, for one y and one list of periods

MAX_PERIODS = 3  # day, week and one more; each adds a factor to the settings tried
MIN_CYCLES = 2.5  # a season seen less than this often can't be told from the rest
GAINS = (
    (0.15, 0.4, 1.0),
    (0.3, 1.0),
    (0.3,),
)  # share of the newest cycle, first to third period: slow, middle, the last cycle itself
CLIPS = (0.0, 6.0)  # 0: take every surprise; 6 times the median surprise: a spike is no season
BEST = 5  # settings averaged at most: one alone follows chance
CLOSE = 1.1  # only settings whose error is at most this many times the best one's
MAX_ORIGINS = 200  # rolling origins that judge a setting; more change the order little
DRIFT_GAIN = 0.98  # a slope must lower the error by 2 % to be believed


@dataclass(frozen=True)
class Setting:
    """One way to take a member apart."""

    periods: tuple[int, ...]  # steps, ascending; empty: no season
    gains: tuple[float, ...]  # 0..1 per period, share of the newest cycle in the season
    level: int  # steps in the trailing mean that is the trend
    clip: float = 0.0  # surprises beyond this many median surprises don't reach the season; 0: all do
    drift: bool = False  # whether the trend goes on with its slope


@dataclass(frozen=True)
class Parts:
    """`y = trend + season + rest`, all of shape (t,), unit of y; element i is made from y[..i]."""

    trend: "Floats"
    seasons: "dict[int, Floats]"  # per period in steps
    rest: "Floats"
    slope: "Floats"  # of the trend, per step; 0 where drift is not believed

    @property
    def season(self) -> "Floats":
        """All seasons together, shape (t,)."""
        return sum(self.seasons.values(), np.zeros_like(self.trend))

    def trend_at(self, origins: "Ints", steps: "Ints") -> "Floats":
        """The trend `steps` after each origin as known at the origin: shape (origins, steps).

        Steps <= 0 give the level at the origin.
        """
        level: Floats = self.trend[origins][:, None] + self.slope[origins][:, None] * np.maximum(0, steps)
        return level

    def season_at(self, origins: "Ints", steps: "Ints") -> "Floats":
        """The last cycle known at each origin, repeated to `steps` after it (negative: before it).

        Shape (origins, steps).
        """
        out = np.zeros((origins.size, steps.size))
        for period, season in self.seasons.items():
            out += season[np.maximum(0, origins[:, None] - period + 1 + (steps - 1) % period)]
        return out


def usable(periods: Iterable[int], size: int) -> tuple[int, ...]:
    """The periods that `size` points show often enough, ascending, at most three."""
    return tuple(p for p in sorted(set(periods)) if p >= 2 and p * MIN_CYCLES <= size)[:MAX_PERIODS]


def trailing_mean(y: "Floats", steps: int) -> "Floats":
    """Mean of the last `steps` values at each time, of fewer at the start: shape (t,)."""
    total = np.concatenate([[0.0], np.cumsum(y)])
    end = np.arange(1, y.size + 1)
    start = np.maximum(0, end - steps)
    mean: Floats = (total[end] - total[start]) / (end - start)
    return mean


def season_of(y: "Floats", period: int, gain: float, clip: float) -> "Floats":
    """Season of y around its trailing mean, each phase smoothed exponentially from cycle to cycle: shape (t,).

    While fewer than 1/gain cycles were seen, it is their plain mean.

    Source:
        Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 8.3 (seasonal equation); the clip is
        Huber's.
    """
    around = y - trailing_mean(y, period)
    season = around.copy()
    median = float(np.median(np.abs(around[period:] - around[:-period]))) if y.size > period else 0.0
    # median 0: half the values repeat exactly, the others say nothing about spikes
    bound = clip * median if clip * median > 0 else np.inf
    for start in range(period, y.size, period):
        end = min(start + period, y.size)
        before = season[start - period : end - period]
        surprise = np.clip(around[start:end] - before, -bound, bound)
        season[start:end] = before + max(gain, 1 / (start // period + 1)) * surprise
    return season


def slope_of(trend: "Floats", steps: int) -> "Floats":
    """Slope of the trend per step.

    Median of those over 1, 2 and 3 times `steps`, so that one jump does not make a slope; shape (t,).
    """
    index = np.arange(trend.size)
    slopes = [(trend - trend[np.maximum(0, index - k * steps)]) / (k * steps) for k in (1, 2, 3)]
    slope: Floats = np.where(index >= 3 * steps, np.median(slopes, axis=0), 0.0)
    return slope


def decompose(y: "Floats", settings: tuple[Setting, ...], h: int) -> Parts:
    """Take y apart by each setting and average the parts.

    Args:
        y: History, shape (t,), finite, evenly spaced.
        settings: At least one, from `choose`.
        h: Steps that the slope will be used for; it is measured over at least as many.
    """
    each = [_one(y, setting, h) for setting in settings]
    periods = sorted({period for parts in each for period in parts.seasons})
    zero = np.zeros_like(y)
    trend = np.mean([parts.trend for parts in each], axis=0)
    seasons = {p: np.mean([parts.seasons.get(p, zero) for parts in each], axis=0) for p in periods}
    rest = y - trend - sum(seasons.values(), zero)
    return Parts(trend, seasons, rest, np.mean([parts.slope for parts in each], axis=0))


def _one(y: "Floats", setting: Setting, h: int, memo: "_Memo | None" = None) -> Parts:
    left, seasons = _seasons(y, setting.periods, setting.gains, setting.clip, {} if memo is None else memo)
    trend = trailing_mean(left, setting.level)
    slope = slope_of(trend, max(h, *setting.periods, setting.level)) if setting.drift else np.zeros_like(y)
    trend = trend + slope * (setting.level - 1) / 2  # a trailing mean lags by half its width
    return Parts(trend, seasons, left - trend, slope)


def _seasons(y: "Floats", periods: tuple[int, ...], gains: tuple[float, ...], clip: float, memo: "_Memo") -> "_Split":
    """What the seasons leave and the seasons, the shortest taken out first.

    Settings that begin alike share their work in `memo`.
    """
    if not periods:
        return y, {}
    if (gains, clip) not in memo:
        left, seasons = _seasons(y, periods[:-1], gains[:-1], clip, memo)
        season = season_of(left, periods[-1], gains[-1], clip)
        memo[gains, clip] = left - season, {**seasons, periods[-1]: season}
    return memo[gains, clip]


def choose(y: "Floats", periods: tuple[int, ...], h: int) -> tuple[Setting, ...]:
    """The settings whose repeated season and level forecast y best at rolling origins of the past, best first.

    Args:
        y: History, shape (t,), finite.
        periods: From `usable`.
        h: Horizon in steps that they are judged by, 1 <= h < t.
    """
    first = max(periods, default=1)
    origins = np.arange(y.size - h - 1, min(first, y.size - h - 1) - 1, -max(1, (y.size - h - first) // MAX_ORIGINS))
    memo: _Memo = {}
    ranked = sorted(
        ((*_judged(y, setting, h, origins, memo), i) for i, setting in enumerate(_settings(periods, h))),
        key=lambda row: (row[0], row[2]),
    )
    return tuple(setting for error, setting, _ in ranked[:BEST] if error <= CLOSE * ranked[0][0])


def _judged(y: "Floats", setting: Setting, h: int, origins: "Ints", memo: "_Memo") -> tuple[float, Setting]:
    """Error of a setting without or with drift, and the one of both."""
    drifting = replace(setting, drift=True)
    still, moving = (_error(y, one, h, origins, memo) for one in (setting, drifting))
    return (moving, drifting) if moving < DRIFT_GAIN * still else (still, setting)


def _settings(periods: tuple[int, ...], h: int) -> list[Setting]:
    first = periods[0] if periods else min(h, 24)
    levels = sorted({1, max(2, first // 6), first})  # the last value, some hours of a day, a whole cycle
    out = [Setting((), (), level) for level in levels]
    for count in range(1, len(periods) + 1):
        for gains in product(*GAINS[:count]):
            out += [Setting(periods[:count], gains, level, clip) for level in levels for clip in CLIPS]
    return out


def _error(y: "Floats", setting: Setting, h: int, origins: "Ints", memo: "_Memo") -> float:
    """Mean absolute error of trend + season over h steps from each origin."""
    parts, steps = _one(y, setting, h, memo), np.arange(1, h + 1)
    ahead = parts.trend_at(origins, steps) + parts.season_at(origins, steps)
    return float(np.mean(np.abs(y[origins[:, None] + steps] - ahead)))

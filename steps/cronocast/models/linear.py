"""A straight line through the last stretch in which one slope held, found on real time.

The right model for filling disks.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.models.segments import LEAST_POINTS, LEAST_SEGMENT, Segment, segments, segments_of_each, without_spikes
from cronocast.models.theta import has_season
from cronocast.timeseries.robust import medians

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cronocast.errors import CronocastError
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats


class Linear:
    """Extends the line through the last segment of constant slope; a known season is removed first and added back.

    Short last segments borrow their slope from earlier ones, as far as those agree with each other (an empirical Bayes
    estimate: each slope weighted by its precision). What the newest values are off the line fades at the rate seen.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Find the segments of y, shape (t,), t >= 3.

        Raises:
            DataError: y has fewer than three points.
        """
        season, clean = _deseasonalised(y, context)
        return self.follow(season, clean, segments(clean))

    @classmethod
    def forecast_origins(
        cls, ys: "Sequence[Floats]", contexts: "Sequence[Context]", h: int
    ) -> "list[Floats | CronocastError]":
        """Forecast from many origins, see `ForecastOrigins`: one search finds the segments of all."""
        known = [_deseasonalised(y, context) for y, context in zip(ys, contexts, strict=True)]
        found = segments_of_each([clean for _, clean in known])
        return [cls().follow(*each, own).predict(h) for each, own in zip(known, found, strict=True)]

    def follow(self, season: "Floats", clean: "Floats", found: list[Segment]) -> Self:
        """Take the slope of the last segments of clean, shape (t,), which holds neither season nor spikes."""
        self.season, self.segments, self.size = season, found, clean.size
        last = self.segments[-1]
        self.slope = shared_slope(self.segments)
        middle = (last.start + last.end - 1) / 2
        self.end_value = last.level + self.slope * (self.size - 1 - middle)
        residual = clean[last.start : last.end] - (last.level + self.slope * (np.arange(last.start, last.end) - middle))
        self.off, self.fading = _newest_residual(residual) if last.end == self.size else (0.0, 0.0)
        return self

    def predict(self, h: int) -> "Floats":
        """Extend the line by h steps: it goes on with the slope that it has."""
        ahead = np.arange(1, h + 1)
        season = self.season[(self.size - 1 + ahead) % self.season.size]
        return np.asarray(self.end_value + self.slope * ahead + self.off * self.fading**ahead + season)


def _deseasonalised(y: "Floats", context: "Context") -> "tuple[Floats, Floats]":
    """The season of y, and y without it and without spikes."""
    if y.size < LEAST_POINTS:
        raise DataError("E_SHORT", "linear", f"{y.size} points, need {LEAST_POINTS}: extract more")
    season = seasonal_shape(y, context.periods)
    return season, without_spikes(y - np.resize(season, y.size))


def seasonal_shape(y: "Floats", periods: tuple[int, ...]) -> "Floats":
    """Median of each phase around a running level, shape (p,) with mean 0.

    P is the longest period that y holds three of and follows, else [0].
    """
    return _seasonal_shape(y.tobytes(), periods)


@lru_cache(maxsize=64)  # asked for changes, then for segments, at each origin of a member
def _seasonal_shape(values: bytes, periods: tuple[int, ...]) -> "Floats":
    y = np.frombuffer(values)
    p = next((p for p in sorted(periods, reverse=True) if 3 * p <= y.size and has_season(y, p)), 0)
    if not p:
        return np.zeros(1)
    rest = y - _running_level(y, p)
    begun = y.size % p  # phases of the cycle that is not complete yet
    cycles, newest = rest[: y.size - begun].reshape(-1, p), rest[y.size - begun :]
    shape = np.concatenate((medians(np.vstack((cycles[:, :begun], newest))), medians(cycles[:, begun:])))
    return np.asarray(shape - shape.mean())


def _running_level(y: "Floats", p: int) -> "Floats":
    """Median of each block of p, joined by straight lines."""
    blocks = y[y.size % p :].reshape(-1, p)
    return np.interp(np.arange(y.size), y.size % p + p * np.arange(len(blocks)) + (p - 1) / 2, medians(blocks.T))


def shared_slope(found: list[Segment]) -> float:
    """Slope of the last segment, pulled towards those before it as far as they agree and it is uncertain."""
    last = found[-1]
    earlier = [s for s in found[:-1] if s.end - s.start >= LEAST_SEGMENT][-8:]
    length = last.end - last.start
    if not earlier:
        return last.slope
    slopes, weights = np.array([s.slope for s in earlier]), np.array([s.end - s.start for s in earlier], dtype=float)
    centre = float(weights @ slopes / weights.sum())
    if length < LEAST_SEGMENT:
        return centre
    within = 12 * last.noise * last.noise / (length**3 - length)  # variance of a least-squares slope
    between = max(float(np.append(slopes, last.slope).var(ddof=1)) - within, 0.0)
    return (last.slope * between + centre * within) / (between + within) if between + within > 0 else last.slope


def _newest_residual(residual: "Floats") -> tuple[float, float]:
    """How far the newest value is off the line, and the share of that which is left after one step.

    The share is the lag-one autocorrelation, 0..0.98.
    """
    if residual.size < LEAST_SEGMENT:
        return 0.0, 0.0
    power = float(residual @ residual)
    fading = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    fading = min(max(fading, 0.0), 0.98)
    return float(residual[-1]), fading

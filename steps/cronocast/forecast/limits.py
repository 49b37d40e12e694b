"""What a series can be, as far as its past tells: intervals do not go where nothing speaks for it.

All in the unit of the member.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats

    Bounds = tuple[Floats, Floats]

PAD, TREND_PAD = 0.1, 0.15  # of the range seen: how far beyond it an interval may reach, and where there is a trend ...
INNER = 0.8  # ... that holds more than this; one of this level may reach anywhere
WIDE = 0.9  # level from which an interval answers for single values of the past, too
ENOUGH = 24  # values whose range says something of those to come
NEW = 5  # newest values that may be odd ones, or a new level
ROUNDING = 1e-12  # of the largest value: less is no width


@dataclass(frozen=True)
class Limits:
    """What a history says of the values to come."""

    history: "Floats"  # shape (t,), NaN where nothing was observed, up to the first forecast step
    trend: bool  # whether it has a direction: then values may leave what was seen
    period: int = 1  # steps after which values are of the same kind, such as a day's
    since: int = 0  # index from which values count as of that kind

    def centre(self, yhat: "Floats") -> "Floats":
        """A forecast, shape (h,), that has no other sign than all of the past, unless a trend goes there."""
        low, high = self._range
        if self.trend or low < 0 < high:
            return yhat
        return np.maximum(yhat, 0.0) if low >= 0 else np.minimum(yhat, 0.0)

    def confined(self, yhat: "Floats", bounds: "Bounds", inner: "Bounds") -> "Bounds":
        """Bounds of a wide interval, each of shape (h,), not far beyond the range seen.

        They are never inside those of the inner interval.

        Args:
            yhat: The forecast, shape (h,).
            bounds: Of the interval.
            inner: Bounds at the level INNER.
        """
        if self._known.size < ENOUGH:
            return bounds
        low, high = self._range
        pad = (TREND_PAD if self.trend else PAD) * (high - low)
        lower = np.maximum(bounds[0], np.minimum(np.minimum(low, yhat) - pad, inner[0]))
        upper = np.minimum(bounds[1], np.maximum(np.maximum(high, yhat) + pad, inner[1]))
        return lower, upper

    def signed(self, yhat: "Floats", bounds: "Bounds") -> "Bounds":
        """Bounds that do not pass zero where no value ever did, unless the forecast goes there."""
        low, high = self._range
        lower = np.maximum(bounds[0], np.minimum(0.0, yhat)) if low >= 0 else bounds[0]
        upper = np.minimum(bounds[1], np.maximum(0.0, yhat)) if high <= 0 else bounds[1]
        return lower, upper

    def at_least(self, bounds: "Bounds") -> "Bounds":
        """Bounds of a wide interval that holds what stands against a narrower one.

        Where it has no width, all that was seen at the same phase; and where the newest values are outside all others,
        both: they may stay or go back.
        """
        lower, upper = bounds
        if not self.trend:
            lower, upper = self._agreeing(lower, upper)
        known, least = self._known, ROUNDING * self._largest
        for count in range(1, 1 if self.trend else min(NEW, known.size - 1) + 1):
            before, newest = known[:-count], known[-count:]
            if newest.max() < before.min() - least:
                lower, upper = np.minimum(lower, newest.min()), np.maximum(upper, before.min())
            if newest.min() > before.max() + least:
                lower, upper = np.minimum(lower, before.max()), np.maximum(upper, newest.max())
        return lower, upper

    def whole(self, yhat: "Floats", bounds: "Bounds") -> "Bounds":
        """Bounds at whole numbers inside the interval, or around the forecast, where all values are whole."""
        if not self._all_whole:
            return bounds
        least = ROUNDING * max(self._largest, 1.0)
        return (
            np.minimum(np.ceil(bounds[0] - least), np.floor(yhat + least)),
            np.maximum(np.floor(bounds[1] + least), np.ceil(yhat - least)),
        )

    def _agreeing(self, lower: "Floats", upper: "Floats") -> "Bounds":
        thin = np.flatnonzero(upper - lower <= ROUNDING * self._largest)
        if not thin.size:
            return lower, upper
        lower, upper, n = lower.copy(), upper.copy(), self.history.size
        for step in thin:
            first = self.since + (n + step - self.since) % self.period
            alike = self.history[first :: self.period]
            alike = alike[np.isfinite(alike)]
            if alike.size:
                lower[step], upper[step] = min(lower[step], alike.min()), max(upper[step], alike.max())
        return lower, upper

    @cached_property
    def _known(self) -> "Floats":
        return self.history[np.isfinite(self.history)]

    @cached_property
    def _range(self) -> tuple[float, float]:
        return float(self._known.min()), float(self._known.max())

    @property
    def _largest(self) -> float:
        return max(map(abs, self._range))

    @cached_property
    def _all_whole(self) -> bool:
        return bool((self._known == np.round(self._known)).all())

"""The two forecasts that every other one must beat, and robust ones beside them.

They repeat the last value and the last season; the newest level, the usual season, and the constant.
"""

from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.timeseries.robust import medians

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

ROUNDING = 1e-12  # of a value: less is no difference
CYCLES = 7  # newest seasons whose median is the usual one: one odd day of a week does not show
NEWEST = 3  # values that make a level: fewer may be odd
PART = 8  # of a season: values as new as that are of the newest level


class Naive:
    """Repeats the last value (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 5.2)."""

    name = "naive"

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Keep the last of y, shape (t,).

        Raises:
            DataError: y is empty.
        """
        if y.size == 0:
            raise DataError("E_SHORT", self.name, "0 points, need 1: extract more")
        self.last = float(y[-1])
        return self

    def predict(self, h: int) -> "Floats":
        """Repeat it h times."""
        return np.full(h, self.last)


def best_season(y: "Floats", periods: tuple[int, ...]) -> int:
    """Pick the period that repeats best: smallest mean absolute change over one period.

    All periods are compared over the same stretch (what the longest of them leaves), so that old data favour none.

    Raises:
        DataError: y is shorter than two of the shortest period.
    """
    fitting = [p for p in periods if 2 * p <= y.size]
    if not fitting:
        raise DataError(
            "E_SHORT",
            "seasonal_naive",
            f"{y.size} points do not cover two cycles of the seasons {periods or '(none known)'}: extract more or set"
            " periods",
        )
    stretch = y.size - max(fitting)
    return min(fitting, key=lambda p: (float(np.mean(np.abs(y[-stretch:] - y[-stretch - p : y.size - p]))), p))


class SeasonalNaive:
    """Repeats the last season; of several periods, the one that repeats best (ibid., 5.2)."""

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Keep the last season of y, shape (t,).

        Raises:
            DataError: no period is known, or y holds no two of it.
        """
        self.last = y[-best_season(y, context.periods) :].copy()
        return self

    def predict(self, h: int) -> "Floats":
        """Repeat it over h steps."""
        return np.resize(self.last, h)


class SeasonalMedian:
    """Repeats the usual season: the median of the newest seven at each of their steps.

    One odd night is not repeated, and one night without its job does not end the job. Of several periods, the one that
    repeats best.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Take the median of the newest seasons of y, shape (t,).

        Raises:
            DataError: no period is known, or y holds no two of it.
        """
        period = best_season(y, context.periods)
        cycles = min(y.size // period, CYCLES)
        self.usual = medians(y[y.size - cycles * period :].reshape(cycles, period))
        return self

    def predict(self, h: int) -> "Floats":
        """Repeat it over h steps."""
        return np.resize(self.usual, h)


class Level(Naive):
    """Repeats the median of the newest eighth of a season, of at least three values.

    The naive forecast copies one noisy value.
    """

    name = "level"

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Take the median of the newest of y, shape (t,).

        Raises:
            DataError: y is empty.
        """
        super().fit(y, context)
        newest = max(NEWEST, min(context.periods, default=0) // PART)
        self.last = float(np.median(y[-newest:]))
        return self


class Constant(Naive):
    """Repeats the median, or the last value where y has left the median for longer than ever before.

    That value may be the new constant; one or two odd values are none.
    """

    name = "constant"

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Look at y, shape (t,), from its last change on.

        Raises:
            DataError: y is empty.
        """
        super().fit(y, context)
        newest = y[context.last_change :] if context.last_change < y.size else y
        median = float(np.sort(newest)[newest.size // 2])
        alike = np.abs(newest - median) <= ROUNDING * abs(median)
        at = np.flatnonzero(np.concatenate(([True], alike, [True])))  # as if it stood before and after
        away = np.diff(at) - 1  # steps between two of them
        if away[-1] < NEWEST or away[-1] <= max(away[:-1], default=0):
            self.last = float(f"{median:.12g}")  # a mean of equal floats is off by its last digits
        return self

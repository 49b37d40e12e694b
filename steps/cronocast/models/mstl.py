"""Several seasons at once: MSTL takes them out, theta forecasts what is left, each season repeats its last cycle."""

from typing import TYPE_CHECKING, Self

import numpy as np
from statsmodels.tsa.seasonal import MSTL

from cronocast.errors import DataError
from cronocast.models.theta import Theta

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

LEAST_CYCLES = (
    2  # seasons that y must hold more than: with fewer, what differs between them can't be told from the trend
)
MOST_CYCLES = 4  # of the longest season that are looked at, but never fewer than ...
MOST_POINTS = (
    2016  # ... so many points; the cost of a season grows with points times its length, and 22,000 points take minutes
)
# the smoothers are evaluated at every tenth of the shortest season and joined by lines, as the authors of STL propose:
# the same curve for a fraction of the time
JUMP = 10


class Mstl:
    """MSTL of statsmodels, then this project's own theta method on the seasonally adjusted values.

    Among the libraries with MSTL, statsmodels is the one that is maintained well and compiles nothing at run time; its
    LOESS is the original algorithm in C.

    Source:
        Bandara, Hyndman & Bergmeir, MSTL: a seasonal-trend decomposition algorithm for time series with multiple
        seasonal patterns, 2021; Cleveland et al., STL: a seasonal-trend decomposition procedure based on Loess, 1990.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Decompose the newest of y, shape (t,).

        Raises:
            DataError: no period is known, or y does not hold more than two of the shortest.
        """
        periods = tuple(p for p in context.periods if y.size > LEAST_CYCLES * p)
        if not periods:
            raise DataError(
                "E_SHORT",
                "mstl",
                f"{y.size} points cover no more than two cycles of the seasons {context.periods or '(none known)'}:"
                " extract more or set periods",
            )
        y = y[-max(MOST_POINTS, MOST_CYCLES * max(periods)) :]
        jump = -(-periods[0] // JUMP)
        found = MSTL(y, periods=periods, stl_kwargs={"trend_jump": jump, "low_pass_jump": jump}).fit()
        seasonal = np.asarray(found.seasonal, dtype=float).reshape(y.size, len(periods))
        self.cycles = [seasonal[-p:, i].copy() for i, p in enumerate(periods)]
        self.adjusted = Theta().fit(y - seasonal.sum(axis=1), context)
        return self

    def predict(self, h: int) -> "Floats":
        """Theta's forecast plus the last cycle of each season."""
        return np.asarray(self.adjusted.predict(h) + sum(np.resize(cycle, h) for cycle in self.cycles))

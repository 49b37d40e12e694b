"""Rare events: how likely one is times how large they are."""

from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import DataError

if TYPE_CHECKING:
    from cronocast.models.model import Context
    from cronocast.timeseries.grid import Floats

GAINS = (0.005, 0.01, 0.02, 0.05, 0.1)  # share of the newest step in the probability; the least squared error chooses
LASTING = 0.3  # how much likelier an event is right after one than at any step
SIZE_GAIN = 0.1  # share of the newest event in their size


class Tsb:
    """Smooths the probability of an event at each step, and the size of events when there are some.

    The forecast is their product at every step: the mean, whose sum over a day is the number to expect. Most steps have
    none, so that the median would say never.

    Source:
        Teunter, Syntetos & Babai, Intermittent demand: Linking forecasting to inventory obsolescence, 2011; the idea of
        two parts is Croston's, 1972.
    """

    def fit(self, y: "Floats", context: "Context") -> Self:
        """Smooth over y, shape (t,).

        Raises:
            DataError: y is empty.
        """
        if y.size == 0:
            raise DataError("E_SHORT", "tsb", "0 points, need 1: extract more")
        happened = (y != 0).astype(float)
        levels = [_smoothed(happened, gain) for gain in GAINS]
        error = [float(np.square(happened[1:] - level[:-1]).sum()) for level in levels]
        sizes = y[y != 0]
        size = float(_smoothed(sizes, SIZE_GAIN)[-1]) if sizes.size else 0.0
        self.mean = float(levels[int(np.argmin(error))][-1]) * size
        return self

    def predict(self, h: int) -> "Floats":
        """Repeat the mean h times."""
        return np.full(h, self.mean)


def lasting(y: "Floats") -> bool:
    """Tell whether what happens goes on for a while, as with a machine that is on or off: then events are not alone."""
    happened = y != 0
    after = happened[1:][happened[:-1]]
    return bool(after.size) and float(after.mean()) > float(happened.mean()) + LASTING


def _smoothed(values: "Floats", gain: float) -> "Floats":
    """Exponential smoothing that starts with the plain mean of the first 1 / gain values, shape of `values`."""
    level, found = float(values[: max(1, round(1 / gain))].mean()), np.empty(values.size)
    for i, value in enumerate(values.tolist()):
        level += gain * (value - level)
        found[i] = level
    return found

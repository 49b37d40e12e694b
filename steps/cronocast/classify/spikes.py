"""Single values far from their neighbours."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cronocast.timeseries.grid import Bools, Floats

SPIKE_WINDOW, SPIKE = (9, 6.0)  # up to four odd values in a row, 6 robust deviations away, are a spike and not a level
MANY, ONE_SIDE = (0.1, 0.8)  # share of the values from which they are no spikes, if they go to one side but for a tenth


def without_spikes(y: Floats) -> Floats:
    """Replace values far from the median of their neighbourhood by it."""
    if y.size < 3 * SPIKE_WINDOW:
        return y
    half = SPIKE_WINDOW // 2
    windows = sliding_window_view(np.pad(y, half, mode="reflect", reflect_type="odd"), SPIKE_WINDOW)
    middle = np.partition(windows, half, axis=1)[:, half]
    away = np.abs(y - middle)
    # On a smooth rise each value is the median of its neighbours: its own steps are no spikes.
    scale = max(1.4826 * float(np.median(away)), float(np.median(np.abs(np.diff(y)))))
    spikes = away > SPIKE * scale
    if _events(y[spikes] > middle[spikes], y.size):
        return y  # they are what the series does
    cleaned: Floats = np.where(spikes, middle, y)
    return cleaned


def _events(above: Bools, size: int) -> bool:
    """Tell whether spikes are so many and so much to one side that they are events, such as counts among zeros."""
    return above.size > MANY * size and abs(2 * int(np.count_nonzero(above)) - above.size) > ONE_SIDE * above.size

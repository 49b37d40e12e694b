"""Periods that no calendar suggests: the strongest lines of the spectrum."""

from itertools import pairwise

import numpy as np

from cronocast.classify.features import Scaled
from cronocast.timeseries.grid import Floats

PEAKS = 5  # lines that are followed up
SURE = 5.0  # e**-5 is the chance that noise alone gives a line as high


def spectral_peaks(series: Scaled, cycles: int) -> list[float]:
    """Find lines that stand out from the spectrum around them.

    Args:
        series: The series, seasons and all.
        cycles: How often a period must fit into y at least.

    Returns:
        Their periods in steps, strongest first, at most PEAKS; whole numbers only by chance.
    """
    y = series.y
    time = np.linspace(-0.5, 0.5, y.size)
    level = y - y.mean()
    level = level - time * (time @ level) / (time @ time)
    if level.std() <= series.grain:
        return []
    # the window keeps the jump from the last value to the first off the other frequencies
    power = np.abs(np.fft.rfft(level * np.hanning(y.size))) ** 2
    log = np.log(power + 1e-24 * power.sum() + 1e-300)
    above = log - _ground(log)
    inner = np.arange(min(cycles, log.size), log.size - 1)
    # The highest of n exponential variables is about log(n).
    high = above[inner] > np.log(np.log(y.size) + SURE)
    tops = inner[high & (log[inner] >= log[inner - 1]) & (log[inner] > log[inner + 1])]
    return [y.size / _vertex(log, int(k)) for k in tops[np.argsort(-above[tops])][:PEAKS]]


def _ground(log: Floats) -> Floats:
    """Logarithm of the mean spectrum without lines: medians in bands, straight lines in log frequency between them."""
    low = np.arange(2, min(40, log.size), 12)
    wide = np.geomspace(40, log.size, 14).astype(np.int64) if log.size > 52 else np.array([log.size])
    bands = [(a, b) for a, b in pairwise(np.unique(np.concatenate([low, wide]))) if b - a >= 6]
    if not bands:
        return np.full(log.size, np.inf)  # too few frequencies to tell a line from its surroundings
    centre = [np.log((a + b) / 2) for a, b in bands]
    middle = [float(np.median(log[a:b])) for a, b in bands]
    # median of an exponential variable: log 2
    ground: Floats = np.interp(np.log(np.maximum(np.arange(log.size), 1)), centre, middle) - np.log(np.log(2))
    return ground


def _vertex(log: Floats, k: int) -> float:
    """Frequency of a maximum between its neighbours: the vertex of a parabola through three."""
    left, middle, right = log[k - 1 : k + 2]
    bend = left - 2 * middle + right
    return k + float(0.5 * (left - right) / bend) if bend < 0 else float(k)

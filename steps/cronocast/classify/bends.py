"""Where a slope changed without a jump."""

import numpy as np

from cronocast.timeseries.grid import Floats

MARGIN = 4.0  # above sqrt(2 log n): few windows of that width fit in, so their scale is known less well
# width of the windows is 1/8 of the series: a slope needs many values, and half of the windows must know nothing of the
# change
NARROWEST = 8
FEWEST = 8  # values in a window
EDGE = 4  # a corner within 1/4 of a window of an end is made by few values
SMALL = 0.01  # turns below this share of the spread of the bulk of the values over a window are none
PLACES = 60  # corners that are tried in the neighbourhood of a bend


def bends(y: Floats, grain: float) -> list[int]:
    """Find corners of a series without jumps.

    Args:
        y: Shape (t,), finite, scale-free.
        grain: Differences below this are rounding.

    Returns:
        Indices of the corners, ascending.
    """
    width = y.size // NARROWEST
    if width < FEWEST:
        return []
    slopes = _slopes(y, width)
    turn = slopes[width:] - slopes[:-width]
    away = np.abs(turn - np.median(turn))
    scale = max(1.4826 * float(np.median(away)), _of_noise(y, width), grain / width)
    limit = max(scale, SMALL / width) * (np.sqrt(2 * np.log(NARROWEST)) + MARGIN)
    corners = sorted(_corner(y, b, width) for b in _sharp(away, limit, width))
    return [c for c in corners if width // EDGE <= c <= y.size - width // EDGE]


def _sharp(away: Floats, limit: float, width: int) -> list[int]:
    """Steps at which the slope turns by more than the limit, the sharpest first, no two within one width."""
    found: list[int] = []
    for k in np.argsort(-away):
        if away[k] < limit:
            break
        # A corner shows in all windows around it, a single outlier at the end in one.
        near = away[[max(0, k - width // EDGE), min(away.size - 1, k + width // EDGE)]]
        if near.min() >= limit / 3 and all(abs(int(k) + width - b) > width for b in found):
            found.append(int(k) + width)
    return found


def _of_noise(y: Floats, width: int) -> float:
    """Standard error of a difference of slopes if what single steps show were all the noise."""
    # second differences of white noise have six times its variance
    sigma = 1.4826 * float(np.median(np.abs(np.diff(y, 2)))) / np.sqrt(6)
    return float(sigma * np.sqrt(24 / width**3))


def _slopes(y: Floats, width: int) -> Floats:
    """Least-squares slope of each window of `width` values, shape (t - width + 1,)."""
    time = np.arange(width) - (width - 1) / 2
    total, moment = (np.concatenate([[0.0], np.cumsum(y)]), np.concatenate([[0.0], np.cumsum(y * np.arange(y.size))]))
    start = np.arange(y.size - width + 1)
    sums = total[start + width] - total[start]
    slopes: Floats = (moment[start + width] - moment[start] - (start + (width - 1) / 2) * sums) / float(time @ time)
    return slopes


def _corner(y: Floats, at: int, width: int) -> int:
    """The corner of the broken line that fits the neighbourhood best."""
    low, high = max(0, at - width), min(y.size, at + width)
    part, time = y[low:high], np.linspace(-1, 1, high - low)
    errors: dict[int, float] = {}
    for k in np.unique(np.linspace(1, part.size - 2, PLACES).astype(int)):
        basis = np.column_stack([np.ones_like(time), time, np.maximum(time - time[k], 0)])
        errors[low + int(k)] = float(np.sum((part - basis @ np.linalg.lstsq(basis, part, rcond=None)[0]) ** 2))
    return min(errors, key=lambda place: errors[place])

"""Centre and spread that a few odd values do not move.

NumPy's median gives the same numbers, but its checks take longer than the work on a few hundred values.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def median(values: "Floats") -> float:
    """Median of finite values, shape (t,), t >= 1."""
    half = values.size // 2
    ordered = np.partition(values, half)
    return float(ordered[half]) if values.size % 2 else float((ordered[:half].max() + ordered[half]) / 2)


def spread_of(values: "Floats") -> float:
    """Robust standard deviation of finite values, shape (t,), t >= 1: 1.4826 times the median absolute deviation."""
    return 1.4826 * median(np.abs(values - median(values)))

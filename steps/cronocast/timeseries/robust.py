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
    ordered = values.copy()
    ordered.partition(half)
    upper = float(ordered[half])
    return upper if values.size % 2 else (float(np.maximum.reduce(ordered[:half])) + upper) / 2


def spread_of(values: "Floats") -> float:
    """Robust standard deviation of finite values, shape (t,), t >= 1: 1.4826 times the median absolute deviation."""
    return 1.4826 * median(np.abs(values - median(values)))


def medians(rows: "Floats") -> "Floats":
    """Median of each column of finite values, shape (k, p), k >= 1."""
    half = len(rows) // 2
    ordered = np.sort(rows, axis=0)
    return np.asarray(ordered[half] if len(rows) % 2 else (ordered[half - 1] + ordered[half]) / 2)

"""How much of a figure is chance.

Bootstrap of a mean over members and origins, and what a coverage tells about the true one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cronocast.backtest.notes import FEW_VALUES

Floats = NDArray[np.float64]

DRAWS = 2000  # the edges of a 95 % interval then move by a few hundredths of its width from seed to seed
SHARE = 0.95  # of all intervals here
Z = 1.959964  # its normal quantile
MOST_DECIMALS = 4  # of a percentage
WIDE = 0.14  # a range of coverage wider than this can't tell a good band from a bad one


@dataclass(frozen=True)
class Band:
    """A figure with the range that chance allows; None where there is too little to say."""

    value: float
    low: float | None
    high: float | None


def ratio_band(logs: Floats) -> Band | None:
    """Mean of logarithms over members and origins, with a bootstrap interval over both.

    Members and origins are drawn independently with replacement: what happens on one day happens to all members, and a
    member that is hard to forecast is so on all days. With one member only origins are drawn.

    Args:
        logs: Shape (members, origins), NaN where not known.

    Returns:
        None where nothing is known; without bounds where there is one origin of one member.

    Source:
        Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007.
    """
    known = np.isfinite(logs)
    if not known.any():
        return None
    value = float(logs[known].mean())
    rng = np.random.default_rng(0)
    weights = [
        np.ones((DRAWS, size)) if size == 1 else rng.multinomial(size, np.full(size, 1 / size), DRAWS).astype(float)
        for size in logs.shape
    ]
    if max(logs.shape) == 1:
        return Band(value, None, None)
    sums = np.einsum("bm,mo,bo->b", weights[0], np.where(known, logs, 0), weights[1])
    counts = np.einsum("bm,mo,bo->b", weights[0], known.astype(float), weights[1])
    means = sums[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Band(value, float(low), float(high))


def coverage_band(held: Floats, counts: Floats) -> Band | None:
    """Share of values inside their interval, with the range of true coverages that fit it.

    Values of one forecast are inside or outside together: they count as so many independent ones as the spread between
    forecasts says (design effect), and where all forecasts agree as one each.

    Args:
        held: Values inside, per forecast, shape (k,).
        counts: Values in all, per forecast, shape (k,).

    Source:
        Wilson, Probable inference, JASA 22, 1927; Kish, Survey Sampling, 1965, section 5.4 (design effect).
    """
    held, counts = held[counts > 0], counts[counts > 0]
    total = float(counts.sum())
    if not total:
        return None
    share = float(held.sum()) / total
    effective = total / _design_effect(held, counts, share)
    middle = (share + Z**2 / (2 * effective)) / (1 + Z**2 / effective)
    half = Z / (1 + Z**2 / effective) * math.sqrt(share * (1 - share) / effective + Z**2 / (4 * effective**2))
    return Band(share, max(0.0, middle - half), min(1.0, middle + half))


def _design_effect(held: Floats, counts: Floats, share: float) -> float:
    """Variance of the share over what independent values would give, 1 to the mean number of values in a forecast."""
    k, total = held.size, float(counts.sum())
    most = total / k
    if k < 2 or share in (0.0, 1.0):
        return most
    between = k / (k - 1) * float(np.sum((held - share * counts) ** 2)) / total**2
    return min(max(between / (share * (1 - share) / total), 1.0), most)


def coverage_words(coverage: float, bounds: list[float] | None, level: float, values: int) -> str:
    """Whether a band holds what it promises, as far as these values can tell."""
    said = f"the {level * 100:.10g} % interval covered {_percent(coverage)} of {values:,} values"
    if values < FEW_VALUES:
        return f"{said}: too few to judge it"
    if bounds is None:
        return said
    low, high = bounds
    among = f"{said}; the true coverage is between {_bound(low, level)} and {_bound(high, level)}"
    if high < level:
        return f"{among}: too narrow"
    if low > level:
        return f"{among}: wider than necessary"
    if high - low > WIDE:
        return f"{among}: too few past forecasts to judge it"
    return f"{among}: consistent with its level"


def ratio_words(value: float, low: float | None, high: float | None) -> str:
    """Whether a model is better than naive, as far as these forecasts can tell."""
    if low is None or high is None:
        return "a single past forecast says nothing about the next"
    if high < 1:
        return f"better than naive: its error is {_percent(1 - value)} smaller"
    if low > 1:
        return f"worse than naive: its error is {_percent(value - 1)} larger"
    return "no clear difference from naive"


def _percent(share: float) -> str:
    return f"{share * 100:.{_decimals(share)}f} %"


def _decimals(share: float) -> int:
    return 1 if 0.99 < share < 1 or 0 < share < 0.01 else 0


def _bound(share: float, level: float) -> str:
    """A bound with as many decimals as show on which side of the level it lies."""
    exact, aim = share * 100, round(level * 100, 10)

    def side(value: float) -> int:
        return (value > aim) - (value < aim)

    decimals = next(
        (d for d in range(_decimals(share), MOST_DECIMALS) if side(round(exact, d)) == side(round(exact, 10))),
        MOST_DECIMALS,
    )
    return f"{exact:.{decimals}f} %"

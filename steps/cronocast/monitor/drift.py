"""Whether the errors of a member have changed: a Shiryaev-Roberts mixture of Student-t likelihood ratios.

One mean and one spread per whole day are compared with those of the member's oldest days. A single bad day can never
raise the alarm, and the threshold counts false alarms over a whole fleet.

Source:
    Shiryaev, On optimum methods in quickest detection problems, Theory Probab. Appl. 8, 1963; Pollak, Optimal detection
    of a change in distribution, Annals of Statistics 13(1), 1985. The thresholds are from `bench/drift.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

REFERENCE_MIN, REFERENCE_MAX = 28, 56  # days that others are compared with
WATCHED = 28  # newest days at most that are compared; a change older than that is what is usual by now
KEEP = REFERENCE_MAX + WATCHED
FLEET = 500  # members at least that share one false alarm a week: an entry does not know the other ones
DAYS_PER_MEMBER = 7 * 14  # threshold per member: a week, times what estimated references cost, by simulation

# Changes that are looked for, in standard deviations of the daily value, and their weights: mean, then spread.
_SHIFTS = np.array([1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 8.0, -8.0, 1.0, 2.0, 4.0, 8.0])
_OF_MEAN = 8  # so many of them are of the mean
_WEIGHTS = np.repeat([0.67 / 8, 0.33 / 4], [8, 4])
_FREEDOM = 5  # of the Student-t, which one day far out does not impress
_OWN_HOUR = 0.8  # share of the own hour in its scale; the rest is that of all hours
_RHO_DAYS, _RHO_MAX = 20, 0.7  # how strongly the autocorrelation of few days is shrunk, and what it is at most
_LEAST_SCALE, _LEAST_SD, _LEAST_RMS = 0.01, 0.05, 0.05  # under these a member is exact, and trifles are no change


class Evidence(NamedTuple):
    """What the watched days of m members say, oldest first; k changes are looked for."""

    statistic: Floats  # (m, watched) after each day
    logs: Floats  # (m, watched, k) log likelihood ratios, capped
    capped: Bools  # (m, watched) a change of one day that is as large as a day can say
    sums: Floats  # (m, watched, k) evidence for each change
    means: Floats  # (m, days) daily mean of the scaled errors, less that of the reference
    rms: Floats  # (m, days) daily rms, relative to that of the reference


def threshold(members: int) -> float:
    """The statistic at which a change is said to be one: about one false alarm a week among all members."""
    return float(DAYS_PER_MEMBER * max(members, FLEET))


def reference_of(days: int) -> int:
    """How many of the oldest whole days are the reference; 0 where there are too few to compare any with them."""
    return 0 if days <= REFERENCE_MIN else min(max(REFERENCE_MIN, days - WATCHED), REFERENCE_MAX)


def evidence(errors: Floats, numbers: Ints, reference: int, limit: float) -> Evidence:
    """Compare the days behind the reference with it.

    Args:
        errors: Shape (m, days, slots): errors over the interval's width; NaN where a step was not seen, but at least
            one of each day was.
        numbers: Shape (days,): which days these are, rising.
        reference: How many of the first days they are compared with, at least 3.
        limit: The threshold.
    """
    scaled = errors / _by_slot(errors[:, :reference])[:, None]
    means, rms = np.nanmean(scaled, axis=2), np.sqrt(np.nanmean(scaled**2, axis=2))
    spread = np.log(rms + _LEAST_RMS)
    follows = np.diff(numbers) == 1
    z = np.repeat(
        np.stack([_innovations(means, follows, reference), _innovations(spread, follows, reference)], axis=2),
        [_OF_MEAN, _SHIFTS.size - _OF_MEAN],
        axis=2,
    )[:, reference:]
    ratio = (_FREEDOM + 1) / 2 * (np.log1p(z**2 / _FREEDOM) - np.log1p((z - _SHIFTS) ** 2 / _FREEDOM))
    cap = 0.5 * np.log(limit / _WEIGHTS)
    logs = np.minimum(ratio, cap)
    sums = _recursion(logs)
    usual = means[:, :reference].mean(axis=1, keepdims=True)
    usual_rms = np.exp(spread[:, :reference].mean(axis=1, keepdims=True))
    own = np.nanmean(errors, axis=2)
    shift = own - own[:, :reference].mean(axis=1, keepdims=True)
    del usual
    return Evidence(sums @ _WEIGHTS, logs, (ratio >= cap).any(axis=2), sums, shift, rms / usual_rms)


def _by_slot(reference: Floats) -> Floats:
    """Scale of each hour of the day, (m, slots), from the reference (m, n, slots)."""
    seen = np.isfinite(reference)
    squares = np.where(seen, reference, 0.0) ** 2
    overall = squares.sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    own = (squares.sum(axis=1) + overall[:, None]) / (seen.sum(axis=1) + 1)
    scale: Floats = np.sqrt(_OWN_HOUR * own + (1 - _OWN_HOUR) * overall[:, None])
    return np.maximum(scale, _LEAST_SCALE)


def _innovations(daily: Floats, follows: Bools, n: int) -> Floats:
    """Standardised daily values (m, days), less what the day before lets expect."""
    centred = daily - daily[:, :n].mean(axis=1, keepdims=True)
    before = np.zeros_like(centred)
    before[:, 1:] = np.where(follows, centred[:, :-1], 0.0)
    ref, ref_before = centred[:, :n], before[:, :n]
    rho = (ref * ref_before).sum(axis=1) / np.maximum((ref**2).sum(axis=1), 1e-12) * n / (n + _RHO_DAYS)
    left = centred - np.clip(rho, 0.0, _RHO_MAX)[:, None] * before
    sd = np.sqrt((left[:, 1:n] ** 2).sum(axis=1) / (n - 2) * (1 + 1 / n))
    return left / np.maximum(sd, _LEAST_SD)[:, None]


def _recursion(logs: Floats) -> Floats:
    """R = (1 + R) L, day after day."""
    ratios, sums = np.exp(logs), np.zeros_like(logs)
    total = np.zeros_like(logs[:, 0])
    for day in range(logs.shape[1]):
        total = (1 + total) * ratios[:, day]
        sums[:, day] = total
    return sums

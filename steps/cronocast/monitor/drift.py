"""Whether the errors of a member have changed: a Shiryaev-Roberts mixture of Student-t likelihood ratios.

One mean and one spread per whole day are compared with those of the member's oldest days. A single bad day can never
raise the alarm, and the threshold counts false alarms over a whole fleet.

Source:
    Shiryaev, On optimum methods in quickest detection problems, Theory Probab. Appl. 8, 1963; Pollak, Optimal detection
    of a change in distribution, Annals of Statistics 13(1), 1985. The thresholds are from `bench/drift.py`.
"""

import math
from datetime import UTC, datetime
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

REFERENCE_SHORT, REFERENCE_MIN, REFERENCE_MAX = 14, 28, 56  # days that newer ones are compared with
WATCHED_SHORT, WATCHED = 7, 21  # newest days at most that are compared; what is older is what is usual by now
KEEP = REFERENCE_MAX + WATCHED
FLEET = 500  # members at least that share one false alarm a week: an entry does not know the other ones
DAYS_PER_MEMBER = 7 * 20  # threshold per member: a week, times what estimated references cost, by simulation

# Changes that are looked for, in standard deviations of the daily value, and their weights: mean, then spread.
_SHIFTS = np.array([1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 8.0, -8.0, 1.0, 2.0, 4.0, 8.0])
_OF_MEAN = 8  # so many of them are of the mean
_WEIGHTS = np.repeat([0.67 / 8, 0.33 / 4], [8, 4])
_FREEDOM = 5  # of the Student-t, which one day far out does not impress
_OWN_HOUR = 0.8  # share of the own hour in its scale; the rest is that of all hours
_RHO_DAYS, _RHO_MAX = 5, 0.7  # how strongly the autocorrelation of few days is shrunk, and what it is at most
_DAY_NS = 86400 * 10**9
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEAST_SCALE, _LEAST_SD, _LEAST_RMS = 0.01, 0.05, 0.05  # under these a member is exact, and trifles are no change


class Evidence(NamedTuple):
    """What the days behind the reference say, oldest first; k changes are looked for."""

    statistic: Floats  # (m, watched) after each day
    logs: Floats  # (m, watched, k) log likelihood ratios, capped
    capped: Bools  # (m, watched) a day that says as much as one day can


class Drift(NamedTuple):
    """What the whole days of a member say; days are counted since 1970 in UTC."""

    days: int = 0  # that are known
    newest: int | None = None  # the last of them
    alarm: int | None = None  # day with which the evidence passed the threshold, above which it has been since
    change: int | None = None  # day since which the errors have differed
    shift: float = 0.0  # by how many widths of the interval actual values have been higher since then
    growth: float = 1.0  # how much larger errors have been since then
    of_mean: bool = True  # whether it is rather the shift than the growth
    bad: tuple[int, ...] = ()  # days that looked bad, for whatever reason


def threshold(members: int, reference: int) -> float:
    """The statistic at which a change is said to be one: about one false alarm a week among all members.

    A short reference is less sure, so that more is asked of what differs from it.
    """
    return float(DAYS_PER_MEMBER * max(members, FLEET) * max(1.0, REFERENCE_MIN / reference) ** 2)


def reference_of(days: int) -> int:
    """How many of the oldest whole days are the reference; 0 where there are too few to compare any with them."""
    if days <= REFERENCE_SHORT:
        return 0
    if days < REFERENCE_MIN + WATCHED_SHORT:
        return max(REFERENCE_SHORT, days - WATCHED_SHORT)
    return min(max(REFERENCE_MIN, days - WATCHED), REFERENCE_MAX)


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
    z = np.clip(z, _SHIFTS.min(), _SHIFTS.max())  # beyond all shifts, heavy tails would make a ratio fall to 1 again
    ratio = (_FREEDOM + 1) / 2 * (np.log1p(z**2 / _FREEDOM) - np.log1p((z - _SHIFTS) ** 2 / _FREEDOM))
    cap = 0.5 * np.log(limit / _WEIGHTS)
    logs = np.minimum(ratio, cap)
    return Evidence(_recursion(logs) @ _WEIGHTS, logs, (ratio >= cap).any(axis=2))


def drift(errors: Floats, numbers: Ints, members: int, level: float) -> Drift:
    """Look at the whole days of a member.

    Args:
        errors: Shape (days, slots), as for `evidence`; at most `KEEP` days.
        numbers: Shape (days,): which days these are, rising.
        members: Members that are watched together.
        level: Nominal coverage of the interval over whose width the errors are.
    """
    if not len(numbers):
        return Drift()
    bad = _few_inside(errors, level)
    found = Drift(len(numbers), int(numbers[-1]))
    if reference := reference_of(len(numbers)):
        limit = threshold(members, reference)
        seen = evidence(errors[None], numbers, reference, limit)
        bad[reference:] |= seen.capped[0]
        statistic = seen.statistic[0]
        if statistic[-1] >= limit and statistic[-1] > statistic[-2:-1].sum():  # falling again: it is over
            found = _changed(found, seen, errors, numbers, limit)
    return found._replace(bad=tuple(int(number) for number in numbers[bad]))


def _few_inside(errors: Floats, level: float) -> Bools:
    """Days of which fewer than half of the values lie in the 80 % interval, as wide as the one at `level` says."""
    half = 0.5 * NormalDist().inv_cdf(0.9) / NormalDist().inv_cdf((1 + level) / 2)
    inside = (np.abs(errors) <= half).sum(axis=1)
    few: Bools = inside < 0.5 * np.isfinite(errors).sum(axis=1)
    return few


def _changed(found: Drift, seen: Evidence, errors: Floats, numbers: Ints, limit: float) -> Drift:
    """Add since when the errors of a member in alarm differ, and by what."""
    reference = len(numbers) - seen.statistic.shape[1]
    below = np.flatnonzero(seen.statistic[0] < limit)
    alarm = int(below[-1]) + 1 if below.size else 0
    since = reference + int(np.argmax(np.logaddexp.reduce(_until_now(seen.logs[0]) + np.log(_WEIGHTS), axis=1)))
    before, after = errors[:reference], errors[since:]
    shift = float(np.nanmean(after) - np.nanmean(before))
    usual, size = float(np.nanmean(before**2)), float(np.nanmean(after**2))
    return found._replace(
        alarm=int(numbers[reference + alarm]),
        change=int(numbers[since]),
        shift=shift,
        growth=math.sqrt(size / max(usual, _LEAST_SCALE**2)),
        of_mean=2 * shift**2 >= size - usual,
    )


def _until_now(logs: Floats) -> Floats:
    """Evidence of each change since each day, (watched, k)."""
    return np.cumsum(logs[::-1], axis=0)[::-1]


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
    standard: Floats = left / np.maximum(sd, _LEAST_SD)[:, None]
    return standard


def _recursion(logs: Floats) -> Floats:
    """R = (1 + R) L, day after day."""
    ratios, sums = np.exp(logs), np.zeros_like(logs)
    total = np.zeros_like(logs[:, 0])
    for day in range(logs.shape[1]):
        total = (1 + total) * ratios[:, day]
        sums[:, day] = total
    return sums


def drift_words(drift: Drift) -> str:
    """What has changed, since when and how long that is."""
    if drift.change is None or drift.newest is None:
        return "errors as usual"
    days = drift.newest - drift.change + 1
    since = f"since {day_words(drift.change * _DAY_NS)} ({days} day{'s' if days > 1 else ''})"
    if drift.of_mean:
        side = "above" if drift.shift > 0 else "below"
        return f"values about {abs(drift.shift):.2g} widths of the interval {side} the forecast {since}"
    return f"errors {drift.growth:.2g} times as large {since}"


def day_words(time_ns: int) -> str:
    """A day such as 24 Nov, in UTC."""
    day = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{day.day} {_MONTHS[day.month - 1]}"

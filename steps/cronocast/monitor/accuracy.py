"""How good past forecasts were, by how far ahead they looked, on what really happened.

Pure functions on arrays. A forecast, its naive companion and the actual value are compared where all three are known,
so that no method is judged on other steps than another.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import LeadAccuracy, PastForecast
from cronocast.handoff.series import level_name
from cronocast.monitor.vintages import Vintage
from cronocast.timeseries.grid import Bools, Floats, Ints

LEADS = (1, 4, 8, 24, 48, 96, 168, 336, 672, 1344)  # upper ends of the buckets, in steps; the horizon ends the last one
DAY_NS = UNIT_NS["d"]
RANGE_Z = 1.6449  # of a two-sided range of 90 %
PIT_BINS = 10


class Pairs(NamedTuple):
    """Forecasts and what came, one row for each step of each vintage. Arrays have shape (n,)."""

    lead: Ints  # steps ahead, 1 for the first one
    day: Ints  # on which the step lies, days since 1970: errors of one day are no independent ones
    actual: Floats
    yhat: Floats
    naive: Floats
    bounds: Floats  # (levels, 2, n)
    scale: Floats


class Accuracy(NamedTuple):
    """What past forecasts of one member were worth."""

    leads: tuple[LeadAccuracy, ...]
    useful_steps: int | None  # the largest lead with skill above 0
    pit: tuple[int, ...]


def buckets(horizon: int) -> tuple[int, ...]:
    """Upper ends of the lead buckets of a horizon, in steps."""
    return (*(lead for lead in LEADS if lead < horizon), horizon)


def pairs_of(vintages: Iterable[Vintage], time_ns: Ints, y: Floats, levels: Sequence[float]) -> Pairs | None:
    """Join forecasts with what came since; None where nothing did.

    Args:
        vintages: Of one member. Those with other levels or another step are left out.
        time_ns: Starts of finished steps with a value, ascending.
        y: Their values.
        levels: Nominal coverages, as forecasts are written.
    """
    parts = []
    for one in vintages:
        if one.levels != tuple(levels) or not time_ns.size:
            continue
        at = np.searchsorted(time_ns, one.time_ns)
        seen = (at < time_ns.size) & (time_ns[np.minimum(at, time_ns.size - 1)] == one.time_ns)
        steps = np.flatnonzero(seen)
        steps = steps[np.isfinite(one.yhat[steps]) & np.isfinite(one.naive[steps]) & np.isfinite(y[at[steps]])]
        if steps.size:
            parts.append(
                Pairs(
                    steps + 1,
                    one.time_ns[steps] // DAY_NS,
                    y[at[steps]],
                    one.yhat[steps],
                    one.naive[steps],
                    one.bounds[:, :, steps],
                    np.full(steps.size, one.scale),
                )
            )
    return Pairs(*(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))) if parts else None


def accuracy(pairs: Pairs, levels: Sequence[float], horizon: int) -> Accuracy:
    """Score the pairs by lead.

    Args:
        pairs: Forecasts and what came.
        levels: Nominal coverages of `pairs.bounds`.
        horizon: Steps that are forecast.
    """
    leads = []
    below = 0
    for lead in buckets(horizon):
        inside = (pairs.lead > below) & (pairs.lead <= lead)
        below = lead
        if inside.any():
            leads.append(_scored(lead, _taken(pairs, inside), levels))
    useful = [one.lead for one in leads if one.skill is not None and one.skill > 0]
    return Accuracy(tuple(leads), max(useful, default=None), _pit(pairs, levels))


def _taken(pairs: Pairs, which: Bools) -> Pairs:
    return Pairs(
        pairs.lead[which],
        pairs.day[which],
        pairs.actual[which],
        pairs.yhat[which],
        pairs.naive[which],
        pairs.bounds[:, :, which],
        pairs.scale[which],
    )


def _scored(lead: int, pairs: Pairs, levels: Sequence[float]) -> LeadAccuracy:
    error = pairs.yhat - pairs.actual
    mae, naive = float(np.abs(error).mean()), float(np.abs(pairs.naive - pairs.actual).mean())
    scale = pairs.scale[pairs.scale > 0]
    covered = {
        level: (pairs.bounds[i, 0] <= pairs.actual) & (pairs.actual <= pairs.bounds[i, 1])
        for i, level in enumerate(levels)
    }
    worth = effective(covered[levels[0]].astype(float), pairs.day)
    ranges = {
        level: proportion_range(float(hits.mean()), effective(hits.astype(float), pairs.day))
        for level, hits in covered.items()
    }
    return LeadAccuracy(
        lead=lead,
        n=int(error.size),
        worth=round(worth, 1),
        mae=mae,
        bias=float(error.mean()),
        mase=mae / float(scale.mean()) if scale.size else None,
        crps=float(crps(pairs, levels).mean()),
        coverage={level_name(level): float(hits.mean()) for level, hits in covered.items()},
        coverage_low={level_name(level): low for level, (low, _) in ranges.items()},
        coverage_high={level_name(level): high for level, (_, high) in ranges.items()},
        skill=1 - mae / naive if naive > 0 else None,
    )


def effective(values: Floats, day: Ints) -> float:
    """How many independent values these are worth, those of one day being alike.

    The variance of their mean by the sums of whole days (clusters), against that of as many independent values
    (Kish 1965, "Survey Sampling", design effect). Where all are equal nothing can be told of it, and each day counts
    once; no more are told than there are.

    Args:
        values: Shape (n,), n >= 1.
        day: The day of each.
    """
    days, place = np.unique(day, return_inverse=True)
    n, k = values.size, days.size
    spread = float(values.var())
    if k < 2:
        return 1.0
    if spread == 0:
        return float(k)
    sums = np.bincount(place, values - values.mean(), minlength=k)
    variance = float((sums**2).sum()) * k / (k - 1) / n**2
    return float(min(n, max(1.0, spread / variance))) if variance > 0 else float(n)


def proportion_range(share: float, n: float) -> tuple[float, float]:
    """The 90 % range of a share seen in n independent cases (Wilson 1927, "Probable inference")."""
    z2 = RANGE_Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = RANGE_Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def quantiles(pairs: Pairs, levels: Sequence[float]) -> tuple[Floats, Floats]:
    """The quantiles that were forecast: their orders, ascending, shape (q,), and values, shape (q, n)."""
    known = {0.5: pairs.yhat}
    for i, level in enumerate(levels):
        known |= {0.5 - level / 2: pairs.bounds[i, 0], 0.5 + level / 2: pairs.bounds[i, 1]}
    orders = np.array(sorted(known))
    return orders, np.maximum.accumulate(np.array([known[order] for order in orders]), axis=0)


def crps(pairs: Pairs, levels: Sequence[float]) -> Floats:
    """Continuous ranked probability score of each pair, from the quantiles that were kept.

    Twice the pinball loss integrated over the order of the quantile (Gneiting & Ranjan 2011, eq. 12), each known
    quantile standing for the orders nearest to it.
    """
    orders, values = quantiles(pairs, levels)
    edges = np.concatenate([[0.0], (orders[1:] + orders[:-1]) / 2, [1.0]])
    off = pairs.actual - values
    loss = np.maximum(orders[:, None] * off, (orders[:, None] - 1) * off)
    return np.asarray(2 * (np.diff(edges)[:, None] * loss).sum(axis=0))


def _pit(pairs: Pairs, levels: Sequence[float]) -> tuple[int, ...]:
    """Counts of where actual values fell in their forecast's distribution, linear between the known quantiles."""
    orders, values = quantiles(pairs, levels)
    x, low, high = pairs.actual, values[:-1], values[1:]
    width = high - low
    part = np.where(width > 0, (x - low) / np.where(width > 0, width, 1), x >= high)
    inside = orders[0] + np.diff(orders) @ np.clip(part, 0, 1)
    placed = np.where(x < values[0], 0.0, np.where(x > values[-1], 1.0, inside))
    counts = np.bincount(np.minimum((placed * PIT_BINS).astype(int), PIT_BINS - 1), minlength=PIT_BINS)
    return tuple(counts.tolist())


def past_forecasts(vintages: Sequence[Vintage], known_ns: Ints, level: float, horizon: int) -> tuple[PastForecast, ...]:
    """What was forecast for steps that are over since the newest vintage, at each bucket of leads by the newest one.

    Args:
        vintages: Of one member, the oldest first.
        known_ns: Starts of finished steps, ascending.
        level: Of the interval that is wanted.
        horizon: Steps that are forecast.
    """
    wanted = [one for one in vintages if level in one.levels]
    if not wanted:
        return ()
    found: dict[tuple[int, int], PastForecast] = {}
    ends = buckets(horizon)
    for time_ns in known_ns[known_ns >= wanted[-1].first_ns].tolist():
        for one in wanted:
            i = (time_ns - one.first_ns) // one.step_ns
            if 0 <= i < min(one.yhat.size, horizon) and one.first_ns + i * one.step_ns == time_ns:
                lead = next(end for end in ends if i + 1 <= end)
                lower, upper = one.bounds[one.levels.index(level)][:, i].tolist()
                found[time_ns, lead] = PastForecast(
                    time_ns, lead, float(one.yhat[i]), lower, upper, float(one.naive[i]), one.run_ns
                )
    return tuple(found.values())


def newest_before(vintages: Sequence[Vintage], time_ns: Ints, level: float) -> tuple[Floats, Floats, Floats]:
    """What the newest forecast made before each step said of it: yhat, lower, upper; NaN where there was none.

    Args:
        vintages: Of one member, the oldest first.
        time_ns: Starts of steps, ascending.
        level: Of the interval that is wanted.
    """
    columns = np.full((3, time_ns.size), np.nan)
    for one in vintages:
        if level not in one.levels:
            continue
        at = np.searchsorted(time_ns, one.time_ns)
        inside = (at < time_ns.size) & (time_ns[np.minimum(at, time_ns.size - 1)] == one.time_ns)
        i = one.levels.index(level)
        columns[:, at[inside]] = np.vstack([one.yhat, one.bounds[i]])[:, inside]
    yhat, lower, upper = columns
    return yhat, lower, upper

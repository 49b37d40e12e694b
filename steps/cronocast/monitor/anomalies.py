"""What of the newest values is unusual: held against the forecast issued before them, never against a later one.

Pure functions on a grid of steps; what recurs at the same time of earlier days or weeks is no anomaly.
"""

import math
from collections.abc import Iterator

import numpy as np

from cronocast.charts.words import counted, length, number
from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Anomaly
from cronocast.timeseries.grid import Floats

DAY_NS, WEEK_NS = UNIT_NS["d"], 7 * UNIT_NS["d"]
LEAST_SCORE = 0.9  # what chance brings more often is not worth a word
TOLD_NS = DAY_NS  # what ended longer ago is history
BRIDGE = 2  # steps inside the interval that do not end an anomaly
BEFORE = 3  # days, and weeks, at which the same happened: two of them make it usual
USUAL = 2
LEAST_MISSING = 3  # steps; fewer are data that come late
LEAST_PAST = 20  # stretches of the past that a run is held against
RUN_Z = 4.5  # spreads of past stretches; a normal one exceeds it once in 150,000
SAME_SIDE = 0.8  # share of a run that lies on one side of the forecast
RUN_HOURS = (12, 24, 48)  # lengths of runs that are looked at
LEAST_RUN = 6  # steps
FREEDOM = 6  # of the Student distribution that errors are taken to have: heavier tails than the normal
STAYS = 0.5  # least chance that a step beyond the interval follows another one: errors have a memory
MOST_STEPS = 5  # of a stretch that add to its score


def anomalies(
    time_ns: np.ndarray, y: Floats, yhat: Floats, lower: Floats, upper: Floats, level: float
) -> list[Anomaly]:
    """Find what is unusual at the end of a series.

    Args:
        time_ns: Begins of finished steps, evenly spaced, ascending; the more past, the better usual things are known.
        y: What was measured; NaN where nothing was.
        yhat: What the newest forecast issued before each step said of it; NaN where there was none.
        lower: Lower end of its interval, as `yhat`.
        upper: Upper end, as `yhat`.
        level: Nominal coverage of the interval, 0..1.
    """
    if len(time_ns) < 2:
        return []
    found = (
        *_outside(time_ns, y, yhat, lower, upper, level),
        *_runs(time_ns, y, yhat, lower, upper),
        *_missing(time_ns, y),
    )
    return [one for one in found if one.score >= LEAST_SCORE]


def _outside(
    time_ns: np.ndarray, y: Floats, yhat: Floats, lower: Floats, upper: Floats, level: float
) -> Iterator[Anomaly]:
    """Values beyond the interval, each stretch of them once."""
    step_ns = int(time_ns[1] - time_ns[0])
    looked_at = min(time_ns.size, TOLD_NS // step_ns + 1)
    with np.errstate(invalid="ignore"):
        sides = ((1, y > upper, upper), (-1, y < lower, lower))
    stays = _stays(sides[0][1] | sides[1][1])
    for side, beyond, bound in sides:
        beyond = beyond & ~_recurs(side * y, side * bound, step_ns)  # noqa: PLW2901 - what recurs is left out
        for first, last in _stretches(beyond):
            if time_ns[-1] - time_ns[last] >= TOLD_NS:
                continue
            part = slice(first, last + 1)
            hits = np.flatnonzero(beyond[part]) + first
            width = np.maximum(np.abs(bound[hits] - yhat[hits]), _least(yhat))
            worst = hits[int(np.argmax(np.abs(y[hits] - yhat[hits]) / width))]
            ratio = float(np.max(np.abs(y[hits] - yhat[hits]) / width))
            where = "above" if side > 0 else "below"
            span = float(np.nanmax(upper) - np.nanmin(lower))
            words = (
                f"{counted(len(hits), 'step')} {where} the interval, up to {number(float(y[worst]), span)} where"
                f" {number(float(bound[worst]), span)} was its {'upper' if side > 0 else 'lower'} end"
            )
            chance = _tail(ratio * _quantile(level)) * stays ** (min(len(hits), MOST_STEPS) - 1)
            score = (1 - min(1.0, chance)) ** looked_at
            yield Anomaly("outside", int(time_ns[first]), int(time_ns[last]) + step_ns, len(hits), score, words)


def _recurs(values: Floats, bound: Floats, step_ns: int) -> np.ndarray:
    """Where values at the same time of earlier days, or weeks, lay about as far out: a job at night, a Monday."""
    found, half = np.zeros(values.size, dtype=bool), (values + bound) / 2
    for cycle_ns in (DAY_NS, WEEK_NS):
        if cycle_ns % step_ns:
            continue
        times, shift = np.zeros(values.size, dtype=int), cycle_ns // step_ns
        for k in range(1, BEFORE + 1):
            earlier = np.full(values.size, -np.inf)
            for near in (-1, 0, 1):  # a job does not begin to the second
                back = k * shift + near
                if 0 < back < values.size:
                    earlier[back:] = np.fmax(earlier[back:], values[:-back])
            with np.errstate(invalid="ignore"):
                times += earlier > half
        found |= times >= USUAL
    return found


def _stretches(marked: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each stretch of marks; a few steps without one do not end it."""
    hits = np.flatnonzero(marked)
    if not hits.size:
        return []
    cuts = np.flatnonzero(np.diff(hits) > BRIDGE + 1)
    return list(zip(hits[[0, *(cuts + 1)]].tolist(), hits[[*cuts, hits.size - 1]].tolist(), strict=True))


def _runs(time_ns: np.ndarray, y: Floats, yhat: Floats, lower: Floats, upper: Floats) -> Iterator[Anomaly]:
    """Unusually many of the newest values on one side, though most lie inside: a level that creeps away.

    The mean error of the newest stretch, over the width of the interval, against those of all stretches before it: so
    their own memory counts, whatever it is.
    """
    step_ns = int(time_ns[1] - time_ns[0])
    errors = (y - yhat) / np.maximum((upper - lower) / 2, _least(yhat))
    for hours in RUN_HOURS:
        n = hours * UNIT_NS["h"] // step_ns
        if n < LEAST_RUN or errors.size < (LEAST_PAST + 1) * n // 2:
            continue
        newest, past = errors[-n:], errors[:-n]
        if np.isfinite(newest).sum() < 2 * n // 3:
            continue
        means = np.array([_mean(past[i : i + n]) for i in range(past.size % n, past.size - n + 1, max(1, n // 2))])
        means = means[np.isfinite(means)]
        if means.size < LEAST_PAST:
            continue
        mean, usual = _mean(newest), float(np.median(means))
        spread = max(float(np.std(means, ddof=1)), 1e-9)
        side = math.copysign(1.0, mean - usual)
        if abs(mean - usual) / spread > RUN_Z and np.nanmean(np.sign(newest) == side) >= SAME_SIDE:
            steps = _since(side * (errors - usual))
            begin = int(time_ns[-steps])
            words = (
                f"{'above' if side > 0 else 'below'} the forecast for {length(steps * step_ns, counted=True)}, by"
                f" {abs(mean):.1f} of half the interval in the mean"
            )
            score = 1 - _tail(abs(mean - usual) / spread)
            yield Anomaly("run", begin, int(time_ns[-1]) + step_ns, steps, score, words)
            return


def _since(errors: Floats) -> int:
    """For how many steps at the end errors have been larger: where the sum over half of their size is the largest."""
    half = float(np.nanmean(errors[-LEAST_RUN:])) / 2
    return int(np.argmax(np.cumsum(np.nan_to_num(errors[::-1] - half)))) + 1


def _stays(beyond: np.ndarray) -> float:
    """The chance that a step beyond the interval follows another one."""
    after = beyond[1:][beyond[:-1]]
    return max(STAYS, float(after.mean())) if after.size else STAYS


def _missing(time_ns: np.ndarray, y: Floats) -> Iterator[Anomaly]:
    """Values that stopped coming, where they came at this time before."""
    step_ns = int(time_ns[1] - time_ns[0])
    known = np.flatnonzero(np.isfinite(y))
    if not known.size:
        return
    steps = y.size - 1 - int(known[-1])
    gone = np.isnan(y)
    if steps < LEAST_MISSING or _recurs(gone.astype(float), np.full(y.size, 0.5), step_ns)[-steps:].all():
        return
    before = gone[known[0] : known[-1] + 1]
    longest = max((last - first + 1 for first, last in _stretches_exactly(before)), default=0)
    if steps <= longest:
        return
    share = max(float(before.mean()), 1 / (before.size + 1))
    words = f"nothing measured for {length(steps * step_ns, counted=True)}"
    yield Anomaly("missing", int(time_ns[-steps]), int(time_ns[-1]) + step_ns, steps, 1 - share**steps, words)


def _stretches_exactly(marked: np.ndarray) -> list[tuple[int, int]]:
    hits = np.flatnonzero(marked)
    cuts = np.flatnonzero(np.diff(hits) > 1)
    return list(zip(hits[[0, *(cuts + 1)]], hits[[*cuts, hits.size - 1]], strict=True)) if hits.size else []


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size >= values.size // 2 and known.size else math.nan


def _least(values: Floats) -> float:
    """What an interval without width counts as."""
    return 1e-9 * max(1.0, float(np.nanmax(np.abs(values), initial=0.0)))


def _quantile(level: float) -> float:
    """Half width of a normal interval of this level, in spreads."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2)


def _tail(z: float) -> float:
    """Chance of an error of more than `z` spreads, by a Student distribution with six degrees of freedom.

    In closed form: 1 - sin(a) (1 + cos(a)^2 / 2 + 3 cos(a)^4 / 8) with tan(a) = z / sqrt(6) (Abramowitz & Stegun
    26.7.4).
    """
    a = math.atan(z / math.sqrt(FREEDOM))
    near = math.cos(a) ** 2
    return max(0.0, 1 - math.sin(a) * (1 + near / 2 + 3 * near**2 / 8))

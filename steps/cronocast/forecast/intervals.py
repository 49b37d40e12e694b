"""Prediction intervals from measured errors: conformal widths per horizon step, for whatever made the forecast."""

from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cronocast.timeseries.grid import Floats

LEAST_ERRORS = 20  # fewer say nothing about the outer 5 %; then widths come from changes in the history
LEAST_SIDE = 0.25  # of the wider side: where nothing was missed yet, something still can be
OUTER = 0.05  # share outside a wide interval: of its bounds each window tells but once
USUAL = 0.99  # share of errors that say how hard each step is
ENOUGH = 100  # values that show whether changes grow with time or its root; of fewer, the worse is taken
LEAST_CHANGES = 3  # values that tell how much they change ...
LEAST_STILL = 8  # ... and so many equal ones that they do not
MOST_LAGS = 12  # spans over which changes are looked at where there is no backtest
BELIEF = 3  # origins at which a step that was narrower than an earlier one is half believed


def offsets(
    errors: "Floats", h: int, level: float, y: "Floats", season: int, independent: int | None = None
) -> "tuple[Floats, Floats]":
    """Distances from a forecast to its lower and upper bound.

    Errors are divided by the scale of their horizon step, then pooled: so few origins still give outer quantiles. Each
    side has its own quantile. Beyond the backtest's steps the scale grows on as it did, and is at least what
    changes in the history say.

    Args:
        errors: Actual - forecast, shape (k, b), NaN where not observed; k origins, b steps of the backtest.
        h: Steps of the forecast, >= 1.
        level: Nominal coverage, 0..1.
        y: History, shape (t,), NaN where not observed; for the case of too few errors.
        season: Steps in one season, >= 1.
        independent: How many windows that do not overlap the k are worth; k if None.

    Returns:
        Two arrays of shape (h,), both >= 0: yhat - lower and upper - yhat.

    Source:
        Normalised split conformal prediction: Lei et al., Distribution-free predictive inference for regression, 2018,
            section 5.2.
    """
    if np.isfinite(errors).sum() < LEAST_ERRORS:
        return _from_changes(y, h, level, season)
    scale = step_scale(errors)
    lower, upper = _quantiles(errors, scale, level, independent or len(errors))
    below, above = (side * _extended(scale, h) for side in (lower, upper))
    if h > scale.size:  # later steps nobody has measured
        guess, _ = _from_changes(y, h, level, season)
        below[scale.size :], above[scale.size :] = (np.maximum(w, guess)[scale.size :] for w in (below, above))
    return below, above


def step_scale(errors: "Floats") -> "Floats":
    """Typical size of the error per horizon step, shape (b,): mean over origins and neighbouring steps.

    A later step is narrower than an earlier one only as far as there are origins to show it: with few of them, widths
    never shrink.
    A single huge error does not show that its step is hard: beyond the usual, errors count as the largest usual one.
    """
    k, b = errors.shape
    size = np.abs(errors)
    known = np.sort(size[np.isfinite(size)])
    size = np.minimum(size, known[min(int(USUAL * known.size), known.size - 2)])
    near = max(1, b // 12)
    finite = np.isfinite(size)
    sums, counts = np.where(finite, size, 0.0).sum(axis=0), finite.sum(axis=0).astype(float)
    kernel = np.ones(2 * near + 1)
    sums, counts = (np.convolve(v, kernel)[near : near + b] for v in (sums, counts))
    smooth = sums / np.maximum(counts, 1)
    smooth[counts == 0] = smooth.sum() / np.count_nonzero(counts)  # the mean of the others
    grown = np.maximum.accumulate(smooth)
    belief = k / (k + BELIEF)
    return np.asarray(belief * smooth + (1 - belief) * grown)


def _quantiles(errors: "Floats", scale: "Floats", level: float, independent: int) -> tuple[float, float]:
    """Outer quantiles of the scaled errors on either side, both >= 0.

    Errors of one window go together: a bad day is bad at most steps. So how far out the bounds of a wide interval lie
    is known from as many cases as there are windows apart from each other, and they are widened as Student's quantiles
    are over the normal ones. Those of a
    narrower one every window crosses: more cases say where they lie, in the measure in which more values lie outside. A
    single window is one case at any level, since it does not tell how windows differ.
    """
    scaled = (errors / np.where(scale > 0, scale, 1.0))[np.isfinite(errors)]
    last = scaled.size - 1
    low, high = np.interp(
        [last * (1 - level) / 2, last * (1 + level) / 2], np.arange(scaled.size), np.sort(scaled)
    ).tolist()  # as np.quantile, at a tenth of the time
    least = LEAST_SIDE * max(-low, high, 0.0)
    freedom = max(2.0, (independent - 1) * max(1.0, (1 - level) / OUTER))
    wider = student((1 + level) / 2, freedom) / normal(level)
    return wider * max(-low, least), wider * max(high, least)


def normal(level: float) -> float:
    """How many standard deviations an interval of a level reaches to either side, 0 < level < 1."""
    return NormalDist().inv_cdf((1 + level) / 2)


def student(p: float, freedom: float) -> float:
    """Quantile of Student's t, 0.5 < p < 1, by the expansion around the normal one (Abramowitz & Stegun, 1964, 26.7.5).

    3 % low at 3 degrees.
    """
    z = NormalDist().inv_cdf(p)
    terms = ((z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))


def _extended(scale: "Floats", h: int) -> "Floats":
    """The scale for h steps: cut, or continued with the power of time with which it grew, at least the square root."""
    b = scale.size
    if h <= b:
        return scale[:h]
    later = np.arange(b + 1, h + 1)
    return np.concatenate((scale, scale.max() * (later / b) ** _growth(float(scale[(b - 1) // 2]), float(scale[-1]))))


def _growth(half: float, whole: float) -> float:
    """With which power of time something grows that is `whole` after twice the time of `half`: 0.5 to 1.

    Errors of a walk grow with the square root, those of a wrong slope with time itself.
    """
    return float(np.clip(np.log2(whole / half), 0.5, 1.0)) if half > 0 and whole > 0 else 1.0


def _from_changes(y: "Floats", h: int, level: float, season: int) -> "tuple[Floats, Floats]":
    """Widths without a backtest.

    As large as nearly all changes over as many steps were, and never smaller later: nobody has measured the error.
    Beyond half of the history, changes grow on as they did. Where a season is known, changes over one of them count per
    season begun, if these are smaller.
    """
    known = np.flatnonzero(np.isfinite(y))
    y = y[known[0] : known[-1] + 1] if known.size else y
    still = known.size < LEAST_STILL and not np.nanmax(np.abs(y - y[0]), initial=0.0)
    if 0 < known.size < LEAST_CHANGES or (still and known.size):  # nothing is known but how large values are
        one = np.full(h, abs(float(y[-1])) * (normal(level) / normal(0.95)))
        return one, one.copy()
    longest = max(1, y.size // 2)
    lags = np.unique(np.geomspace(1, longest, MOST_LAGS).astype(int))
    sizes = np.maximum.accumulate([_change_quantile(y, int(lag), level) or 0.0 for lag in lags])
    ahead = np.arange(1, h + 1)
    half = float(np.interp(max(1, longest // 2), lags, sizes))
    growth = _growth(half, float(sizes[-1])) if longest > 1 else 1.0
    beyond = np.maximum(ahead / longest, 1.0) ** max(growth, 1 - known.size / ENOUGH)
    one = np.interp(ahead, lags, sizes) * beyond
    seasonal = _change_quantile(y, season, level) if 1 < season <= y.size / 2 else None
    if seasonal is not None:
        one = np.minimum(one, seasonal * np.sqrt((ahead - 1) // season + 1))
    return one, one.copy()


def _change_quantile(y: "Floats", lag: int, level: float) -> float | None:
    """Quantile of absolute changes over `lag` steps between observed values; None where there are none.

    Few of them are widened as Student's quantile is over the normal one: the largest of three says little.
    """
    changes = np.abs(y[lag:] - y[:-lag]) if y.size > lag else np.empty(0)
    changes = changes[np.isfinite(changes)]
    if not changes.size:
        return None
    wider = student((1 + level) / 2, max(2.0, changes.size - 1)) / normal(level)
    return wider * float(np.quantile(changes, min(1.0, level * (1 + 1 / changes.size))))


def effective_origins(errors: "Floats", ends: "Sequence[int]") -> int:
    """How many windows that lie apart those of a backtest are worth: as many as do, and at most half of the others.

    Those between tell something new as far as errors at neighbouring steps differ. Of a random walk all of them are
    worth half of those apart, however many there are; of errors that soon forget each other each step tells something.

    Args:
        errors: Actual - forecast, shape (k, b), NaN where not observed.
        ends: First step of each window, k of them, ascending.

    Source:
        Worth of overlapping windows of a walk: Lo & MacKinlay, Stock market prices do not follow random walks, 1988,
            appendix.
        Independent values among autocorrelated ones, n (1 - r) / (1 + r): Bayley & Hammersley, The "effective" number
        of independent observations in an autocorrelated time series, 1946. r from signs, which a single huge error
        can't rule: the arcsine law.
    """
    k, b = len(errors), int(errors.shape[1])
    if k == 0:
        return 0
    apart = min(k, 1 + (ends[-1] - ends[0]) // b)
    alike = np.sign(errors[:, 1:]) * np.sign(errors[:, :-1])
    alike = alike[np.isfinite(alike)]
    r = max(0.0, float(np.sin(np.pi / 2 * alike.mean()))) if alike.size else 0.0
    steps = b + sum(min(b, after - before) for before, after in pairwise(ends))
    return apart + min((k - apart) // 2, max(apart // 2, int(steps * (1 - r) / (1 + r)) - apart))


def left_out_offsets(
    errors: "Floats", ends: "Sequence[int]", level: float, y: "Floats", season: int
) -> "Iterator[tuple[int, Floats, Floats]]":
    """Judge each origin by widths from those that share no step with it: its row, and distances as of `offsets`.

    Origins beside which there are too few are left out.

    Args:
        errors: Actual - forecast, shape (k, b), NaN where not observed.
        ends: First step of each origin, k of them.
        level: Nominal coverage, 0..1.
        y: History, as for `offsets`.
        season: Steps in one season, >= 1.
    """
    b, starts = errors.shape[1], np.asarray(ends)
    for row, start in enumerate(starts):
        apart = np.abs(starts - start) >= b
        independent = effective_origins(errors[apart], starts[apart].tolist())
        if independent >= 2 and np.isfinite(errors[apart]).sum() >= LEAST_ERRORS:
            yield (row, *offsets(errors[apart], b, level, y, season, independent))

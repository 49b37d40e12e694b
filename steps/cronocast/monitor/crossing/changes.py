"""Since when the present growth has gone on, how strong it is, and what growth there was before: all that fits."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cronocast.monitor.crossing.lines import PHI, Fit, curves, innovations, lines

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Bools, Floats, Ints

WINDOW = 32  # units of the straight pieces that tell how strong the noise is
LEAST = 2  # values of a stretch
WALK = 4.0  # how much likelier a random walk is beforehand than any other memory of noise
CURVED = 0.1  # how likely a curve is beforehand
CHANGE_DAYS = 28.0  # days from one change to the next, beforehand
RANGE = float(np.log(30.0))  # of a new level, or of a lone outlier, in standard deviations of an innovation
JUMP = float(np.log(2 * np.pi)) - RANGE
SLOPES = 23.0  # natural logarithm of the range of slopes that are equally likely in it
BENDS = (0.5, 8.0)  # by e to what power the slope of a curve changes over its stretch
RATES_APART = 1.07
LEAST_CURVE, LEAST_CURVE_DAYS = 24, 2.0  # units and days of one at least
CURVES_BEGIN = 1.25  # of starts within this ratio of age one is tried


class Stretch(NamedTuple):
    """Units [start, end) of one line, or of a curve if its rate is not 0."""

    start: int
    end: int
    slope: float
    rate: float = 0.0


class Posterior(NamedTuple):
    """How likely each way of looking at the newest stretch is; z = (values - the newest) / scale."""

    z: "Floats"
    scale: float
    weight: "Floats"  # (len(PHI), cells), sums to 1
    start: "Ints"  # (cells,): where the stretch begins
    rate: "Floats"  # (cells,): 0 for a line
    fit: Fit  # of each cell
    variance: "Floats"  # (len(PHI),): of the innovations
    best: int  # the likeliest memory, an index of PHI
    stretches: tuple[Stretch, ...]  # the likeliest ones with that memory


def posterior(values: "Floats", seen: "Bools", day: int) -> Posterior:
    """Weigh every memory of the noise, every start of the newest stretch, line or curve, and all that came before.

    A dynamic programme sums over the changes before it. See Fearnhead (2006), Exact and efficient Bayesian inference
    for multiple changepoint problems.

    Args:
        values: Without season and clean-ups, shape (n,), n > 3.
        seen: Whether each is a value of its own.
        day: Units per day.
    """
    scale = _scale(values, seen)
    z = (values - values[-1]) / scale
    w = innovations(z)
    variance = np.maximum(noise_variance(w[:, 1:], seen[1:]), 1e-8)
    cuts = cuts_of(z.size, day)
    i, j = np.triu_indices(cuts.size, 1)
    i, j = i[cuts[j] - cuts[i] >= LEAST], j[cuts[j] - cuts[i] >= LEAST]
    fit = lines(z, w, cuts[i], cuts[j])
    evidence = _evidence(z, fit, cuts[j] - cuts[i], variance)
    share = np.log(np.diff(cuts, prepend=-1) / (CHANGE_DAYS * day))
    evidence += np.where(i > 0, share[i], 0.0)
    table = np.full((PHI.size, cuts.size, cuts.size), -np.inf)
    table[:, i, j] = evidence
    before, best_before, came_from = _earlier(table)
    at, rate, fits, logs = _joined(
        _lines(fit, table, i, j, cuts.size - 1),
        _outlier(fit, table, i, j, (cuts.size - 2, variance, CHANGE_DAYS * day)),
        _curves(z, w, (cuts, share), variance, day),
    )
    total = logs + before[:, at]
    total[-1] += np.log(WALK)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    best = int(weight.sum(axis=1).argmax())
    cell = int((logs[best] + best_before[best, at]).argmax())
    slopes = np.zeros((cuts.size, cuts.size))
    slopes[i, j] = fit.slope[best]
    stretches = [Stretch(int(cuts[at[cell]]), z.size, float(fits.slope[best, cell]), float(rate[cell]))]
    end = int(at[cell])
    while end > 0:
        start = int(came_from[best, end])
        stretches.append(Stretch(int(cuts[start]), int(cuts[end]), float(slopes[start, end])))
        end = start
    return Posterior(z, scale, weight, cuts[at], rate, fits, variance, best, tuple(stretches[::-1]))


def _scale(values: "Floats", seen: "Bools") -> float:
    """Standard deviation of the steps; next to nothing for a constant."""
    step = np.diff(values[seen])
    top = float(np.abs(values).max())
    return max(float(np.std(step / top)) * top, 1e-9 * top) if top > 0 else 1.0


def cuts_of(n: int, day: int) -> "Ints":
    """Where a stretch may begin: every unit for the newest, then ever fewer, each day (of n days, the oldest apart)."""
    ages = np.concatenate((np.arange(1, 12), 12 * 1.2 ** np.arange(40), np.arange(2 * day, n, max(day, n // 60))))
    ages = np.unique(ages.round().astype(np.int64))
    return np.concatenate(([0], n - ages[ages < n - LEAST][::-1], [n]))


def noise_variance(w: "Floats", seen: "Bools") -> "Floats":
    """Variance of innovations around straight pieces, per row; pieces that are mostly filled say nothing."""
    length = min(WINDOW, w.shape[1])
    count = w.shape[1] // length
    pieces = w[:, w.shape[1] - count * length :].reshape(len(w), count, length)
    known = seen[seen.size - count * length :].reshape(count, length).mean(axis=1) > 0.8
    pieces = pieces[:, known] if known.any() else pieces
    t = np.arange(length) - (length - 1) / 2
    pieces = pieces - pieces.mean(axis=2, keepdims=True)
    pieces = pieces - (pieces @ t / max(t @ t, 1.0))[:, :, None] * t
    return np.asarray((pieces**2).sum(axis=(1, 2)) / (pieces.shape[1] * max(length - 2, 1)))


def _evidence(z: "Floats", fit: Fit, length: "Ints", variance: "Floats") -> "Floats":
    """Logarithm of how well each stretch explains its values, level and slope integrated out, (len(PHI), stretches)."""
    s2 = variance[:, None]
    overall = (z[-1] - z[0]) / z.size
    likely = -fit.log_det / 2 - fit.rss / (2 * s2) - length / 2 * np.log(2 * np.pi * s2)
    known_to = np.sqrt(np.maximum(fit.var_slope, 1e-12))
    return np.asarray(likely + JUMP - np.log(SLOPES * np.maximum(np.abs(fit.slope - overall) / np.sqrt(s2), known_to)))


def _earlier(table: "Floats") -> "tuple[Floats, Floats, Ints]":
    """For all that lies before each cut: its evidence summed over, and of its best changes; and the newest of these."""
    rows, m = table.shape[:2]
    summed = np.full((rows, m), -np.inf)
    summed[:, 0] = 0.0
    best, came = summed.copy(), np.zeros((rows, m), np.int64)
    for j in range(1, m - 1):
        options = summed[:, :j] + table[:, :j, j]
        top = options.max(axis=1)
        finite = np.isfinite(top)
        shift = np.where(finite, top, 0.0)
        with np.errstate(divide="ignore"):
            summed[:, j] = shift + np.log(np.exp(options - shift[:, None]).sum(axis=1))
        options = best[:, :j] + table[:, :j, j]
        came[:, j] = options.argmax(axis=1)
        best[:, j] = options[np.arange(rows), came[:, j]]
    return summed, best, came


class _Cells(NamedTuple):
    """Ways of looking at the newest stretch: the cut it begins with, rate, fit, and how well that explains it all."""

    at: "Ints"
    rate: "Floats"
    fit: Fit
    logs: "Floats"  # (len(PHI), cells)


def _joined(*parts: _Cells) -> _Cells:
    fit = Fit(*(np.concatenate(each, axis=1) for each in zip(*(part.fit for part in parts), strict=True)))
    at, rate = np.concatenate([part.at for part in parts]), np.concatenate([part.rate for part in parts])
    return _Cells(at, rate, fit, np.concatenate([part.logs for part in parts], axis=1))


def _lines(fit: Fit, table: "Floats", i: "Ints", j: "Ints", end: int) -> _Cells:
    """Lines that end with a cut."""
    last = j == end
    logs = table[:, i[last], end] + np.log(1 - CURVED)
    return _Cells(i[last], np.zeros(int(last.sum())), Fit(*(v[:, last] for v in fit)), logs)


def _outlier(fit: Fit, table: "Floats", i: "Ints", j: "Ints", of: "tuple[int, Floats, float]") -> _Cells:
    """Lines up to the value before the newest, which an innovation far out leads off: a single value is no trend."""
    end, variance, rare = of
    cells = _lines(fit, table, i, j, end)
    line = cells.fit
    moved = line._replace(
        level=line.level + line.slope,
        var_level=line.var_level + 2 * line.cov + line.var_slope,
        cov=line.cov + line.var_slope,
    )
    return cells._replace(fit=moved, logs=cells.logs - np.log(rare) - RANGE - np.log(variance)[:, None] / 2)


def _curves(z: "Floats", w: "Floats", cuts: "tuple[Ints, Floats]", variance: "Floats", day: int) -> _Cells:
    """Curves that end now, with every rate that their stretch can show."""
    begins, share = cuts
    age = z.size - begins[:-LEAST]
    at, rate, count = _rates(age, day)
    curve = curves(z, w, begins[at], rate)
    logs = _evidence(z, curve, age[at], variance) + np.where(at > 0, share[at], 0.0) + np.log(CURVED / count)
    return _Cells(at, rate, curve, logs)


def _rates(age: "Ints", day: int) -> "tuple[Ints, Floats, Floats]":
    """Rates to try for stretches of these ages: the stretch of each, the rate, and how many the stretch has."""
    longest, least = float(age.max()), max(LEAST_CURVE_DAYS * day, LEAST_CURVE)
    if longest < least:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    rates = BENDS[0] / longest * RATES_APART ** np.arange(np.log(BENDS[1] / BENDS[0] * 8) / np.log(RATES_APART))
    bend = age[:, None] * rates
    octave = np.floor(np.log(age) / np.log(CURVES_BEGIN))
    tried = (age >= least) & (np.diff(octave, prepend=np.inf) != 0)
    cell, which = np.nonzero((bend >= BENDS[0]) & (bend <= BENDS[1]) & tried[:, None])
    count = np.bincount(cell, minlength=age.size)[cell].astype(float)
    both = np.concatenate((rates[which], -rates[which]))
    return np.concatenate((cell, cell)), both, np.concatenate((2 * count, 2 * count))

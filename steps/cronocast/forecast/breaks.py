"""The newest lasting change of level or slope, so fresh that models of the past can't know it yet.

It is taken out of the newest values before a model sees them and put back into its forecast: so every model carries on
from the new level or along the new line, and none falls back to what was before a season later.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cronocast.models.linear import seasonal_shape
from cronocast.timeseries.robust import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cronocast.timeseries.grid import Bools, Floats

    Ages = NDArray[np.int64]

    Bounds = tuple[Floats, Floats]

LEAST_LEVEL, LEAST_SLOPE = 3, 4  # newest values that make a new level, and a new line
PART = 2  # of a season: within what was seen, a level newer than that is more likely a day like no other
BEFORE = 24  # values before them, at least, that say what held until then
USUAL = 0.98  # share of such differences in the past ...
FACTOR = 2.0  # ... that a new one must exceed by this factor
LEAST_STRAIGHT = 5  # values that show a line
UNSURE = 0.1  # of a new slope: it may be so much less ...
ENDS = 0.7  # ... and by so much after it has gone on for as long as it was seen
STRAIGHT = 0.08  # of its rise: how far, in the mean, the newest values may be off a new line ...
NOISE = 1.5  # ... and of the noise that was before
SCATTER = 4.0  # of that noise: how far a newest value may be off a new level
BEYOND = 0.1  # of the range before: how far outside of it a new line must have come
COHERENT = 0.25  # of the change: how far the newest values may scatter around their new level or line
MET = 0.35  # of the change: how far from the old level a new line may begin, or it is on its way back to it
LEAST_PAST = 12  # differences in the past to compare with
MOST_PAST = 150  # more of them cost time and say the same
FIFTH = 5  # every fifth of them settles most cases
ROUNDING = 1e-9  # of the largest value: less is no change
AGES = np.array(
    (3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 34, 41, 48, 58, 69, 82, 98, 117, 140, 168, 202, 240, 288)
)  # steps
LEAST_LONGEST = 168  # steps; a change may be that old where seasons are shorter


@dataclass(frozen=True)
class Break:
    """What the newest values have beyond what held before: `level` at the last of them, and `slope` per step."""

    age: int  # newest values, the first of them the first of the new regime
    level: float
    slope: float = 0.0

    def of_history(self, size: int) -> "Floats":
        """What it adds to a history that ends with it, shape (size,)."""
        added = np.zeros(size)
        added[size - self.age :] = self.level + self.slope * np.arange(1 - self.age, 1)
        return added

    def ahead(self, h: int) -> "Floats":
        """What it adds to the steps to come, shape (h,)."""
        return np.asarray(self.level + self.slope * np.arange(1, h + 1))

    def doubt(self, h: int) -> "Bounds":
        """How far, at the level 0.95, the steps to come may lie below and above, beside other errors, shapes (h,).

        A line that has held for some steps may end after as many more, or turn steeper; and its slope is known from
        them alone.
        """
        ahead = np.arange(1, h + 1)
        towards = abs(self.slope) * (ENDS * np.maximum(ahead - self.age, 0) + UNSURE * ahead)
        away = towards / 2
        return (towards, away) if self.slope > 0 else (away, towards)


def straight(y: "Floats") -> bool:
    """Tell whether a history, shape (t,), is one line: it rises or falls far more than it scatters."""
    if y.size < LEAST_STRAIGHT:
        return False
    _, slope, rest = _fitted(y)
    return float(rest @ rest) <= y.size * (STRAIGHT * slope * y.size) ** 2 and slope != 0


def without(fresh: "Break | None", y: "Floats") -> "Floats":
    """A history as it would be without the change, shape (t,)."""
    return y if fresh is None else y - fresh.of_history(y.size)


def fresh_breaks(ys: "Sequence[Floats]", periods: "Sequence[tuple[int, ...]]") -> list[Break | None]:
    """Find the newest lasting change of level or slope of each of several histories.

    It must exceed, by far, nearly all such changes that the series is used to: a random walk or a busy day has none.

    Args:
        ys: Histories, shape (t,) each, finite.
        periods: Their seasonal periods in steps.
    """
    found: list[Break | None] = [None] * len(ys)
    alike: dict[tuple[int, int], list[int]] = {}
    for i, (y, own) in enumerate(zip(ys, periods, strict=True)):
        longest = min(max(LEAST_LONGEST, *own, 0), y.size)
        fitting = int(np.sum((longest >= AGES) & (y.size >= np.maximum(BEFORE, 2 * AGES) + 2 * AGES + LEAST_PAST)))
        if fitting:
            alike.setdefault((max(1, y.size // MOST_PAST), fitting), []).append(i)
    for (stride, fitting), places in alike.items():
        seasons = [seasonal_shape(ys[i], periods[i]) for i in places]
        zs = [ys[i] - np.resize(season, ys[i].size) for i, season in zip(places, seasons, strict=True)]
        possible = _possible(zs, AGES[:fitting], stride)
        for i, z, season, ages in zip(places, zs, seasons, possible, strict=True):
            if ages.size:
                level, slope = (_unusual(each, ages, stride, z) for each in _differences([z], ages, stride))
                part = min(periods[i]) // PART if season.size > 1 else LEAST_LEVEL
                high = [age for age in ages[level].tolist() if age >= (LEAST_LEVEL if _beyond(ys[i], age) else part)]
                found[i] = _best(z, high, ages[slope & (ages >= LEAST_SLOPE)].tolist(), _rounding2(ys[i]))
    return found


def _possible(zs: "Sequence[Floats]", ages: "Ages", stride: int) -> "list[Ages]":
    """Which ages a change of each history may have, judged by every fifth of the differences in the past.

    Where more of these reach a limit than all of them may, the newest is none that `_unusual` would find.
    """
    found = np.zeros((len(zs), ages.size), dtype=bool)
    for each in _differences(zs, ages, FIFTH * stride):
        size = np.abs(each)
        past = _before_newest(size, ages, FIFTH * stride)
        above = np.add.reduce(past & (size >= size[:, :, -1:] / FACTOR), axis=2)
        found |= above <= (1 - USUAL) * FIFTH * (np.add.reduce(past, axis=2) + 3) + 1
    return [ages[row] for row in found]


def _best(z: "Floats", high: list[int], steep: list[int], rounding2: float) -> Break | None:
    """The change that leaves the least error: of slope, if there is one, since a line has levels, too."""
    for kind, ages in ((_line, steep), (_level, high)):
        found = [each for age in ages if (each := kind(z, age, max(BEFORE, 2 * age), rounding2))]
        if found:
            return min(found, key=lambda item: item[0])[1]
    return None


def _differences(zs: "Sequence[Floats]", ages: "Ages", stride: int) -> "tuple[Floats, Floats]":
    """Change of mean and of slope from twice as many values, but at least 24, to the `age` ones after them.

    The last end is that of each history, those before lie evenly in the past, NaN where they are too few: shapes
    (histories, ages, ends).
    """
    widths = np.maximum(BEFORE, 2 * ages)
    sizes, longest = np.array([z.size for z in zs]), max(z.size for z in zs)
    before, count = int((ages + widths).max()), longest // stride + 1
    before += (count - 1) * stride - longest + stride  # steps without values: all ends have as many before them
    values = np.zeros((len(zs), before + longest))
    for row, z in zip(values, zs, strict=True):
        row[row.size - z.size :] = z  # all end at the same place
    t = np.arange(values.shape[1]) - before - longest / 2
    sums = np.zeros((2, len(zs), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[0, :, 1:])
    np.cumsum(values * t, axis=1, out=sums[1, :, 1:])
    ends = longest - stride * np.arange(count - 1, -1, -1)
    start, middle = ends - (ages + widths)[:, None], ends - ages[:, None]
    at_start, at_middle, at_end = (sums[:, :, before + at] for at in (start, middle, ends[None]))
    newer = _mean_and_slope(at_end - at_middle, middle - longest / 2, ages[:, None])
    older = _mean_and_slope(at_middle - at_start, start - longest / 2, widths[:, None])
    early = start < (longest - sizes)[:, None, None]
    level, slope = newer[0] - older[0], newer[1] - older[1]
    level[early] = slope[early] = np.nan
    return level, slope


def _mean_and_slope(sums: "Floats", begin: "NDArray[np.floating]", count: "Ages") -> "tuple[Floats, Floats]":
    """Mean and least-squares slope of `count` values from t = `begin` on, from the sums of z and of t * z over them."""
    return sums[0] / count, (sums[1] - (begin + (count - 1) / 2) * sums[0]) * (12 / (count**3 - count))


def _unusual(differences: "Floats", ages: "Ages", stride: int, z: "Floats") -> "Bools":
    """Which ages have a newest difference far beyond those of the past that share no value with it."""
    size = np.abs(differences[0])
    past = _before_newest(size, ages, stride)
    count = np.add.reduce(past, axis=1)
    # The quantile lies below a limit where enough of the values do: no sorting.
    limit = (size[:, -1:] - ROUNDING * float(np.abs(z).max())) / FACTOR
    below = np.add.reduce(past & (size < limit), axis=1)
    needed = np.minimum((USUAL * count).astype(int), count - 1) + 1
    return np.asarray((count >= LEAST_PAST) & (below >= needed))


def _before_newest(size: "Floats", ages: "Ages", stride: int) -> "Bools":
    """Which differences are known, and share no value with the newest: shape (..., ages, ends)."""
    ends = size.shape[-1]
    return np.asarray(np.isfinite(size) & (np.arange(ends) < ends - 1 - -(-ages // stride)[:, None]))


def _level(z: "Floats", age: int, width: int, rounding2: float) -> tuple[float, Break] | None:
    """A new level that holds since `age` steps, and the squared error that it leaves; None where there is none."""
    gone, rest = _gone(z, age, width)
    level = median(gone)
    off = np.sort(np.abs(gone - level))[: max(LEAST_LEVEL, age - 1)]  # one more may lie between
    if level == 0 or off[-1] > min(COHERENT * abs(level), SCATTER * np.sqrt(_noise2(z[: z.size - age]) + rounding2)):
        return None
    return _left(rest, gone - level), Break(age, level)


def _line(z: "Floats", age: int, width: int, rounding2: float) -> tuple[float, Break] | None:
    """A new slope that holds since `age` steps, and the squared error that it leaves; None where there is none."""
    gone, rest = _gone(z, age, width)
    mean, slope, off = _fitted(gone)
    level = mean + slope * (age - 1) / 2
    limit = min((STRAIGHT * slope * age) ** 2, NOISE**2 * (_noise2(z[: z.size - age]) + rounding2))
    if float(off @ off) > age * limit or abs(level - slope * age) > MET * abs(level) or not _beyond(z, age):
        return None
    return _left(rest, off), Break(age, level, slope)


def _gone(z: "Floats", age: int, width: int) -> "tuple[Floats, Floats]":
    """How far the newest values are off the line that held before them, and how far the older ones are.

    The line is level where its slope is none but chance.
    """
    old = z[z.size - age - width : z.size - age]
    mean, slope, rest = _fitted(old)
    error = np.sqrt(12 * float(rest @ rest) / (width - 2) / (width**3 - width))
    if abs(slope) < 3 * error:
        mean, slope = median(old), 0.0
        rest = old - mean
    return z[z.size - age :] - mean - slope * ((width - 1) / 2 + np.arange(1, age + 1)), rest


def _noise2(z: "Floats") -> float:
    """Variance of the noise around a smooth curve, from changes over one step; never below rounding."""
    changes = np.diff(z)
    return float(changes @ changes) / 2 / changes.size + (ROUNDING * float(np.abs(z).max())) ** 2


def _rounding2(y: "Floats") -> float:
    """Variance of what rounding takes from values: of a twelfth of the smallest change squared."""
    changes = np.abs(np.diff(y))
    changes = changes[changes > ROUNDING * float(np.abs(y).max())]
    return float(changes.min()) ** 2 / 12 if changes.size else 0.0


def _beyond(z: "Floats", age: int) -> bool:
    """Tell whether the newest value lies outside all that was before its regime."""
    old, newest = z[: z.size - age], float(z[-1])
    low, high = float(old.min()), float(old.max())
    return max(newest - high, low - newest) > BEYOND * (high - low)


def _fitted(z: "Floats") -> "tuple[float, float, Floats]":
    """Mean and least-squares slope of z, and what they leave."""
    t, mean = np.arange(z.size) - (z.size - 1) / 2, float(z.mean())
    slope = float(t @ z / (t @ t))
    return mean, slope, z - mean - slope * t


def _left(old: "Floats", newest: "Floats") -> float:
    """Mean squared error around what held before and since, in values that count the same at every age."""
    return float(old[old.size - BEFORE :] @ old[old.size - BEFORE :] + newest @ newest) / (BEFORE + newest.size)

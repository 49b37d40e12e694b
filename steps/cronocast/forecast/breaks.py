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
    from numpy.typing import NDArray

    from cronocast.timeseries.grid import Floats

LEAST_LEVEL, LEAST_SLOPE = 3, 4  # newest values that make a new level, and a new line
PART = 4  # of a season: a level is newer than that where a day like no other is more likely
BEFORE = 24  # values before them, at least, that say what held until then
USUAL = 0.98  # share of such differences in the past ...
FACTOR = 2.0  # ... that a new one must exceed by this factor
STRAIGHT = 0.08  # of its rise: how far, in the mean, the newest values may be off a new line ...
NOISE = 1.5  # ... and of the noise that was before
SCATTER = 4.0  # of that noise: how far a newest value may be off a new level
BEYOND = 0.1  # of the range before: how far outside of it a new line must have come
COHERENT = 0.25  # of the change: how far the newest values may scatter around their new level or line
MET = 0.35  # of the change: how far from the old level a new line may begin, or it is on its way back to it
LEAST_PAST = 12  # differences in the past to compare with
MOST_PAST = 150  # more of them cost time and say the same
ROUNDING = 1e-9  # of the largest value: less is no change
AGES = np.array((3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 34, 41, 48, 58, 69, 82, 98, 117, 140, 168))  # steps
LEAST_LONGEST = 48  # steps; a change may be that old where seasons are shorter


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


def without(fresh: "Break | None", y: "Floats") -> "Floats":
    """A history as it would be without the change, shape (t,)."""
    return y if fresh is None else y - fresh.of_history(y.size)


def fresh_break(y: "Floats", periods: tuple[int, ...]) -> Break | None:
    """Find the newest lasting change of level or slope.

    It must exceed, by far, nearly all such changes that the series is used to: a random walk or a busy day has none.

    Args:
        y: History, shape (t,), finite.
        periods: Seasonal periods in steps.
    """
    longest = max(LEAST_LONGEST, *periods, 0)
    widths = np.maximum(BEFORE, 2 * AGES)
    fits = (longest >= AGES) & (y.size >= widths + 2 * AGES + LEAST_PAST)
    if not fits.any():
        return None
    ages, widths = AGES[fits], widths[fits]
    season = seasonal_shape(y, periods)
    z = y - np.resize(season, y.size)
    stride = max(1, z.size // MOST_PAST)
    levels, slopes = _differences(z, ages, widths, stride)
    least = ROUNDING * float(np.abs(z).max())
    shortest = max(LEAST_LEVEL, min(periods) // PART if season.size > 1 else 0)
    high = [i for i in _unusual(levels, ages, stride, least) if ages[i] >= shortest]
    found = [_level(z, int(ages[i]), int(widths[i])) for i in high]
    steep = [i for i in _unusual(slopes, ages, stride, least) if LEAST_SLOPE <= ages[i] <= LEAST_LONGEST]
    found += [_line(z, int(ages[i]), int(widths[i])) for i in steep]
    return min((item for item in found if item), key=lambda item: item[0], default=(0.0, None))[1]


def _differences(
    z: "Floats", ages: "NDArray[np.int64]", widths: "NDArray[np.int64]", stride: int
) -> "tuple[Floats, Floats]":
    """Change of mean and of slope from `width` values to the `age` ones after them, shapes (ages, ends).

    The last end is that of z, those before lie evenly in the past; NaN where they are too few.
    """
    t = np.arange(z.size) - z.size / 2
    sums = np.zeros((2, z.size + 1))
    np.cumsum([z, t * z], axis=1, out=sums[:, 1:])
    ends = np.arange(z.size % stride, z.size + 1, stride)
    middle = ends - ages[:, None]
    start = middle - widths[:, None]
    at_end, at_middle, at_start = (
        sums[:, ends][:, None, :],
        sums[:, np.maximum(middle, 0)],
        sums[:, np.maximum(start, 0)],
    )
    newer = _mean_and_slope(at_end - at_middle, middle, ages[:, None], z.size)
    older = _mean_and_slope(at_middle - at_start, start, widths[:, None], z.size)
    return tuple(np.where(start >= 0, new - old, np.nan) for new, old in zip(newer, older, strict=True))  # type: ignore[return-value]


def _mean_and_slope(
    sums: "Floats", start: "NDArray[np.int64]", count: "NDArray[np.int64]", size: int
) -> "tuple[Floats, Floats]":
    """Mean and least-squares slope of `count` values from `start` on, from the sums of z and of t * z over them."""
    middle = start + (count - 1) / 2 - size / 2
    return sums[0] / count, (sums[1] - middle * sums[0]) * 12 / (count**3 - count)


def _unusual(differences: "Floats", ages: "NDArray[np.int64]", stride: int, least: float) -> list[int]:
    """Which ages have a newest difference far beyond those of the past that share no value with it."""
    size = np.abs(differences)
    apart = -(-ages // stride)
    # the quantile lies above the mean: so most ages are settled without it
    means = np.nansum(size, axis=1) / np.isfinite(size).sum(axis=1)
    found = []
    for i in np.flatnonzero(size[:, -1] > means + least):
        past = size[i, : -1 - apart[i]]
        past = np.sort(past[np.isfinite(past)])
        if past.size >= LEAST_PAST and size[i, -1] > FACTOR * past[min(int(USUAL * past.size), past.size - 1)] + least:
            found.append(int(i))
    return found


def _level(z: "Floats", age: int, width: int) -> tuple[float, Break] | None:
    """A new level that holds since `age` steps, and the squared error that it leaves; None where there is none."""
    gone, rest = _gone(z, age, width)
    level = median(gone)
    off = np.sort(np.abs(gone - level))[:-1]  # one of them may lie between
    if level == 0 or off[-1] > min(COHERENT * abs(level), SCATTER * np.sqrt(_noise2(z[: z.size - age]))):
        return None
    return _left(rest, gone - level), Break(age, level)


def _line(z: "Floats", age: int, width: int) -> tuple[float, Break] | None:
    """A new slope that holds since `age` steps, and the squared error that it leaves; None where there is none."""
    gone, rest = _gone(z, age, width)
    mean, slope, off = _fitted(gone)
    level = mean + slope * (age - 1) / 2
    limit = min((STRAIGHT * slope * age) ** 2, NOISE**2 * _noise2(z[: z.size - age]))
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

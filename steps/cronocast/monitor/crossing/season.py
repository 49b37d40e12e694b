"""What repeats every week or every day."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

LEAST_CYCLES = 3
LEAST_GAIN = 0.3  # share of a cycle that the mean of the others must explain
RESAMPLED = 32  # means of resampled cycles


class Season(NamedTuple):
    """One cycle, placed so that position 0 is `start` units after the beginning of the history."""

    shape: "Floats"  # (period,), its mean is 0
    cycles: "Floats"  # (k, period): those it was found from
    start: int

    def at(self, index: "Ints") -> "Floats":
        """The season at units of the history, negative and later ones too."""
        return np.asarray(self.shape[(index - self.start) % self.shape.size])


def none() -> Season:
    """No season."""
    return Season(np.zeros(1), np.zeros((1, 1)), 0)


def season(z: "Floats", periods: tuple[int, ...]) -> Season:
    """The first of the periods (in units) that explains enough of a left-out cycle.

    Args:
        z: The growth, shape (n,).
        periods: Units of a cycle, the longest first.
    """
    for period in periods:
        k = z.size // period
        if period < 2 or k < LEAST_CYCLES:
            continue
        start = z.size - k * period
        cycles = (z[start:] - _level(z[start:], period)).reshape(k, period)
        others = (cycles.sum(axis=0) - cycles) / (k - 1)
        total = float((cycles**2).sum())
        if total > 0 and 1 - float(((cycles - others) ** 2).sum()) / total > LEAST_GAIN:
            cycles = cycles - cycles.mean(axis=1, keepdims=True)
            shape = np.median(cycles, axis=0)
            return Season(shape - shape.mean(), cycles, start)
    return none()


def _level(y: "Floats", period: int) -> "Floats":
    """A line through the means of blocks, its first and last slope carried on to the ends."""
    middle = y.reshape(-1, period).mean(axis=1)
    at = period * np.arange(middle.size) + (period - 1) / 2
    ends = np.array([at[0] - period, at[-1] + period])
    beyond = np.array([2 * middle[0] - middle[1], 2 * middle[-1] - middle[-2]])
    x = np.concatenate((ends[:1], at, ends[1:]))
    return np.asarray(np.interp(np.arange(y.size), x, np.concatenate((beyond[:1], middle, beyond[1:]))))


def resampled(found: Season, ahead: "Ints", rng: np.random.Generator) -> "Floats":
    """By how much the season ahead may differ from its shape, since few cycles show it: shape (RESAMPLED, m)."""
    k, period = found.cycles.shape
    means = found.cycles[rng.integers(0, k, (RESAMPLED, k))].mean(axis=1)
    means -= means.mean(axis=1, keepdims=True)
    off = (means - means.mean(axis=0)) * np.sqrt(k / (k - 1))
    now = (ahead[0] - 1 - found.start) % period
    return np.asarray(off[:, (ahead - found.start) % period] - off[:, [now]])

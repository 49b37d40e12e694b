"""Is there a slope, beyond what noise with memory and random walks do by themselves?"""

from dataclasses import dataclass

import numpy as np

from cronocast.timeseries.grid import Bools, Floats, Ints

# a series is summed up in about this many means: enough for the test, and the step size and fast noise no longer matter
BLOCKS = 64
FEWEST = 8  # blocks that a slope and its error need
CERTAIN = 1e6  # where the residuals are nothing but rounding
# log likelihood below the best at which a kind of noise is still likely (half of the 90 % point of chi-squared, one
# degree)
LIKELY = 1.35
# kinds of noise: AR(1) coefficient from block to block, 1 = random walk
MEMORY = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Slope:
    """A common slope of one or more segments."""

    # slope / its standard error, as a standard normal variable, under the least favourable likely noise; within
    # +-CERTAIN
    z: float = 0.0
    strength: float = 0.0  # share of the variance within segments that the slope explains, 0..1
    per_step: float = 0.0  # in units of the scaled series
    error: float = 0.0  # standard error of per_step under that noise
    memory: float = 0.0  # AR(1) coefficient of the likeliest noise from block to block, 0..1; 1 is a random walk


def slope(y: Floats, observed: Bools, starts: list[int], grain: float) -> Slope:
    """Test the common slope of the segments that begin at `starts` (ascending, the first one is 0).

    Each segment has a level of its own.

    Generalised least squares on block means under noise of each memory, from white to a random walk; the restricted
    likelihood says which the residuals allow, and of those the one that is hardest on the slope counts.

    Differences below `grain` are rounding and no slope.

    Source:
        Restricted likelihood: Harville, J. Am. Stat. Assoc. 72 (1977).
    """
    time, mean, segment = _blocks(y, observed, starts)
    parts, segment = np.unique(segment, return_inverse=True)
    freedom = time.size - parts.size - 1
    x, v = _centred(time, segment), _centred(mean, segment)
    total = float(v @ v)
    if freedom < FEWEST - 2 or total <= time.size * grain**2 or float(x @ x) <= 0:
        return Slope()
    strength = float(x @ v) ** 2 / float(x @ x) / total
    design = np.column_stack([time / time.size, segment[:, None] == np.arange(parts.size)]).astype(np.float64)
    beta, error, likelihood = _fits(design, mean, time, segment)
    t = np.clip(beta / np.maximum(error, np.abs(beta) / CERTAIN + 1e-300), -CERTAIN, CERTAIN)
    likely = np.flatnonzero(likelihood >= likelihood.max() - LIKELY)
    hardest = int(likely[np.argmin(np.abs(t[likely]))])
    memory = MEMORY[int(np.argmax(likelihood))]
    return Slope(
        _as_normal(float(t[hardest]), freedom), strength, beta[hardest] / time.size, error[hardest] / time.size, memory
    )


def _blocks(y: Floats, observed: Bools, starts: list[int]) -> tuple[Floats, Floats, Ints]:
    """Centre, mean and segment of blocks of equal length within segments; blocks that are mostly gaps are left out."""
    width = max(1, y.size // BLOCKS)
    times, means, segments = [], [], []
    for k, (low, high) in enumerate(zip(starts, [*starts[1:], y.size], strict=True)):
        count = (high - low) // width
        if count == 0:
            continue
        begin = high - count * width
        full = observed[begin:high].reshape(count, width).mean(axis=1) >= 0.5
        means.append(y[begin:high].reshape(count, width).mean(axis=1)[full])
        times.append((begin + (np.arange(count) + 0.5) * width - 0.5)[full])
        segments.append(np.full(int(full.sum()), k))
    return (
        np.concatenate(times or [np.empty(0)]),
        np.concatenate(means or [np.empty(0)]),
        np.concatenate(segments or [np.empty(0, dtype=np.int64)]),
    )


def _centred(values: Floats, segment: Ints) -> Floats:
    """Take each segment's own mean out."""
    counts = np.bincount(segment)
    centred: Floats = values - (np.bincount(segment, weights=values) / np.maximum(counts, 1))[segment]
    return centred


def _whitened(data: Floats, time: Floats, segment: Ints) -> tuple[Floats, Floats]:
    """Whiten rows of data (shape (n, columns)) for every kind of noise.

    A row becomes what it adds to what the row before it explains; segments are independent. Their first rows have a
    level of their own to fit, so that the variance a random walk has there makes no difference.

    Returns:
        The rows as they would be under white noise; the log of the variances they were divided by.
    """
    follows = segment[1:] == segment[:-1]
    apart = np.diff(time)
    apart = apart / float(np.min(apart, initial=time.size, where=follows))
    memory = np.array(MEMORY)[:, None]
    kept = np.where(follows, memory**apart, 0.0)
    variance = np.where(follows, np.where(memory < 1, 1 - kept**2, apart), 1.0)
    white = np.repeat(data[None], memory.size, axis=0)
    white[:, 1:] = (data[1:] - kept[:, :, None] * data[:-1]) / np.sqrt(variance)[:, :, None]
    return white, np.log(variance).sum(axis=1)


def _fits(design: Floats, mean: Floats, time: Floats, segment: Ints) -> tuple[Floats, Floats, Floats]:
    """First coefficient, its standard error and the restricted log likelihood under each kind of noise."""
    white, divided = _whitened(np.column_stack([design, mean]), time, segment)
    x, v = white[:, :, :-1], white[:, :, -1:]
    normal = x.transpose(0, 2, 1) @ x
    inverse = np.linalg.inv(normal)
    coefficients = inverse @ (x.transpose(0, 2, 1) @ v)
    freedom = mean.size - design.shape[1]
    squares = np.maximum(np.sum((v - x @ coefficients) ** 2, axis=(1, 2)), 1e-24)
    likelihood = -0.5 * (freedom * np.log(squares) + divided + np.linalg.slogdet(normal)[1])
    return coefficients[:, 0, 0], np.sqrt(squares / freedom * inverse[:, 0, 0]), likelihood


def _as_normal(t: float, freedom: int) -> float:
    """The standard normal value with the same tail as Student's t (Wallace, Ann. Math. Statist. 30, 1959)."""
    z = float(np.sqrt(freedom * np.log1p(t * t / freedom))) * (8 * freedom + 1) / (8 * freedom + 3)
    return float(np.sign(t)) * z

"""Did a new level or slope begin within the newest values?

Too few values for the tests of the whole series, but what is told of the future hangs on them.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cronocast.timeseries.grid import Bools, Floats, Ints
from cronocast.timeseries.robust import median

LEVEL, SLOPE = "level", "slope"
AGES = (3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40, 52, 64, 80, 104, 128, 160, 208, 256, 320, 416, 512)
NEWEST = 12  # part of all values that a fresh change is at most as old as
BEFORE = 3  # what came before is seen in a window so many times as long as what came after
ORIGINS = 96  # places in the past where the same is measured
FEWEST = {LEVEL: 3, SLOPE: 4}  # values that a new level or slope must have held
CLEAR = 4.4  # deviations from what is usual in this series; with TAIL 3 in 1000 noises and walks exceed it
TAIL, HEAVY = 2.2, 0.4  # times the 95 % quantile of what was usual, and its standard deviation
HELD = 0.5  # share of the departure of the newest values that the change explains
VISITED = 0.005  # share of older values in threes at the new level or beyond, with which it is not new
FLAT = 1e-9  # squared length of a shape that is nothing but a straight line
OLDEST = 3  # times the length of the clearest window within which the change is looked for
BETTER = 0.9  # of the mean square that a step misses is what a corner may miss
PLACES = 40  # tried in a first look at where the change was
PARTS = 4  # places within a step that are tried for a corner


class Fresh(NamedTuple):
    """A change whose new level or slope still holds at the end."""

    at: int  # index of the first value after it
    kind: str  # LEVEL or SLOPE
    jump: float  # at that value
    turn: float  # change of the slope, per step
    slope: float  # per step, since then
    error: float  # standard error of the slope


class Window(NamedTuple):
    """The newest values as many as tell most."""

    length: int
    rise_scale: float  # usual deviation of the rise over such a window from the rise over as many steps before


class Shape(NamedTuple):
    """A step or corner on a straight line."""

    kind: str  # LEVEL or SLOPE
    at: int  # index of the first value after it
    line: Floats  # shape (t,): the line without it
    added: Floats  # shape (t,): what it adds


def fresh_change(y: Floats, observed: Bools, grain: float, small: float) -> Fresh | None:
    """Find the newest change if it began within the newest part of a series.

    The newest windows of several lengths are compared with what comes before them, and that with the same at places all
    over the past: noise of any colour has its own usual differences.

    Args:
        y: Shape (t,), finite, scale-free.
        observed: Shape (t,), False where a gap was bridged.
        grain: Differences below this are rounding.
        small: What is below this is no change, however clear.
    """
    time = np.arange(y.size) - (y.size - 1) / 2
    line = float((time * y).sum()) / max(float((time**2).sum()), 1.0)
    flat = y - line * time
    window = _clearest(flat, max(grain, small / CLEAR))
    found = None if window is None else _placed(flat, window)
    if found is None or observed[found.at :].sum() < FEWEST[found.kind]:
        return None
    return None if found.kind == LEVEL and _visited(flat, found) else found._replace(slope=found.slope + line)


def departure(size: int, change: Fresh) -> Floats:
    """What a change added to a series, shape (size,)."""
    age = np.arange(size) - change.at
    added: Floats = np.where(age >= 0, change.jump + change.turn * age, 0.0)
    return added


def _clearest(y: Floats, floor: float) -> Window | None:
    """The window at the end that differs most from what comes before it, if that is more than usual."""
    lengths, origins = _places(y.size)
    if not lengths.size:
        return None
    shifts, rises = _differences(y, lengths[:, None], origins)
    differences = np.stack([shifts - np.sort(shifts[:, :-1], axis=1)[:, ORIGINS // 2, None], rises])
    away = np.sort(np.abs(differences[:, :, :-1]), axis=2)
    scale = np.maximum(
        1.4826 * away[:, :, ORIGINS // 2], HEAVY * np.sqrt(np.einsum("klo,klo->kl", away, away) / ORIGINS)
    )
    # of white noise: variances of means and of slopes
    noise = 1.4826 * median(np.abs(np.diff(y, 2))) / np.sqrt(6)
    least = noise * np.sqrt([[1 + 1 / BEFORE], [12 * (1 + 1 / BEFORE**3)]])
    # means shrink with 1 / sqrt(length) at most
    scale = np.maximum.accumulate(np.maximum(scale, floor) * np.sqrt(lengths), axis=1)
    scale = np.maximum(scale, least) / np.sqrt(lengths)
    limit = np.maximum(CLEAR * scale, TAIL * away[:, :, int(0.95 * ORIGINS)])
    clear = np.abs(differences[:, :, -1]) / limit
    clear[1, lengths < FEWEST[SLOPE]] = 0
    at = int(np.argmax(clear.max(axis=0)))
    return Window(int(lengths[at]), float(scale[1, at])) if clear[:, at].max() > 1 else None


@lru_cache(maxsize=16)
def _places(size: int) -> tuple[Ints, Ints]:
    """Lengths of windows and where they begin, shape (lengths, ORIGINS + 1), the newest last; members share them."""
    lengths = np.array([m for m in AGES if m * NEWEST <= size], dtype=np.int64)
    m = lengths[:, None]
    first, last = BEFORE * m, size - 2 * m
    past = (first + (last - first) * np.linspace(0, 1, ORIGINS)).astype(np.int64)
    return lengths, np.concatenate([past, size - m], axis=1)


def _differences(y: Floats, m: Ints, origins: Ints) -> tuple[Floats, Floats]:
    """Differences of the means, and of the rises over m steps (shape (lengths, 1)), from windows to what is before.

    Shape (lengths, ORIGINS + 1).
    """
    total = np.concatenate([[0.0], np.cumsum(y)])
    moment = np.concatenate([[0.0], np.cumsum(y * np.arange(y.size))])
    before, slope_before = _line(total, moment, origins - BEFORE * m, BEFORE * m)
    after, slope_after = _line(total, moment, origins, m)
    return after - before, (slope_after - slope_before) * m


def _line(total: Floats, moment: Floats, start: Ints, length: Ints) -> tuple[Floats, Floats]:
    """Mean and least-squares slope of windows from running sums of the values and of values times places."""
    sums = total[start + length] - total[start]
    centre = start + (length - 1) / 2
    slope: Floats = (moment[start + length] - moment[start] - centre * sums) / (length * (length**2 - 1.0) / 12)
    return sums / length, slope


def _placed(y: Floats, best: Window) -> Fresh | None:
    """The step or corner that explains the newest values best; None where it does not hold since."""
    low = max(0, y.size - OLDEST * BEFORE * best.length)
    part = y[low:]
    oldest = min(OLDEST * best.length, part.size - BEFORE)
    apart = -(-oldest // PLACES)
    shape = _best_shape(part, np.arange(1, oldest, apart))
    while apart > 1:
        age, reach = part.size - shape.at, 2 * apart
        apart = -(-4 * apart // PLACES)
        shape = _best_shape(part, np.arange(max(1, age - reach), min(oldest, age + reach + 1), apart))
    after, line = part[shape.at :], shape.line[shape.at :]
    if after.size < FEWEST[shape.kind]:
        return None
    missed = after - line - shape.added[shape.at :]
    if float(missed @ missed) > (1 - HELD) * float(np.sum((after - line) ** 2)):
        return None
    if shape.kind == LEVEL:
        return Fresh(low + shape.at, LEVEL, float(shape.added[-1]), 0.0, 0.0, 0.0)
    return _turned(low + shape.at, after, line, best)


def _best_shape(part: Floats, ages: Ints) -> Shape:
    """The step or corner, so many steps before the end, that a straight line lacks most."""
    time = np.arange(part.size, dtype=np.float64)
    at = part.size - ages
    knots = (at[:, None] - np.arange(1, PARTS + 1) / PARTS).ravel()
    shapes = np.vstack([(time >= at[:, None]).astype(np.float64), np.maximum(0.0, time - knots[:, None])])
    base = np.vstack([np.ones_like(time), time - time.mean()])
    base /= np.sqrt((base**2).sum(axis=1))[:, None]
    left = part - _on(base, part) @ base
    # einsum and not BLAS, which would start threads for this
    shared = np.einsum("kt,jt->kj", shapes, base)
    whole = np.einsum("kt,kt->k", shapes, shapes)
    power = np.maximum(whole - (shared**2).sum(axis=1), FLAT * whole)
    fit = _on(shapes, left)
    missed = float(left @ left) - np.where(power > FLAT * whole, fit**2 / power, 0.0)
    step, corner = int(np.argmin(missed[: at.size])), at.size + int(np.argmin(missed[at.size :]))
    # more corners than steps are tried, and noise makes steps look like corners
    k = corner if missed[corner] < BETTER * missed[step] else step
    added = float(fit[k] / power[k]) * shapes[k]
    kind, place = (LEVEL, int(at[k])) if k < at.size else (SLOPE, int(knots[k - at.size]) + 1)
    return Shape(kind, place, _on(base, part - added) @ base, added)


def _on(rows: Floats, values: Floats) -> Floats:
    """Product of each row with the values."""
    products: Floats = np.einsum("kt,t->k", rows, values)
    return products


def _turned(at: int, after: Floats, line: Floats, best: Window) -> Fresh:
    """A new slope: `after` are the values since then, `line` goes on as before."""
    age = after.size
    centred = np.arange(age) - (age - 1) / 2
    slope = float(centred @ after) / float(centred @ centred)
    turn = slope - float(line[1] - line[0])
    jump = float(np.mean(after - line)) - turn * (age - 1) / 2
    error = best.rise_scale / best.length * (best.length / age) ** 1.5
    return Fresh(at, SLOPE, jump, turn, slope, error)


def _visited(y: Floats, change: Fresh) -> bool:
    """Tell whether older values were often at the new level: on and off are no new levels."""
    level = float(np.median(y[change.at :]))
    beyond = (y[: change.at] - level) * np.sign(change.jump) >= -0.25 * abs(change.jump)
    together = beyond[2:] & beyond[1:-1] & beyond[:-2]  # noise goes there for single values
    return float(together.mean()) > VISITED

"""An even grid out of rows as they come: step size, snapping, duplicates, gaps."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cronocast.durations import UNIT_NS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_STEPS = 10_000_000  # 80 MB of doubles; a lone stamp of 1970 must not ask for more
DEFAULT_STEP_NS = UNIT_NS["h"]  # one row tells nothing about the step
# length of the mean of rows as arrows on the circle of a step: of rows at any time it is about 0, of those in the same
# 60 % of a step more
TOGETHER = 0.5
# times as many steps with a row than where each lies in its own: rows that scatter about the same time of each, however
# widely, do not fall together
MORE = 1.1
# share of rows shortly before a whole step from which on they end their step, and do not scatter about the next
OWN = 0.9
# a step within 10 % of a usual one is meant to be that one: jitter of 40 % moves the median of 100 rows by less
NICE = 0.1
CHANGED = 1.5  # halves whose steps differ by more than jitter can explain


def _seconds(*values: int) -> list[int]:
    return [v * UNIT_NS["s"] for v in values]


NICE_STEPS_NS = np.array(
    _seconds(1, 2, 5, 10, 15, 20, 30)
    + [v * UNIT_NS["m"] for v in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
    + [v * UNIT_NS["h"] for v in (1, 2, 3, 4, 6, 8, 12)]
    + [UNIT_NS["d"], UNIT_NS["w"]],
    dtype=np.int64,
)


class Snapped(NamedTuple):
    """Values on an even grid, with what it took to bring them there."""

    start_ns: int  # time of y[0], a multiple of the step
    y: Floats  # shape (t,), NaN at gaps; mean of the rows of a step
    observed: Bools  # shape (t,)
    duplicated: int  # rows beyond the first of their step
    off_grid: int  # rows that lie at another time of their step than most
    left_out: int  # rows more than MAX_STEPS steps before the last one


def _ordered(time_ns: Sequence[int] | Ints, y: Sequence[float] | Floats) -> tuple[Ints, Floats]:
    """Rows with a finite value, by time; rows of the same time keep their order."""
    times, values = np.asarray(time_ns, dtype=np.int64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    usable = np.isfinite(values)
    times, values = times[usable], values[usable]
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _distances(times: Ints) -> NDArray[np.uint64]:
    """Differences of ascending times; unsigned, because those of int64 extremes do not fit int64."""
    unsigned = times.view(np.uint64)
    return unsigned[1:] - unsigned[:-1]  # modulo 2**64 this is exact


def infer_step(time_ns: Sequence[int] | Ints) -> tuple[int, bool]:
    """Find the step size of rows.

    The median of the differences, over each half of the time, rounded to a usual duration within 10 %. If the rate
    changed in between, the coarser of
    the two halves counts: its grid has a value in every step of both.

    Args:
        time_ns: Times in ns, in any order, any int64.

    Returns:
        Step in ns, >= 1 (an hour if there are fewer than two different times), and whether the rate changed.
    """
    times = np.unique(np.asarray(time_ns, dtype=np.int64))
    if times.size < 2:
        return DEFAULT_STEP_NS, False
    apart = _distances(times)
    middle = np.searchsorted(times.view(np.uint64) - times.view(np.uint64)[0], (int(times[-1]) - int(times[0])) // 2)
    # fewer give no stable median
    halves = [_usual(part) for part in (apart[:middle], apart[middle:]) if part.size >= 8]
    if len(halves) < 2 or max(halves) <= CHANGED * min(halves):
        return _usual(apart), False
    return max(halves), True


def _usual(apart: NDArray[np.uint64]) -> int:
    """Median difference; as it is if most are equal to it, else the usual duration next to it."""
    median = int(np.partition(apart, (apart.size - 1) // 2)[(apart.size - 1) // 2])
    if 2 * np.count_nonzero(apart == np.uint64(median)) > apart.size:
        return max(1, min(median, 2**63 - 1))
    ratio = NICE_STEPS_NS / max(1, median)
    near = int(np.argmin(np.abs(np.log(ratio))))
    return int(NICE_STEPS_NS[near]) if abs(ratio[near] - 1) <= NICE else max(1, min(median, 2**63 - 1))


def _offset(times: Ints, step_ns: int) -> int:
    """How long after whole steps rows lie.

    What most have as time modulo step, else the middle of their remainders on the circle.

    Rows at all times of a step, as where there are several in each, lie about its middle: the nearest one is then that
    in which a row lies.
    """
    rest = np.mod(times, step_ns)
    angle = rest * (2 * np.pi / step_ns)
    east, north = float(np.cos(angle).mean()), float(np.sin(angle).mean())
    middle = float(np.arctan2(north, east)) / (2 * np.pi) % 1.0
    if np.hypot(east, north) <= TOGETHER and _filled(
        times - round(middle * step_ns) + step_ns // 2, step_ns
    ) <= MORE * _filled(times, step_ns):
        return step_ns // 2
    values, counts = np.unique(rest, return_counts=True)
    if 2 * counts.max() >= times.size:
        return int(values[np.argmax(counts)])
    about_whole = min(middle, 1 - middle) < NICE and float(np.mean(rest > step_ns // 2)) < OWN
    return 0 if about_whole else round(middle * step_ns)


def _filled(times: Ints, step_ns: int) -> int:
    """How many steps have a row in them."""
    return int(np.unique(times // step_ns).size)


def _placed(times: Ints, step_ns: int) -> tuple[int, NDArray[np.uint64], NDArray[np.uint64]]:
    """Find the step of each row.

    A whole step, that many steps later for each row, and how far the row is from where rows of its step lie, modulo a
    step.
    """
    offset = _offset(times, step_ns)
    first = times.min()
    # Whole steps are counted from a grid point at or before the first row; unsigned arithmetic keeps int64 extremes
    # exact.
    start_ns = (int(first) - offset) // step_ns * step_ns
    lead = np.uint64(int(first) - offset - start_ns)
    away = times.view(np.uint64) - first.view(np.uint64)
    whole, rest = away // np.uint64(step_ns), away % np.uint64(step_ns) + lead  # rest < 2 * step <= 2**64
    whole, rest = whole + rest // np.uint64(step_ns), rest % np.uint64(step_ns)
    return start_ns, whole + (rest >= np.uint64(step_ns) - rest), rest


def steps_of(time_ns: Sequence[int] | Ints, step_ns: int) -> Ints:
    """Find the step that each row belongs to.

    It is that in which the row lies, as a database groups rows; but rows that scatter about the same time of each step
    belong to the step of the nearest such time. Steps begin at multiples of their length since 1970.

    Args:
        time_ns: Times in ns, any order, shape (t,).
        step_ns: Step of the grid, >= 1.

    Returns:
        Times at which the steps begin, shape (t,).
    """
    times = np.asarray(time_ns, dtype=np.int64).ravel()
    if times.size == 0:
        return times
    start_ns, index, _ = _placed(times, step_ns)
    return (np.uint64(start_ns % 2**64) + index * np.uint64(step_ns)).view(np.int64)


def snap(time_ns: Sequence[int] | Ints, y: Sequence[float] | Floats, step_ns: int) -> Snapped:
    """Bring rows to the steps of an even grid (see `steps_of`); several rows of one step become their mean.

    Args:
        time_ns: Times in ns, any order, any int64.
        y: Values, same length; those that are not finite are gaps.
        step_ns: Step of the grid, >= 1.

    Returns:
        The grid from the first to the last row (at most MAX_STEPS, older rows are left out and counted); empty without
        rows.
    """
    times, values = _ordered(time_ns, y)
    if times.size == 0:
        return Snapped(0, np.empty(0), np.empty(0, dtype=bool), 0, 0, 0)
    begin_ns, index, rest = _placed(times, step_ns)
    keep = index[-1] - index < MAX_STEPS
    left_out = int(np.count_nonzero(~keep))
    first = int(index[keep][0])
    position = (index[keep] - np.uint64(first)).astype(np.int64)
    grid, counts = _means(position, values[keep])
    off_grid = int(np.count_nonzero(rest[keep]))
    return Snapped(
        begin_ns + first * step_ns, grid, counts > 0, int(np.sum(counts[counts > 1] - 1)), off_grid, left_out
    )


def _means(position: Ints, values: Floats) -> tuple[Floats, Ints]:
    """Mean of the rows of each step, NaN where there is none; a single row keeps its value to the last bit."""
    size = int(position[-1]) + 1
    counts = np.bincount(position, minlength=size)
    grid = np.full(size, np.nan)
    grid[position] = values
    several = counts[position] > 1
    if several.any():
        share = values[several] / counts[position[several]]  # divided first: a sum of 1e308 overflows
        total = np.bincount(position[several], weights=share, minlength=size)
        largest = np.finfo(np.float64).max  # thirds of it add up to a rounding more
        grid[counts > 1] = np.clip(total[counts > 1], -largest, largest)
    return grid, counts


def to_grid(time_ns: Sequence[int] | Ints, y: Sequence[float] | Floats, step_ns: int) -> tuple[int, Floats, Bools]:
    """The grid alone.

    Returns:
        Time of its first step; values with NaN at gaps, shape (t,); which steps have a value, shape (t,).
    """
    return snap(time_ns, y, step_ns)[:3]

"""Step size of times, and where in a step they stand. No numerical library: light steps ask, too."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from cronocast.durations import UNIT_NS

USUAL = tuple(
    count * UNIT_NS[unit]
    for unit, counts in (
        ("s", (1, 2, 5, 10, 15, 20, 30)),
        ("m", (1, 2, 5, 10, 15, 20, 30)),
        ("h", (1, 2, 3, 4, 6, 8, 12)),
        ("d", (1,)),
        ("w", (1,)),
    )
    for count in counts
)
NEAR = 0.02  # of a usual step: rows that scatter about it have it


def step_of(members: Iterable[Sequence[int]]) -> int:
    """Step size in ns: the median distance of times, in whole seconds; 1 h where there are no two.

    A distance near a usual one, of rows that are not evenly spaced, is that one: 59 s and 61 s by turns are a minute.

    Args:
        members: Times of each member in ns, ascending.
    """
    gaps = array("q", chain.from_iterable((b - a for a, b in pairwise(times)) for times in members))
    if not gaps:
        return UNIT_NS["h"]
    ordered = sorted(gaps)
    middle, second = ordered[len(ordered) // 2], UNIT_NS["s"]
    if ordered[0] != ordered[-1]:
        middle = next((usual for usual in USUAL if abs(middle - usual) <= NEAR * usual), middle)
    return max(second, round(middle / second) * second)


def phase_of(members: Iterable[Sequence[int]], step_ns: int, lift: int = 0) -> int:
    """How far behind multiples of a step most times stand, in ns, `lift` added to each; 0 where they stand apart."""
    counts = Counter((time + lift) % step_ns for times in members for time in times)
    phase, count = counts.most_common(1)[0] if counts else (0, 0)
    return phase if 2 * count > counts.total() else 0

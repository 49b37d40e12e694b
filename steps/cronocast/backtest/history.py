"""The history of a backtest: all members on one grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cronocast.errors import DataError
from cronocast.handoff.series import Member
from cronocast.timeseries.grid import to_grid

Floats = NDArray[np.float64]

MOST_CELLS = 200_000_000  # members times steps: 1.6 GB of doubles


@dataclass(frozen=True)
class History:
    """All members on one grid."""

    keys: list[tuple[str, str]]  # name and tags
    start_ns: int
    step_ns: int
    y: Floats  # shape (members, steps), NaN where nothing was observed


def on_one_grid(members: Sequence[Member], step_ns: int) -> History:
    """Bring members to a common grid.

    Raises:
        DataError: there is no value, or there are too many steps.
    """
    present = [m for m in members if m.time_ns]
    grids = [_grid_of(m, step_ns) for m in present]
    if not grids:
        raise DataError("E_INPUT_MISSING", "DATA", "it has no values; give a history with values")
    start = min(s for s, _ in grids)
    steps = max((s - start) // step_ns + y.size for s, y in grids)
    if steps * len(grids) > MOST_CELLS:
        raise _too_large(len(grids), steps)
    table = np.full((len(grids), steps), np.nan)
    for row, (own, y) in zip(table, grids, strict=True):
        at = (own - start) // step_ns
        row[at : at + y.size] = y
    return History([m.key for m in present], start, step_ns, table)


def _grid_of(member: Member, step_ns: int) -> tuple[int, Floats]:
    """Start and values of one member on its own grid."""
    return to_grid(np.frombuffer(member.time_ns, dtype=np.int64), np.frombuffer(member.columns[0]), step_ns)[:2]


def _too_large(members: int, steps: int) -> DataError:
    return DataError(
        "E_TOO_LARGE",
        "DATA",
        f"{members} members of up to {steps} steps; allowed: at most {MOST_CELLS} steps in total, so give fewer members"
        " or a longer step",
    )

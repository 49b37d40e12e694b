"""What was found of a member beside what was asked for, and what in it deserves a word."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from cronocast.chain.run_records import HISTORY_NOTES
from cronocast.document.entry import Entry
from cronocast.handoff.series import Member
from cronocast.timeseries.grid import Floats, snap
from cronocast.timeseries.preparation import Preparation
from cronocast.timeseries.scatter import counts_take_turns, takes_turns

OUTSIDE = 0.1  # share of a history outside clip from which clip is hardly meant so


def found_of(read: Member, prepared: tuple[Member, dict[str, int]], entry: Entry, how: Preparation) -> dict[str, Any]:
    """What the result of the forecast says of a member's history, and notes on it.

    Args:
        read: The member as it was read.
        prepared: The same as it is forecast, and what was done to how many values.
        entry: Whose member it is.
        how: How it was prepared.

    Returns:
        Steps asked for, steps with a row, what the others mean and how many were read so; what was done with values;
        and notes, each a token and a sentence.
    """
    (member, done) = prepared
    grid = snap(np.frombuffer(read.time_ns, dtype=np.int64), np.frombuffer(read.columns[0]), how.every_ns)
    found = {
        "rows_asked": int(entry.lookback // entry.every),
        "rows_found": int(grid.observed.sum()),
        "rows_filled": done.get(f"filled_as_{how.absent.rule}", 0),
        "empty": how.absent.rule,
        "prepared": {name: count for name, count in done.items() if count},
    }
    counting = getattr(entry.source_settings(), "aggregate", None) == "count"
    outside = _outside(np.frombuffer(member.columns[0]), entry.clip.min, entry.clip.max)
    return {**found, "notes": [*_scatter(grid.y, entry, counting=counting), *outside]}


def _scatter(y: Floats, entry: Entry, *, counting: bool) -> list[str]:
    observed = np.isfinite(y)
    if not takes_turns(observed) and not (counting and counts_take_turns(np.nan_to_num(y))):
        return []
    sentence = f"edge_scatter: points scatter about the edges of steps of {entry.every}, so that some steps have"
    return [f"{sentence} one more and their neighbours one less; a longer every evens this out"]


def _outside(y: Floats, low: float | None, high: float | None) -> list[str]:
    """A word on a range that leaves out much of the history."""
    sides = (
        ("below clip.min", low, y < (low if low is not None else -np.inf)),
        ("above clip.max", high, y > (high if high is not None else np.inf)),
    )
    return [
        f"outside_clip: {share:.0%} of the values are {side} ({bound:g}), which forecasts and intervals are clipped to"
        for side, bound, beyond in sides
        if y.size and (share := float(np.mean(beyond))) >= OUTSIDE
    ]


def summed_up(notes: Sequence[str]) -> list[str]:
    """The notes of all members, each once; of those whose figures differ from member to member the first one."""
    kinds = Counter(note.partition(":")[0] for note in notes)
    found: dict[str, str] = {}
    for note in notes:
        kind = note.partition(":")[0]
        alike = kinds[kind] - 1 if kind in HISTORY_NOTES else 0
        found.setdefault(kind if kind in HISTORY_NOTES else note, f"{note}; {alike} more alike" if alike else note)
    return list(found.values())

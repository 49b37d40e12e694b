"""What becomes of the messages of one batch: rows, what can't be read, what is late, and features to be labelled.

Pure functions. All that a batch depends on is its messages and the state after the batch before, so that a batch that
comes again gives the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cronocast.durations import stamp
from cronocast.stream.clusters import Dwelling, lasting
from cronocast.stream.features import features
from cronocast.stream.message import Row
from cronocast.timeseries.grid import Floats, Ints

UNKNOWN = "unknown"
MOST_ROWS = 10_000  # of one machine that are remembered for windows


class Machine(NamedTuple):
    """What is remembered of one machine from batch to batch."""

    time_ns: Ints  # of its newest values, rising
    values: Floats  # (n, fields)
    dwelling: Dwelling = Dwelling()


class Dead(NamedTuple):
    """A message that gets no label."""

    message: bytes
    reason: str
    late: bool = False


class Fresh(NamedTuple):
    """New values of one machine with their features."""

    tags: str
    time_ns: Ints
    values: Floats
    x: Floats


class Labelled(NamedTuple):
    """Values of one machine with what they are; lists have one item for each."""

    tags: str
    time_ns: Ints
    values: Floats
    label: list[str]  # of the value alone
    regime: list[str]  # that lasts
    probability: Floats


@dataclass
class Batch:
    """Messages on their way to labels."""

    fresh: list[Fresh] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    machines: dict[str, Machine] = field(default_factory=dict)  # after the batch, but for the regimes


def begin(
    messages: Iterable[bytes],
    read: Callable[[bytes | None], Row | str],
    before: Mapping[str, Machine],
    windows: Sequence[int],
    late_ns: int,
) -> Batch:
    """Read messages, put them in order by machine, and work their features out.

    Args:
        messages: In the order of the topic.
        read: As `message.reader` makes it.
        before: What is remembered, by tags.
        windows: Of the features, in ns.
        late_ns: How much older than the newest value of its machine a value may be.
    """
    batch = Batch(machines=dict(before))
    rows: dict[str, dict[int, tuple[float, ...]]] = {}
    newest = {tags: int(one.time_ns[-1]) for tags, one in before.items() if one.time_ns.size}
    for message in messages:
        row = read(message)
        if isinstance(row, str):
            batch.dead.append(Dead(message, row))
        elif row.time_ns < (latest := newest.get(row.tags, 0)) - late_ns:
            batch.dead.append(Dead(message, f"late: {stamp(row.time_ns)}, the newest is {stamp(latest)}", late=True))
        else:
            rows.setdefault(row.tags, {})[row.time_ns] = row.values
            newest[row.tags] = max(latest, row.time_ns)
    for tags, found in rows.items():
        _add(batch, tags, found, windows, late_ns)
    return batch


def _add(batch: Batch, tags: str, found: Mapping[int, tuple[float, ...]], windows: Sequence[int], late_ns: int) -> None:
    """New values of one machine among those that are remembered of it."""
    before = batch.machines.get(tags)
    known = {} if before is None else dict(zip(before.time_ns.tolist(), before.values, strict=True))
    known.update({time: np.array(values) for time, values in found.items()})
    times = np.array(sorted(known), dtype=np.int64)
    values = np.array([known[time] for time in times.tolist()])
    first = int(np.searchsorted(times, min(found)))
    x = features(times, values, windows, first)
    new = np.isin(times[first:], np.fromiter(found, dtype=np.int64))
    batch.fresh.append(Fresh(tags, times[first:][new], values[first:][new], x[new]))
    kept = max(int(np.searchsorted(times, times[-1] - max(windows, default=0) - late_ns)), times.size - MOST_ROWS)
    dwelling = before.dwelling if before else Dwelling()
    batch.machines[tags] = Machine(times[kept:], values[kept:], dwelling)


def end(batch: Batch, labels: Sequence[str], probabilities: Floats, dwell_ns: int) -> list[Labelled]:
    """Give the values of a batch their labels, in the order of `batch.fresh`; regimes change as `lasting` says."""
    found, at = [], 0
    for fresh in batch.fresh:
        n = fresh.time_ns.size
        own = list(labels[at : at + n])
        machine = batch.machines[fresh.tags]
        regimes, dwelling = lasting(own, fresh.time_ns, dwell_ns, machine.dwelling)
        batch.machines[fresh.tags] = machine._replace(dwelling=dwelling)
        found.append(Labelled(fresh.tags, fresh.time_ns, fresh.values, own, regimes, probabilities[at : at + n]))
        at += n
    return found


def to_document(machines: Mapping[str, Machine]) -> dict[str, Any]:
    """What is remembered, as JSON."""
    return {
        tags: {"times": one.time_ns.tolist(), "values": one.values.tolist(), "dwelling": list(one.dwelling)}
        for tags, one in machines.items()
    }


def from_document(document: Mapping[str, Any], fields: int) -> dict[str, Machine]:
    """As `to_document` wrote it.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    return {
        tags: Machine(
            np.array(one["times"], dtype=np.int64),
            np.array(one["values"], dtype=float).reshape(-1, fields),
            Dwelling(*one["dwelling"]),
        )
        for tags, one in document.items()
    }

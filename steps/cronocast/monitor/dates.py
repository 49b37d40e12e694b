"""When a member reaches its thresholds, with what was told before: what one run adds to the state of a series."""

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cronocast.charts.words import length
from cronocast.document.thresholds import Threshold
from cronocast.durations import UNIT_NS, Duration
from cronocast.errors import CronocastError
from cronocast.handoff.evaluation import Crossing
from cronocast.handoff.files import read_json, write_json
from cronocast.monitor.crossing.calibrate import calibration
from cronocast.monitor.crossing.event import Event
from cronocast.monitor.crossing.find import crossings
from cronocast.monitor.issued import Kept, from_document, noted, to_document
from cronocast.timeseries.grid import Floats, Ints

SCHEMA = 1
FILE = "crossings.json"
DAY_NS = UNIT_NS["d"]
LEAST_REACH_NS = 30 * DAY_NS  # so that the chance of 30 days is told; dates are given as far as the history is long
STALE_STEPS = 10  # a newest value older than this, and than a day, tells nothing of now
Key = tuple[str, str]


class Told(NamedTuple):
    """What is kept of one member."""

    limits: Mapping[str, Kept] = {}  # by name of the threshold
    day: int = -1  # on which `widen` was worked out, in days since 1970
    widen: float = 1.0  # of the paths, by how far those of the past missed


def dates_of(
    key: Key,
    time_ns: Ints,
    y: Floats,
    step_ns: int,
    thresholds: Iterable[Threshold],
    told: Told,
    run_ns: int,
) -> tuple[tuple[Crossing, ...], Told]:
    """Find when a member reaches each threshold, and add it to what was told before.

    Args:
        key: Name and tags of the member, which also seed the paths: a run that is repeated tells the same.
        time_ns: Starts of finished steps with a value, ascending.
        y: Their values.
        step_ns: The step.
        thresholds: Of the entry.
        told: What is kept of the member.
        run_ns: Time of the run.
    """
    wanted = list(thresholds)
    events = [Event(one.limit, one.above is not None, one.of, one.for_) for one in wanted]
    stale = _stale(time_ns, step_ns, run_ns)
    reach = _reach(time_ns, step_ns)
    seed = zlib.crc32("\0".join(key).encode())
    today = run_ns // DAY_NS
    if not stale and today != told.day:
        told = told._replace(day=today, widen=calibration(time_ns, y, step_ns, events[0], reach, seed))
    found = [] if stale else crossings(time_ns, y, step_ns, events, reach, seed, told.widen)
    limits, result = dict[str, Kept](), []
    for i, (threshold, event) in enumerate(zip(wanted, events, strict=True)):
        crossing = (
            Crossing(threshold.label, event.limit, event.above, event.of, "too_little", stale)
            if stale
            else Crossing(threshold.label, event.limit, event.above, event.of, **found[i]._asdict())
        )
        crossing, limits[threshold.label] = noted(
            told.limits.get(threshold.label, Kept()), _with_lead(crossing, threshold.lead), run_ns, step_ns
        )
        result.append(crossing)
    return tuple(result), told._replace(limits=limits)


def _reach(time_ns: Ints, step_ns: int) -> int:
    """How many steps to look ahead: as many as there are, or 30 days."""
    past = int(time_ns[-1] - time_ns[0]) if len(time_ns) else 0
    return max(1, max(past, LEAST_REACH_NS) // step_ns)


def _stale(time_ns: Ints, step_ns: int, run_ns: int) -> str:
    """Why the newest value tells nothing of now; "" if it does."""
    age = run_ns - int(time_ns[-1]) if len(time_ns) else None
    if age is None:
        return "too little data: no value"
    if age <= max(STALE_STEPS * step_ns, DAY_NS) + step_ns:
        return ""
    return f"too little data: no value for {length(age // step_ns * step_ns, counted=True)}"


def _with_lead(crossing: Crossing, lead: Duration | None) -> Crossing:
    """With the time by which somebody must act."""
    if lead is None or crossing.earliest_ns is None:
        return crossing
    return crossing._replace(act_by_ns=crossing.earliest_ns - lead)


def read_told(state: Path | None) -> tuple[dict[Key, Told], list[str]]:
    """What the state of a series has of its members, and notes where it can't be read and begins anew."""
    path = state / FILE if state else None
    if path is None or not path.exists():
        return {}, []
    try:
        document = read_json(path)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}, this version reads {SCHEMA}")
        return {(item["name"], item["tags"]): _told(item) for item in document["members"]}, []
    except (CronocastError, KeyError, TypeError, ValueError, AttributeError) as error:
        return {}, [f"{FILE}: {error}; dates that were told before are forgotten"]


def _told(item: Mapping[str, Any]) -> Told:
    day, widen = item["widen"]
    return Told({name: from_document(one) for name, one in item["limits"].items()}, int(day), float(widen))


def write_told(state: Path, told: Mapping[Key, Told]) -> None:
    """Keep it for the next run.

    Raises:
        StorageError: the volume is full, read-only or failing.
    """
    members = [
        {
            "name": name,
            "tags": tags,
            "widen": [one.day, one.widen],
            "limits": {label: to_document(kept) for label, kept in one.limits.items()},
        }
        for (name, tags), one in told.items()
    ]
    write_json(state / FILE, {"schema": SCHEMA, "members": members})

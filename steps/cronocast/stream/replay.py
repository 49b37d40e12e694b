"""`cronocast regimes replay`: sends a file or the history of an entry to its topic, at any speed."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cronocast.console import say
from cronocast.durations import stamp
from cronocast.errors import DataError, seen
from cronocast.handoff.series import parse_tags
from cronocast.stream.history import read_history
from cronocast.stream.message import UNITS
from cronocast.stream.settings import Kafka, Regimes
from cronocast.stream.topics import Producer

AT_ONCE = 5_000  # messages between two looks at the clock, where none is kept to
SAY_S = 10.0


class Event(NamedTuple):
    """One message to come."""

    time_ns: int
    tags: dict[str, str]
    values: dict[str, float]


def events_of_history(entry: Regimes) -> list[Event]:
    """The history of an entry, in order of time.

    Raises:
        CronocastError: as `read_history`.
    """
    found = [
        Event(time_ns, dict(parse_tags(past.tags)), dict(zip(entry.fields, row, strict=True)))
        for past in read_history(entry)
        for time_ns, row in zip(past.time_ns.tolist(), past.values.tolist(), strict=True)
    ]
    return sorted(found, key=lambda event: event.time_ns)


def events_of_file(entry: Regimes, path: Path) -> list[Event]:
    """Rows of a CSV file whose columns are named as the keys of the messages, in order of time.

    Raises:
        DataError: a column is missing, or a cell is no time or number.
    """
    import csv

    found = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {entry.kafka.time, *entry.fields, *entry.tags} - {*(rows.fieldnames or ())}
        if missing:
            raise DataError("E_CSV", str(path), f"no column {seen(min(missing))}; there are {seen(rows.fieldnames)}")
        for number, row in enumerate(rows, start=2):
            try:
                at = datetime.fromisoformat(row[entry.kafka.time])
                values = {name: float(row[name]) for name in entry.fields}
            except (ValueError, TypeError) as error:
                raise DataError("E_CSV", f"{path}:{number}", seen(str(error))) from error
            whole = at if at.tzinfo else at.replace(tzinfo=UTC)
            found.append(Event(round(whole.timestamp() * 1e6) * 1000, {tag: row[tag] for tag in entry.tags}, values))
    return sorted(found, key=lambda event: event.time_ns)


def encoded(event: Event, kafka: Kafka, shift_ns: int) -> tuple[bytes, bytes]:
    """Key and value of a message."""
    at = event.time_ns + shift_ns
    told: Any = stamp(at) if kafka.time_unit == "iso" else at // UNITS[kafka.time_unit]
    document = {kafka.time: told, **event.tags, **event.values}
    return ",".join(event.tags.values()).encode(), json.dumps(document).encode()


def replay(entry: Regimes, events: list[Event], speed: float | None, *, to_now: bool) -> int:
    """Send events to the topic of an entry; their number.

    Args:
        entry: Its settings.
        events: In order of time.
        speed: So many times as fast as they happened; None for as fast as it goes.
        to_now: Move their times so that the first one happens now.

    Raises:
        TemporaryError: a message was not acknowledged.
    """
    if not events:
        return 0
    producer, first = Producer(entry.kafka.servers), events[0].time_ns
    shift = time.time_ns() - first if to_now else 0
    begin, said, sent = time.monotonic(), time.monotonic(), 0
    for part in _due(events, speed, begin):
        sent += producer.send(entry.kafka.topic, (encoded(event, entry.kafka, shift) for event in part))
        if time.monotonic() - said >= SAY_S:
            said = time.monotonic()
            say(f"{entry.name}: {sent} of {len(events)} messages sent, up to {stamp(part[-1].time_ns + shift)}")
    say(f"{entry.name}: {sent} messages sent to {entry.kafka.topic} in {time.monotonic() - begin:.1f} s")
    return sent


def _due(events: list[Event], speed: float | None, begin: float) -> Iterator[list[Event]]:
    """Events in parts, each when it is due."""
    if speed is None:
        for at in range(0, len(events), AT_ONCE):
            yield events[at : at + AT_ONCE]
        return
    at, first = 0, events[0].time_ns
    while at < len(events):
        now = first + (time.monotonic() - begin) * speed * 1e9
        end = at
        while end < len(events) and end - at < AT_ONCE and events[end].time_ns <= now:
            end += 1
        if end == at:
            time.sleep(min(0.5, max(0.0, (events[at].time_ns - now) / speed / 1e9)))
            continue
        yield events[at:end]
        at = end

"""Messages of a topic: read with their types, or refused with the reason."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cronocast.durations import MAX_NS
from cronocast.errors import seen
from cronocast.handoff.series import tags_text
from cronocast.stream.settings import Regimes

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MOST_BYTES = 2**20


class Row(NamedTuple):
    """One message: when something was measured, of which machine, and what."""

    tags: str  # of the machine, as `series.tags_text` writes them
    time_ns: int
    values: tuple[float, ...]


def reader(entry: Regimes) -> Callable[[bytes | None], Row | str]:
    """A function that reads a message of an entry: a row, or why it is none."""
    key, unit = entry.kafka.time, entry.kafka.time_unit

    def read(message: bytes | None) -> Row | str:
        document = _object(message)
        if isinstance(document, str):
            return document
        time_ns = time_of(document.get(key), unit)
        if isinstance(time_ns, str):
            return f"{key}: {time_ns}"
        values = [document.get(field) for field in entry.fields]
        for field, value in zip(entry.fields, values, strict=True):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                return f"{field}: {seen(value)} is not a finite number"
        names = [document.get(tag) for tag in entry.tags]
        for tag, name in zip(entry.tags, names, strict=True):
            if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
                return f"{tag}: {seen(name)} names no machine"
        tags = tags_text(zip(entry.tags, map(str, names), strict=True))
        return Row(tags, time_ns, tuple(map(float, values)))  # type: ignore[arg-type]

    return read


def _object(message: bytes | None) -> dict[str, Any] | str:
    """The JSON object of a message, or why it has none."""
    if message is None:
        return "it is empty"
    if len(message) > MOST_BYTES:
        return f"{len(message)} bytes; allowed: {MOST_BYTES} at most"
    try:
        document = json.loads(message)
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {seen(str(error))}"
    return document if isinstance(document, dict) else f"{seen(document)} is no JSON object"


def time_of(value: Any, unit: str) -> int | str:  # noqa: ANN401 - untrusted data
    """A time in ns since 1970, or why it is none.

    Args:
        value: Text as ISO 8601, taken as UTC where it names no zone, or a number.
        unit: Of the number; iso for text.
    """
    if unit == "iso":
        if not isinstance(value, str):
            return f"{seen(value)} is not text as ISO 8601"
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return f"{seen(value)} is no time in ISO 8601"
        whole = read if read.tzinfo else read.replace(tzinfo=UTC)
        span = whole - datetime(1970, 1, 1, tzinfo=UTC)
        time_ns = (span.days * 86_400 + span.seconds) * 10**9 + span.microseconds * 1000
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{seen(value)} is not a number"
    else:
        time_ns = value * UNITS[unit] if isinstance(value, int) else round(value * UNITS[unit])
    if not 0 <= time_ns <= MAX_NS:
        return f"{seen(value)} lies outside 1970 to 2262; kafka.time_unit is {unit}"
    return time_ns

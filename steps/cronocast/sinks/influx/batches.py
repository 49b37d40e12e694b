"""From rows of forecast.csv to request bodies of line protocol, made ahead of the sending. Standard library only."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from cronocast.errors import InvariantError
from cronocast.formats.line_protocol import forecast_lines
from cronocast.handoff.forecast_file import Rows

MAX_BODY_BYTES = 4 * 2**20  # no server refuses this by default (3.x: 10 MiB); keeps memory flat with long tags
ROW_BYTES, FIELD_BYTES = 40, 30  # of a line after its key: run and time; a name with a double of 17 digits


def forecast_bodies(rows: Iterable[Rows], key_of: Callable[[str], bytes], run_s: int, batch: int) -> Iterator[bytes]:
    """Write rows as bodies of at most `batch` lines and about 4 MiB, the point furthest ahead before all others.

    That is a body of its own. Servers store of a body what they can. Where a policy has a FUTURE LIMIT (InfluxDB 1.12
    and newer), this is the near part of each curve, and no reader could tell that the rest is missing. The furthest
    point alone is refused alone: whatever the reason, nothing has been stored then. It costs a request of one line per
    load; to ask for the limit would cost as much, and take the right to read, which a writer need not have.

    Args:
        rows: Checked ones; all members end at the same time.
        key_of: How the lines of a member begin, by its tags.
        run_s: The run's scheduled time in seconds since 1970.
        batch: Most lines of a body.
    """
    coming = iter(rows)
    for first in coming:
        near = replace(first, cells=first.cells[: -first.width])
        furthest = replace(first, cells=first.cells[-first.width :])
        bodies = _bodies(chain([near], coming), key_of, run_s, batch)
        body = next(bodies, b"")  # its rows are checked before anything goes out
        yield from _bodies([furthest], key_of, run_s, batch)
        yield from chain(filter(None, [body]), bodies)


def _bodies(rows: Iterable[Rows], key_of: Callable[[str], bytes], run_s: int, batch: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    count = size = 0
    for part in rows:
        key, cells, width, at = key_of(part.tags), part.cells, part.width, 0
        row_bytes = len(key) + ROW_BYTES + FIELD_BYTES * len(part.columns)
        while at < part.count:
            room = min(batch - count, (MAX_BODY_BYTES - size) // row_bytes + 1)
            some = cells[width * at : width * (at + room)]
            lines = forecast_lines(key, run_s, part.columns, *(some[i::width] for i in range(width - 1)))
            parts.append(lines)
            taken = len(some) // width
            at, count, size = at + taken, count + taken, size + len(lines)
            if count == batch or size >= MAX_BODY_BYTES:
                yield _counted(parts, count)
                parts, count, size = [], 0, 0
    if parts:
        yield _counted(parts, count)


def _counted(parts: list[bytes], count: int) -> bytes:
    body = b"".join(parts)
    if (lines := body.count(b"\n")) != count:
        raise InvariantError("E_LP", "lines", f"{lines} lines were made of {count} rows")
    return body


def joined(lines: Iterable[bytes], batch: int) -> Iterator[bytes]:
    """Join lines to bodies of at most `batch` lines and about 4 MiB."""
    parts: list[bytes] = []
    size = 0
    for line in lines:
        parts.append(line)
        size += len(line)
        if len(parts) == batch or size >= MAX_BODY_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def ahead(bodies: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Make the next body in a thread while the server works on this one; requests themselves stay in the main thread.

    To be closed: see `contextlib.closing`.
    """
    from concurrent.futures import (
        ThreadPoolExecutor,
    )  # with logging it takes longer to load than a step that finds nothing to do has work

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, bodies, b"")
        while body := coming.result():
            coming = pool.submit(next, bodies, b"")
            yield body

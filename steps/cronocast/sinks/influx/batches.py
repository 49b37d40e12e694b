"""From rows of forecast.csv to request bodies of line protocol, made ahead of the sending. Standard library only."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from cronocast.errors import InvariantError
from cronocast.formats.line_protocol import forecast_lines
from cronocast.handoff.rows import Rows

MAX_BODY_BYTES = 4 * 2**20  # no server refuses this by default (3.x: 10 MiB); keeps memory flat with long tags
ROW_BYTES, FIELD_BYTES = 40, 30  # of a line after its key: run and time; a name with a double of 17 digits


@dataclass(frozen=True)
class Body:
    """What one request carries."""

    text: bytes
    lines: int

    @classmethod
    def of(cls, text: bytes) -> "Body":
        """The body of lines that each end with a newline."""
        return cls(text, text.count(b"\n"))

    def halves(self) -> list["Body"]:
        """Cut near the middle, between two lines; [] for one line."""
        text = self.text
        cut = text.find(b"\n", len(text) // 2, len(text) - 1) + 1 or text.rfind(b"\n", 0, len(text) // 2) + 1
        return [Body.of(text[:cut]), Body.of(text[cut:])] if cut else []


def forecast_bodies(rows: Iterable[Rows], key_of: Callable[[str], bytes], run_s: int, batch: int) -> Iterator[Body]:
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
    begin = list(_begin(coming, batch))
    if not begin:
        return
    i = max(range(len(begin)), key=lambda i: int(begin[i].times[-1]))
    furthest, begin[i] = begin[i].part(-1, None), begin[i].part(0, -1)
    yield from _bodies([furthest], key_of, run_s, batch)
    yield from _bodies(chain(begin, coming), key_of, run_s, batch)


def _begin(rows: Iterator[Rows], batch: int) -> Iterator[Rows]:
    """The rows of about one body."""
    count = 0
    while count < batch and (part := next(rows, None)):
        count += part.count
        yield part


def _bodies(rows: Iterable[Rows], key_of: Callable[[str], bytes], run_s: int, batch: int) -> Iterator[Body]:
    parts: list[bytes] = []
    count = size = 0
    for part in rows:
        key, at = key_of(part.tags), 0
        row_bytes = len(key) + ROW_BYTES + FIELD_BYTES * len(part.columns)
        while at < part.count:
            room = min(batch - count, (MAX_BODY_BYTES - size) // row_bytes + 1)
            some = part.part(at, at + room)
            lines = forecast_lines(key, run_s, part.columns, some.times, *some.values)
            parts.append(lines)
            at, count, size = at + some.count, count + some.count, size + len(lines)
            if count == batch or size >= MAX_BODY_BYTES:
                yield _counted(parts, count)
                parts, count, size = [], 0, 0
    if parts:
        yield _counted(parts, count)


def _counted(parts: list[bytes], count: int) -> Body:
    body = Body.of(b"".join(parts))
    if body.lines != count:
        raise InvariantError("E_LP", "lines", f"{body.lines} lines were made from {count} points")
    return body


def joined(lines: Iterable[bytes], batch: int) -> Iterator[Body]:
    """Join lines to bodies of at most `batch` lines and about 4 MiB."""
    parts: list[bytes] = []
    size = 0
    for line in lines:
        parts.append(line)
        size += len(line)
        if len(parts) == batch or size >= MAX_BODY_BYTES:
            yield Body.of(b"".join(parts))
            parts, size = [], 0
    if parts:
        yield Body.of(b"".join(parts))


def ahead(bodies: Iterator[Body]) -> Generator[Body, None, None]:
    """Make the next body in a thread while the server works on this one; requests themselves stay in the main thread.

    To be closed: see `contextlib.closing`.
    """
    # With logging it takes longer to load than a step that finds nothing to do has work.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, bodies, None)
        while body := coming.result():
            coming = pool.submit(next, bodies, None)
            yield body

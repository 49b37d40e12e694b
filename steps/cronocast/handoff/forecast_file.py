"""Strict reading of forecast.csv at the speed of Python's own text functions. Standard library only.

`strict.read_members` looks at one row at a time and says what is wrong with it. Here many rows are looked at at once,
and only whether they are right; where they are not, `read_members` finds the words.

Why two: 1,000,000 rows are checked and made into lines in 1.3 CPU s here, in 4.6 by `read_members`, whose doubles must
be written as text again (2.6 s for the reading alone), where the server needs 5.5 to take them in, on the same cores.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf
from operator import le
from pathlib import Path
from typing import IO

from cronocast.durations import MAX_NS, Duration
from cronocast.errors import ContractError, DataError, StorageError, seen
from cronocast.handoff.even_times import EvenTimes
from cronocast.handoff.rows import Extent, Key, Rows
from cronocast.handoff.series import FORECAST_COLUMNS, header, ordered, parse_tags, prefix
from cronocast.handoff.strict import MAX_FILE_BYTES, MAX_LINE_BYTES, NUMBER, other_unit, read_members

BLOCK_BYTES = 2**16  # about 600 rows: their cells fit into a cache of the processor
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_FIRST = re.compile(rb"0+(,0{1,300}\.)")  # with zeros for all digits: a time, and a value up to its point
_NUMBER = re.compile(NUMBER)


class SuspectError(Exception):
    """Something in the file is not as it must be."""


def checked_rows(
    file: io.BufferedReader,
    path: Path,
    every_ns: int | None,
    promised: Mapping[Key, int] | None,
    extent: Extent,
    columns: tuple[str, ...] = FORECAST_COLUMNS,
) -> Iterator[Rows]:
    """Read the file from its beginning, a block at a time, and check every row before it is handed on.

    Form, grid, finite numbers, yhat in every interval, members that stand together, and rows of each member.

    Args:
        file: Open at `path`.
        path: For messages.
        every_ns: Step of the grid, on which every time must lie; None: one step throughout, as the first two rows have
            it.
        promised: Rows of each member that has any; None if not known.
        extent: Filled as reading goes on.
        columns: What the header must name.

    Raises:
        ContractError: anything else than that, with the number of the line where one is at fault.
        DataError: more than 4 GiB, or a line longer than 1 MiB.
        StorageError: the volume fails.
    """
    try:
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise DataError(
                "E_TOO_LARGE",
                str(path),
                f"{size} bytes; at most {MAX_FILE_BYTES} are read, shorten horizon or split the series",
            )
        for rows in _check(_read_rows(file, columns), every_ns, extent):
            key = rows.name, rows.tags
            if promised is not None and extent.members[key] > promised.get(key, 0):
                raise _broken_promise(path, key, extent.members[key], promised.get(key, 0))
            yield rows
    except SuspectError as error:
        _explain(path, every_ns, columns)
        raise ContractError(
            "E_CSV_ROW",
            str(path),
            "the rows are not those of a forecast, or changed while they were read; run forecast again",
        ) from error
    except OSError as error:
        raise StorageError("E_STORAGE", str(path), f"can't be read: {error.strerror}; check the volume") from error
    for key, rows_due in (promised or {}).items():
        if extent.members.get(key) != rows_due:
            raise _broken_promise(path, key, extent.members.get(key, 0), rows_due)


def _broken_promise(path: Path, key: Key, there: int, due: int) -> ContractError:
    return ContractError(
        "E_HANDOFF",
        str(path),
        f"member {seen(','.join(key))} has {there} rows or more, the result of forecast says {due}; run forecast again",
    )


def _read_rows(file: IO[bytes], columns: tuple[str, ...]) -> Iterator[Rows]:
    file.seek(0)
    if file.readline(MAX_LINE_BYTES).removeprefix(b"\xef\xbb\xbf") != header(columns):
        raise SuspectError
    width = len(columns) + 2
    name, tags, start = "", "", b"\n"
    while block := file.read(BLOCK_BYTES):
        block += b"" if block.endswith(b"\n") else file.readline(MAX_LINE_BYTES)
        if not block.endswith(b"\n"):
            raise SuspectError
        at = 0
        while at < len(block):
            if not block.startswith(start, at):
                name, tags, start = _first_cells(block[at : block.index(b"\n", at)])
            end = _end(block, at, start)
            # A row that begins otherwise keeps its line feed, which then stands in a cell and is found there.
            text = b",;,".join(block[at + len(start) : end - 1].split(b"\n" + start)) + b",;"
            cells = text.split(b",")
            if len(cells) % width or cells[width - 1 :: width].count(b";") * width != len(cells):
                raise SuspectError  # a row has more or fewer cells
            times, *values = (cells[i::width] for i in range(width - 1))
            if not _sound(text, values):
                raise SuspectError
            yield Rows(name, tags, times, tuple(values), columns)
            at = end


def _first_cells(line: bytes) -> tuple[str, str, bytes]:
    """Name and tags of a member, and how its rows begin."""
    try:
        name, tags = next(csv.reader([line.decode()], strict=True))[:2]
        parse_tags(tags)
    except (ValueError, csv.Error, StopIteration) as error:
        raise SuspectError from error
    start = prefix(name, tags)
    if not name or b"\x00" in line or b"\r" in line or not line.startswith(start):
        raise SuspectError
    return name, tags, start


def _end(block: bytes, at: int, start: bytes) -> int:
    """Where the rows end that begin with `start`, the one at `at` being the first.

    Rows of a member stand together, so halving finds it.
    """
    high = block.rfind(b"\n", at, -1) + 1 or at
    if block.startswith(start, high):
        return len(block)
    low = at  # the row there begins with `start`, the one at `high` does not
    while (after := block.index(b"\n", low) + 1) < high:
        middle = max(after, block.rfind(b"\n", low, (low + high) // 2) + 1)
        low, high = (middle, high) if block.startswith(start, middle) else (low, middle)
    return high


def _check(parts: Iterable[Rows], every_ns: int | None, extent: Extent) -> Iterator[Rows]:
    key: Key | None = None
    step, last, grid = every_ns or 0, 0, EvenTimes()
    for rows in parts:
        times = rows.times
        first = _whole(times[0])
        if (rows.name, rows.tags) != key:
            key = rows.name, rows.tags
            if key in extent.members or (every_ns and first % every_ns):
                raise SuspectError
            extent.members[key] = 0
        else:
            step = step or first - last
            if first != last + step:
                raise SuspectError
        step = step or (_whole(times[1]) - first if len(times) > 1 else 0)
        last = first + (rows.count - 1) * step
        if (
            last > MAX_NS
            or other_unit(first, last)
            or (times != grid.texts(first, len(times), step) if step > 0 else len(times) > 1)
        ):
            raise SuspectError
        extent.members[key] += rows.count
        extent.first_ns, extent.last_ns = min(extent.first_ns, first), max(extent.last_ns, last)
        yield rows


def _whole(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        raise SuspectError
    return int(text)


def _sound(text: bytes, columns: list[list[bytes]]) -> bool:
    """Tell whether every value is a finite number, and yhat in every interval."""
    pairs = ordered(len(columns))
    flat = text.translate(_DIGITS)
    plain = not flat.translate(None, b"0.,;-") and flat.count(b";") == len(columns[0])
    # Without a sign, texts compare as their numbers do where the one point is at the same place, but for zeros at the
    # end. Three times as fast as numbers; there are no infinite ones of up to 300 digits.
    aligned = plain and _aligned(flat, len(columns) * len(columns[0]))
    if aligned and all(all(map(le, columns[a], columns[b])) for a, b in pairs):
        return True
    # Without letters and plus signs `float` takes decimal numbers only; otherwise each cell is held against the
    # contract.
    if not plain and not all(map(_NUMBER.fullmatch, chain(*columns))):
        return False
    try:
        values = [list(map(float, column)) for column in columns]
    except ValueError:
        return False
    if not all(all(map(le, values[a], values[b])) for a, b in pairs):
        return False
    # What is not infinite at the outer bounds is not between them.
    return all(min(values[i]) > -inf for i in {1, len(values) - 2}) and all(
        max(values[i]) < inf for i in {2, len(values) - 1}
    )


def _aligned(flat: bytes, values: int) -> bool:
    """Tell whether all values are positive and have one point, each behind as many digits as the first one has."""
    first = _FIRST.match(flat)
    return first is not None and flat.count(first[1]) == flat.count(b".") == values and b"-" not in flat


def _explain(path: Path, every_ns: int | None, columns: tuple[str, ...]) -> None:
    """Find the row at fault and raise what is wrong with it."""
    step = every_ns or 0
    number = 1
    for member in read_members(path, columns):
        times = member.time_ns
        step = step or (times[1] - times[0] if len(times) > 1 else 0)
        due = times[0]
        if every_ns and due % every_ns:
            raise ContractError(
                "E_CSV_TIME",
                f"{path}:{number + 1}",
                f"time {due} is no multiple of {Duration.of(every_ns)}; right: a time on the grid",
            )
        for time, *values in zip(times, *member.columns, strict=True):
            number += 1
            if time != due:
                raise ContractError(
                    "E_CSV_TIME", f"{path}:{number}", f"time {time}; right: {due}, one step after the row before"
                )
            for low, high in ordered(len(columns)):
                if not values[low] <= values[high]:
                    sentence = (
                        f"{columns[low]} {values[low]!r} is above {columns[high]} {values[high]!r}; right: yhat in"
                        " every interval, a narrower one in a wider one"
                    )
                    raise ContractError("E_CSV_VALUE", f"{path}:{number}", sentence)
            due = time + step

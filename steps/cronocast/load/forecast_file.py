"""Strict reading of forecast.csv at the speed of Python's own text functions. Standard library only.

`series.read_members` looks at one row at a time and says what is wrong with it. Here many rows are looked at at once, and only
whether they are right; where they are not, `check` has `read_members` find the words.
"""

import csv
import io
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from operator import le
from pathlib import Path
from typing import IO

from cronocast.durations import MAX_NS, Duration
from cronocast.errors import ContractError, DataError, StorageError, seen
from cronocast.series import FORECAST_COLUMNS, MAX_FILE_BYTES, MAX_LINE_BYTES, NUMBER, header, parse_tags, prefix, read_members

BLOCK_BYTES = 2**20  # about 10,000 rows; larger blocks are no faster
PLAIN = b"0123456789.-,;"  # of rows whose numbers need no second look: no exponent, no letter
_NUMBER = re.compile(NUMBER)
Key = tuple[str, str]  # name and tags of a member, as they stand in the file


class SuspectError(Exception):
    """Something in the file is not as it must be."""


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of one member; `text` has their cells, and a `;` after the last cell of each row, with commas between them."""

    name: str
    tags: str
    count: int
    text: bytes

    def cells(self) -> list[bytes]:
        """Time, yhat, yhat_lower, yhat_upper and `;` of each row, one after the other.

        Raises:
            SuspectError: a row has more or fewer cells.
        """
        found = self.text.split(b",")
        if len(found) != 5 * self.count or found[4::5].count(b";") != self.count:
            raise SuspectError
        return found


@dataclass
class Checked:
    """What a forecast file holds."""

    members: dict[Key, int] = field(default_factory=dict)  # rows
    rows: int = 0
    first_ns: int = MAX_NS
    last_ns: int = 0


def read_rows(file: IO[bytes]) -> Iterator[Rows]:
    """Read the file from its beginning, about 1 MiB at a time.

    Raises:
        SuspectError: the header, the two first cells of a member, or the end of the file are not right.
        StorageError: the volume fails.
    """
    try:
        yield from _read_rows(file)
    except OSError as error:
        raise StorageError("E_STORAGE", str(file.name), f"can't be read: {error.strerror}; check the volume") from error


def _read_rows(file: IO[bytes]) -> Iterator[Rows]:
    file.seek(0)
    if file.readline(MAX_LINE_BYTES).removeprefix(b"\xef\xbb\xbf") != header(FORECAST_COLUMNS):
        raise SuspectError
    name, tags, start = "", "", b"\n"
    while block := file.read(BLOCK_BYTES):
        block += b"" if block.endswith(b"\n") else file.readline(MAX_LINE_BYTES)
        if not block.endswith(b"\n"):
            raise SuspectError
        lines = block[:-1].split(b"\n")
        at = 0
        while at < len(lines):
            if not lines[at].startswith(start):
                name, tags, start = _first_cells(lines[at])
            end = bisect_left(lines, True, lo=at, key=lambda line: not line.startswith(start))
            # A row that begins otherwise keeps its line feed, which then stands in a cell and is found there.
            text = b"\n".join(lines[at:end]).replace(b"\n" + start, b",;,")[len(start) :] + b",;"
            yield Rows(name, tags, end - at, text)
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


def check(file: io.BufferedReader, path: Path, every_ns: int | None, expected: Mapping[Key, int] | None) -> Checked:
    """Check the whole file: form, grid, finite numbers, yhat_lower <= yhat <= yhat_upper, rows of each member.

    Args:
        file: Open at `path`.
        path: For messages.
        every_ns: Step of the grid, on which every time must lie; None: one step throughout, as the first two rows have it.
        expected: Rows of each member that has any; None if not known.

    Raises:
        ContractError: anything else than that, with the number of the line where one is at fault.
        DataError: more than 4 GiB, or a line longer than 1 MiB.
    """
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise DataError("E_TOO_LARGE", str(path), f"{size} bytes; at most {MAX_FILE_BYTES} are read, shorten horizon or split the series")
    try:
        checked = _check(read_rows(file), every_ns)
    except SuspectError as error:
        _explain(path, every_ns)
        raise ContractError("E_CSV_ROW", str(path), "the rows are not those of a forecast, or changed while they were read; run forecast again") from error
    if expected is not None and checked.members != expected:
        wrong = next(key for key in [*checked.members, *expected] if checked.members.get(key) != expected.get(key))
        there, right = checked.members.get(wrong, 0), expected.get(wrong, 0)
        raise ContractError("E_HANDOFF", str(path), f"member {seen(','.join(wrong))} has {there} rows, the result of forecast says {right}; run forecast again")
    return checked


def _check(parts: Iterable[Rows], every_ns: int | None) -> Checked:
    checked = Checked()
    key: Key | None = None
    step, last = every_ns or 0, 0
    for part in parts:
        cells = part.cells()
        times = cells[0::5]
        first = _whole(times[0])
        if (part.name, part.tags) != key:
            key = part.name, part.tags
            if key in checked.members or (every_ns and first % every_ns):
                raise SuspectError
            checked.members[key] = 0
        else:
            step = step or first - last
            if first != last + step:
                raise SuspectError
        step = step or (_whole(times[1]) - first if len(times) > 1 else 0)
        last = first + (part.count - 1) * step
        if not _even(times, first, step) or last > MAX_NS or not _sound(part.text, cells):
            raise SuspectError
        checked.members[key] += part.count
        checked.rows += part.count
        checked.first_ns, checked.last_ns = min(checked.first_ns, first), max(checked.last_ns, last)
    return checked


def _whole(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        raise SuspectError
    return int(text)


def _even(times: list[bytes], first: int, step: int) -> bool:
    """Tell whether the times are `first` and so on, each one step after the other."""
    if step <= 0:
        return len(times) == 1
    return times == list(map(b"%d".__mod__, range(first, first + len(times) * step, step)))


def _sound(text: bytes, cells: list[bytes]) -> bool:
    """Tell whether every value is a finite number and lies in its interval."""
    columns = cells[1::5], cells[2::5], cells[3::5]
    # Without letters and plus signs `float` takes decimal numbers only; otherwise each cell is held against the contract.
    if text.translate(None, PLAIN) and not all(_NUMBER.fullmatch(cell) for column in columns for cell in column):
        return False
    try:
        yhat, lower, upper = (list(map(float, column)) for column in columns)
    except ValueError:
        return False
    return all(map(le, lower, yhat)) and all(map(le, yhat, upper)) and max(upper) < inf and min(lower) > -inf


def _explain(path: Path, every_ns: int | None) -> None:
    """Find the row at fault and raise what is wrong with it."""
    step = every_ns or 0
    number = 1
    for member in read_members(path, FORECAST_COLUMNS):
        times = member.time_ns
        step = step or (times[1] - times[0] if len(times) > 1 else 0)
        due = times[0]
        if every_ns and due % every_ns:
            raise ContractError("E_CSV_TIME", f"{path}:{number + 1}", f"time {due} is no multiple of {Duration.of(every_ns)}; right: a time on the grid")
        for time, yhat, lower, upper in zip(times, *member.columns, strict=True):
            number += 1
            if time != due:
                raise ContractError("E_CSV_TIME", f"{path}:{number}", f"time {time}; right: {due}, one step after the row before")
            if not lower <= yhat <= upper:
                raise ContractError("E_CSV_VALUE", f"{path}:{number}", f"yhat {yhat!r} is not between yhat_lower {lower!r} and yhat_upper {upper!r}")
            due = time + step

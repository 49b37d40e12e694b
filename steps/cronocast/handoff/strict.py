"""Strict reading of history and forecast files: anything that the contract does not allow is named with its line."""

import csv
import math
import re
from array import array
from collections.abc import Iterator
from functools import cache
from operator import lt
from pathlib import Path
from typing import BinaryIO

from cronocast.durations import MAX_NS
from cronocast.errors import ContractError, DataError, StorageError, seen
from cronocast.handoff.files import check_plain_file
from cronocast.handoff.series import Member, header, parse_tags, prefix

MAX_FILE_BYTES = 4 * 2**30
MAX_LINE_BYTES = 2**20
# A finite double as any of Python, Go and C prints it; exponents of three digits are checked one by one.
NUMBER = rb"-?(?:0|[1-9][0-9]{0,308})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
_NUMBER = re.compile(NUMBER)
TIME = rb"(?:0|[1-9][0-9]{0,18})"
_TIME = re.compile(TIME)
EARLIEST_S, LATEST_S = 10**9, 41 * 10**8  # 2001 to 2099: what a clock says today, in seconds
_GAP = frozenset((b"", b"nan", b"NaN", b"NA", b"null"))


def read_members(path: Path, columns: tuple[str, ...], max_bytes: int = MAX_FILE_BYTES) -> Iterator[Member]:
    """Read a history or forecast file strictly, one member at a time, in the order of the file.

    A history value that is empty or `nan` is a gap: the row is dropped and counted in `gaps_in_file`.

    Raises:
        DataError: the file is missing, empty or larger than `max_bytes`, or has a line longer than 1 MiB.
        ContractError: anything that the contract does not allow, with the number of the line.
        StorageError: it is no plain file, or can't be read.
    """
    size = check_plain_file(path)
    if size > max_bytes:
        raise DataError(
            "E_TOO_LARGE",
            str(path),
            f"{size} bytes; at most {max_bytes} are read, shorten lookback or split the series",
        )
    try:
        with path.open("rb") as file:
            yield from _members(_blocks(file, str(path)), str(path), columns)
    except OSError as error:
        raise StorageError("E_STORAGE", str(path), f"{error.strerror or error}; check the volume") from error


def _blocks(file: BinaryIO, where: str) -> Iterator[list[bytes]]:
    """The lines of a file without their ends, about a mebibyte at a time."""
    number, rest = 1, b""
    while block := file.read(MAX_LINE_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        number += len(lines)
        if len(rest) >= MAX_LINE_BYTES:
            raise DataError(
                "E_TOO_LARGE",
                f"{where}:{number}",
                f"a line of {MAX_LINE_BYTES} bytes or more; right: name,k=v,TIME,VALUE",
            )
        yield lines
    if rest:
        _check_text(rest, f"{where}:{number}")
        raise ContractError(
            "E_CSV_ROW", f"{where}:{number}", f"the last line is cut: {_shown(rest)}; the file must end with a newline"
        )


def _members(blocks: Iterator[list[bytes]], where: str, columns: tuple[str, ...]) -> Iterator[Member]:
    number, expected = 1, header(columns).strip()
    current, start = None, b""
    done: set[tuple[str, str]] = set()
    for lines in blocks:
        first = 0
        if number == 1 and lines:
            _check_header(lines[0], f"{where}:1", expected)
            first, number = 1, 2
        while first < len(lines):
            if current is None or not lines[first].startswith(start):
                if current is not None:
                    yield _complete(current, f"{where}:{number - 1}")
                current = _member(lines[first], f"{where}:{number}", expected, done)
                start = prefix(*current.key)
            last = next((i for i in range(first + 1, len(lines)) if not lines[i].startswith(start)), len(lines))
            _add_rows(current, [line[len(start) :] for line in lines[first:last]], where, number)
            first, number = last, number + last - first
    if current is not None:
        yield _complete(current, f"{where}:{number - 1}")


def _check_text(line: bytes, where: str) -> None:
    """Refuse what is no UTF-8 text of one line, wherever in the file it stands."""
    try:
        if not {"\x00", "\r"} & set(line.decode("utf-8")):
            return
        reason = "NUL or carriage return"
    except UnicodeDecodeError as error:
        reason = error.reason
    raise ContractError("E_CSV_ENCODING", where, f"{_shown(line)}: {reason}; allowed: UTF-8 without NUL and CR")


def _check_header(first: bytes, where: str, expected: bytes) -> None:
    found = first.removeprefix(b"\xef\xbb\xbf")
    if found != expected:
        _check_text(found, where)
        raise ContractError(
            "E_CSV_HEADER",
            where,
            f"{_shown(found)} is not the header {expected.decode()!r}; rerun the step that writes it",
        )


def _member(line: bytes, where: str, expected: bytes, done: set[tuple[str, str]]) -> Member:
    """The member that begins with this row, without any row yet."""
    if line == expected:
        raise ContractError("E_CSV_ROW", where, "the header appears again; allowed: one header, on line 1")
    _check_text(line, where)
    try:
        cells = next(csv.reader([line.decode()], strict=True))
        name, tags = cells[0], cells[1]
        parse_tags(tags)
        if not name or len(cells) < 4:
            raise ValueError(line)
    except csv.Error as error:
        raise ContractError(
            "E_CSV_ENCODING", where, f"{_shown(line)}: {error}; right: quotes closed on the same line"
        ) from error
    except (ValueError, IndexError, StopIteration) as error:
        raise ContractError(
            "E_CSV_ROW", where, f"{_shown(line)} is not a row; right: name,k=v,TIME,VALUE with tags sorted by key"
        ) from error
    if (name, tags) in done or not line.startswith(prefix(name, tags)):
        raise ContractError(
            "E_CSV_ROW",
            where,
            f"member {seen(f'{name} {tags}')} appears a second time or is quoted differently; right: all rows of a"
            " member together",
        )
    done.add((name, tags))
    return Member(name, tags, array("q"), tuple(array("d") for _ in expected.split(b",")[3:]))


def _add_rows(member: Member, rests: list[bytes], where: str, number: int) -> None:
    """Keep times and values of rows that stand together.

    They are taken all at once where nothing is wrong, else one by one to say what is.
    """
    width = 1 + len(member.columns)
    if _rows_of(width).fullmatch(b"\n".join(rests)):
        cells = b",".join(rests).split(b",")
        times = [*member.time_ns[-1:], *map(int, cells[::width])]
        values = [array("d", map(float, cells[i::width])) for i in range(1, width)]
        if (
            all(map(lt, times, times[1:]))
            and times[-1] <= MAX_NS
            and all(all(map(math.isfinite, column)) for column in values)
        ):
            member.time_ns.extend(times[-len(rests) :])
            for column, more in zip(member.columns, values, strict=True):
                column.extend(more)
            return
    for i, rest in enumerate(rests):
        _add(member, rest, f"{where}:{number + i}")


@cache
def _rows_of(width: int) -> re.Pattern[bytes]:
    """Rows of a time and its values, without name and tags."""
    row = rb"%s(?:,%s){%d}" % (TIME, NUMBER, width - 1)
    return re.compile(rb"%s(?:\n%s)*" % (row, row))


def _add(member: Member, rest: bytes, where: str) -> None:
    """Check and keep time and values of one row."""
    _check_text(rest, where)
    time, *values = rest.split(b",")
    if not _TIME.fullmatch(time) or int(time) > MAX_NS:
        raise ContractError("E_CSV_TIME", where, f"time {_shown(time)}; right: integer nanoseconds since 1970 in UTC")
    if member.time_ns and int(time) <= member.time_ns[-1]:
        raise ContractError(
            "E_CSV_TIME",
            where,
            f"time {_shown(time)} is not after that of the previous row; right: rows ascend within a member",
        )
    if len(values) != len(member.columns):
        token = "E_CSV_VALUE" if len(values) > len(member.columns) else "E_CSV_ROW"
        raise ContractError(
            token,
            where,
            f"{len(values)} values {_shown(rest)}; right: {len(member.columns)}, with a decimal point, no thousands"
            " separator",
        )
    if len(values) == 1 and values[0] in _GAP:
        member.gaps_in_file += 1
        return
    for value in values:
        if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            raise ContractError("E_CSV_VALUE", where, f"value {_shown(value)}; right: a finite decimal number")
    member.time_ns.append(int(time))
    for column, value in zip(member.columns, values, strict=True):
        column.append(float(value))


def _complete(member: Member, where: str) -> Member:
    """Refuse times that are not nanoseconds."""
    if member.time_ns and (unit := other_unit(member.time_ns[0], member.time_ns[-1])):
        raise ContractError(
            "E_CSV_TIME",
            where,
            f"times such as {member.time_ns[-1]} look like {unit}; right: integer nanoseconds since 1970 in UTC",
        )
    return member


def other_unit(first: int, last: int) -> str:
    """The unit in which times look like those of today while as nanoseconds they all lie within weeks of 1970.

    "" where they are nanoseconds.

    Made-up times since 1970 may reach into those weeks: they are whole seconds, which times in microseconds are not as
    nanoseconds.
    """
    units = {"seconds": 1, "milliseconds": 10**3} | ({"microseconds": 10**6} if first % 10**9 or last % 10**9 else {})
    return next((unit for unit, ns in units.items() if EARLIEST_S * ns <= first and last <= LATEST_S * ns), "")


def _shown(text: bytes) -> str:
    return seen(text[:200].decode("utf-8", "backslashreplace"))

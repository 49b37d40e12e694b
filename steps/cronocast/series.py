"""The CSV contract between steps: `name,tags,time,value` and `name,tags,time,yhat,yhat_lower,yhat_upper`. Standard library only."""

import csv
import io
import math
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cronocast.durations import MAX_NS
from cronocast.errors import ContractError, DataError, seen
from cronocast.files import check_plain_file

HISTORY_COLUMNS = ("value",)
FORECAST_COLUMNS = ("yhat", "yhat_lower", "yhat_upper")
MAX_FILE_BYTES = 4 * 2**30
MAX_LINE_BYTES = 2**20
# A finite double as any of Python, Go and C prints it; exponents of three digits are checked one by one.
NUMBER = rb"-?(?:0|[1-9][0-9]{0,308})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
_NUMBER = re.compile(NUMBER)
_TIME = re.compile(rb"0|[1-9][0-9]{0,18}")
_GAP = frozenset((b"", b"nan", b"NaN", b"NA", b"null"))


@dataclass
class Member:
    """One tag combination: its name, its tags as text (`k=v,k2=v2`), times in ns ascending, one column of doubles per value."""

    name: str
    tags: str
    time_ns: "array[int]" = field(default_factory=lambda: array("q"))
    columns: tuple["array[float]", ...] = ()
    gaps_in_file: int = 0  # rows whose value is nan or empty

    @property
    def key(self) -> tuple[str, str]:
        """What tells members apart."""
        return self.name, self.tags

    @property
    def label(self) -> str:
        """What people read."""
        return f"{self.name}{{{self.tags}}}" if self.tags else self.name


def tags_text(tags: Iterable[tuple[str, str]]) -> str:
    r"""Write tags as `k=v,k2=v2` sorted by key; `\`, `,` and `=` are escaped with a backslash."""
    return ",".join(f"{_escape(key)}={_escape(value)}" for key, value in sorted(tags))


def parse_tags(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `tags_text` writes.

    Raises:
        ValueError: a part has no key, no value, or the keys are not sorted and distinct.
    """
    if not text:
        return ()
    parts = re.findall(r"((?:[^\\,=]|\\.)+)=((?:[^\\,=]|\\.)+)(?:,|$)", text, re.DOTALL)
    tags = tuple((re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL), re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)) for key, value in parts)
    if tags_text(tags) != text or len({key for key, _ in tags}) != len(tags):
        raise ValueError(text)
    return tags


def _escape(text: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", text)


def prefix(name: str, tags: str) -> bytes:
    """The first two cells of every row of a member, quoted as CSV, with the comma after them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([name, tags, ""])
    return out.getvalue().encode("utf-8")


def header(columns: tuple[str, ...]) -> bytes:
    """The first line of a file."""
    return ",".join(("name", "tags", "time", *columns)).encode() + b"\n"


def rows(member: Member) -> bytes:
    """Every row of a member; floats in their shortest round-trip form."""
    start = prefix(member.name, member.tags).decode()
    if len(member.columns) == 1:
        return "".join([f"{start}{t},{v!r}\n" for t, v in zip(member.time_ns, member.columns[0], strict=True)]).encode()
    return "".join([f"{start}{t},{','.join(map(repr, v))}\n" for t, *v in zip(member.time_ns, *member.columns, strict=True)]).encode()


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
        raise DataError("E_TOO_LARGE", str(path), f"{size} bytes; at most {max_bytes} are read, shorten lookback or split the series")
    with path.open("rb") as file:
        yield from _members(file, str(path), columns)


def _members(file: io.BufferedReader, where: str, columns: tuple[str, ...]) -> Iterator[Member]:
    first = file.readline(MAX_LINE_BYTES).removeprefix(b"\xef\xbb\xbf")
    expected = header(columns)
    if first != expected:
        raise ContractError("E_CSV_HEADER", f"{where}:1", f"{_shown(first)} is not the header {expected.decode().strip()!r}")
    current: Member | None = None
    start = b""
    done: set[tuple[str, str]] = set()
    number = 1
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES:
            raise DataError("E_TOO_LARGE", f"{where}:{number}", f"a line of more than {MAX_LINE_BYTES} bytes")
        if current is None or not line.startswith(start):
            name, tags = _cells(line, f"{where}:{number}", expected)
            if current is not None:
                yield current
            current, start = Member(name, tags, array("q"), tuple(array("d") for _ in columns)), prefix(name, tags)
            if current.key in done or not line.startswith(start):
                raise ContractError("E_CSV_ROW", f"{where}:{number}", f"member {seen(current.label)} comes a second time or is quoted oddly; rows of a member stand together")
            done.add(current.key)
        _add(current, line[len(start) :], f"{where}:{number}")
    if current is not None:
        yield current


def _cells(line: bytes, where: str, expected: bytes) -> tuple[str, str]:
    """Name and tags of the first row of a member."""
    if line == expected:
        raise ContractError("E_CSV_ROW", where, "the header stands there again; one header, on line 1")
    try:
        text = line.decode("utf-8")
        if "\x00" in text or "\r" in text:
            raise ValueError("NUL or carriage return")
    except ValueError as error:
        raise ContractError("E_CSV_ENCODING", where, f"{_shown(line)}: {error}; allowed: UTF-8 without NUL and CR") from error
    try:
        cells = next(csv.reader([text], strict=True))
        name, tags = cells[0], cells[1]
        parse_tags(tags)
        if not name or len(cells) < 4:
            raise ValueError(text)
    except csv.Error as error:
        raise ContractError("E_CSV_ENCODING", where, f"{_shown(line)}: {error}; quotes must be closed on the same line") from error
    except (ValueError, IndexError, StopIteration) as error:
        raise ContractError("E_CSV_ROW", where, f"{_shown(line)} is no row; right: name,k=v,TIME,VALUE with tags sorted by key") from error
    return name, tags


def _add(member: Member, rest: bytes, where: str) -> None:
    """Check and keep time and values of one row."""
    if not rest.endswith(b"\n"):
        raise ContractError("E_CSV_ROW", where, f"the last line is cut: {_shown(rest)}; the file must end with a newline")
    time, *values = rest[:-1].split(b",")
    if not _TIME.fullmatch(time) or int(time) > MAX_NS:
        raise ContractError("E_CSV_TIME", where, f"time {_shown(time)}; right: integer nanoseconds since 1970 in UTC")
    if member.time_ns and int(time) <= member.time_ns[-1]:
        raise ContractError("E_CSV_TIME", where, f"time {_shown(time)} does not come after the row before; rows ascend within a member")
    if len(values) != len(member.columns):
        token = "E_CSV_VALUE" if len(values) > len(member.columns) else "E_CSV_ROW"
        raise ContractError(token, where, f"{len(values)} values {_shown(rest)}; right: {len(member.columns)}, with a decimal point, no thousands separator")
    if len(values) == 1 and values[0] in _GAP:
        member.gaps_in_file += 1
        return
    for value in values:
        if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            raise ContractError("E_CSV_VALUE", where, f"value {_shown(value)}; right: a finite decimal number")
    member.time_ns.append(int(time))
    for column, value in zip(member.columns, values, strict=True):
        column.append(float(value))


def _shown(text: bytes) -> str:
    return seen(text.rstrip(b"\n").decode("utf-8", "backslashreplace"))

"""The bytes of a CSV file as columns: encoding, delimiter, decimal sign, header, rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, islice

from cronocast.errors import ContractError, DataError, seen
from cronocast.tables.columns import TextColumn, one_line
from cronocast.tables.faults import is_missing
from cronocast.tables.numbers import decimal_sign, is_number
from cronocast.tables.time_text import looks_like_time

DELIMITERS = {
    ";": "semicolons",
    "\t": "tabs",
    ",": "commas",
    "|": "bars",
}  # in this order: a comma may be a decimal sign
LINES = 50  # that say which delimiter it is
ROWS = 2000  # that say which decimal sign it is


@dataclass(frozen=True)
class TextTable:
    """A CSV file: its columns, the line of each row, and how it is written."""

    columns: list[TextColumn]
    lines: list[int]  # where each row ends, from 1
    words: str  # on encoding, delimiter and decimal sign


def read_text(data: bytes, where: str) -> TextTable:
    """Read a CSV file.

    Raises:
        DataError: there is no row in it.
        ContractError: a row has more or fewer cells than the header, or quotes are not closed.
    """
    text, encoding = _decoded(data)
    text, delimiter = _delimiter(text)
    rows, lines = _rows(text, delimiter, where)
    header, rows, lines = _header(rows, lines)
    if not rows:
        raise DataError("E_INPUT_MISSING", where, "no row below the header; right: a header and a row for each time")
    width = len(header)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width:
            raise _ragged(row, header, delimiter, f"{where}:{line}")
    decimal = decimal_sign((cell.strip() for row in rows[:ROWS] for cell in row), delimiter)
    columns = [TextColumn(name, [row[i] for row in rows], decimal) for i, name in enumerate(header)]
    words = f"{encoding}, {DELIMITERS[delimiter]} between cells{', decimal comma' if decimal == ',' else ''}"
    return TextTable([c for c in columns if c.kind != "empty" or not c.name.startswith("column ")], lines, words)


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), "UTF-16"
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "Windows-1252"


def _delimiter(text: str) -> tuple[str, str]:
    """The text without a line that only names the delimiter, and the delimiter: that which parts all lines alike."""
    first, _, rest = text.partition("\n")
    if first.strip().lower() in {f"sep={d}" for d in DELIMITERS}:
        return rest, first.strip()[4]
    lines = [line for line in islice(io.StringIO(text, newline=None), LINES) if line.strip() and line[0] != "#"]
    widths = {d: [len(row) for row in csv.reader(lines, delimiter=d) if row] for d in DELIMITERS}
    even = [d for d, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1]
    most = max(DELIMITERS, key=lambda d: sum(count > 1 for count in widths[d]))
    return text, next(iter(even), most)


def _rows(text: str, delimiter: str, where: str) -> tuple[list[list[str]], list[int]]:
    """Rows that hold anything, and the line at which each ends; comments before the header are left out."""
    reader = csv.reader(io.StringIO(text.replace("\x00", ""), newline=""), delimiter=delimiter, strict=True)
    rows, lines = list[list[str]](), list[int]()
    try:
        for row in dropwhile(_is_comment, reader):
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ContractError(
            "E_CSV_ENCODING", f"{where}:{reader.line_num}", f"{error}; right: quotes around a whole cell, closed"
        ) from error
    return rows, lines


def _is_comment(row: list[str]) -> bool:
    return bool(row) and row[0].startswith("#")


def _header(rows: list[list[str]], lines: list[int]) -> tuple[list[str], list[list[str]], list[int]]:
    """Names of the columns, and the rows below; where the first row is data, columns are named by number."""
    if not rows:
        return [], [], []
    first = [cell for cell in rows[0] if not is_missing(cell)]
    if any(map(looks_like_time, first)) or (first and all(is_number(c, ".") or is_number(c, ",") for c in first)):
        return [f"column {i}" for i in range(1, len(rows[0]) + 1)], rows, lines
    names = [one_line(name) or f"column {i}" for i, name in enumerate(rows[0], 1)]
    twice = {name for name in names if names.count(name) > 1}
    return [f"{name} ({i})" if name in twice else name for i, name in enumerate(names, 1)], rows[1:], lines[1:]


def _ragged(row: Sequence[str], header: Sequence[str], delimiter: str, where: str) -> ContractError:
    hint = "; a decimal comma needs semicolons or quotes" if delimiter == "," and len(row) > len(header) else ""
    right = f"{len(header)}, as the header has ({', '.join(header[:6])}){hint}"
    return ContractError("E_CSV_ROW", where, f"{len(row)} cells: {seen(list(row))}; right: {right}")

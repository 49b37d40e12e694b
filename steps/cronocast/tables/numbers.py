"""Numbers as people and programs write them: `1234.5`, `1,234.5`, `1.234,5`, `1 234,5`, `1e3`, `12 %`."""

import re
from array import array
from collections.abc import Iterable, Sequence
from math import isfinite, nan

from cronocast.tables.faults import CellError, is_missing

_EXPONENT = r"(?:[eE][+-]?\d{1,3})?"
_SPACES = "[ \u00a0\u202f'\u2019]"  # that part groups of three digits, whatever the decimal sign
_NO_SPACES = str.maketrans("", "", _SPACES[1:-1])


def _grammar(decimal: str, group: str) -> "re.Pattern[str]":
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d{{1,3}}(?:{_SPACES}\d{{3}})+|\d+)"
    return re.compile(rf"([+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+){_EXPONENT})(?: ?%)?", re.ASCII)


_NUMBER = {".": _grammar(r"\.", ","), ",": _grammar(",", r"\.")}
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# What only one of both decimal signs explains.
_COMMA = re.compile(
    r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),(?:\d{1,2}|\d{4,})|[+-]?0,\d+|[+-]?\d{1,3}(?:\.\d{3})+,\d+", re.ASCII
)
_POINT = re.compile(
    r"[+-]?(?:\d*|\d{1,3}(?:,\d{3})+)\.(?:\d{1,2}|\d{4,})|[+-]?0\.\d+|[+-]?\d{1,3}(?:,\d{3})+\.\d+", re.ASCII
)
_EITHER = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)
RIGHT = {
    ".": "a number such as 1234.5, or an empty cell where there is none",
    ",": "a number such as 1234,5, or an empty cell where there is none",
}


def decimal_sign(cells: Iterable[str], delimiter: str) -> str:
    """The decimal sign of a file: the one that explains its cells, else what goes with the delimiter.

    `1,234` alone is 1234 in a file with commas between its cells, and 1.234 in any other.
    """
    commas = points = unsure = 0
    for cell in (cell.translate(_NO_SPACES) for cell in cells):
        commas += _COMMA.fullmatch(cell) is not None
        points += _POINT.fullmatch(cell) is not None
        unsure += _EITHER.fullmatch(cell) is not None
    if commas or points:
        return "," if commas > points else "."
    return "," if unsure and delimiter != "," else "."


def is_number(cell: str, decimal: str) -> bool:
    """Whether a text is a number."""
    return _NUMBER[decimal].fullmatch(cell.strip()) is not None


def read_numbers(cells: Sequence[str], decimal: str) -> "array[float]":
    """Doubles, NaN where a cell says that there is no value.

    Raises:
        CellError: a cell is no finite number.
    """
    return array("d", (_number(row, cell, decimal) for row, cell in enumerate(cells)))


def _number(row: int, cell: str, decimal: str) -> float:
    if decimal == "." and _PLAIN.fullmatch(cell):
        value = float(cell)
    elif is_missing(cell):
        return nan
    else:
        found = _NUMBER[decimal].fullmatch(cell.strip())
        if found is None:
            raise CellError(row, cell, RIGHT[decimal])
        group = "," if decimal == "." else "."
        value = float(re.sub(_SPACES, "", found[1]).replace(group, "").replace(decimal, "."))
    if not isfinite(value):
        raise CellError(row, cell, RIGHT[decimal])
    return value

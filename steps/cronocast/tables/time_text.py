"""Texts that are times, as people and programs write them."""

import re
from array import array
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from cronocast.tables.faults import CellError, is_missing
from cronocast.tables.times import MISSING, UNIT, Form, Times, as_read, offset_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EARLIEST_S, LATEST_S = 10**8, 41 * 10**8  # 1973 to 2099: what is taken for seconds since 1970, and their fractions
_FIRST_YEAR, _LAST_YEAR = 1680, 2260  # that 64 bits of nanoseconds hold
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
_ISO = re.compile(
    rf"(?P<year>\d{{4}})([-/.])(?P<month>\d{{1,2}})\2(?P<day>\d{{1,2}})(?:[T ]{_CLOCK}{_ZONE})?", re.ASCII
)
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)", re.ASCII)
_BASIC = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:T(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<zone>Z)?)?",
    re.ASCII,
)
_DAY_FIRST = re.compile(
    rf"(?P<day>\d{{1,2}})([./-])(?P<month>\d{{1,2}})\2(?P<year>\d{{4}})(?:[T ,]+{_CLOCK}(?P<half> ?[AaPp][Mm])?)?",
    re.ASCII,
)
_MONTH_FIRST = re.compile(
    rf"(?P<month>\d{{1,2}})([/-])(?P<day>\d{{1,2}})\2(?P<year>\d{{4}})(?:[T ,]+{_CLOCK}(?P<half> ?[AaPp][Mm])?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"(\d{9,19})(?:\.(\d*))?|\d(?:\.\d+)?[eE]\+?\d{1,2}", re.ASCII)
RIGHT = "a time such as 2026-01-31T12:00:00Z, 2026-01-31 12:00, 31.01.2026 12:00, or seconds since 1970"


def looks_like_time(cell: str) -> bool:
    """Whether a text is a date, with or without a time of day; an epoch is a number like others."""
    text = cell.strip()
    return any(pattern.fullmatch(text) for pattern in (_ISO, _MONTH, _DAY_FIRST, _MONTH_FIRST)) or bool(
        _BASIC.fullmatch(text) and 1900 <= int(text[:4]) < 2100 and 1 <= int(text[4:6]) <= 12 and int(text[6:8]) <= 31
    )


def looks_like_epoch(cell: str) -> bool:
    """Whether a text is a number that lies between 2001 and 2099, in one of the units."""
    if not _EPOCH.fullmatch(cell.strip()):
        return False
    value = float(cell)
    return any(10**9 * 10**9 <= value * ns <= LATEST_S * 10**9 for ns in UNIT.values())


def read_times(cells: Sequence[str], zone: "ZoneInfo | None" = None) -> Times:
    """Read a column of texts, all in one form.

    Args:
        cells: The texts; an empty one has no time.
        zone: Whose clock shows them where they name no zone; None is UTC.

    Raises:
        CellError: a cell is no time, or one of another form than those before it.
    """
    first = next((cell.strip() for cell in cells if not is_missing(cell)), "")
    if _EPOCH.fullmatch(first) and not looks_like_time(first):
        return _epochs(cells)
    patterns = _ISO, _MONTH, _BASIC, _day_or_month(cells)
    pattern = next((pattern for pattern in patterns if pattern.fullmatch(first)), _ISO)
    times, offsets = array("q"), array("q")
    named: dict[bool, int] = {}  # whether a zone is named -> first row
    for row, cell in enumerate(cells):
        if is_missing(cell):
            times.append(MISSING)
            offsets.append(0)
            continue
        try:
            local, offset_s = _read(pattern, cell.strip())
        except ValueError:
            raise CellError(row, cell, RIGHT if not times else f"{RIGHT}, in the form of {first}") from None
        named.setdefault(offset_s is not None, row)
        if len(named) > 1:
            raise CellError(row, cell, "a zone in every time, or in none")
        if offset_s is None:
            offset_s = offset_of(zone, local) if zone is not None else 0
        times.append(local - offset_s * 10**9)
        offsets.append(offset_s * 10**9)
    return as_read(times, offsets, zone, named)


def _day_or_month(cells: Sequence[str]) -> "re.Pattern[str]":
    """Which of both comes first in `3/4/2026`: what makes a date of every cell; with dots always the day.

    Raises:
        CellError: nothing tells.
    """
    slashed = [(row, m) for row, cell in enumerate(cells) if (m := _MONTH_FIRST.fullmatch(cell.strip()))]
    if any(int(m["month"]) > 12 for _, m in slashed):
        return _DAY_FIRST
    if slashed and not any(int(m["day"]) > 12 for _, m in slashed):
        row, found = slashed[0]
        raise CellError(row, found[0], "a date that says which is the month, such as 2026-01-31 or 31.01.2026")
    return _MONTH_FIRST if slashed else _DAY_FIRST


@lru_cache(2**16)  # rows of many members show each time many times
def _read(pattern: "re.Pattern[str]", text: str) -> tuple[int, int | None]:
    """What the clock shows, as ns since 1970, and its offset in seconds where one is named."""
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(text)
    part: Callable[[str], str] = found.groupdict(default="").get  # type: ignore[assignment]
    hour, minute, second = (int(part(name) or 0) for name in ("hour", "minute", "second"))
    if half := (part("half") or "").strip().lower():
        hour = hour % 12 + 12 * (half == "pm")
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(text)
    days = _day(int(part("year")), int(part("month")), int(part("day") or 1))
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    return seconds * 10**9 + int((part("fraction") or "").ljust(9, "0")), _offset_named(part("zone") or "")


@cache
def _day(year: int, month: int, day: int) -> int:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(year)
    return date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()


@cache
def _offset_named(zone: str) -> int | None:
    if not zone:
        return None
    if zone in ("Z", "UTC", "GMT"):
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[3:].strip(":") or 0) * 60
    return -seconds if zone[0] == "-" else seconds


def _epochs(cells: Sequence[str]) -> Times:
    """Numbers since 1970, in the unit in which the middle one lies between 1973 and 2099."""
    numbers = sorted(float(cell) for cell in cells if _EPOCH.fullmatch(cell.strip()))
    unit = unit_of(numbers[len(numbers) // 2])
    times = array("q")
    for row, cell in enumerate(cells):
        found = _EPOCH.fullmatch(cell.strip())
        if found is None and not is_missing(cell):
            raise CellError(row, cell, "a number since 1970, as in the rows before")
        times.append(MISSING if found is None else _epoch(row, cell.strip(), found, unit))
    return Times(times, Form(unit))


def _epoch(row: int, cell: str, found: "re.Match[str]", unit: str) -> int:
    ns = UNIT[unit]
    digits = len(str(ns)) - 1  # of fractions that count
    time = (
        int(found[1]) * ns + int((found[2] or "")[:digits].ljust(digits, "0") or 0)
        if found[1]
        else round(float(cell)) * ns
    )
    if not EARLIEST_S * 10**9 <= time <= LATEST_S * 10**9:
        raise CellError(row, cell, f"a time between 1973 and 2099 in {unit}, as in most rows")
    return time


def unit_of(value: float) -> str:
    """The unit of an epoch by its magnitude: s, ms, us or ns."""
    return next((unit for unit, ns in UNIT.items() if value * ns <= LATEST_S * 10**9 * 10), "ns")

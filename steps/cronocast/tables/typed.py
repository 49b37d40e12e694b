"""Columns of tables that know the types of their cells: Parquet, data frames."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from itertools import islice
from math import isfinite, nan
from typing import Any
from zoneinfo import ZoneInfo

from cronocast.tables.columns import LOOKED_AT, Column, TextColumn, is_row_number
from cronocast.tables.faults import CellError
from cronocast.tables.numbers import RIGHT
from cronocast.tables.time_text import looks_like_epoch, read_times
from cronocast.tables.times import MISSING, Times, of_clock, of_zone


@dataclass(frozen=True)
class TimeColumn:
    """Times: in ns of UTC where the column has a zone, else of a clock that names none; MISSING where there is none."""

    name: str
    ns: "array[int]"
    tz: tzinfo | None = None
    kind: str = "time"

    def times(self, zone: ZoneInfo | None) -> Times:
        """See `Column`."""
        return of_zone(self.ns, self.tz) if self.tz is not None else of_clock(self.ns, zone)

    def numbers(self) -> "array[float]":
        """See `Column`."""
        raise CellError(0, self.labels()[0], RIGHT["."])

    def labels(self) -> list[str]:
        """See `Column`."""
        form = self.times(None).form
        return ["" if time == MISSING else form.write(time) for time in self.ns]


@dataclass(frozen=True)
class NumberColumn:
    """Numbers, NaN where there is no value."""

    name: str
    values: Sequence[float]

    @cached_property
    def kind(self) -> str:
        """See `Column`."""
        some = list(islice(filter(None, self.labels()), LOOKED_AT))
        if not some:
            return "empty"
        if is_row_number(self.name, some):
            return "count"
        return "epoch" if all(map(looks_like_epoch, some)) else "number"

    def times(self, zone: ZoneInfo | None) -> Times:
        """See `Column`."""
        return read_times(self.labels(), zone)

    def numbers(self) -> "array[float]":
        """See `Column`."""
        odd = next((row for row, value in enumerate(self.values) if value in (float("inf"), -float("inf"))), None)
        if odd is not None:
            raise CellError(odd, self.values[odd], RIGHT["."])
        return array("d", self.values)

    def labels(self) -> list[str]:
        """See `Column`."""
        return [_text(value) for value in self.values]


def _text(value: float) -> str:
    """A number as a cell; without a point where it is whole."""
    if value != value:  # NaN  # noqa: PLR0124
        return ""
    return str(int(value)) if isfinite(value) and value == int(value) else repr(float(value))


def of_objects(name: str, cells: Sequence[Any]) -> Column:
    """A column of any objects, None where there is none: numbers, times, else their texts."""
    there = [cell for cell in cells if cell is not None]
    if there and all(isinstance(cell, int | float | Decimal) for cell in there):
        numbers = [nan if cell is None else cell if isinstance(cell, int) else float(cell) for cell in cells]
        return NumberColumn(name, numbers)
    return TextColumn(name, ["" if cell is None else _object_text(cell) for cell in cells])


def _object_text(cell: object) -> str:
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)

"""A column of a table, whatever the table was: what it looks like, and what it holds as times, numbers or labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from cronocast.tables.faults import is_missing
from cronocast.tables.numbers import is_number, read_numbers
from cronocast.tables.time_text import looks_like_epoch, looks_like_time, read_times
from cronocast.tables.times import Times

if TYPE_CHECKING:
    from array import array

LOOKED_AT = 200  # cells that say what a column is; one further down that is something else is named with its line
INDEX_NAMES = ("column 1", "index", "unnamed: 0", "level_0", "row", "id")  # of what may number the rows


class Column(Protocol):
    """One column: its name, and the cells in the way in which somebody asks for them."""

    @property
    def name(self) -> str:
        """Its name in the header."""
        ...

    @property
    def kind(self) -> str:
        """What it looks like: time, epoch, number, count (rows numbered), text or empty."""
        ...

    def times(self, zone: ZoneInfo | None) -> Times:
        """Its cells as times; those that name no zone are shown by the clock of `zone`.

        Raises:
            CellError: a cell is no time.
        """
        ...

    def numbers(self) -> "array[float]":
        """Its cells as doubles, NaN where there is no value.

        Raises:
            CellError: a cell is no finite number.
        """
        ...

    def labels(self) -> Sequence[str]:
        """Its cells as texts of one line, "" where there is none."""
        ...


@dataclass(frozen=True)
class TextColumn:
    """A column of a CSV file."""

    name: str
    cells: Sequence[str]
    decimal: str = "."

    @cached_property
    def kind(self) -> str:
        """See `Column`."""
        some = list(islice((cell.strip() for cell in self.cells if not is_missing(cell)), LOOKED_AT))
        if not some:
            return "empty"
        if _most(map(looks_like_time, some)):
            return "time"
        if not _most(is_number(cell, self.decimal) for cell in some):
            return "text"
        if is_row_number(self.name, some):
            return "count"
        return "epoch" if _most(map(looks_like_epoch, some)) else "number"

    def times(self, zone: ZoneInfo | None) -> Times:
        """See `Column`."""
        return read_times(self.cells, zone)

    def numbers(self) -> "array[float]":
        """See `Column`."""
        return read_numbers(self.cells, self.decimal)

    def labels(self) -> list[str]:
        """See `Column`."""
        return ["" if is_missing(cell) else one_line(cell) for cell in self.cells]


def _most(cells: Iterable[bool]) -> bool:
    """Whether half of them or more are so: one that is not is a mistake, which is named when the column is read."""
    found = list(cells)
    return 2 * sum(found) >= len(found)


def is_row_number(name: str, some: Sequence[str]) -> bool:
    """Whether a column numbers the rows, as pandas' index does."""
    if name.lower() not in INDEX_NAMES or not all(map(str.isdigit, some)):
        return False
    return some[0] in ("0", "1") and all(int(b) == int(a) + 1 for a, b in pairwise(some))


@lru_cache(2**16)  # the names of members stand in many rows
def one_line(text: str) -> str:
    """A text without line ends and what else can't stand in a name."""
    return " ".join(text.replace("\x00", " ").split())

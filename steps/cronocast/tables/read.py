"""A file as a table: CSV of any ordinary kind, or Parquet."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronocast.errors import DataError, StorageError
from cronocast.tables.layout import Named
from cronocast.tables.table import Table, table_of
from cronocast.tables.text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cronocast.tables.columns import Column

MAX_BYTES = 2**29  # of a table, which is read as a whole
STDIN = "-"


def read_table(path: Path, named: Named, zone: ZoneInfo | None = None, every_ns: int | None = None) -> Table:
    """Read a table of one's own.

    Args:
        path: A CSV file, a Parquet file (`.parquet`), or `-` for CSV on stdin.
        named: What a person says of its columns.
        zone: Whose clock shows times that name no zone; None is UTC.
        every_ns: The step where somebody names it.

    Raises:
        DataError: the file is missing, empty or larger than 512 MiB.
        StorageError: it is no plain file, or can't be read.
        MissingExtraError: Parquet can't be read here.
        ConfigError, ContractError: as `table_of`.
    """
    columns: Sequence[Column]
    place: Callable[[int], str]
    if path.suffix.lower() in (".parquet", ".pq"):
        from cronocast.tables.parquet import read_parquet

        _check(path)
        columns, place, words = read_parquet(path), lambda row: f"{path}:row {row + 1}", "Parquet"
    else:
        where = "stdin" if str(path) == STDIN else str(path)
        text = read_text(_bytes(path, where), where)
        columns, place, words = text.columns, lambda row: f"{where}:{text.lines[row]}", text.words
    table = table_of(columns, named, place, zone, every_ns)
    table.notes.insert(0, words)
    return table


def _bytes(path: Path, where: str) -> bytes:
    """The whole of a file, which may be a link or a pipe."""
    if str(path) == STDIN:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        _check(path)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise StorageError("E_STORAGE", where, f"{error.strerror or error}; right: a file to read") from error
    if len(data) > MAX_BYTES:
        sentence = f"more than {MAX_BYTES} bytes; right: fewer columns, fewer members or a shorter time"
        raise DataError("E_TOO_LARGE", where, sentence)
    return data


def _check(path: Path) -> None:
    if not path.exists():
        raise DataError("E_INPUT_MISSING", str(path), "no such file; right: a CSV or Parquet file, or - for stdin")
    if path.is_dir():
        raise StorageError("E_INPUT_KIND", str(path), "a folder; right: a CSV or Parquet file")

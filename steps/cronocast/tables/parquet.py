"""Parquet files, by pyarrow (the extra `parquet`)."""

from array import array
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cronocast.errors import ContractError, MissingExtraError, Problem, seen
from cronocast.tables.columns import Column
from cronocast.tables.times import MISSING
from cronocast.tables.typed import TimeColumn, of_objects

INDEX = "__index_level_"  # how pandas names an index without a name


def read_parquet(path: Path) -> list[Column]:
    """The columns of a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ContractError: it is no such file.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        sentence = (
            f"{seen(path.name)} needs the module pyarrow, which is not installed here: pip install 'cronocast[parquet]'"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "DATA", sentence)]) from error
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise ContractError("E_PARQUET", str(path), f"{error}; right: a Parquet file") from error
    names = [f"column {i}" if name.startswith(INDEX) else name for i, name in enumerate(table.column_names, 1)]
    return [_column(name, table.column(i), arrow) for i, name in enumerate(names)]


def _column(name: str, data: Any, arrow: Any) -> Column:  # noqa: ANN401 - pyarrow has no types
    kind = data.type
    if not (arrow.types.is_timestamp(kind) or arrow.types.is_date(kind)):
        return of_objects(name, data.to_pylist())
    zone = getattr(kind, "tz", None)
    cells = data.cast(arrow.timestamp("ns", zone)).cast(arrow.int64()).to_pylist()
    return TimeColumn(name, array("q", (MISSING if cell is None else cell for cell in cells)), _zone(zone))


def _zone(name: str | None) -> tzinfo | None:
    """The zone of a column: a name, or an offset such as +02:00."""
    if name is None:
        return None
    if name in ("UTC", "Z"):
        return UTC
    return datetime.fromisoformat(f"2026-01-01T00:00{name}").tzinfo if name[0] in "+-" else ZoneInfo(name)

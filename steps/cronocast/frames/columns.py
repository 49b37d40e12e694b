"""Series and data frames of pandas as the columns of a table."""

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas

from cronocast.errors import ConfigError, seen
from cronocast.tables.typed import NumberColumn, TimeColumn, of_objects

if TYPE_CHECKING:
    from datetime import tzinfo

    from cronocast.tables.columns import Column

TIME, VALUE = "time", "value"  # of an index and of a series that have no name


def columns_of(data: Any) -> tuple[list["Column"], Callable[[int], str]]:  # noqa: ANN401 - pandas has no types
    """The columns of a series or frame, its index first where that says times; and where a row is, for messages.

    Raises:
        ConfigError: it is neither, or two of its columns have the same name.
    """
    if isinstance(data, pandas.Series):
        data = data.to_frame(VALUE if data.name is None else data.name)
    if not isinstance(data, pandas.DataFrame):
        what = f"{type(data).__name__} {seen(data)}"
        raise ConfigError.one("E_DATA", "data", f"{what}; right: a Series or DataFrame of pandas")
    index = data.index
    parts = [_index_part(index, level) for level in range(index.nlevels)] if not _only_numbers_rows(index) else []
    parts += [(str(name), data.iloc[:, i]) for i, name in enumerate(data.columns)]
    names = [name for name, _ in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError.one("E_CSV_COLUMN", "data", f"two columns are called {seen(twice)}; right: a name for each")
    return [_column(name, values) for name, values in parts], lambda row: f"data[{index[row]!s}]"


def _only_numbers_rows(index: Any) -> bool:  # noqa: ANN401
    return (
        index.nlevels == 1 and index.name is None and not isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex)
    )


def _index_part(index: Any, level: int) -> tuple[str, Any]:  # noqa: ANN401
    name = index.names[level]
    return TIME if name is None else str(name), index.get_level_values(level).to_series(index=range(len(index)))


def _column(name: str, values: Any) -> "Column":  # noqa: ANN401
    kind = values.dtype
    if isinstance(kind, pandas.PeriodDtype):
        values = values.dt.to_timestamp()
        kind = values.dtype
    if isinstance(kind, pandas.DatetimeTZDtype) or kind.kind == "M":
        zone = getattr(kind, "tz", None)
        plain = values.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else values
        return TimeColumn(name, array("q", plain.dt.as_unit("ns").astype("int64").tolist()), _zone(zone))
    if pandas.api.types.is_numeric_dtype(kind) and not pandas.api.types.is_complex_dtype(kind):
        whole = pandas.api.types.is_integer_dtype(kind) and not values.hasnans
        return NumberColumn(
            name, values.tolist() if whole else values.to_numpy(dtype=float, na_value=float("nan")).tolist()
        )
    return of_objects(name, values.astype(object).where(values.notna(), None).tolist())


def _zone(zone: "tzinfo | None") -> "tzinfo | None":
    """A zone by its name where it has one, as older versions of pandas have zones of another library."""
    if zone is None or isinstance(zone, ZoneInfo):
        return zone
    try:
        return ZoneInfo(str(zone))
    except (ValueError, LookupError, OSError):
        return zone

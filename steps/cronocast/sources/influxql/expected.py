"""What an answer to a query must look like: whose rows it holds, and in which columns."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cronocast.durations import MAX_NS, UNIT_NS
from cronocast.errors import ContractError, seen
from cronocast.handoff.series import tags_text
from cronocast.sources.influxql.messages import JsonNumber


@dataclass(frozen=True)
class Expected:
    """What an answer must look like; empty or None where the entry has a query of its own."""

    name: str | None = None  # of every member
    column: str | None = None  # of the value
    tag_keys: frozenset[str] | None = None
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)  # values that were asked for
    start_ns: int = 0
    end_ns: int = MAX_NS
    max_rows: int = 10**9
    # length of the steps into which a query of one's own groups its rows; their times are those of their beginnings
    grouped_ns: int | None = None
    zone: str | None = None  # whose days they are, where the query names one

    def on_grid(self, time_ns: int) -> int:
        """The step of the grid that a step of the query goes to.

        That is the one that it has most of; days of a time zone keep their dates, also those that begin half a day and
        more before they do in UTC.
        """
        grouped_ns = self.grouped_ns or 1
        ahead_ns = _ahead_ns(self.zone, time_ns) if self.zone and grouped_ns % UNIT_NS["d"] == 0 else 0
        return (time_ns + ahead_ns + grouped_ns // 2) // grouped_ns * grouped_ns

    def check(self, name: str, tags: dict[str, str], text: str, where: str) -> None:
        """Check that a member was asked for; where no tag was, those that it has are left to the caller.

        Args:
            name: Of the member.
            tags: Its tags.
            text: The tags as a cell of history.csv.
            where: For the error.

        Raises:
            ContractError: it has other tags, or another name or value of a tag.
        """
        if self.tag_keys and set(tags) != self.tag_keys:
            sentence = f"tags {seen(sorted(tags))}; asked for {seen(sorted(self.tag_keys))}"
            raise ContractError("E_WRONG_SERIES", where, sentence)
        wrong = {key: value for key, value in tags.items() if value not in self.tags.get(key, (value,))}
        if wrong or (self.name is not None and name != self.name):
            asked = f"asked for {seen(self.name)} with {seen(self.tags)}"
            raise ContractError("E_WRONG_SERIES", where, f"member {seen(name)} with {seen(text)}; {asked}")


def _ahead_ns(zone: str, time_ns: int) -> int:
    """What the clocks of a zone show beyond UTC; nothing where there is no such zone, which the server names."""
    from zoneinfo import ZoneInfo  # few queries need it

    try:
        ahead = datetime.fromtimestamp(time_ns // UNIT_NS["s"], ZoneInfo(zone)).utcoffset()
    except (ValueError, OSError, LookupError):
        return 0
    return round(ahead.total_seconds()) * UNIT_NS["s"] if ahead else 0


def member_of(series: dict[str, Any], where: str) -> tuple[str, dict[str, str], str]:
    """Name and tags of a series, and the tags as a cell of history.csv.

    Raises:
        ContractError: they are no text, or text that a line of CSV can't carry.
    """
    name, tags = series.get("name"), series.get("tags") or {}
    if not isinstance(tags, dict) or not all(map(_is_text, (name, *tags.values()))):
        sentence = f"a series with name {seen(name)} and tags {seen(tags)}; right: text"
        raise ContractError("E_ANSWER", where, sentence)
    text = tags_text((key, value) for key, value in tags.items() if value)
    if not name:
        raise ContractError("E_ANSWER", where, f"a series without a name and with tags {seen(tags)}; right: a name")
    return str(name), tags, text


def columns_of(series: dict[str, Any], wanted: str | None, where: str) -> tuple[int, int]:
    """Where time and value stand in a row.

    Raises:
        ContractError: the columns are others than time and the one that is wanted.
    """
    columns = series.get("columns")
    if not isinstance(columns, list) or not _are_time_and(wanted, columns):
        right = f"time and {wanted or 'one value'}"
        raise ContractError("E_COLUMNS", where, f"columns {seen(columns)}; right: {right}")
    return columns.index("time"), 1 - columns.index("time")


def _are_time_and(wanted: str | None, columns: list[Any]) -> bool:
    return len(columns) == 2 and columns.count("time") == 1 and (not wanted or wanted in columns)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, JsonNumber)

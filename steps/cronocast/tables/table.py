"""A table as members of a history: rows in order, one value for each time, times on the multiples of their step."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import fsum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from cronocast.errors import ContractError, DataError, seen
from cronocast.handoff.series import HISTORY_COLUMNS, Member, header, parse_tags, rows, tags_text
from cronocast.tables.columns import Column
from cronocast.tables.faults import CellError
from cronocast.tables.layout import Layout, Named, layout_of
from cronocast.tables.mixture import refuse_mixture
from cronocast.tables.months import DAY_NS, MONTH_NS, Months, months_of
from cronocast.tables.step import phase_of, step_of
from cronocast.tables.times import MISSING, Form, Times

CYCLE_NS = 10_227 * DAY_NS  # 28 years: the same weekdays and leap years again
EARLIEST_NS = 730 * DAY_NS  # what begins before 1972 is moved by such cycles: files between steps begin in 1970
SHORTEST = 28 * DAY_NS  # step from which on rows may follow months
NAME = "series"  # of members whose table has one value only


Read = TypeVar("Read")


@dataclass(frozen=True)
class Table:
    """What was found in a table."""

    members: list[Member]  # times in ns, `moved_ns` before those of the table
    by: tuple[str, ...]  # names of what tells members apart
    labels: dict[tuple[str, str], tuple[str, ...]]  # key of a member -> what `by` says of it
    time: str  # name of the column with the times
    values: tuple[str, ...]  # names of those with the values
    form: Form  # of the times
    every_ns: int
    moved_ns: int
    on_wall: bool  # times are what the clock on the wall shows, so that days begin at its midnight
    months: Months | None  # times are months of 30 days
    rows: int
    notes: list[str]  # what people should know of it

    def time_ns(self, own_ns: int) -> int:
        """The time in ns UTC that a time of its members stands for."""
        time = own_ns + self.moved_ns
        time = time if self.months is None else self.months.time(time)
        return self.form.utc(time) if self.on_wall else time

    def written(self, own_ns: int) -> str:
        """A time of its members as the table would write it."""
        return self.form.write(self.time_ns(own_ns))

    def write_history(self, path: Path) -> None:
        """Write the members as a history that steps read."""
        with path.open("wb") as file:
            file.write(header(HISTORY_COLUMNS))
            file.writelines(rows(member) for member in self.members)


@dataclass
class _Rows:
    """Values of one member, as the table has them."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


def table_of(
    columns: Sequence[Column],
    named: Named,
    place: Callable[[int], str],
    zone: ZoneInfo | None = None,
    every_ns: int | None = None,
) -> Table:
    """Make members of a table.

    Args:
        columns: All columns, of one length.
        named: What a person says of them.
        place: Says where a row is, for messages.
        zone: Whose clock shows times that name no zone; None is UTC.
        every_ns: The step where somebody names it; else the rows say it.

    Raises:
        ConfigError: nothing says which column is meant, or what tells members apart.
        ContractError: a cell is not what its column holds; its place, column and text are named.
        DataError: there is no value.
    """
    layout, notes = layout_of(columns, named), list[str]()
    times = _checked(layout.time, place, lambda: layout.time.times(zone))
    refuse_mixture(layout, columns, times, named, place)
    found = _members(layout, times, place, notes)
    if not found:
        names = ", ".join(c.name for c in layout.values)
        raise DataError("E_INPUT_MISSING", place(0), f"no value in column {names}; right: a number or more")
    _in_order(found, notes)
    if layout.left_out:
        notes.append(f"not read: {', '.join(layout.left_out)}")
    return _as_table(layout, times, found, notes, every_ns)


def _checked(column: Column, place: Callable[[int], str], read: Callable[[], Read]) -> Read:
    try:
        return read()
    except CellError as error:
        token = "E_CSV_VALUE" if "number such" in error.right else "E_CSV_TIME"
        sentence = f"column {column.name}: {seen(error.seen)}; right: {error.right}"
        raise ContractError(token, place(error.row), sentence) from None


def _members(
    layout: Layout, times: Times, place: Callable[[int], str], notes: list[str]
) -> dict[tuple[str, ...], _Rows]:
    """Values by what tells members apart, in the order of the table."""
    labels = list(zip(*(c.labels() for c in layout.by), strict=True)) if layout.by else [()] * len(times.ns)
    if layout.own:
        _check_tags(labels, place)
    without = sum("" in label[: 1 if layout.own else None] for label in labels)
    found: dict[tuple[str, ...], _Rows] = {}
    missing = 0
    for column in layout.values:
        before = (column.name,) if layout.wide else ()
        for time, label, value in zip(times.ns, labels, _checked(column, place, column.numbers), strict=True):
            if value != value:  # NaN  # noqa: PLR0124
                missing += 1
            elif time != MISSING and ("" not in label or layout.own):
                rows_of = found.setdefault(before + label, _Rows())
                rows_of.times.append(time)
                rows_of.values.append(value)
    timeless = times.ns.count(MISSING)
    told = {
        "missing values": missing,
        "rows left out without a time": timeless,
        "rows left out without a name": without,
    }
    notes += [f"{what}: {count}" for what, count in told.items() if count]
    return found


def _check_tags(labels: Sequence[tuple[str, ...]], place: Callable[[int], str]) -> None:
    """Refuse tags that are not those of a history."""
    for tags in {label[1] for label in labels}:
        try:
            parse_tags(tags)
        except ValueError:
            row = next(row for row, label in enumerate(labels) if label[1] == tags)
            raise ContractError(
                "E_CSV_ROW", place(row), f"tags {seen(tags)}; right: k=v,k2=v2, sorted by key"
            ) from None


def _in_order(found: dict[tuple[str, ...], _Rows], notes: list[str]) -> None:
    """Sort the rows of each member; those of one time become their mean."""
    unsorted = doubled = 0
    for of_member in found.values():
        times = of_member.times
        if all(a < b for a, b in pairwise(times)):
            continue
        unsorted += any(a > b for a, b in pairwise(times))
        by_time: dict[int, list[float]] = {}
        for time, value in zip(times, of_member.values, strict=True):
            by_time.setdefault(time, []).append(value)
        doubled += len(times) - len(by_time)
        of_member.times = array("q", sorted(by_time))
        of_member.values = array("d", (_mean(by_time[time]) for time in of_member.times))
    if unsorted:
        notes.append("rows were not in the order of their times")
    if doubled:
        notes.append(f"rows that repeat the time of another: {doubled} (their mean counts)")


def _mean(values: list[float]) -> float:
    return values[0] if len(values) == 1 else fsum(value / len(values) for value in values)


def _as_table(
    layout: Layout, times: Times, found: dict[tuple[str, ...], _Rows], notes: list[str], every_ns: int | None
) -> Table:
    step_ns = every_ns or step_of(of_member.times for of_member in found.values())
    form, on_wall = times.form, times.wall_ns is not None and step_ns >= DAY_NS
    if on_wall:
        _show_wall(found, times)
        form = replace(form, mixed=False, offset_s=_last_offset(times)) if form.zone is None else form
    months = (
        months_of(of_member.times for of_member in found.values()) if not every_ns and step_ns >= SHORTEST else None
    )
    if months is not None:
        step_ns = months.count * MONTH_NS
        for of_member in found.values():
            of_member.times = array("q", map(months.own, of_member.times))
        notes.append("rows follow months; in horizon, periods and step a month counts as 30 days")
    first = min(of_member.times[0] for of_member in found.values())
    lift = max(0, -(-(EARLIEST_NS - first) // CYCLE_NS)) * CYCLE_NS
    moved = phase_of((of_member.times for of_member in found.values()), step_ns, lift) - lift
    by = (*(("column",) if layout.wide else ()), *(c.name for c in layout.by))
    members = {label: _member(layout, by, label, rows, moved) for label, rows in found.items()}
    return Table(
        members=list(members.values()),
        by=by,
        labels={member.key: label for label, member in members.items()},
        time=layout.time.name,
        values=tuple(c.name for c in layout.values),
        form=form,
        every_ns=step_ns,
        moved_ns=moved,
        on_wall=on_wall,
        months=months,
        rows=len(times.ns),
        notes=notes,
    )


def _member(layout: Layout, by: Sequence[str], label: tuple[str, ...], rows: _Rows, moved_ns: int) -> Member:
    """A member of a history; its times are moved onto the multiples of the step."""
    name, tags = NAME if layout.wide else layout.values[0].name, tags_text(zip(by, label, strict=True))
    if layout.own:
        name, tags = label[0], label[1]
    return Member(name, tags, array("q", (time - moved_ns for time in rows.times)), (rows.values,))


def _show_wall(found: dict[tuple[str, ...], _Rows], times: Times) -> None:
    """Replace times by what the clock on the wall showed."""
    wall = dict(zip(times.ns, times.wall_ns or (), strict=True))
    for of_member in found.values():
        of_member.times = array("q", (time + wall[time] for time in of_member.times))


def _last_offset(times: Times) -> int:
    """Offset in seconds at the newest time."""
    newest = max(range(len(times.ns)), key=times.ns.__getitem__)
    return (times.wall_ns or [0])[newest] // 10**9

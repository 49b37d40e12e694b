"""Which columns of a table are time, value and member: as named, or where only one can be meant."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from cronocast.errors import ConfigError, Problem, seen
from cronocast.handoff.series import HISTORY_COLUMNS
from cronocast.tables.columns import Column, TextColumn

OWN = ("name", "tags", "time", *HISTORY_COLUMNS)  # the header of a history as steps hand it on
TIME_NAMES = ("time", "timestamp", "datetime", "date", "ts", "ds", "_time")  # which of several epochs is the time
TOLD = 30  # columns that a message lists


@dataclass(frozen=True)
class Named:
    """What a person says of a table: names of columns, on a command line or from Python."""

    time: str | Sequence[str] | None = None  # several: a date and the time of day
    value: str | Sequence[str] | None = None  # one, or several that become members
    by: str | Sequence[str] | None = None
    python: bool = False

    def flag(self, of: str) -> str:
        """How a message calls what says `time`, `value` or `by`."""
        return of if self.python else f"--{of}"

    def example(self, of: str, *names: str) -> str:
        """How it would be said."""
        if not self.python:
            return f"--{of} {','.join(names)}"
        return f"{of}={names[0]!r}" if len(names) == 1 else f"{of}={list(names)!r}"


@dataclass(frozen=True)
class Layout:
    """The columns of a table by what they mean."""

    time: Column
    values: list[Column]
    by: list[Column]  # whose combinations are members
    wide: bool = False  # several values: each is a member
    left_out: tuple[str, ...] = ()  # names of columns that mean nothing here
    own: bool = False  # the header is that of a history


def layout_of(columns: Sequence[Column], named: Named) -> Layout:
    """Find out which columns are meant.

    Raises:
        ConfigError: a name is not among the columns, or nothing says which of several is meant.
    """
    problems: list[Problem] = []
    if tuple(c.name for c in columns) == OWN and not (named.time or named.value or named.by):
        return Layout(columns[2], [columns[3]], list(columns[:2]), own=True)
    by = _named(columns, named.by, named.flag("by"), problems)
    values = _named(columns, named.value, named.flag("value"), problems)
    times = _named(columns, named.time, named.flag("time"), problems)
    if problems:
        raise ConfigError(problems)
    times = times or [_time(columns, [*by, *values], named)]
    rest = [c for c in columns if c not in times and c not in by]
    values = values or _values(rest, columns, named)
    used = {c.name for c in (*times, *values, *by)}
    left_out = tuple(c.name for c in columns if c.name not in used and c.kind not in ("count", "empty"))
    return Layout(_joined(times), values, by, wide=len(values) > 1, left_out=left_out)


def _joined(columns: Sequence[Column]) -> Column:
    """One column of several: a date and the time of day beside it."""
    if len(columns) == 1:
        return columns[0]
    cells = [" ".join(filter(None, labels)) for labels in zip(*(c.labels() for c in columns), strict=True)]
    return TextColumn(" ".join(c.name for c in columns), cells)


def listed(columns: Sequence[Column]) -> str:
    """The columns as an error shows them."""
    shown = [f"{c.name} ({c.kind})" for c in columns[:TOLD]]
    return ", ".join(shown) + (f" and {len(columns) - TOLD} more" if len(columns) > TOLD else "")


def _named(
    columns: Sequence[Column], names: str | Sequence[str] | None, flag: str, problems: list[Problem]
) -> list[Column]:
    """Columns by name; a text may hold several, parted by commas."""
    by_name = {c.name: c for c in columns}
    if isinstance(names, str):
        names = [names] if names in by_name else [name.strip() for name in names.split(",")]
    found = [by_name[name] for name in names or () if name in by_name]
    for name in names or ():
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1, 0.5)
            meant = f"did you mean {near[0]!r}? " if near else ""
            sentence = f"no column {seen(name)}; {meant}columns: {listed(columns)}"
            problems.append(Problem("E_CSV_COLUMN", flag, sentence))
    return found


def _time(columns: Sequence[Column], taken: Sequence[Column], named: Named) -> Column:
    """The only column that looks like times: dates before epochs, of several epochs the one with such a name."""
    free = [c for c in columns if c not in taken]
    for kind in ("time", "epoch"):
        found = [c for c in free if c.kind == kind]
        if len(found) > 1:
            found = [c for c in found if c.name.lower() in TIME_NAMES] if kind == "epoch" else found
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise _unsure(columns, named, "time", f"{len(found)} columns look like times", found)
    raise _unsure(columns, named, "time", "no column looks like times (2026-01-31T12:00:00Z, epochs)", ())


def _values(rest: Sequence[Column], columns: Sequence[Column], named: Named) -> list[Column]:
    """The only number; or all of them where the table is wide: beside its time it has nothing else."""
    found = [c for c in rest if c.kind in ("number", "epoch")]
    if len(found) == 1 or (found and not named.by and all(c in found or c.kind in ("count", "empty") for c in rest)):
        return found
    seen_there = f"{len(found)} columns hold numbers" if found else "no column holds numbers"
    raise _unsure(columns, named, "value", seen_there, found)


def _unsure(columns: Sequence[Column], named: Named, of: str, what: str, found: Sequence[Column]) -> ConfigError:
    names = [c.name for c in found]
    right = f"right: {named.example(of, names[0])}" if names else f"name the column with {named.flag(of)}"
    several = f", or several as {named.example(of, *names[:2])}" if of == "value" and names[1:] else ""
    return ConfigError.one("E_CSV_COLUMN", named.flag(of), f"{what}; columns: {listed(columns)}; {right}{several}")

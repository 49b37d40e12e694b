"""Tables whose times repeat because they hold several members."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from cronocast.errors import ConfigError
from cronocast.tables.columns import Column
from cronocast.tables.layout import Layout, Named
from cronocast.tables.times import MISSING, Times

MANY = 0.1  # of the rows that share their time with another: then something else tells them apart
TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d(:\d\d)?([.,]\d+)?( ?[AaPp][Mm])?")  # which some tables have beside a date
TRIED = 20  # cells of a column that may hold it


def refuse_mixture(
    layout: Layout, columns: Sequence[Column], times: Times, named: Named, place: Callable[[int], str]
) -> None:
    """Refuse a table of several members of which nobody said what tells them apart.

    Raises:
        ConfigError: many times stand in several rows, and another column tells those apart.
    """
    if layout.by or named.by:
        return
    counts = Counter(times.ns)
    counts.pop(MISSING, None)
    if counts.total() - len(counts) <= MANY * counts.total():
        return
    guessed = [c for c in layout.values if layout.wide and not named.value]
    others = [c for c in columns if c.name in layout.left_out or c.kind == "count" or c in guessed]
    telling = [
        c for c in others if c is not layout.time and len(set(zip(times.ns, c.labels(), strict=True))) == len(times.ns)
    ]
    if not telling and not guessed:
        return
    time = next(time for time in times.ns if counts[time] > 1)
    rows_there = [row for row, own in enumerate(times.ns) if own == time][:2]
    lines = " and ".join(map(place, rows_there))
    right = named.example("by", telling[0].name if telling else "COLUMN") + ", the column that tells members apart"
    if telling and all(map(TIME_OF_DAY.fullmatch, telling[0].labels()[:TRIED])):
        right = named.example("time", layout.time.name, telling[0].name) + ", a date and the time of day"
    sentence = f"{times.form.write(time)} stands in {counts[time]} rows, such as {lines}; right: {right}"
    raise ConfigError.one("E_CSV_MEMBERS", named.flag("by"), sentence)

"""Whether the answer to a query of one's own holds all that there is, and whether its values can be.

Servers leave points out without a word where clocks change, and where a percentile picks no point of a step. Only a
query that is one SELECT of one aggregate can be counted; others are let pass.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cronocast.sources.influxql.percentiles import least_points
from cronocast.sources.influxql.rules import masked
from cronocast.sources.influxql.schema import Question
from cronocast.sources.influxql.zones import changes_in
from cronocast.sources.reading import Window

CHECKED = ("mean", "median", "sum", "min", "max", "first", "last", "percentile", "count")
_FORM = re.compile(
    r"""\s*select\s+ (?P<name>\w+) \s*\(\s* (?P<argument>[^(),]+?) \s* (?:,\s*(?P<number>[0-9.]+)\s*)? \)
        (?:\s+as\s+\w+)? \s+ (?P<source>from\b(?:(?!\b(?:select|group|order|limit|slimit|offset)\b).)+?)
        \s+group\s+by\s+ (?P<groups>(?:(?!\b(?:fill|tz|order|limit|slimit|offset)\b).)+?)
        (?:\s+fill\s*\(\s*(?P<fill>[^()]*?)\s*\))? (?P<zone>\s+tz\s*\([^()]*\))? \s*""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class Simple(NamedTuple):
    """One aggregate of one SELECT: what is aggregated, from where, by which groups."""

    aggregate: str
    argument: str
    number: float | None
    source: str
    groups: str
    fill: str
    zone: str

    @property
    def per_step(self) -> str:
        """Counts the points of each step, where there are any."""
        return f"SELECT count({self.argument}) AS n {self.source} GROUP BY {self.groups} fill(none){self.zone}"


def simple(query: str) -> Simple | None:
    """The parts of a query that is one aggregate by time; None for any other."""
    found = _FORM.fullmatch(masked(query))
    if not found or not re.search(r"\btime\s*\(", found["groups"], re.IGNORECASE):
        return None
    name, argument, number, source, groups, fill, zone = (
        query[slice(*found.span(part))] if found[part] else ""
        for part in ("name", "argument", "number", "source", "groups", "fill", "zone")
    )
    return Simple(name.lower(), argument, float(number) if number else None, source, groups, fill.lower(), zone)


def bounded(query: str) -> Simple | None:
    """The parts of a query whose values can be held against their points: its steps begin as those of UTC do."""
    parts = simple(query)
    if not parts or parts.aggregate not in CHECKED or parts.zone or re.search(r"\btime\s*\([^)]*,", parts.groups):
        return None
    return parts


def bounds_question(parts: Simple, every_ns: int, places: Iterable[tuple[str, int, float]]) -> Question:
    """Asks for the least and the largest point, and how many there are, of each member in some steps."""
    field = parts.argument if "::" in parts.argument else f"{parts.argument}::float"
    selected = f"SELECT min({field}) AS lo, max({field}) AS hi, count({field}) AS n"
    by_time = re.search(r"\btime\s*\([^)]*\)", masked(parts.groups), re.IGNORECASE)
    start, end = by_time.span() if by_time else (0, 0)
    tags = [tag for tag in (parts.groups[:start].strip(" \n,"), parts.groups[end:].strip(" \n,")) if tag]
    grouped = f" GROUP BY {', '.join(tags)}" if tags else ""
    times = sorted({time_ns for _, time_ns, _ in places})
    steps = [f"({selected} {_within(parts.source, time, time + every_ns)}{grouped})" for time in times]
    bounds = f"time >= {times[0]} AND time < {times[-1] + every_ns}"
    return f"SELECT lo, hi, n FROM {', '.join(steps)} WHERE {bounds}{grouped}", {}  # noqa: S608 - their own words


def _within(source: str, start_ns: int, end_ns: int) -> str:
    """The same points of another window."""
    for mark in reversed(list(re.finditer(r"\$(start|end)\b", masked(source), re.IGNORECASE))):
        time = start_ns if mark[1].lower() == "start" else end_ns
        source = f"{source[: mark.start()]}{time}{source[mark.end() :]}"
    return source


def missing(query: str, window: Window, rows: int, total: Callable[[str], int | None]) -> str:
    """What an answer lacks, in words; "" if nothing is known to be missing.

    Args:
        query: What was asked.
        window: Of the reading.
        rows: How many rows with a value came.
        total: Sends a query that counts, and adds up the counts; None if the server gives none.
    """
    if not (parts := simple(query)):
        return ""
    if parts.zone and changes_in(query, window):
        counted, there = total(parts.per_step), total(f"SELECT count({parts.argument}) {parts.source}")
        if counted is not None and there is not None and counted < there:
            return f"its steps, with {parts.zone.strip()}, hold {counted} of {there} points in the window"
    needed = least_points(parts.number) if parts.aggregate == "percentile" and parts.number else 1
    if needed > 1 and parts.fill in ("", "none", "null"):
        there = total(f"SELECT count(n) FROM ({parts.per_step})")  # noqa: S608 - their own words
        if there is not None and rows < there:
            why = (
                f"percentile {parts.number:g} picks no point of a step with fewer than {needed}, and may end the answer"
            )
            right = "aggregate: percentile, with measurement and field, reads the lowest point there"
            return f"{rows} of {there} steps with points came, since {why}; {right}"
    return ""

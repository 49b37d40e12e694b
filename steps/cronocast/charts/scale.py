"""Axes without a library: round value ticks, calendar ticks in a time zone, line reduction that keeps every extreme.

Standard library only.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

NS = 10**9
# Distances of time ticks that people read without counting.
_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60, 120)
ROUNDING = 1e-12  # of a value: a range below this is what arithmetic lost, as in the mean of equal values
WILD = 6.0  # times the range of all others beyond it: they would have an eighth of the height or less
MOST_WILD = 3  # more are no exceptions, at each end
LEAST_BESIDE_WILD = 10  # other values for each wild one
LEAST_SPAN = 1e-300  # ranges below have too few doubles in them to be divided
MAX_TICKS = 60  # no axis of ours has room for more


@dataclass(frozen=True)
class TimeTick:
    """A mark on the time axis: its time, what stands under it, and the coarser unit below that where it changes."""

    time_ns: int
    text: str
    context: str = ""


def zone_of(name: str) -> tuple[tzinfo, str]:
    """The time zone of that name; UTC, and saying so, where this machine does not know it."""
    if name == "UTC":
        return UTC, "UTC"
    try:
        return ZoneInfo(name), name
    except (KeyError, ValueError, OSError):
        return UTC, "UTC"


def local(time_ns: int, zone: tzinfo) -> datetime:
    """Wall-clock time in a zone; fractions of a second are cut."""
    return datetime.fromtimestamp(time_ns // NS, UTC).astimezone(zone)


def value_ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten) inside [low, high], about `count` of them."""
    span = high - low
    if not LEAST_SPAN < span < math.inf:
        return [low]
    rough = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(math.log(s / rough)))
    first = math.ceil(low / step - 1e-9)
    return [
        round(i * step, 12 - math.floor(math.log10(step)))
        for i in range(first, first + MAX_TICKS)
        if i * step <= high + step * 1e-9
    ]


def value_domain(low: float, high: float) -> tuple[float, float]:
    """A range for the value axis with air above and below; it begins at zero where the values come close to it."""
    span = high / 2 - low / 2  # halves: the difference of two doubles may overflow
    if span < max(LEAST_SPAN, max(abs(low), abs(high)) * ROUNDING):
        air = max(abs(low), abs(high)) * 0.1
        air = air if air > LEAST_SPAN else 1.0
        return low - air, high + air
    start = 0.0 if 0 <= low < 0.6 * span else low - 0.12 * span
    end = 0.0 if 0 >= high > -0.6 * span else high + 0.14 * span
    return max(start, -1.7e308), min(end, 1.7e308)


def without_wild(values: Sequence[float], expected: Sequence[float]) -> list[float]:
    """Values without the few that lie so far off that the others would become a flat line beside them.

    Args:
        values: What was measured.
        expected: What is forecast: it is never left out, and what lies near it is not wild.
    """
    ordered = sorted(values)
    most = min(MOST_WILD, len(ordered) // LEAST_BESIDE_WILD)
    if not most:
        return ordered
    core = [*ordered[most:-most], *expected]
    low, high = min(core), max(core)
    half = high / 2 - low / 2  # halves: the difference of two doubles may overflow
    if half <= max(abs(low), abs(high)) * ROUNDING:
        return ordered  # the others are a flat line anyway
    return [v for v in ordered if low / 2 - WILD * half <= v / 2 <= high / 2 + WILD * half]


def time_ticks(start_ns: int, end_ns: int, count: int, zone: tzinfo) -> list[TimeTick]:
    """Calendar ticks inside [start_ns, end_ns]: whole hours, midnights, Mondays, firsts of a month in the zone."""
    span_s = max(1, (end_ns - start_ns) // NS)
    count = max(1, count)
    for step in _SECONDS:
        if span_s / step <= count:
            return _named(_even(start_ns, end_ns, step, zone), _seconds if step < 60 else _minutes, _date, zone)
    for days in _DAYS:
        if span_s / 86400 / days <= count:
            return _named(_days(start_ns, end_ns, days, zone), _weekday if days < 7 else _day, _month_year, zone)
    months = next((m for m in _MONTHS if span_s / 2_629_746 / m <= count), _MONTHS[-1])
    return _named(
        _months(start_ns, end_ns, months, zone),
        _month if months < 12 else _year,
        _year if months < 12 else lambda _: "",
        zone,
    )


def _seconds(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def _minutes(at: datetime) -> str:
    return f"{at:%H:%M}"


def _date(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}"


def _weekday(at: datetime) -> str:
    return f"{at:%a} {at.day}"


def _day(at: datetime) -> str:
    return str(at.day)


def _month(at: datetime) -> str:
    return f"{at:%b}"


def _month_year(at: datetime) -> str:
    return f"{at:%b %Y}"


def _year(at: datetime) -> str:
    return str(at.year)


def _even(start_ns: int, end_ns: int, step_s: int, zone: tzinfo) -> Iterator[int]:
    """Times whose wall clock is a multiple of the step since midnight; clock changes keep them on the wall clock."""
    quantum = min(step_s, 900)  # zones differ from UTC by multiples of a quarter of an hour
    time_s = -(-start_ns // NS // quantum) * quantum
    while time_s * NS <= end_ns:
        clock = datetime.fromtimestamp(time_s, UTC).astimezone(zone)
        if (clock.hour * 3600 + clock.minute * 60 + clock.second) % step_s == 0:
            yield time_s * NS
        time_s += quantum


def _days(start_ns: int, end_ns: int, days: int, zone: tzinfo) -> Iterator[int]:
    day = local(start_ns, zone).replace(hour=0, minute=0, second=0, tzinfo=None)
    while (time_ns := _to_ns(day, zone)) <= end_ns:
        if time_ns >= start_ns and (day.toordinal() - 1) % days == 0:  # ordinal 1 was a Monday
            yield time_ns
        day += timedelta(days=1)


def _months(start_ns: int, end_ns: int, months: int, zone: tzinfo) -> Iterator[int]:
    first = local(start_ns, zone)
    index = (first.year * 12 + first.month - 1) // months * months
    while index < 9999 * 12:
        begin = datetime(index // 12, index % 12 + 1, 1)  # noqa: DTZ001
        time_ns = _to_ns(begin, zone)
        if time_ns > end_ns:
            return
        if time_ns >= start_ns:
            yield time_ns
        index += months


def _to_ns(clock: datetime, zone: tzinfo) -> int:
    return int(clock.replace(tzinfo=zone).timestamp()) * NS


def _named(
    times: Iterator[int], text: Callable[[datetime], str], context: Callable[[datetime], str], zone: tzinfo
) -> list[TimeTick]:
    ticks: list[TimeTick] = []
    before = ""
    for time_ns, _ in zip(times, range(MAX_TICKS), strict=False):
        at = local(time_ns, zone)
        below = context(at)
        ticks.append(TimeTick(time_ns, text(at), below if below != before else ""))
        before = below
    return ticks


def spans(time_ns: Sequence[int], gap_ns: float) -> Iterator[tuple[int, int]]:
    """Index ranges [i, j) between which the distance of two times is larger than `gap_ns`.

    The pieces of a broken line.
    """
    start = 0
    for i in range(1, len(time_ns)):
        if time_ns[i] - time_ns[i - 1] > gap_ns:
            yield start, i
            start = i
    if len(time_ns):
        yield start, len(time_ns)


def reduce_line(time_ns: Sequence[int], values: Sequence[float], start_ns: int, bin_ns: float) -> list[int]:
    """Indices that draw the same line: of each column of pixels the first, lowest, highest and last point.

    Args:
        time_ns: Times, ascending.
        values: One value per time.
        start_ns: Left edge of the picture.
        bin_ns: Time that one column of pixels covers, > 0.

    Source:
        Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation, VLDB 2014.
    """
    kept: list[int] = []
    begin, n = 0, len(time_ns)
    while begin < n:
        column = (time_ns[begin] - start_ns) // bin_ns
        end = begin + 1
        while end < n and (time_ns[end] - start_ns) // bin_ns == column:
            end += 1
        block = range(begin, end)
        kept += sorted({begin, min(block, key=values.__getitem__), max(block, key=values.__getitem__), end - 1})
        begin = end
    return kept

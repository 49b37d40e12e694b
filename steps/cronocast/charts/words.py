"""Numbers, times and lengths as people read them."""

import math
from collections.abc import Callable
from datetime import tzinfo

from cronocast.charts.scale import ROUNDING, local
from cronocast.durations import MOST_OF_UNIT, UNIT_NS, readable_unit

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


DOUBLES = 1e-16  # of a value: nothing closer can be told apart


MOST_DECIMALS = 4  # behind a unit letter; where more are needed, a smaller one or none is easier to read


UNIT_WORDS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}


def number(value: float | None, span: float = 0.0) -> str:
    """Write a value as people read it.

    It gets as many decimals as `span` (the range it stands in) makes useful, and k/M/G/T where it is large.
    """
    if value is None or not math.isfinite(value):
        return "-"
    size = max(abs(value), abs(span))
    span = told_span(size, span)
    if size >= 1e15 or (0 < size < 1e-4):
        return f"{value:.{digits(size, span, 3)}g}"
    if size < 1e5:
        return _plain(value, _decimals(span or abs(value)), whole=not span)
    factor, letter = _prefix(size, lambda f: _decimals((span or size) / f))
    if factor == 1:
        return _plain(value, max(0, _decimals(span) - 1))  # so many figures before them are hard enough to read
    return (
        f"{_plain(value / factor, _decimals((span or abs(value)) / factor), whole=not span)} {letter}" if value else "0"
    )


def told_span(size: float, span: float) -> float:
    """The range of values up to `size`, 0 where it is but what arithmetic lost."""
    return span if span > size * ROUNDING else 0.0


def digits(size: float, span: float, least: int) -> int:
    """How many significant digits tell values up to `size` apart that lie within `span`.

    They show three digits of the span, and are at least `least`.
    """
    between = math.floor(math.log10(size)) - math.floor(math.log10(span)) if span > size * DOUBLES > 0 else 0
    return max(least, 3 + between)


def _prefix(size: float, decimals: Callable[[float], int], least: float = 0.0) -> tuple[float, str]:
    """The largest unit letter that suits a size; none where even the smallest would stand behind many figures."""
    suit = ((f, p) for f, p in _PREFIXES if size >= max(f, least) and size < f * 1e5 and decimals(f) <= MOST_DECIMALS)
    return next(suit, (1.0, ""))


def _decimals(scale: float) -> int:
    """Decimals that show three digits of a scale."""
    return max(0, 2 - math.floor(math.log10(scale))) if scale > 0 else 0


def _plain(value: float, decimals: int, *, whole: bool = False) -> str:
    """Write a value with so many decimals; `whole` leaves out zeros at their end."""
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if whole and "." in text else text
    return text.replace("-", "\u2212") if text.strip("-0.,") else text.removeprefix("-")


def tick_numbers(ticks: list[float]) -> list[str]:
    """Write ticks alike: one unit letter, just the decimals their distance needs."""
    largest = max((abs(t) for t in ticks), default=0.0)
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else largest or 1.0
    if largest >= 1e15 or 0 < largest < 1e-4:
        return [f"{t:.{digits(largest, step, 6)}g}" for t in ticks]
    factor, letter = _prefix(largest, lambda f: _tick_decimals(step / f, largest / f), 1e4)
    decimals = _tick_decimals(step / factor, largest / factor)
    return [f"{_plain(t / factor, decimals)}{letter}" if t else "0" for t in ticks]


def _tick_decimals(step: float, largest: float) -> int:
    """Decimals that show a step between ticks up to the largest.

    What doubles lose in their difference does not count.
    """
    lost = min(step / 10, max(step * 1e-6, largest * 1e-15))
    return next((d for d in range(16) if abs(round(step, d) - step) <= lost), 16)


def percent(share: float | None) -> str:
    """A share of 0..1 as a percentage."""
    if share is None:
        return "-"
    text = f"{share * 100:.1f}" if 0.99 < share < 1 or 0 < share < 0.01 else f"{share * 100:.0f}"
    return f"{text}\u00a0%"


def clock(time_ns: int, zone: tzinfo, *, year: bool = False, seconds: bool = False) -> str:
    """A time of day with its date, in a zone that stands elsewhere.

    Its seconds are written where it has some or they are wanted.
    """
    at = local(time_ns, zone)
    form = f"%b{' %Y' if year else ''} %H:%M{':%S' if seconds or at.second else ''}"
    return f"{at:%a} {at.day} {at.strftime(form)}"


def years_differ(start_ns: int, end_ns: int, zone: tzinfo) -> bool:
    """Whether two times lie in different years of the calendar."""
    return local(start_ns, zone).year != local(end_ns, zone).year


def stretch(start_ns: int, end_ns: int, zone: tzinfo) -> str:
    """From when to when, with the year where it changes between."""
    year = years_differ(start_ns, end_ns, zone)
    return f"{clock(start_ns, zone, year=year)} to {clock(end_ns, zone, year=year)}"


def seconds(duration_s: float) -> str:
    """How long a step took."""
    if duration_s >= 90:
        return f"{duration_s / 60:.0f} min" if duration_s < 5400 else f"{duration_s / 3600:.1f} h"
    return f"{duration_s:.1f} s" if duration_s >= 0.1 else f"{duration_s * 1000:.0f} ms"


def length(ns: int, *, counted: bool = False, exact: bool = False) -> str:
    """A length of time in words: day, 5 minutes, 3 days, 44.4 hours; `counted` writes 1 day, `exact` 2665 minutes."""
    whole = next(
        (
            u
            for u in ("w", "d", "h", "m", "s")
            if ns >= UNIT_NS[u] and ns % UNIT_NS[u] == 0 and not (u == "w" and ns > 8 * UNIT_NS["w"])
        ),
        None,
    )
    if whole and (exact or whole == "d" or ns <= MOST_OF_UNIT * UNIT_NS[whole]):
        count = ns // UNIT_NS[whole]
        if count == 1 and not counted:
            return UNIT_WORDS[whole]
        return f"{count} {UNIT_WORDS[whole]}{'s' if count > 1 else ''}"
    unit = readable_unit(ns)
    return f"{ns / UNIT_NS[unit]:.1f} {UNIT_WORDS[unit]}s"


def length_about(ns: int) -> str:
    """A stretch of time in the largest unit of which there are two or more."""
    days = ns / UNIT_NS["d"]
    if days >= 14:
        return f"{days:,.0f} days"
    if days >= 2:
        return f"{days:.1f} days".replace(".0 ", " ")
    if ns >= 2 * UNIT_NS["h"]:
        return f"{ns / UNIT_NS['h']:.1f} hours".replace(".0 ", " ")
    if ns >= 2 * UNIT_NS["m"]:
        return f"{ns / UNIT_NS['m']:.0f} minutes"
    return counted(round(ns / UNIT_NS["s"]), "second")


def evidence_number(value: float) -> str:
    """A piece of evidence: three digits."""
    return f"{value:.3g}".replace("-", "\u2212")


def counted(count: int, word: str, many: str = "") -> str:
    """`1 row`, `24 rows`."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def sentence(text: str) -> str:
    """A clause as a sentence: a capital first, a full stop last."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def model_words(label: str) -> str:
    """A model's label for people: median(fourier,seasonal_naive) is median of fourier, seasonal naive."""
    outer, bracket, inner = label.replace("_", " ").partition("(")
    return f"{outer} of {', '.join(inner.removesuffix(')').split(','))}" if bracket else outer

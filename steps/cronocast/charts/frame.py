"""Where a chart stands: plot area, axes, labels at its edges, and which part of time it shows.

Pure functions to SVG text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from cronocast.charts.scale import time_ticks, value_ticks
from cronocast.charts.svg import Size, element, short, text, text_width

LINE_HEIGHT = 1.25  # of a row of text, in font sizes
# Ticks of lengths of time ahead: unit, its sign, and distances that people read without counting.
AHEAD_UNITS = ((86_400 * 10**9, "d"), (3600 * 10**9, "h"), (60 * 10**9, "min"), (10**9, "s"))
AHEAD_HOURS = (1, 2, 3, 4, 6, 12, 24, 48)

Label = tuple[str, float, str]  # text, value it stands at, class


@dataclass(frozen=True)
class Frame:
    """Where the plot stands inside the picture, and which times and values its edges are."""

    left: float
    top: float
    right: float
    bottom: float
    t0: int
    t1: int
    v0: float
    v1: float

    def x(self, time_ns: float) -> float:
        """Pixel column of a time."""
        return self.left + (time_ns - self.t0) / max(1, self.t1 - self.t0) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Pixel row of a value; halves keep differences of huge doubles finite."""
        share = (value / 2 - self.v0 / 2) / (self.v1 / 2 - self.v0 / 2)
        return self.bottom - share * (self.bottom - self.top)

    def within(self, values: Sequence[float]) -> list[float]:
        """Values, those beyond an edge at it."""
        return [min(max(value, self.v0), self.v1) for value in values]

    @property
    def bin_ns(self) -> float:
        """Time that one pixel column covers."""
        return max(1.0, (self.t1 - self.t0) / max(1.0, (self.right - self.left)))


def extremes(columns: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Lowest and highest value of several columns; 0 and 1 where there is none."""
    low = min((min(c) for c in columns if len(c)), default=0.0)
    return low, max((max(c) for c in columns if len(c)), default=1.0)


def width_of(domain: tuple[float, float]) -> float:
    """Width of a range of values, finite even for the largest doubles."""
    return min(domain[1] / 2 - domain[0] / 2, 8e307) * 2


def margin(names: list[str], size: Size) -> float:
    """Room for the names of the value ticks."""
    return max([text_width(name, size.font) for name in names] + [16.0]) + 10


def label_room(labels: Sequence[tuple[str, object, object]], size: Size) -> float:
    """Room for labels at the right edge."""
    return max([text_width(label, size.font) for label, _, _ in labels] + [8.0])


def ticks_within(domain: tuple[float, float], size: Size) -> list[float]:
    """Round values inside a range, as many as the height of a picture has room for."""
    low, high = domain
    return [t for t in value_ticks(low, high, count=5 if size.height > 240 else 4) if low <= t <= high]


def value_axis(frame: Frame, ticks: list[float], names: list[str]) -> str:
    """Lines across the plot at round values, named at the left."""
    parts = []
    for value, name in zip(ticks, names, strict=True):
        y = frame.y(value)
        parts += [
            element("path", cls="grid", d=f"M{short(frame.left)} {short(y)}H{short(frame.right)}"),
            text(name, frame.left - 6, y + 4, anchor="end"),
        ]
    return "".join(parts)


def time_axis(frame: Frame, size: Size, zone: tzinfo) -> str:
    """Ticks with the time of day (or day, month) under them, and the date (or month, year) below where it changes."""
    ticks = time_ticks(frame.t0, frame.t1, int((frame.right - frame.left) / (5.2 * size.font)), zone)
    parts = [element("path", cls="axis", d=f"M{short(frame.left)} {short(frame.bottom)}H{short(frame.right)}")]
    contexts = [(frame.x(t.time_ns), t.context) for t in ticks if t.context]
    if len(contexts) > 1 and contexts[1][0] - contexts[0][0] < text_width(contexts[0][1], size.font) + 8:
        contexts = contexts[1:]
    parts += [_tick(frame, frame.x(tick.time_ns), tick.text, 16) for tick in ticks]
    end = -1e9
    for x, context in contexts:
        half = text_width(context, size.font) / 2
        middle = min(max(x, half + 2), size.width - half - 2)
        if middle - half > end + 6:
            parts.append(text(context, middle, frame.bottom + 16 + size.font * LINE_HEIGHT, "strong", "middle"))
            end = middle + half
    return "".join(parts)


def _tick(frame: Frame, x: float, name: str, below: float) -> str:
    """A tick of a horizontal axis with its name so far below."""
    mark = element("path", cls="axis", d=f"M{short(x)} {short(frame.bottom)}v4")
    return mark + text(name, x, frame.bottom + below, anchor="middle")


def steps_axis(frame: Frame, step_ns: int, size: Size) -> str:
    """Ticks at round lengths of time ahead."""
    unit, letter = next(((u, n) for u, n in AHEAD_UNITS if step_ns * frame.t1 >= 3 * u), AHEAD_UNITS[-1])
    low, high = (step * step_ns / unit for step in (frame.t0, frame.t1))
    count = max(2, int((frame.right - frame.left) / (5.5 * size.font)))
    axis = element("path", cls="axis", d=f"M{short(frame.left)} {short(frame.bottom)}H{short(frame.right)}")
    hours = next((h for h in AHEAD_HOURS if (high - low) / h <= count), 0) if letter == "h" else 0
    ticks = (
        [float(v) for v in range(hours * -(-int(low) // hours), int(high) + 1, hours)]
        if hours
        else value_ticks(low, high, count)
    )
    shown = [value for value in ticks if low <= value <= high]
    return axis + "".join(_tick(frame, frame.x(v * unit / step_ns), f"{v:g} {letter}", 17) for v in shown)


def place(labels: list[Label], frame: Frame, size: Size) -> list[str]:
    """Write labels at the right edge, moved apart where they would overlap; their order is kept."""
    apart = size.font * 1.15
    rows = sorted((frame.y(value) + size.font * 0.35, label, cls) for label, value, cls in labels)
    ys = [y for y, _, _ in rows]
    for _ in range(8):  # a few passes settle at most three labels
        for i in range(len(ys) - 1):
            push = (apart - (ys[i + 1] - ys[i])) / 2
            if push > 0:
                ys[i], ys[i + 1] = ys[i] - push, ys[i + 1] + push
        shift = min(0.0, frame.bottom + size.font * 0.35 - ys[-1]) if ys else 0.0
        ys = [y + shift for y in ys]
    return [text(label, frame.right + 6, y, cls or None) for y, (_, label, cls) in zip(ys, rows, strict=True)]

"""A chart as one SVG element, and lines through values."""

from collections.abc import Sequence

from cronocast.charts.frame import Frame
from cronocast.charts.scale import reduce_line, spans
from cronocast.charts.svg import Size, element, polyline, safe, short, text, text_width
from cronocast.charts.words import number


def drawing(parts: list[str], size: Size, uid: str, title: str, about: str, frame: Frame | None = None) -> str:
    """One chart as an SVG element with its words for those who do not see it.

    The frame tells the script where the plot stands.
    """
    name = f"{uid}-{size.name}"
    box = " ".join(short(v) for v in (frame.left, frame.top, frame.right, frame.bottom)) if frame else None
    head = [element("title", safe(title), id=f"{name}-t"), element("desc", safe(about), id=f"{name}-d")]
    cls = f"chart {size.name}{' small' if size.font < 12 else ''}"
    return element(
        "svg",
        *head,
        *parts,
        cls=cls,
        role="img",
        viewbox=f"0 0 {size.width} {size.height}",
        aria_labelledby=f"{name}-t {name}-d",
        data_box=box,
    )


def wild_marks(frame: Frame, times: Sequence[int], values: Sequence[float], size: Size) -> str:
    """An arrow at the edge for each value that lies beyond it, with the value where there is room."""
    parts, end = [], float("-inf")
    for time_ns, value in zip(times, values, strict=True):
        if frame.v0 <= value <= frame.v1:
            continue
        x, (y, tip) = frame.x(time_ns), ((frame.top, -6) if value > frame.v1 else (frame.bottom, 6))
        parts.append(element("path", cls="wild", d=f"M{short(x - 4)} {short(y)}h8L{short(x)} {short(y + tip)}Z"))
        label = number(value)
        width = text_width(label, size.font)
        if x - width <= end:
            continue
        left = x - width - 8 > frame.left
        place, anchor = (x - 7, "end") if left else (x + 7, None)
        parts.append(text(label, place, y + (11 if tip < 0 else -4), "of-change", anchor))
        end = x if left else x + width + 8
    return "".join(parts)


def line_through(frame: Frame, times: Sequence[int], values: Sequence[float], gap_ns: float) -> str:
    """Path data through values, broken where two times are further apart than the gap.

    Where a column of pixels holds many values, only those that draw the line are kept.
    """
    pieces = []
    for i, j in spans(times, gap_ns):
        part, column = times[i:j], values[i:j]
        kept = (
            reduce_line(part, column, frame.t0, frame.bin_ns)
            if (j - i) > 2 * (part[-1] - part[0]) / frame.bin_ns
            else range(j - i)
        )
        pieces.append(polyline((frame.x(part[k]), frame.y(column[k])) for k in kept))
    return "".join(pieces)

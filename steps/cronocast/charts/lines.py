"""A chart as one SVG element, and lines through values."""

from collections.abc import Sequence

from cronocast.charts.frame import Frame
from cronocast.charts.scale import reduce_line, spans
from cronocast.charts.svg import Size, element, polyline, safe, short


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

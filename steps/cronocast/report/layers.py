"""What lies over one another in the chart of a member: history, forecast, interval, gaps, marks, legend."""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import pairwise

from cronocast.charts.frame import Frame, Label, extremes, width_of
from cronocast.charts.lines import line_through
from cronocast.charts.scale import reduce_line
from cronocast.charts.svg import Size, element, polyline, short, text, text_width
from cronocast.charts.words import clock, number, percent
from cronocast.report.focus import Focus
from cronocast.report.model import MemberView

NEAR_LABEL = 40.0  # pixels: a label that stands this far beside its line still belongs to it
GAP_STEPS = 1.5  # more than one step and a half between two values: at least one is missing, the line breaks


def measured_line(frame: Frame, member: MemberView, first: int) -> str:
    """The line of the history, broken where values are missing, at most four points per pixel column."""
    return element(
        "path",
        cls="measured",
        d=line_through(
            frame,
            member.history.time_ns[first:],
            frame.within(member.history.columns[0][first:]),
            _gap_ns(frame, member),
        ),
    )


def _gap_ns(frame: Frame, member: MemberView) -> float:
    return max(GAP_STEPS * member.step_ns, frame.bin_ns)  # a gap thinner than a pixel can't be seen


def _joined(frame: Frame, member: MemberView) -> list[tuple[int, float]]:
    """The last measured point, where the forecast follows it at once, so that the two lines meet."""
    times, ahead = member.history.time_ns, member.forecast.time_ns
    near = len(times) and len(ahead) and 0 < ahead[0] - times[-1] <= GAP_STEPS * member.step_ns
    return [(times[-1], frame.within(member.history.columns[0][-1:])[0])] if near else []


def forecast_line(frame: Frame, member: MemberView) -> str:
    """The line of the forecast, "" where there is none."""
    points = [*_joined(frame, member), *zip(member.forecast.time_ns, member.forecast.columns[0], strict=True)]
    times, values = [t for t, _ in points], [v for _, v in points]
    return (
        element("path", cls="forecast", d=line_through(frame, times, values, float("inf")))
        if len(member.forecast.time_ns)
        else ""
    )


def interval_area(frame: Frame, member: MemberView, i: int = 0) -> str:
    """The i-th interval, paler and with a dashed edge where nobody measured it; shades that overlap add up."""
    rows, measured = len(member.forecast.time_ns), member.measured
    joint = [(frame.x(t), frame.y(v)) for t, v in _joined(frame, member)]
    parts = [_area(frame, member, i, 0, measured, "band", joint)] if measured else []
    parts += (
        [_area(frame, member, i, max(0, measured - 1), rows, "guess", [] if measured else joint)]
        if measured < rows
        else []
    )
    return "".join(parts)


def _area(
    frame: Frame, member: MemberView, i: int, begin: int, end: int, cls: str, joint: Sequence[tuple[float, float]]
) -> str:
    """The part of an interval from one row of the forecast up to another, with the point before it, if any."""
    times = member.forecast.time_ns[begin:end]
    lower, upper = (column[begin:end] for column in member.forecast.columns[2 * i + 1 : 2 * i + 3])
    keep = (
        range(len(times))
        if len(times) <= 2 * (frame.right - frame.left)
        else sorted(
            {*reduce_line(times, lower, frame.t0, frame.bin_ns), *reduce_line(times, upper, frame.t0, frame.bin_ns)}
        )
    )
    over = [(frame.x(times[i]), frame.y(upper[i])) for i in keep]
    under = [(frame.x(times[i]), frame.y(lower[i])) for i in keep]
    return element("path", cls=cls, d=polyline([*joint, *over, *reversed(under)]) + "Z")


def interval_fits(frame: Frame, member: MemberView) -> bool:
    """Tell whether the whole interval lies inside the frame."""
    return all(frame.v0 <= v <= frame.v1 for column in member.forecast.columns[1:3] for v in column)


def earlier_lines(frame: Frame, member: MemberView, focus: Focus) -> list[str]:
    """A line for each forecast of an earlier run."""
    lines = []
    for _, past in member.earlier:
        kept = [(t, v) for t, v in zip(past.time_ns, past.columns[0], strict=True) if focus.t0 <= t <= focus.t1]
        lines.append(
            element(
                "path", cls="earlier", d=line_through(frame, [t for t, _ in kept], [v for _, v in kept], float("inf"))
            )
            if kept
            else ""
        )
    return lines


def gap_shades(frame: Frame, member: MemberView, focus: Focus, size: Size) -> str:
    """A shade over each stretch without values that is wide enough to be seen."""
    parts = []
    # The last value before the chart begins a gap that reaches its left edge, and what is missing before now is a gap
    # too.
    times = [*member.history.time_ns[max(0, focus.first - 1) :], focus.until]
    height = frame.bottom - frame.top
    for before, after in pairwise(times):
        if after - before > _gap_ns(frame, member):
            left, right = frame.x(max(before, focus.t0)), frame.x(after)
            place = {"x": left, "y": frame.top, "width": right - left, "height": height}
            parts.append(element("rect", cls="gap", **place, fill_opacity="0.6"))
            if right - left > text_width("no data", size.font) + 6:
                parts.append(text("no data", (left + right) / 2, frame.bottom - 6, anchor="middle"))
    return "".join(parts)


def ahead_shade(frame: Frame, member: MemberView, focus: Focus) -> str:
    """A shade over the time from now on, "" where there is no forecast."""
    if not len(member.forecast.time_ns):
        return ""
    left = frame.x(focus.now)
    place = {"x": left, "y": frame.top, "width": frame.right - left, "height": frame.bottom - frame.top}
    return element("rect", cls="ahead", **place)


def change_lines(frame: Frame, member: MemberView) -> list[str]:
    """A line at each change inside the frame; the newest looks different."""
    changes = member.profile.change_points_ns if member.profile else ()
    inside = [t for t in changes if frame.t0 < t < frame.t1]
    return [vertical(frame, t, "change" if t == changes[-1] else "change before") for t in inside]


def vertical(frame: Frame, time_ns: int, cls: str) -> str:
    """A line over the whole height at a time."""
    return element("path", cls=cls, d=f"M{short(frame.x(time_ns))} {short(frame.top - 4)}V{short(frame.bottom)}")


def marks(frame: Frame, member: MemberView, focus: Focus, size: Size, zone: tzinfo) -> str:
    """The now line and the change points; a label stands only where there is room for it."""
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    for time_ns, cls, label, text_cls in _marked(frame, member, focus, zone):
        parts.append(vertical(frame, time_ns, cls))
        half, x = text_width(label, size.font) / 2, frame.x(time_ns)
        beside = [other - width - half - 9 for other, width in taken if abs(other - width - x) < NEAR_LABEL]
        places = (min(max(at, half + 2), size.width - half - 2) for at in (x, x - half, x + half, *beside))
        free = (at for at in places if all(abs(at - other) > half + width + 8 for other, width in taken))
        if (middle := next(free, None)) is not None:
            parts.append(text(label, middle, frame.top - 8, text_cls, "middle"))
            taken.append((middle, half))
    return "".join(parts)


def _marked(frame: Frame, member: MemberView, focus: Focus, zone: tzinfo) -> list[tuple[int, str, str, str]]:
    """The times to mark, the weightiest first: time, class of its line, label, class of the label."""
    now = [(focus.now, "now", f"now {clock(focus.now, zone)}", "strong")] if frame.t0 <= focus.now <= frame.t1 else []
    changes = member.profile.change_points_ns if member.profile else ()
    return now + [
        (t, "change" if t == changes[-1] else "change before", f"change {clock(t, zone)}", "of-change")
        for t in reversed(changes)
        if frame.t0 < t < frame.t1
    ]


def end_labels(member: MemberView) -> list[Label]:
    """Values at the end of the horizon, written where the lines end."""
    if not len(member.forecast.time_ns):
        return []
    yhat, lower, upper = (column[-1] for column in member.forecast.columns[:3])
    span = width_of(extremes([member.history.columns[0][-500:], *member.forecast.columns]))
    bounds = [(number(bound, span), bound, "") for bound in (upper, lower)]
    told = number(yhat, span)
    return [(told, yhat, "of-forecast"), *[label for label in bounds if label[0] != told]]


def legend_items(
    member: MemberView, focus: Focus, levels: Sequence[float], size: Size
) -> list[tuple[tuple[str, str, int], int, float]]:
    """What stands in the chart (class, label, shades), with row and x of each item; rows wrap at the width."""
    items = [("measured", "measured", 1)] if len(member.history.time_ns) > focus.first else []
    items += _ahead_items(member, levels) if len(member.forecast.time_ns) else []
    items += [("earlier", "forecast of earlier runs", 1)] if member.earlier else []
    changes = member.profile.change_points_ns if member.profile else ()
    items += [("change", "change", 1)] if any(focus.t0 < t < focus.t1 for t in changes) else []
    placed, row, x = [], 0, 4.0
    for item in items:
        width = 28 + text_width(item[1], size.font) + 14
        if x + width > size.width and x > 4:
            row, x = row + 1, 4.0
        placed.append((item, row, x))
        x += width
    return placed


def _ahead_items(member: MemberView, levels: Sequence[float]) -> list[tuple[str, str, int]]:
    """What the forecast consists of: its line, its intervals, and what of them nobody measured."""
    cls, added = ("band", "") if member.measured else ("guess", ", not measured")
    bands = [(cls, f"{percent(level)} interval{added}", i) for i, level in enumerate(sorted(levels, reverse=True), 1)]
    partly = 0 < member.measured < len(member.forecast.time_ns)
    return [("forecast", "forecast", 1), *reversed(bands), *([("guess", "not measured", 1)] if partly else [])]


def legend_item(x: float, y: float, cls: str, label: str, shades: int) -> str:
    """One item of the legend: a piece of what it stands for, and its name."""
    mark = (
        element("rect", cls=cls, x=x, y=y - 9, width=20, height=10) * shades
        if cls in ("band", "guess")
        else element("path", cls=cls, d=f"M{short(x)} {short(y - 4)}h20")
    )
    return mark + text(label, x + 26, y)

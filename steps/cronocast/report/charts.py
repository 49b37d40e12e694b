"""The charts: history with forecast and band, the whole history, error by step ahead, a small line for tables.

Pure functions to SVG text.
"""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import pairwise

from cronocast.charts.frame import Frame, Label, extremes, margin, place, steps_axis, time_axis, value_axis, width_of
from cronocast.charts.lines import drawing, line_through
from cronocast.charts.scale import reduce_line, value_domain, value_ticks
from cronocast.charts.svg import Size, element, polyline, short, text, text_width
from cronocast.charts.words import clock, length, number, percent, tick_numbers
from cronocast.report.focus import Focus
from cronocast.report.model import MemberView

GAP_STEPS = 1.5  # more than one step and a half between two values: at least one is missing, the line breaks


def forecast_chart(
    member: MemberView, focus: Focus, size: Size, zone: tzinfo, levels: Sequence[float], uid: str
) -> str:
    """History, forecast and its bands around now, with everything labelled.

    The first level is that of `yhat_lower` and `yhat_upper`, the others ascend.
    """
    end_labels = _end_labels(member)
    legend = _legend(member, focus, levels, size)
    domain = focus_domain(member, focus)
    ticks = [t for t in value_ticks(*domain, count=5 if size.height > 240 else 4) if domain[0] <= t <= domain[1]]
    names = tick_numbers(ticks)
    rows = 1 + max((row for _, row, _ in legend), default=0)
    right = max([text_width(label, size.font) for label, _, _ in end_labels] + [8.0]) + 12
    top = rows * 18 + 26
    frame = Frame(margin(names, size), top, size.width - right, size.height - 36, focus.t0, focus.t1, *domain)
    parts = [
        (
            element(
                "rect",
                cls="ahead",
                x=frame.x(focus.now),
                y=frame.top,
                width=frame.right - frame.x(focus.now),
                height=frame.bottom - frame.top,
            )
            if len(member.forecast.time_ns)
            else ""
        ),
        value_axis(frame, ticks, names),
        _gaps(frame, member, focus, size),
        time_axis(frame, size, zone),
        *_earlier(frame, member, focus),
        *[_band(frame, member, i) for i in range(len(levels))],
        _measured(frame, member, focus.first),
        _ahead(frame, member),
        _marks(frame, member, focus, size, zone),
        *[_legend_item(x, 14 + row * 18, *item) for item, row, x in legend],
        *place(end_labels, frame, size),
    ]
    return drawing(parts, size, uid, f"Forecast of {member.label}", describe(member, focus, zone, levels[0]), frame)


def context_chart(member: MemberView, focus: Focus, size: Size, zone: tzinfo, uid: str) -> str:
    """All of the history that was read, with the part of the main chart marked."""
    times = member.history.time_ns
    domain = value_domain(*extremes([member.history.columns[0], member.forecast.columns[0]]))
    frame = Frame(10, 8, size.width - 10, size.height - 34, times[0], max(focus.t1, times[0] + member.step_ns), *domain)
    window = element(
        "rect", cls="focus", x=frame.x(focus.t0), y=4, width=frame.right - frame.x(focus.t0), height=frame.bottom, rx=3
    )
    changes = member.profile.change_points_ns if member.profile else ()
    parts = [
        time_axis(frame, size, zone),
        window,
        *[
            _vertical(frame, t, "change" if t == changes[-1] else "change before")
            for t in changes
            if frame.t0 < t < frame.t1
        ],
        _measured(frame, member, 0),
        _ahead(frame, member),
    ]
    about = (
        f"{len(times):,} values from {clock(times[0], zone, year=True)} to {clock(times[-1], zone, year=True)}, the"
        " part above is marked."
    )
    return drawing(parts, size, uid, f"All of the history of {member.label}", about)


def steps_chart(member: MemberView, size: Size, uid: str) -> str:
    """Mean absolute error in the backtest by how far ahead, of the answer and of the naive forecast."""
    test = member.backtest
    if test is None or len(test.steps) < 2:
        return ""
    lines = [("naive", test.naive_model.replace("_", " ") or "naive", test.naive), ("forecast", "chosen", test.chosen)]
    known = [v for _, _, values in lines for v in values if v is not None]
    domain = (0.0, max(known, default=1.0) * 1.12 or 1.0)
    ticks = value_ticks(*domain, count=4)
    names = tick_numbers(ticks)
    ends = [(label, values[-1], f"of-{cls}") for cls, label, values in lines if values[-1] is not None]
    right = max([text_width(label, size.font) for label, _, _ in ends] + [8.0]) + 14
    frame = Frame(margin(names, size), 12, size.width - right, size.height - 26, test.steps[0], test.steps[-1], *domain)
    parts = [value_axis(frame, ticks, names), steps_axis(frame, member.step_ns, size)]
    for cls, _, values in lines:
        points = [(frame.x(s), frame.y(v)) for s, v in zip(test.steps, values, strict=True) if v is not None]
        parts.append(element("path", cls=cls, d=polyline(points)))
    about = (
        f"{length(test.steps[0] * member.step_ns)} ahead: {number(test.chosen[0])};"
        f" {length(test.steps[-1] * member.step_ns)} ahead: {number(test.chosen[-1])}."
    )
    return drawing([*parts, *place(ends, frame, size)], size, uid, "Backtest error by how far ahead", about, frame)


def sparkline(member: MemberView, focus: Focus) -> str:
    """A small line of history and forecast for a table row; the row says in numbers what matters."""
    size = Size(132, 34, "spark")
    frame = Frame(
        2,
        4,
        size.width - 2,
        size.height - 4,
        focus.t0,
        focus.t1,
        *value_domain(*extremes([member.history.columns[0][focus.first :], member.forecast.columns[0]])),
    )
    parts = [
        _band(frame, member) if _band_fits(frame, member) else "",
        _measured(frame, member, focus.first),
        _ahead(frame, member),
    ]
    return element(
        "svg",
        *parts,
        cls="chart spark",
        viewbox=f"0 0 {size.width} {size.height}",
        width=size.width,
        height=size.height,
        aria_hidden="true",
    )


def describe(member: MemberView, focus: Focus, zone: tzinfo, level: float) -> str:
    """The main chart in one or two sentences, for those who do not see it."""
    times, values = member.history.time_ns, member.history.columns[0]
    span = width_of(focus_domain(member, focus))
    said = (
        f"Measured until {clock(times[-1], zone, year=True)}, last value {number(values[-1], span)}."
        if len(times)
        else "No history."
    )
    ahead = member.forecast
    if not len(ahead.time_ns):
        return f"{said} No forecast."
    yhat, lower, upper = ahead.columns[:3]
    end = (
        f"{clock(ahead.time_ns[-1], zone, year=True)}: {number(yhat[-1], span)}, {percent(level)} band"
        f" {number(lower[-1], span)} to {number(upper[-1], span)}"
    )
    return f"{said} Forecast for {end}; lowest {number(min(yhat), span)}, highest {number(max(yhat), span)}."


def focus_domain(member: MemberView, focus: Focus) -> tuple[float, float]:
    """Range of values of the main chart: all of what it shows, the band included."""
    earlier = [
        [v for t, v in zip(f.time_ns, f.columns[0], strict=True) if focus.t0 <= t <= focus.t1]
        for _, f in member.earlier
    ]
    return value_domain(*extremes([member.history.columns[0][focus.first :], *member.forecast.columns, *earlier]))


def _measured(frame: Frame, member: MemberView, first: int) -> str:
    """The line of the history, broken where values are missing, at most four points per pixel column."""
    return element(
        "path",
        cls="measured",
        d=line_through(
            frame, member.history.time_ns[first:], member.history.columns[0][first:], _gap_ns(frame, member)
        ),
    )


def _gap_ns(frame: Frame, member: MemberView) -> float:
    return max(GAP_STEPS * member.step_ns, frame.bin_ns)  # a gap thinner than a pixel can't be seen


def _joined(member: MemberView) -> list[tuple[int, float]]:
    """The last measured point, where the forecast follows it at once, so that the two lines meet."""
    times, ahead = member.history.time_ns, member.forecast.time_ns
    near = len(times) and len(ahead) and 0 < ahead[0] - times[-1] <= GAP_STEPS * member.step_ns
    return [(times[-1], member.history.columns[0][-1])] if near else []


def _ahead(frame: Frame, member: MemberView) -> str:
    points = [*_joined(member), *zip(member.forecast.time_ns, member.forecast.columns[0], strict=True)]
    times, values = [t for t, _ in points], [v for _, v in points]
    return (
        element("path", cls="forecast", d=line_through(frame, times, values, float("inf")))
        if len(member.forecast.time_ns)
        else ""
    )


def _band(frame: Frame, member: MemberView, i: int = 0) -> str:
    """The i-th band; where one lies over another, both shades add up."""
    if not len(member.forecast.time_ns):
        return ""
    times, lower, upper = member.forecast.time_ns, *member.forecast.columns[2 * i + 1 : 2 * i + 3]
    keep = (
        range(len(times))
        if len(times) <= 2 * (frame.right - frame.left)
        else sorted(
            {*reduce_line(times, lower, frame.t0, frame.bin_ns), *reduce_line(times, upper, frame.t0, frame.bin_ns)}
        )
    )
    joint = [(frame.x(t), frame.y(v)) for t, v in _joined(member)]
    over = [(frame.x(times[i]), frame.y(upper[i])) for i in keep]
    under = [(frame.x(times[i]), frame.y(lower[i])) for i in keep]
    return element("path", cls="band", d=polyline([*joint, *over, *reversed(under)]) + "Z")


def _band_fits(frame: Frame, member: MemberView) -> bool:
    return all(frame.v0 <= v <= frame.v1 for column in member.forecast.columns[1:3] for v in column)


def _earlier(frame: Frame, member: MemberView, focus: Focus) -> list[str]:
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


def _gaps(frame: Frame, member: MemberView, focus: Focus, size: Size) -> str:
    """A shade over each stretch without values that is wide enough to be seen."""
    parts = []
    # The last value before the chart begins a gap that reaches its left edge, and what is missing before now is a gap
    # too.
    times = [*member.history.time_ns[max(0, focus.first - 1) :], focus.now]
    for before, after in pairwise(times):
        if after - before > _gap_ns(frame, member):
            left, right = frame.x(max(before, focus.t0)), frame.x(after)
            parts.append(
                element(
                    "rect",
                    cls="gap",
                    x=left,
                    y=frame.top,
                    width=right - left,
                    height=frame.bottom - frame.top,
                    fill_opacity="0.6",
                )
            )
            if right - left > text_width("no data", size.font) + 6:
                parts.append(text("no data", (left + right) / 2, frame.bottom - 6, anchor="middle"))
    return "".join(parts)


def _vertical(frame: Frame, time_ns: int, cls: str) -> str:
    return element("path", cls=cls, d=f"M{short(frame.x(time_ns))} {short(frame.top - 4)}V{short(frame.bottom)}")


def _marks(frame: Frame, member: MemberView, focus: Focus, size: Size, zone: tzinfo) -> str:
    """The now line and the change points; a label stands only where there is room for it."""
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    wanted = (
        [(focus.now, "now", f"now {clock(focus.now, zone)}", "strong")] if frame.t0 <= focus.now <= frame.t1 else []
    )
    changes = member.profile.change_points_ns if member.profile else ()
    wanted += [
        (t, "change" if t == changes[-1] else "change before", f"change {clock(t, zone)}", "of-change")
        for t in reversed(changes)
        if frame.t0 < t < frame.t1
    ]
    for time_ns, cls, label, text_cls in wanted:
        parts.append(_vertical(frame, time_ns, cls))
        half = text_width(label, size.font) / 2
        middle = min(max(frame.x(time_ns), half + 2), size.width - half - 2)
        if all(abs(middle - x) > half + other + 8 for x, other in taken):
            parts.append(text(label, middle, frame.top - 8, text_cls, "middle"))
            taken.append((middle, half))
    return "".join(parts)


def _end_labels(member: MemberView) -> list[Label]:
    """Values at the end of the horizon, written where the lines end."""
    if not len(member.forecast.time_ns):
        return []
    yhat, lower, upper = (column[-1] for column in member.forecast.columns[:3])
    span = width_of(extremes([member.history.columns[0][-500:], *member.forecast.columns]))
    return [(number(yhat, span), yhat, "of-forecast")] + (
        [(number(upper, span), upper, ""), (number(lower, span), lower, "")] if upper > lower else []
    )


def _legend(
    member: MemberView, focus: Focus, levels: Sequence[float], size: Size
) -> list[tuple[tuple[str, str, int], int, float]]:
    """What stands in the chart (class, label, shades), with row and x of each item; rows wrap at the width."""
    items = [("measured", "measured", 1)] if len(member.history.time_ns) > focus.first else []
    bands = [("band", f"{percent(level)} band", i) for i, level in enumerate(sorted(levels, reverse=True), 1)]
    items += [("forecast", "forecast", 1), *reversed(bands)] if len(member.forecast.time_ns) else []
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


def _legend_item(x: float, y: float, cls: str, label: str, shades: int) -> str:
    mark = (
        element("rect", cls="band", x=x, y=y - 9, width=20, height=10) * shades
        if cls == "band"
        else element("path", cls=cls, d=f"M{short(x)} {short(y - 4)}h20")
    )
    return mark + text(label, x + 26, y)

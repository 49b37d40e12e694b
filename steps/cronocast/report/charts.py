"""The charts: history with forecast and band, the whole history, error by step ahead, a small line for tables.

Pure functions to SVG text.
"""

from collections.abc import Sequence
from datetime import tzinfo

from cronocast.charts.frame import (
    Frame,
    extremes,
    label_room,
    margin,
    place,
    steps_axis,
    ticks_within,
    time_axis,
    value_axis,
    width_of,
)
from cronocast.charts.lines import drawing, wild_marks
from cronocast.charts.scale import value_domain, value_ticks, without_wild
from cronocast.charts.svg import Size, element, polyline
from cronocast.charts.words import clock, length, number, percent, tick_numbers
from cronocast.report.focus import Focus
from cronocast.report.layers import (
    ahead_shade,
    change_lines,
    earlier_lines,
    end_labels,
    forecast_line,
    gap_shades,
    interval_area,
    interval_fits,
    legend_item,
    legend_items,
    marks,
    measured_line,
)
from cronocast.report.model import MemberView
from cronocast.report.outlook import measured_words


def forecast_chart(
    member: MemberView, focus: Focus, size: Size, zone: tzinfo, levels: Sequence[float], uid: str
) -> str:
    """History, forecast and its bands around now, with everything labelled.

    The first level is that of `yhat_lower` and `yhat_upper`, the others ascend.
    """
    labels = end_labels(member)
    legend = legend_items(member, focus, levels, size)
    domain = focus_domain(member, focus)
    ticks = ticks_within(domain, size)
    names = tick_numbers(ticks)
    top = (1 + max((row for _, row, _ in legend), default=0)) * 18 + 26
    right = label_room(labels, size) + 12
    frame = Frame(margin(names, size), top, size.width - right, size.height - 36, focus.t0, focus.t1, *domain)
    parts = [
        ahead_shade(frame, member, focus),
        value_axis(frame, ticks, names),
        gap_shades(frame, member, focus, size),
        time_axis(frame, size, zone),
        *earlier_lines(frame, member, focus),
        *[interval_area(frame, member, i) for i in range(len(levels))],
        measured_line(frame, member, focus.first),
        wild_marks(frame, *_rows(member, focus.first), size),
        forecast_line(frame, member),
        marks(frame, member, focus, size, zone),
        *[legend_item(x, 14 + row * 18, *item) for item, row, x in legend],
        *place(labels, frame, size),
    ]
    return drawing(parts, size, uid, f"Forecast of {member.label}", describe(member, focus, zone, levels[0]), frame)


def context_chart(member: MemberView, focus: Focus, size: Size, zone: tzinfo, uid: str) -> str:
    """All of the history that was read, with the part of the main chart marked."""
    times = member.history.time_ns
    ahead = member.forecast.columns[0]
    domain = value_domain(*extremes([without_wild(member.history.columns[0], ahead), ahead]))
    frame = Frame(10, 8, size.width - 10, size.height - 34, times[0], max(focus.t1, times[0] + member.step_ns), *domain)
    window = element(
        "rect", cls="focus", x=frame.x(focus.t0), y=4, width=frame.right - frame.x(focus.t0), height=frame.bottom, rx=3
    )
    parts = [
        time_axis(frame, size, zone),
        window,
        *change_lines(frame, member),
        measured_line(frame, member, 0),
        wild_marks(frame, *_rows(member, 0), size),
        forecast_line(frame, member),
    ]
    first, last = (clock(times[i], zone, year=True) for i in (0, -1))
    about = f"{len(times):,} values from {first} to {last}; the part shown above is marked."
    return drawing(parts, size, uid, f"The whole history of {member.label}", about)


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
    right = label_room(ends, size) + 14
    frame = Frame(margin(names, size), 12, size.width - right, size.height - 26, test.steps[0], test.steps[-1], *domain)
    parts = [value_axis(frame, ticks, names), steps_axis(frame, member.step_ns, size)]
    parts += [element("path", cls=cls, d=_through(frame, test.steps, values)) for cls, _, values in lines]
    first, last = (f"{length(test.steps[i] * member.step_ns)} ahead: {number(test.chosen[i])}" for i in (0, -1))
    about = f"{first}; {last}."
    return drawing([*parts, *place(ends, frame, size)], size, uid, "Backtest error by step ahead", about, frame)


def _through(frame: Frame, steps: Sequence[int], values: Sequence[float | None]) -> str:
    """Path data through the values that are known."""
    return polyline((frame.x(s), frame.y(v)) for s, v in zip(steps, values, strict=True) if v is not None)


def sparkline(member: MemberView, focus: Focus) -> str:
    """A small line of history and forecast for a table row; the row says in numbers what matters."""
    size = Size(132, 34, "spark")
    ahead = member.forecast.columns[0]
    domain = value_domain(*extremes([without_wild(member.history.columns[0][focus.first :], ahead), ahead]))
    frame = Frame(2, 4, size.width - 2, size.height - 4, focus.t0, focus.t1, *domain)
    parts = [
        interval_area(frame, member) if interval_fits(frame, member) else "",
        measured_line(frame, member, focus.first),
        forecast_line(frame, member),
    ]
    box = f"0 0 {size.width} {size.height}"
    extent: dict[str, str | float] = {"viewbox": box, "width": size.width, "height": size.height}
    return element("svg", *parts, cls="chart spark", **extent, aria_hidden="true")


def describe(member: MemberView, focus: Focus, zone: tzinfo, level: float) -> str:
    """The main chart in one or two sentences, for those who do not see it."""
    times, values = member.history.time_ns, member.history.columns[0]
    span = width_of(focus_domain(member, focus))
    said = (
        f"Measured until {clock(times[-1], zone, year=True)}, last value {number(values[-1], span)}."
        if len(times)
        else "No history."
    )
    said = f"{said} {wild_words(member, focus, zone)}".rstrip()
    ahead = member.forecast
    if not len(ahead.time_ns):
        return f"{said} No forecast."
    yhat, lower, upper = ahead.columns[:3]
    end = (
        f"{clock(ahead.time_ns[-1], zone, year=True)}: {number(yhat[-1], span)}, {percent(level)} interval"
        f" {number(lower[-1], span)} to {number(upper[-1], span)}"
    )
    guess = f"; {measured_words(member)}" if measured_words(member) else ""
    return f"{said} Forecast for {end}; lowest {number(min(yhat), span)}, highest {number(max(yhat), span)}{guess}."


def _rows(member: MemberView, first: int) -> tuple[Sequence[int], Sequence[float]]:
    """Times and values of the history from one row on."""
    return member.history.time_ns[first:], member.history.columns[0][first:]


def wild_words(member: MemberView, focus: Focus, zone: tzinfo) -> str:
    """Which measured values lie beyond the edges of the main chart; "" where none does."""
    low, high = focus_domain(member, focus)
    rows = zip(*_rows(member, focus.first), strict=True)
    told = [f"{number(v)} on {clock(t, zone)}" for t, v in rows if not low <= v <= high]
    return f"Beyond the chart, marked at its edge: {', '.join(told)}." if told else ""


def focus_domain(member: MemberView, focus: Focus) -> tuple[float, float]:
    """Range of values of the main chart: all of what it shows, the interval included, but for a few wild values."""
    earlier = [
        [v for t, v in zip(f.time_ns, f.columns[0], strict=True) if focus.t0 <= t <= focus.t1]
        for _, f in member.earlier
    ]
    known = without_wild(member.history.columns[0][focus.first :], member.forecast.columns[0])
    return value_domain(*extremes([known, *member.forecast.columns, *earlier]))

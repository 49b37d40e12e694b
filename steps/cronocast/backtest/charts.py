"""Pictures of a backtest: figures by step ahead, and past forecasts over what was measured.

Pure functions to SVG text and hover data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import numpy as np

from cronocast.backtest.study import Study
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
from cronocast.charts.hover import MS
from cronocast.charts.lines import drawing, line_through, wild_marks
from cronocast.charts.scale import NS, value_domain, value_ticks, without_wild
from cronocast.charts.svg import Size, element, polyline, safe, short, text, text_width
from cronocast.charts.words import length, number, percent, tick_numbers

STEP_SIZES = (Size(1080, 240), Size(700, 230, "medium"), Size(348, 210, "narrow", 11))
FAN_SIZES = (Size(1080, 300), Size(700, 270, "medium"), Size(348, 240, "narrow", 11))
BEFORE = 2  # horizons that are shown before the first origin

Values = Sequence[float | None]
Domain = tuple[float, float]
Forecast = tuple[list[int], list[float], list[float], list[float]]  # times, yhat, lower, upper


@dataclass(frozen=True)
class Line:
    """One model in a chart by step ahead."""

    cls: str
    label: str
    values: Values


@dataclass(frozen=True)
class Fan:
    """Past forecasts of one member over what was measured. Times in ns, ascending."""

    label: str
    step_ns: int
    time_ns: list[int]
    actual: list[float]
    forecasts: list[Forecast]  # per origin


def lines_chart(
    lines: Sequence[Line], step_ns: int, size: Size, uid: str, title: str, domain: Domain, goal: float | None = None
) -> str:
    """Figures by how far ahead, one line per model; `goal` is a line across."""
    count = max(len(line.values) for line in lines)
    ticks = value_ticks(*domain, count=4)
    names = [percent(t).replace("\u00a0", "") for t in ticks] if goal is not None else tick_numbers(ticks)
    ends = [(line.label, line.values[-1], f"of-{line.cls}") for line in lines if line.values[-1] is not None]
    right = label_room(ends, size) + 14
    frame = Frame(margin(names, size), 12, size.width - right, size.height - 26, 1, count, *domain)
    parts = [value_axis(frame, ticks, names), steps_axis(frame, step_ns, size)]
    if goal is not None:
        parts.append(element("path", cls="now", d=f"M{short(frame.left)} {short(frame.y(goal))}H{short(frame.right)}"))
    parts += [_step_line(line, frame) for line in lines]
    return drawing([*parts, *place(ends, frame, size)], size, uid, title, "; ".join(map(_ends_of, lines)), frame)


def _step_line(line: Line, frame: Frame) -> str:
    """The line of one model; what lies beyond the plot is drawn at its edge."""
    points = [
        (frame.x(k), frame.y(min(max(v, frame.v0), frame.v1))) for k, v in enumerate(line.values, 1) if v is not None
    ]
    return element("path", cls=line.cls, d=polyline(points))


def _ends_of(line: Line) -> str:
    """A line in words."""
    return f"{line.label}: {number(line.values[0])} at the first step, {number(line.values[-1])} at the last"


def lines_hover(lines: Sequence[Line], step_ns: int, domain: Domain, *, shares: bool) -> dict[str, Any]:
    """What the pointer reads off a chart by step ahead."""
    count = max(len(line.values) for line in lines)
    texts = [[_text(v, shares=shares) for v in line.values] for line in lines]
    rows = [_row(line.label, line.cls, line.values, domain, shown) for line, shown in zip(lines, texts, strict=True)]
    labels = [f"{length(k * step_ns, counted=True, exact=True)} ahead" for k in range(1, count + 1)]
    return {"labels": labels, "x": list(range(1, count + 1)), "d": [1, count], "start": 1, "rows": rows}


def fan_of(study: Study, member: int, model: str, label: str) -> Fan:
    """What a chart of one member shows: from a little before the first origin to the end."""
    history, rows = study.history, study.models[model]
    first = max(0, study.origins[0] - max(BEFORE * study.h, study.season[member]))
    known = first + np.flatnonzero(np.isfinite(history.y[member, first:]))
    times = [study.step_time(int(index)) for index in known]
    forecasts = []
    for i in range(len(study.origins)):
        ahead = [study.step_time(study.origins[i] + k) for k in range(study.h)]
        if np.isfinite(rows.yhat[member, i]).all():
            forecasts.append(
                (ahead, rows.yhat[member, i].tolist(), rows.lower[member, i].tolist(), rows.upper[member, i].tolist())
            )
    return Fan(label, history.step_ns, times, history.y[member, known].tolist(), forecasts)


def fan_domain(fan: Fan) -> Domain:
    """Range of values: what was measured, but for wild ones, or forecast, and of intervals at most as much again."""
    curves = [yhat for _, yhat, _, _ in fan.forecasts]
    known = without_wild(fan.actual, [value for yhat in curves for value in yhat])
    low, high = extremes([known, *curves])
    under, over = extremes([known, *(column for _, _, *bounds in fan.forecasts for column in bounds)])
    room = max(high / 2 - low / 2, 1e-9 * max(abs(low), abs(high)))
    return value_domain(max(under, low - 2 * room), min(over, high + 2 * room))


def fan_edges(fan: Fan) -> tuple[int, int]:
    """Times at the left and the right of the picture."""
    times = [*fan.time_ns[:1], *fan.time_ns[-1:], *(t for ahead, *_ in fan.forecasts for t in (ahead[0], ahead[-1]))]
    return min(times), max(*times, min(times) + fan.step_ns)


def fan_chart(fan: Fan, size: Size, uid: str) -> str:
    """Measured values, and each past forecast with its band."""
    domain, (t0, t1) = fan_domain(fan), fan_edges(fan)
    ticks = ticks_within(domain, size)
    names = tick_numbers(ticks)
    frame = Frame(margin(names, size), 30, size.width - 14, size.height - 36, t0, t1, *domain)
    parts = [value_axis(frame, ticks, names), time_axis(frame, size, UTC)]
    parts += [_one_forecast(forecast, frame) for forecast in fan.forecasts]
    gap_ns = max(1.5 * fan.step_ns, frame.bin_ns)
    parts.append(element("path", cls="measured", d=line_through(frame, fan.time_ns, frame.within(fan.actual), gap_ns)))
    parts.append(wild_marks(frame, fan.time_ns, fan.actual, size))
    parts.append(_legend(size))
    about = (
        f"{len(fan.forecasts)} past forecasts of {len(fan.forecasts[0][0]) if fan.forecasts else 0} steps each over"
        f" {len(fan.actual)} measured values."
    )
    return drawing(parts, size, uid, f"Past forecasts of {fan.label}", about, frame)


def _one_forecast(forecast: Forecast, frame: Frame) -> str:
    """One past forecast: a line at its origin, its interval within the plot, its curve."""
    ahead, yhat, lower, upper = forecast
    over = [(frame.x(t), frame.y(min(v, frame.v1))) for t, v in zip(ahead, upper, strict=True)]
    under = [(frame.x(t), frame.y(max(v, frame.v0))) for t, v in zip(ahead, lower, strict=True)]
    origin = element("path", cls="axis", d=f"M{short(frame.x(ahead[0]))} {short(frame.top)}V{short(frame.bottom)}")
    interval = element("path", cls="band", d=polyline([*over, *reversed(under)]) + "Z")
    return origin + interval + element("path", cls="forecast", d=line_through(frame, ahead, yhat, float("inf")))


def fan_hover(fan: Fan) -> dict[str, Any]:
    """What the pointer reads: measured, and the newest forecast of that time."""
    t0, t1 = fan_edges(fan)
    times = sorted({*fan.time_ns, *(t for ahead, *_ in fan.forecasts for t in ahead)})
    unit = NS if fan.step_ns % NS == 0 and all(t % NS == 0 for t in times) else MS
    origin = t0 // NS * NS
    return {
        "zone": "UTC",
        "seconds": fan.step_ns % (60 * NS) != 0,
        "x0": origin // MS,
        "unit": unit // MS,
        "x": [(t - origin) // unit for t in times],
        "d": [(t0 - origin) / unit, (t1 - origin) / unit],
        "rows": _fan_rows(fan, times),
    }


def _fan_rows(fan: Fan, times: Sequence[int]) -> list[dict[str, Any]]:
    """What stands at each of the times: measured, forecast and its interval."""
    domain = fan_domain(fan)
    span = width_of(domain)
    measured = dict(zip(fan.time_ns, fan.actual, strict=True))
    ahead = {t: bounds for at, *columns in fan.forecasts for t, *bounds in zip(at, *columns, strict=True)}
    seen = [measured.get(t) for t in times]
    middle = [ahead[t][0] if t in ahead else None for t in times]
    band = [f"{number(ahead[t][1], span)} to {number(ahead[t][2], span)}" if t in ahead else None for t in times]
    lines = (("measured", seen), ("forecast", middle))
    rows = [_row(name, name, vs, domain, [None if v is None else number(v, span) for v in vs]) for name, vs in lines]
    return [*rows, _row("interval", "band", [], domain, band)]


def _legend(size: Size) -> str:
    parts, x = [], 4.0
    for cls, label in (("measured", "measured"), ("forecast", "forecast"), ("band", "interval"), ("axis", "origin")):
        mark = (
            element("rect", cls="band", x=x, y=5, width=20, height=10)
            if cls == "band"
            else element("path", cls=cls, d=f"M{short(x)} 10h20")
        )
        parts += [mark, text(label, x + 26, 14)]
        x += 28 + text_width(safe(label), size.font) + 14
    return "".join(parts)


def _row(name: str, cls: str, values: Values, domain: Domain, texts: list[str | None]) -> dict[str, Any]:
    return {"name": name, "cls": cls, "text": texts, "y": [_height(v, domain) for v in values]}


def _text(value: float | None, *, shares: bool) -> str | None:
    return None if value is None else percent(value) if shares else number(value, 10)


def _height(value: float | None, domain: Domain) -> float | None:
    """Height in the plot, 0 at its bottom and 1 at its top."""
    return (
        None
        if value is None
        else round(min(1.0, max(0.0, (value / 2 - domain[0] / 2) / (domain[1] / 2 - domain[0] / 2))), 4)
    )

"""What the inline script shows beside the pointer.

Times, texts and heights are made here, so that page and tooltip speak alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cronocast.charts.frame import width_of
from cronocast.charts.hover import MS
from cronocast.charts.scale import NS, reduce_line
from cronocast.charts.words import length, number, percent
from cronocast.report.charts import focus_domain
from cronocast.report.focus import Focus
from cronocast.report.model import MemberView

MOST_POINTS = 1500  # measured points that a pointer can tell apart; of more, those are kept that draw the line
# a chart longer than this shows nearly the same day twice, so that times need their year
YEARS_FROM_NS = 300 * 24 * 3600 * NS

Texts = list[str | None]
Heights = list[float | None]


def forecast_hover(member: MemberView, focus: Focus, zone: str, levels: Sequence[float] = (0.95,)) -> dict[str, Any]:
    """The points of the main chart.

    They are measured, forecast with its intervals, and what an earlier run had forecast for the same time.
    """
    domain = focus_domain(member, focus)
    measured = dict(zip(*_measured(member, focus), strict=True))
    times = sorted({*measured, *member.forecast.time_ns})
    rows = [_line("measured", "measured", measured, times, domain), *_forecasts(member, levels, times, domain)]
    origin = focus.t0 // NS * NS
    unit = NS if member.step_ns % NS == 0 and all(t % NS == 0 for t in times) else MS
    return {
        "zone": zone,
        "seconds": member.step_ns % (60 * NS) != 0,
        "years": focus.t1 - focus.t0 > YEARS_FROM_NS,
        "x0": origin // MS,
        "unit": unit // MS,
        "x": [(t - origin) // unit for t in times],
        "d": [(focus.t0 - origin) / unit, (focus.t1 - origin) / unit],
        "start": (focus.now - origin) // unit,
        "rows": rows,
    }


def _forecasts(
    member: MemberView, levels: Sequence[float], times: list[int], domain: tuple[float, float]
) -> Iterator[dict[str, Any]]:
    """A row for the forecast of the run before, if it was given too, for this one and for each of its intervals."""
    for run, past in member.earlier[-1:]:  # the newest of them: more would hide the chart
        values = dict(zip(past.time_ns, past.columns[0], strict=True))
        yield _line(f"forecast {run[:16].replace('T', ' ')}", "earlier", values, times, domain)
    if len(member.forecast.time_ns):
        values = dict(zip(member.forecast.time_ns, member.forecast.columns[0], strict=True))
        yield _line("forecast", "forecast", values, times, domain)
        yield from _intervals(member, levels, times, width_of(domain))


def _line(
    name: str, cls: str, values: Mapping[int, float], times: list[int], domain: tuple[float, float]
) -> dict[str, Any]:
    """The row of a line: heights, and texts in the digits that the chart needs."""
    shown, span = [values.get(t) for t in times], width_of(domain)
    return _row(name, cls, [_height(v, domain) for v in shown], [_text(v, span) for v in shown])


def _intervals(member: MemberView, levels: Sequence[float], times: list[int], span: float) -> list[dict[str, Any]]:
    """A row for each interval, the narrowest first."""
    rows, place = [], {t: k for k, t in enumerate(member.forecast.time_ns)}
    for i in sorted(range(len(levels)), key=levels.__getitem__):
        lower, upper = member.forecast.columns[2 * i + 1 : 2 * i + 3]
        texts = [
            f"{number(lower[k], span)} to {number(upper[k], span)}{'' if k < member.measured else ', not measured'}"
            if (k := place.get(t)) is not None
            else None
            for t in times
        ]
        rows.append(_row(f"{percent(levels[i])} interval" if len(levels) > 1 else "interval", "band", [], texts))
    return rows


def steps_hover(member: MemberView) -> dict[str, Any]:
    """The points of the chart of errors by step ahead."""
    test = member.backtest
    if test is None or len(test.steps) < 2:
        return {"x": []}
    top = max((v for v in (*test.chosen, *test.naive) if v is not None), default=1.0) * 1.12 or 1.0
    lines = (("chosen", "forecast", test.chosen), ("naive", "naive", test.naive))
    rows = [
        _row(name, cls, [_height(v, (0.0, top)) for v in values], [_text(v, top) for v in values])
        for name, cls, values in lines
    ]
    labels = [f"{length(s * member.step_ns, counted=True, exact=True)} ahead" for s in test.steps]
    return {
        "labels": labels,
        "x": test.steps,
        "d": [test.steps[0], test.steps[-1]],
        "start": test.steps[0],
        "rows": rows,
    }


def _measured(member: MemberView, focus: Focus) -> tuple[list[int], list[float]]:
    times, values = member.history.time_ns[focus.first :], member.history.columns[0][focus.first :]
    if len(times) <= MOST_POINTS:
        return list(times), list(values)
    kept = reduce_line(times, values, focus.t0, 4 * (focus.t1 - focus.t0) / MOST_POINTS)
    return [times[i] for i in kept], [values[i] for i in kept]


def _row(name: str, cls: str, heights: Heights, texts: Texts) -> dict[str, Any]:
    return {"name": name, "cls": cls, "text": texts, "y": heights}


def _text(value: float | None, span: float) -> str | None:
    return None if value is None else number(value, span)


def _height(value: float | None, domain: tuple[float, float]) -> float | None:
    """Height in the plot, 0 at its bottom and 1 at its top."""
    return (
        None
        if value is None
        else min(1.0, max(0.0, round((value / 2 - domain[0] / 2) / (domain[1] / 2 - domain[0] / 2), 4)))
    )

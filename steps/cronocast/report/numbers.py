"""Every number of a member as HTML tables that can be unfolded."""

import math
from collections.abc import Sequence

from cronocast.charts import words
from cronocast.charts.frame import extremes, width_of
from cronocast.charts.svg import safe
from cronocast.durations import UNIT_NS
from cronocast.handoff.series import forecast_columns
from cronocast.report.model import MemberView
from cronocast.report.scene import Scene

MOST_ROWS = 400  # of a table of numbers; the files beside hold them all


def number_tables(member: MemberView, scene: Scene) -> str:
    """Tables of the forecast, the newest history and the errors by step."""
    return _forecast(member, scene) + _history(member, scene) + _errors(member)


def _forecast(member: MemberView, scene: Scene) -> str:
    rows = list(zip(member.forecast.time_ns, *member.forecast.columns, strict=True))
    if not rows:
        return ""
    title, columns = f"Forecast, {words.counted(len(rows), 'row')}", forecast_columns(scene.further)
    return _table(title, columns, rows[:MOST_ROWS], len(rows), "forecast.csv", scene, member.step_ns)


def _history(member: MemberView, scene: Scene) -> str:
    rows = list(zip(member.history.time_ns[-48:], member.history.columns[0][-48:], strict=True))
    if not rows:
        return ""
    title = f"Measured, the last {len(rows)} of {words.counted(len(member.history.time_ns), 'value')}"
    return _table(title, ("value",), rows, len(rows), "history.csv", scene, member.step_ns)


def _errors(member: MemberView) -> str:
    test = member.backtest
    if not test or not test.steps:
        return ""
    steps = "".join(
        f"<tr><td>{words.length(s * member.step_ns, counted=True, exact=True)}</td><td"
        f' class="n">{_short(c)}</td><td class="n">{_short(n)}</td></tr>'
        for s, c, n in list(zip(test.steps, test.chosen, test.naive, strict=True))[:MOST_ROWS]
    )
    head = '<tr><th>Ahead</th><th class="n">chosen</th><th class="n">naive</th></tr>'
    return _folded("Mean absolute error by step ahead", f"<table><thead>{head}</thead><tbody>{steps}</tbody></table>")


Rows = Sequence[tuple[float, ...]]  # time and values


def _table(title: str, columns: tuple[str, ...], rows: Rows, total: int, file: str, scene: Scene, step_ns: int) -> str:
    head = "".join(f'<th class="n">{name}</th>' for name in columns)
    low, high = extremes([values for _, *values in rows])
    size = max(abs(low), abs(high))
    digits = words.digits(size, words.told_span(size, width_of((low, high))), 6)
    seconds = step_ns % UNIT_NS["m"] != 0
    body = "".join(
        f"<tr><td>{words.clock(int(t), scene.zone, year=True, seconds=seconds)}</td>{_cells(values, digits)}</tr>"
        for t, *values in rows
    )
    more = f'<p class="soft">The first {len(rows)} of {total:,} rows; {file} has all.</p>' if len(rows) < total else ""
    heads = f"<tr><th>Time ({safe(scene.zone_name)})</th>{head}</tr>"
    return _folded(title, f"<table><thead>{heads}</thead><tbody>{body}</tbody></table>{more}")


def _cells(values: list[float], digits: int) -> str:
    return "".join(f'<td class="n">{_short(value, digits)}</td>' for value in values)


def _folded(title: str, inner: str) -> str:
    return (
        f'<details class="more"><summary>{safe(title)}</summary><div class="scroll" tabindex="0" role="region"'
        f' aria-label="{safe(title)}">{inner}</div></details>'
    )


def _short(value: float | None, digits: int = 6) -> str:
    """Six digits: more than any forecast knows, unless all values lie close."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}g}".replace("-", "\u2212")

"""The figures on the page of a backtest: errors and coverage by step ahead, and past forecasts by member."""

from typing import Any

from cronocast.backtest.charts import (
    FAN_SIZES,
    STEP_SIZES,
    Line,
    fan_chart,
    fan_hover,
    fan_of,
    lines_chart,
    lines_hover,
)
from cronocast.backtest.request import NAIVE
from cronocast.backtest.study import Study
from cronocast.backtest.table import number, percent
from cronocast.charts.html import hover_figure
from cronocast.charts.svg import safe
from cronocast.charts.words import model_words

MOST_FANS = 12  # members with a chart of past forecasts; each is about 100 kB
OPENED = 3  # the others unfold at a click
MOST_LINES = 4  # models in a chart besides the naive one: more can't be told apart
COLOURS = ("forecast", "earlier", "change", "measured")
ERRORS = "Mean absolute error by step ahead, in units of the mean change over one season (MASE)."

Shown = dict[str, Any]


def step_figures(document: Shown, step_ns: int) -> str:
    """Errors and coverage by step ahead, one line per model."""
    level = document["level"]
    held = f"Coverage: the share of values inside the interval; the horizontal line is its level, {percent(level)}."
    return _errors(_lines(document, "mase"), step_ns) + _coverage(_lines(document, "coverage"), step_ns, held, level)


def _errors(lines: list[Line], step_ns: int) -> str:
    top = max((v for line in lines for v in line.values if v is not None), default=1.0) * 1.12 or 1.0
    return _figure(ERRORS, lines, step_ns, "e", (0.0, top), None)


def _coverage(lines: list[Line], step_ns: int, caption: str, level: float) -> str:
    least = min((v for line in lines for v in line.values if v is not None), default=0.0)
    return _figure(caption, lines, step_ns, "c", (max(0.0, min(0.7, least - 0.05)), 1.02), level)


def _lines(document: Shown, measure: str) -> list[Line]:
    """The naive line first, so that the others lie over it.

    The naive line is that of the last value repeated where no member has a season.
    """
    table = document["by_step"]["models"]
    reference = next(
        (name for name in NAIVE if any(row["reference"] == name for row in document["by_member"])), NAIVE[-1]
    )
    own = [name for name in table if name not in NAIVE][:MOST_LINES]
    lines = [Line("naive", model_words(reference), table[reference][measure])]
    lines += [Line(cls, model_words(name), table[name][measure]) for cls, name in zip(COLOURS, own, strict=False)]
    return [line for line in lines if any(v is not None for v in line.values)]


def _figure(
    caption: str, lines: list[Line], step_ns: int, uid: str, domain: tuple[float, float], goal: float | None
) -> str:
    pictures = "".join(lines_chart(lines, step_ns, size, f"b{uid}", caption, domain, goal) for size in STEP_SIZES)
    return hover_figure(pictures, caption, f"b{uid}h", lines_hover(lines, step_ns, domain, shares=goal is not None))


def fans(study: Study, document: Shown, model: str) -> str:
    """Charts of past forecasts by a model, the members that did worst first."""
    rows = document["by_member"]
    ranked = sorted(range(len(rows)), key=lambda m: -((rows[m]["models"][model]["ratio"] or {}).get("value") or 0.0))
    said = (
        f'<p class="soft">Past forecasts of {MOST_FANS} of {len(rows):,} members are shown, those with the largest'
        " error relative to naive."
        "</p>"
        if len(rows) > MOST_FANS
        else ""
    )
    return "".join(_fan(study, rows[m], m, model, opened=i < OPENED) for i, m in enumerate(ranked[:MOST_FANS])) + said


def _fan(study: Study, row: Shown, member: int, model: str, *, opened: bool) -> str:
    label = row["tags"] or row["name"]
    fan = fan_of(study, member, model, label)
    if not fan.forecasts or not fan.actual:
        return ""
    pictures = "".join(fan_chart(fan, size, f"f{member}") for size in FAN_SIZES)
    found = row["models"][model]
    figure = hover_figure(pictures, _fan_caption(model, found["used"]), f"f{member}h", fan_hover(fan))
    ratio = number((found["ratio"] or {}).get("value"))
    badge = (
        f'<span class="badge">error / naive {ratio}</span> <span class="badge">coverage'
        f" {percent(found['coverage'])}</span>"
    )
    return (
        f'<details class="card member"{" open" if opened else ""}><summary><h2>{safe(label)}</h2>{badge}</summary>'
        f"{figure}</details>"
    )


def _fan_caption(model: str, used: dict[str, int]) -> str:
    """What the chart shows, and which models made its forecasts, the most frequent first."""
    counts = sorted(used.items(), key=lambda item: -item[1])
    names = ", ".join(f"{model_words(name)} ({count})" for name, count in counts)
    return f"Past forecasts by {model_words(model)} against measured values; times in UTC. Models used: {names}."

"""The page of a backtest: one self-contained HTML file in the style of the report."""

from pathlib import Path
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
from cronocast.backtest.notes import notes
from cronocast.backtest.request import NAIVE
from cronocast.backtest.study import Study
from cronocast.backtest.table import among, number, percent, sentences
from cronocast.charts.hover import script_json
from cronocast.charts.html import html_page
from cronocast.charts.svg import safe
from cronocast.charts.words import counted, length, model_words, sentence
from cronocast.handoff.files import atomic

MOST_FANS = 12  # members with a chart of past forecasts; each is about 100 kB
OPENED = 3  # the others unfold at a click
MOST_ROWS = 2000  # of the table of members
MOST_LINES = 4  # models in a chart besides the naive one: more can't be told apart
FILTER_FROM = 12  # members: fewer are seen at a glance
COLOURS = ("forecast", "earlier", "change", "measured")
BAR_END = 2.0  # twice the naive error: bars of worse models end there, their number stands beside

Shown = dict[str, Any]


def write_page(study: Study, document: Shown, out: Path) -> None:
    """Write the page; it is replaced as a whole.

    Raises:
        StorageError: it can't be written.
    """
    with atomic(out) as file:
        file.write(page(study, document).encode("utf-8", "replace"))


def page(study: Study, document: Shown) -> str:
    """The page as text."""
    first, last = document["origins"][0], document["origins"][-1]
    members = len(document["by_member"])
    meta = [
        counted(members, "member"),
        f"{counted(len(document['origins']), 'forecast origin')} from {_time(first)} to {_time(last)} UTC",
    ]
    meta += [
        f"each {document['horizon']} ahead, one value per {length(study.history.step_ns)}",
        f"{document['values']:,} values to compare with",
    ]
    said = "".join(f'<div class="banner warn"><p>{safe(note)}</p></div>' for note in notes(document))
    about = (
        "Each forecast used only the values before its origin: class, model, interval and everything else were"
        " determined again at every origin."
    )
    name = safe(document["history"])
    body = (
        f'<section class="run"><h1>Backtest of {name}</h1><p class="meta">{safe(" · ".join(meta))}<br>{about}</p>{said}'
        f"{_models(document)}{_by_step(document, study.history.step_ns)}{_members(document)}{_fans(study, document)}"
        f'<div class="notes"><p class="soft">{safe(sentence(document["unit"]))}</p></div></section>'
    )
    return html_page(f"Backtest of {document['history']}", "backtest", body, name)


def _time(stamp: str) -> str:
    """2026-01-31T12:00:00Z as people write it; its seconds where it has some."""
    return stamp.replace("T", " ").removesuffix("Z").removesuffix(":00")


def _scroll(label: str, table: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{safe(label)}">{table}</div>'


def _models(document: Shown) -> str:
    names = ["error / naive", "95 % range", "MASE", "sMAPE, %", "RMSE", "pinball", "MSIS", "coverage", "bias", "CPU s"]
    head = '<th>Model</th><th><span class="vh">Picture</span></th>' + "".join(
        f'<th class="n">{name}</th>' for name in names
    )
    rows = "".join(_model(name, found) for name, found in document["models"].items())
    lines = "".join(
        f"<li>{safe(said)}</li>"
        for name, found in document["models"].items()
        for said in sentences(name, found, document["level"], document["levels"])
    )
    table = _scroll("Measures by model", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    return f'<section class="card"><h2>Models</h2>{table}<ul>{lines}</ul></section>'


def _model(name: str, found: Shown) -> str:
    ratio = found["ratio"] or {}
    figures = [
        number(ratio.get("value")),
        among(ratio),
        *(number(found[key]) for key in ("mase", "smape", "rmse", "pinball", "msis")),
    ]
    figures += [percent(found["coverage"]), number(found["bias"]), f"{found['cpu_s']:.1f}"]
    cells = "".join(f'<td class="n">{value}</td>' for value in figures)
    row_class = "" if name in NAIVE else "used"
    bar = _bar(ratio.get("value"))
    return f'<tr class="{row_class}"><td>{safe(model_words(name))}</td><td>{bar}</td>{cells}</tr>'


def _bar(ratio: float | None) -> str:
    width = min(ratio or 0.0, BAR_END) / BAR_END * 100
    return (
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect class="back"'
        f' width="100" height="12" rx="2"/><rect class="own" width="{width:.1f}" height="12" rx="2"/><path class="one"'
        ' d="M50 0V12"/></svg>'
    )


def _lines(document: Shown, measure: str) -> list[Line]:
    """The naive line first, so that the others lie over it.

    Where no member has a season it is the last value repeated.
    """
    table = document["by_step"]["models"]
    reference = next(
        (name for name in NAIVE if any(row["reference"] == name for row in document["by_member"])), NAIVE[-1]
    )
    own = [name for name in table if name not in NAIVE][:MOST_LINES]
    lines = [Line("naive", model_words(reference), table[reference][measure])]
    lines += [Line(cls, model_words(name), table[name][measure]) for cls, name in zip(COLOURS, own, strict=False)]
    return [line for line in lines if any(v is not None for v in line.values)]


def _by_step(document: Shown, step_ns: int) -> str:
    if len(document["by_step"]["steps"]) < 2 or document["values"] == 0:
        return ""
    errors, held = _lines(document, "mase"), _lines(document, "coverage")
    top = max((v for line in errors for v in line.values if v is not None), default=1.0) * 1.12 or 1.0
    least = min((v for line in held for v in line.values if v is not None), default=0.0)
    low = max(0.0, min(0.7, least - 0.05))
    parts = [
        _figure(
            "Mean absolute error by step ahead, in units of the mean change over one season (MASE).",
            errors,
            step_ns,
            "e",
            (0.0, top),
            None,
        ),
        _figure(
            f"Coverage: the share of values inside the interval; the horizontal line is its level,"
            f" {percent(document['level'])}.",
            held,
            step_ns,
            "c",
            (low, 1.02),
            document["level"],
        ),
    ]
    return f'<section class="card"><h2>By step ahead</h2>{"".join(parts)}{_step_table(document, step_ns)}</section>'


def _figure(
    caption: str, lines: list[Line], step_ns: int, uid: str, domain: tuple[float, float], goal: float | None
) -> str:
    pictures = "".join(lines_chart(lines, step_ns, size, f"b{uid}", caption, domain, goal) for size in STEP_SIZES)
    data = script_json(lines_hover(lines, step_ns, domain, shares=goal is not None))
    return (
        f'<figure data-hover="b{uid}h"><figcaption>{safe(caption)}</figcaption>{pictures}<script'
        f' type="application/json" id="b{uid}h">{data}</script></figure>'
    )


def _step_table(document: Shown, step_ns: int) -> str:
    table = document["by_step"]["models"]
    head = "".join(f'<th class="n">{safe(model_words(name))}</th>' for name in table)
    rows = []
    for i, k in enumerate(document["by_step"]["steps"]):
        cells = "".join(
            f'<td class="n">{number(found["mase"][i])} · {percent(found["coverage"][i])}</td>'
            for found in table.values()
        )
        rows.append(f"<tr><td>{length(k * step_ns, counted=True, exact=True)}</td>{cells}</tr>")
    inner = _scroll(
        "MASE and coverage by step",
        f"<table><thead><tr><th>Ahead</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>",
    )
    return f'<details class="more"><summary>MASE and coverage by step ahead</summary>{inner}</details>'


def _judged(document: Shown) -> list[str]:
    """Models whose figures are shown by member: those asked for."""
    return [name for name in document["models"] if name not in NAIVE] or list(document["models"])


def _members(document: Shown) -> str:
    rows = document["by_member"]
    if len(rows) < 2:
        return ""
    models = _judged(document)
    head = "<th>Member</th><th>Class</th><th>Compared with</th>"
    head += "".join(
        f'<th class="n">{safe(model_words(name))}: error / naive</th><th class="n">coverage</th><th class="n">MAE</th>'
        for name in models
    )
    body = "".join(_member(row, models) for row in rows[:MOST_ROWS])
    box = (
        '<input class="filter" type="search" data-filter="members" aria-label="Filter members" placeholder="Filter'
        ' members">'
    )
    field = (
        f'<div class="filter-row" hidden>{box}<span class="soft" id="members-count" role="status"></span></div>'
        if len(rows) >= FILTER_FROM
        else ""
    )
    rest = f'<p class="soft">The first {MOST_ROWS:,} are shown; --json has all.</p>' if len(rows) > MOST_ROWS else ""
    table = f'<table id="members"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return (
        "<section"
        f' class="card"><h2>{counted(len(rows), "member")}</h2>{field}{_scroll("Members", table)}{rest}</section>'
    )


def _member(row: Shown, models: list[str]) -> str:
    cells = ""
    for name in models:
        found = row["models"][name]
        mae = (found["in_unit"] or {}).get("mae")
        cells += (
            f'<td class="n">{number((found["ratio"] or {}).get("value"))}</td><td'
            f' class="n">{percent(found["coverage"])}</td>'
        )
        cells += f'<td class="n">{"-" if mae is None else format(mae, ".4g")}</td>'
    classes = ", ".join(name.replace("_", " ") for name in row["classes"])
    words = "".join(
        f"<td>{safe(text)}</td>" for text in (row["tags"] or row["name"], classes, model_words(row["reference"]))
    )
    return f"<tr>{words}{cells}</tr>"


def _fans(study: Study, document: Shown) -> str:
    """Charts of past forecasts by the first model, the members that did worst first."""
    model = _judged(document)[0]
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
    data = script_json(fan_hover(fan))
    used = ", ".join(
        f"{model_words(name)} ({count})"
        for name, count in sorted(row["models"][model]["used"].items(), key=lambda item: -item[1])
    )
    caption = f"Past forecasts by {model_words(model)} against measured values; times in UTC. Models used: {used}."
    figure = (
        f'<figure data-hover="f{member}h"><figcaption>{safe(caption)}</figcaption>{pictures}<script'
        f' type="application/json" id="f{member}h">{data}</script></figure>'
    )
    ratio = number((row["models"][model]["ratio"] or {}).get("value"))
    held = percent(row["models"][model]["coverage"])
    badge = f'<span class="badge">error / naive {ratio}</span> <span class="badge">coverage {held}</span>'
    return (
        '<details class="card'
        f' member"{" open" if opened else ""}><summary><h2>{safe(label)}</h2>{badge}</summary>{figure}</details>'
    )

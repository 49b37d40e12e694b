"""The page of a training: what speaks for how many regimes, what they are, when they were, how they follow."""

from datetime import UTC
from typing import Any

import numpy as np

from cronocast.charts.frame import Frame, extremes, margin, ticks_within, time_axis, value_axis
from cronocast.charts.html import html_page, scrolled
from cronocast.charts.lines import drawing, line_through
from cronocast.charts.scale import value_domain
from cronocast.charts.svg import Size, element, polyline, safe, text
from cronocast.charts.words import clock, counted, length, number, percent, tick_numbers
from cronocast.stream.features import features
from cronocast.stream.history import Past
from cronocast.stream.settings import Regimes
from cronocast.stream.store import Model
from cronocast.timeseries.grid import Ints

WIDE, NARROW = Size(1080, 260), Size(520, 240)
SHOWN = 3  # machines that are drawn
MOST_SPANS = 400  # in one picture; more can't be told apart
# Colours of regimes; each is also named in the picture, so that nobody needs to see colours.
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#eeca3b", "#9d755d", "#ff9da6", "#79706e")


def regimes_page(entry: Regimes, model: Model | None, pasts: list[Past], result: dict[str, Any]) -> str:
    """A whole page.

    Args:
        entry: Its settings.
        model: What was learnt; None where there are no regimes.
        pasts: What it was learnt from.
        result: What `train` tells.
    """
    words = "".join(f"<p>{safe(one)}.</p>" for one in result["words"])
    body = f"<h1>Regimes of {safe(entry.name)}</h1><section>{words}{_curves(result)}</section>"
    if model is not None:
        called = [entry.names.get(name, name) for name in model.names]
        body += _table(model, called, result) + _confusion(called, result)
        body += "".join(_machine(past, model, called, i) for i, past in enumerate(pasts[:SHOWN]))
    made_from = f"{counted(result['rows'], 'row')} of {counted(result['machines'], 'machine')}"
    return html_page(f"Regimes of {entry.name}", "regimes", body, safe(made_from))


def _curves(result: dict[str, Any]) -> str:
    """Cost and silhouette of every number of regimes, with what each says."""
    curves, verdict = result["curves"], result["verdict"]
    costs = [100 * cost / max(curves["whole"], 1e-300) for cost in curves["cost"]]
    pictures = (
        _curve(curves["k"], costs, verdict["elbow"], "cost", "Cost, % of that of one regime"),
        _curve(curves["k"], curves["silhouette"], verdict["silhouette"], "silhouette", "Silhouette"),
    )
    return f'<figure><figcaption>By number of regimes</figcaption><div class="pair">{"".join(pictures)}</div></figure>'


def _curve(ks: list[int], values: list[float], said: int | None, uid: str, title: str) -> str:
    domain = value_domain(*extremes([values, [0.0]]))
    ticks = ticks_within(domain, NARROW)
    names = tick_numbers(ticks)
    frame = Frame(
        margin(names, NARROW), 30, NARROW.width - 14, NARROW.height - 34, ks[0], max(ks[-1], ks[0] + 1), *domain
    )
    points = [(frame.x(k), frame.y(value)) for k, value in zip(ks, values, strict=True)]
    parts = [
        value_axis(frame, ticks, names),
        element("path", cls="forecast", d=polyline(points)),
        *(text(str(k), x, frame.bottom + 17, anchor="middle") for k, (x, _) in zip(ks, points, strict=True)),
        text(title, frame.left, 16, "strong"),
    ]
    if said in ks:
        x, y = points[ks.index(said)]
        parts += [element("circle", cls="date", cx=x, cy=y, r=5), text(f"says {said}", x + 8, y - 8, "of-limit")]
    about = f"{title}: " + ", ".join(f"{k}: {number(v)}" for k, v in zip(ks, values, strict=True))
    return drawing(parts, NARROW, f"k-{uid}", title, about)


def _table(model: Model, called: list[str], result: dict[str, Any]) -> str:
    """What each regime is: its share and its centre."""
    head = "".join(f"<th>{safe(name)}</th>" for name in ("Regime", "Share", *model.features))
    rows = "".join(
        f"<tr><td>{_mark(i)} {safe(name)}</td><td>{percent(one['share'])}</td>"
        + "".join(f"<td>{safe(number(value))}</td>" for value in centre)
        + "</tr>"
        for i, (name, one, centre) in enumerate(zip(called, result["regimes"], model.centres, strict=True))
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>The regimes</h2>{scrolled('Regimes', table)}</section>"


def _mark(i: int) -> str:
    dot = element("rect", x=0, y=0, width=10, height=10, rx=2, fill=COLOURS[i % len(COLOURS)])
    return f'<svg width="10" height="10" aria-hidden="true">{dot}</svg>'


def _confusion(called: list[str], result: dict[str, Any]) -> str:
    """What the chosen classifier said of later values."""
    table = next(one["confusion"] for one in result["scores"] if one["kind"] == result["classifier"])
    return _square("What the classifier says of later values", "clustering \\ classifier", called, table)


def _square(title: str, corner: str, names: list[str], rows: Any) -> str:  # noqa: ANN401 - numbers, or their texts
    head = "".join(f"<th>{safe(name)}</th>" for name in (corner, *names))
    body = "".join(
        f"<tr><th>{safe(name)}</th>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for name, row in zip(names, rows, strict=True)
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<section><h2>{safe(title)}</h2>{scrolled(title, table)}</section>"


def labels_of(model: Model, past: Past) -> Ints:
    """The nearest regime of every value, by number."""
    x = (features(past.time_ns, past.values, model.windows_ns) - np.array(model.mean)) / np.array(model.spread)
    centres = (np.array(model.centres) - np.array(model.mean)) / np.array(model.spread)
    found = [((x - centre) ** 2).sum(axis=1) for centre in centres]
    return np.asarray(np.argmin(np.array(found), axis=0))


def stretches(labels: Ints) -> list[tuple[int, int, int]]:
    """First and last index of every stretch of one regime, and the regime."""
    cuts = np.flatnonzero(np.diff(labels)) + 1
    first, last = np.concatenate(([0], cuts)), np.concatenate((cuts, [labels.size])) - 1
    return list(zip(first.tolist(), last.tolist(), labels[first].tolist(), strict=True))


def transitions(labels: Ints, count: int) -> list[list[int]]:
    """How often each regime (row) was followed by each other one (column)."""
    table = np.zeros((count, count), dtype=int)
    np.add.at(table, (labels[:-1], labels[1:]), 1)
    np.fill_diagonal(table, 0)
    return [list(map(int, row)) for row in table]


def _machine(past: Past, model: Model, called: list[str], number_of_machine: int) -> str:
    """One machine: its values over its regimes, how they follow each other, and how long they last."""
    labels = labels_of(model, past)
    found = stretches(labels)
    step_ns = int(np.median(np.diff(past.time_ns))) if past.time_ns.size > 1 else 0
    lasted: dict[int, list[int]] = {}
    for first, last, regime in found:
        lasted.setdefault(regime, []).append(int(past.time_ns[last] - past.time_ns[first]) + step_ns)
    dwell = "; ".join(
        f"{called[regime]}: {len(spans)} times, {length(int(np.median(spans)), counted=True)} in the middle"
        for regime, spans in sorted(lasted.items())
    )
    title = past.tags or "The machine"
    chart = _spans(past, found, called, f"m{number_of_machine}")
    caption = f"Values and regimes, {clock(int(past.time_ns[0]), UTC)} to {clock(int(past.time_ns[-1]), UTC)}"
    figure = f"<figure><figcaption>{safe(caption)}</figcaption>{chart}</figure>"
    follows = _square("How often one follows another", "from \\ to", called, transitions(labels, len(called)))
    return f"<section><h2>{safe(title)}</h2>{figure}<p>{safe(dwell)}.</p></section>{follows}"


def _spans(past: Past, found: list[tuple[int, int, int]], called: list[str], uid: str) -> str:
    """The first field over coloured spans; of very many the newest."""
    found = found[-MOST_SPANS:]
    begin = found[0][0]
    times, values = past.time_ns[begin:].tolist(), past.values[begin:, 0].tolist()
    domain = value_domain(*extremes([values]))
    ticks = ticks_within(domain, WIDE)
    names = tick_numbers(ticks)
    frame = Frame(
        margin(names, WIDE), 30, WIDE.width - 14, WIDE.height - 44, times[0], max(times[-1], times[0] + 1), *domain
    )
    step = int(np.median(np.diff(past.time_ns))) if past.time_ns.size > 1 else 1
    rects = []
    for first, last, regime in found:
        x0, x1 = frame.x(int(past.time_ns[first])), frame.x(min(int(past.time_ns[last]) + step, frame.t1))
        colour = COLOURS[regime % len(COLOURS)]
        rects.append(
            element(
                "rect",
                x=x0,
                y=frame.top,
                width=max(0.5, x1 - x0),
                height=frame.bottom - frame.top,
                fill=colour,
                fill_opacity=0.3,
            )
        )
    legend, at = [], frame.left
    for i, name in enumerate(called):
        legend += [
            element("rect", x=at, y=8, width=10, height=10, rx=2, fill=COLOURS[i % len(COLOURS)]),
            text(name, at + 14, 17),
        ]
        at += 24 + 8 * len(name)
    parts = [
        *rects,
        value_axis(frame, ticks, names),
        time_axis(frame, WIDE, UTC),
        element("path", cls="measured", d=line_through(frame, times, values, max(3 * step, frame.bin_ns))),
        *legend,
    ]
    since_ns = int(past.time_ns[-1] - past.time_ns[found[-1][0]])
    about = f"The newest regime is {called[found[-1][2]]}, for {length(since_ns, counted=True)}"
    return drawing(parts, WIDE, uid, "Values and regimes", about, frame)

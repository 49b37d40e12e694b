"""One member of a run as HTML.

What is expected, its charts, why its class, how good it was on the past, and every number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from cronocast.charts import words
from cronocast.charts.frame import extremes, width_of
from cronocast.charts.hover import script_json
from cronocast.charts.svg import Size, safe
from cronocast.durations import UNIT_NS
from cronocast.handoff.series import forecast_columns
from cronocast.report import sentences
from cronocast.report.charts import context_chart, forecast_chart, steps_chart
from cronocast.report.focus import focus_of
from cronocast.report.hover import forecast_hover, steps_hover
from cronocast.report.model import MemberView, RunView
from cronocast.report.prepared import prepared_sentence
from cronocast.report.scores import BacktestView, Score

SIZES = (Size(1080, 350), Size(700, 310, "medium"), Size(348, 290, "narrow", 11))
CONTEXT_SIZES = (Size(1080, 92), Size(700, 92, "medium"), Size(348, 86, "narrow", 11))
STEPS_SIZES = (Size(500, 210), Size(660, 210, "medium"), Size(348, 200, "narrow", 11))
MOST_ROWS = 400  # of a table of numbers; the files beside hold them all
BAR_END = 2.0  # twice the naive error: bars of worse models end there, their number stands beside


@dataclass(frozen=True)
class Scene:
    """What all charts of a run share."""

    zone: tzinfo
    zone_name: str
    level: float
    now: int
    further: tuple[float, ...] = ()  # levels of further bands, ascending

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the bands in the order of the columns."""
        return (self.level, *self.further)


def member_section(view: RunView, member: MemberView, scene: Scene, uid: str, *, single: bool, opened: bool) -> str:
    """A member as a card; one of several can be folded."""
    alone = single and not member.tags  # the name of the series stands above
    head = f'<h2 id="{uid}">{"Forecast" if alone else safe(member.label)}</h2>{badges(member)}'
    body = "".join(
        (
            _lead(view, member, scene),
            _tiles(member, scene),
            _charts(member, scene, uid),
            _evidence_and_past(member, scene, uid),
            _numbers(member, scene),
        )
    )
    if single:
        return f'<article class="card">{head}{body}</article>'
    return f'<details class="card member"{" open" if opened else ""}><summary>{head}</summary>{body}</details>'


def badges(member: MemberView) -> str:
    """Class and model, and the status where it is not ok."""
    named = (member.series_class.replace("_", " "), words.model_words(member.model))
    shown = [f'<span class="badge">{safe(text)}</span>' for text in named if text]
    if member.status not in ("", "ok"):
        shown.append(
            f'<span class="badge {"bad" if member.status == "failed" else "warn"}">{safe(member.status)}</span>'
        )
    return " " + " ".join(shown)


def _lead(view: RunView, member: MemberView, scene: Scene) -> str:
    parts = [f"<p>{safe(member.why.rstrip('.'))}.</p>"] if member.why and member.why != member.reason else []
    if member.reason:
        kind = "bad" if member.status == "failed" else "warn"
        parts.append(f'<div class="banner {kind}"><p>{safe(member.reason)}</p></div>')
    elif not len(member.forecast.time_ns):
        failed = next((s.name for s in view.steps if s.status != "ok"), "forecast")
        parts.append(f'<div class="banner warn"><p>No forecast of this member: see {failed} above.</p></div>')
    prepared = prepared_sentence(member, view.settings)
    parts += [f'<p class="soft">{safe(prepared)}</p>'] if prepared else []
    parts += [
        f"<p>{safe(sentence)}</p>"
        for run, past in member.earlier[-3:]
        if (sentence := sentences.earlier_sentence(run, past, member, scene.zone))
    ]
    return f'<div class="lead">{"".join(parts)}</div>' if parts else ""


def _tile(name: str, value: str, about: str, state: str = "") -> str:
    return f'<div><dt>{safe(name)}</dt><dd class="{state}">{safe(value)}<small>{safe(about)}</small></dd></div>'


def _tiles(member: MemberView, scene: Scene) -> str:
    tiles = []
    times = member.forecast.time_ns
    if len(times):
        span = width_of((min(member.forecast.columns[1]), max(member.forecast.columns[2])))
        for name, i in (("Next", 0), ("At the end", len(times) - 1))[: len(times)]:
            yhat, lower, upper = (column[i] for column in member.forecast.columns[:3])
            when = words.clock(times[i], scene.zone, year=words.years_differ(scene.now, times[-1], scene.zone))
            tiles.append(
                _tile(
                    f"{name}, {when}",
                    words.number(yhat, span),
                    f"{words.percent(scene.level)} band {words.number(lower, span)} to {words.number(upper, span)}",
                )
            )
    test = member.backtest
    if test and test.ratio is not None:
        state = "ok-text" if test.ratio < 0.995 else "bad-text" if test.ratio > 1.005 else ""
        tiles.append(
            _tile(
                "Error on held-out values",
                f"{test.ratio:.2f}",
                f"of {sentences.naive_words(member)}: {sentences.better(test.ratio)}",
                state,
            )
        )
    if test and test.coverage is not None:
        level = test.level or scene.level
        narrow = test.coverage < level - sentences.COVERAGE_TOLERANCE
        held = (
            f"of held-out values, {words.counted(test.origins, 'past start')}" if test.origins else "of held-out values"
        )
        held += "".join(f"; {words.percent(other)} band: {words.percent(share)}" for other, share in test.further)
        tiles.append(
            _tile(
                f"The {words.percent(level)} band held",
                words.percent(test.coverage),
                held,
                "warn-text" if narrow else "",
            )
        )
    return f'<dl class="tiles">{"".join(tiles)}</dl>' if tiles else ""


def _charts(member: MemberView, scene: Scene, uid: str) -> str:
    if not len(member.history.time_ns) and not len(member.forecast.time_ns):
        return '<p class="soft">There is neither history nor forecast to draw.</p>'
    focus = focus_of(member, scene.now)
    pictures = "".join(forecast_chart(member, focus, size, scene.zone, scene.levels, uid) for size in SIZES)
    caption = (
        f"Times in {scene.zone_name}, one value per {words.length(member.step_ns)}. Point at the chart, or use the"
        " arrow keys, to read values."
    )
    parts = [_figure(pictures, caption, f"{uid}-f", forecast_hover(member, focus, scene.zone_name, scene.levels))]
    if focus.first > 0:
        times = member.history.time_ns
        context = "".join(context_chart(member, focus, size, scene.zone, f"{uid}-c") for size in CONTEXT_SIZES)
        parts.append(
            _figure(
                context,
                f"All of the history that was read, {words.length_about(times[-1] - times[0] + member.step_ns)}; the"
                " part shown above is marked.",
            )
        )
    return "".join(parts)


def _figure(pictures: str, caption: str, name: str = "", data: dict[str, object] | None = None) -> str:
    if data is None:
        return f"<figure><figcaption>{safe(caption)}</figcaption>{pictures}</figure>"
    return (
        f'<figure data-hover="{name}"><figcaption>{safe(caption)}</figcaption>{pictures}<script type="application/json"'
        f' id="{name}">{script_json(data)}</script></figure>'
    )


def _evidence_and_past(member: MemberView, scene: Scene, uid: str) -> str:
    return (
        f'<div class="pair">{_evidence(member, scene)}{_past(member, scene)}{_by_step(member, uid)}</div>'
        if member.profile or member.backtest
        else ""
    )


def _evidence(member: MemberView, scene: Scene) -> str:
    profile = member.profile
    if profile is None:
        return '<section class="evidence"><h3>Why this class</h3><p>There is no profile of this member.</p></section>'
    gaps = (
        f"{profile.gaps.missing:,} of {profile.points + profile.gaps.missing:,} steps"
        f" ({words.percent(profile.gaps.share)}), longest {profile.gaps.longest:,}"
    )
    changes = [words.clock(t, scene.zone, year=True) for t in profile.change_points_ns]
    facts = [
        ("repeats every", sentences.periods(member) or "nothing found"),
        ("values", f"{profile.points:,}, one per {words.length(profile.step_ns)}"),
    ]
    facts += [
        ("missing or left out", gaps if profile.gaps.missing else "none"),
        (
            "changes of level or slope",
            ", ".join(changes[-3:]) + (f" and {len(changes) - 3} before" if len(changes) > 3 else "") or "none",
        ),
    ]
    facts += [("noted", ", ".join(note.replace("_", " ") for note in profile.notes))] if profile.notes else []
    numbers = [(name.replace("_", " "), words.evidence_number(value)) for name, value in profile.evidence.items()]
    behind = f"<details><summary>The numbers that decided it</summary>{_facts(numbers)}</details>" if numbers else ""
    title = f"Why {profile.series_class.replace('_', ' ')}"
    why = safe(words.sentence(profile.why))
    return f'<section class="evidence"><h3>{safe(title)}</h3><p>{why}</p>{_facts(facts)}{behind}</section>'


def _facts(rows: list[tuple[str, str]]) -> str:
    return f'<dl class="facts">{"".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in rows)}</dl>'


def _past(member: MemberView, scene: Scene) -> str:
    test = member.backtest
    if test is None or not (test.scores or test.mase is not None):
        why = "The history is too short, or no forecast was made, so nothing was tried on held-out values."
        return f'<section class="past"><h3>How it did on the past</h3><p>{why}</p></section>'
    said = "; ".join(filter(None, (sentences.error_sentence(member), sentences.coverage_sentence(test, scene.level))))
    intro = (
        f"<p>Tried on {words.counted(test.origins, 'past start')}: {safe(said)}.</p>"
        if said and test.origins
        else f"<p>{safe(said[:1].upper() + said[1:])}.</p>"
        if said
        else ""
    )
    rest = "".join(
        f'<p class="soft">{safe(name)} failed in the backtest: {safe(why)}</p>' for name, why in test.failed.items()
    )
    rest += (
        f'<p class="soft">Not tried, the time was used up: {safe(", ".join(test.not_tried))}.</p>'
        if test.not_tried
        else ""
    )
    return f'<section class="past"><h3>How it did on the past</h3>{intro}{_scores(member, test)}{rest}</section>'


def chosen_models(label: str) -> set[str]:
    """The models that a label such as `median(theta,linear)` stands for."""
    inner = label.partition("(")[2].removesuffix(")")
    return set(inner.split(",")) if inner else {label}


def _scores(member: MemberView, test: BacktestView) -> str:
    used = chosen_models(member.model)
    alone = len(used) == 1
    rows = [
        (
            s,
            s.model.replace("_", " "),
            "chosen used" if s.model in used and alone else "used" if s.model in used else "",
        )
        for s in test.scores
    ]
    if not alone:
        rows.insert(0, (Score(member.model, test.ratio, test.mase), f"median of {len(used)}", "chosen used"))
    if not rows:
        return ""
    extra = any(score.smape is not None for score, _, _ in rows)
    head = (
        '<th>Model</th><th><span class="vh">Picture</span></th><th class="n">Error / naive</th><th class="n'
        ' wide-only">MASE</th>'
    )
    head += '<th class="n wide-only">sMAPE, %</th>' if extra else ""
    body = "".join(_score(score, name, cls, extra=extra) for score, name, cls in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _score(score: Score, name: str, cls: str, *, extra: bool) -> str:
    width = min(score.ratio if score.ratio is not None else 0.0, BAR_END) / BAR_END * 100
    bar = (
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect class="back"'
        f' width="100" height="12" rx="2"/><rect class="own" width="{width:.1f}" height="12" rx="2"/><path class="one"'
        ' d="M50 0V12"/></svg>'
    )
    shown = f"{name}, chosen" if "chosen" in cls else name
    cells = (
        f'<td>{safe(shown)}</td><td>{bar}</td><td class="n">{_two(score.ratio)}</td><td class="n'
        f' wide-only">{_two(score.mase)}</td>'
    )
    cells += f'<td class="n wide-only">{words.number(score.smape, 10)}</td>' if extra else ""
    return f'<tr class="{cls}">{cells}</tr>'


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if abs(value) < 1000 else f"{value:.2g}"


def _by_step(member: MemberView, uid: str) -> str:
    pictures = "".join(steps_chart(member, size, f"{uid}-s") for size in STEPS_SIZES)
    figure = _figure(
        pictures, "Mean absolute error on held-out values, in the unit of the series.", f"{uid}-h", steps_hover(member)
    )
    return f'<section class="ahead-of"><h3>Error by how far ahead</h3>{figure}</section>' if pictures else ""


def _numbers(member: MemberView, scene: Scene) -> str:
    parts = []
    if len(member.forecast.time_ns):
        rows = list(zip(member.forecast.time_ns, *member.forecast.columns, strict=True))
        parts.append(
            _table(
                f"Forecast, {words.counted(len(rows), 'row')}",
                forecast_columns(scene.further),
                rows[:MOST_ROWS],
                len(rows),
                "forecast.csv",
                scene,
                member.step_ns,
            )
        )
    if len(member.history.time_ns):
        rows = list(zip(member.history.time_ns[-48:], member.history.columns[0][-48:], strict=True))
        parts.append(
            _table(
                f"Measured, the last {len(rows)} of {words.counted(len(member.history.time_ns), 'value')}",
                ("value",),
                rows,
                len(rows),
                "history.csv",
                scene,
                member.step_ns,
            )
        )
    test = member.backtest
    if test and test.steps:
        steps = "".join(
            f"<tr><td>{words.length(s * member.step_ns, counted=True, exact=True)}</td><td"
            f' class="n">{_short(c)}</td><td class="n">{_short(n)}</td></tr>'
            for s, c, n in list(zip(test.steps, test.chosen, test.naive, strict=True))[:MOST_ROWS]
        )
        head = '<tr><th>Ahead</th><th class="n">chosen</th><th class="n">naive</th></tr>'
        parts.append(
            _folded(
                "Mean absolute error by how far ahead", f"<table><thead>{head}</thead><tbody>{steps}</tbody></table>"
            )
        )
    return "".join(parts)


def _table(
    title: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[float, ...]],
    total: int,
    file: str,
    scene: Scene,
    step_ns: int,
) -> str:
    head = "".join(f'<th class="n">{name}</th>' for name in columns)
    low, high = extremes([values for _, *values in rows])
    digits = words.digits(max(abs(low), abs(high)), width_of((low, high)), 6)
    seconds = step_ns % UNIT_NS["m"] != 0
    body = "".join(
        f"<tr><td>{words.clock(int(t), scene.zone, year=True, seconds=seconds)}</td>{_cells(values, digits)}</tr>"
        for t, *values in rows
    )
    more = (
        f'<p class="soft">The first {len(rows)} of {total:,} rows; {file} holds them all.</p>'
        if len(rows) < total
        else ""
    )
    return _folded(
        title,
        "<table><thead><tr><th>Time"
        f" ({safe(scene.zone_name)})</th>{head}</tr></thead><tbody>{body}</tbody></table>{more}",
    )


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

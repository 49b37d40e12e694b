"""One member of a run as HTML.

A section says what is expected, shows the charts, why the member has its class, how good the models were on the past,
and every number.
"""

from cronocast.charts import words
from cronocast.charts.frame import width_of
from cronocast.charts.html import hover_figure
from cronocast.charts.svg import Size, safe
from cronocast.report import sentences
from cronocast.report.accuracy import accuracy_section
from cronocast.report.charts import context_chart, forecast_chart, steps_chart, wild_words
from cronocast.report.dates import dates_section
from cronocast.report.focus import Focus, focus_of
from cronocast.report.hover import forecast_hover, steps_hover
from cronocast.report.model import MemberView, RunView
from cronocast.report.numbers import number_tables
from cronocast.report.outlook import outlook
from cronocast.report.past import class_evidence, past_section
from cronocast.report.prepared import prepared_sentence
from cronocast.report.scene import Scene
from cronocast.report.scores import BacktestView

SIZES = (Size(1080, 350), Size(700, 310, "medium"), Size(348, 290, "narrow", 11))
CONTEXT_SIZES = (Size(1080, 92), Size(700, 92, "medium"), Size(348, 86, "narrow", 11))
STEPS_SIZES = (Size(500, 210), Size(660, 210, "medium"), Size(348, 200, "narrow", 11))


def member_section(view: RunView, member: MemberView, scene: Scene, uid: str, *, single: bool, opened: bool) -> str:
    """A member as a card; one of several can be folded."""
    alone = single and not member.tags  # the name of the series stands above
    head = f'<h2 id="{uid}">{"Forecast" if alone else safe(member.label)}</h2>{badges(member)}'
    body = "".join(
        (
            _lead(view, member, scene),
            _tiles(member, scene),
            _charts(member, scene, uid),
            dates_section(member, scene, uid),
            accuracy_section(member, scene, uid),
            _evidence_and_past(member, scene, uid),
            number_tables(member, scene),
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
    ahead = outlook(member, view.settings, scene.zone)
    parts = [f"<p>{safe(ahead)}</p>"] if ahead else []
    parts += [f"<p>{safe(member.why.rstrip('.'))}.</p>"] if member.why and member.why != member.reason else []
    if member.reason:
        kind = "bad" if member.status == "failed" else "warn"
        parts.append(f'<div class="banner {kind}"><p>{safe(member.reason)}</p></div>')
    elif not len(member.forecast.time_ns):
        failed = next((s.name for s in view.steps if s.status != "ok"), "forecast")
        parts.append(f'<div class="banner warn"><p>No forecast for this member: see {failed} above.</p></div>')
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
    tiles = _ahead_tiles(member, scene)
    test = member.backtest
    if test and test.ratio is not None:
        tiles.append(_error_tile(member, test.ratio))
    if test and test.coverage is not None:
        tiles.append(_coverage_tile(test, test.coverage, test.level or scene.level))
    return f'<dl class="tiles">{"".join(tiles)}</dl>' if tiles else ""


def _ahead_tiles(member: MemberView, scene: Scene) -> list[str]:
    times, columns = member.forecast.time_ns, member.forecast.columns[:3]
    if not len(times):
        return []
    span, tiles = width_of((min(columns[1]), max(columns[2]))), []
    year = words.years_differ(scene.now, times[-1], scene.zone)
    if len(member.history.time_ns):
        last = words.clock(member.history.time_ns[-1], scene.zone, year=year)
        tiles.append(_tile("Last value", words.number(member.history.columns[0][-1], span), f"measured {last}"))
    for name, i in (("Next", 0), ("At the end", len(times) - 1))[: len(times)]:
        yhat, lower, upper = (words.number(column[i], span) for column in columns)
        guess = "" if i < member.measured else ", not measured"
        about = f"{words.percent(scene.level)} interval {lower} to {upper}{guess}"
        tiles.append(_tile(f"{name}, {words.clock(times[i], scene.zone, year=year)}", yhat, about))
    return tiles


def _error_tile(member: MemberView, ratio: float) -> str:
    worse = "bad-text" if ratio > 1.005 else ""
    about = f"relative to {sentences.naive_words(member)}: {sentences.better(ratio)}"
    return _tile("Error on held-out values", f"{ratio:.2f}", about, "ok-text" if ratio < 0.995 else worse)


def _coverage_tile(test: BacktestView, coverage: float, level: float) -> str:
    narrow = coverage < level - sentences.COVERAGE_TOLERANCE
    about = (
        f"of held-out values, {words.counted(test.origins, 'forecast origin')}"
        if test.origins
        else "of held-out values"
    )
    about += "".join(f"; {words.percent(other)} interval: {words.percent(share)}" for other, share in test.further)
    name = f"Coverage of the {words.percent(level)} interval"
    return _tile(name, words.percent(coverage), about, "warn-text" if narrow else "")


def _charts(member: MemberView, scene: Scene, uid: str) -> str:
    if not len(member.history.time_ns) and not len(member.forecast.time_ns):
        return '<p class="soft">There is neither history nor forecast to draw.</p>'
    focus = focus_of(member, scene.now)
    pictures = "".join(forecast_chart(member, focus, size, scene.zone, scene.levels, uid) for size in SIZES)
    caption = (
        f"Times in {scene.zone_name}, one value per {words.length(member.step_ns)}. Point at the chart, or use the"
        " arrow keys, to read values."
    )
    caption = f"{caption} {wild_words(member, focus, scene.zone)}".rstrip()
    hover = forecast_hover(member, focus, scene.zone_name, scene.levels)
    return hover_figure(pictures, caption, f"{uid}-f", hover) + _context(member, focus, scene, uid)


def _context(member: MemberView, focus: Focus, scene: Scene, uid: str) -> str:
    """The whole history, where the main chart shows just a part of it."""
    if focus.first == 0:
        return ""
    times = member.history.time_ns
    pictures = "".join(context_chart(member, focus, size, scene.zone, f"{uid}-c") for size in CONTEXT_SIZES)
    whole = words.length_about(times[-1] - times[0] + member.step_ns)
    return hover_figure(pictures, f"The whole history, {whole}; the part shown above is marked.")


def _evidence_and_past(member: MemberView, scene: Scene, uid: str) -> str:
    return (
        f'<div class="pair">{class_evidence(member, scene)}{past_section(member, scene)}{_by_step(member, uid)}</div>'
        if member.profile or member.backtest
        else ""
    )


def _by_step(member: MemberView, uid: str) -> str:
    pictures = "".join(steps_chart(member, size, f"{uid}-s") for size in STEPS_SIZES)
    figure = hover_figure(
        pictures, "Mean absolute error on held-out values, in the unit of the series.", f"{uid}-h", steps_hover(member)
    )
    return f'<section class="ahead-of"><h3>Error by step ahead</h3>{figure}</section>' if pictures else ""

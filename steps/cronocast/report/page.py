"""The report: one self-contained HTML page about one or several runs. Standard library only.

No asset is loaded from anywhere: style and script stand in the page, and its Content-Security-Policy allows just these
two, by their hash.
"""

from dataclasses import replace
from pathlib import Path

from cronocast.charts import words
from cronocast.charts.html import filter_field, html_page
from cronocast.charts.svg import safe
from cronocast.errors import DataError
from cronocast.handoff.files import atomic
from cronocast.report import sentences
from cronocast.report.charts import sparkline
from cronocast.report.focus import focus_of
from cronocast.report.model import MemberView, RunView, StepView, run_ns
from cronocast.report.run_folder import read_run
from cronocast.report.scene import Scene, scene_of
from cronocast.report.sections import member_section
from cronocast.report.written import written_card

DETAILED_MEMBERS = 60  # with charts; a page of all charts of a thousand members would be 100 MB, which no phone opens
LISTED_MEMBERS = 2000  # in the table of members, about 2 kB each
OVERVIEW_HEAD = (
    '<th>Member</th><th><span class="vh">Picture</span></th><th>Class</th><th>Model</th><th class="n">Error /'
    ' naive</th><th class="n">Coverage</th><th class="n">Written</th>'
)
MARKS = {
    "ok": '<path d="M5 9.5l3 3 5.5-6.5"/>',
    "warn": '<path d="M9 4.5v6M9 13.2v.3"/>',
    "bad": '<path d="M5.5 5.5l7 7M12.5 5.5l-7 7"/>',
    "none": '<path d="M5 9h8"/>',
}
STATE_OF = {"ok": "ok", "failed": "bad", "missing": "none", "fallback": "warn", "skipped": "warn", "superseded": "warn"}
# reasons that say too little by themselves
DROPPED = {"gap": "missing or on holidays", "prepared": "by the prepare settings"}
MOST_NOTES = 5  # of a step; its result file holds them all
OPENED_MEMBERS = 3  # the others unfold at a click
STATE_NAMES = {"ok": "ok", "warn": "attention", "bad": "failed"}


def write_report(folders: list[Path], out: Path) -> None:
    """Write one page about one or several run folders.

    Several runs of one series become one section about the newest; the forecasts of the others are drawn beside what
    was measured since.

    Args:
        folders: Run folders, at least one.
        out: The page to write; it is replaced as a whole.

    Raises:
        DataError: no folder is given, or one is no run folder.
        StorageError: the page can't be written.
    """
    if not folders:
        raise DataError("E_INPUT_MISSING", "report", "no run folder is given; name one or several")
    views = joined([read_run(folder) for folder in dict.fromkeys(folders)])
    text = page(views)
    with atomic(out) as file:
        file.write(text.encode("utf-8", "replace"))


def joined(views: list[RunView]) -> list[RunView]:
    """Put runs of the same series together: the newest stays, forecasts of earlier ones are handed to its members."""
    by_series: dict[str, list[RunView]] = {}
    for view in views:
        by_series.setdefault(view.series, []).append(view)
    return [_newest(sorted(group, key=lambda v: run_ns(v) or 0)) for group in by_series.values()]


def _newest(group: list[RunView]) -> RunView:
    *before, newest = group
    if not before:
        return newest
    past = [
        (view.run, {(m.name, m.tags): m.forecast for m in view.members if len(m.forecast.time_ns)}) for view in before
    ]
    members = [
        replace(
            m,
            earlier=tuple((run, forecasts[m.name, m.tags]) for run, forecasts in past if (m.name, m.tags) in forecasts),
        )
        for m in newest.members
    ]
    return replace(newest, members=tuple(members), earlier_runs=tuple(view.run for view in before))


def page(views: list[RunView]) -> str:
    """The page as text."""
    title = views[0].title or views[0].series if len(views) == 1 else f"{len(views)} series"
    links = "".join(f'<li><a href="#s{i}">{safe(view.title or view.series)}</a></li>' for i, view in enumerate(views))
    nav = f'<ul class="nav">{links}</ul>' if len(views) > 1 else ""
    made_from = ", ".join(safe(view.folder) for view in views[:5]) + (" and others" if len(views) > 5 else "")
    sections = "".join(run_section(view, i) for i, view in enumerate(views))
    return html_page(title, "forecast report", nav + sections, made_from)


def run_section(view: RunView, number: int) -> str:
    """One run: how it went, its members, what was written."""
    scene = scene_of(view)
    ranked = sorted(view.members, key=lambda m: sentences.remark(m, scene)[0])
    state, sentence = sentences.headline(view)
    return (
        f'<section class="run" id="s{number}"><h1>{safe(view.title or view.series)} <span class="badge'
        f' {state}">{STATE_NAMES[state]}</span></h1>'
        f'<p class="meta">{_meta(view, scene)}<br>{safe(words.sentence(sentence))}</p>'
        f'<ol class="steps">{"".join(_step(step) for step in view.steps)}</ol>{"".join(_banners(view))}'
        f"{_overview(ranked, scene, number) if len(ranked) > 1 else ''}"
        f"{_detailed(view, ranked, scene, number)}{written_card(view, scene)}{_notes(view)}</section>"
    )


def _detailed(view: RunView, ranked: list[MemberView], scene: Scene, number: int) -> str:
    """Members with their charts, as many as a page can hold, and how to see the others."""
    single = len(ranked) == 1
    sections = "".join(
        member_section(view, m, scene, f"s{number}m{i}", single=single, opened=i < OPENED_MEMBERS)
        for i, m in enumerate(ranked[:DETAILED_MEMBERS])
    )
    if len(ranked) <= DETAILED_MEMBERS:
        return sections
    return (
        f'{sections}<p class="soft">Charts of the first {DETAILED_MEMBERS} of {len(ranked):,} members are shown, those'
        " that need attention first. For any other:"
        " <code>cronocast plot RUN_FOLDER --member TAGS --out member.svg</code>.</p>"
    )


def _meta(view: RunView, scene: Scene) -> str:
    at = run_ns(view)
    parts = [f"{safe(view.series)}"] if view.title else []
    if at is not None:
        parts.append(f"run {words.clock(at, scene.zone, year=True)} {safe(scene.zone_name)}")
    elif view.run:
        parts.append(safe(view.run))
    if view.window:
        start, end = view.window
        parts.append(f"read {words.stretch(start, end, scene.zone)}")
    longest = max(view.members, key=lambda m: len(m.forecast.time_ns), default=None)
    if longest and len(longest.forecast.time_ns):
        parts.append(f"forecast {words.length(len(longest.forecast.time_ns) * longest.step_ns, counted=True)} ahead")
    parts += [words.counted(len(view.members), "member")] if len(view.members) > 1 else []
    parts += [f"compared with {words.counted(len(view.earlier_runs), 'earlier run')}"] if view.earlier_runs else []
    return " · ".join(parts)


def _step(step: StepView) -> str:
    state = STATE_OF[step.status]
    drawn = (
        '<g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"'
        f' stroke-linejoin="round">{MARKS[state]}</g>'
    )
    mark = f'<svg class="mark {state}-text" viewBox="0 0 18 18" aria-hidden="true">{drawn}</svg>'
    took = "" if step.status == "missing" else f" · {words.seconds(step.duration_s)}"
    return f"<li><b>{mark}{step.name}</b><span>{safe(sentences.step_fact(step))}{took}</span></li>"


def _banners(view: RunView) -> list[str]:
    """What went wrong or deserves a look, in full."""
    banners = []
    for step in view.steps:
        if step.status == "failed":
            meaning = sentences.EXITS.get(step.exit, "unknown")
            banners.append(
                f'<div class="banner bad"><p><b>{step.name} failed</b> with exit {step.exit}:'
                f" {meaning}.</p><p><code>{safe(step.message or step.reason)}</code></p></div>"
            )
        elif step.status in ("skipped", "superseded", "fallback"):
            banners.append(
                f'<div class="banner warn"><p><b>{step.name}:'
                f" {step.status}</b>{': ' if step.reason else ''}{safe(step.reason)}</p></div>"
            )
    return banners + [
        f'<div class="banner bad"><p>Could not be read: <code>{safe(problem)}</code></p></div>'
        for problem in view.problems[:MOST_NOTES]
    ]


def _notes(view: RunView) -> str:
    """What steps left out or noted on their way."""
    lines = []
    for step in view.steps:
        dropped = ", ".join(
            f"{count:,} {DROPPED.get(reason, reason.replace('_', ' '))}"
            for reason, count in step.dropped.items()
            if count
        )
        said = [f"rows dropped: {dropped}"] if dropped else []
        said += step.notes[:MOST_NOTES]
        lines += [f'<p class="soft">{step.name}: {safe("; ".join(said))}.</p>'] if said else []
    return f'<div class="notes">{"".join(lines)}</div>' if lines else ""


def _overview(ranked: list[MemberView], scene: Scene, number: int) -> str:
    name = f"s{number}o"
    rows = "".join(
        _overview_row(m, scene, f"s{number}m{i}" if i < DETAILED_MEMBERS else "")
        for i, m in enumerate(ranked[:LISTED_MEMBERS])
    )
    rest = (
        f'<p class="soft">The first {LISTED_MEMBERS:,} are shown; forecast.result.json has all.</p>'
        if len(ranked) > LISTED_MEMBERS
        else ""
    )
    table = f'<table class="overview" id="{name}"><thead><tr>{OVERVIEW_HEAD}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<section class="card"><h2>{len(ranked):,} members</h2><p class="soft">{_attention(ranked, scene)}.</p>'
        f"{filter_field(name, len(ranked))}{table}{rest}</section>"
    )


def _attention(members: list[MemberView], scene: Scene) -> str:
    """How many members need attention."""
    remarked = sum(sentences.remark(m, scene)[0] < 9 for m in members)
    one, many = "of them needs attention and is listed first", "of them need attention and are listed first"
    return words.counted(remarked, one, many) if remarked else "None of them needs attention"


def _overview_row(member: MemberView, scene: Scene, target: str) -> str:
    rank, said = sentences.remark(member, scene)
    label = f'<a href="#{target}">{safe(member.label)}</a>' if target else safe(member.label)
    badge = f' <span class="{"bad" if rank < 2 else "warn"}-text">{safe(said)}</span>' if said else ""
    picture = sparkline(member, focus_of(member, scene.now)) if len(member.history.time_ns) else ""
    test = member.backtest
    ratio = f"{test.ratio:.2f}" if test and test.ratio is not None else "-"
    held = words.percent(test.coverage) if test else "-"
    written = "-" if member.written is None else f"{member.written:,}"
    numbers = (("error / naive", ratio), ("coverage", held), ("points written", written))
    cells = "".join(
        f'<td class="n{" none" if value == "-" else ""}" data-name="{name}">{value}</td>' for name, value in numbers
    )
    kinds = f"<td>{safe(member.series_class.replace('_', ' '))}</td><td>{safe(words.model_words(member.model))}</td>"
    return f'<tr><td>{label}{badge}</td><td class="picture">{picture}</td>{kinds}{cells}</tr>'

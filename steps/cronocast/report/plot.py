"""One picture of a run: the charts of the report as SVG, or the same SVG rasterised to PNG.

One chart code serves page, SVG and PNG, so that they can't differ. PNG is made by resvg (extra `plot`): one wheel of 3
MB built on Python's stable ABI, so the wheel of today also fits later versions of Python, without any dependency and
without system libraries; matplotlib would be a second chart code with a dozen dependencies. resvg draws text with the
fonts of the machine and leaves it out silently where there is none; that is checked, and is an error with the way out.
"""

import re
from pathlib import Path

from cronocast.charts import words
from cronocast.charts.svg import FONT, PALETTES, Size, chart_style, element, safe, text
from cronocast.errors import ConfigError, DataError, MissingExtraError, Problem, seen, sentence
from cronocast.handoff.files import atomic
from cronocast.report import sentences
from cronocast.report.charts import context_chart, forecast_chart
from cronocast.report.focus import focus_of
from cronocast.report.model import MemberView, RunView
from cronocast.report.outlook import outlook
from cronocast.report.run_folder import read_run
from cronocast.report.scene import Scene, scene_of

THEMES = tuple(PALETTES)
MOST_PANELS = 12  # more can't be read in one picture; the report page shows them
PNG_SCALE = 2.0  # pixels per unit: sharp on dense screens
PAD = 24
MOST_WORDS = 170  # of a line of a picture
LETTERS = (  # a picture of a text, to see whether this machine can draw one
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text x="2" y="15" font-size="14"'
    f' font-family="{safe(FONT)}">%s</text></svg>'
)
ONE, CONTEXT, PANEL = Size(1080, 380), Size(1080, 92), Size(620, 270)


def write_plot(folder: Path, out: Path, member: str | None, theme: str) -> None:
    """Draw history and forecast of a run as a picture.

    Args:
        folder: A run folder.
        out: The file to write; its ending, .svg or .png, says the format.
        member: Tags of one member such as `host=a`, or its name where it has no tags; None draws all, at most 12.
        theme: light or dark.

    Raises:
        ConfigError: unknown ending or theme, or this machine has no font for a PNG.
        MissingExtraError: a PNG is wanted and the extra `plot` is not installed.
        DataError: no run folder, no such member, or nothing to draw.
    """
    problems = (
        []
        if out.suffix in (".svg", ".png")
        else [Problem("E_CONFIG_CHOICE", "--out", f"{seen(out.name)} ends in neither; allowed: .svg, .png")]
    )
    problems += (
        []
        if theme in THEMES
        else [Problem("E_CONFIG_CHOICE", "--theme", f"{seen(theme)} is not known; allowed: {', '.join(THEMES)}")]
    )
    if problems:
        raise ConfigError(problems)
    drawing = picture(read_run(folder), member, theme)
    data = to_png(drawing) if out.suffix == ".png" else drawing.encode("utf-8", "replace")
    with atomic(out) as file:
        file.write(data)


def picture(view: RunView, member: str | None, theme: str) -> str:
    """The picture as SVG text.

    Raises:
        DataError: no such member, or nothing to draw.
    """
    drawable = _drawable(view, member)
    scene = scene_of(view)
    ranked = sorted(drawable, key=lambda m: sentences.remark(m, scene)[0])
    body, width, height = _one(view, ranked[0], scene) if len(ranked) == 1 else _many(view, ranked, scene)
    back = element("rect", width=width, height=height, fill=PALETTES[theme]["panel"])
    extent: dict[str, str | float] = {"viewbox": f"0 0 {width} {height}", "width": width, "height": height}
    xmlns = "http://www.w3.org/2000/svg"
    return element("svg", _style(PALETTES[theme]), back, body, cls="chart", xmlns=xmlns, **extent) + "\n"


def _style(colours: dict[str, str]) -> str:
    """The style of charts, and of the titles that only a picture has."""
    titles = (("title", 20, 700), ("name", 14, 600))
    own = "".join(
        f".chart .{cls}{{font-size:{size}px;font-weight:{weight};fill:{colours['ink']}}}"
        for cls, size, weight in titles
    )
    return element("style", chart_style(colours) + own)


def _drawable(view: RunView, member: str | None) -> list[MemberView]:
    """The members with something to draw, or the one that is asked for.

    Raises:
        DataError: no such member, or nothing to draw.
    """
    drawable = [m for m in view.members if len(m.history.time_ns) or len(m.forecast.time_ns)]
    chosen = drawable if member is None else [m for m in drawable if _is_named(m, member)]
    if member is not None and not chosen:
        names = "; ".join(m.tags or m.name for m in drawable[:5])
        said = f"{seen(member)} is not in this run; there are {len(drawable)}, such as {names}"
        raise DataError("E_INPUT_MISSING", "--member", said)
    if not chosen:
        said = "no history.csv or forecast.csv to draw; name a run folder, such as <root>/<series>/runs/<time>"
        raise DataError("E_INPUT_MISSING", view.folder, said)
    return chosen


def _is_named(member: MemberView, tags: str) -> bool:
    """Whether these are the tags of a member, as its files or as messages write them."""
    own = member.tags or member.name
    return _parts(tags) in (_parts(own), _parts(sentence(own)))


def _parts(tags: str) -> list[str]:
    """The tags one by one, for people write them in any order, and with blanks as the picture does."""
    return sorted(part.strip() for part in re.split(r"(?<!\\),", tags))


def _one(view: RunView, member: MemberView, scene: Scene) -> tuple[str, int, int]:
    focus = focus_of(member, scene.now)
    width, y = ONE.width + 2 * PAD, PAD + 20
    parts = [text(_title(view, member), PAD, y, "title"), text(_facts(member, scene), PAD, y + 22)]
    if ahead := outlook(member, view.settings, scene.zone):
        y += 22
        parts.append(text(_cut(ahead, MOST_WORDS), PAD, y + 22))
    parts.append(_nested(forecast_chart(member, focus, ONE, scene.zone, scene.levels, "a"), PAD, y + 38, ONE))
    y += 38 + ONE.height
    if focus.first > 0:
        times = member.history.time_ns
        said = (
            f"The whole history, {words.length_about(times[-1] - times[0] + member.step_ns)}; times in"
            f" {scene.zone_name}"
        )
        parts += [
            text(said, PAD, y + 18),
            _nested(context_chart(member, focus, CONTEXT, scene.zone, "b"), PAD, y + 24, CONTEXT),
        ]
        y += 24 + CONTEXT.height
    return "".join(parts), width, y + PAD


def _many(view: RunView, members: list[MemberView], scene: Scene) -> tuple[str, int, int]:
    shown = members[:MOST_PANELS]
    width, y = 2 * PANEL.width + 3 * PAD, PAD + 20
    said = (
        f"{len(shown)} of {len(members):,} members, those that need attention first"
        if len(shown) < len(members)
        else words.counted(len(members), "member")
    )
    parts = [text(view.title or view.series, PAD, y, "title"), text(f"{said}; times in {scene.zone_name}", PAD, y + 22)]
    top = y + 40
    for i, member in enumerate(shown):
        x, y = PAD + i % 2 * (PANEL.width + PAD), top + i // 2 * (PANEL.height + 56)
        parts.append(_panel(member, scene, x, y, f"p{i}"))
    return "".join(parts), width, top + -(-len(shown) // 2) * (PANEL.height + 56) + PAD // 2


def _panel(member: MemberView, scene: Scene, x: int, y: int, uid: str) -> str:
    """One of several members: its name, a few facts, its chart."""
    words_above = text(_cut(member.label, 70), x, y + 14, "name") + text(_cut(_short_facts(member), 90), x, y + 32)
    chart = forecast_chart(member, focus_of(member, scene.now), PANEL, scene.zone, scene.levels, uid)
    return words_above + _nested(chart, x, y + 40, PANEL)


def _nested(chart: str, x: float, y: float, size: Size) -> str:
    """Put a chart at a place of a larger picture; its labels may reach beyond it, as on the page."""
    return chart.replace(
        "<svg ", f'<svg overflow="visible" x="{x:g}" y="{y:g}" width="{size.width}" height="{size.height}" ', 1
    )


def _title(view: RunView, member: MemberView) -> str:
    name = view.title or view.series
    return _cut(f"{name}: {member.label}" if member.tags else name, 90)


def _facts(member: MemberView, scene: Scene) -> str:
    facts = [
        member.series_class.replace("_", " "),
        words.model_words(member.model),
        sentences.error_sentence(member),
        sentences.coverage_sentence(member.backtest, scene.level),
    ]
    return " · ".join(fact for fact in facts if fact) or "no forecast"


def _short_facts(member: MemberView) -> str:
    test = member.backtest
    facts = [member.series_class.replace("_", " "), words.model_words(member.model)]
    facts += [f"error / naive {test.ratio:.2f}"] if test and test.ratio is not None else []
    facts += [f"coverage {words.percent(test.coverage)}"] if test and test.coverage is not None else []
    facts += ["not measured throughout"] if member.measured < len(member.forecast.time_ns) else []
    return " · ".join(fact for fact in facts if fact)


def _cut(content: str, longest: int) -> str:
    return content if len(content) <= longest else content[: longest - 1] + "\u2026"


def to_png(drawing: str) -> bytes:
    """Rasterise SVG text.

    Raises:
        MissingExtraError: resvg is not installed.
        ConfigError: no usable font, so that the picture would lack its text.
    """
    try:
        from resvg_py import svg_to_bytes
    except ModuleNotFoundError as error:
        sentence = (
            "a PNG needs the module 'resvg_py', which is not installed here: pip install 'cronocast[plot]', or write"
            " .svg"
        )
        raise MissingExtraError([Problem("E_MISSING_EXTRA", "--out", sentence)]) from error
    if svg_to_bytes(svg_string=LETTERS % "0") == svg_to_bytes(svg_string=LETTERS % ""):
        said = (
            "no usable font on this machine, the PNG would lack its text; install one (Debian: fonts-dejavu-core), or"
            " write .svg"
        )
        raise ConfigError.one("E_FONT", "--out", said)
    return svg_to_bytes(svg_string=drawing, zoom=PNG_SCALE)

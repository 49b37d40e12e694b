"""What past forecasts of a member were worth: a table by lead, with ranges, and a picture of error and coverage."""

from cronocast.charts.frame import Frame, margin, steps_axis, ticks_within, value_axis
from cronocast.charts.html import hover_figure
from cronocast.charts.lines import drawing
from cronocast.charts.scale import value_domain
from cronocast.charts.svg import Size, element, polyline, safe, short, text
from cronocast.charts.words import length, number, percent, tick_numbers
from cronocast.handoff.evaluation import LeadAccuracy, MemberEvaluation
from cronocast.handoff.series import level_name
from cronocast.report.model import MemberView
from cronocast.report.scene import Scene

SIZES = (Size(1080, 190), Size(700, 190, "medium"), Size(348, 180, "narrow", 11))
LEAST_SHARE = 0.3  # that the picture of coverage begins with, unless one lies below


def accuracy_section(member: MemberView, scene: Scene, uid: str) -> str:
    """What is known of past forecasts, "" where none was kept."""
    found = member.evaluation
    if found is None or not found.leads:
        return ""
    name = level_name(scene.level)
    head = (
        '<tr><th>Ahead</th><th class="n">Values</th><th class="n">Mean error</th><th class="n">Bias</th><th class="n">'
        'MASE</th><th class="n">Skill</th><th class="n">Covered</th><th class="n">By chance</th></tr>'
    )
    body = "".join(_row(lead, name, member.step_ns) for lead in found.leads)
    table = f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
    pictures = "".join(coverage_chart(member, scene.level, size, f"{uid}-a") for size in SIZES)
    caption = (
        f"Share of actual values inside the {percent(scene.level)} interval by lead, with the range that chance allows."
    )
    figure = hover_figure(pictures, safe(caption)) if pictures else ""
    return f'<section class="dates"><h3>Past forecasts</h3><p>{safe(_lead_words(found))}</p>{table}{figure}</section>'


def _lead_words(found: MemberEvaluation) -> str:
    """What past forecasts were worth, in a sentence or two."""
    most = max(found.leads, key=lambda lead: lead.n)
    worth = f"{sum(lead.n for lead in found.leads):,} values that came later were held against them"
    if most.worth < most.n / 2:
        worth += f"; those of one lead are worth {most.worth:.0f} independent ones of {most.n}, since errors last"
    if found.useful_ns is None:
        return f"At no lead better than the naive forecast: {worth}."
    return f"Better than the naive forecast up to {length(found.useful_ns, counted=True)} ahead: {worth}."


def _row(lead: LeadAccuracy, name: str, step_ns: int) -> str:
    covered = lead.coverage.get(name)
    chance = "-" if covered is None else f"{percent(lead.coverage_low[name])} to {percent(lead.coverage_high[name])}"
    numbers = (
        f"{lead.n:,}",
        number(lead.mae),
        number(lead.bias),
        number(lead.mase),
        number(lead.skill),
        percent(covered),
        chance,
    )
    cells = "".join(f'<td class="n">{safe(cell)}</td>' for cell in numbers)
    return f"<tr><td>up to {safe(length(lead.lead * step_ns, counted=True))}</td>{cells}</tr>"


def coverage_chart(member: MemberView, level: float, size: Size, uid: str) -> str:
    """Coverage by lead with its range, against the nominal one; "" for fewer than two leads."""
    leads, name = member.evaluation.leads if member.evaluation else (), level_name(level)
    known = [lead for lead in leads if name in lead.coverage]
    if len(known) < 2:
        return ""
    lowest = min(LEAST_SHARE, *(lead.coverage_low[name] for lead in known))
    domain = value_domain(lowest, 1.0)
    domain = (domain[0], 1.0)
    ticks = ticks_within(domain, size)
    names = tick_numbers(ticks)
    frame = Frame(margin(names, size), 14, size.width - 14, size.height - 26, 0, known[-1].lead, *domain)
    places = [(frame.x(lead.lead), lead) for lead in known]
    ranges = [
        element(
            "path",
            cls="now",
            d=f"M{short(x)} {short(frame.y(lead.coverage_low[name]))}V{short(frame.y(lead.coverage_high[name]))}",
        )
        for x, lead in places
    ]
    line = polyline((x, frame.y(lead.coverage[name])) for x, lead in places)
    parts = [
        value_axis(frame, ticks, names),
        steps_axis(frame, member.step_ns, size),
        element("path", cls="naive", d=f"M{short(frame.left)} {short(frame.y(level))}H{short(frame.right)}"),
        text(f"nominal {percent(level)}", frame.right - 4, frame.y(level) + 14, "of-naive", "end"),
        *ranges,
        element("path", cls="forecast", d=line),
    ]
    said = "; ".join(f"{length(lead.lead * member.step_ns)} ahead: {percent(lead.coverage[name])}" for lead in known)
    return drawing(parts, size, uid, f"Coverage of past forecasts of {member.label}", f"{said}.", frame)

"""When a member reaches its limits: words, a table and a picture of the range of dates."""

from datetime import tzinfo

from cronocast.charts.frame import Frame, extremes, margin, ticks_within, time_axis, value_axis
from cronocast.charts.html import hover_figure
from cronocast.charts.lines import drawing, line_through
from cronocast.charts.scale import value_domain
from cronocast.charts.svg import Size, element, polyline, safe, short, text
from cronocast.charts.words import clock, length, number, percent, sentence, tick_numbers
from cronocast.durations import UNIT_NS
from cronocast.handoff.evaluation import Crossing
from cronocast.report.layers import GAP_STEPS
from cronocast.report.model import MemberView
from cronocast.report.scene import Scene

NARROW_NS = 2 * UNIT_NS["d"]  # a range of less is worth a time of day
SIZES = (Size(1080, 230), Size(700, 220, "medium"), Size(348, 210, "narrow", 11))
BAR = 9.0  # pixels: half the height of the range of dates


def dates_section(member: MemberView, scene: Scene, uid: str) -> str:
    """What is told of every limit of a member, "" where none is set."""
    found = member.evaluation.crossings if member.evaluation else ()
    if not found:
        return ""
    head = (
        "<tr><th>Limit</th><th>When</th><th>Range</th><th>Within 1, 7, 30 days</th><th>Act by</th><th>Moved</th></tr>"
    )
    body = "".join(_row(crossing, scene.zone) for crossing in found)
    sentences = "".join(f"<p>{safe(sentence(crossing.words))}{_scored(crossing)}</p>" for crossing in found)
    pictures = "".join(
        hover_figure(
            "".join(date_chart(member, crossing, size, scene.zone, f"{uid}-l{i}") for size in SIZES), _caption(crossing)
        )
        for i, crossing in enumerate(found)
        if crossing.earliest_ns is not None and len(member.history.time_ns) > 1
    )
    table = f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
    return f'<section class="dates"><h3>When limits are reached</h3>{sentences}{table}{pictures}</section>'


def _row(crossing: Crossing, zone: tzinfo) -> str:
    ends = (crossing.earliest_ns, crossing.latest_ns)
    first, last = ("" if end is None else day(end, crossing, zone) for end in ends)
    told = f"{first} to {last}" if last else f"from {first} on" if first else "-"
    chances = ", ".join(percent(chance) for chance in (crossing.p_1d, crossing.p_7d, crossing.p_30d))
    moved = "-" if crossing.moved_ns is None else moved_words(crossing)
    act = "-" if crossing.act_by_ns is None else clock(crossing.act_by_ns, zone)
    side = "\u2265" if crossing.above else "\u2264"
    limit = f"{crossing.threshold} ({side} {number(crossing.limit)})"
    cells = (limit, when(crossing, zone), told, chances, act, moved)
    return f"<tr>{''.join(f'<td>{safe(cell)}</td>' for cell in cells)}</tr>"


def moved_words(crossing: Crossing) -> str:
    """How far a date moved since about a day ago."""
    if not crossing.moved_ns:
        return "not at all"
    way = "later" if crossing.moved_ns > 0 else "earlier"
    said = f"{length(abs(crossing.moved_ns), counted=True)} {way}"
    return said if crossing.settled else f"{said}, unsettled"


def _scored(crossing: Crossing) -> str:
    """How good the dates were that were told before."""
    if not crossing.scored:
        return ""
    known = f", the last event was known {length(crossing.known_ns, counted=True)} before" if crossing.known_ns else ""
    return safe(f" Of {crossing.scored} dates told before, {crossing.inside} held what came{known}.")


def _caption(crossing: Crossing) -> str:
    return safe(f"{crossing.threshold}: the bar holds the date in 8 of 10 cases, the mark is the middle of them.")


def date_chart(member: MemberView, crossing: Crossing, size: Size, zone: tzinfo, uid: str) -> str:
    """The history, the limit, and when it is reached."""
    times, values = member.history.time_ns, member.history.columns[0]
    first = crossing.earliest_ns or times[-1]
    past, ahead = times[-1] - times[0], (crossing.latest_ns or crossing.crosses_ns or first) - times[-1]
    begin = max(times[0], times[-1] - max(past // 4, 2 * ahead))
    end = times[-1] + max(round(1.08 * ahead), past // 8)
    kept = [(t, v) for t, v in zip(times, values, strict=True) if t >= begin]
    domain = value_domain(*extremes([[v for _, v in kept], [crossing.limit]]))
    ticks = ticks_within(domain, size)
    names = tick_numbers(ticks)
    frame = Frame(margin(names, size), 26, size.width - 14, size.height - 34, begin, end, *domain)
    y, x0 = frame.y(crossing.limit), frame.x(first)
    x1 = frame.right if crossing.latest_ns is None else frame.x(crossing.latest_ns)
    mark = (
        "" if crossing.crosses_ns is None else element("circle", cls="date", cx=frame.x(crossing.crosses_ns), cy=y, r=5)
    )
    parts = [
        value_axis(frame, ticks, names),
        time_axis(frame, size, zone),
        element(
            "path",
            cls="measured",
            d=line_through(
                frame, [t for t, _ in kept], [v for _, v in kept], max(GAP_STEPS * member.step_ns, frame.bin_ns)
            ),
        ),
        element("path", cls="band", d=polyline([(frame.x(times[-1]), frame.y(values[-1])), (x0, y), (x1, y)]) + "Z"),
        element("rect", cls="range", x=x0, y=y - BAR, width=max(2.0, x1 - x0), height=2 * BAR, rx=3),
        element("path", cls="limit", d=f"M{short(frame.left)} {short(y)}H{short(frame.right)}"),
        mark,
        text(f"{crossing.threshold} {number(crossing.limit)}", frame.left + 4, y - 6, "of-limit"),
        text(
            when(crossing, zone),
            min(x0, frame.right - 4),
            y - BAR - 6,
            "of-limit",
            "end" if x0 > size.width / 2 else None,
        ),
    ]
    return drawing(parts, size, uid, f"When {member.label} reaches {number(crossing.limit)}", crossing.words, frame)


def when(crossing: Crossing, zone: tzinfo) -> str:
    """When a limit is reached, in a few words."""
    if crossing.state == "over":
        return "over now"
    if crossing.crosses_ns is not None:
        about = "about " if crossing.rough or crossing.state != "date" else ""
        return f"{about}{day(crossing.crosses_ns, crossing, zone)}"
    if crossing.earliest_ns is not None:
        return f"not before {day(crossing.earliest_ns, crossing, zone)}"
    reach = length(crossing.reach_ns, counted=True) if crossing.reach_ns else ""
    named = {"not_growing": "not growing", "cleaned": "cleaned, stays below", "too_little": "too little data"}
    return named.get(crossing.state, f"not within {reach}" if reach else "-")


def day(time_ns: int, crossing: Crossing, zone: tzinfo) -> str:
    """A date; with the time of day where its range is narrow enough for one."""
    whole = clock(time_ns, zone)
    ends = (crossing.earliest_ns, crossing.latest_ns)
    narrow = None not in ends and (ends[1] or 0) - (ends[0] or 0) < NARROW_NS
    return whole if narrow else whole.rpartition(" ")[0]

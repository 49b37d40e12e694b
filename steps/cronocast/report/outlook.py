"""What lies ahead of a member in a few sentences: its slope now, when a limit is reached, what nobody measured."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from cronocast.charts.words import clock, length, number
from cronocast.durations import UNIT_NS
from cronocast.report.model import MemberView
from cronocast.report.scores import number_of

AT_LIMIT = 1e-9  # of a limit: closer than this is at it


def outlook(member: MemberView, settings: Mapping[str, Any], zone: tzinfo) -> str:
    """All that is said of what lies ahead, "" where there is nothing.

    Args:
        member: Whose forecast it is.
        settings: Path of a setting -> value, of the run; `clip` has the limits.
        zone: Whose clock is meant.
    """
    if not len(member.forecast.time_ns):
        return ""
    said = (slope_words(member, zone), limit_words(member, settings, zone), measured_words(member))
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in said if text)


def slope_words(member: MemberView, zone: tzinfo) -> str:
    """How fast the level rises or falls now, and since when where that slope began at a change; "" without a trend."""
    profile = member.profile
    if profile is None or not profile.slope_now:
        return ""
    pace = "day" if member.step_ns <= UNIT_NS["d"] else "week"
    speed = abs(profile.slope_now) * (UNIT_NS[pace[0]] / member.step_ns)
    began = profile.last_change == "slope" and len(profile.change_points_ns) > 0
    since = f", since {clock(profile.change_points_ns[-1], zone)}" if began else ""
    return f"the level {'rises' if profile.slope_now > 0 else 'falls'} by {number(speed)} a {pace} now{since}"


def limit_words(member: MemberView, settings: Mapping[str, Any], zone: tzinfo) -> str:
    """When a trend reaches the limit of `clip` that it goes to, by the forecast and by its interval."""
    limit, earliest, at, latest = _limit(member, settings, zone)
    if not at:
        return f"its interval reaches {number(limit)} from {earliest} on" if earliest else ""
    until = f"and {latest}" if latest else "and a time after the horizon"
    return f"it reaches {number(limit)} on {at}, by its interval between {earliest} {until}"


def limit_reached(member: MemberView, settings: Mapping[str, Any], zone: tzinfo) -> str:
    """That the forecast itself reaches a limit, and when, in a few words; "" where it does not."""
    limit, _, at, _ = _limit(member, settings, zone)
    return f"reaches {number(limit)} on {at}" if at else ""


def _limit(member: MemberView, settings: Mapping[str, Any], zone: tzinfo) -> tuple[float, str, str, str]:
    """The limit that a trend goes to, and when it is reached: at the earliest, by the forecast, at the latest."""
    slope = member.profile.slope_now if member.profile else 0.0
    limit = number_of(settings.get("clip.max" if slope > 0 else "clip.min")) if slope else None
    known = member.history.columns[0]
    if limit is None or (len(known) and _reached(known[-1:], limit, slope) is not None):
        return 0.0, "", "", ""
    yhat, lower, upper = member.forecast.columns[:3]
    columns = (upper, yhat, lower) if slope > 0 else (lower, yhat, upper)
    earliest, at, latest = (_time(member, _reached(column, limit, slope), zone) for column in columns)
    return limit, earliest, at, latest


def _reached(column: Sequence[float], limit: float, slope: float) -> int | None:
    """Index of the first value at a limit or beyond it, None where there is none."""
    near = abs(limit) * AT_LIMIT
    return next((i for i, v in enumerate(column) if (v >= limit - near if slope > 0 else v <= limit + near)), None)


def _time(member: MemberView, index: int | None, zone: tzinfo) -> str:
    return "" if index is None else clock(member.forecast.time_ns[index], zone)


def measured_words(member: MemberView) -> str:
    """How much of the horizon has an interval that past errors were measured for; "" where all of it has."""
    rows = len(member.forecast.time_ns)
    if member.measured >= rows:
        return ""
    if not member.measured:
        return "not measured: the history is too short to hold forecasts against it, so that the interval is a guess"
    return (
        f"the interval is measured for the first {length(member.measured * member.step_ns, counted=True)} of"
        f" {length(rows * member.step_ns, counted=True)}; beyond it is a guess, not measured"
    )

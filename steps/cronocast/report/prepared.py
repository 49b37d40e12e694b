"""What was done to the values before the forecast, for people who are no statisticians. Standard library only."""

from collections.abc import Mapping
from typing import Any

from cronocast.charts.words import counted, length
from cronocast.durations import UNIT_NS, Duration
from cronocast.report.model import MemberView
from cronocast.report.scores import number_of

RULES = {
    "mean": "their mean",
    "median": "their median",
    "sum": "their sum",
    "min": "the lowest",
    "max": "the highest",
    "last": "the last one",
}
SCALES = {"log": "the logarithms of the values", "sqrt": "the square roots of the values"}
UNITS = {
    UNIT_NS[unit]: word for unit, word in (("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"))
}


def prepared_sentence(member: MemberView, settings: Mapping[str, Any]) -> str:
    """What was done to a member's values before they were forecast, "" if nothing was.

    Args:
        member: Its counts are those of the forecast step's result file.
        settings: Path of a setting -> value, of the run; they name what was asked for.
    """
    if not len(member.forecast.time_ns):
        return ""
    done = [*_changed(member, settings), *_left_out(member), *_filled(member), *_scale(member)]
    refused = str(member.prepared.get("note") or "").rstrip(".")
    said = f"Before the forecast: {'; '.join(done)}." if done else ""
    return f"{said} {refused[:1].upper()}{refused[1:]}.".strip() if refused else said


def _count(member: MemberView, name: str) -> int:
    return int(number_of(member.prepared.get(name)) or 0)


def _changed(member: MemberView, settings: Mapping[str, Any]) -> list[str]:
    """What the entry asked to be made of the values."""
    done = []
    if rows := _count(member, "resampled_away"):
        rule = RULES.get(str(settings.get("prepare.resample")), "one value")
        done.append(
            f"rows of the same {length(member.step_ns)} were aggregated to {rule} ({counted(rows, 'row')} fewer)"
        )
    if zeros := _count(member, "filled_as_zero"):
        done.append(f"{_steps(member, zeros)} without a point count as 0")
    if held := _count(member, "filled_as_previous"):
        done.append(f"{_steps(member, held)} without a point have the value before")
    if settings.get("prepare.rate") is True:
        falls = [(_count(member, f"counter_{fall}s"), fall) for fall in ("reset", "wrap", "correction")]
        told = ", ".join(counted(count, fall) for count, fall in falls if count)
        began = f" ({told})" if told else ""
        done.append(f"the values are a counter, so their rate per second is forecast{began}")
    if odd := _count(member, "outliers"):
        done.append(f"{counted(odd, 'outlier')} removed")
    if _count(member, "smoothed"):
        done.append(f"each value was replaced by the mean of {_span(settings.get('prepare.smooth'))} up to it")
    return done


def _span(text: object) -> str:
    span = Duration.read(text)
    return f"the {length(span)}" if span else "some time"


def _left_out(member: MemberView) -> list[str]:
    done = []
    if silent := _count(member, "silent_steps"):
        seen = _count(member, "left_out_in_silent_steps")
        also = f", with {counted(seen, 'value')} in them" if seen else ""
        done.append(
            f"{_steps(member, silent)} excluded{also}, since hardly anything is measured at these times of the day or"
            " week"
        )
    if days_off := _count(member, "left_out_on_holidays"):
        done.append(f"{_steps(member, days_off)} on holidays excluded, since they are not ordinary days")
    if old := _count(member, "left_out_before_outage"):
        done.append(f"{counted(old, 'value')} from before a long gap excluded")
    return done


def _filled(member: MemberView) -> list[str]:
    """How much is invented, and that nothing is at the end."""
    done = []
    if filled := _count(member, "filled_by_line") + _count(member, "filled_by_season"):
        done.append(f"{_steps(member, filled, 'missing ')} filled{_longest(member, filled)}")
    if tail := _count(member, "missing_at_end"):
        done.append(f"nothing was measured in the last {length(_since_last(member, tail), counted=True)}")
    return done


def _since_last(member: MemberView, steps: int) -> int:
    """Time in ns without a value before the forecast, of which so many steps are missing.

    Silent hours among them are none of those, but pass all the same.
    """
    counted_ns = steps * member.step_ns
    if not _count(member, "silent_steps") or not member.history.time_ns:
        return counted_ns
    last_ns = member.history.time_ns[-1] // member.step_ns * member.step_ns
    return max(counted_ns, member.forecast.time_ns[0] - last_ns - member.step_ns)


def _longest(member: MemberView, filled: int) -> str:
    """The longest gap, where it is known to be one of those that were filled: classify counts all of them."""
    if member.profile is None or member.profile.gaps.missing != filled or filled == 1:
        return ""
    return f", the longest gap {length(member.profile.gaps.longest * member.step_ns, counted=True)}"


def _steps(member: MemberView, count: int, kind: str = "") -> str:
    """So many hours where a step is one hour; steps of no name are values."""
    return counted(count, f"{kind}{UNITS.get(member.step_ns, 'value' if kind else 'step')}")


def _scale(member: MemberView) -> list[str]:
    name = str(member.prepared.get("transform") or "")
    power = number_of(member.prepared.get("power"))
    scale = SCALES.get(name) or (f"the values to the power of {power:g}" if power is not None else "")
    return [f"{scale} were forecast and transformed back"] if scale else []

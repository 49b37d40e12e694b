"""What the report says in words and numbers, for people who are no statisticians. Standard library only."""

import math
from collections.abc import Callable
from datetime import tzinfo

from cronocast.durations import MOST_OF_UNIT, UNIT_NS, Duration, readable_unit
from cronocast.handoff.profile import silent
from cronocast.handoff.series import Member
from cronocast.report.model import MemberView, RunView, Step
from cronocast.report.scale import local
from cronocast.report.scores import Backtest

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
MOST_DECIMALS = 4  # behind a unit letter; where more are needed, a smaller one or none is easier to read
ROUNDING = 1e-14  # of a value: a range below this is what arithmetic lost
UNIT_WORDS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
# DESIGN.md section 9, in a few words.
EXITS = {
    1: "a bug in cronocast",
    2: "wrong use of the command line",
    66: "input is missing, too large or too short",
    69: "the server refuses for good; a person has to mend the server or the entry",
    70: "the result was impossible and was not written",
    74: "the volume is full, read-only or failing; the engine tries again",
    75: "a passing fault; the engine tries again",
    76: "an answer or file breaks the contract",
    77: "the server refuses the credentials",
    78: "the configuration is wrong",
    143: "the step was stopped; it can be run again",
}
COVERAGE_TOLERANCE = (
    0.07  # a band that held this much less than it promises is told; smaller misses are chance in short backtests
)


def number(value: float | None, span: float = 0.0) -> str:
    """Write a value as people read it.

    As many decimals as `span` (the range it stands in) makes useful, k/M/G/T for large ones.
    """
    if value is None or not math.isfinite(value):
        return "-"
    size = max(abs(value), abs(span))
    span = span if span > size * ROUNDING else 0.0
    if size >= 1e15 or (0 < size < 1e-4):
        return f"{value:.{digits(size, span, 3)}g}"
    if size < 1e5:
        return _plain(value, _decimals(span or abs(value)), whole=not span)
    factor, letter = _prefix(size, lambda f: _decimals((span or size) / f))
    if factor == 1:
        return _plain(value, max(0, _decimals(span) - 1))  # so many figures before them are hard enough to read
    return (
        f"{_plain(value / factor, _decimals((span or abs(value)) / factor), whole=not span)} {letter}" if value else "0"
    )


def digits(size: float, span: float, least: int) -> int:
    """How many significant digits tell values up to `size` apart that lie within `span`, three of it.

    `least` where it is wide.
    """
    between = math.floor(math.log10(size)) - math.floor(math.log10(span)) if span > size * ROUNDING > 0 else 0
    return max(least, 3 + between)


def _prefix(size: float, decimals: Callable[[float], int], least: float = 0.0) -> tuple[float, str]:
    """The largest unit letter that suits a size; none where even the smallest would stand behind many figures."""
    suit = ((f, p) for f, p in _PREFIXES if size >= max(f, least) and size < f * 1e5 and decimals(f) <= MOST_DECIMALS)
    return next(suit, (1.0, ""))


def _decimals(scale: float) -> int:
    """Decimals that show three digits of a scale."""
    return max(0, 2 - math.floor(math.log10(scale))) if scale > 0 else 0


def _plain(value: float, decimals: int, *, whole: bool = False) -> str:
    """Write a value with so many decimals; `whole` leaves out zeros at their end."""
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if whole and "." in text else text
    return text.replace("-", "\u2212") if text.strip("-0.,") else text.removeprefix("-")


def tick_numbers(ticks: list[float]) -> list[str]:
    """Write ticks alike: one unit letter, just the decimals their distance needs."""
    largest = max((abs(t) for t in ticks), default=0.0)
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else largest or 1.0
    if largest >= 1e15 or 0 < largest < 1e-4:
        return [f"{t:.{digits(largest, step, 6)}g}" for t in ticks]
    factor, letter = _prefix(largest, lambda f: _tick_decimals(step / f, largest / f), 1e4)
    decimals = _tick_decimals(step / factor, largest / factor)
    return [f"{_plain(t / factor, decimals)}{letter}" if t else "0" for t in ticks]


def _tick_decimals(step: float, largest: float) -> int:
    """Decimals that show a step between ticks up to the largest.

    What doubles lose in their difference does not count.
    """
    lost = min(step / 10, max(step * 1e-6, largest * 1e-15))
    return next((d for d in range(16) if abs(round(step, d) - step) <= lost), 16)


def percent(share: float | None) -> str:
    """A share of 0..1 as a percentage."""
    if share is None:
        return "-"
    text = f"{share * 100:.1f}" if 0.99 < share < 1 or 0 < share < 0.01 else f"{share * 100:.0f}"
    return f"{text}\u00a0%"


def clock(time_ns: int, zone: tzinfo, *, year: bool = False, seconds: bool = False) -> str:
    """A time of day with its date, in a zone that stands elsewhere.

    With its seconds where it has some or they are wanted.
    """
    at = local(time_ns, zone)
    form = f"%b{' %Y' if year else ''} %H:%M{':%S' if seconds or at.second else ''}"
    return f"{at:%a} {at.day} {at.strftime(form)}"


def years_differ(start_ns: int, end_ns: int, zone: tzinfo) -> bool:
    """Whether two times lie in different years of the calendar."""
    return local(start_ns, zone).year != local(end_ns, zone).year


def stretch(start_ns: int, end_ns: int, zone: tzinfo) -> str:
    """From when to when, with the year where it changes between."""
    year = years_differ(start_ns, end_ns, zone)
    return f"{clock(start_ns, zone, year=year)} to {clock(end_ns, zone, year=year)}"


def seconds(duration_s: float) -> str:
    """How long a step took."""
    if duration_s >= 90:
        return f"{duration_s / 60:.0f} min" if duration_s < 5400 else f"{duration_s / 3600:.1f} h"
    return f"{duration_s:.1f} s" if duration_s >= 0.1 else f"{duration_s * 1000:.0f} ms"


def length(ns: int, *, counted: bool = False, exact: bool = False) -> str:
    """A length of time in words: day, 5 minutes, 3 days, 44.4 hours; `counted` writes 1 day, `exact` 2665 minutes."""
    whole = next(
        (
            u
            for u in ("w", "d", "h", "m", "s")
            if ns >= UNIT_NS[u] and ns % UNIT_NS[u] == 0 and not (u == "w" and ns > 8 * UNIT_NS["w"])
        ),
        None,
    )
    if whole and (exact or whole == "d" or ns <= MOST_OF_UNIT * UNIT_NS[whole]):
        count = ns // UNIT_NS[whole]
        return (
            UNIT_WORDS[whole]
            if count == 1 and not counted
            else f"{count} {UNIT_WORDS[whole]}{'s' if count > 1 else ''}"
        )
    unit = readable_unit(ns)
    return f"{ns / UNIT_NS[unit]:.1f} {UNIT_WORDS[unit]}s"


def length_about(ns: int) -> str:
    """A long stretch of time in the largest unit that suits it."""
    days = ns / UNIT_NS["d"]
    if days >= 14:
        return f"{days:,.0f} days"
    return (
        f"{days:.1f} days".replace(".0 ", " ")
        if days >= 2
        else (
            f"{ns / UNIT_NS['h']:.1f} hours".replace(".0 ", " ")
            if ns >= 2 * UNIT_NS["h"]
            else f"{ns / UNIT_NS['m']:.0f} minutes"
        )
    )


def evidence_number(value: float) -> str:
    """A piece of evidence: three digits."""
    return f"{value:.3g}".replace("-", "\u2212")


def counted(count: int, word: str, many: str = "") -> str:
    """`1 row`, `24 rows`."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def periods(member: MemberView) -> str:
    """The seasonal periods as lengths of time."""
    if not member.profile or not member.profile.periods:
        return ""
    return " and ".join(length(p * member.step_ns, counted=True) for p in member.profile.periods)


def naive_words(member: MemberView) -> str:
    """What the naive forecast does, as a clause: repeating the last day."""
    name = member.backtest.naive_model if member.backtest else ""
    found = member.profile.periods if member.profile else ()
    if name == "naive" or (not name and not found):
        return "repeating the last value"
    repeated = (member.backtest.seasons if member.backtest else ()) or (found if len(found) == 1 else ())
    return f"repeating the last {' or '.join(length(steps * member.step_ns) for steps in repeated) or 'season'}"


def error_sentence(member: MemberView) -> str:
    """How good the answer was on held-out values, against the naive forecast."""
    ratio = member.backtest.ratio if member.backtest else None
    if ratio is None:
        return ""
    return f"error {ratio:.2f} of {naive_words(member)} ({better(ratio)})"


def sentence(text: str) -> str:
    """A clause as a sentence: a capital first, a full stop last."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def model_words(label: str) -> str:
    """A model's label for people: median(fourier,seasonal_naive) is median of fourier, seasonal naive."""
    outer, bracket, inner = label.replace("_", " ").partition("(")
    return f"{outer} of {', '.join(inner.removesuffix(')').split(','))}" if bracket else outer


def better(ratio: float) -> str:
    """A ratio of errors as a difference."""
    if 0.995 <= ratio < 1.005:
        return "no better, no worse"
    return (
        f"{percent(abs(1 - ratio))} {'smaller' if ratio < 1 else 'larger'}"
        if ratio < 10
        else f"{ratio:,.0f} times as large"
    )


def earlier_sentence(run: str, past: Member, member: MemberView, zone: tzinfo) -> str:
    """How the forecast of an earlier run compares with what was measured since."""
    measured = dict(zip(member.history.time_ns, member.history.columns[0], strict=True))
    pairs = [
        (measured[t], *values) for t, *values in zip(past.time_ns, *past.columns[:3], strict=True) if t in measured
    ]
    if not pairs:
        return ""
    inside = sum(low <= actual <= high for actual, _, low, high in pairs)
    error = sum(abs(actual - yhat) for actual, yhat, _, _ in pairs) / len(pairs)
    made = f"The forecast of {clock(past.time_ns[0], zone)} onwards"
    return (
        f"{made} (run {run}) has met {counted(len(pairs), 'measured value')} since: mean error {number(error)},"
        f" {inside} of {len(pairs)} inside its band."
    )


def coverage_sentence(backtest: Backtest | None, level: float) -> str:
    """How the band held on held-out values."""
    if backtest is None or backtest.coverage is None:
        return ""
    further = "".join(f", {percent(other)} band {percent(share)}" for other, share in backtest.further)
    return f"{percent(backtest.level or level)} band held {percent(backtest.coverage)} of held-out values{further}"


def remark(member: MemberView, level: float) -> tuple[int, str]:
    """Why a member deserves a look: (rank, sentence); the lower the rank the more urgent, 9 and "" for nothing."""
    backtest = member.backtest
    if member.status == "failed":
        return 0, f"failed: {member.reason}".rstrip(": ")
    if not len(member.forecast.time_ns):
        return 1, f"no forecast: {member.reason or member.status}".removesuffix(": ")
    if member.status == "fallback":
        return 2, f"fallback: {member.reason}".rstrip(": ")
    missing = member.prepared.get("missing_at_end")
    if isinstance(missing, int) and silent(missing, len(member.forecast.time_ns)) and len(member.history.time_ns):
        return (
            3,
            (
                "nothing measured for"
                f" {length(member.forecast.time_ns[0] - member.history.time_ns[-1] - member.step_ns, counted=True)}"
            ),
        )
    if backtest and backtest.ratio is not None and backtest.ratio > 1.005:
        return 3, f"worse than naive: error {backtest.ratio:.2f} of it"
    if (
        backtest
        and backtest.coverage is not None
        and backtest.coverage < (backtest.level or level) - COVERAGE_TOLERANCE
    ):
        return 4, f"band too narrow: held {percent(backtest.coverage)}"
    if member.series_class == "too_short":
        return 5, "too little history"
    return 9, ""


def step_fact(step: Step) -> str:
    """What a step did, in a few words."""
    if step.status == "missing":
        return "left no result"
    if step.status == "failed":
        return f"failed, exit {step.exit}"
    facts = {
        "extract": counted(step.rows_kept, "row"),
        "classify": counted(step.members, "member"),
        "forecast": counted(step.rows_out, "row"),
        "load": f"{step.acked:,} of {counted(step.expected, 'point')}",
    }
    return facts.get(step.name, "") if step.status == "ok" else f"{step.status}, {facts.get(step.name, '')}"


def headline(view: RunView) -> tuple[str, str]:
    """State of a run: (ok | warn | bad, sentence)."""
    failed = [s.name for s in view.steps if s.status == "failed"]
    missing = [s.name for s in view.steps if s.status == "missing"]
    if failed:
        return "bad", f"{' and '.join(failed)} failed"
    load = next(s for s in view.steps if s.name == "load")
    if load.status in ("ok", "fallback"):
        if load.reason.startswith("dry_run"):
            return "warn", load.reason
        full = load.acked >= load.expected
        said = f"{load.acked:,} of {counted(load.expected, 'point')} acknowledged by the database"
        fallback = any(s.status == "fallback" for s in view.steps)
        return ("ok" if full and not fallback else "warn"), said + (
            "; a step fell back to a simpler answer" if fallback else ""
        )
    ended = [
        f"{s.name} {s.status}{f' ({s.reason})' if s.reason else ''}"
        for s in view.steps
        if s.status in ("skipped", "superseded")
    ]
    return "warn", "; ".join(ended) or (
        f"no result of {', '.join(missing)}: nothing was written" if missing else "done"
    )


def duration_text(ns: int) -> str:
    """A duration as it is written in an entry."""
    return str(Duration.of(ns)) if ns > 0 else "-"

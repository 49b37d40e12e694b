"""What the report says in words and numbers, for people who are no statisticians. Standard library only."""

from datetime import tzinfo

from cronocast.chain.table import STEPS
from cronocast.charts.words import clock, counted, length, number, percent
from cronocast.handoff.profile import silent
from cronocast.handoff.series import Member
from cronocast.report.model import MemberView, RunView, StepView
from cronocast.report.outlook import limit_reached, measured_words
from cronocast.report.scene import Scene
from cronocast.report.scores import BacktestView

# DESIGN.md section 9, in a few words.
EXITS = {
    1: "a bug in cronocast",
    2: "incorrect use of the command line",
    66: "input is missing, too large or too short",
    69: "the server refuses permanently; fix the server or the entry",
    70: "the result was impossible and was not written",
    74: "the volume is full, read-only or failing; the engine retries",
    75: "a transient fault; the engine retries",
    76: "an answer or file breaks the contract",
    77: "the server refuses the credentials",
    78: "the configuration is wrong",
    143: "the step was stopped; it can be run again",
}
COVERAGE_TOLERANCE = (
    0.07  # a band that held this much less than it promises is told; smaller misses are chance in short backtests
)


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
    return f"error {ratio:.2f} relative to {naive_words(member)} ({better(ratio)})"


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
        f"{made} (run {run}), compared with {counted(len(pairs), 'measured value')} since: mean error {number(error)},"
        f" {inside} of {len(pairs)} inside its interval."
    )


def coverage_sentence(backtest: BacktestView | None, level: float) -> str:
    """How the band held on held-out values."""
    if backtest is None or backtest.coverage is None:
        return ""
    further = "".join(f", the {percent(other)} interval {percent(share)}" for other, share in backtest.further)
    return (
        f"the {percent(backtest.level or level)} interval covered {percent(backtest.coverage)} of held-out"
        f" values{further}"
    )


def remark(member: MemberView, scene: Scene) -> tuple[int, str]:
    """Why a member deserves a look: (rank, sentence); the lower the rank the more urgent, 9 and "" for nothing."""
    if member.status == "failed":
        return 0, f"failed: {member.reason}".rstrip(": ")
    if not len(member.forecast.time_ns):
        return 1, f"no forecast: {member.reason or member.status}".removesuffix(": ")
    if member.status == "fallback":
        return 2, f"fallback: {member.reason}".rstrip(": ")
    if limit := limit_reached(member, scene.settings, scene.zone):
        return 2, limit
    missing = member.prepared.get("missing_at_end")
    if isinstance(missing, int) and silent(missing, len(member.forecast.time_ns)) and len(member.history.time_ns):
        unmeasured_ns = member.forecast.time_ns[0] - member.history.time_ns[-1] - member.step_ns
        return 3, f"nothing measured for {length(unmeasured_ns, counted=True)}"
    if member.backtest and (found := _backtest_remark(member.backtest, scene.level)):
        return found
    if member.series_class == "too_short":
        return 5, "too little history"
    guessed = measured_words(member)
    return (6, guessed.partition(";")[0]) if guessed else (9, "")


def _backtest_remark(backtest: BacktestView, level: float) -> tuple[int, str] | None:
    """Why a backtest deserves a look, as in `remark`; None where it does not."""
    if backtest.ratio is not None and backtest.ratio > 1.005:
        return 3, f"worse than naive: error {backtest.ratio:.2f} times as large"
    if backtest.coverage is not None and backtest.coverage < (backtest.level or level) - COVERAGE_TOLERANCE:
        return 4, f"interval too narrow: coverage {percent(backtest.coverage)}"
    return None


def step_fact(step: StepView) -> str:
    """What a step did, in a few words."""
    if step.status == "missing":
        return "left no result"
    if step.status == "failed":
        return f"failed, exit {step.exit}"
    count, unit, *whole = STEPS[step.name].fact
    done: int = getattr(step, count)
    fact = f"{done:,} of {counted(getattr(step, whole[0]), unit)}" if whole else counted(done, unit)
    return fact if step.status == "ok" else f"{step.status}, {fact}"


def headline(view: RunView) -> tuple[str, str]:
    """State of a run: (ok | warn | bad, sentence)."""
    failed = [s.name for s in view.steps if s.status == "failed"]
    if failed:
        return "bad", f"{' and '.join(failed)} failed"
    load = next(s for s in view.steps if s.name == "load")
    return _loaded(view, load) if load.status in ("ok", "fallback") else ("warn", _unloaded(view))


def _loaded(view: RunView, load: StepView) -> tuple[str, str]:
    """State of a run whose load ended well."""
    if load.reason.startswith("dry_run"):
        return "warn", load.reason
    full = load.acked >= load.expected
    said = f"{load.acked:,} of {counted(load.expected, 'point')} acknowledged by the database"
    if any(s.status == "fallback" for s in view.steps):
        return "warn", f"{said}; a step fell back to a simpler answer"
    return ("ok" if full else "warn"), said


def _unloaded(view: RunView) -> str:
    """Why a run without a failed step wrote nothing."""
    missing = [s.name for s in view.steps if s.status == "missing"]
    ended = [
        f"{s.name} {s.status}{f' ({s.reason})' if s.reason else ''}"
        for s in view.steps
        if s.status in ("skipped", "superseded")
    ]
    return "; ".join(ended) or (f"no result of {', '.join(missing)}: nothing was written" if missing else "done")

"""How much of its forecast each member of an entry needs anew, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from cronocast.document.entry import Entry
from cronocast.durations import Duration
from cronocast.handoff.evaluation import FULL, PREDICT, WARM, Verdict
from cronocast.monitor.daily import DAY_NS
from cronocast.monitor.drift import REFERENCE_MIN, Drift, day_words, drift_words
from cronocast.monitor.meaning import Change, History, changed_meaning
from cronocast.monitor.together import held_back

AGE_NS = 28 * DAY_NS  # a full backtest at least so often
YOUNG_AGE_NS = 7 * DAY_NS  # and so often as long as too few days are known to notice a change by
RECENT = 14  # days of which the words say how many were as usual
HOUR_NS = 3600 * 10**9


class Kept(NamedTuple):
    """What of the forecast's kept state a verdict looks at; times are those of runs."""

    made_ns: int  # classified and backtested from nothing
    warmed_ns: int  # when the newest origin was added
    reason: str  # why it was made then, of REASONS
    step_ns: int
    points: int  # values it was made from
    periods: tuple[int, ...]  # in steps
    settings: str  # digest of all settings that matter
    version: str  # of cronocast


class Rules(NamedTuple):
    """What a run asks for."""

    now_ns: int  # time of the run
    step_ns: int
    horizon_ns: int
    settings: str
    version: str
    retrain: str = "auto"  # auto, always, never
    every_ns: int | None = None  # age at which a member is made anew; None for the usual one


def rules_of(entry: Entry, now_ns: int, settings: str, version: str) -> Rules:
    """What a run of an entry asks for.

    Args:
        entry: Its settings.
        now_ns: Time of the run.
        settings: Digest of all settings that matter, made as the kept one was.
        version: Of cronocast.
    """
    every, horizon, anew = int(entry.every), int(entry.horizon), entry.retrain_every
    return Rules(now_ns, every, horizon, settings, version, entry.retrain, int(anew) if anew else None)


class Member(NamedTuple):
    """What is known of a member at the time of a run."""

    kept: Kept | None  # None for nothing of use
    begun_ns: int  # since when its errors have been of one kind
    drift: Drift  # what its whole days say
    history: History


def verdicts(members: Sequence[Member], rules: Rules) -> list[Verdict]:
    """The verdict of each member of an entry, in their order."""
    tried_ns = max((one.kept.made_ns for one in members if one.kept and one.kept.reason == "drift"), default=None)
    held = held_back([one.drift for one in members], tried_ns)
    return [verdict(one, rules, held.together if i in held.members else 0) for i, one in enumerate(members)]


def verdict(member: Member, rules: Rules, together: int = 0) -> Verdict:
    """The verdict of one member.

    Args:
        member: What is known of it.
        rules: What the run asks for.
        together: How many members changed together, where it is held back for that; else 0.
    """
    kept, begun_ns, drift, history = member
    if kept is None:
        return Verdict(FULL, "first", "full: nothing is kept of it yet")
    if rules.retrain == "always":
        return Verdict(FULL, "asked", "full: retrain is always", rules.now_ns)
    if rules.retrain == "never":
        return _lighter(PREDICT, kept, drift, f"as chosen on {day_words(kept.made_ns)}, retrain is never")
    if change := _other_terms(kept, rules) or changed_meaning(
        history, kept.made_ns, kept.points, rules.step_ns, rules.horizon_ns
    ):
        return Verdict(FULL, "data", f"full: {change.words}", change.since_ns)
    if together:
        return _held(kept, drift, history, rules, together)
    if drift.change is not None:
        since_ns = drift.change * DAY_NS
        return Verdict(FULL, "drift", f"full: {drift_words(drift)}", since_ns, _start_ns(kept, since_ns, rules))
    age_ns = rules.now_ns - kept.made_ns
    if age_ns >= (rules.every_ns or _longest_ns(begun_ns, drift, rules)):
        return Verdict(FULL, "age", f"full: {_age_words(age_ns)} old", kept.made_ns)
    return _usual(kept, drift, history, rules)


def _other_terms(kept: Kept, rules: Rules) -> Change | None:
    """What is other about a run than when the member was made."""
    if kept.step_ns != rules.step_ns:
        return Change(f"steps of {Duration.of(rules.step_ns)} instead of {Duration.of(kept.step_ns)}", rules.now_ns)
    if kept.settings != rules.settings:
        return Change("settings have changed", rules.now_ns)
    if kept.version != rules.version:
        return Change(f"made by cronocast {kept.version}, this is {rules.version}", rules.now_ns)
    if kept.made_ns >= rules.now_ns + DAY_NS:
        return Change(f"made on {day_words(kept.made_ns)}, later than this run: the clock was moved", kept.made_ns)
    return None


def _longest_ns(begun_ns: int, drift: Drift, rules: Rules) -> int:
    """Age at which a member is made anew."""
    young = rules.now_ns - begun_ns < AGE_NS
    return YOUNG_AGE_NS if young or 0 < drift.days <= REFERENCE_MIN else AGE_NS


def _age_words(age_ns: int) -> str:
    days = age_ns // DAY_NS
    return f"{age_ns // HOUR_NS} h" if not days else f"{days} day{'s' if days > 1 else ''}"


def _start_ns(kept: Kept, since_ns: int, rules: Rules) -> int | None:
    """Where the history that counts begins: at the change, once two seasons, or days, lie behind it."""
    season_ns = max((period * rules.step_ns for period in kept.periods), default=DAY_NS)
    return since_ns if rules.now_ns - since_ns >= 2 * max(season_ns, DAY_NS) else None


def _usual(kept: Kept, drift: Drift, history: History, rules: Rules) -> Verdict:
    """Warm in the first run of a day that knows anything new, predict in the other ones."""
    newest_ns = max(kept.made_ns, kept.warmed_ns)
    due = rules.now_ns // DAY_NS > newest_ns // DAY_NS
    fresh = history.times.size > 0 and history.times[-1] + rules.step_ns > newest_ns
    chosen = f"as chosen on {day_words(newest_ns)}"
    return (
        _lighter(WARM, kept, drift, "first run of the day") if due and fresh else _lighter(PREDICT, kept, drift, chosen)
    )


def _lighter(kind: str, kept: Kept, drift: Drift, words: str) -> Verdict:
    newest = drift.newest
    recent = 0 if newest is None else min(drift.days, RECENT)
    fine = recent - sum(day > (newest or 0) - RECENT for day in drift.bad)
    inside = f"; {fine} of {recent} days inside" if recent else ""
    suspect = kind == WARM and newest is not None and newest in drift.bad
    return Verdict(kind, "", f"{kind}: {words}{inside}", kept.made_ns, suspect=suspect)


def _held(kept: Kept, drift: Drift, history: History, rules: Rules, together: int) -> Verdict:
    usual = _usual(kept, drift, history, rules)
    since_ns = (drift.change or 0) * DAY_NS
    cause = f"{together} members changed together: the source changed, retraining is held back"
    return usual._replace(reason="held", words=f"{usual.kind}: {drift_words(drift)}; {cause}", since_ns=since_ns)

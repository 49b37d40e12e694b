"""What of a run is worth a message, by the rules of its entry. Standard library only; pure."""

from collections.abc import Iterable, Iterator, Mapping
from string import Template
from typing import Any

from cronocast.document.entry import Entry
from cronocast.durations import UNIT_NS, Duration, stamp
from cronocast.handoff.evaluation import Anomaly, Crossing, LeadAccuracy, MemberEvaluation
from cronocast.handoff.series import level_name, parse_tags
from cronocast.notify.message import CRITICAL, FIRING, INFO, WARNING, Message
from cronocast.notify.state import Seen

USUAL = {
    "crossing": WARNING,
    "anomaly": WARNING,
    "drift": INFO,
    "coverage": WARNING,
    "late": WARNING,
    "failed": CRITICAL,
}
LEAST_LATE_NS, LATE_STEPS = 6 * UNIT_NS["h"], 10
LEAST_PAIRS = 30  # of forecast and actual, before coverage says anything
LASTING_STEPS = 2  # an anomaly that ended longer ago is over


def seen_in(entry: Entry, members: Iterable[MemberEvaluation], run_ns: int) -> list[Seen]:
    """What a run that went well says of every alert that it knows of.

    Args:
        entry: Of the series.
        members: What evaluate found.
        run_ns: Time of the run.
    """
    found = [failed_in(entry, None, run_ns), late_in(entry, "values come again", run_ns)._replace(bad=False)]
    for member in members:
        found += _of_member(entry, member, run_ns)
    return [one for one in found if one.message.rule not in entry.alerts.off]


def failed_in(entry: Entry, record: Mapping[str, Any] | None, run_ns: int) -> Seen:
    """What a run says of itself: that it failed, with the fields of its record, or that it did not."""
    fields: list[tuple[str, str]] = []
    text = "runs go well"
    if record is not None:
        step, code = str(record.get("failed_step") or "a step"), record.get("exit")
        text = f"{step} ended with {code}: {record.get('message') or 'no message'}"
        fields = [("Step", step), ("Exit code", str(code)), ("Next step", "see the error, then run the series again")]
    message = _message(entry, "failed", f"{entry.name}: runs fail", text, run_ns, fields=fields)
    return Seen(message, record is not None, entry.alerts.failed if record is not None else 1)


def late_in(entry: Entry, text: str, run_ns: int) -> Seen:
    """That a run found nothing to read."""
    title = f"{entry.name}: no values come"
    fields = [("Next step", "see whether it is still written, and what the source asks for")]
    return Seen(_message(entry, "late", title, text, run_ns, fields=fields), bad=True, runs=entry.alerts.runs)


def _of_member(entry: Entry, member: MemberEvaluation, run_ns: int) -> Iterator[Seen]:
    runs = entry.alerts.runs
    for crossing in member.crossings:
        yield Seen(_crossing(entry, member, crossing, run_ns), _is_near(entry, crossing, run_ns), runs)
    for kind in ("outside", "run"):
        one = next((anomaly for anomaly in member.anomalies if anomaly.kind == kind), None)
        yield Seen(_anomaly(entry, member, kind, one, run_ns), one is not None and _lasts(entry, one, run_ns), runs)
    yield _late(entry, member, run_ns)
    drifted = member.verdict.reason in ("drift", "held")
    title = f"{_label(member) or entry.name}: the errors of its forecast have changed"
    yield Seen(_message(entry, "drift", title, member.verdict.words, run_ns, member), drifted, 1, once=True)
    yield from _coverage(entry, member, run_ns)


def _is_near(entry: Entry, crossing: Crossing, run_ns: int) -> bool:
    """Whether a limit is reached, or so soon that somebody must know; a date that moves about alarms nobody."""
    if crossing.state == "over":
        return True
    if crossing.state not in ("date", "open") or not crossing.settled or crossing.earliest_ns is None:
        return False
    due = crossing.act_by_ns is not None and crossing.act_by_ns <= run_ns
    return due or crossing.earliest_ns - run_ns <= entry.alerts.crossing


def _crossing(entry: Entry, member: MemberEvaluation, crossing: Crossing, run_ns: int) -> Message:
    soon = crossing.earliest_ns is not None and crossing.earliest_ns - run_ns <= entry.alerts.crossing_critical
    severity = CRITICAL if crossing.state == "over" or soon else WARNING
    said = [
        ("Now", "" if crossing.now is None else f"{crossing.now:.6g}"),
        ("A day", "" if crossing.slope_day is None else f"{crossing.slope_day:+.3g}"),
        ("Earliest", _time(crossing.earliest_ns)),
        ("Most likely", _time(crossing.crosses_ns)),
        ("Latest", _time(crossing.latest_ns)),
        ("Act by", _time(crossing.act_by_ns)),
        ("Dates told before", f"{crossing.inside} of {crossing.scored} were right" if crossing.scored else ""),
        ("Coverage so far", _coverage_words(entry, member)),
        ("Next step", "make room, or raise the limit"),
    ]
    side = "over" if crossing.above else "under"
    where = _label(member) or entry.name
    title = (
        f"{where}: {side} {crossing.threshold}"
        if crossing.state == "over"
        else f"{where}: {crossing.threshold} is near"
    )
    usual = entry.alerts.severities.get("crossing", severity)
    fields = [(name, text) for name, text in said if text]
    message = _message(entry, "crossing", title, crossing.words, run_ns, member, crossing.threshold, fields)
    return message._replace(severity=usual)


def _lasts(entry: Entry, anomaly: Anomaly, run_ns: int) -> bool:
    still = run_ns - anomaly.until_ns <= LASTING_STEPS * entry.every
    long = anomaly.until_ns - anomaly.since_ns >= entry.alerts.anomaly
    return still and long and anomaly.score >= entry.alerts.anomaly_score


def _anomaly(entry: Entry, member: MemberEvaluation, kind: str, found: Anomaly | None, run_ns: int) -> Message:
    title = f"{_label(member) or entry.name}: {'unusual values' if kind == 'outside' else 'away from its forecast'}"
    text = found.words if found else "as forecast again"
    fields = [("Since", stamp(found.since_ns)), ("Score", f"{found.score:.4f}")] if found else []
    return _message(entry, "anomaly", title, text, run_ns, member, kind, fields)


def _late(entry: Entry, member: MemberEvaluation, run_ns: int) -> Seen:
    limit = entry.alerts.late or Duration(max(LATE_STEPS * entry.every, LEAST_LATE_NS))
    one = next((anomaly for anomaly in member.anomalies if anomaly.kind == "missing"), None)
    bad = one is not None and one.until_ns - one.since_ns >= limit
    fields = [("Since", stamp(one.since_ns)), ("Next step", "see whether it is still written")] if one else []
    title = f"{_label(member) or entry.name}: no values come"
    return Seen(
        _message(entry, "late", title, one.words if one else "values come again", run_ns, member, "", fields),
        bad,
        entry.alerts.runs,
    )


def _coverage(entry: Entry, member: MemberEvaluation, run_ns: int) -> Iterator[Seen]:
    lead = _judging_lead(member)
    if lead is None:
        return
    name = level_name(entry.level)
    share, high = lead.coverage.get(name), lead.coverage_high.get(name)
    if share is None or high is None:
        return
    text = (
        f"{share:.0%} of {lead.n} values lay inside the {entry.level:.0%} interval (at most {high:.0%} by chance;"
        f" they are worth {lead.worth:.0f} independent ones)"
    )
    title = f"{_label(member) or entry.name}: intervals are too narrow"
    message = _message(entry, "coverage", title, text, run_ns, member, name)
    yield Seen(message, high < entry.level - entry.alerts.coverage, entry.alerts.runs)


def _judging_lead(member: MemberEvaluation) -> LeadAccuracy | None:
    """The bucket of leads that coverage is judged by: the one that knows most."""
    known = [lead for lead in member.leads if lead.n >= LEAST_PAIRS]
    return max(known, key=lambda lead: lead.worth, default=None)


def _coverage_words(entry: Entry, member: MemberEvaluation) -> str:
    lead, name = _judging_lead(member), level_name(entry.level)
    if lead is None or name not in lead.coverage:
        return ""
    low, high = lead.coverage_low[name], lead.coverage_high[name]
    return f"{lead.coverage[name]:.0%} of a nominal {entry.level:.0%} (between {low:.0%} and {high:.0%})"


def _message(
    entry: Entry,
    rule: str,
    title: str,
    text: str,
    run_ns: int,
    member: MemberEvaluation | None = None,
    subject: str = "",
    fields: Iterable[tuple[str, str]] = (),
) -> Message:
    names = {"series": entry.name, "member": _label(member) if member else "", "rule": rule, "subject": subject}
    link = (
        Template(entry.alerts.link).safe_substitute({k: _quoted(v) for k, v in names.items()})
        if entry.alerts.link
        else ""
    )
    severity = entry.alerts.severities.get(rule, USUAL[rule])
    return Message(
        series=entry.name,
        rule=rule,
        status=FIRING,
        severity=severity,
        title=title,
        text=text,
        starts_ns=run_ns,
        ends_ns=run_ns,
        name=member.name if member else "",
        tags=member.tags if member else "",
        subject=subject,
        fields=tuple(fields),
        link=link,
    )


def _label(member: MemberEvaluation) -> str:
    return ", ".join(f"{key}={value}" for key, value in parse_tags(member.tags))


def _time(time_ns: int | None) -> str:
    return "" if time_ns is None else stamp(time_ns)


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")

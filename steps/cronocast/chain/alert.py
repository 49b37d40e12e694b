"""The alert step: what of a run is worth a message goes to the notifiers of the entry. Standard library only.

Nothing here fails a run: a message that can't be sent waits in the state for the next run, or lies in the run folder
as a dead letter. What is decided is saved before anything is sent. A place that knows a message again (Alertmanager,
PagerDuty, a file) may get it twice and shows it once; to any other a message is sent at most once, even where a run is
killed while it sends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cronocast.chain.alert_rules import failed_in, late_in, seen_in
from cronocast.chain.evaluated import evaluation_of
from cronocast.chain.job import Job
from cronocast.chain.run_records import step_results
from cronocast.console import say
from cronocast.document.entry import Entry
from cronocast.document.schedule import occurrences
from cronocast.durations import UNIT_NS
from cronocast.errors import ContractError, CronocastError, seen
from cronocast.handoff.files import atomic, read_json, write_json
from cronocast.handoff.results import Outcome
from cronocast.notify import state as states
from cronocast.notify.message import expires_ns
from cronocast.notify.state import Alert, Policy, Seen, Waiting
from cronocast.notify.table import RETRY, SENT, Delivery, dead_letters, deliver

SCHEMA = 1
FILE = "alerts.json"
LETTERS = "alert.dead-letter.jsonl"
KNOW_AGAIN = ("alertmanager", "pagerduty", "file")  # kinds of notifiers that show the same message once
CONFIRMED = ("alertmanager",)  # kinds that forget what no run confirms
MARGIN_NS = 15 * UNIT_NS["m"]  # that a run may take
GIVE_UP_NS = 7 * UNIT_NS["d"]  # a message that could not be sent for so long is a dead letter
AHEAD_NS = UNIT_NS["d"]  # a state so far ahead of a run was written under a wrong clock
MOST_WAITING = 10_000


class Kept(NamedTuple):
    """What is kept from run to run."""

    run_ns: int = 0  # newest run that was looked at
    alerts: Mapping[str, Alert] = {}
    waiting: tuple[Waiting, ...] = ()


def run(job: Job, outcome: Outcome) -> None:
    """Tell the notifiers what this run found."""
    if not job.entry.notify:
        outcome.reason = "no notifiers are set"
        return
    read = step_results(job.forecast, *job.handoff_names()).get("extract", {})
    if read.get("status") == "skipped":  # in one pod every step is started, also where there was nothing to read
        record = {"status": "skipped", "message": read.get("reason")}
        tell_of_record(job, outcome, record, skipped=True)
        return
    tell(job, outcome, seen_in(job.entry, evaluation_of(job).values(), job.run_ns))


def tell_of_record(job: Job, outcome: Outcome, record: Mapping[str, Any], *, skipped: bool) -> None:
    """Tell what only the end of a run shows: that it failed, or that there was nothing to read."""
    entry = job.entry
    failed = record.get("status") == "failed"
    if not entry.notify or not (failed or skipped):
        return
    found = [failed_in(entry, record, job.run_ns)] if failed else [failed_in(entry, None, job.run_ns)]
    found += [late_in(entry, str(record.get("message") or "nothing to read"), job.run_ns)] if skipped else []
    tell(job, outcome, [one for one in found if one.message.rule not in entry.alerts.off])


def tell(job: Job, outcome: Outcome, found: Sequence[Seen]) -> None:
    """Move the alerts of a series on by one run, and send what is due."""
    if job.state is None:
        outcome.reason = "no state folder: alerts are looked at in run folders only"
        return
    try:
        path = job.state / FILE
        kept = _read(path, job, outcome)
        if job.run_ns > kept.run_ns:
            kept = moved(kept, found, job.entry, job.run_ns)
            _write(path, kept)
        _send_all(job, outcome, kept, path)
    except CronocastError as error:  # the volume; a forecast is worth more
        outcome.notes.append(f"alerts: {error}")
    for note in outcome.notes:
        say(f"{job.step}: {note}")


def moved(kept: Kept, found: Sequence[Seen], entry: Entry, run_ns: int) -> Kept:
    """What one run makes of the alerts and of the messages that wait."""
    policy = Policy(_ends_ns(entry, run_ns), entry.alerts.remind)
    alerts, due = states.advance(kept.alerts, found, run_ns, policy)
    waiting = states.queued(kept.waiting, due, len(entry.notify), quiet_until_ns(entry, run_ns))
    return Kept(run_ns, alerts, tuple(waiting[-MOST_WAITING:]))


def _ends_ns(entry: Entry, run_ns: int) -> int:
    """When what fires now is over unless a later run confirms it."""
    coming = occurrences(entry, run_ns + 1, 2**63 - 1)
    first, second = next(coming), next(coming)
    return expires_ns(first, second - first, MARGIN_NS)


def quiet_until_ns(entry: Entry, run_ns: int) -> int:
    """End of the quiet hours that a time lies in; 0 outside them."""
    if not entry.alerts.quiet:
        return 0
    zone = ZoneInfo(entry.alerts.quiet_timezone)
    now = datetime.fromtimestamp(run_ns // 10**9, zone)
    begin, _, end = entry.alerts.quiet.partition("-")
    clock = now.strftime("%H:%M")
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not inside:
        return 0
    day = now.date() + timedelta(days=1 if clock >= begin > end else 0)
    hour, minute = map(int, end.split(":"))
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()) * 10**9


def _send_all(job: Job, outcome: Outcome, kept: Kept, path: Path) -> None:
    """Send what waits, each notifier its own; the state is right whenever this is killed."""
    lost: list[str] = []
    counts = {"sent": 0, "waiting": 0, "lost": 0}
    for i, settings in enumerate(job.entry.notify):
        mine = [one for one in kept.waiting if one.notifier == i]
        kept, done = _send(job, outcome, kept, i, settings, mine, path)
        lost.append(dead_letters(settings.kind, [one for one in done if one.state not in (SENT, RETRY)]))
        counts["sent"] += sum(one.state == SENT for one in done)
    strange = [one for one in kept.waiting if one.notifier >= len(job.entry.notify)]
    old = [one for one in kept.waiting if job.run_ns - one.message.starts_ns > GIVE_UP_NS and one not in strange]
    if old or strange:
        lost.append(dead_letters("-", [Delivery(one.message, "refused", "could not be sent in a week") for one in old]))
        kept = kept._replace(waiting=tuple(one for one in kept.waiting if one not in old and one not in strange))
        _write(path, kept)
    counts["waiting"], counts["lost"] = len(kept.waiting), sum(text.count("\n") for text in lost)
    _leave_letters(job, outcome, "".join(lost))
    firing = sum(alert.stage != states.PENDING for alert in kept.alerts.values())
    told = f"{counts['sent']} sent" + "".join(
        f", {counts[name]} {name}" for name in ("waiting", "lost") if counts[name]
    )
    outcome.reason = f"{firing} firing; messages: {told}"
    outcome.acked = counts["sent"]


def _send(
    job: Job,
    outcome: Outcome,
    kept: Kept,
    i: int,
    settings: Any,  # noqa: ANN401 - of the kind of notifier
    mine: Sequence[Waiting],
    path: Path,
) -> tuple[Kept, list[Delivery]]:
    """Send the messages of one notifier."""
    once = settings.kind not in KNOW_AGAIN
    doubtful = [one for one in mine if one.tried] if once else []
    if doubtful:
        outcome.notes.append(f"{settings.kind}: {len(doubtful)} messages may have been sent before a run was killed")
        kept = kept._replace(waiting=tuple(one for one in kept.waiting if one not in doubtful))
    due = [one for one in mine if one not in doubtful and one.not_before_ns <= job.run_ns]
    if once and due:
        tried = {id(one) for one in due}
        kept = kept._replace(waiting=tuple(w._replace(tried=True) if id(w) in tried else w for w in kept.waiting))
        due = [one for one in kept.waiting if one.notifier == i and one.tried]
    if doubtful or (once and due):
        _write(path, kept)
    messages = [one.message for one in due]
    if settings.kind in CONFIRMED:
        named = {message.key for message in messages}
        messages += [m for m in states.firing(kept.alerts, _ends_ns(job.entry, job.run_ns)) if m.key not in named]
    if not messages:
        return kept, []
    done = deliver(settings, messages, say)
    events = {one.message.event: one for one in due}
    again = {one.message.event for one in done if one.state == RETRY}
    waiting = [
        one._replace(tried=False) if one.message.event in again else one
        for one in kept.waiting
        if one.notifier != i or one.message.event not in events or one.message.event in again
    ]
    if again:
        why = next(one.why for one in done if one.state == RETRY)
        outcome.notes.append(f"{settings.kind}: {len(again)} messages wait for the next run: {why}")
    kept = kept._replace(waiting=tuple(waiting))
    if due:
        _write(path, kept)
    return kept, done


def _leave_letters(job: Job, outcome: Outcome, text: str) -> None:
    """A file beside the result with what no notifier takes."""
    if not text:
        return
    path = job.forecast.parent / LETTERS
    with atomic(path) as file:
        file.write(text.encode())
    outcome.add_output(path, text.count("\n"))
    outcome.notes.append(f"{text.count(chr(10))} messages could not be delivered; they are in {LETTERS}")


def read_alerts(path: Path) -> dict[str, Alert]:
    """What fires or is about to, by key; {} where no run has kept anything.

    Raises:
        ContractError: it can't be read.
    """
    if not path.exists():
        return {}
    try:
        return {str(key): states.alert_of(one) for key, one in read_json(path)["alerts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError("E_STATE", str(path), f"no alerts: {seen(str(error))}; the next run begins anew") from error


def _read(path: Path, job: Job, outcome: Outcome) -> Kept:
    """What runs before have kept; what can't be read is a note, and alerts begin anew."""
    if not path.exists():
        return Kept()
    try:
        data = read_json(path)
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}, this version reads {SCHEMA}")
        alerts = {str(key): states.alert_of(one) for key, one in data["alerts"].items()}
        kept = Kept(int(data["run_ns"]), alerts, tuple(map(states.waiting_of, data["waiting"])))
    except (CronocastError, KeyError, TypeError, ValueError, AttributeError) as error:
        outcome.notes.append(f"{FILE}: {seen(str(error))}; alerts begin anew")
        return Kept()
    if kept.run_ns > job.run_ns + AHEAD_NS and not job.standalone:
        outcome.notes.append(
            f"{FILE}: written for a run more than a day ahead of this one; its alerts are looked at anew"
        )
        return kept._replace(run_ns=0)
    return kept


def _write(path: Path, kept: Kept) -> None:
    document = {
        "schema": SCHEMA,
        "run_ns": kept.run_ns,
        "alerts": {key: states.alert_document(alert) for key, alert in kept.alerts.items()},
        "waiting": [states.waiting_document(one) for one in kept.waiting],
    }
    write_json(path, document)

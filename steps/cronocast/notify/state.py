"""The states of alerts from run to run: what is told is one message per change, and none twice. Pure functions.

An alert goes ok, pending (some runs agree), firing, resolving (some runs say that all is well), and is then forgotten.
A run that knows nothing of an alert changes nothing of it, for a while.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cronocast.durations import UNIT_NS
from cronocast.notify.message import FIRING, RESOLVED, Message

PENDING, HOLDS, RESOLVING = STAGES = ("pending", "firing", "resolving")
FORGET_NS = 7 * UNIT_NS["d"]  # an alert that no run knows anything of is over


class Seen(NamedTuple):
    """What one run says of one alert."""

    message: Message  # as it would be sent if it fired now; its `starts_ns` and `ends_ns` are set here
    bad: bool
    runs: int = 1  # in a row that must agree
    once: bool = False  # it tells of something that happened: nothing is said when it no longer does


class Alert(NamedTuple):
    """One alert that is not ok."""

    stage: str  # of STAGES
    runs: int  # that agreed on where it goes
    since_ns: int  # when it began to fire; of one that is pending, the first run that said so
    seen_ns: int  # newest run that knew of it
    told_ns: int  # when it was told last; 0 for never
    message: Message  # the newest


@dataclass(frozen=True)
class Policy:
    """How an entry wants to be told."""

    ends_ns: int  # when what fires now is over unless a later run confirms it
    remind_ns: int | None = None


def advance(
    alerts: Mapping[str, Alert], seen: Iterable[Seen], run_ns: int, policy: Policy
) -> tuple[dict[str, Alert], list[Message]]:
    """What one run makes of the alerts: the new ones, and the messages that are due.

    Args:
        alerts: By key of their message, after the runs before.
        seen: What this run says; alerts that it does not name it knows nothing of.
        run_ns: Time of the run, later than that of all runs before.
        policy: Of the entry.
    """
    after, due = dict(alerts), list[Message]()
    for one in seen:
        alert, message = _moved(alerts.get(one.message.key), one, run_ns, policy)
        if alert is None:
            after.pop(one.message.key, None)
        else:
            after[one.message.key] = alert
        due += [message] if message else []
    for key, alert in list(after.items()):
        if run_ns - alert.seen_ns > FORGET_NS:
            del after[key]
            if alert.stage != PENDING and alert.told_ns:
                gone = "nothing has been known of it for a week"
                due.append(_resolved(alert.message, run_ns)._replace(text=gone))
    return after, due


def _moved(before: Alert | None, seen: Seen, run_ns: int, policy: Policy) -> tuple[Alert | None, Message | None]:
    """One alert after a run, and the message that is due."""
    if before is None or before.stage == PENDING:
        return _not_yet(before, seen, run_ns, policy)
    if seen.bad:
        message = seen.message._replace(starts_ns=before.since_ns, ends_ns=policy.ends_ns)
        louder = message.severity != before.message.severity
        again = policy.remind_ns is not None and run_ns - before.told_ns >= policy.remind_ns
        alert = Alert(HOLDS, 0, before.since_ns, run_ns, before.told_ns, message)
        return (alert._replace(told_ns=run_ns), message) if louder or again else (alert, None)
    count = before.runs + 1 if before.stage == RESOLVING else 1
    if count < seen.runs and not seen.once:
        return before._replace(stage=RESOLVING, runs=count, seen_ns=run_ns), None
    return None, None if seen.once else _resolved(before.message, run_ns)


def _not_yet(before: Alert | None, seen: Seen, run_ns: int, policy: Policy) -> tuple[Alert | None, Message | None]:
    """An alert that does not fire yet."""
    if not seen.bad:
        return None, None
    count = before.runs + 1 if before else 1
    message = seen.message._replace(ends_ns=policy.ends_ns)
    if count < seen.runs:
        since = before.since_ns if before else run_ns
        return Alert(PENDING, count, since, run_ns, 0, message._replace(starts_ns=since)), None
    message = message._replace(starts_ns=run_ns)
    return Alert(HOLDS, 0, run_ns, run_ns, run_ns, message), message


def _resolved(message: Message, run_ns: int) -> Message:
    return message._replace(status=RESOLVED, ends_ns=run_ns)


def firing(alerts: Mapping[str, Alert], ends_ns: int) -> list[Message]:
    """Messages of all that fires, for a place that wants each confirmed by every run."""
    return [
        alert.message._replace(status=FIRING, ends_ns=ends_ns) for alert in alerts.values() if alert.stage != PENDING
    ]


class Waiting(NamedTuple):
    """One message on its way to one notifier."""

    notifier: int  # position in the entry's list
    message: Message
    not_before_ns: int = 0  # of one that waits for the end of the quiet hours
    tried: bool = False  # sending it began: a place that can't tell may have it


def queued(waiting: Sequence[Waiting], due: Iterable[Message], notifiers: int, not_before_ns: int) -> list[Waiting]:
    """Add messages to those that wait.

    What is resolved before anybody was told of it is not told at all.

    Args:
        waiting: From runs before.
        due: Messages of this run.
        notifiers: How many there are.
        not_before_ns: End of the quiet hours, for all that is not critical; 0 outside them.
    """
    after = list(waiting)
    for message in due:
        for i in range(notifiers):
            untold = [one for one in after if (one.notifier, one.message.key) == (i, message.key) and not one.tried]
            after = [one for one in after if one not in untold]
            if message.status == RESOLVED and any(one.message.status == FIRING for one in untold):
                continue
            later = 0 if message.severity == "critical" else not_before_ns
            after.append(Waiting(i, message, later))
    return after


def alert_document(alert: Alert) -> dict[str, Any]:
    """The JSON form of an alert."""
    return {**alert._asdict(), "message": message_document(alert.message)}


def waiting_document(one: Waiting) -> dict[str, Any]:
    """The JSON form of a message that waits."""
    return {**one._asdict(), "message": message_document(one.message)}


def message_document(message: Message) -> dict[str, Any]:
    """The JSON form of a message, whole."""
    return {**message._asdict(), "fields": [list(field) for field in message.fields]}


def message_of(data: Any) -> Message:  # noqa: ANN401 - untrusted JSON
    """Read a message back.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    return Message(**{**data, "fields": tuple((str(name), str(text)) for name, text in data["fields"])})


def alert_of(data: Any) -> Alert:  # noqa: ANN401 - untrusted JSON
    """Read an alert back.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    alert = Alert(**{**data, "message": message_of(data["message"])})
    if alert.stage not in STAGES or not all(isinstance(n, int) for n in alert[1:5]):
        raise ValueError(f"{alert.stage!r} is no stage of an alert")
    return alert


def waiting_of(data: Any) -> Waiting:  # noqa: ANN401 - untrusted JSON
    """Read a waiting message back.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    one = Waiting(**{**data, "message": message_of(data["message"])})
    if not (isinstance(one.notifier, int) and isinstance(one.not_before_ns, int) and isinstance(one.tried, bool)):
        raise TypeError("ill-typed")
    return one

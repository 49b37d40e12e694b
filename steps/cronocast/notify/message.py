"""A message about a series, as every notifier takes it. Standard library only."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cronocast.durations import stamp
from cronocast.handoff.series import parse_tags

FIRING, RESOLVED = STATUSES = ("firing", "resolved")
CRITICAL, WARNING, INFO = SEVERITIES = ("critical", "warning", "info")  # the most urgent first
LONGEST_KEY = 255  # what PagerDuty takes


class Message(NamedTuple):
    """One change of one alert. Times are ns UTC; texts are plain, each notifier escapes them itself.

    Series, member, rule and subject say which alert it is and never change; every value that does stands in `title`,
    `text` and `fields`.
    """

    series: str
    rule: str  # such as crossing, drift, anomaly, failed, late, coverage
    status: str  # of STATUSES
    severity: str  # of SEVERITIES
    title: str  # one line
    text: str  # sentences
    starts_ns: int  # when the alert began to fire; the same in the message that resolves it
    ends_ns: int  # firing: when nobody confirms it any more, see `expires_ns`; resolved: when it ended
    name: str = ""  # of the member, as in files of a run; "" for the whole series
    tags: str = ""  # of the member, as `handoff.series.tags_text` writes them
    subject: str = ""  # name of a threshold, kind of an anomaly, level of a coverage; "" where a rule has one alert
    fields: tuple[tuple[str, str], ...] = ()  # such as current value, date with range, coverage so far, next step
    link: str = ""  # address of a panel or a report

    @property
    def member(self) -> str:
        """The member for people; "" where it is the whole series."""
        return ", ".join(f"{name}={value}" for name, value in parse_tags(self.tags)) or self.name

    @property
    def key(self) -> str:
        """What tells this alert from all others, the same in every run; at most 255 printable ASCII characters."""
        parts = (self.series, self.name, self.tags, self.rule, self.subject)
        readable = ascii("/".join(part for part in (self.series, self.rule, self.subject) if part))[1:-1]
        return f"{readable[:200].replace(' ', '_')}-{_digest(parts)}"

    @property
    def event(self) -> str:
        """What tells this change from all others: the same in every attempt to send it."""
        return f"{self.key}-{_digest((self.status, self.severity, str(self.starts_ns)))}"


def expires_ns(next_run_ns: int, period_ns: int, margin_ns: int) -> int:
    """When a firing alert that nobody confirms is over.

    One run may fail or come late: the next scheduled run, one period, and a margin for its length.
    """
    return next_run_ns + period_ns + margin_ns


def ordered(messages: Iterable[Message]) -> list[Message]:
    """The most urgent first: firing before resolved, by severity, then by name; the order is the same in every run."""
    return sorted(messages, key=lambda m: (STATUSES.index(m.status), SEVERITIES.index(m.severity), m.key))


def to_document(message: Message) -> dict[str, Any]:
    """The JSON form, for files, dead letters and receivers that take any JSON."""
    return {
        "key": message.key,
        "event": message.event,
        "status": message.status,
        "severity": message.severity,
        "series": message.series,
        "member": message.member,
        "tags": dict(parse_tags(message.tags)),
        "rule": message.rule,
        "subject": message.subject,
        "title": message.title,
        "text": message.text,
        "fields": dict(message.fields),
        "link": message.link,
        "starts_at": stamp(message.starts_ns),
        "ends_at": stamp(message.ends_ns),
    }


def placeholders(message: Message) -> Mapping[str, str]:
    """What a template of a user may name, each as text."""
    document = {**to_document(message), "fields": "\n".join(f"{name}: {text}" for name, text in message.fields)}
    return {name: value for name, value in document.items() if isinstance(value, str)}


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]

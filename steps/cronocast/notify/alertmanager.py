"""Alertmanager by its API v2. An alert is its labels: only what never changes stands in them, values in annotations."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from cronocast.durations import UNIT_NS, stamp
from cronocast.handoff.series import parse_tags
from cronocast.http.client import client_of
from cronocast.notify.message import FIRING, Message, ordered
from cronocast.notify.post import Post, Request, as_json, check_address, post_all, texts
from cronocast.notify.settings import Alertmanager as Settings
from cronocast.notify.table import Delivery
from cronocast.notify.words import place

PATH = "/api/v2/alerts"
LINK = re.compile(r"https?://[!-~]+")  # anything else there is refused with the alert
BAD_REQUEST = 400
MOST = 500  # alerts in one request
LEAST_NS = 5 * UNIT_NS["m"]  # that a firing alert stays, also one that is delivered late
CLOCKS_NS = UNIT_NS["m"]  # by which the server's clock may be behind: an end in its future would not resolve


def labels(message: Message, further: Mapping[str, str]) -> dict[str, str]:
    """The labels of an alert.

    No empty ones, which Alertmanager would drop. A tag is a label under its name, with underscores for what a name may
    not hold; of tags that would become one label none is, and `member` still tells the members apart.
    """
    own = {
        "alertname": f"cronocast_{re.sub('[^a-zA-Z0-9_]', '_', message.rule)}",
        "series": message.series,
        "member": message.member,
        "rule": message.rule,
        "subject": message.subject,
    }
    tags = [(re.sub("[^a-zA-Z0-9_]", "_", name), value) for name, value in parse_tags(message.tags)]
    times = Counter(name for name, _ in tags)
    fit = {name: value for name, value in tags if times[name] == 1 and not name[:1].isdigit()}
    return {name: value for name, value in {**fit, **further, **own}.items() if value.strip()}


def alert(message: Message, further: Mapping[str, str], now_ns: int) -> dict[str, object]:
    """An alert that stays until its run is overdue, or that ended."""
    starts = min(message.starts_ns, now_ns)
    ends = max(message.ends_ns, now_ns + LEAST_NS)
    if message.status != FIRING:
        ends = max(starts, min(message.ends_ns, now_ns - CLOCKS_NS))
    notes = {"summary": message.title, "description": message.text, "severity": message.severity}
    facts = {re.sub("[^a-zA-Z0-9_]", "_", f"field_{name}"): value for name, value in message.fields}
    annotations = {name: value for name, value in {**facts, **notes, "place": place(message)}.items() if value}
    made: dict[str, object] = {
        "labels": labels(message, further),
        "annotations": annotations,
        "startsAt": stamp(starts),
        "endsAt": stamp(ends),
    }
    return {**made, "generatorURL": message.link} if LINK.fullmatch(message.link) else made


class Alertmanager:
    """All alerts in few requests; see `table.Notifier`. The same alert again changes nothing there but its end."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`. Where a request of several is refused, others of it may be stored: each goes alone."""
        check_address(self._settings.url, self._settings, "alertmanager.url")
        client = client_of(self._settings, "alertmanager", self._say)
        post = Post(client, PATH, [client.secret] if client.secret else [])
        now, lined = time.time_ns(), ordered(messages)
        found = list[Delivery]()
        for i in range(0, len(lined), MOST):
            group = lined[i : i + MOST]
            part = post_all(post, [self._request(group, now)])
            mixed = post.status == BAD_REQUEST and len(group) > 1
            found += post_all(post, [self._request([one], now) for one in group]) if mixed else part
        return found

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return texts([self._request(ordered(messages), time.time_ns())]) if messages else []

    def _request(self, messages: Sequence[Message], now_ns: int) -> Request:
        alerts = [alert(message, self._settings.labels, now_ns) for message in messages]
        return Request(tuple(messages), as_json(alerts))

"""PagerDuty by Events API v2: an event for each message, known by its key, so that no change pages twice."""

from collections.abc import Callable, Sequence

from cronocast.durations import stamp
from cronocast.http.secrets import named_secret
from cronocast.notify.message import FIRING, Message, ordered
from cronocast.notify.post import Post, Request, as_json, check_address, client_to, post_all, texts
from cronocast.notify.settings import PagerDuty as Settings
from cronocast.notify.table import Delivery
from cronocast.notify.words import heading, line, place

PATH = "/v2/enqueue"
LONGEST_SUMMARY = 1024


def event(message: Message, key: str) -> dict[str, object]:
    """The event of a message; a resolved one names its incident alone."""
    head: dict[str, object] = {"routing_key": key, "dedup_key": message.key}
    if message.status != FIRING:
        return {**head, "event_action": "resolve"}
    payload = {
        "summary": line(f"{heading(message)} ({place(message)})", LONGEST_SUMMARY),
        "source": line(message.series),
        "severity": message.severity,  # ours are three of its four
        "timestamp": stamp(message.starts_ns),
        "component": line(message.member) or None,
        "class": message.rule,
        "custom_details": {"text": line(message.text, 2000), **dict(message.fields)},
    }
    links = [{"href": message.link, "text": "Details"}] if message.link else []
    named = {name: value for name, value in payload.items() if value is not None}
    return {**head, "event_action": "trigger", "client": "cronocast", "payload": named, "links": links}


class PagerDuty:
    """One event for each message; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`."""
        key = named_secret("key", self._settings.key_file, "pagerduty")
        check_address(self._settings.url, self._settings, "pagerduty.url")
        post = Post(client_to(self._settings.url, self._settings, self._say), PATH, [key])
        return post_all(post, self._requests(messages, key))

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return texts(self._requests(messages, "***"))

    def _requests(self, messages: Sequence[Message], key: str) -> list[Request]:
        return [Request((message,), as_json(event(message, key))) for message in ordered(messages)]

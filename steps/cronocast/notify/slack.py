"""Slack by an incoming webhook, in Block Kit.

Limits: 50 blocks, 3000 characters of a section; about 13,200 characters in total, which no page of Slack's says.
"""

from collections.abc import Callable, Sequence

from cronocast.notify.message import Message, ordered
from cronocast.notify.post import Request, as_json, cut, hook, post_all, texts
from cronocast.notify.settings import Slack as Settings
from cronocast.notify.table import Delivery
from cronocast.notify.words import paragraphs, summary

SECTION, TOTAL = 1500, 12000  # characters: well below half of one limit, and below the other


def escaped(text: str, longest: int = SECTION) -> str:
    """Text that can be no link, mention or channel, cut between characters."""
    made, size = list[str](), 0
    for c in text:
        shown = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(c, c)
        size += len(shown)
        if size >= longest:
            return "".join(made) + "\u2026"
        made.append(shown)
    return "".join(made)


def body(messages: Sequence[Message], most: int) -> dict[str, object]:
    """One post of all messages, the most urgent first; those that do not fit are counted."""
    parts = [_section(message) for message in cut(messages, most)[0]]
    sizes = [len(as_json(part)) for part in parts]
    shown = max((n for n in range(1, len(parts) + 1) if sum(sizes[:n]) <= TOTAL), default=1)
    more = cut(messages, shown)[1]
    tail = [_section_of(more)] if more else []
    top = escaped(summary(messages), 300)
    return {"text": top, "blocks": [_section_of(f"*{top}*"), *parts[:shown], *tail]}


def _section(message: Message) -> dict[str, object]:
    first, *others = paragraphs(message)
    if message.link:
        others = others[:-1]
    link = f"\n{escaped(message.link, 500)}" if message.link else ""
    return _section_of(f"*{escaped(first, 300)}*\n{escaped(chr(10).join(others), 900)}{link}")


def _section_of(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


class Slack:
    """One post for all messages; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`. Slack knows no keys: an answer that was lost may bring a second post."""
        post = hook(self._settings, "slack", self._say, lambda said: b"ok".startswith(said.strip()))
        return post_all(post, self._requests(messages))

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return texts(self._requests(messages))

    def _requests(self, messages: Sequence[Message]) -> list[Request]:
        lined = ordered(messages)
        return [Request(tuple(lined), as_json(body(lined, self._settings.most)))] if lined else []

"""Microsoft Teams by a workflow: an Adaptive Card, of at most 28 KB."""

from collections.abc import Callable, Sequence

from cronocast.notify.message import CRITICAL, FIRING, Message, ordered
from cronocast.notify.post import Request, as_json, cut, hook, post_all, texts
from cronocast.notify.settings import Teams as Settings
from cronocast.notify.table import Delivery
from cronocast.notify.words import heading, line, place, summary

LARGEST = 24_000  # bytes of the cards' parts: below the limit with all that stands around them
CARD = "application/vnd.microsoft.card.adaptive"
ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\`*_[]()#<>"})


def body(messages: Sequence[Message], most: int) -> dict[str, object]:
    """One card of all messages, the most urgent first; those that do not fit are counted."""
    parts = [_container(message) for message in cut(messages, most)[0]]
    sizes = [len(as_json(part)) for part in parts]
    shown = max((n for n in range(1, len(parts) + 1) if sum(sizes[:n]) <= LARGEST), default=1)
    more = cut(messages, shown)[1]
    top = [_text(summary(messages), weight="bolder", size="large")]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [*top, *parts[:shown], *([_text(more)] if more else [])],
    }
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": content}]}


def _container(message: Message) -> dict[str, object]:
    urgent = message.status == FIRING and message.severity == CRITICAL
    items = [_text(heading(message), weight="bolder"), _text(place(message), isSubtle=True)]
    items += [_text(line(message.text, 1000))] if message.text else []
    facts = [{"title": _plain(name, 60), "value": _plain(value, 300)} for name, value in message.fields[:10]]
    items += [{"type": "FactSet", "facts": facts}] if facts else []
    items += [_text(message.link[:500])] if message.link else []
    return {"type": "Container", "style": "attention" if urgent else "default", "items": items, "separator": True}


def _plain(text: str, longest: int = 1000) -> str:
    """Text without Markdown: names of members are full of underscores."""
    return line(text, longest).translate(ESCAPES)


def _text(text: str, **more: object) -> dict[str, object]:
    shown = text if text.startswith("http") else _plain(text)
    return {"type": "TextBlock", "text": shown, "wrap": True, **more}


class Teams:
    """One card for all messages; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`. Teams knows no keys: an answer that was lost may bring a second card."""
        return post_all(hook(self._settings, "teams", self._say), self._requests(messages))

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return texts(self._requests(messages))

    def _requests(self, messages: Sequence[Message]) -> list[Request]:
        lined = ordered(messages)
        return [Request(tuple(lined), as_json(body(lined, self._settings.most)))] if lined else []

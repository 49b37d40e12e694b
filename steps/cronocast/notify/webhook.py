"""Any receiver of HTTP: one document of JSON with all messages, or a user's template for each."""

import hashlib
import json
from collections.abc import Callable, Sequence
from string import Template
from urllib.parse import quote_plus

from cronocast.errors import ConfigError
from cronocast.notify.message import Message, ordered, placeholders, to_document
from cronocast.notify.post import Request, as_json, hook, post_all, texts
from cronocast.notify.settings import FORM, JSON
from cronocast.notify.settings import Webhook as Settings
from cronocast.notify.table import Delivery

VERSION = 1  # of the default document
MOST = 500  # messages in one request


def filled(template: str, content_type: str, message: Message) -> bytes:
    """A template with the values of a message, escaped so that none can end the text that it stands in.

    Raises:
        ConfigError: the template is no JSON although it is to be sent as such.
    """
    escapes: dict[str, Callable[[str], str]] = {JSON: lambda text: json.dumps(text)[1:-1], FORM: quote_plus}
    escape = escapes.get(content_type, str)
    text = Template(template).substitute({name: escape(value) for name, value in placeholders(message).items()})
    if content_type == JSON:
        _check_json(text)
    return text.encode("utf-8", "replace")


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
        sentence = f"is no JSON when filled in ({place}); put placeholders into quotes, or set content_type"
        raise ConfigError.one("E_TEMPLATE", "webhook.template", sentence) from None


class Webhook:
    """Requests to an address that is a secret; see `table.Notifier`."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Take the settings and what takes a line for people."""
        self._settings, self._say = settings, say

    def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """As `Notifier.send`. Each request names itself in `Idempotency-Key`, the same in every attempt."""
        made = self._requests(messages)
        return post_all(hook(self._settings, "webhook", self._say), made)

    def render(self, messages: Sequence[Message]) -> list[str]:
        """As `Notifier.render`."""
        return texts(self._requests(messages))

    def _requests(self, messages: Sequence[Message]) -> list[Request]:
        lined, template, kind = ordered(messages), self._settings.template, self._settings.content_type
        if template is not None:
            return [_request([message], filled(template, kind, message), kind) for message in lined]
        groups = [lined[i : i + MOST] for i in range(0, len(lined), MOST)]
        return [_request(group, _document(group), JSON) for group in groups]


def _document(messages: Sequence[Message]) -> bytes:
    return as_json({"version": VERSION, "messages": [to_document(message) for message in messages]})


def _request(messages: Sequence[Message], body: bytes, content_type: str) -> Request:
    key = hashlib.sha256("\n".join(message.event for message in messages).encode()).hexdigest()
    return Request(tuple(messages), body, content_type, (("Idempotency-Key", key),))

"""Kinds of notifiers: what one does, and where each is."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cronocast.errors import AccessError, CronocastError, RefusedError
from cronocast.notify.message import to_document
from cronocast.registry import KindRow, attribute_of

if TYPE_CHECKING:
    from cronocast.notify.message import Message

SENT, REFUSED, RETRY = "sent", "refused", "retry"


class Delivery(NamedTuple):
    """What became of one message."""

    message: "Message"
    state: str  # sent, refused (for good: it is never taken as it is), retry (not sent, a later run may try again)
    why: str = ""  # one sentence without any secret


class Notifier(Protocol):
    """A place that takes messages. A row of NOTIFIERS makes one from its settings and a function that takes a line.

    The same message again, known by its `event`, is the same alert where the place can tell.
    """

    def send(self, messages: "Sequence[Message]") -> list[Delivery]:
        """Send all, most urgent first, and say of each what became of it.

        Raises:
            CronocastError: nothing could be sent, for a reason that is not about a message; see `deliver`.
        """
        ...

    def render(self, messages: "Sequence[Message]") -> list[str]:
        """What `send` would send, one text for each request, without any secret and without asking for one."""
        ...


def _row(module: str, attribute: str) -> KindRow:
    return KindRow(f"cronocast.notify.{module}:{attribute}", settings=f"cronocast.notify.settings:{attribute}")


NOTIFIERS: Mapping[str, KindRow] = {
    "slack": _row("slack", "Slack"),
    "webhook": _row("webhook", "Webhook"),
    "alertmanager": _row("alertmanager", "Alertmanager"),
    "pagerduty": _row("pagerduty", "PagerDuty"),
    "teams": _row("teams", "Teams"),
    "email": _row("email", "Email"),
    "file": _row("file", "File"),
}


def notifier_of(settings: Any, say: Callable[[str], None]) -> Notifier:  # noqa: ANN401 - of any kind
    """The notifier of checked settings."""
    return attribute_of(NOTIFIERS[settings.kind].path)(settings, say)  # type: ignore[no-any-return]


def deliver(settings: Any, messages: "Sequence[Message]", say: Callable[[str], None]) -> list[Delivery]:  # noqa: ANN401
    """Send messages by one notifier; no error of a place comes out of here, since none may fail a forecast."""
    if not messages:
        return []
    try:
        return notifier_of(settings, say).send(messages)
    except CronocastError as error:
        say(f"{settings.kind}: {error}")
        return failed(messages, error)


def failed(messages: "Iterable[Message]", error: CronocastError) -> list[Delivery]:
    """What an error means for messages that it kept from being sent."""
    state = REFUSED if isinstance(error, RefusedError | AccessError) else RETRY
    return [Delivery(message, state, str(error)) for message in messages]


def dead_letters(kind: str, deliveries: "Iterable[Delivery]") -> str:
    """Text of a file of what was not delivered: a line of JSON for each message, with the reason."""
    lost = [one for one in deliveries if one.state != SENT]
    return "".join(
        json.dumps({"notifier": kind, "state": one.state, "why": one.why, **to_document(one.message)}) + "\n"
        for one in lost
    )

"""A real Alertmanager holds and tells exactly what it was sent, under retries, refusals and restarts."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cronocast.durations import UNIT_NS
from cronocast.handoff.series import tags_text
from cronocast.notify import alertmanager
from cronocast.notify.message import RESOLVED, Message
from cronocast.notify.table import REFUSED, SENT, deliver
from tests.alertmanager import Alertmanager, missing
from tests.conformance.notifier_adapters import checked, message
from tests.lying_server import LyingServer, status

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
HOUR = UNIT_NS["h"]


class Place:
    """The server, and what it told the receiver."""

    def __init__(self, server: Alertmanager, receiver: LyingServer) -> None:
        self.server, self._receiver = server, receiver

    def send(self, *messages: Message, **more: Any) -> list[str]:
        found = deliver(checked({"kind": "alertmanager", "url": self.server.url, **more}), messages, print)
        return [one.state for one in sorted(found, key=lambda one: messages.index(one.message))]

    def told(self) -> list[tuple[str, str]]:
        """Status and member of each alert in each notification, in order."""
        bodies = [json.loads(request.body) for request in self._receiver.seen]
        return [(one["status"], one["labels"]["host"]) for body in bodies for one in body["alerts"]]

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, (self.told(), self.server.alerts())
            time.sleep(0.1)


@pytest.fixture
def place() -> Iterator[Place]:
    with LyingServer([status(200)]) as receiver, Alertmanager(receiver.url) as server:
        yield Place(server, receiver)


def now(number: int = 0, **changes: Any) -> Message:
    at = time.time_ns()
    return message(number, starts_ns=at - HOUR, ends_ns=at + HOUR)._replace(**changes)


def test_an_alert_stays_without_being_sent_again_is_one_after_retries_and_ends_once(place: Place) -> None:
    one = now()
    for changed in (one, one, one._replace(title="71 % now", ends_ns=one.ends_ns + HOUR)):
        assert place.send(changed) == [SENT]
    place.until(lambda: place.told() == [("firing", "web-0")])
    time.sleep(3)  # longer than resolve_timeout, which ends alerts that have no end of their own
    [alert] = place.server.alerts()
    assert alert["labels"]["alertname"] == "cronocast_crossing"
    assert (alert["annotations"]["summary"], alert["annotations"]["field_Now"]) == ("71 % now", "71 %")
    ended = one._replace(status=RESOLVED, ends_ns=time.time_ns())
    for _ in range(2):
        assert place.send(ended) == [SENT]
    place.until(lambda: place.told() == [("firing", "web-0"), ("resolved", "web-0")])
    assert place.server.alerts() == []
    time.sleep(2)
    assert len(place.told()) == 2


def test_a_refused_alert_takes_no_other_with_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alertmanager.labels

    def spoilt(message: Message, further: Any) -> dict[str, str]:
        return {**whole(message, further), **({"a-b": "x"} if message.tags.startswith("host=web-1") else {})}

    monkeypatch.setattr(alertmanager, "labels", spoilt)
    assert place.send(*map(now, range(3))) == [SENT, REFUSED, SENT]
    place.until(lambda: sorted(place.told()) == [("firing", "web-0"), ("firing", "web-2")])


def test_an_outage_is_waited_for_and_a_restart_forgets_nothing_that_is_sent_again(place: Place) -> None:
    one = now()
    assert place.send(one) == [SENT]
    place.until(lambda: len(place.told()) == 1)
    time.sleep(1)  # it notes what it told only after the receiver has answered
    place.server.stop()
    assert place.send(one, retry_for="0s") == ["retry"]
    place.server.start()
    assert place.send(one) == [SENT]
    assert len(place.server.alerts()) == 1
    time.sleep(2)
    assert place.told() == [("firing", "web-0")]
    assert place.send(one._replace(status=RESOLVED, ends_ns=time.time_ns())) == [SENT]
    place.until(lambda: place.told() == [("firing", "web-0"), ("resolved", "web-0")])


LABELS = {
    "strange names": {"a-b": "1", "é": "2", "9x": "3", "ok": "4", "a b,c=d": "x,y=z"},
    "names that become one": {"a-b": "1", "a.b": "2"},
    "names of ours": {"series": "x", "alertname": "y", "rule": "z"},
    "blank values": {"x": " "},
    "long": {"x": "y" * 5000},
    "no tags": {},
}


@pytest.mark.parametrize("tags", LABELS.values(), ids=LABELS)
def test_every_member_is_taken_and_names_the_same_alert_again(tags: dict[str, str], place: Place) -> None:
    one = now(tags=tags_text(tags.items()), subject="", severity="info")
    for changed in (one, one._replace(severity="critical", text="", fields=(), link="")):
        assert place.send(changed, labels={"team": "ops"}) == [SENT]
    [alert] = place.server.alerts()
    assert alert["labels"]["series"] == "disk"
    assert alert["labels"]["team"] == "ops"
    assert all(alert["labels"].values())


@pytest.mark.parametrize("away", [-48 * HOUR, -HOUR, HOUR])
def test_a_clock_that_jumped_neither_ends_an_alert_nor_keeps_it(away: int, place: Place) -> None:
    one = now(starts_ns=time.time_ns() + away, ends_ns=time.time_ns() + away)
    assert place.send(one) == [SENT]
    assert len(place.server.alerts()) == 1
    assert place.send(one._replace(status=RESOLVED)) == [SENT]
    place.until(lambda: place.server.alerts() == [])


def test_a_link_that_is_none_does_not_keep_the_alert_back(tmp_path: Path, place: Place) -> None:
    assert place.send(now(link="not a link"), now(1, link="")) == [SENT, SENT]

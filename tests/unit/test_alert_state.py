"""States of alerts from run to run: one message per change, and none twice."""

import json
import random

import pytest

from cronocast.durations import UNIT_NS
from cronocast.notify import state
from cronocast.notify.message import FIRING, RESOLVED, Message
from cronocast.notify.state import Alert, Policy, Seen, Waiting, advance, queued

HOUR, DAY = UNIT_NS["h"], UNIT_NS["d"]
START = 20_000 * DAY


def message(tags: str = "host=a", severity: str = "warning") -> Message:
    """What is said of a member."""
    return Message("disk", "crossing", FIRING, severity, "full is near", "soon", 0, 0, "disk", tags, "full")


def told(runs: list[bool | None], need: int = 2, *, once: bool = False, remind: int | None = None) -> list[str]:
    """What each run tells of one alert: + fires, - resolved, . nothing; None: it knows nothing of it."""
    alerts: dict[str, Alert] = {}
    said = []
    for i, bad in enumerate(runs):
        now = START + i * HOUR
        seen = [] if bad is None else [Seen(message(), bad, need, once)]
        alerts, due = advance(alerts, seen, now, Policy(now + 3 * HOUR, remind))
        alerts = {key: state.alert_of(json.loads(json.dumps(state.alert_document(a)))) for key, a in alerts.items()}
        said.append("".join("+" if one.status == FIRING else "-" for one in due) or ".")
    return said


@pytest.mark.parametrize(
    ("runs", "need", "expected"),
    [
        ("yyy", 1, "+.."),
        ("yyyy", 2, ".+.."),
        ("yny", 2, "..."),
        ("yyn", 2, ".+."),
        ("yynn", 2, ".+.-"),
        ("yynynn", 2, ".+...-"),  # well for one run only
        ("yy?yn?n", 2, ".+....-"),  # a run that knows nothing changes nothing
        ("y?y", 2, "..+"),
        ("nnn", 1, "..."),
    ],
)
def test_a_change_needs_as_many_runs_as_are_set(runs: str, need: int, expected: str) -> None:
    assert "".join(told([{"y": True, "n": False, "?": None}[c] for c in runs], need)) == expected


def test_what_happened_once_is_told_once_and_never_resolved() -> None:
    assert told([True, True, False, True], 1, once=True) == ["+", ".", ".", "+"]


def test_what_lasts_is_said_again_where_that_is_wanted() -> None:
    assert told([True] * 7, 1, remind=3 * HOUR) == ["+", ".", ".", "+", ".", ".", "+"]


def test_a_louder_severity_is_a_change() -> None:
    alerts, _ = advance({}, [Seen(message(), bad=True)], START, Policy(0))
    alerts, due = advance(alerts, [Seen(message(severity="critical"), bad=True)], START + HOUR, Policy(0))
    assert [(one.severity, one.starts_ns) for one in due] == [("critical", START)]
    _, due = advance(alerts, [Seen(message(severity="critical"), bad=True)], START + 2 * HOUR, Policy(0))
    assert due == []


def test_what_nobody_knows_of_for_a_week_is_over() -> None:
    alerts, _ = advance({}, [Seen(message(), bad=True)], START, Policy(0))
    alerts, due = advance(alerts, [], START + 7 * DAY, Policy(0))
    assert (len(alerts), due) == (1, [])
    alerts, due = advance(alerts, [], START + 7 * DAY + HOUR, Policy(0))
    assert (alerts, [one.status for one in due]) == ({}, [RESOLVED])


def test_times_of_a_message_are_those_of_its_alert() -> None:
    alerts, [fired] = advance({}, [Seen(message(), bad=True)], START, Policy(START + 3 * HOUR))
    assert (fired.starts_ns, fired.ends_ns) == (START, START + 3 * HOUR)
    _, [resolved] = advance(alerts, [Seen(message(), bad=False)], START + HOUR, Policy(0))
    assert (resolved.starts_ns, resolved.ends_ns, resolved.key) == (START, START + HOUR, fired.key)
    assert state.firing(alerts, START + 9 * HOUR)[0].ends_ns == START + 9 * HOUR


@pytest.mark.parametrize("seed", range(20))
def test_over_a_long_time_messages_alternate_and_are_those_that_a_person_would_send(seed: int) -> None:
    """A person counts: so many bad runs in a row, one message; so many good ones after it, one more."""
    dice = random.Random(seed)
    need = dice.choice([1, 2, 3])
    runs = [dice.random() < dice.choice([0.2, 0.8]) for _ in range(200)]
    said, on, count = [], False, 0
    for bad in runs:
        count = count + 1 if bad != on else 0
        changed = count >= need
        on, count = (not on, 0) if changed else (on, count)
        said.append(("+" if on else "-") if changed else ".")
    assert told(list(runs), need) == said


def test_what_is_resolved_before_anybody_was_told_is_not_told() -> None:
    fired, later = message(), START + 5 * HOUR
    waiting = queued([], [fired], 2, later)
    assert [(one.notifier, one.not_before_ns) for one in waiting] == [(0, later), (1, later)]
    assert queued(waiting, [fired._replace(status=RESOLVED)], 2, 0) == []
    tried = [waiting[0]._replace(tried=True), waiting[1]]
    after = queued(tried, [fired._replace(status=RESOLVED)], 2, 0)
    assert [(one.notifier, one.message.status, one.tried) for one in after] == [(0, FIRING, True), (0, RESOLVED, False)]


def test_critical_messages_know_no_quiet_hours() -> None:
    waiting = queued([], [message(severity="critical"), message("host=b")], 1, START)
    assert [one.not_before_ns for one in waiting] == [0, START]


@pytest.mark.parametrize("change", [{"stage": "odd"}, {"runs": "1"}, {"message": {}}, {"more": 1}])
def test_an_alert_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    alerts, _ = advance({}, [Seen(message(), bad=True)], START, Policy(0))
    document = {**state.alert_document(next(iter(alerts.values()))), **change}
    with pytest.raises((ValueError, TypeError, KeyError)):
        state.alert_of(document)


def test_a_waiting_message_comes_back_whole() -> None:
    one = Waiting(1, message()._replace(fields=(("Now", "87"),)), START, tried=True)
    assert state.waiting_of(json.loads(json.dumps(state.waiting_document(one)))) == one

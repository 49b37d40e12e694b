"""The alert step in a run folder: what is told, when, and what a kill, a rerun or a broken state changes of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain import alert
from cronocast.chain.alert_rules import failed_in, seen_in
from cronocast.chain.job import Job
from cronocast.chain.table import FILES
from cronocast.document.entry import Entry, parse_entry
from cronocast.durations import UNIT_NS, stamp
from cronocast.handoff.evaluation import (
    EVALUATION,
    SCHEMA,
    Anomaly,
    Crossing,
    LeadAccuracy,
    MemberEvaluation,
    Verdict,
    to_document,
)
from cronocast.handoff.files import run_name, write_json
from cronocast.handoff.results import Outcome, result_path, write_result
from cronocast.notify.message import FIRING, RESOLVED, Message
from cronocast.notify.table import REFUSED, RETRY, SENT, Delivery

HOUR, DAY = UNIT_NS["h"], UNIT_NS["d"]
NOW = 20_454 * DAY + 12 * HOUR
SOURCE = {"url": "http://127.0.0.1:1", "database": "m", "measurement": "disk", "field": "used"}
DATE = Crossing(
    "full", 90.0, True, "value", "date", "full soon", 80.0, 1.0, None, NOW + 2 * DAY, NOW + 3 * DAY, NOW + 4 * DAY
)
MEMBER = MemberEvaluation("disk", "host=a")


def entry(**more: Any) -> Entry:
    """A series with a limit; further settings."""
    return parse_entry({"name": "disk", "source": SOURCE, "thresholds": [{"above": 90, "name": "full"}], **more})


def fires(member: MemberEvaluation, rule: str, **more: Any) -> bool:
    """Whether a rule finds something to tell of a member."""
    found = [one for one in seen_in(entry(**more), [member], NOW) if one.message.rule == rule]
    return any(one.bad for one in found)


def lead(coverage: float, high: float, n: int = 100) -> LeadAccuracy:
    """A bucket of leads with this coverage and upper end of its range."""
    return LeadAccuracy(24, n, 20.0, 1.0, 0.0, 1.0, 1.0, {"95": coverage}, {"95": 0.1}, {"95": high}, 0.5)


@pytest.mark.parametrize(
    ("change", "fires_"),
    [
        ({}, True),
        ({"settled": False}, False),  # a date that moves about alarms nobody
        ({"earliest_ns": NOW + 4 * DAY}, False),
        ({"earliest_ns": NOW + 30 * DAY, "act_by_ns": NOW - HOUR}, True),  # the time to act has come
        ({"state": "chance"}, False),
        ({"state": "over", "settled": False, "earliest_ns": None}, True),
        ({"state": "quiet", "earliest_ns": None}, False),
    ],
)
def test_a_limit_is_told_where_it_is_near_by_a_date_that_holds(change: dict[str, Any], fires_: bool) -> None:
    assert fires(MEMBER._replace(crossings=(DATE._replace(**change),)), "crossing") == fires_


@pytest.mark.parametrize(
    ("anomaly", "rule", "fires_"),
    [
        (Anomaly("outside", NOW - 4 * HOUR, NOW, 4, 0.999, ""), "anomaly", True),
        (Anomaly("outside", NOW - 2 * HOUR, NOW, 2, 0.999, ""), "anomaly", False),  # too short yet
        (Anomaly("outside", NOW - 4 * HOUR, NOW, 4, 0.95, ""), "anomaly", False),  # not unusual enough
        (Anomaly("outside", NOW - 9 * HOUR, NOW - 4 * HOUR, 5, 0.999, ""), "anomaly", False),  # it is over
        (Anomaly("run", NOW - 20 * HOUR, NOW, 20, 0.999, ""), "anomaly", True),
        (Anomaly("missing", NOW - 11 * HOUR, NOW, 11, 1.0, ""), "late", True),
        (Anomaly("missing", NOW - 9 * HOUR, NOW, 9, 1.0, ""), "late", False),
        (Anomaly("missing", NOW - 11 * HOUR, NOW, 11, 1.0, ""), "anomaly", False),
    ],
)
def test_an_anomaly_is_told_once_it_lasts(anomaly: Anomaly, rule: str, fires_: bool) -> None:
    assert fires(MEMBER._replace(anomalies=(anomaly,)), rule) == fires_


@pytest.mark.parametrize(
    ("one", "fires_"), [(lead(0.6, 0.8), True), (lead(0.6, 0.9), False), (lead(0.6, 0.8, n=20), False)]
)
def test_coverage_is_told_only_where_chance_does_not_explain_it(one: LeadAccuracy, fires_: bool) -> None:
    assert fires(MEMBER._replace(leads=(one,)), "coverage") == fires_


def test_changed_errors_are_told_by_the_verdict_and_a_rule_can_be_off() -> None:
    drifted = MEMBER._replace(verdict=Verdict("full", "drift", "full: errors too high"))
    assert fires(drifted, "drift")
    assert not fires(drifted, "drift", alerts={"off": ["drift"]})
    assert not fires(MEMBER._replace(verdict=Verdict("full", "age", "full: 28 days old")), "drift")


class Series:
    """A series in a folder, run hour by hour."""

    def __init__(self, root: Path, **settings: Any) -> None:
        notify = settings.pop("notify", [{"kind": "file", "path": str(root / "messages")}])
        self.root, self.entry = root, entry(notify=notify, **settings)

    def job(self, hour: float, step: str = "alert") -> Job:
        """A run so many hours after the first one."""
        run_ns = NOW + int(hour * HOUR)
        folder = self.root / "series" / "runs" / run_name(run_ns)
        paths: dict[str, Any] = {name: folder / FILES[name].name for name in ("history", "profile", "forecast")}
        return Job(step, self.entry, run_ns, False, **paths, state=self.root / "series" / "state")

    def run(self, hour: float, *members: MemberEvaluation) -> Outcome:
        """One run that finds this."""
        job = self.job(hour)
        path = job.forecast.with_name(EVALUATION)
        write_json(path, {"schema": SCHEMA, "members": [to_document(one) for one in members]})
        done = Outcome()
        done.add_output(path, len(members))
        write_result(result_path("evaluate", path), "evaluate", "disk", stamp(job.run_ns), done, 0.1, None, {})
        outcome = Outcome()
        alert.run(job, outcome)
        return outcome

    def fail(self, hour: float, record: dict[str, Any], *, skipped: bool = False) -> Outcome:
        """One run that did not come to its end."""
        outcome = Outcome()
        alert.tell_of_record(self.job(hour, "record"), outcome, record, skipped=skipped)
        return outcome

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Rule, member and status of every message, in order."""
        path = self.root / "messages"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(one["rule"], one["member"], one["status"]) for one in map(json.loads, lines)]


NEAR = MEMBER._replace(crossings=(DATE,))
FAR = MEMBER._replace(crossings=(DATE._replace(state="quiet", earliest_ns=None),))
FAILED = {"status": "failed", "failed_step": "extract", "exit": 75, "message": "E_TIMEOUT db: no answer"}


def test_one_message_per_change(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour, found in enumerate([FAR, NEAR, NEAR, NEAR, FAR, FAR, FAR]):
        series.run(hour, found)
    assert series.told == [("crossing", "host=a", FIRING), ("crossing", "host=a", RESOLVED)]


def test_a_run_that_is_repeated_and_one_of_before_change_nothing(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour in (0, 1, 1, 1, 0, 1):
        series.run(hour, NEAR)
    assert len(series.told) == 1
    state = (tmp_path / "series/state/alerts.json").read_bytes()
    series.run(1, FAR)
    assert (tmp_path / "series/state/alerts.json").read_bytes() == state


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1, "run_ns": 1, "alerts": {"a": 1}}'])
def test_a_state_that_can_not_be_read_is_a_note(tmp_path: Path, text: str) -> None:
    series = Series(tmp_path)
    series.run(0, NEAR)
    (tmp_path / "series/state/alerts.json").write_text(text)
    assert any("alerts.json" in note for note in series.run(1, NEAR).notes)
    series.run(2, NEAR)
    assert len(series.told) == 1


def test_a_state_of_a_wrong_clock_silences_nobody_for_ever(tmp_path: Path) -> None:
    series = Series(tmp_path)
    series.run(24 * 300, FAR)
    for hour in range(3):
        series.run(hour, NEAR)
    assert len(series.told) == 1


def test_failed_runs_are_told_after_so_many_and_resolved_by_a_good_one(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour in range(4):
        series.fail(hour, FAILED)
    assert series.told == [("failed", "", FIRING)]
    assert "E_TIMEOUT db" in (tmp_path / "messages").read_text()
    series.run(4, FAR)
    assert series.told[1:] == [("failed", "", RESOLVED)]


def test_two_failures_and_a_good_run_are_nothing(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour in range(9):
        series.run(hour, FAR) if hour % 3 == 2 else series.fail(hour, FAILED)
    assert series.told == []


def test_a_source_without_values_is_late(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour in range(2):
        series.fail(hour, {"status": "skipped", "message": "no_data: nothing in the window"}, skipped=True)
    assert series.told == [("late", "", FIRING)]
    for hour in (2, 3):
        series.run(hour, FAR)
    assert series.told[1:] == [("late", "", RESOLVED)]


def test_in_one_pod_too_a_source_without_values_is_late(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for hour in range(2):
        path, outcome = series.job(hour).history, Outcome()
        outcome.skip("no_data: nothing in the window")
        write_result(
            result_path("extract", path), "extract", "disk", stamp(series.job(hour).run_ns), outcome, 0.1, None, {}
        )
        alert.run(series.job(hour), Outcome())
    assert series.told == [("late", "", FIRING)]


def test_quiet_hours_delay_warnings_and_nothing_critical(tmp_path: Path) -> None:
    series = Series(tmp_path, alerts={"quiet": "11:00-14:00"})  # the first run is at noon
    critical = MEMBER._replace(tags="host=b", crossings=(DATE._replace(state="over"),))
    for hour in range(2):
        series.run(hour, NEAR, critical)
    assert [member for _, member, _ in series.told] == ["host=b"]
    series.run(2, NEAR, critical)
    assert [member for _, member, _ in series.told] == ["host=b", "host=a"]


def test_quiet_hours_follow_a_clock_that_changes() -> None:
    """In Berlin clocks went forward on 29 March 2026: 07:00 is 05:00 UTC instead of 06:00."""
    quiet = entry(alerts={"quiet": "22:00-07:00", "quiet_timezone": "Europe/Berlin"})
    for evening, end in (
        ("2026-03-27T22:00:00Z", "2026-03-28T06:00:00Z"),
        ("2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),
    ):
        from cronocast.durations import parse_stamp

        assert stamp(alert.quiet_until_ns(quiet, parse_stamp(evening))) == end


def test_many_members_in_one_run(tmp_path: Path) -> None:
    series = Series(tmp_path)
    many = [NEAR._replace(tags=f"host={i:03}") for i in range(500)]
    for hour in range(2):
        outcome = series.run(hour, *many)
    assert outcome.acked == len(series.told) == 500


def delivering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Message], str]) -> list[Message]:
    """Let every notifier answer so; what it was given."""
    given: list[Message] = []

    def deliver(_: object, messages: list[Message], __: object) -> list[Delivery]:
        given.extend(messages)
        return [Delivery(one, answer(one), "no") for one in messages]

    monkeypatch.setattr(alert, "deliver", deliver)
    return given


HOOK = [{"kind": "webhook", "url_file": "/nowhere"}]


def test_what_can_not_be_sent_now_waits_and_what_is_refused_is_a_dead_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = Series(tmp_path, notify=HOOK)
    given = delivering(monkeypatch, lambda _: RETRY)
    for hour in range(3):
        series.run(hour, NEAR)
    assert len({one.event for one in given}) == 1
    assert len(given) == 2  # by the second run and the third
    delivering(monkeypatch, lambda _: REFUSED)
    outcome = series.run(3, NEAR)
    letters = series.job(3).forecast.with_name(alert.LETTERS).read_text().splitlines()
    assert [json.loads(line)["rule"] for line in letters] == ["crossing"]
    assert outcome.outputs[alert.LETTERS]["rows"] == 1
    given = delivering(monkeypatch, lambda _: SENT)
    series.run(4, NEAR)
    assert given == []


def test_an_alertmanager_is_told_again_by_every_run_what_fires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = Series(tmp_path, notify=[{"kind": "alertmanager", "url": "http://127.0.0.1:9"}])
    given = delivering(monkeypatch, lambda _: SENT)
    for hour in range(4):
        series.run(hour, NEAR)
    assert len(given) == 3
    assert len({one.key for one in given}) == 1
    assert sorted({one.ends_ns for one in given}) == [one.ends_ns for one in given]
    assert all(one.ends_ns > NOW + (i + 2) * HOUR for i, one in enumerate(given))


def test_notifiers_that_are_taken_out_lose_what_waited_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = Series(tmp_path, notify=[*HOOK, {"kind": "webhook", "url_file": "/elsewhere"}])
    delivering(monkeypatch, lambda _: RETRY)
    for hour in range(2):
        series.run(hour, NEAR)
    series.entry = replace(series.entry, notify=series.entry.notify[:1])
    series.run(2, NEAR)
    state = json.loads((tmp_path / "series/state/alerts.json").read_text())
    assert [one["notifier"] for one in state["waiting"]] == [0]


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cronocast.chain import alert
from cronocast.notify.table import Delivery
from tests.unit.test_alert_step import NEAR, Series
place, when, kind = Path({place!r}), {when!r}, {kind!r}
own = {{"path": str(place / "messages")}} if kind == "file" else {{"url_file": "/x"}}
notify = [{{"kind": kind, **own}}]
series = Series(place, notify=notify)
def note(messages):
    with (place / "sent").open("a") as file:
        file.writelines(one.event + chr(10) for one in messages)
real, write = alert.deliver, alert._write
def deliver(settings, messages, say):
    if when == "before": os._exit(9)
    note(messages)
    done = real(settings, messages, say) if kind == "file" else [Delivery(one, "sent") for one in messages]
    if when == "after": os._exit(9)
    return done
def writing(path, kept):
    write(path, kept)
    if when == "saved" and kept.waiting: os._exit(9)
alert.deliver, alert._write = deliver, writing
for hour in range({hours}):
    series.run(hour, NEAR)
"""


@pytest.mark.parametrize("kind", ["file", "webhook"])
@pytest.mark.parametrize("when", ["saved", "before", "after"])
def test_a_kill_sends_nothing_twice_and_a_place_that_knows_it_again_misses_nothing(
    tmp_path: Path, when: str, kind: str
) -> None:
    root = str(Path(__file__).parents[2])
    for moment, hours in ((when, 2), ("never", 5)):
        code = KILLED.format(root=root, place=str(tmp_path), when=moment, kind=kind, hours=hours)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == (9 if moment == when else 0), done.stderr
    sent = (tmp_path / "sent").read_text().splitlines() if (tmp_path / "sent").exists() else []
    if kind == "file":
        assert Series(tmp_path).told == [("crossing", "host=a", FIRING)]
    else:
        assert len(sent) <= 1  # at most once: what may have been sent is not sent again
        assert len(sent) == (1 if when in ("after", "saved") else 0)


def test_without_notifiers_there_is_nothing_to_do(tmp_path: Path) -> None:
    series = Series(tmp_path, notify=[])
    assert series.run(0, NEAR).reason
    assert not (tmp_path / "series/state").exists()


def test_a_failed_run_names_step_code_and_error() -> None:
    said = failed_in(entry(), FAILED, NOW).message
    assert "E_TIMEOUT db: no answer" in said.text
    assert dict(said.fields)["Exit code"] == "75"

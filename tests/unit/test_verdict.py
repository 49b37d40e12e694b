"""How much of its forecast each member needs anew: one table of situations, and members that change together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cronocast.document.entry import parse_entry
from cronocast.handoff.evaluation import FULL, PREDICT, REASONS, VERDICTS, WARM, Verdict
from cronocast.monitor.drift import REFERENCE_MIN, Drift, drift
from cronocast.monitor.meaning import History, changed_meaning
from cronocast.monitor.verdict import Kept, Member, Rules, rules_of, verdicts

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
DAY = 20_416  # 24 November 2025
NOW_NS = DAY * DAY_NS + 6 * HOUR_NS


def history(days: float = 28, step_ns: int = HOUR_NS, end_ns: int = NOW_NS) -> History:
    """Values of a daily pattern in a window of four weeks."""
    times = np.arange(end_ns - round(days * DAY_NS), end_ns, step_ns)
    return History(NOW_NS - 28 * DAY_NS, times, 10 + 3 * np.sin(times / DAY_NS * 2 * np.pi))


def kept(days_ago: float = 0.0, warmed: float | None = None, **other: Any) -> Kept:
    made_ns = NOW_NS - round(days_ago * DAY_NS)
    warmed_ns = made_ns if warmed is None else NOW_NS - round(warmed * DAY_NS)
    usual = Kept(made_ns, warmed_ns, "first", HOUR_NS, 672, (24,), "a1", "1.0")
    return usual._replace(**other)


def rules(**other: Any) -> Rules:
    return Rules(NOW_NS, HOUR_NS, DAY_NS, "a1", "1.0")._replace(**other)


def verdict(one: Kept | None, errors: Drift, read: History, asked: Rules, begun: float = 100.0) -> Verdict:
    """That of a member alone in its entry, whose errors have been of one kind for so many days."""
    return verdicts([Member(one, NOW_NS - round(begun * DAY_NS), errors, read)], asked)[0]


QUIET = Drift(days=50, newest=DAY - 1)
BAD_DAY = QUIET._replace(bad=(DAY - 1,))
CHANGED = QUIET._replace(alarm=DAY - 1, change=DAY - 3, shift=2.3, bad=(DAY - 2, DAY - 1))

SITUATIONS: dict[str, tuple[Kept | None, Drift, dict[str, Any], str, str, list[str]]] = {
    "nothing kept": (None, QUIET, {}, FULL, "first", ["nothing is kept"]),
    "nothing kept, never": (None, QUIET, {"retrain": "never"}, FULL, "first", []),
    "always": (kept(0.1), QUIET, {"retrain": "always"}, FULL, "asked", ["always"]),
    "never": (kept(99), CHANGED, {"retrain": "never", "version": "2.0"}, PREDICT, "", ["never"]),
    "an hour later": (kept(0.04), QUIET, {}, PREDICT, "", ["as chosen on 24 Nov", "14 of 14 days inside"]),
    "warmed today": (kept(5, 0.1), QUIET, {}, PREDICT, "", ["as chosen on 24 Nov"]),
    "first run of the day": (kept(5, 1), QUIET, {}, WARM, "", ["first run of the day"]),
    "just after midnight": (kept(1), QUIET, {"now_ns": DAY * DAY_NS}, WARM, "", []),
    "few days known": (kept(7, 1), QUIET._replace(days=28), {}, FULL, "age", []),
    "no days at such steps": (kept(7, 1), Drift(), {}, WARM, "", []),
    "four weeks old": (kept(28, 1), QUIET, {}, FULL, "age", ["28 days old"]),
    "nearly four weeks old": (kept(27.9, 1), QUIET, {}, WARM, "", []),
    "every day": (kept(1), QUIET, {"every_ns": DAY_NS}, FULL, "age", ["1 day old"]),
    "every hour": (kept(0.5), QUIET, {"every_ns": HOUR_NS}, FULL, "age", ["12 h old"]),
    "every year": (kept(99, 1), QUIET, {"every_ns": 365 * DAY_NS}, WARM, "", []),
    "other steps": (kept(1), QUIET, {"step_ns": DAY_NS}, FULL, "data", ["1d", "1h"]),
    "other settings": (kept(1), QUIET, {"settings": "b2"}, FULL, "data", ["settings"]),
    "other version": (kept(1), QUIET, {"version": "1.1"}, FULL, "data", ["1.0", "1.1"]),
    "errors changed": (kept(5, 1), CHANGED, {}, FULL, "drift", ["2.3 widths", "above", "21 Nov", "(3 days)"]),
    "data before drift": (kept(5, 1), CHANGED, {"version": "1.1"}, FULL, "data", []),
    "drift before age": (kept(40, 1), CHANGED, {}, FULL, "drift", []),
    "clock moved back an hour": (kept(-0.04, -0.04), QUIET, {}, PREDICT, "", []),
    "clock moved back over midnight": (kept(-0.9, -0.9), QUIET, {}, PREDICT, "", []),
    "clock had been far ahead": (kept(-400, -400), QUIET, {}, FULL, "data", ["clock"]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name: str) -> None:
    one, errors, asked, kind, reason, tokens = SITUATIONS[name]
    found = verdict(one, errors, history(), rules(**asked))
    assert (found.kind, found.reason) == (kind, reason)
    assert found.kind in VERDICTS
    assert found.reason in REASONS
    assert found.words.startswith(f"{kind}: ")
    assert [token for token in tokens if token not in found.words] == []


@pytest.mark.parametrize(
    ("age", "begun", "kind"), [(7, 7, FULL), (6.9, 7, WARM), (7, 27, FULL), (7, 28, WARM), (27.9, 28, WARM)]
)
def test_in_its_first_four_weeks_a_member_is_made_anew_each_week(age: float, begun: float, kind: str) -> None:
    found = verdict(kept(age, 1), QUIET, history(), rules(), begun)
    assert (found.kind, found.reason) == (kind, "age" if kind == FULL else "")


def test_only_a_warm_run_after_a_bad_day_is_suspect() -> None:
    assert verdict(kept(5, 1), BAD_DAY, history(), rules()).suspect
    assert "13 of 14 days inside" in verdict(kept(5, 1), BAD_DAY, history(), rules()).words
    assert not verdict(kept(5, 0.1), BAD_DAY, history(), rules()).suspect
    assert not verdict(kept(5, 1), QUIET._replace(bad=(DAY - 2,)), history(), rules()).suspect


def test_nothing_is_warmed_where_no_value_is_new() -> None:
    assert verdict(kept(5, 1), QUIET, history(end_ns=NOW_NS - DAY_NS), rules()).kind == PREDICT


@pytest.mark.parametrize(
    ("periods", "change", "begins"),
    [((24,), 3, True), ((24,), 1, False), ((24, 168), 3, False), ((24, 168), 14, True), ((), 3, True), ((), 1, False)],
)
def test_the_window_begins_at_the_change_once_two_seasons_lie_behind_it(
    periods: tuple[int, ...], change: int, begins: bool
) -> None:
    found = verdict(kept(5, periods=periods), CHANGED._replace(change=DAY - change), history(), rules())
    assert found.reason == "drift"
    assert found.since_ns == (DAY - change) * DAY_NS
    assert found.start_ns == (found.since_ns if begins else None)


# --- data that means something else


def cut(begin: float, end: float) -> Callable[[History], History]:
    """Without the values from so many days ago to so many."""

    def change(h: History) -> History:
        left = (h.times < NOW_NS - begin * DAY_NS) | (h.times >= NOW_NS - end * DAY_NS)
        return h._replace(times=h.times[left], values=h.values[left])

    return change


def scaled(factor: float, begin: float, end: float = 0.0) -> Callable[[History], History]:
    """Times a factor from so many days ago to so many."""

    def change(h: History) -> History:
        inside = (h.times >= NOW_NS - begin * DAY_NS) & (h.times < NOW_NS - end * DAY_NS)
        return h._replace(values=np.where(inside, h.values * factor, h.values))

    return change


MADE_DAYS = 5.0


@pytest.mark.parametrize(
    ("change", "token"),
    [
        (lambda h: h, None),
        (cut(3, 1.5), "longer than the horizon"),
        (cut(3, 2.5), None),  # shorter than the horizon
        (cut(9, 7), None),  # before it was made
        (cut(99, 4), "none is left"),
        (cut(99, 6), None),  # begun before it was made, as a young member
        (scaled(1000, 2.25), "1e+03 times as large"),
        (scaled(0.001, 2.25), "times as small"),
        (scaled(-1000, 2.25), "times as large"),
        (scaled(1000, 1.25), None),  # one day may be an incident
        (scaled(1000, 2.25, 1.25), None),
        (scaled(1.5, 2.25), None),
        (scaled(1000, 12), None),  # it was made from the new size
        (scaled(0, 2.25), None),  # silence is no unit
        (scaled(1000, 4), "times as large"),  # nobody looked for two days
        (lambda h: h._replace(times=h.times[:0], values=h.values[:0]), None),
    ],
)
def test_changed_meaning(change: Callable[[History], History], token: str | None) -> None:
    found = changed_meaning(change(history()), NOW_NS - round(MADE_DAYS * DAY_NS), 672, HOUR_NS, DAY_NS)
    assert (found and token in found.words) if token else found is None
    assert found is None or found.since_ns is None or found.since_ns <= NOW_NS


def test_a_new_unit_calls_for_one_run_of_everything_not_for_one_each_day() -> None:
    counts = 0
    made_ns = NOW_NS - 3 * DAY_NS
    for hour in range(24 * 10):
        now_ns = NOW_NS + hour * HOUR_NS
        times = np.arange(now_ns - 28 * DAY_NS, now_ns, HOUR_NS)
        read = History(times[0], times, np.where(times >= NOW_NS, 1000.0, 1.0) * (10 + np.sin(times)))
        if changed_meaning(read, made_ns, 672, HOUR_NS, DAY_NS):
            counts, made_ns = counts + 1, now_ns
    assert counts == 1


def test_regular_closing_hours_are_no_gaps() -> None:
    """Open from Monday to Friday, horizon a day: each week-end lasts longer."""
    full = history()
    days = full.times // DAY_NS
    open_ = (days + 3) % 7 < 5
    read = full._replace(times=full.times[open_], values=full.values[open_])
    for made in range(10):
        assert changed_meaning(read, NOW_NS - made * DAY_NS, 480, HOUR_NS, DAY_NS) is None


@pytest.mark.parametrize(("points", "anew"), [(0, True), (1, True), (20, True), (48, True), (49, False)])
def test_a_young_member_is_made_anew_with_twice_the_values(points: int, anew: bool) -> None:
    found = verdict(kept(1, points=points), QUIET, history(4), rules())
    assert (found.kind == FULL) == anew
    assert not anew or "96 values" in found.words


@pytest.mark.parametrize("step_ns", [DAY_NS, 7 * DAY_NS])
def test_steps_of_a_day_or_more_know_age_and_data_only(step_ns: int) -> None:
    times = np.arange(NOW_NS - 80 * step_ns, NOW_NS, step_ns)
    read = History(times[0], times, 10 + np.random.default_rng(0).standard_normal(80))
    usual = rules(step_ns=step_ns, horizon_ns=4 * step_ns)
    one = kept(1, step_ns=step_ns, points=80)
    assert verdict(one, Drift(), read, usual).kind == WARM
    assert verdict(kept(28, step_ns=step_ns, points=80), Drift(), read, usual).reason == "age"
    assert verdict(one, Drift(), read, usual._replace(now_ns=NOW_NS + DAY_NS)).kind in (WARM, PREDICT)
    grown = read._replace(values=np.where(np.arange(80) >= 68, 50.0, read.values))
    older = one._replace(made_ns=NOW_NS - 20 * step_ns)
    assert verdict(older, Drift(), read, usual._replace(every_ns=40 * step_ns)).kind == WARM
    assert verdict(older, Drift(), grown, usual._replace(every_ns=40 * step_ns)).reason == "data"


# --- members of one entry


def entry(members: int, changed: int, days_since: int = 1, **other: Any) -> list[Drift]:
    """Members of which the first ones are in alarm since so many days."""
    alarm = CHANGED._replace(alarm=DAY - days_since, change=DAY - days_since - 1, bad=(DAY - days_since - 1,))
    return [alarm._replace(**other)] * changed + [QUIET] * (members - changed)


def kinds(drifts: list[Drift], made: list[Kept] | None = None, **asked: Any) -> list[Verdict]:
    made = made or [kept(5, 1)] * len(drifts)
    return verdicts(
        [Member(*each, history()) for each in zip(made, [0] * len(drifts), drifts, strict=True)], rules(**asked)
    )


@pytest.mark.parametrize("changed", [1, 2, 3])
def test_few_members_that_change_are_made_anew_at_once(changed: int) -> None:
    found = kinds(entry(20, changed))
    assert [one.reason for one in found] == ["drift"] * changed + [""] * (20 - changed)


@pytest.mark.parametrize("changed", [4, 20, 200])
def test_of_members_that_change_together_one_is_made_anew_on_the_day(changed: int) -> None:
    found = kinds(entry(200, changed))
    assert [one.kind for one in found].count(FULL) == 1
    held = [one for one in found if one.reason == "held"]
    assert len(held) == changed - 1
    assert all(str(changed) in one.words and "held back" in one.words and one.kind == WARM for one in held)


def test_the_others_follow_after_two_days_if_it_goes_on() -> None:
    assert [one.kind for one in kinds(entry(20, 9, days_since=2))].count(FULL) == 1
    assert [one.kind for one in kinds(entry(20, 9, days_since=3))].count(FULL) == 9


def test_later_in_the_day_no_second_one_is_made_anew() -> None:
    drifts = [Drift(newest=None), *entry(20, 9)]
    made = [kept(0.1, reason="drift"), *[kept(5, 0.1)] * 20]
    found = kinds(drifts, made)
    assert [one.kind for one in found].count(FULL) == 0
    assert [one.reason for one in found].count("held") == 9


def test_held_back_also_means_no_run_for_age() -> None:
    assert [one.kind for one in kinds(entry(20, 9), [kept(30, 1)] * 20)].count(FULL) == 1 + 11


def test_bad_days_that_large_entries_always_have_are_no_common_cause() -> None:
    """Of 300 members ten have a bad day on each day; one of them has changed."""
    rng = np.random.default_rng(0)
    drifts = [
        QUIET._replace(bad=tuple(int(DAY - i) for i in range(1, 29) if rng.random() < 1 / 30)) for _ in range(300)
    ]
    found = kinds([CHANGED, *drifts])
    assert found[0].reason == "drift"


def test_members_suspect_on_the_same_day_count_with_those_in_alarm() -> None:
    drifts = [CHANGED, *[QUIET._replace(bad=(DAY - 2,))] * 30, *[QUIET] * 30]
    found = kinds(drifts)
    assert [one.reason for one in found].count("drift") == 1  # the one that is tried
    assert [one.reason for one in kinds([CHANGED, *drifts])].count("held") == 1


def test_a_broken_exporter_starts_one_run_of_everything_on_the_day() -> None:
    """200 members with errors of their own, all shifted from one day on; from values to verdicts."""
    rng = np.random.default_rng(3)
    errors = rng.standard_normal((60, REFERENCE_MIN + 2, 24)) / 3.92
    errors[:, -2:] -= rng.uniform(0.8, 2, 60)[:, None, None]
    numbers = DAY - np.arange(errors.shape[1], 0, -1)
    found = kinds([drift(one, numbers, 60, 0.95) for one in errors])
    assert [one.kind for one in found].count(FULL) == 1
    assert [one.reason for one in found].count("held") >= 50


def test_an_entry_without_members_has_no_verdicts() -> None:
    assert kinds([]) == []


def test_rules_follow_the_settings_of_an_entry() -> None:
    source = {"url": "http://127.0.0.1:8086", "database": "d", "measurement": "cpu", "field": "v"}
    usual = parse_entry({"name": "a", "source": source})
    assert rules_of(usual, NOW_NS, "a1", "1.0") == rules()
    asked = parse_entry({"name": "a", "source": source, "every": "5m", "retrain": "never", "retrain_every": "2d"})
    found = rules_of(asked, NOW_NS, "a1", "1.0")
    assert found == rules(step_ns=HOUR_NS // 12, retrain="never", every_ns=2 * DAY_NS)

"""What a workflow engine is told of an evaluation: the strongest verdict, and the most urgent crossings."""

import json

import pytest

from cronocast.chain.told import MOST_CROSSINGS, told
from cronocast.handoff.evaluation import STATES, VERDICTS, Crossing, MemberEvaluation, Verdict

HOUR_NS = 3600 * 10**9


def crossing(state: str, hours: int | None = None) -> Crossing:
    at = None if hours is None else hours * HOUR_NS
    return Crossing("full", 90.0, True, "value", state, f"{state} {hours}", earliest_ns=at, crosses_ns=at, act_by_ns=at)


def member(i: int, kind: str = "predict", *crossings: Crossing) -> MemberEvaluation:
    return MemberEvaluation("disk", f"host=h{i}", Verdict(kind, ""), crossings=crossings)


def test_nothing_found_is_told_as_nothing() -> None:
    assert told([]) == {"verdict": "none", "crossings": "[]"}


@pytest.mark.parametrize("strongest", VERDICTS)
def test_the_verdict_is_the_most_that_any_member_needs(strongest: str) -> None:
    below = VERDICTS[: VERDICTS.index(strongest) + 1]
    assert told([member(i, kind) for i, kind in enumerate(below)])["verdict"] == strongest
    assert told([member(i, kind) for i, kind in enumerate(reversed(below))])["verdict"] == strongest


def test_crossings_are_told_by_urgency_with_times_that_people_read() -> None:
    found = [member(0, "warm", crossing("date", 30)), member(1, "warm", crossing("date", 5), crossing("over"))]
    rows = json.loads(told(found)["crossings"])
    assert [(row["tags"], row["state"]) for row in rows] == [
        ("host=h1", "over"),
        ("host=h1", "date"),
        ("host=h0", "date"),
    ]
    assert rows[1]["act_by"] == rows[1]["crosses_at"] == "1970-01-01T05:00:00Z"
    assert "act_by" not in rows[0]


@pytest.mark.parametrize("state", STATES)
def test_what_nobody_must_act_on_is_left_out(state: str) -> None:
    rows = json.loads(told([member(0, "full", crossing(state, 5))])["crossings"])
    assert bool(rows) is (state in ("over", "date", "open"))


def test_thousands_of_members_stay_small() -> None:
    found = [member(i, "full", crossing("date", 5000 - i)) for i in range(5000)]
    rows = json.loads(told(found)["crossings"])
    assert [row["tags"] for row in rows] == [f"host=h{4999 - i}" for i in range(MOST_CROSSINGS)]

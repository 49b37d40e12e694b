"""Who is forecast, and what is told of the history of each: silence, rows found, values outside clip."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.chain import forecast as step
from cronocast.chain.found import summed_up
from cronocast.chain.job import Job
from cronocast.chain.run_records import run_fields
from cronocast.chain.shell import run_step
from cronocast.classify.member import profile_of
from cronocast.document.entry import Entry, parse_entry
from cronocast.forecast.answer import MemberForecast, settings_of
from cronocast.forecast.engine import forecast_member
from cronocast.handoff.series import Member

HOUR = 3600 * 10**9
START = 1_736_121_600 * 10**9
SOURCE = {"url": "http://localhost:8086", "database": "d", "measurement": "m", "field": "f"}
LOOKBACK = 672


def entry_of(source: dict[str, Any] | None = None, **more: Any) -> Entry:
    return parse_entry({"name": "x", "source": {**SOURCE, **(source or {})}, **more})


def answer(steps: Sequence[int], end: int, **more: Any) -> MemberForecast:
    """Of a member with rows at these steps, seen from the step `end`."""
    from array import array

    entry, rng = entry_of(**more), np.random.default_rng(1)
    every = int(entry.every)
    times = START + every * np.asarray(steps, dtype=np.int64)
    y = rng.normal(10, 1, times.size)
    member = Member("m", "", array("q", times.tolist()), (array("d", y.tolist()),))
    return forecast_member(profile_of(member, entry), times, y, settings_of(entry, START + every * end))


@pytest.mark.parametrize(
    ("horizon", "silent", "told"),
    [
        ("24h", 0, False),
        ("24h", 23, False),
        ("24h", 24, True),
        ("24h", 240, True),
        ("2h", 9, False),
        ("2h", 10, True),
        ("30d", 24, False),
        ("30d", 10 * 24, True),
    ],
)
def test_a_member_that_is_gone_gets_no_forecast(horizon: str, silent: int, told: bool) -> None:
    found = answer(range(400), 400 + silent, horizon=horizon)
    assert (found.status == "skipped") is told
    assert not told or found.reason.startswith("silent: ")
    assert found.yhat.size == (0 if told else found.time_ns.size)


@pytest.mark.parametrize(("silent", "told"), [(5, False), (6, True)])
def test_the_entry_says_how_long_silence_is(silent: int, told: bool) -> None:
    found = answer(range(400), 400 + silent, silent_after="6h")
    assert found.reason.startswith("silent: ") is told


@pytest.mark.parametrize(
    ("apart", "silent", "told"), [(24, 30, False), (24, 47, False), (24, 48, True), (12, 24, True)]
)
def test_values_that_lie_far_apart_are_no_silence(apart: int, silent: int, told: bool) -> None:
    last = 24 * 27
    found = answer(range(0, last + 1, apart), last + 1 + silent, min_points=3)
    assert (found.status == "skipped") is told, found.reason


def test_a_shop_that_is_closed_over_the_week_end_is_not_gone() -> None:
    steps = [s for s in range(24 * 7 * 4) if (s // 24) % 7 < 5 and 8 <= s % 24 < 18]
    assert answer(steps, 24 * 28 + 7).status == "ok"


def run(tmp_path: Path, rows: dict[str, dict[int, float]], end: int, **more: Any) -> dict[str, Any]:
    """The result of the forecast step on members by tags: step -> value."""
    entry = entry_of(**more)
    lines = [f"m,{tags},{START + s * HOUR},{value!r}" for tags, values in rows.items() for s, value in values.items()]
    (tmp_path / "history.csv").write_text("\n".join(["name,tags,time,value", *lines, ""]))
    job = Job(
        "forecast",
        entry,
        START + end * HOUR,
        standalone=True,
        history=tmp_path / "history.csv",
        profile=None,
        forecast=tmp_path / "forecast.csv",
        state=None,
    )
    assert run_step(step.run, job) == 0
    found: dict[str, Any] = json.loads((tmp_path / "forecast.result.json").read_text())
    return found


def test_a_run_with_members_that_are_gone_is_ok_and_its_record_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    alive = {s: float(v) for s, v in enumerate(rng.normal(50, 1, 400))}
    result = run(tmp_path, {"host=a": alive, "host=b": {s: v for s, v in alive.items() if s < 200}}, 400)
    assert (result["status"], result["reason"]) == ("ok", "1 of 2 members skipped")
    assert [member["status"] for member in result["members"]] == ["ok", "skipped"]
    fields = {key[1]: one for key, one in run_fields({"forecast": result}, {("m", "host=a"): 24})}
    assert (fields["host=b"]["status"], fields["host=b"]["points"]) == ("skipped", 0)
    assert str(fields["host=b"]["reason"]).startswith("silent: ")
    told = [(one["rows_asked"], one["rows_found"], one["rows_filled"], one["empty"]) for one in fields.values()]
    assert told == [(LOOKBACK, 400, 0, "missing"), (LOOKBACK, 200, 0, "missing")]


def test_zeros_are_told(tmp_path: Path) -> None:
    result = run(tmp_path, {"": {s: 20.0 for s in range(400) if s % 24 >= 12}}, 400, source={"aggregate": "count"})
    [member] = result["members"]
    assert (member["rows_found"], member["rows_filled"], member["empty"]) == (196, 192, "zero")
    assert member["prepared"]["filled_as_zero"] == 192


@pytest.mark.parametrize(
    ("clip", "share"),
    [({"min": 0, "max": 100}, "100%"), ({"max": 300}, "50%"), ({"min": 250}, "25%"), ({"min": 100}, ""), ({}, "")],
)
def test_a_history_outside_clip_is_told(tmp_path: Path, clip: dict[str, float], share: str) -> None:
    values = {s: (200.0, 260.0, 350.0, 360.0)[s % 4] for s in range(200)}
    result = run(tmp_path, {"": values}, 200, clip=clip)
    told = [note for note in result["notes"] if note.startswith("outside_clip: ")]
    assert told == result["members"][0].get("notes", [])
    assert [share in note for note in told] == ([True] if share else [])


def test_points_about_the_edges_of_steps_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    counts = np.bincount(np.floor(np.arange(1, 600) + rng.uniform(-0.3, 0.3, 599)).astype(int))
    values = {int(s): float(counts[s]) for s in np.flatnonzero(counts)}
    for source in ({}, {"aggregate": "count"}):
        result = run(tmp_path, {"": values}, 600, source=source)
        assert [note.partition(":")[0] for note in result["notes"]] == ["edge_scatter"]


def test_notes_of_many_members_are_few() -> None:
    notes = [f"outside_clip: {share}% are above" for share in (90, 80, 70)] + ["lstm: warm_start"] * 2
    assert summed_up(notes) == ["outside_clip: 90% are above; 2 more alike", "lstm: warm_start"]


@pytest.mark.parametrize(
    ("more", "low"),
    [
        ({"prepare": {"rate": True}}, 0.0),
        ({"source": {"aggregate": "count"}}, 0.0),
        ({"source": {"aggregate": "count"}, "clip": {"min": 5}}, 5.0),
        ({"source": {"aggregate": "count"}, "clip": {"max": -5}}, None),
        ({}, None),
    ],
)
def test_rates_and_counts_are_never_below_zero(more: dict[str, Any], low: float | None) -> None:
    assert settings_of(entry_of(**more), START).clip[0] == low

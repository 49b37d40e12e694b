"""The record of a run: what the steps left, and what the engine says where a step could leave nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.record import first_failure, not_understood, record_fields, run
from cronocast.errors import AccessError, CronocastError, Terminated
from cronocast.handoff.results import Outcome, result_path, write_result
from tests import load_run

RUN = "2026-01-31T12:00:00Z"
WELL = {"status": "ok", "failed_step": "", "exit": 0, "message": ""}


def leave(
    folder: Path,
    step: str,
    status: str = "ok",
    *,
    seconds: float = 1.0,
    series: str = "cpu",
    run: str = RUN,
    name: str = "",
    reason: str = "",
    error: CronocastError | None = None,
) -> None:
    if status == "failed" and error is None:
        error = AccessError("E_ACCESS", "http://h", "401, which user?")
    path = folder / "forecast" / name if name else folder / step
    path.parent.mkdir(exist_ok=True)
    write_result(
        result_path(name or step, path), step, series, run, Outcome(status=status, reason=reason), seconds, error, {}
    )


def fields(folder: Path, status: str = "", failures: str = "") -> dict[str, Any]:
    return dict(record_fields(folder, "cpu", RUN, status, failures))


def go_quoted(nodes: list[dict[str, Any]]) -> str:
    """As Argo hands the list over: JSON, then quoted as Go's strconv does."""
    return (
        '"'
        + json.dumps(nodes, ensure_ascii=False)
        .replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\x7f", "\\x7f")
        .replace("\U0001f600", "\\U0001f600")
        + '"'
    )


def test_a_good_run(tmp_path: Path) -> None:
    for i, step in enumerate(("extract", "classify", "forecast", "load")):
        leave(tmp_path, step, seconds=i + 0.5)
    assert fields(tmp_path, "Succeeded", "null") == {
        **WELL,
        "extract_s": 0.5,
        "classify_s": 1.5,
        "forecast_s": 2.5,
        "load_s": 3.5,
    }


@pytest.mark.parametrize(
    ("status", "reason"),
    [("fallback", "1 of 3 members fallback"), ("superseded", "a newer run"), ("skipped", "nothing to write")],
)
def test_the_last_step_says_how_it_went(tmp_path: Path, status: str, reason: str) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "load", status, reason=reason)
    assert fields(tmp_path, "Succeeded") == {
        **WELL,
        "status": status,
        "message": reason,
        "extract_s": 1.0,
        "load_s": 1.0,
    }


FELL_BACK = ("fallback", "1 of 1 members fallback")
# id -> (what the parts say, what forecast or select says, what load says, what the record says); each status and reason
TOLD: dict[str, tuple[list[tuple[str, str]], tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "one pod": ([], FELL_BACK, ("ok", ""), FELL_BACK),
    "merged from parts": ([("ok", ""), FELL_BACK], FELL_BACK, ("ok", ""), FELL_BACK),
    "another part was chosen": ([("ok", ""), FELL_BACK], ("ok", ""), ("ok", ""), ("ok", "")),
    "an older run": ([], FELL_BACK, ("superseded", "newer_run: x"), ("superseded", "newer_run: x")),
    "nothing to load": (
        [],
        ("skipped", "no_data: 0 rows"),
        ("skipped", "no_data: 0 rows"),
        ("skipped", "no_data: 0 rows"),
    ),
    "failed before": ([], ("failed", ""), ("ok", ""), ("ok", "")),
}


@pytest.mark.parametrize(("parts", "forecast", "load", "told"), TOLD.values(), ids=TOLD)
def test_a_forecast_that_fell_back_is_not_called_ok_because_it_was_loaded(
    parts: list[tuple[str, str]],
    forecast: tuple[str, str],
    load: tuple[str, str],
    told: tuple[str, str],
    tmp_path: Path,
) -> None:
    for i, (status, reason) in enumerate(parts):
        leave(tmp_path, "forecast", status, reason=reason, name=f"light-{i}")
    for step, (status, reason) in {"forecast": forecast, "load": load}.items():
        leave(tmp_path, step, status, reason=reason)
    found = fields(tmp_path, "Succeeded")
    assert (found["status"], found["message"], found["exit"], found["failed_step"]) == (*told, 0, "")


def test_every_record_has_every_field_so_that_none_of_an_earlier_attempt_stays(tmp_path: Path) -> None:
    """The database keeps a field of a point until it is written again."""
    leave(tmp_path, "load", "failed")
    failed = fields(tmp_path, "Failed")
    leave(tmp_path, "load")
    assert fields(tmp_path, "Succeeded").keys() == failed.keys()
    assert all(value is not None for value in fields(tmp_path, "Succeeded").values())


def test_a_run_that_ended_early_for_want_of_data(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "skipped", reason="no_data: 0 rows")
    assert fields(tmp_path, "Succeeded")["status"] == "skipped"
    assert fields(tmp_path, "Succeeded")["message"] == "no_data: 0 rows"


UNREAD: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "nothing": ("", "", ()),
    "what the engine says": ("Failed", '"[{\\"displayName\\":\\"load(0)\\"}]"', ()),
    "no failures": ("Succeeded", "null", ()),
    "no failures, quoted": ("Succeeded", '"[]"', ()),
    "another word": ("Foo", "", ("--status: 'Foo' .*Succeeded, Failed, Error",)),
    "no JSON": ("Failed", "notjson", ("--failures: 'notjson' ",)),
    "both": ("succeeded", "[1]", ("--status", "--failures")),
}


@pytest.mark.parametrize(("status", "failures", "told"), UNREAD.values(), ids=UNREAD)
def test_what_can_not_be_read_of_the_engines_words_is_told(status: str, failures: str, told: tuple[str, ...]) -> None:
    said = not_understood(status, failures)
    assert len(said) == len(told)
    assert all(re.match(begin, sentence) for sentence, begin in zip(said, told, strict=True))


def test_the_step_that_failed_speaks_for_itself(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "failed")
    found = fields(
        tmp_path, "Failed", go_quoted([{"displayName": "extract(0)", "message": "main: Error (exit code 77)"}])
    )
    assert (found["status"], found["failed_step"], found["exit"]) == ("failed", "extract", 77)
    assert found["message"] == "E_ACCESS http://h: 401, which user?"


def test_a_part_that_failed_is_found_beside_one_that_did_not(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "forecast", "failed", name="light-0", seconds=2)
    leave(tmp_path, "forecast", name="light-1", seconds=5)
    found = fields(tmp_path, "Failed")
    assert (found["status"], found["failed_step"], found["exit"], found["forecast_s"]) == (
        "failed",
        "forecast",
        77,
        5.0,
    )


def test_a_failure_left_by_an_earlier_attempt_is_not_this_ones(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "skipped", reason="no_data: 0 rows")
    leave(tmp_path, "load", "failed")
    assert fields(tmp_path, "Succeeded")["status"] == "skipped"


def test_an_attempt_that_failed_before_one_that_went_well_is_no_failure_of_the_run(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "load")
    assert fields(tmp_path, "Succeeded", go_quoted(NODES)) == {**WELL, "extract_s": 1.0, "load_s": 1.0}


@pytest.mark.parametrize("other", [{"series": "disk"}, {"run": "2026-01-31T13:00:00Z"}])
def test_results_of_other_runs_are_left_aside(tmp_path: Path, other: dict[str, str]) -> None:
    leave(tmp_path, "load", "failed", **other)  # type: ignore[arg-type]
    found = fields(tmp_path)
    assert found.pop("message")
    assert found == {**{name: value for name, value in WELL.items() if name != "message"}, "status": "skipped"}


def test_a_torn_result_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "extract.result.json").write_text('{"step": "extr')
    leave(tmp_path, "classify")
    assert fields(tmp_path)["status"] == "ok"


def test_a_step_that_was_killed_is_named_by_the_engine(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    nodes = [
        {
            "displayName": "forecast(0)",
            "message": "main: OOMKilled (exit code 137)",
            "finishedAt": "2026-01-31T12:01:00Z",
        }
    ]
    found = fields(tmp_path, "Failed", go_quoted(nodes))
    assert (found["status"], found["failed_step"], found["exit"], found["message"]) == (
        "failed",
        "forecast(0)",
        137,
        "main: OOMKilled (exit code 137)",
    )


@pytest.mark.parametrize(
    "failures", ["", "null", "[]", '"null"', '"[]"', "{", "[1, 2]", "no json", '"[{\\"displ', "[" * 100_000, '[{"a": 1']
)
def test_an_engine_that_says_no_more_than_failed(tmp_path: Path, failures: str) -> None:
    found = fields(tmp_path, "Error", failures)
    assert "Error" in str(found.pop("message"))
    assert found == {"status": "failed", "failed_step": "unknown", "exit": -1}


NODES = [
    {"displayName": "cpu-17", "message": "child 'cpu-17-1' failed", "finishedAt": "2026-01-31T12:09:00Z"},
    {"displayName": "load", "message": "No more retries left", "finishedAt": "2026-01-31T12:08:00Z"},
    {"displayName": "load(1)", "message": 'second "x" {\\ ü \x7f \U0001f600', "finishedAt": "2026-01-31T12:07:00Z"},
    {"displayName": "load(0)", "message": 'first "x" {\\ ü \x7f \U0001f600\n', "finishedAt": "2026-01-31T12:06:00Z"},
]


@pytest.mark.parametrize("nodes", [NODES, NODES[::-1]])
def test_the_attempt_that_ended_a_step_is_found_in_any_order(nodes: list[dict[str, Any]]) -> None:
    assert first_failure(go_quoted(nodes)) == first_failure(json.dumps(nodes)) == NODES[2]


@pytest.mark.parametrize("earlier", ["extract(0)", "lstm(0:a)(0)"])
def test_an_attempt_that_was_repeated_and_went_well_is_not_the_failure(earlier: str) -> None:
    recovered = {"displayName": earlier, "message": "75, the database was away", "finishedAt": "2026-01-31T12:00:00Z"}
    assert first_failure(json.dumps([recovered, *NODES])) == NODES[2]
    assert first_failure(json.dumps([recovered])) == recovered  # of a list that was cut off before the steps themselves


def test_the_step_that_failed_first_is_named_before_those_beside_it() -> None:
    beside = [
        {"displayName": name, "message": name, "finishedAt": "2026-01-31T12:08:30Z"}
        for name in ("stats(0:)", "stats(0:)(0)")
    ]
    assert first_failure(json.dumps([*beside, *NODES])) == NODES[2]


def test_a_step_that_was_stopped_is_told_why_by_the_engine(tmp_path: Path) -> None:
    leave(
        tmp_path, "forecast", "failed", error=Terminated("E_TERMINATED", "SIGTERM", "stopped before the step was done")
    )
    found = fields(
        tmp_path,
        "Failed",
        json.dumps(
            [
                {
                    "displayName": "light(0:)(0)",
                    "message": "Pod was active on the node longer than the specified deadline",
                }
            ]
        ),
    )
    assert (
        found["message"]
        == "Pod was active on the node longer than the specified deadline; E_TERMINATED SIGTERM: stopped before the"
        " step was done"
    )


def test_without_attempts_any_node_will_do() -> None:
    assert first_failure(json.dumps(NODES[:1])) == NODES[0]


def test_a_list_that_was_cut_off_still_says_something() -> None:
    whole = go_quoted(NODES[::-1])
    assert first_failure(whole[: len(whole) // 2]) == NODES[3]


def test_nothing_is_written_where_no_records_are_wanted(tmp_path: Path) -> None:
    job = load_run.make_job(tmp_path, "http://127.0.0.1:1", runs=False)
    outcome = Outcome()
    run(replace(job, step="record"), outcome)
    assert outcome == Outcome(status="skipped", reason=outcome.reason)
    assert re.match(r"no_records: .*\bsink\.runs\b", outcome.reason)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("1-extract: Error (exit code 78): error: E_SECRET source.password_file: none", 78),
        ("Step exceeded its deadline", -1),
    ],
)
def test_where_no_result_could_be_left_the_engine_tells_the_exit_code(tmp_path: Path, message: str, code: int) -> None:
    found = fields(tmp_path, "Failed", go_quoted([{"displayName": "chain(0)", "message": message}]))
    assert (found["status"], found["exit"], found["message"]) == ("failed", code, message)


def test_how_a_run_ended_is_shown_by_the_engine(tmp_path: Path) -> None:
    job = replace(
        load_run.make_job(tmp_path, "http://127.0.0.1:1", runs=False), step="record", outputs=tmp_path / "out"
    )
    run(
        replace(job, flags={"status": "Failed", "failures": '[{"displayName": "load(0)", "message": "gone"}]'}),
        Outcome(),
    )
    assert [(job.outputs / name).read_text() for name in ("status", "message")] == ["failed", "load(0): gone"]  # type: ignore[operator]


@pytest.mark.parametrize(("first", "kept"), [("ok", True), ("fallback", True), ("failed", False), (None, False)])
def test_a_run_that_is_done_again_and_fails_leaves_the_record_of_the_first(
    tmp_path: Path, first: str | None, kept: bool
) -> None:
    job = replace(load_run.make_job(tmp_path, "http://127.0.0.1:1"), step="record", flags={"status": "Failed"})
    if first is not None:
        write_result(job.result, "record", job.entry.name, job.run, Outcome(facts={"recorded": first}), 1.0, None, {})
    outcome = Outcome()
    if kept:
        run(job, outcome)
        assert (outcome.status, outcome.facts["recorded"]) == ("skipped", first)
        assert outcome.reason.startswith("kept_first: ")
    else:
        with pytest.raises(CronocastError):  # the database is asked, and is away
            run(job, outcome)

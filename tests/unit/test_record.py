"""The record of a run: what the steps left, and what the engine says where a step could leave nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from cronocast.errors import AccessError
from cronocast.record import first_failure, record_fields
from cronocast.results import Outcome, result_path, write_result

RUN = "2026-01-31T12:00:00Z"


def leave(folder: Path, step: str, status: str = "ok", *, seconds: float = 1.0, series: str = "cpu", run: str = RUN, name: str = "", reason: str = "") -> None:
    error = AccessError("E_ACCESS", "http://h", "401, which user?") if status == "failed" else None
    path = folder / "forecast" / name if name else folder / step
    path.parent.mkdir(exist_ok=True)
    write_result(result_path(name or step, path), step, series, run, Outcome(status=status, reason=reason), seconds, error, {})


def fields(folder: Path, status: str = "", failures: str = "") -> dict[str, Any]:
    return {name: value for name, value in record_fields(folder, "cpu", RUN, status, failures).items() if value is not None}


def go_quoted(nodes: list[dict[str, Any]]) -> str:
    """As Argo hands the list over: JSON, then quoted as Go's strconv does."""
    return '"' + json.dumps(nodes, ensure_ascii=False).replace("\\", "\\\\").replace('"', '\\"').replace("\x7f", "\\x7f").replace("\U0001f600", "\\U0001f600") + '"'


def test_a_good_run(tmp_path: Path) -> None:
    for i, step in enumerate(("extract", "classify", "forecast", "load")):
        leave(tmp_path, step, seconds=i + 0.5)
    assert fields(tmp_path, "Succeeded", "null") == {"status": "ok", "exit": 0, "extract_s": 0.5, "classify_s": 1.5, "forecast_s": 2.5, "load_s": 3.5}


@pytest.mark.parametrize(("status", "reason"), [("fallback", "1 of 3 members fallback"), ("superseded", "a newer run"), ("skipped", "nothing to write")])
def test_the_last_step_says_how_it_went(tmp_path: Path, status: str, reason: str) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "load", status, reason=reason)
    assert {**fields(tmp_path, "Succeeded"), "extract_s": 0, "load_s": 0} == {"status": status, "message": reason, "exit": 0, "extract_s": 0, "load_s": 0}


def test_a_run_that_ended_early_for_want_of_data(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "skipped", reason="no_data: 0 rows")
    assert fields(tmp_path, "Succeeded")["status"] == "skipped"
    assert fields(tmp_path, "Succeeded")["message"] == "no_data: 0 rows"


def test_the_step_that_failed_speaks_for_itself(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "failed")
    found = fields(tmp_path, "Failed", go_quoted([{"displayName": "extract(0)", "message": "main: Error (exit code 77)"}]))
    assert (found["status"], found["failed_step"], found["exit"]) == ("failed", "extract", 77)
    assert found["message"] == "E_ACCESS http://h: 401, which user?"


def test_a_part_that_failed_is_found_beside_one_that_did_not(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "forecast", "failed", name="light-0", seconds=2)
    leave(tmp_path, "forecast", name="light-1", seconds=5)
    found = fields(tmp_path, "Failed")
    assert (found["status"], found["failed_step"], found["exit"], found["forecast_s"]) == ("failed", "forecast", 77, 5.0)


def test_a_failure_left_by_an_earlier_attempt_is_not_this_ones(tmp_path: Path) -> None:
    leave(tmp_path, "extract", "skipped", reason="no_data: 0 rows")
    leave(tmp_path, "load", "failed")
    assert fields(tmp_path, "Succeeded")["status"] == "skipped"


def test_an_attempt_that_failed_before_one_that_went_well_is_no_failure_of_the_run(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    leave(tmp_path, "load")
    assert fields(tmp_path, "Succeeded", go_quoted(NODES)) == {"status": "ok", "exit": 0, "extract_s": 1.0, "load_s": 1.0}


@pytest.mark.parametrize("other", [{"series": "disk"}, {"run": "2026-01-31T13:00:00Z"}])
def test_results_of_other_runs_are_left_aside(tmp_path: Path, other: dict[str, str]) -> None:
    leave(tmp_path, "load", "failed", **other)  # type: ignore[arg-type]
    assert fields(tmp_path) == {"status": "skipped", "exit": 0, "message": "no step left a result"}


def test_a_torn_result_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "extract.result.json").write_text('{"step": "extr')
    leave(tmp_path, "classify")
    assert fields(tmp_path)["status"] == "ok"


def test_a_step_that_was_killed_is_named_by_the_engine(tmp_path: Path) -> None:
    leave(tmp_path, "extract")
    nodes = [{"displayName": "forecast(0)", "message": "main: OOMKilled (exit code 137)", "finishedAt": "2026-01-31T12:01:00Z"}]
    found = fields(tmp_path, "Failed", go_quoted(nodes))
    assert (found["status"], found["failed_step"], found["exit"], found["message"]) == ("failed", "forecast(0)", -1, "main: OOMKilled (exit code 137)")


@pytest.mark.parametrize("failures", ["", "null", "[]", '"null"', '"[]"', "{", "[1, 2]", "no json", '"[{\\"displ', "[" * 100_000, '[{"a": 1'])
def test_an_engine_that_says_no_more_than_failed(tmp_path: Path, failures: str) -> None:
    assert fields(tmp_path, "Error", failures) == {"status": "failed", "failed_step": "unknown", "exit": -1, "message": "the workflow ended as Error"}


NODES = [
    {"displayName": "cpu-17", "message": "child 'cpu-17-1' failed", "finishedAt": "2026-01-31T12:09:00Z"},
    {"displayName": "load", "message": "No more retries left", "finishedAt": "2026-01-31T12:08:00Z"},
    {"displayName": "load(1)", "message": 'second "x" {\\ ü \x7f \U0001f600', "finishedAt": "2026-01-31T12:07:00Z"},
    {"displayName": "load(0)", "message": 'first "x" {\\ ü \x7f \U0001f600\n', "finishedAt": "2026-01-31T12:06:00Z"},
]


@pytest.mark.parametrize("nodes", [NODES, NODES[::-1]])
def test_the_first_attempt_that_failed_is_found_in_any_order(nodes: list[dict[str, Any]]) -> None:
    assert first_failure(go_quoted(nodes)) == first_failure(json.dumps(nodes)) == NODES[3]


def test_without_attempts_any_node_will_do() -> None:
    assert first_failure(json.dumps(NODES[:1])) == NODES[0]


def test_a_list_that_was_cut_off_still_says_something() -> None:
    whole = go_quoted(NODES[::-1])
    assert first_failure(whole[: len(whole) // 2]) == NODES[3]

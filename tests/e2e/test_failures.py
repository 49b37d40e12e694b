"""What goes wrong on a cluster.

A database away, a wrong password, a pod or the controller gone in the middle of a run.
"""

import time
from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.cluster import ENDED, Workflow, code, exits, pods, run, scheduled, seconds, told, until
from tests.e2e.entries import LINES, daily, grid, hourly, values
from tests.e2e.space import Database, Space

AWAY = {"url": "http://influxdb-away:8086"}
AT_ONCE = {**AWAY, "retry_for": "0s"}  # the step gives up at once, so that Argo's own repetition shows
RETRY_S = 5
SERIES: dict[str, dict[str, Any]] = {
    "healthy": {},
    "source-away": {"source": AT_ONCE, "sink": {"url": "http://influxdb:8086"}, "pods": "many"},
    "sink-away": {"sink": AT_ONCE, "pods": "many"},
    "onepod-away": {"source": AT_ONCE, "sink": {"url": "http://influxdb:8086"}, "pods": "one"},
    "slow": {
        "sink": AWAY,
        "schedules": ["* * * * *"],
        "pods": "many",
    },  # waits inside its load step, for more than a minute
    "deleted": {"sink": AWAY, "pods": "many"},
    "denied": {"source": {"password_file": "/secrets/source/wrong"}, "pods": "many"},
    "onepod-denied": {"source": {"password_file": "/secrets/source/wrong"}, "pods": "one"},
    # A message about a failed run, sent by the exit handler to the database, by its line protocol.
    "alarmed": {
        "source": {"password_file": "/secrets/source/wrong"},
        "alerts": {"failed": 1},
        "notify": [LINES],
    },
    "misnamed": {
        "pods": "many",
        "source": {"retention_policy": "nowhere {{=1+1"},
    },  # the database says the name again; Argo would look for the mark's end
}
DENIED = ("denied", "onepod-denied", "alarmed", "misnamed")


@pytest.fixture(scope="module")
def installed(space: Space, database: Database) -> dict[str, str]:
    """Everything is started at once while the second database is stopped; the workflow's name by series."""
    for series in SERIES:
        database.write(hourly(series, "", daily(20)))
    with space.database("influxdb-away") as away:
        for series in ("source-away", "onepod-away"):
            away.write(hourly(series, "", daily(20)))
    space.scale("influxdb-away", 0)
    # Many repetitions: how long the database stays away depends on how fast this machine is.
    space.helm("failures", values(SERIES, retry={"seconds": RETRY_S, "limit": 20, "capSeconds": 20}))
    return {series: space.submit(series) for series in SERIES if series != "slow"}


@pytest.fixture(scope="module")
def slow(installed: dict[str, str], space: Space) -> str:
    """The run that its schedule started."""
    return str(until("a start of slow", lambda: at_work(space))[0]["metadata"]["name"])


def at_work(space: Space) -> list[Workflow]:
    """Runs of slow that have begun; one that waits for the series' mutex has not."""
    return [w for w in space.workflows("slow") if w["status"].get("phase") == "Running"]


@pytest.fixture(scope="module")
def disturbed(installed: dict[str, str], slow: str, space: Space) -> str:
    """While everything waits for the database: a pod is deleted, and the controller is started anew.

    Returns the node of that pod.
    """

    def loading(name: str) -> str:
        return next((n["id"] for n in pods(space.workflow(name), "load") if n["phase"] == "Running"), "")

    node = until("the load pod of deleted", lambda: loading(installed["deleted"]))
    pod = next(
        p["metadata"]["name"]
        for p in space.objects("pod", "-l", f"workflows.argoproj.io/workflow={installed['deleted']}")
        if p["metadata"]["annotations"]["workflows.argoproj.io/node-id"] == node
    )
    space.kubectl("delete", "pod", pod, "--wait=false")
    until("the load pod of slow", lambda: loading(slow))
    run("kubectl", "-n", "argo", "rollout", "restart", "deployment/workflow-controller")
    run("kubectl", "-n", "argo", "rollout", "status", "deployment/workflow-controller", "--timeout=600s")
    return node


@pytest.fixture(scope="module")
def during(installed: dict[str, str], disturbed: str, slow: str, space: Space) -> dict[str, Workflow]:
    """Every run as it stood before the database came back, two minutes and more after slow's start."""
    names = {**installed, "slow": slow}
    begun = seconds(space.workflow(slow)["status"]["startedAt"])
    tried = {"source-away": "extract", "sink-away": "load", "onepod-away": "chain"}
    until(
        "two attempts of each",
        lambda: all(len(pods(space.workflow(names[series]), step)) >= 2 for series, step in tried.items()),
    )
    until("two more minutes of slow's schedule", lambda: time.time() > begun + 125)
    return {series: space.workflow(name) for series, name in names.items()}


@pytest.fixture(scope="module")
def runs(during: dict[str, Workflow], slow: str, space: Space) -> dict[str, Workflow]:
    """Every run at its end, after the database came back."""
    begun = seconds(space.workflow(slow)["status"]["startedAt"])
    space.kubectl("patch", "cronworkflow", "slow", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    # A controller that is late makes up for a start together with the next one, before either has begun; the mutex then
    # holds one back.
    assert [w["metadata"]["name"] for w in at_work(space)] == [slow]
    others = [w for w in space.workflows("slow") if w["metadata"]["name"] != slow]
    assert all(seconds(scheduled(w)) < begun for w in others), (
        f"Forbid, and yet {[w['metadata']['name'] for w in others]} was due after {slow} had begun"
    )
    for other in others:
        space.kubectl("delete", "workflow", other["metadata"]["name"])
    space.scale("influxdb-away", 1)
    return {series: space.ended(workflow["metadata"]["name"]) for series, workflow in during.items()}


@pytest.mark.parametrize(("series", "step"), [("source-away", "extract"), ("sink-away", "load")])
def test_a_database_that_is_away_is_exit_75_repeated_with_growing_waits_and_a_success_once_it_is_back(
    during: dict[str, Workflow], runs: dict[str, Workflow], series: str, step: str
) -> None:
    assert during[series]["status"]["phase"] == "Running", told(during[series])
    assert runs[series]["status"]["phase"] == "Succeeded", told(runs[series])
    codes = exits(runs[series], step)
    assert set(codes[:-1]) == {"75"}
    assert codes[-1] == "0"
    tried = pods(runs[series], step)
    waits = [seconds(after["startedAt"]) - seconds(before["finishedAt"]) for before, after in pairwise(tried)]
    # Doubled each time up to the cap; a hash of the name adds up to as much to the first one.
    assert all(wait >= min(20, RETRY_S * 2**i) - 1 for i, wait in enumerate(waits)), waits


def test_one_pod_is_repeated_for_the_same_reason(runs: dict[str, Workflow]) -> None:
    assert runs["onepod-away"]["status"]["phase"] == "Succeeded", told(runs["onepod-away"])
    tried = pods(runs["onepod-away"], "chain")
    assert len(tried) >= 3
    assert all("exit code 75" in node["message"] for node in tried[:-1])


@pytest.mark.parametrize("series", ["source-away", "sink-away", "onepod-away", "deleted", "slow", "healthy"])
def test_points_are_all_there_afterwards(
    runs: dict[str, Workflow], space: Space, database: Database, series: str
) -> None:
    assert runs[series]["status"]["phase"] == "Succeeded", told(runs[series])
    at = seconds(scheduled(runs[series]))
    if SERIES[series].get("sink", {}).get("url") == AWAY["url"]:
        with space.database("influxdb-away") as away:
            left, records = away.points(series), away.records(series)
    else:
        left, records = database.points(series), database.records(series)
    assert {key[1] for key, point in left.items() if point["run"] == at} == set(grid(at, 24))
    assert {row["status"] for row in records if row["time"] == at} <= {
        "ok",
        "fallback",
    }  # whatever the attempts before the last one met


def test_a_slow_run_keeps_the_next_one_from_starting(during: dict[str, Workflow], runs: dict[str, Workflow]) -> None:
    assert during["slow"]["status"]["phase"] == "Running"
    assert (
        seconds(runs["slow"]["status"]["finishedAt"]) - seconds(runs["slow"]["status"]["startedAt"]) > 120
    )  # at least two starts were due


def test_a_controller_that_is_started_anew_repeats_no_step_that_was_done(runs: dict[str, Workflow]) -> None:
    assert exits(runs["slow"], "extract") == exits(runs["slow"], "classify") == exits(runs["slow"], "light") == ["0"]


def test_a_pod_deleted_in_the_middle_is_made_again(disturbed: str, runs: dict[str, Workflow]) -> None:
    lost = runs["deleted"]["status"]["nodes"][disturbed]
    # Argo sees the pod gone, or first that its program obeyed SIGTERM.
    assert (lost["phase"], code(lost)) in {("Error", ""), ("Failed", "143")}, told(runs["deleted"])
    assert exits(runs["deleted"], "load")[-1] == "0"
    assert exits(runs["deleted"], "extract") == ["0"]


@pytest.mark.parametrize(
    ("series", "step", "code", "token"),
    [("denied", "extract", 77, "E_AUTH"), ("onepod-denied", "chain", 77, "E_AUTH"), ("misnamed", "extract", 69, "E_")],
)
def test_what_no_repetition_mends_is_not_repeated_and_says_why(
    runs: dict[str, Workflow], series: str, step: str, code: int, token: str
) -> None:
    assert runs[series]["status"]["phase"] == "Failed", told(runs[series])
    tried = pods(runs[series], step)
    assert len(tried) == 1
    assert f"exit code {code}" in tried[0]["message"]
    assert token in tried[0]["message"], tried[0]["message"]
    assert not pods(runs[series], "load")


@pytest.mark.parametrize(
    ("series", "step", "code"),
    [("denied", "extract", 77), ("onepod-denied", "extract", 77), ("misnamed", "extract", 69)],
)
def test_the_record_of_a_failed_run_says_where_and_why(
    runs: dict[str, Workflow], database: Database, series: str, step: str, code: int
) -> None:
    [row] = database.records(series)
    assert (row["status"], row["failed_step"], row["exit"]) == ("failed", step, code)
    assert row["message"]
    assert "nowhere {{=1+1" in row["message"] or series != "misnamed"
    assert row["time"] == int(seconds(scheduled(runs[series])))


def test_a_series_that_fails_leaves_the_others_alone(runs: dict[str, Workflow]) -> None:
    ended = {series: workflow["status"]["phase"] for series, workflow in runs.items()}
    assert ended == {series: "Failed" if series in DENIED else "Succeeded" for series in SERIES}
    assert set(ended.values()) <= set(ENDED)


def test_a_failed_run_is_told_to_the_notifier_by_the_exit_handler(
    runs: dict[str, Workflow], database: Database
) -> None:
    assert runs["alarmed"]["status"]["phase"] == "Failed", told(runs["alarmed"])
    assert not pods(runs["alarmed"], "load")
    [row] = database.rows("SELECT status FROM told WHERE \"series\" = 'alarmed' GROUP BY rule")
    assert (row["rule"], row["status"]) == ("failed", "firing")

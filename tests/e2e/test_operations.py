"""What runs tell those who watch: a series without a volume, metrics of the controller, outputs, and `helm test`."""

import re
from contextlib import suppress
from typing import Any

import pytest

from tests.e2e.cluster import Workflow, run, scheduled, seconds, told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import Database, Space

SERIES: dict[str, dict[str, Any]] = {
    "lean": {},
    "lean-missing": {"source": {"measurement": "lean", "field": "nothing"}},
}


@pytest.fixture(scope="module")
def runs(space: Space, database: Database) -> dict[str, Workflow]:
    """One run of each series of a release without a volume, at its end."""
    database.write(hourly("lean", "", daily(20)))
    space.helm("lean", values(SERIES, volume={"enabled": False}))
    started = {name: space.submit(name) for name in SERIES}
    return {name: space.ended(workflow) for name, workflow in started.items()}


def outputs(workflow: Workflow) -> dict[str, str]:
    listed = workflow["status"].get("outputs", {}).get("parameters", [])
    return {parameter["name"]: parameter.get("value", "") for parameter in listed}


def test_without_a_volume_one_pod_forecasts_and_leaves_its_record(
    runs: dict[str, Workflow], space: Space, database: Database
) -> None:
    workflow = runs["lean"]
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    at = int(seconds(scheduled(workflow)))
    assert sum(point["run"] == at for point in database.points("lean").values()) == 24
    records = [row for row in database.records("lean", "WHERE \"series\" = 'lean'") if row["time"] == at]
    assert {row["status"] for row in records} <= {"ok", "fallback"}
    assert any(row.get("extract_s") is not None for row in records)
    claims = space.objects("persistentvolumeclaim", "-l", "app.kubernetes.io/instance=lean")
    assert claims == []


def test_how_a_run_ended_is_an_output(runs: dict[str, Workflow]) -> None:
    assert outputs(runs["lean"])["status"] in ("ok", "fallback"), told(runs["lean"])
    missing = outputs(runs["lean-missing"])
    assert missing["status"] == "failed", told(runs["lean-missing"])
    assert "E_NO_FIELD" in missing["message"]
    assert "exit code 66" in missing["message"]


def test_the_controller_tells_how_runs_ended(runs: dict[str, Workflow], space: Space) -> None:
    release = f'release="{space.name}/lean"'

    def look() -> dict[str, float] | None:
        running = [
            p["metadata"]["name"]
            for p in Space("argo", "").objects("pod", "-l", "app=workflow-controller")
            if p["status"]["phase"] == "Running"
        ]
        if len(running) != 1:  # it is being started anew
            return None
        path = f"/api/v1/namespaces/argo/pods/https:{running[0]}:9090/proxy/metrics"
        lines = re.findall(
            r"^argo_workflows_(cronocast_\w+)\{(.*)\} (\S+)$", run("kubectl", "get", "--raw", path), re.MULTILINE
        )
        found = {}
        for name, labels, value in lines:
            if release in labels:
                series, status = (re.search(rf'{key}="([^"]*)"', labels) for key in ("series", "status"))
                assert series
                found[f"{name} {series[1]} {status[1] if status else ''}".strip()] = float(value)
        return found if len(found) >= 12 else None

    known = None
    for _ in range(3):  # another test starts the controller anew, which forgets what it has counted
        with suppress(AssertionError):
            known = until("metrics of both series", look, 90)
            break
        runs = {name: space.ended(space.submit(name)) for name in SERIES}
    assert known is not None
    assert min(known["cronocast_runs_total lean Succeeded"], known["cronocast_runs_total lean-missing Failed"]) >= 1
    begun = {name: seconds(w["metadata"]["creationTimestamp"]) for name, w in runs.items()}
    assert known["cronocast_last_success_seconds lean"] == begun["lean"]
    assert known["cronocast_last_failure_seconds lean-missing"] == begun["lean-missing"]
    assert "cronocast_last_failure_seconds lean" not in known
    assert 0 < known["cronocast_run_seconds lean"] < 600
    assert known["cronocast_period_seconds lean"] == 366 * 86400
    assert known["cronocast_outcomes_total lean-missing failed"] >= 1
    assert known.get("cronocast_outcomes_total lean ok", known.get("cronocast_outcomes_total lean fallback", 0)) >= 1


def test_helm_test_says_which_series_can_not_work(runs: dict[str, Workflow], space: Space) -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        run("helm", "test", "lean", "-n", space.name, "--timeout", "3m")
    said = space.kubectl("logs", "lean-test")
    assert "nothing" in said
    space.helm("lean", values({"lean": {}}, volume={"enabled": False}))
    run("helm", "test", "lean", "-n", space.name, "--timeout", "3m")

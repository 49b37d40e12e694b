"""A release is upgraded in the middle of a run, removed, and installed again: the claim stays, nothing else is left."""

import json

import pytest

from tests.e2e.cluster import pods, run, told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import Database, Space

KINDS = (
    "cronworkflow,workflowtemplate,workflow,pod,job,cronjob,serviceaccount,role,rolebinding,secret,networkpolicy,"
    "configmap"
)
OWN_CLAIM = {"volume": {"size": "1Gi"}}
ALL_OF_IT = "app.kubernetes.io/instance=releases"


def uid(space: Space) -> str:
    return str(json.loads(space.kubectl("get", "pvc", "releases-data", "-o", "json"))["metadata"]["uid"])


@pytest.fixture(scope="module")
def upgraded(space: Space, database: Database) -> str:
    """A series stays, one goes, one comes, while a run of the one that stays goes on. Its name."""
    for series in ("stays", "comes"):
        database.write(hourly(series, "", daily(20)))
    space.helm("releases", values({"stays": {}, "goes": {}}, **OWN_CLAIM))
    running = space.submit("stays")
    until("the run to begin", lambda: space.workflow(running).get("status", {}).get("phase") == "Running")
    run("argo", "cron", "suspend", "-n", space.name, "stays")
    space.helm("releases", values({"stays": {"horizon": "6h"}, "comes": {}}, **OWN_CLAIM))
    return running


def test_an_upgrade_adds_and_removes_series_and_lets_a_run_go_on(
    space: Space, database: Database, upgraded: str
) -> None:
    assert space.names("cronworkflow", "-l", ALL_OF_IT) == {"stays", "comes"}
    added = space.submit("comes")
    for name in (upgraded, added):
        workflow = space.ended(name)
        assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    assert len(database.points("stays")) == 24  # as it was when that run began
    assert len(database.points("comes")) == 24


def test_a_series_that_somebody_suspended_stays_so(space: Space, upgraded: str) -> None:
    suspended = {
        cron["metadata"]["name"]: cron["spec"].get("suspend", False)
        for cron in space.objects("cronworkflow", "-l", ALL_OF_IT)
    }
    assert suspended == {"stays": True, "comes": False}


def test_the_next_run_is_as_the_upgrade_says(space: Space, database: Database, upgraded: str) -> None:
    workflow = space.ended(space.submit("stays"))
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    newest = max(point["run"] for point in database.points("stays").values())
    assert sum(point["run"] == newest for point in database.points("stays").values()) == 6


def test_the_janitor_runs_under_the_same_restrictions(space: Space, upgraded: str) -> None:
    space.kubectl("create", "job", "janitor-now", "--from=cronjob/releases-janitor")
    space.kubectl("wait", "--for=condition=complete", "job/janitor-now", "--timeout=600s")
    assert "clean: " in space.kubectl("logs", "job/janitor-now")
    space.kubectl("delete", "job", "janitor-now")


def test_removing_the_release_keeps_the_claim_and_leaves_nothing_else_and_a_new_one_takes_the_claim_again(
    space: Space, database: Database, upgraded: str
) -> None:
    before = uid(space)
    running = space.submit("stays")
    until("the pod of a run to begin", lambda: pods(space.workflow(running), "chain"))
    run("helm", "uninstall", "releases", "-n", space.name, "--wait")
    own = f"workflows.argoproj.io/workflow={running}"  # what Argo makes has no label of ours
    until(
        "everything of the release to go",
        lambda: not space.objects(KINDS, "-l", ALL_OF_IT) and not space.objects("workflowtaskresult,pod", "-l", own),
    )
    assert uid(space) == before
    space.helm("releases", values({"stays": {}}, **OWN_CLAIM))
    assert uid(space) == before
    workflow = space.ended(space.submit("stays"))
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)

"""Series of three kinds run by their own schedules in a restricted namespace and leave exactly the expected points."""

import json

import pytest

from tests.e2e.cluster import ENDED, Workflow, argo_api, pods, run, scheduled, seconds, told, until
from tests.e2e.entries import daily, grid, hourly, rising, values
from tests.e2e.space import Database, Space

HOSTS = {"disk": [""], "cpu": ["a", "b", "c"], "web": [""]}
HORIZON = 24


@pytest.fixture(scope="module")
def runs(space: Space, database: Database) -> dict[str, Workflow]:
    """The first run of each series by its schedule; no further ones start."""
    database.write(hourly("disk", "", rising) + hourly("web", "", daily(20)))
    database.write(
        [line for i, host in enumerate(HOSTS["cpu"]) for line in hourly("cpu", f",host={host}", daily(10 + 5 * i))]
    )
    every = {"schedules": ["* * * * *"]}
    series = {
        "disk": every,
        "cpu": {**every, "source": {"group_by": ["host"]}, "pods": "many"},
        "web": {**every, "model": "lstm", "options": {"epochs": 3}},
    }
    space.helm(
        "schedules", values({**series, "idle": {"title": "Idle", "on_missing": "skip"}}, schedule={"labelClass": True})
    )
    started = until("a start of each series", lambda: all(map(space.workflows, series)))
    assert started
    for name in series:
        space.kubectl("patch", "cronworkflow", name, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    until(
        "the end of every run",
        lambda: all(w["status"].get("phase") in ENDED for name in series for w in space.workflows(name)),
    )
    return {name: space.finished(name) for name in series}


@pytest.mark.parametrize("series", HOSTS)
def test_a_scheduled_run_leaves_exactly_the_points_of_its_members(
    runs: dict[str, Workflow], database: Database, series: str
) -> None:
    assert runs[series]["status"]["phase"] == "Succeeded", told(runs[series])
    at = int(seconds(scheduled(runs[series])))
    left = {key for key, point in database.points(series).items() if point["run"] == at}
    assert left == {(host, time) for host in HOSTS[series] for time in grid(at, HORIZON)}


@pytest.mark.parametrize("series", HOSTS)
def test_a_run_leaves_its_record_and_one_of_each_member(
    runs: dict[str, Workflow], database: Database, series: str
) -> None:
    at = int(seconds(scheduled(runs[series])))
    found = [row for row in database.records(series) if row["time"] == at]
    members = [row for row in found if row["points"]]
    assert [row["points"] for row in members] == [HORIZON] * len(HOSTS[series])
    assert {row["status"] for row in found} <= {"ok", "fallback"}


def test_the_model_decides_which_image_forecasts(runs: dict[str, Workflow], database: Database) -> None:
    ran = {
        series: {task for task in ("chain", "light", "lstm") if pods(workflow, task)}
        for series, workflow in runs.items()
    }
    assert ran == {"disk": {"chain"}, "cpu": {"light"}, "web": {"lstm"}}
    assert {row["model"] for row in database.records("web") if row["points"]} == {
        "lstm"
    }  # and no simpler one took its place


def test_the_same_scheduled_time_again_leaves_the_same_points(
    runs: dict[str, Workflow], space: Space, database: Database
) -> None:
    before = database.points("cpu")
    again = space.ended(space.submit("cpu", "--scheduled-time", scheduled(runs["cpu"])))
    assert again["status"]["phase"] == "Succeeded", told(again)
    assert scheduled(again) == scheduled(runs["cpu"])
    assert database.points("cpu") == before


def test_runs_and_their_labels_show_in_the_api_that_the_ui_reads(runs: dict[str, Workflow], space: Space) -> None:
    listed = argo_api(
        f"/api/v1/workflows/{space.name}?listOptions.labelSelector=workflows.argoproj.io/cron-workflow=web"
    )["items"]
    assert runs["web"]["metadata"]["name"] in {w["metadata"]["name"] for w in listed}
    labels = [w["metadata"]["labels"] for w in listed]
    assert {(found["cronocast.io/series"], found["cronocast.io/model"]) for found in labels} == {("web", "lstm")}
    assert {w["metadata"]["annotations"]["workflows.argoproj.io/title"] for w in listed} == {"web"}
    crons = argo_api(f"/api/v1/cron-workflows/{space.name}")["items"]
    assert {"disk", "cpu", "web"} <= {c["metadata"]["name"] for c in crons}
    parameters = {p["name"]: p.get("value") for p in listed[0]["spec"]["arguments"]["parameters"]}
    assert json.loads(parameters["series"])["source"]["measurement"] == "web"


def test_the_class_shows_as_an_output_of_the_run(runs: dict[str, Workflow]) -> None:
    shown = {
        series: {p["name"]: p.get("value") for p in workflow["status"].get("outputs", {}).get("parameters", [])}
        for series, workflow in runs.items()
    }
    assert {series: outputs["class"] for series, outputs in shown.items()} == {
        "disk": "trend",
        "cpu": "seasonal",
        "web": "seasonal",
    }


def test_runs_can_be_filtered_by_their_class(runs: dict[str, Workflow], space: Space) -> None:
    listed = argo_api(
        f"/api/v1/workflows/{space.name}?listOptions.labelSelector="
        "cronocast.io/class=seasonal,app.kubernetes.io/instance=schedules"
    )["items"]
    assert {w["metadata"]["labels"]["cronocast.io/series"] for w in listed} == {"cpu", "web"}


def test_a_run_whose_label_cannot_be_set_goes_on_without_it(runs: dict[str, Workflow], space: Space) -> None:
    binding = run("kubectl", "get", "rolebinding", "schedules-label", "-n", space.name, "-o", "json")
    space.kubectl("delete", "rolebinding", "schedules-label")
    try:
        names = [space.submit(series) for series in ("disk", "idle")]
        workflow, idle = map(space.ended, names)
    finally:
        run("kubectl", "apply", "-f", "-", stdin=binding)
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    assert "cronocast.io/class" not in workflow["metadata"]["labels"]
    assert "forbidden" in str([node.get("message") for node in pods(workflow, "label")])
    assert idle["status"]["phase"] == "Succeeded", told(
        idle
    )  # no value in its window, so there is nothing to load, nor to label
    assert not pods(idle, "label")


def test_the_namespace_refuses_what_is_not_restricted_and_every_run_used_the_charts_own_account(
    runs: dict[str, Workflow], space: Space
) -> None:
    loose = {"containers": [{"name": "loose", "image": "localhost/none", "securityContext": {"privileged": True}}]}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loose", "namespace": space.name},
        "spec": loose,
    }
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        run("kubectl", "apply", "--dry-run=server", "-f", "-", stdin=json.dumps(document))
    assert {w["status"]["storedWorkflowTemplateSpec"]["serviceAccountName"] for w in runs.values()} == {"schedules"}
    assert rights(space, "schedules") == {"workflowtaskresults.argoproj.io": "[create patch]"}
    assert rights(space, "schedules-label") == {
        "workflowtaskresults.argoproj.io": "[create patch]",
        "workflows.argoproj.io": "[get patch]",
    }


def rights(space: Space, account: str) -> dict[str, str]:
    """What an account may do with objects of Argo, secrets and pods."""
    told = run(
        "kubectl", "auth", "can-i", "--list", "-n", space.name, f"--as=system:serviceaccount:{space.name}:{account}"
    )
    return {
        line.split()[0]: line[line.rindex("[") :]
        for line in told.splitlines()
        if "argoproj" in line or "secrets" in line or "pods" in line
    }

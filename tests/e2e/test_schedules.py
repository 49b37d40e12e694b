"""Series of three kinds run by their own schedules in a restricted namespace and leave exactly the expected points."""

import json

import pytest

from tests.e2e.cluster import Space, argo_api, daily, hourly, nodes, until, values

HOSTS = ("a", "b", "c")


@pytest.fixture(scope="module")
def installed(space: Space) -> Space:
    space.write(hourly("disk", "", lambda i: 10 + i * 0.05 + ((i * 7919) % 13) / 50))
    for i, host in enumerate(HOSTS):
        space.write(hourly("cpu", f",host={host}", daily(10 + 5 * i)))
    space.write(hourly("web", "", daily(20)))
    every = {"schedules": ["* * * * *"]}
    series = {
        "disk": {"source": {"measurement": "disk"}, **every},
        "cpu": {"source": {"measurement": "cpu", "group_by": ["host"]}, **every},
        "web": {"source": {"measurement": "web"}, "model": "lstm", "options": {"epochs": 3}, **every},
    }
    space.helm(values(series))
    return space


@pytest.mark.parametrize(("series", "members"), [("disk", 1), ("cpu", 3), ("web", 1)])
def test_a_scheduled_run_leaves_exactly_the_points_of_its_members(installed: Space, series: str, members: int) -> None:
    workflow = installed.finished(series, 400)
    installed.kubectl("patch", "cronworkflow", series, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    assert workflow["status"]["phase"] == "Succeeded", json.dumps(workflow["status"], indent=1)[:3000]
    until("runs to end", lambda: all(w["status"].get("phase") in ("Succeeded", "Failed") for w in installed.workflows(series)))
    newest = max(int(p) for p in run_values(installed, series))
    counts = installed.count(f"{series}_forecast", f"WHERE run = {newest}")
    assert counts == dict.fromkeys(("yhat", "yhat_lower", "yhat_upper", "run"), 24 * members)


def run_values(space: Space, series: str) -> list[float]:
    """The runs whose points are there."""
    found = space.influx(f'SELECT run FROM "{series}_forecast"', "forecasts")
    return [row[1] for part in found for row in part["values"]]


def test_the_class_decides_which_forecast_runs(installed: Space) -> None:
    light, heavy = installed.finished("cpu"), installed.finished("web")
    assert [n["type"] for n in nodes(light, "lstm")] == ["Skipped"] or not [n for n in nodes(light, "lstm") if n["type"] == "Pod"]
    assert [n["phase"] for n in nodes(heavy, "lstm") if n["type"] == "Pod"] == ["Succeeded"]


def test_the_same_scheduled_time_again_leaves_the_same_points(installed: Space) -> None:
    before = points(installed, "disk")
    workflow = installed.finished("disk")
    scheduled = workflow["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"]
    again = installed.submit("disk", "--scheduled-time", scheduled)
    assert installed.ended(again)["status"]["phase"] == "Succeeded"
    assert points(installed, "disk").keys() == before.keys()


def points(space: Space, series: str) -> dict[int, list[float]]:
    """Time -> values of every forecast point."""
    found = space.influx(f'SELECT yhat, yhat_lower, yhat_upper FROM "{series}_forecast"', "forecasts")
    return {row[0]: row[1:] for row in found[0]["values"]}


def test_runs_and_their_labels_show_in_the_api_that_the_ui_reads(installed: Space) -> None:
    listed = json.loads(argo_api(f"/api/v1/workflows/{installed.name}?listOptions.labelSelector=cronocast.io/series=cpu"))["items"]
    assert listed
    assert all(w["metadata"]["annotations"]["workflows.argoproj.io/title"] == "cpu" for w in listed)
    crons = json.loads(argo_api(f"/api/v1/cron-workflows/{installed.name}"))["items"]
    assert {c["metadata"]["name"] for c in crons} == {"disk", "cpu", "web"}

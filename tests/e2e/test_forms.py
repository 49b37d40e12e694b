"""The other ways to start a series, and the other shapes of a run.

On demand, from plain files, as one pod, over several pods, with models of libraries, with odd names.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import Workflow, pods, run, scheduled, seconds, told
from tests.e2e.entries import LINES, ODD_NAME, ODD_TITLE, daily, grid, hourly, values
from tests.e2e.space import Database, Space

MEMBERS = [f"h{i:02d}" for i in range(60)]
# Above its limit, and a message about that.
FULL = {"thresholds": [{"above": 20, "name": "low"}], "alerts": {"runs": 1}, "notify": [LINES]}
SERIES: dict[str, dict[str, Any]] = {
    "ondemand": {"schedules": ["0 0 1 1 *"]},
    "onepod": {},
    "manypods": {"pods": "many", **FULL},
    "full": FULL,
    "odd": {"title": ODD_TITLE, "source": {"measurement": ODD_NAME}},
    "sharded": {"source": {"group_by": ["host"]}, "shards": 3, "model": "linear", "horizon": "6h"},
    "stats": {"model": "mstl", "horizon": "6h"},
    "darts": {"model": "darts:ExponentialSmoothing", "horizon": "6h"},
}
LIBRARIES = ("stats", "darts")  # tasks by the image that they need, and series that need it


@pytest.fixture(scope="module")
def runs(space: Space, database: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workflow]:
    """One run of each, started together."""
    for series in ("ondemand", "onepod", "manypods", "full", "plain", *LIBRARIES):
        database.write(hourly(series, "", daily(20)))
    database.write(hourly(re.sub(r"([, ])", r"\\\1", ODD_NAME), "", daily(20)))
    for host in MEMBERS:
        database.write(hourly("sharded", f",host={host}", daily(10)))
    space.helm("forms", values(SERIES))
    create_plainly(space, tmp_path_factory.mktemp("plain"))
    started = {
        "sharded": space.submit("sharded"),
        "ondemand": space.submit("ondemand", "-p", "model=linear", "-p", "horizon=6h"),
        "onepod": space.submit("onepod"),
        "manypods": space.submit("manypods"),
        "full": space.submit("full"),
        "asked": space.submit("onepod", "-p", "model=mstl", "-p", "horizon=6h"),
        "plain": space.submit("plain"),
        "odd": space.submit("odd"),
        **{series: space.submit(series) for series in LIBRARIES},
    }
    return {series: space.ended(name) for series, name in started.items()}


def create_plainly(space: Space, folder: Path) -> None:
    """Without Helm's release: files of `cronocast render`, given to kubectl and argo."""
    file = folder / "values.yaml"
    file.write_text(json.dumps(values({"plain": {"horizon": "6h"}})))
    run(
        sys.executable,
        "-m",
        "cronocast",
        "render",
        "-f",
        str(file),
        "-o",
        str(folder),
        "--release",
        "plain",
        "-n",
        space.name,
    )
    space.kubectl("apply", "-f", str(folder / "cronocast.yaml"))
    run("argo", "cron", "create", "-n", space.name, str(folder / "plain.yaml"))


def points_are(database: Database, series: str, workflow: Workflow, hosts: list[str], hours: int) -> None:
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    at = seconds(scheduled(workflow))
    assert database.points(series).keys() == {(host, time) for host in hosts for time in grid(at, hours)}


def test_submitting_with_another_model_and_horizon_runs_that_once(
    runs: dict[str, Workflow], database: Database
) -> None:
    points_are(database, "ondemand", runs["ondemand"], [""], 6)
    assert runs["ondemand"]["metadata"]["labels"]["cronocast.io/model"] == "linear"
    assert [row["model"] for row in database.records("ondemand") if row["points"]] == ["linear"]


def test_plain_files_run_without_a_release(runs: dict[str, Workflow], database: Database) -> None:
    points_are(database, "plain", runs["plain"], [""], 6)
    assert runs["plain"]["status"]["storedWorkflowTemplateSpec"]["serviceAccountName"] == "plain"


def templates(workflow: Workflow) -> list[str]:
    """Templates of the pods of a run, each once."""
    return sorted({node["templateName"] for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"})


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("onepod", ["chain", "record"]),
        ("full", ["chain", "record"]),
        ("manypods", ["classify", "extract", "forecast", "load", "record"]),
    ],
)
def test_a_series_of_light_models_runs_as_one_pod_unless_it_says_many(
    runs: dict[str, Workflow], database: Database, series: str, expected: list[str]
) -> None:
    points_are(database, series, runs[series], [""], 24)
    assert templates(runs[series]) == expected


@pytest.mark.parametrize("series", ["full", "manypods"])
def test_a_threshold_that_is_crossed_is_an_output_of_the_run_and_a_message(
    runs: dict[str, Workflow], database: Database, series: str
) -> None:
    outputs = {p["name"]: p["value"] for p in runs[series]["status"]["outputs"]["parameters"]}
    assert [(row["threshold"], row["state"]) for row in json.loads(outputs["crossings"])] == [("low", "over")]
    assert outputs["verdict"] == "full"
    [row] = database.rows(f"SELECT status FROM told WHERE \"series\" = '{series}' GROUP BY rule")
    assert (row["rule"], row["status"]) == ("crossing", "firing")


@pytest.mark.parametrize("series", ["onepod", "manypods", "sharded"])
def test_class_verdict_and_crossings_are_outputs_of_the_run(runs: dict[str, Workflow], series: str) -> None:
    outputs = {p["name"]: p["value"] for p in runs[series]["status"]["outputs"]["parameters"]}
    assert outputs.keys() == {"class", "verdict", "crossings", "status", "message"}
    assert outputs["status"] in ("ok", "fallback")
    assert outputs["class"] == "seasonal"
    assert isinstance(json.loads(outputs["crossings"]), list)


def test_one_pod_reserves_little_more_than_its_neediest_step(space: Space, runs: dict[str, Workflow]) -> None:
    made = json.loads(space.kubectl("get", "workflowtemplate", "forms-cpu", "-o", "json"))["spec"]["templates"]
    (chain,) = (template for template in made if template["name"] == "chain")
    asked = [c["resources"]["requests"]["cpu"] for c in chain["containerSet"]["containers"]]
    assert asked.count("5m") == len(asked) - 1


def test_a_heavy_model_asked_for_at_the_start_of_a_run_gets_its_image(runs: dict[str, Workflow]) -> None:
    assert runs["asked"]["status"]["phase"] == "Succeeded", told(runs["asked"])
    assert templates(runs["asked"]) == ["classify", "extract", "forecast-stats", "load", "record"]


def test_shards_forecast_in_pods_of_their_own_and_are_merged(runs: dict[str, Workflow], database: Database) -> None:
    points_are(database, "sharded", runs["sharded"], MEMBERS, 6)
    assert len(pods(runs["sharded"], "light")) == 3
    assert len(pods(runs["sharded"], "select")) == 1


@pytest.mark.parametrize("image", LIBRARIES)
def test_a_model_of_a_library_runs_in_the_image_that_has_it(
    image: str, runs: dict[str, Workflow], database: Database
) -> None:
    points_are(database, image, runs[image], [""], 6)
    assert [pod["templateName"] for pod in pods(runs[image], image)] == [f"forecast-{image}"]
    assert pods(runs[image], "light") == []
    assert [row["model"] for row in database.records(image) if row["points"]] == [SERIES[image]["model"]]


def test_odd_texts_come_through_every_layer_unchanged(runs: dict[str, Workflow], database: Database) -> None:
    assert runs["odd"]["status"]["phase"] == "Succeeded", told(runs["odd"])
    assert runs["odd"]["metadata"]["annotations"]["workflows.argoproj.io/title"] == ODD_TITLE
    written = {row[0] for row in database.query("SHOW MEASUREMENTS", "forecasts")[0]["values"]}
    assert {f"{ODD_NAME}_forecast", f"{ODD_NAME}_forecast_runs"} <= written
    name = ODD_NAME.replace("\\", "\\\\")
    assert [row["time"] for row in database.rows(f'SELECT yhat FROM "{name}_forecast"')] == grid(
        seconds(scheduled(runs["odd"])), 24
    )

"""The chart and the package agree on which image forecasts what."""

import json
import re
from typing import Any

import pytest

from cronocast.document.pods import pods_problems
from cronocast.images import PARTS
from cronocast.models.rules import image_of
from cronocast.models.table import MODELS
from tests.chart.rendering import MINIMAL, kind, problems, render

ELSEWHERE = [*(name for name in MODELS if image_of(name) != "light" and ":" not in name), "darts:Theta"]


@pytest.fixture(scope="module")
def templates() -> dict[str, Any]:
    (workflow,) = kind(render({"series": {"a": MINIMAL}}), "WorkflowTemplate")
    return {template["name"]: template for template in workflow["spec"]["templates"]}


def test_each_image_has_a_task_that_reads_its_parts_and_starts_no_pod_without_one(templates: dict[str, Any]) -> None:
    tasks = {task["name"]: task for task in templates["many"]["dag"]["tasks"]}
    told = {output["name"]: output["valueFrom"]["default"] for output in templates["classify"]["outputs"]["parameters"]}
    for image in PARTS:
        assert tasks[image]["withParam"] == f"{{{{tasks.classify.outputs.parameters.parts-{image}}}}}"
        assert json.loads(told[f"parts-{image}"]) == []
        assert f"/{tasks[image]['template']}:" in templates[tasks[image]["template"]]["container"]["image"]
        for later in ("select", "load"):
            assert f"({image}.Succeeded || {image}.Skipped)" in tasks[later]["depends"]
    assert {name for name in told if name.startswith("parts-")} == {f"parts-{image}" for image in PARTS}


def forms(series: dict[str, Any]) -> dict[str, str]:
    """Where a run of each series begins."""
    made = render({"defaults": MINIMAL, "series": series})
    return {cron["metadata"]["name"]: cron["spec"]["workflowSpec"]["entrypoint"] for cron in kind(made, "CronWorkflow")}


def asked(model: str) -> dict[str, dict[str, Any]]:
    """Series that may need a model, by a name of what says so."""
    return {"model": {"model": model}, "candidate": {"candidates": ["theta", model]}}


@pytest.mark.parametrize("model", ELSEWHERE)
def test_one_pod_takes_no_model_of_another_image(model: str) -> None:
    said = problems({"defaults": {**MINIMAL, "pods": "one"}, "series": asked(model)})
    for name, own in asked(model).items():
        found = list(pods_problems({**own, "pods": "one"}, f"series.{name}.pods"))
        assert [problem.token for problem in found] == ["E_CONFIG_CROSS"]
        assert all(str(problem) in said for problem in found)
    assert set(forms(asked(model)).values()) == {"many"}


def test_auto_takes_one_pod_for_light_models_and_several_where_shards_ask_for_them() -> None:
    light = [name for name in MODELS if image_of(name) == "light"]
    series: dict[str, Any] = {
        f"light{i}": {"model": name} for i, name in enumerate(["auto", *light, "own.module:Class"])
    }
    series["all-light"] = {"candidates": light}
    many = {
        "shards": {"shards": 2},
        "asked": {"pods": "many"},
        "heavy": {"model": "lstm", "pods": "auto"},
    }
    found = forms({**series, **many, "one": {"pods": "one"}, "unsharded": {"shards": 1, "title": "T"}})
    assert {name for name, form in found.items() if form == "many"} == many.keys()
    assert set(found.values()) == {"one", "many"}


@pytest.mark.parametrize("model", [*MODELS, "darts:Theta", "own.lstm:Class", "auto", ""])
def test_a_model_asked_for_at_the_start_of_a_run_gets_its_image(templates: dict[str, Any], model: str) -> None:
    """By `-p model=...`: one of the two tasks runs, whatever the series itself says."""
    tasks = {task["name"]: task for task in templates["one"]["dag"]["tasks"]}
    (pattern,) = set(re.findall("matches '(.*?)'", tasks["chain"]["when"]))
    assert tasks["chain"]["when"].startswith("{{=!(")
    assert tasks["many"]["when"] == f"{{{{=workflow.parameters.model matches '{pattern}'}}}}"
    assert bool(re.search(pattern, model)) is (model not in ("auto", "") and image_of(model) != "light")

"""The chart and the package agree on which image forecasts what."""

import json
from typing import Any

import pytest

from cronocast.chain.parts import image_of
from cronocast.images import PARTS
from cronocast.models.table import MODELS
from tests.chart.rendering import MINIMAL, kind, problems, render

ELSEWHERE = [*(name for name in MODELS if image_of(name) != "light" and ":" not in name), "darts:Theta"]


@pytest.fixture(scope="module")
def templates() -> dict[str, Any]:
    (workflow,) = kind(render({"series": {"a": MINIMAL}}), "WorkflowTemplate")
    return {template["name"]: template for template in workflow["spec"]["templates"]}


def test_each_image_has_a_task_that_reads_its_parts_and_starts_no_pod_without_one(templates: dict[str, Any]) -> None:
    tasks = {task["name"]: task for task in templates["series"]["dag"]["tasks"]}
    told = {output["name"]: output["valueFrom"]["default"] for output in templates["classify"]["outputs"]["parameters"]}
    for image in PARTS:
        assert tasks[image]["withParam"] == f"{{{{tasks.classify.outputs.parameters.parts-{image}}}}}"
        assert json.loads(told[f"parts-{image}"]) == []
        assert f"/{tasks[image]['template']}:" in templates[tasks[image]["template"]]["container"]["image"]
        for later in ("select", "load"):
            assert f"({image}.Succeeded || {image}.Skipped)" in tasks[later]["depends"]
    assert {name for name in told if name.startswith("parts-")} == {f"parts-{image}" for image in PARTS}


@pytest.mark.parametrize("model", ELSEWHERE)
def test_one_pod_takes_no_model_of_another_image(model: str) -> None:
    for settings in ({"model": model}, {"candidates": ["theta", model]}):
        assert (
            "E_CONFIG_CROSS series.a.singlePod: the one pod carries light models only; leave out singlePod, or the"
            f" model {model}" in problems({"series": {"a": {**MINIMAL, "singlePod": True, **settings}}})
        )

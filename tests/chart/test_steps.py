"""A step that is added as one row gets its pod and its place in the chain, by the real helm."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import STEPS, Step, chain_steps
from cronocast.images import PODS
from helm import generate
from tests.chart import rendering
from tests.chart.rendering import CHART, MINIMAL, kind, render

TOY = Step("nowhere:run", about="Look.", pod="classify", secrets=("sink",), settings=("horizon",))


def templates(workflow: dict[str, Any]) -> dict[str, Any]:
    return {template["name"]: template for template in workflow["spec"]["templates"]}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_has_a_pod_of_its_kind(name: str) -> None:
    (workflow,) = kind(render({"series": {"a": MINIMAL}}), "WorkflowTemplate")
    template = templates(workflow)[name]
    assert template["container"]["args"] == [name]
    assert f"/{STEPS[name].image}:" in template["container"]["image"]
    assert template["activeDeadlineSeconds"] == PODS[STEPS[name].pod].deadline_s


def test_a_new_step_gets_its_pod_and_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "toy", TOY)
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "_steps.tpl").write_text(generate.steps_tpl())
    step_leaves.cache_clear()
    monkeypatch.setattr(rendering, "CHART", chart)
    (workflow,) = kind(render({"series": {"a": MINIMAL}, "secrets": {"sink": "s"}}), "WorkflowTemplate")
    made = templates(workflow)
    task = next(task for task in made["series"]["dag"]["tasks"] if task["name"] == "toy")
    assert (task["template"], task["depends"]) == ("toy", "load.Succeeded")
    container = made["toy"]["container"]
    assert "/classify:" in container["image"]
    assert [env["name"] for env in container["env"]][3:] == ["CRONOCAST_HORIZON"]
    assert "/secrets/sink" in [mount["mountPath"] for mount in container["volumeMounts"]]
    last = made["single"]["containerSet"]["containers"][-1]
    assert (last["name"], last["dependencies"]) == (f"{len(chain_steps())}-toy", [f"{len(chain_steps()) - 1}-load"])
    assert f"^[1-{len(chain_steps())}]-" in made["single"]["retryStrategy"]["expression"]

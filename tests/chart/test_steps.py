"""A step that is added as one row gets its pod and its place in the chain, by the real helm."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.resolve import step_leaves
from cronocast.chain.table import STEPS, Step
from cronocast.images import PODS
from helm import generate
from tests.chart import rendering
from tests.chart.rendering import CHART, MINIMAL, containers, kind, render

TOY = Step("nowhere:run", about="Look.", pod="classify", secrets=("sink",), settings=("horizon",))


def templates(workflow: dict[str, Any]) -> dict[str, Any]:
    return {template["name"]: template for template in workflow["spec"]["templates"]}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_has_a_pod_of_its_kind(name: str) -> None:
    (workflow,) = kind(render({"series": {"a": MINIMAL}}), "WorkflowTemplate")
    step, made = STEPS[name], templates(workflow)
    template = made.get(name) or made[step.image]  # it may share the pod of another step of its image
    (container,) = (c for c in containers(template) if c["args"] == [name])
    assert f"/{step.image}:" in container["image"]
    assert template["activeDeadlineSeconds"] >= PODS[step.pod].deadline_s


@pytest.fixture
def with_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Step]], dict[str, Any]]:
    """Renders the chart as it would be with other steps; its templates by name."""

    def made(steps: dict[str, Step]) -> dict[str, Any]:
        monkeypatch.setattr(generate, "STEPS", steps)
        monkeypatch.setitem(STEPS, "toy", TOY)
        chart = tmp_path / "chart"
        shutil.copytree(CHART, chart)
        (chart / "templates" / "_steps.tpl").write_text(generate.steps_tpl())
        step_leaves.cache_clear()
        monkeypatch.setattr(rendering, "CHART", chart)
        (workflow,) = kind(render({"series": {"a": MINIMAL}, "secrets": {"sink": "s"}}), "WorkflowTemplate")
        return templates(workflow)

    return made


Steps = Callable[[dict[str, Step]], dict[str, Any]]


def task(made: dict[str, Any], name: str) -> dict[str, Any]:
    """One task of the run as several pods."""
    found: dict[str, Any] = next(task for task in made["many"]["dag"]["tasks"] if task["name"] == name)
    return found


def test_a_new_step_gets_its_pod_and_its_place(with_steps: Steps) -> None:
    made = with_steps({**STEPS, "toy": TOY})
    last_name = [name for name, step in STEPS.items() if step.in_chain and name != "toy"][-1]
    group = next(name for name in ("load", last_name) if name in made)
    assert (task(made, "toy")["template"], task(made, "toy")["depends"]) == ("toy", f"{group}.Succeeded")
    container = made["toy"]["container"]
    assert "/classify:" in container["image"]
    assert [env["name"] for env in container["env"]][3:] == ["CRONOCAST_HORIZON"]
    assert "/secrets/sink" in [mount["mountPath"] for mount in container["volumeMounts"]]
    *others, last = made["chain"]["containerSet"]["containers"]
    assert (last["name"], last["args"], last["dependencies"]) == ("main", ["toy"], [others[-1]["name"]])
    assert f"^([1-{len(others)}]-[a-z]+|main): " in made["chain"]["retryStrategy"]["expression"]


def test_steps_of_one_image_that_follow_each_other_share_a_pod(with_steps: Steps) -> None:
    """A new step of an image that is there anyway costs no pod: it is a container before or behind the other."""
    listed = list(STEPS.items())
    place = [name for name, _ in listed].index("classify")
    made = with_steps(dict([*listed[:place], ("toy", TOY), *listed[place:]]))
    assert "toy" not in made
    assert "toy" not in {task["name"] for task in made["many"]["dag"]["tasks"]}
    found = containers(made["classify"])
    assert [c["args"] for c in found[-2:]] == [["toy"], ["classify"]]
    assert found[-1]["name"] == "main"
    assert found[-1]["dependencies"] == [found[-2]["name"]]
    assert {"class", "verdict", "crossings", "work"} <= {p["name"] for p in made["classify"]["outputs"]["parameters"]}
    mounts = [[m["mountPath"] for m in c["volumeMounts"] if m["mountPath"].startswith("/secrets")] for c in found]
    assert mounts[-2:] == [["/secrets/sink"], []]
    seconds = PODS["classify"].deadline_s
    assert made["classify"]["activeDeadlineSeconds"] == len(found) * seconds
    assert "lastRetry.exitCode" not in made["classify"]["retryStrategy"]["expression"]


@pytest.mark.parametrize("name", ["cpu", "memory", "ephemeral-storage"])
def test_one_pod_reserves_what_its_neediest_step_does_and_little_more(name: str) -> None:
    (workflow,) = kind(render({"series": {"a": MINIMAL}}), "WorkflowTemplate")
    made = templates(workflow)
    found = containers(made["chain"])
    asked = [amount(c["resources"]["requests"][name]) for c in found]
    alone = [
        amount(t["container"]["resources"]["requests"][name])
        for t in (made["extract"], made["forecast"], made["select"], made["record"])
    ]
    assert max(asked) >= max(alone)
    assert sum(asked) - max(asked) <= 0.5 * max(asked)
    assert all(
        amount(c["resources"]["limits"].get(name, "100Ti")) >= size for c, size in zip(found, asked, strict=True)
    )


def amount(text: str) -> float:
    """A quantity of Kubernetes as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)(m|[KMGT]i)?", text).groups()  # type: ignore[union-attr]
    return float(number) * {"m": 1e-3, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}.get(unit, 1)

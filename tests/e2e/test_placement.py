"""A series whose profile asks for a GPU waits for a node that has one, and runs there.

The GPU is a number in the node's status: placement is proved, computing is not.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.cluster import pods, run, told, until
from tests.e2e.entries import daily, hourly, values
from tests.e2e.space import Database, Space

TAINT = {"key": "cronocast.io/e2e-gpu", "value": "present", "effect": "NoSchedule"}
RESOURCE = "cronocast.io/e2e-gpu"  # a name of its own: a node that has real GPUs keeps them


@contextmanager
def gpu_node(label: str) -> Iterator[str]:
    """Give a node one GPU, a label and a taint, and take them away again."""
    node = json.loads(run("kubectl", "get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    pointer = RESOURCE.replace("/", "~1")
    capacity = json.dumps([{"op": "add", "path": f"/status/capacity/{pointer}", "value": "1"}])
    try:
        run("kubectl", "patch", "node", node, "--subresource=status", "--type=json", "-p", capacity)
        run("kubectl", "label", "node", node, f"{label}=yes")
        run("kubectl", "taint", "node", node, f"{TAINT['key']}={TAINT['value']}:{TAINT['effect']}")
        yield node
    finally:
        run("kubectl", "taint", "node", node, f"{TAINT['key']}-", check=False)
        run("kubectl", "label", "node", node, f"{label}-")
        remove = [{"op": "remove", "path": f"/status/{part}/{pointer}"} for part in ("capacity", "allocatable")]
        run(
            "kubectl",
            "patch",
            "node",
            node,
            "--subresource=status",
            "--type=json",
            "-p",
            json.dumps(remove),
            check=False,
        )


def test_a_gpu_series_waits_for_a_gpu_node_and_runs_there_while_its_other_steps_run_elsewhere(
    space: Space, database: Database
) -> None:
    label = f"cronocast.io/{space.name}"
    database.write(hourly("gpu", "", daily(20)))
    heavy = {
        "nodeSelector": {label: "yes"},
        "tolerations": [{**TAINT, "operator": "Equal"}],
        "gpus": 1,
        "gpuResource": RESOURCE,
    }
    series = {"gpu": {"profile": "gpu", "model": "lstm", "options": {"epochs": 1}}}
    space.helm("placement", values(series, profiles={"cpu": {}, "gpu": {"heavy": heavy}}))
    name = space.submit("gpu")

    def pod() -> dict[str, Any]:
        found = space.objects("pod", "-l", f"workflows.argoproj.io/workflow={name},cronocast.io/class")
        return found[0] if found else {}

    def refused() -> str:
        conditions = pod().get("status", {}).get("conditions", [])
        return next(
            (c.get("message", "") for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"), ""
        )

    assert "node affinity/selector" in until("the pod to wait for a node", refused)
    with gpu_node(label) as node:
        # Until it runs: the kubelet looks at the node's labels once more before it takes a pod in.
        placed = until("the pod to run", lambda: pod() if pod()["status"]["phase"] != "Pending" else None)
    assert placed["spec"]["nodeName"] == node
    main = next(c for c in placed["spec"]["containers"] if c["name"] == "main")
    assert main["resources"]["limits"][RESOURCE] == "1"
    workflow = space.ended(name)
    assert workflow["status"]["phase"] == "Succeeded", told(workflow)
    assert len(database.points("gpu")) == 24
    # The light pods neither ask for a GPU nor tolerate the taint: they leave such nodes free.
    assert all(not any(t["key"] == TAINT["key"] for t in tolerations) for tolerations in light_tolerations(space))
    assert len(pods(workflow, "lstm")) == 1


def light_tolerations(space: Space) -> list[list[dict[str, Any]]]:
    """Tolerations of every template but the heavy one."""
    template = json.loads(space.kubectl("get", "workflowtemplate", "placement-gpu", "-o", "json"))
    return [found.get("tolerations", []) for found in template["spec"]["templates"] if found["name"] != "forecast-lstm"]

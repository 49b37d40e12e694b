"""What is done for runs that wait and schedules that Argo missed, by what the API server is asked."""

from collections.abc import Mapping
from typing import Any

import pytest

from cronocast.cluster.tend import Tended, tend

NOW = 1_800_000_000 * 10**9  # 2027-01-15T08:00:00Z
EARLY, LATE = "2027-01-15T07:40:00Z", "2027-01-15T07:55:00Z"


def cron(name: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "annotations": {f"cronocast.io/{key}": text for key, text in annotations.items()}}
    }


def run(name: str, *nodes: dict[str, str], **spec: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {"nodes": {str(i): node for i, node in enumerate(nodes)}},
    }


def node(phase: str, begun: str, kind: str = "Pod") -> dict[str, str]:
    return {
        "type": kind,
        "phase": phase,
        "startedAt": begun,
        "displayName": "chain(0)",
        "message": "Unschedulable: none",
    }


class Api:
    """Pages of two objects each, and what was patched."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects, self.patches = objects, dict[str, Any]()

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if method == "PATCH":
            self.patches[path] = body
            return {}
        kind, _, query = path.partition("?")
        assert "labelSelector=app.kubernetes.io/instance%3Drel" in query
        at = int(query.partition("continue=")[2] or 0)
        left = len(self.objects[kind]) > at + 2
        return {"items": self.objects[kind][at : at + 2], "metadata": {"continue": str(at + 2)} if left else {}}


def test_every_schedule_is_touched_once_after_each_revision() -> None:
    api = Api(
        cronworkflows=[
            cron("new", revision="1"),
            cron("done", revision="3", touched="3"),
            cron("up", revision="4", touched="3"),
        ],
        workflows=[],
    )
    assert tend(api, "rel", 600, NOW, print) == Tended(("new", "up"), ())
    assert api.patches["cronworkflows/up"] == {"metadata": {"annotations": {"cronocast.io/touched": "4"}}}


@pytest.mark.parametrize(
    ("waiting", "stopped"),
    [
        (run("r", node("Pending", EARLY)), True),
        (run("r", node("Succeeded", EARLY), node("Pending", EARLY)), True),
        (run("r", node("Pending", LATE)), False),
        (run("r", node("Running", EARLY)), False),
        (run("r", node("Pending", EARLY, kind="Container")), False),
        (run("r", node("Pending", EARLY), shutdown="Stop"), False),
        ({"metadata": {"name": "r"}, "spec": {}}, False),
    ],
)
def test_a_run_is_stopped_where_a_pod_has_waited_too_long(waiting: dict[str, Any], stopped: bool) -> None:
    api = Api(cronworkflows=[], workflows=[waiting])
    assert tend(api, "rel", 600, NOW, print).stopped == (("r",) if stopped else ())
    if stopped:
        assert api.patches["workflows/r"]["spec"] == {"shutdown": "Stop"}
        assert "Unschedulable: none" in api.patches["workflows/r"]["metadata"]["annotations"]["cronocast.io/waited"]

"""Commands against the cluster that KUBECONFIG names, and what its Argo server answers."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

TOOLS = ("kubectl", "helm", "argo")
ENDED = ("Succeeded", "Failed", "Error")
Workflow = dict[str, Any]
Node = dict[str, Any]
T = TypeVar("T")


def missing() -> str:
    """What stands in the way of these tests, or ""."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        reason = f"not on PATH: {', '.join(absent)}"
    elif "KUBECONFIG" not in os.environ:
        reason = "KUBECONFIG names no cluster"
    else:
        answer = subprocess.run(
            ["kubectl", "get", "crd", "cronworkflows.argoproj.io"], capture_output=True, text=True, check=False
        )
        reason = (
            "" if answer.returncode == 0 else f"no cluster with Argo Workflows answers: {answer.stderr.strip()[:300]}"
        )
    return (
        f"these tests need a Kubernetes cluster with Argo Workflows, but {reason}; see tests/e2e/README.md"
        if reason
        else ""
    )


def run(*command: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a command and return its output; a failure shows what it said."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=900)
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
    return done.stdout


def until(what: str, look: Callable[[], T | None], seconds: float = 900, every: float = 1.0) -> T:
    """Wait until something is found; name it, and what was seen last, if it never comes.

    A command that fails has not found it yet.
    """
    end = time.monotonic() + seconds
    while True:
        seen: T | AssertionError | None
        try:
            if seen := look():
                return seen
        except AssertionError as failure:
            seen = failure
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s; last seen {seen!r}")
        time.sleep(every)


def argo_api(path: str) -> Any:
    """Ask the Argo server, as the UI does, through the API server's proxy, which needs no port of its own."""
    service = os.environ.get("ARGO_SERVICE", "argo/services/argo-server:2746")
    namespace, _, rest = service.partition("/")
    return json.loads(
        until(
            f"an answer to {path}",
            lambda: run("kubectl", "get", "--raw", f"/api/v1/namespaces/{namespace}/{rest}/proxy{path}"),
            30,
        )
    )


def pods(workflow: Workflow, name: str) -> list[Node]:
    """Pods of a workflow by task or template, such as light or chain, in order of time.

    There is one for each attempt and part.
    """
    found = [node for node in workflow.get("status", {}).get("nodes", {}).values() if node["type"] == "Pod"]
    own = [node for node in found if node["displayName"].startswith(f"{name}(") or node["templateName"] == name]
    return sorted(own, key=lambda node: node.get("startedAt") or "")


def exits(workflow: Workflow, name: str) -> list[str]:
    """Exit code of each attempt of a pod, that of the first container that failed where it has several; "" for none."""
    return [code(node) for node in pods(workflow, name)]


def code(node: Node) -> str:
    """Exit code of a pod: Argo tells only that of its container main, and in a message that of what failed."""
    said = re.search(r"[(]exit code (\d+)[)]", node.get("message", ""))
    return said[1] if said else str(node.get("outputs", {}).get("exitCode", ""))


def seconds(text: str) -> float:
    """A time of Kubernetes as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def scheduled(workflow: Workflow) -> str:
    """The time that a run stands for."""
    return str(workflow["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"])


def told(workflow: Workflow) -> str:
    """What to print when a run ended otherwise than expected: every node with its phase, exit code and message."""
    lines = [
        f"{workflow['metadata']['name']} {workflow['status'].get('phase')}: {workflow['status'].get('message', '')}"
    ]
    found = sorted(workflow["status"].get("nodes", {}).values(), key=lambda n: n.get("startedAt") or "")
    lines += [
        f"  {node['type']} {node['displayName']} {node['phase']} {node.get('outputs', {}).get('exitCode', '')}"
        f" {node.get('message', '')}"
        for node in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(missing() or 0)

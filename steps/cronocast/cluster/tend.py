"""Looks after what Argo leaves lying: runs whose pods never start, and schedules that it has not taken up.

Argo looks at a run again only when something changes, or after 20 minutes: while a pod waits for a node or a claim,
no deadline is kept. And a CronWorkflow that it saw before its WorkflowTemplate has no schedule for as long.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.durations import parse_stamp

REVISION = "cronocast.io/revision"  # of the release that made an object last
TOUCHED = "cronocast.io/touched"  # the revision after which Argo was made to look at it again
WAITED = "cronocast.io/waited"  # why a run was stopped
Object = Mapping[str, Any]
Api = Callable[[str, str, Object | None], Object]  # method, path below the namespace's objects, body


@dataclass(frozen=True)
class Tended:
    """What was done, by name."""

    touched: tuple[str, ...]
    stopped: tuple[str, ...]


def tend(api: Api, instance: str, pending_s: int, now_ns: int, say: Callable[[str], None]) -> Tended:
    """Touch schedules that Argo may have missed, and stop runs that waited too long; a stopped run leaves its record.

    Args:
        api: Asks the API server for Argo's objects of one namespace.
        instance: Name of the release.
        pending_s: How long a pod may wait for a node, a claim, a Secret or an image.
        now_ns: The time.
        say: Takes what is done, line by line.

    Raises:
        CronocastError: the API server refuses, or can't be reached.
    """
    label = f"labelSelector=app.kubernetes.io/instance%3D{instance}"
    touched, stopped = [], []
    for cron in _listed(api, "cronworkflows", label):
        name, marks = cron["metadata"]["name"], cron["metadata"].get("annotations", {})
        if marks.get(TOUCHED) != (revision := marks.get(REVISION, "")):
            api("PATCH", f"cronworkflows/{name}", {"metadata": {"annotations": {TOUCHED: revision}}})
            touched.append(name)
    for run in _listed(api, "workflows", f"{label},workflows.argoproj.io/completed%21%3Dtrue"):
        name, why = run["metadata"]["name"], _waiting(run, now_ns - pending_s * 10**9)
        if why and not run["spec"].get("shutdown"):
            say(f"tend: {name}: stopped, {why}")
            api(
                "PATCH", f"workflows/{name}", {"metadata": {"annotations": {WAITED: why}}, "spec": {"shutdown": "Stop"}}
            )
            stopped.append(name)
    return Tended(tuple(touched), tuple(stopped))


def _listed(api: Api, kind: str, query: str) -> Iterator[Object]:
    """Every object of a kind, page by page."""
    following = ""
    while True:
        page = api("GET", f"{kind}?limit=200&{query}{following}", None)
        yield from page.get("items") or ()
        token = page.get("metadata", {}).get("continue")
        if not token:
            return
        following = f"&continue={token}"


def _waiting(run: Object, since_ns: int) -> str:
    """Why a pod of a run has not started although it was made before a time; "" where none waits."""
    for node in (run.get("status", {}).get("nodes") or {}).values():
        if node.get("type") == "Pod" and node.get("phase") == "Pending" and _time_ns(node.get("startedAt")) < since_ns:
            return (
                f"{node.get('displayName')} waited since {node['startedAt']}: {node.get('message') or 'no reason told'}"
            )
    return ""


def _time_ns(text: str | None) -> int:
    return parse_stamp(text) if text else 2**63 - 1

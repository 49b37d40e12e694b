"""Past runs as Argo workflows: what the chart schedules, with a time of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cronocast.cluster.render import helm_template, split
from cronocast.durations import stamp

SCHEDULED = "workflows.argoproj.io/scheduled-time"  # of a run; Argo sets it for those that it schedules itself
KEEP_S = 24 * 3600  # a workflow that went well


def workflows(values: Path, runs: Mapping[str, Sequence[int]], release: str, namespace: str, at_once: int) -> str:
    """Workflows for past runs as YAML, the oldest first.

    Runs of a series go one after another, by the mutex that every run of it holds, and at most `at_once` series run at
    the same time, by one more. Among those that wait, the older run has the higher priority.

    Args:
        values: The values file of the release.
        runs: Name of a series -> times of its runs, ns UTC.
        release: Name of the chart's release.
        namespace: Where it is installed.
        at_once: Series that run at the same time, at least 1.

    Raises:
        ConfigError: as `render`.
    """
    import yaml

    made: list[dict[str, Any]] = []
    files = split(helm_template(values, release, namespace))
    for text in files.values():
        for cron in yaml.safe_load_all(text):
            if not isinstance(cron, dict) or cron.get("kind") != "CronWorkflow":
                continue
            times = sorted(runs.get(_series_of(cron), ()))
            lane = (
                f"{release}-backfill-{len({w['metadata']['labels']['cronocast.io/backfill'] for w in made}) % at_once}"
            )
            made += [_workflow(cron, run_ns, -i, lane) for i, run_ns in enumerate(times)]
    made.sort(key=lambda workflow: workflow["metadata"]["annotations"][SCHEDULED])
    return "".join("---\n" + yaml.safe_dump(workflow, sort_keys=False, allow_unicode=False) for workflow in made)


def _series_of(cron: Mapping[str, Any]) -> str:
    """Exact name of the series that a CronWorkflow runs."""
    parameters = cron["spec"]["workflowSpec"]["arguments"]["parameters"]
    return str(json.loads(next(p["value"] for p in parameters if p["name"] == "series"))["name"])


def _workflow(cron: Mapping[str, Any], run_ns: int, priority: int, lane: str) -> dict[str, Any]:
    metadata, spec = cron["metadata"], cron["spec"]
    mark = metadata["name"]
    kept = spec.get("workflowMetadata", {})
    own = next(p["value"] for p in spec["workflowSpec"]["arguments"]["parameters"] if p["name"] == "id")
    return {
        "apiVersion": cron["apiVersion"],
        "kind": "Workflow",
        "metadata": {
            "name": f"{mark}-{run_ns // 10**9}",  # as long as those that Argo makes: names of pods and labels hold it
            "namespace": metadata["namespace"],
            "labels": {**kept.get("labels", {}), "cronocast.io/backfill": mark},
            "annotations": {**kept.get("annotations", {}), SCHEDULED: stamp(run_ns)},
        },
        "spec": {
            **spec["workflowSpec"],
            "priority": priority,
            "synchronization": {"mutexes": [{"name": own}, {"name": lane}]},
            "ttlStrategy": {"secondsAfterSuccess": KEEP_S},
        },
    }

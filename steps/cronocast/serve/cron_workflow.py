"""The CronWorkflow of an entry, as the chart would render it. Standard library only.

The chart renders one for a series that there is not, with all that its values say; here what the entry says is filled
in. A test holds both against each other.
"""

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cronocast.document.carried import inert
from cronocast.document.schedule import with_minute
from cronocast.durations import stamp
from cronocast.errors import Problem, seen
from cronocast.models.rules import image_of

SERIES = "cronocast.io/series"
TITLE, DESCRIPTION = "workflows.argoproj.io/title", "workflows.argoproj.io/description"
SCHEDULED = "workflows.argoproj.io/scheduled-time"  # of a run; Argo sets it for those that it schedules itself
MADE_BY = {"cronocast.io/made-by": "serve"}
KEPT = "cronocast.io/kept"  # the entry as it was put, with who and when, as JSON
LONGEST_NAME = 52  # of a CronWorkflow; Argo starts nothing whose name is longer
HOUR_S = 3600
DAY_S = 24 * HOUR_S
KEEP_S = DAY_S  # a run that somebody asked for, after it went well


@dataclass(frozen=True)
class Skeleton:
    """What the chart says of every CronWorkflow.

    Attributes:
        cron: One of a series that there is not.
        name: Name of the release's objects; a WorkflowTemplate is called NAME-PROFILE.
        profiles: Of the release.
        retry_s: Initial back-off, to which each series adds as much again at most.
    """

    cron: Mapping[str, Any]
    name: str
    profiles: tuple[str, ...]
    retry_s: int

    def problems(self, whole: Mapping[str, Any]) -> list[Problem]:
        """What keeps a sound document from running on this cluster."""
        name, profile, found = cron_name(whole["name"]), whole.get("profile") or "cpu", []
        if len(name) > LONGEST_NAME:
            said = f"has {len(name)} characters; allowed: at most {LONGEST_NAME}, beyond which Argo starts nothing"
            found.append(Problem("E_NAME", "name", said))
        if profile not in self.profiles:
            said = f"{seen(profile)} is none of this release; known: {', '.join(self.profiles)}"
            found.append(Problem("E_CONFIG_CHOICE", "profile", said))
        return found

    def cron_workflow(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        """The CronWorkflow of a document, defaults and all."""
        made: dict[str, Any] = copy.deepcopy(dict(self.cron))
        series, spec = str(whole["name"]), made["spec"]
        name = cron_name(series)
        said = {
            TITLE: whole.get("title") or series,
            DESCRIPTION: f"Forecast of {series}, {whole.get('horizon') or '24h'} ahead",
        }
        made["metadata"]["name"] = name
        for part in (made["metadata"], spec["workflowMetadata"]):
            part["labels"][SERIES] = name
            part["annotations"] |= said
        spec["schedules"] = [with_minute(series, text) for text in whole.get("schedules") or ("H * * * *",)]
        spec["timezone"] = whole.get("timezone") or "UTC"
        spec.pop("suspend", None)
        if whole.get("suspend"):
            spec["suspend"] = True
        run = spec["workflowSpec"]
        run["entrypoint"] = entrypoint(whole)
        run["workflowTemplateRef"] = {"name": f"{self.name}-{whole.get('profile') or 'cpu'}"}
        filled = {
            "series": inert(dict(whole)),
            "id": name,
            "period-seconds": str(max(map(period, whole.get("schedules") or ("H * * * *",)))),
            "retry-seconds": str(self.retry_s + _hash(series, self.retry_s)),
        }
        run["arguments"]["parameters"] = [
            {**item, "value": filled.get(item["name"], item.get("value"))} for item in run["arguments"]["parameters"]
        ]
        return made


def run_of(cron: Mapping[str, Any], run_ns: int) -> dict[str, Any]:
    """The workflow of one run that somebody asked for, as of a time."""
    metadata, spec = cron["metadata"], cron["spec"]
    kept = spec.get("workflowMetadata", {})
    return {
        "apiVersion": cron["apiVersion"],
        "kind": "Workflow",
        "metadata": {
            "name": f"{metadata['name']}-{run_ns // 10**9}",  # as those that Argo makes
            "namespace": metadata["namespace"],
            "labels": {**kept.get("labels", {}), **MADE_BY},
            "annotations": {**kept.get("annotations", {}), SCHEDULED: stamp(run_ns)},
        },
        "spec": {**spec["workflowSpec"], "ttlStrategy": {"secondsAfterSuccess": KEEP_S}},
    }


def cron_name(series: str) -> str:
    """Name of a series' CronWorkflow: its own where Kubernetes takes it, else a slug and a hash of the exact name."""
    if re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", series):
        return series
    slug = re.sub(r"[^a-z0-9]+", "-", series.lower()).strip("-")[:32].removesuffix("-")
    return f"{slug or 'series'}-{hashlib.sha256(series.encode()).hexdigest()[:8]}"


def period(schedule: str) -> int:
    """Seconds of the longest wait between two starts of one schedule of five fields, or a little more, as the chart."""
    minute, hour, day, month, weekday = schedule.split(" ")
    if month != "*":
        return 366 * DAY_S
    if day != "*":
        return 31 * DAY_S
    if weekday != "*":
        return (7 if re.fullmatch("[0-9]", weekday) else 3) * DAY_S
    if hour.startswith("*/"):
        return int(hour.removeprefix("*/")) * HOUR_S
    if hour != "*":
        return DAY_S
    if minute == "*":
        return 60
    every = re.fullmatch(r"[H*]/([0-9]+)", minute)
    return int(every[1]) * 60 if every else HOUR_S


def entrypoint(whole: Mapping[str, Any]) -> str:
    """Where a run begins, one pod or many."""
    asked = whole.get("pods") or "auto"
    if asked != "auto":
        return str(asked)
    models = [whole.get("model") or "auto", *(whole.get("candidates") or ())]
    heavy = [model for model in models if image_of(model) != "light"]
    return "many" if heavy or int(whole.get("shards") or 1) > 1 else "one"


def _hash(name: str, below: int) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % below

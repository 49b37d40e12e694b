"""The CronWorkflow that the server makes of a series is the one that the chart would render for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from cronocast.handoff.files import write_json
from cronocast.serve.cron_workflow import KEPT, MADE_BY, SCHEDULED, run_of
from cronocast.serve.kube import Kube
from cronocast.serve.on_cluster import Cluster, skeleton_of
from cronocast.serve.shelf import Kept
from cronocast.settings.declare import merge
from tests.chart.rendering import MINIMAL, kind, problems, render

API = {"enabled": True, "api": {"enabled": True, "tokensSecret": "tokens", "allowedHosts": ["influxdb"]}}
SHARED: dict[str, Any] = {
    "defaults": {**MINIMAL, "schedules": ["H/20 * * * *"], "level": 0.9},
    "profiles": {"cpu": {}, "gpu": {"heavy": {"gpus": 1}}},
    "retry": {"seconds": 45},
    "schedule": {"concurrencyPolicy": "Replace", "failedRuns": 9},
    "labels": {"team": "a"},
    "annotations": {"note": "of {all}"},
    "serve": API,
}
OF_SERVE = ("ServiceAccount", "Role", "RoleBinding", "ConfigMap")
SERIES: dict[str, dict[str, Any]] = {
    "disk": {"horizon": "72h", "clip": {"min": 0, "max": 100.5}},
    "Räume & <Türen> $(HOME) $$ it's": {"title": 'Über "alles" {{=1+1}} {{workflow.name}} \\ \u2028 \U0001f600'},
    "a" * 60: {},
    "own-times": {"schedules": ["H * * * *", "5,H 1-3 * * 1-5", "*/7 * * * *"], "timezone": "Europe/Berlin"},
    "suspended": {"suspend": True},
    "heavy": {"model": "lstm", "profile": "gpu"},
    "candidates": {"candidates": ["theta", "darts:Theta"]},
    "shards": {"shards": 3},
    "one": {"pods": "one"},
    "many": {"pods": "many"},
    "removes": {"level": None, "source": {"field": "g", "tags": {"a": "b"}}},
    "numbers": {"levels": [0.5, 0.8], "budget": 1e-3, "min_points": 100000, "clip": {"max": 1e21}},
}


def made_of_serve(values: dict[str, Any], folder: Path) -> tuple[Cluster, dict[str, Any]]:
    """What the server gets from the chart."""
    (handed,) = kind(render(values), "ConfigMap")
    write_json(folder / "..data" / "cluster.json", json.loads(handed["data"]["cluster.json"]))
    (folder / "cluster.json").symlink_to(folder / "..data" / "cluster.json")  # as Kubernetes mounts it
    skeleton, defaults, namespace = skeleton_of(folder / "cluster.json")
    assert namespace == "space"
    return Cluster(Kube("https://none", namespace), skeleton), defaults


@pytest.mark.parametrize("values", [SHARED, {"defaults": MINIMAL, "serve": API}], ids=["shared", "plain"])
def test_it_is_what_the_chart_renders_but_for_its_marks(values: dict[str, Any], tmp_path: Path) -> None:
    profiles = values.get("profiles", {"cpu": {}})
    series = {name: own or {"every": "1h"} for name, own in SERIES.items() if own.get("profile", "cpu") in profiles}
    series = {name: own for name, own in series.items() if len(name) <= 52}
    rendered = {
        json.loads(cron["spec"]["workflowSpec"]["arguments"]["parameters"][0]["value"])["name"]: cron
        for cron in kind(render({**values, "series": series}), "CronWorkflow")
    }
    cluster, defaults = made_of_serve(values, tmp_path)
    assert rendered.keys() == series.keys()
    for name, own in series.items():
        kept = Kept(name, {"name": name, **own}, "ada", "2026-01-01T00:00:00Z")
        made = cluster.made(kept, merge(defaults, kept.document))
        assert {key: made["metadata"]["labels"].pop(key) for key in MADE_BY} == MADE_BY
        assert json.loads(made["metadata"]["annotations"].pop(KEPT))["document"] == kept.document
        assert made == rendered[name], name


@pytest.mark.parametrize(
    ("whole", "wrong"),
    [
        ({"name": "a" * 52}, {}),
        ({"name": "a" * 53}, {"name": "E_NAME"}),
        ({"name": "a", "profile": "gpu"}, {"profile": "E_CONFIG_CHOICE"}),
        ({"name": "A" * 300}, {}),
    ],
)
def test_what_argo_would_never_run_is_refused(whole: dict[str, Any], wrong: dict[str, str], tmp_path: Path) -> None:
    cluster, _ = made_of_serve({"defaults": MINIMAL, "serve": API}, tmp_path)
    assert {problem.where: problem.token for problem in cluster.problems(whole)} == wrong


def test_a_run_that_somebody_asks_for_is_one_of_the_schedule_at_another_time(tmp_path: Path) -> None:
    cluster, defaults = made_of_serve(SHARED, tmp_path)
    cron = cluster.made(Kept("disk", {"name": "disk"}, "ada", ""), {**defaults, "name": "disk"})
    run = run_of(cron, 1_767_225_600 * 10**9)
    assert (run["metadata"]["name"], run["metadata"]["namespace"]) == ("disk-1767225600", "space")
    assert run["metadata"]["annotations"][SCHEDULED] == "2026-01-01T00:00:00Z"
    assert run["metadata"]["labels"] == {**cron["spec"]["workflowMetadata"]["labels"], **MADE_BY}
    assert run["spec"] == {**cron["spec"]["workflowSpec"], "ttlStrategy": {"secondsAfterSuccess": 86400}}


def test_its_account_may_keep_cron_workflows_and_start_runs_and_nothing_else() -> None:
    made = render({"defaults": MINIMAL, "serve": API})
    (role,) = [item for item in kind(made, "Role") if item["metadata"]["name"] == "rel-serve"]
    assert role["rules"] == [
        {
            "apiGroups": ["argoproj.io"],
            "resources": ["cronworkflows"],
            "verbs": ["get", "list", "create", "update", "delete"],
        },
        {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list", "create"]},
    ]
    (binding,) = [item for item in kind(made, "RoleBinding") if item["metadata"]["name"] == "rel-serve"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "rel-serve", "namespace": "space"}]
    (deployment,) = kind(made, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("rel-serve", True)
    (tokens,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert tokens == {"secretName": "tokens", "defaultMode": 0o400}
    (policy,) = [item["spec"] for item in kind(made, "NetworkPolicy") if item["metadata"]["name"] == "rel-serve"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [
        [53, 53, 5353, 5353],
        [443, 6443],
    ]


def test_runs_of_series_to_come_may_reach_the_servers_of_the_defaults() -> None:
    policies = kind(render({"defaults": MINIMAL, "serve": API}), "NetworkPolicy")
    (shared,) = [item["spec"] for item in policies if item["metadata"]["name"] == "rel"]
    assert {"ports": [{"port": 8086, "protocol": "TCP"}]} in shared["egress"]


def test_without_it_there_is_no_account_and_no_token() -> None:
    made = render({"defaults": MINIMAL, "serve": {"enabled": True}})
    assert not [item for name in OF_SERVE for item in kind(made, name) if item["metadata"]["name"] == "rel-serve"]


def test_an_upgrade_that_changes_what_it_makes_starts_it_anew() -> None:
    def mark(values: dict[str, Any]) -> str:
        (deployment,) = kind(render({"defaults": MINIMAL, "serve": API, **values}), "Deployment")
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["cronocast.io/cluster"])

    assert mark({}) == mark({}) != mark({"retry": {"seconds": 5}})


@pytest.mark.parametrize("name", ["tokensSecret", "allowedHosts"])
def test_half_guarded_it_is_refused(name: str) -> None:
    api = {key: value for key, value in API["api"].items() if key != name}  # type: ignore[attr-defined]
    said = problems({"defaults": MINIMAL, "serve": {"enabled": True, "api": api}})
    assert f"E_CONFIG_MISSING serve.api.{name}" in said

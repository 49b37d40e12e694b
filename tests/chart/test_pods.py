"""Every pod that would arise is restricted (Argo's own containers too), bounded, and without a shell.

It is given the secrets that it needs.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.chain.table import STEPS
from tests.chart.rendering import (
    CHART,
    IDS,
    MINIMAL,
    SCENARIOS,
    containers,
    helm,
    kind,
    pod,
    problems,
    render,
    scenario,
    tags,
)

ALLOWED_VOLUMES = {
    "configMap",
    "secret",
    "projected",
    "emptyDir",
    "persistentVolumeClaim",
    "downwardAPI",
    "csi",
    "ephemeral",
}
SETTINGS = {
    "CRONOCAST_ENTRY",
    "CRONOCAST_ROOT",
    "CRONOCAST_RUN",
    "CRONOCAST_DEADLINE",
    "CRONOCAST_MODEL",
    "CRONOCAST_HORIZON",
    "CRONOCAST_PART",
    "CRONOCAST_OUTPUTS",
    "CRONOCAST_STATUS",
    "CRONOCAST_FAILURES",
    "CRONOCAST_KEEP_RUNS",
}
DNS = [53, 53, 5353, 5353]  # UDP and TCP
SAMPLE = SCENARIOS[IDS.index("sample")]
LABELS = SCENARIOS[IDS.index("labels")]
TLS = SCENARIOS[IDS.index("tls")]
WEIGHTS = SCENARIOS[IDS.index("weights")]
RIGHTS = {"workflowtaskresults": ["create", "patch"], "workflows": ["get", "patch"]}


def pods(objects: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for workflow in kind(objects, "WorkflowTemplate"):
        for template in workflow["spec"]["templates"]:
            if containers(template) or "resource" in template:
                yield template["name"], pod(workflow, template)
    for job in kind(objects, "CronJob"):
        yield job["metadata"]["name"].rpartition("-")[2], job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def unrestricted(made: dict[str, Any]) -> list[str]:
    """What Pod Security's restricted profile would say of a pod.

    Https://kubernetes.io/docs/concepts/security/pod-security-standards/.
    """
    outer = made.get("securityContext", {})
    found = [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if made.get(key)]
    found += [f"volume {v['name']}" for v in made.get("volumes", []) if not (v.keys() - {"name"}) <= ALLOWED_VOLUMES]
    for container in [*made["containers"], *made.get("initContainers", [])]:
        own = container.get("securityContext", {})
        effective = {**outer, **own}
        capabilities = own.get("capabilities", {})
        checks = {
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": capabilities.get("drop") == ["ALL"] and not capabilities.get("add"),
            "runAsNonRoot": effective.get("runAsNonRoot") is True,
            "runAsUser": effective.get("runAsUser") != 0,
            "seccompProfile": effective.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
            "privileged": not own.get("privileged"),
            "procMount": own.get("procMount", "Default") == "Default",
            "hostPorts": not any(p.get("hostPort") for p in container.get("ports", [])),
        }
        found += [f"{container['name']}: {name}" for name, good in checks.items() if not good]
    return found


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_every_pod_is_restricted_and_its_root_file_system_read_only(path: Path) -> None:
    for name, made in pods(scenario(path)):
        own = [c for c in made["containers"] if c["name"] != "wait"]
        assert own
        if (
            name in ("janitor", "tend") or "existing" not in path.name
        ):  # there the controller restricts Argo's containers, not the chart
            assert unrestricted(made) == [], name
        assert unrestricted({**made, "containers": own, "initContainers": []}) == [], name
        assert all(c["securityContext"]["readOnlyRootFilesystem"] is True for c in own)
        ids = made["securityContext"].keys() & {"runAsUser", "runAsGroup", "fsGroup"}
        assert len(ids) == (0 if "openshift" in path.name else 3)
        assert made["automountServiceAccountToken"] is (name == "tend")


def test_without_the_patch_argos_own_containers_would_not_be_restricted() -> None:
    made = dict(pods(scenario(SCENARIOS[IDS.index("existing")])))["extract"]
    assert {problem.split(":")[0] for problem in unrestricted(made)} == {"wait", "init"}


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_every_container_is_bounded(path: Path) -> None:
    for workflow in kind(scenario(path), "WorkflowTemplate"):
        assert workflow["spec"]["activeDeadlineSeconds"] > 0
        assert workflow["spec"]["podGC"]["strategy"] == "OnPodSuccess"
        for template in workflow["spec"]["templates"]:
            if not template.keys() & {"dag", "steps"}:
                assert template["activeDeadlineSeconds"] > 0
            if containers(template):
                assert int(template["retryStrategy"]["limit"]) >= 0
    for _, made in pods(scenario(path)):
        for container in (c for c in made["containers"] if c["name"] != "wait"):
            assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"]["requests"].keys()
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_no_shell_no_script_and_no_mark_in_a_command(path: Path) -> None:
    for workflow in kind(scenario(path), "WorkflowTemplate"):
        for template in workflow["spec"]["templates"]:
            assert template.keys() & {"dag", "steps", "container", "containerSet", "resource"}
            assert not template.keys() & {"script", "http", "plugin", "data"}
    for name, made in pods(scenario(path)):
        for container in (c for c in made["containers"] if c["name"] != "wait" and name != "label"):
            assert container["command"] == ["cronocast"]
            assert not any(tags(argument) or "$(" in argument for argument in container["args"])
            assert {item["name"] for item in container.get("env", [])} <= SETTINGS
            for item in container.get("env", []):  # no secret by env
                entry = {"fieldRef": {"fieldPath": "metadata.annotations['cronocast.io/entry']"}}
                assert item.keys() == {"name", "value"} or item == {"name": "CRONOCAST_ENTRY", "valueFrom": entry}


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_every_mount_has_its_volume_where_argo_looks_for_it(path: Path) -> None:
    for workflow in kind(scenario(path), "WorkflowTemplate"):
        shared = {v["name"] for v in workflow["spec"]["volumes"]}
        for template in workflow["spec"]["templates"]:
            there = {v["name"] for v in template.get("volumes", [])} if "containerSet" in template else shared
            for container in containers(template):
                assert {m["name"] for m in container["volumeMounts"]} <= there


def secrets_by_step(path: Path) -> dict[str, set[str]]:
    """Secrets of the containers of each step, the same in whatever pod they are."""
    template = kind(scenario(path), "WorkflowTemplate")[0]
    found: dict[str, set[str]] = {}
    for part in template["spec"]["templates"]:
        for container in containers(part):
            mounted = {m["name"] for m in container["volumeMounts"] if m["name"].startswith("secret-")}
            (step,) = container["args"]
            assert found.setdefault(step, mounted) == mounted
    return {step: {name.removeprefix("secret-") for name in mounted} for step, mounted in found.items()}


@pytest.mark.parametrize(
    ("path", "loads"), [(SAMPLE, {"source", "sink"}), (TLS, {"source", "ca"})], ids=["sample", "tls"]
)
def test_a_step_is_given_the_secrets_that_it_needs_and_no_others(path: Path, loads: set[str]) -> None:
    given = {"extract": loads - {"sink"}, "load": loads, "record": loads}
    expected = {name: given.get(name, set()) for name, step in STEPS.items() if step.pod and name != "alert"}
    assert {step: secrets for step, secrets in secrets_by_step(path).items() if step != "alert"} == expected


def test_weights_are_mounted_read_only_where_darts_models_run_and_only_there() -> None:
    images, gpus = {}, {}
    for workflow in kind(scenario(WEIGHTS), "WorkflowTemplate"):
        [volume] = [v for v in workflow["spec"]["volumes"] if v["name"] == "weights"]
        assert volume["persistentVolumeClaim"] == {"claimName": "forecast-weights", "readOnly": True}
        for template in workflow["spec"]["templates"]:
            for container in containers(template):
                mounts = [m for m in container["volumeMounts"] if m["name"] == "weights"]
                there = [{"name": "weights", "mountPath": "/weights", "readOnly": True}]
                assert mounts == (there if template["name"] == "forecast-darts" else [])
                if mounts:
                    images[workflow["metadata"]["name"]] = container["image"].rpartition("/")[2].partition(":")[0]
                gpus[workflow["metadata"]["name"], template["name"]] = container["resources"]["limits"].get(
                    "nvidia.com/gpu"
                )
    assert images == {"rel-cpu": "forecast-pretrained", "rel-gpu": "forecast-pretrained"}
    assert {at for at, count in gpus.items() if count} == {("rel-gpu", "forecast-darts")}
    assert not any(
        v["name"] == "weights" for w in kind(scenario(SAMPLE), "WorkflowTemplate") for v in w["spec"]["volumes"]
    )


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_a_secret_is_a_file_for_its_owner_and_an_account_may_report_and_no_more(path: Path) -> None:
    for _, made in pods(scenario(path)):
        for secret in (v["secret"] for v in made.get("volumes", []) if v["name"].startswith("secret-")):
            # One that is not there must not keep the pod from starting: the step says so, and ends.
            assert (secret["defaultMode"], secret["optional"]) == (0o400, True)
    report, label = (
        {"apiGroups": ["argoproj.io"], "resources": [what], "verbs": verbs} for what, verbs in RIGHTS.items()
    )
    roles = {role["metadata"]["name"]: role["rules"] for role in kind(scenario(path), "Role")}
    roles.pop("rel-serve", None)  # of the server, looked at in test_serve_cluster.py
    tend = {"apiGroups": ["argoproj.io"], "resources": ["cronworkflows", "workflows"], "verbs": ["list", "patch"]}
    assert roles.pop("rel-tend", [tend]) == [tend]
    assert roles in ({}, {"rel": [report]}, {"rel": [report], "rel-label": [report, label]})
    assert ("rel-label" in roles) == (path == LABELS)
    for workflow in kind(scenario(path), "WorkflowTemplate"):
        assert workflow["spec"]["executor"]["serviceAccountName"] == workflow["spec"]["serviceAccountName"]


def test_only_the_pod_that_labels_a_run_may_change_workflows_and_it_reads_nothing() -> None:
    for workflow in kind(scenario(LABELS), "WorkflowTemplate"):
        with_rights = {
            t["name"]: pod(workflow, t) for t in workflow["spec"]["templates"] if t.get("serviceAccountName")
        }
        assert with_rights.keys() == {"label"}
        assert [c["name"] for c in with_rights["label"]["containers"]] == ["main"]
        assert not any(c.get("volumeMounts") for c in with_rights["label"]["containers"])


def ports(values: Any) -> list[Any]:
    policy = kind(render(values), "NetworkPolicy")[0]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    return [[p["port"] for p in rule["ports"]] for rule in policy["egress"]]


SERVERS = {
    "the database's own port": ({"url": "http://influxdb:8086"}, None, [8086]),
    "standard ports": ({"url": "https://a.example.org/influx"}, {"url": "http://b"}, [443, 80]),
    "IPv6": ({"url": "http://[fd00::1]:9999"}, {"url": "http://[fd00::1]"}, [80, 9999]),
}


@pytest.mark.parametrize(("source", "sink", "expected"), SERVERS.values(), ids=SERVERS)
def test_pods_reach_names_the_api_server_and_the_servers_of_the_series(
    source: Any, sink: Any, expected: list[int]
) -> None:
    entry = {
        "source": {"database": "d", "measurement": "m", "field": "f", **source},
        **({"sink": sink} if sink else {}),
    }
    found = ports({"series": {"a": entry}})
    assert found[:2] == [DNS, [443, 6443]]
    assert sorted(found[2]) == sorted(expected)


@pytest.mark.parametrize(
    ("notifier", "port"),
    [
        ({"kind": "slack", "url_file": "/secrets/notify/slack"}, 443),
        ({"kind": "alertmanager", "url": "http://alertmanager:9093"}, 9093),
        ({"kind": "alertmanager", "url": "http://alertmanager"}, 80),
        ({"kind": "pagerduty", "key_file": "/secrets/notify/key"}, 443),
        ({"kind": "email", "host": "mail"}, 587),
        ({"kind": "email", "host": "mail", "port": 25}, 25),
        ({"kind": "file", "path": "/data/alerts"}, None),
    ],
)
def test_pods_reach_what_notifiers_send_to(notifier: dict[str, Any], port: int | None) -> None:
    values = {"series": {"a": {**MINIMAL, "notify": [notifier]}}}
    arguments = ("template", "rel", str(CHART), "-s", "templates/networkpolicy.yaml", "--skip-schema-validation")
    policy = yaml.safe_load(helm(*arguments, values=values).stdout)
    found = [p["port"] for p in policy["spec"]["egress"][2]["ports"]]
    assert sorted(found) == sorted([8086] if port is None else [8086, port])


def test_only_what_sends_alerts_is_given_the_secret_of_the_notifiers() -> None:
    (workflow,) = kind(render({"series": {"a": MINIMAL}, "secrets": {"notify": "n"}}), "WorkflowTemplate")
    secret = {"secretName": "n", "defaultMode": 0o400, "optional": True}
    assert {"name": "secret-notify", "secret": secret} in workflow["spec"]["volumes"]
    for template in workflow["spec"]["templates"]:
        for container in containers(template):
            given = {"name": "secret-notify", "mountPath": "/secrets/notify", "readOnly": True} in container[
                "volumeMounts"
            ]
            assert given is (container["args"][0] in ("alert", "record"))


def test_no_series_no_database_to_reach() -> None:
    assert len(ports({"series": {}})) == 2


def test_without_ports_of_the_api_server_no_rule_allows_everything() -> None:
    assert ports({"series": {}, "networkPolicy": {"apiServerPorts": []}}) == [DNS]


def test_the_labels_that_the_policy_selects_are_on_every_pod() -> None:
    objects = scenario(SCENARIOS[IDS.index("company")])
    selected = kind(objects, "NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"].items()
    assert selected <= kind(objects, "WorkflowTemplate")[0]["spec"]["podMetadata"]["labels"].items()
    assert (
        selected <= kind(objects, "CronJob")[0]["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"].items()
    )


def test_the_chart_evaluates_no_text_of_a_user() -> None:
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    assert not re.search(r"\btpl\b", text)


def test_of_a_run_that_waited_the_record_needs_neither_the_claim_nor_the_node_that_it_waited_for() -> None:
    values = {"series": {"a": MINIMAL}, "profiles": {"cpu": {"light": {"nodeSelector": {"a": "b"}}}}}
    (workflow,) = kind(render(values), "WorkflowTemplate")
    made = {template["name"]: template for template in workflow["spec"]["templates"]}
    record, alone = made["record"], made["record-alone"]
    assert workflow["spec"]["onExit"] == "ending"
    volumes = {volume["name"]: volume for volume in workflow["spec"]["volumes"]}
    claims = [
        [m["name"] for m in t["container"]["volumeMounts"] if "persistentVolumeClaim" in volumes[m["name"]]]
        for t in (record, alone)
    ]
    assert claims == [["data"], []]
    assert ("nodeSelector" in record, "nodeSelector" in alone) == (True, False)
    kept = [item for item in record["container"]["env"] if item["name"] == "CRONOCAST_KEEP_RUNS"]
    assert [item["value"] for item in kept] == ["100"]
    assert record["container"]["env"] == alone["container"]["env"]
    assert record["outputs"] == alone["outputs"]
    first, second = (task["when"] for task in made["ending"]["dag"]["tasks"])
    assert first == "{{=!(" + second.removeprefix("{{=").removesuffix("}}") + ")}}"


def test_what_looks_after_waiting_runs_waits_for_nothing_that_they_may_wait_for() -> None:
    values = {"series": {"a": MINIMAL}, "profiles": {"cpu": {"light": {"nodeSelector": {"a": "b"}}}}}
    made = dict(pods(render(values)))
    assert ("nodeSelector" in made["janitor"], "nodeSelector" in made["tend"]) == (True, False)
    assert "volumes" not in made["tend"]


VOLUMELESS = SCENARIOS[IDS.index("volumeless")]


def test_without_a_volume_no_claim_is_made_or_mounted_and_the_one_pod_writes_its_record() -> None:
    objects = scenario(VOLUMELESS)
    assert kind(objects, "PersistentVolumeClaim") == []
    assert [job["metadata"]["name"] for job in kind(objects, "CronJob")] == ["rel-tend"]
    assert "persistentVolumeClaim" not in str(objects)
    (workflow,) = kind(objects, "WorkflowTemplate")
    made = {template["name"]: template for template in workflow["spec"]["templates"]}
    assert containers(made["chain"])[-1]["args"] == ["record"]
    env = {item["name"]: item.get("value") for item in containers(made["chain"])[-1]["env"]}
    assert (env["CRONOCAST_STATUS"], env["CRONOCAST_OUTPUTS"]) == ("Succeeded", "/tmp/outputs")
    assert {"status", "message"} <= {
        p["globalName"] for p in made["chain"]["outputs"]["parameters"] if "globalName" in p
    }
    (task,) = made["ending"]["dag"]["tasks"]
    assert (task["template"], task["when"]) == ("record-alone", "{{=workflow.status != 'Succeeded'}}")


@pytest.mark.parametrize("entry", [{"pods": "many"}, {"shards": 2}, {"model": "lstm"}])
def test_without_a_volume_a_series_of_several_pods_is_refused(entry: dict[str, Any]) -> None:
    said = problems({"volume": {"enabled": False}, "series": {"a": {**MINIMAL, **entry}}})
    assert "E_CONFIG_CROSS series.a: runs as several pods" in said


def test_helm_test_is_restricted_and_looks_at_every_series_with_all_secrets() -> None:
    values = {"series": {"a": MINIMAL, "b": MINIMAL}, "secrets": {"source": "s", "ca": "c"}}
    done = helm("template", "rel", str(CHART), "--show-only", "templates/tests/check.yaml", values=values)
    config, made = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert unrestricted(made["spec"]) == []
    assert all(item["metadata"]["annotations"]["helm.sh/hook"] == "test" for item in (config, made))
    [container] = made["spec"]["containers"]
    assert container["args"] == ["check", "--values", "/values/values.json", "--write", "--elsewhere", "--json"]
    assert {m["mountPath"] for m in container["volumeMounts"]} == {"/values", "/tmp", "/secrets/source", "/secrets/ca"}
    assert yaml.safe_load(config["data"]["values.json"])["series"] == values["series"]


def test_further_secrets_are_mounted_where_servers_are_reached_and_only_there() -> None:
    values = {"series": {"a": MINIMAL}, "secrets": {"more": {"db2": "influxdb-db2"}}}
    (workflow,) = kind(render(values), "WorkflowTemplate")
    for template in workflow["spec"]["templates"]:
        for container in containers(template):
            there = "/secrets/db2" in [mount["mountPath"] for mount in container["volumeMounts"]]
            assert there is (container["args"][0] in ("extract", "load", "record"))
    values["secrets"]["more"] = {"sink": "s"}  # type: ignore[index]
    assert "E_NAME secrets.more.sink" in problems(values)


def test_a_cap_on_runs_is_a_semaphore_beside_the_mutex_of_the_series() -> None:
    objects = render({"series": {"a": MINIMAL}, "schedule": {"parallel": 4, "priorityClass": "low"}})
    (config,) = kind(objects, "ConfigMap")
    spec = kind(objects, "WorkflowTemplate")[0]["spec"]
    reference = {"name": config["metadata"]["name"], "key": "runs"}
    assert spec["synchronization"]["semaphores"] == [{"configMapKeyRef": reference}]
    assert (config["data"]["runs"], spec["podPriorityClassName"]) == ("4", "low")
    assert len(spec["synchronization"]["mutexes"]) == 1

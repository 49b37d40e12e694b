"""The chart's server of metrics: shut in as every pod is, found by Prometheus, with rules that Prometheus takes."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.commands.reference import COMMANDS
from cronocast.serve.families import FAMILIES
from tests.chart.rendering import CHART, MINIMAL, kind, problems, render
from tests.served import NO_PROMETHEUS, promtool

RULES = CHART / "files" / "rules.yaml"
OPERATOR = {"serviceMonitor": {"enabled": True, "labels": {"release": "kps"}}, "rules": {"enabled": True}}
ENTRY = {**MINIMAL, "source": {**MINIMAL["source"], "group_by": ["host"]}}


def objects(serve: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return render({"series": {"disk": ENTRY}, "serve": {"enabled": True, **serve}, **more})


def one(made: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [item for item in kind(made, name) if item["metadata"]["name"] == "rel-serve"]
    return found


def container(made: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = one(made, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_it_is_off_by_default_and_then_changes_nothing() -> None:
    made = render({"series": {"disk": ENTRY}})
    assert not [item for item in made if "serve" in item["metadata"]["name"]]
    (policy,) = kind(made, "NetworkPolicy")
    assert "matchExpressions" not in policy["spec"]["podSelector"]


def test_its_pod_is_shut_in() -> None:
    made = objects({})
    pod = one(made, "Deployment")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    own = container(made)
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert own["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": True}]
    assert {"cpu", "memory", "ephemeral-storage"} == own["resources"]["requests"].keys()
    assert {"memory", "ephemeral-storage"} == own["resources"]["limits"].keys()
    assert (own["image"].rpartition(":")[0], own["command"]) == ("ghcr.io/cronocast/serve", ["cronocast"])


def test_it_is_asked_by_pods_of_the_cluster_and_asks_nobody() -> None:
    made = objects({"port": 9200})
    policy = one(made, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy
    assert policy["ingress"] == [{"ports": [{"port": 9200, "protocol": "TCP"}], "from": [{"namespaceSelector": {}}]}]
    (shared,) = [item["spec"] for item in kind(made, "NetworkPolicy") if item["metadata"]["name"] == "rel"]
    (rule,) = shared["podSelector"]["matchExpressions"]
    assert rule == {"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["serve"]}
    peers = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    assert one(objects({"ingress": peers}), "NetworkPolicy")["spec"]["ingress"][0]["from"] == peers
    assert not kind(objects({}, networkPolicy={"enabled": False}), "NetworkPolicy")


def test_every_object_finds_its_pods_whatever_labels_people_give() -> None:
    wrong = {"app.kubernetes.io/component": "mine", "app.kubernetes.io/name": "mine", "team": "a"}
    made = objects(OPERATOR, labels=wrong)
    labels = one(made, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "a"
    for name, path in {
        "Deployment": ("selector", "matchLabels"),
        "Service": ("selector",),
        "PodDisruptionBudget": ("selector", "matchLabels"),
        "NetworkPolicy": ("podSelector", "matchLabels"),
    }.items():
        selector = one(made, name)["spec"]
        for key in path:
            selector = selector[key]
        assert selector.items() <= labels.items(), name
    service = one(made, "Service")
    monitor = one(made, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "kps"
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["honorLabels"]) == (service["spec"]["ports"][0]["name"], True)


def test_probes_and_annotations_name_the_port_that_it_listens_on() -> None:
    made = objects({"port": 9200})
    own = container(made)
    (port,) = own["ports"]
    assert port["containerPort"] == 9200
    assert own["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert own["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    annotations = one(made, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == "9200"
    assert "--listen=0.0.0.0:9200" in own["args"]


def test_the_command_takes_the_arguments_that_it_is_given() -> None:
    own = container(objects({"leads": ["1h", "2d"], "refresh": "1m", "trainPrometheus": "disk $(HOME)"}))
    assert shlex.join(own["args"]) == (
        "serve --root=/data --listen=0.0.0.0:9108 --leads=1h,2d --refresh=1m '--train-prometheus=disk $$(HOME)'"
    )
    known = {flag for parameter in COMMANDS["serve"].params for flag in parameter.opts}
    assert {word.partition("=")[0] for word in own["args"] if word.startswith("--")} <= known


def test_a_budget_lets_a_single_pod_be_moved() -> None:
    assert one(objects({}), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def rules_of(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for group in one(made, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]


def test_rules_speak_of_metrics_that_there_are() -> None:
    known = {*FAMILIES, "cronocast_serve_refresh_timestamp_seconds", "cronocast_serve_unreadable_files"}
    rules = rules_of(objects(OPERATOR))
    words = {
        word
        for rule in rules
        for word in rule["expr"].replace("(", " ").replace("{", " ").split()
        if word.startswith("cronocast_")
    }
    assert words <= known
    assert rules == [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


ACTUALS = [{"series": "disk", "expr": 'avg by (host) (node_load1{job="node"})', "on": ["host"]}]


@pytest.mark.parametrize(
    ("level", "low", "high"), [(None, "0.025", "0.975"), (0.8, "0.1", "0.9"), (0.975, "0.0125", "0.9875")]
)
def test_values_that_prometheus_has_are_held_against_their_interval(level: float | None, low: str, high: str) -> None:
    entry = ENTRY if level is None else {**ENTRY, "level": level}
    serve = {"enabled": True, "rules": {"enabled": True, "actuals": ACTUALS}}
    rule = rules_of(render({"series": {"disk": entry}, "serve": serve}))[-1]
    forecast = 'cronocast_forecast{{series="disk",horizon="now",quantile="{}"}}'
    actual = '(avg by (host) (node_load1{job="node"}))'
    assert rule["expr"] == (
        f"{actual} > on (host) {forecast.format(high)} or {actual} < on (host) {forecast.format(low)}"
    )


def test_values_of_a_series_that_there_is_not_are_refused() -> None:
    wrong = {"enabled": True, "rules": {"enabled": True, "actuals": [{**ACTUALS[0], "series": "dsk"}]}}
    said = problems({"series": {"disk": ENTRY}, "serve": wrong})
    assert 'E_CONFIG_CHOICE serve.rules.actuals[0].series: "dsk" is no series' in said


@pytest.fixture(scope="module")
def program() -> Path:
    found = promtool()
    if found is None:
        pytest.skip(NO_PROMETHEUS)
    return found


def test_promtool_takes_the_rules(program: Path, tmp_path: Path) -> None:
    serve = {"rules": {"enabled": True, "actuals": ACTUALS}}
    made = one(objects(serve), "PrometheusRule")["spec"]
    (tmp_path / "rules.yaml").write_text(json.dumps(made))
    done = subprocess.run(
        [program, "check", "rules", "--lint-fatal", RULES, tmp_path / "rules.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{text}}}", "values": values}


OWN = {"series": "disk", "host": "a", "measurement": "disk"}
DUE = {"threshold": "full", **OWN}
# Alert -> what the page says, minute by minute from 1970 on, and when it must have begun to tell.
FIRES: dict[str, tuple[list[dict[str, str]], str, str]] = {
    "CronocastForecastStale": (
        [series("cronocast_next_run_timestamp_seconds", "3600x200", series="disk")], "1h50m", "2h15m",
    ),
    "CronocastRunFailed": ([series("cronocast_run_failed", "0x60 1x200", series="disk")], "2h55m", "3h5m"),
    "CronocastPageStale": ([series("cronocast_serve_refresh_timestamp_seconds", "60x200")], "18m", "24m"),
    "CronocastVolumeUnreadable": ([series("cronocast_serve_unreadable_files", "2x200")], "29m", "31m"),
    "CronocastCrossingNear": (
        [
            series("cronocast_crossing_timestamp_seconds", f"{3 * 86400 + 3600}x300", bound="earliest", **DUE),
            series("cronocast_crossing_state", "1x300", state="date", **DUE),
        ],
        "1h55m",
        "2h5m",
    ),
    "CronocastCrossed": ([series("cronocast_crossing_state", "1x60", state="over", **DUE)], "9m", "11m"),
    "CronocastActNow": ([series("cronocast_crossing_act_by_timestamp_seconds", "600x200", **DUE)], "1h9m", "1h15m"),
    "CronocastOutsideForecast": ([series("cronocast_anomaly_score", "0.98x60", kind="outside", **OWN)], "9m", "11m"),
}  # fmt: skip
SILENT: dict[str, list[dict[str, str]]] = {
    "CronocastCrossingNear": [
        series("cronocast_crossing_timestamp_seconds", "86400x300", bound="earliest", **DUE),
        series("cronocast_crossing_state", "1x300", state="chance", **DUE),
    ],
    "CronocastForecastStale": [series("cronocast_next_run_timestamp_seconds", "9000x300", series="disk")],
    "CronocastOutsideForecast": [series("cronocast_anomaly_score", "0.98x60", kind="run", **OWN)],
}


def fires(program: Path, folder: Path, given: list[dict[str, str]], alert: str, at: str) -> bool:
    """Whether an alert fires at a time: promtool, told that nothing does, says that something did."""
    nothing = {"alertname": alert, "eval_time": at, "exp_alerts": []}
    test = {"interval": "1m", "input_series": given, "alert_rule_test": [nothing]}
    document = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yaml").write_text(json.dumps(document))
    done = subprocess.run([program, "test", "rules", folder / "test.yaml"], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "SUCCESS" in said or f'alertname="{alert}"' in said, said
    return "SUCCESS" not in said


@pytest.mark.parametrize("alert", FIRES)
def test_an_alert_begins_when_it_should(program: Path, tmp_path: Path, alert: str) -> None:
    given, before, after = FIRES[alert]
    assert not fires(program, tmp_path, given, alert, before)
    assert fires(program, tmp_path, given, alert, after)


@pytest.mark.parametrize("alert", SILENT)
def test_an_alert_is_silent_where_nothing_is_the_matter(program: Path, tmp_path: Path, alert: str) -> None:
    assert not fires(program, tmp_path, SILENT[alert], alert, "2h")


def test_every_alert_is_tried() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules if "alert" in rule} == FIRES.keys()

"""The alerts fire when they should and are quiet otherwise, as Prometheus itself computes them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import MINIMAL, ROOT, kind, render
from tests.served import NO_PROMETHEUS, promtool

RULES = {"monitoring": {"rules": {"enabled": True, "labels": {"release": "prometheus"}}}}
OF = 'release="space/rel",series="a"'
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
HOUR = 3600


def rules() -> dict[str, Any]:
    (rule,) = kind(render({**RULES, "series": {"a": MINIMAL}}), "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    spec: dict[str, Any] = rule["spec"]
    return spec


def gauge(name: str, value: float, labels: str = OF) -> dict[str, str]:
    return {"series": f"argo_workflows_cronocast_{name}{{{labels}}}", "values": f"{value}x600"}


def counter(status: str, start: int, step: int, name: str = "runs") -> dict[str, str]:
    labels = f'{OF},status="{status}"'
    return {"series": f"argo_workflows_cronocast_{name}_total{{{labels}}}", "values": f"{start}+{step}x600"}


def cluster(series: str, values: str) -> dict[str, str]:
    return {"series": series, "values": values}


# By minutes: the clock of these tests starts at 0. Two hours in, runs began at 6,600 s, the period is an hour.
RAN = [gauge("period_seconds", HOUR), gauge("run_seconds", 10), gauge("last_run_seconds", 6600)]
WELL = [*RAN, gauge("last_success_seconds", 6600), counter("Succeeded", 1, 0)]
POD = '{namespace="space",pod="a-1",phase="Pending"}'
CLAIM = '{namespace="space",persistentvolumeclaim="rel-data"}'
CASES: dict[str, tuple[int, list[dict[str, str]], set[str]]] = {
    "all is well": (120, WELL, set()),
    "the last run failed": (120, [*WELL, gauge("last_failure_seconds", 7000)], {"CronocastRunFailed"}),
    "a run failed before": (120, [*WELL, gauge("last_failure_seconds", 3000)], set()),
    "none has ever gone well": (
        120,
        [*RAN, gauge("last_failure_seconds", 6600), counter("Failed", 3, 0)],
        {"CronocastRunFailed", "CronocastNoSuccess"},
    ),
    "the controller was started anew and one run failed": (
        120,
        [*RAN, gauge("last_failure_seconds", 6600), counter("Failed", 1, 0)],
        {"CronocastRunFailed"},
    ),
    "no run has ended for long": (360, WELL, {"CronocastLate", "CronocastNoSuccess"}),
    "runs go on, and fail": (
        360,
        [
            *WELL[:2],
            gauge("last_run_seconds", 21000),
            gauge("last_success_seconds", 6600),
            gauge("last_failure_seconds", 21000),
            counter("Failed", 3, 0),
        ],
        {"CronocastNoSuccess", "CronocastRunFailed"},
    ),
    "nothing has ever run": (240, [], {"CronocastNotScheduled"}),
    "a record could not be written": (
        120,
        [*WELL, gauge("last_record_failure_seconds", 6700)],
        {"CronocastRecordFailed"},
    ),
    "skipped all day": (120, [*WELL, counter("skipped", 1, 1, "outcomes")], {"CronocastSkipping"}),
    "skipped now and then": (
        120,
        [*WELL, counter("skipped", 1, 1, "outcomes"), counter("ok", 1, 1, "outcomes")],
        set(),
    ),
    "a schedule that Argo refuses": (
        20,
        [*WELL, cluster('argo_workflows_error_count{cause="CronWorkflowSpecError"}', "0x5 1x600")],
        {"CronocastSpecError"},
    ),
    "a pod waits": (
        20,
        [
            *WELL,
            cluster(f"kube_pod_status_phase{POD}", "1x600"),
            cluster('kube_pod_labels{namespace="space",pod="a-1",label_app_kubernetes_io_instance="rel"}', "1x600"),
        ],
        {"CronocastPending"},
    ),
    "a pod of somebody else waits": (
        20,
        [
            *WELL,
            cluster(f"kube_pod_status_phase{POD}", "1x600"),
            cluster('kube_pod_labels{namespace="space",pod="a-1",label_app_kubernetes_io_instance="other"}', "1x600"),
        ],
        set(),
    ),
    "the claim is nearly full": (
        20,
        [
            *WELL,
            cluster(f"kubelet_volume_stats_used_bytes{CLAIM}", "81x600"),
            cluster(f"kubelet_volume_stats_capacity_bytes{CLAIM}", "100x600"),
        ],
        {"CronocastClaimFull"},
    ),
}


@pytest.mark.parametrize(("minute", "series", "firing"), CASES.values(), ids=CASES)
def test_what_fires(minute: int, series: list[dict[str, str]], firing: set[str], tmp_path: Path) -> None:
    spec = rules()
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    question = "sort_desc(count by (alertname) (ALERTS{alertstate='firing'}))"
    wanted = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    test = {"interval": "1m", "input_series": series}
    test["promql_expr_test"] = [{"expr": question, "eval_time": f"{minute}m", "exp_samples": wanted}]
    (tmp_path / "test.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"], "tests": [test]}))
    program = promtool()
    if program is None:
        pytest.skip(NO_PROMETHEUS)
    command = [str(program), "test", "rules", str(tmp_path / "test.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_and_a_page_of_the_runbook() -> None:
    made = {rule["alert"]: rule for group in rules()["groups"] for rule in group["rules"]}
    assert made.keys() == set().union(*(firing for _, _, firing in CASES.values()))
    for name, rule in made.items():
        assert f"\n## {name}\n" in RUNBOOK
        assert rule["annotations"]["runbook_url"].endswith(f"docs/runbook.md#{name.lower()}")


def test_each_exit_code_has_a_page_of_the_runbook() -> None:
    design = {1, 2, 66, 69, 70, 74, 75, 76, 77, 78, 137, 143}
    assert {int(code) for code in re.findall(r"^## Exit (\d+)", RUNBOOK, re.MULTILINE)} == design


PERIODS = {
    ("H * * * *",): HOUR,
    ("*/5 * * * *",): 300,
    ("H/30 * * * *",): 1800,
    ("* * * * *",): 60,
    ("H 1 * * *",): 86400,
    ("0 */6 * * *",): 6 * HOUR,
    ("*/30 6-18 * * 1-5",): 3 * 86400,
    ("0 0 * * 1",): 7 * 86400,
    ("0 0 1 * *",): 31 * 86400,
    ("0 0 1 1 *",): 366 * 86400,
    ("*/5 * * * *", "H 1 * * *"): 86400,
}


@pytest.mark.parametrize(("schedules", "seconds"), PERIODS.items())
def test_the_period_of_a_series_is_its_longest_wait(schedules: tuple[str, ...], seconds: int) -> None:
    (cron,) = kind(render({"series": {"a": {**MINIMAL, "schedules": list(schedules)}}}), "CronWorkflow")
    parameters = {p["name"]: p["value"] for p in cron["spec"]["workflowSpec"]["arguments"]["parameters"]}
    assert parameters["period-seconds"] == str(seconds)


def test_without_metrics_nothing_is_counted() -> None:
    (workflow,) = kind(render({"series": {"a": MINIMAL}, "monitoring": {"metrics": False}}), "WorkflowTemplate")
    assert "metrics" not in workflow["spec"]
    assert not any("metrics" in template for template in workflow["spec"]["templates"])

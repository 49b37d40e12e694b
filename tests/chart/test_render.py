"""workflows/ is the chart's own rendering, valid without Helm; `cronocast render` makes the same of any values file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cronocast.cluster.render import helm_template, split
from tests.chart.rendering import IDS, ROOT, SCENARIOS, scenario, tool

FOLDER = ROOT / "workflows"
VALUES = FOLDER / "values.yaml"


def cronocast(*arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT / "steps"), **({"PATH": path} if path is not None else {})}
    return subprocess.run(
        [sys.executable, "-m", "cronocast", *arguments], env=env, capture_output=True, text=True, check=False
    )


def test_workflows_are_what_the_chart_makes_of_their_values() -> None:
    tool("helm")
    made = split(helm_template(VALUES, "cronocast", "forecasts"))
    assert {path.stem: path.read_text() for path in FOLDER.glob("*.yaml") if path != VALUES} == made, "run: make chart"


def test_workflows_name_one_namespace_and_every_file_is_a_schedule_but_the_shared_one() -> None:
    for path in FOLDER.glob("*.yaml"):
        objects = list(yaml.safe_load_all(path.read_text()))
        if path != VALUES:
            assert {item["metadata"]["namespace"] for item in objects} == {"forecasts"}
        if path.stem not in ("values", "cronocast"):
            assert [(item["kind"], item["metadata"]["name"]) for item in objects] == [("CronWorkflow", path.stem)]


def test_argo_lint_offline_takes_the_folder() -> None:
    argo = tool("argo")
    files = [str(path) for path in FOLDER.glob("*.yaml") if path != VALUES]
    done = subprocess.run([argo, "lint", "--offline", *files], capture_output=True, text=True, check=False)
    assert "no linting errors" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_no_object_is_lost_and_none_is_changed(path: Path) -> None:
    tool("helm")
    made = [item for text in split(helm_template(path, "rel", "space")).values() for item in yaml.safe_load_all(text)]

    def key(item: dict[str, dict[str, str]]) -> str:
        return f"{item['kind']} {item['metadata']['name']}"

    assert sorted(made, key=key) == sorted(scenario(path), key=key)


def test_the_command_prints_or_writes_files(tmp_path: Path) -> None:
    tool("helm")
    printed = cronocast("render", "-f", str(VALUES), "-n", "forecasts")
    assert printed.returncode == 0, printed.stderr
    assert cronocast("render", "-f", str(VALUES), "-n", "forecasts", "--out", str(tmp_path / "new")).returncode == 0
    files = split(helm_template(VALUES, "cronocast", "forecasts"))
    assert printed.stdout == "".join(files.values())
    assert {path.stem: path.read_text() for path in (tmp_path / "new").iterdir()} == files


def test_without_helm_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = cronocast("render", "-f", str(VALUES), path=str(tmp_path))
    assert done.returncode == 78
    assert done.stderr.startswith("error: E_NO_HELM helm: ")
    assert "https://helm.sh" in done.stderr
    assert "workflows/" in done.stderr


def test_wrong_values_are_refused_before_helm_is_asked(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(
        "series: {a: {source: {url: 'http://a', database: d, measurement: m, field: f}, horizn: 24h}}"
    )
    done = cronocast("render", "-f", str(tmp_path / "v.yaml"), path=str(tmp_path))
    assert done.returncode == 78
    assert "series.a.horizn" in done.stderr


def test_what_only_the_chart_knows_is_refused_too(tmp_path: Path) -> None:
    tool("helm")
    (tmp_path / "v.yaml").write_text(
        "series: {a: {profile: gpu, source: {url: 'http://a', database: d, measurement: m, field: f}}}"
    )
    done = cronocast("render", "-f", str(tmp_path / "v.yaml"))
    assert done.returncode == 78
    assert "E_CHART" in done.stderr
    assert "series.a.profile" in done.stderr

"""Every scenario is valid for helm, for strict schemas of Kubernetes and Argo, and for Argo's own linter."""

import json
import os
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import CHART, IDS, SCENARIOS, helm, kind, need, scenario, tool
from tests.chart.schemas import write_schemas


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_helm_lint_has_nothing_to_say(path: Path) -> None:
    done = helm("lint", "--strict", "--quiet", str(CHART), "-f", str(path))
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where kubeconform finds its schemas.

    Made here where KUBE_OPENAPI names Kubernetes' swagger.json, else its default, which it downloads.
    """
    crds = Path(os.environ.get("ARGO_CRDS", ""))
    need(
        "ARGO_CRDS, a folder with Argo's full CRDs (manifests/base/crds/full),",
        "ARGO_CRDS" in os.environ and list(crds.glob("argoproj.io_*.yaml")),
    )
    openapi = Path(os.environ["KUBE_OPENAPI"]) if "KUBE_OPENAPI" in os.environ else None
    need("KUBE_OPENAPI, Kubernetes' api/openapi-spec/swagger.json,", openapi or os.environ.get("CI") == "true")
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(folder, openapi, crds)
    own = ["-schema-location", f"{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"]
    return own if openapi else [*own, "-schema-location", "default"]


def as_text(objects: Any) -> str:
    """Objects as YAML documents that mean the same to every parser: JSON."""
    return "\n---\n".join(json.dumps(item, ensure_ascii=False) for item in objects)


def conforms(objects: Any, schemas: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [tool("kubeconform"), "-strict", "-summary", *schemas]
    return subprocess.run(command, input=as_text(objects), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_every_object_fits_its_strict_schema(path: Path, schemas: list[str]) -> None:
    done = conforms(scenario(path), schemas)
    assert done.returncode == 0, done.stdout
    assert f"Valid: {len(scenario(path))}, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


@pytest.mark.parametrize(
    ("name", "at"),
    {
        "WorkflowTemplate": ("spec", "podGC"),
        "CronWorkflow": ("spec", "workflowSpec"),
        "CronJob": ("spec", "jobTemplate"),
    }.items(),
)
def test_the_schemas_refuse_a_field_that_nobody_knows(name: str, at: tuple[str, str], schemas: list[str]) -> None:
    wrong = deepcopy(kind(scenario(SCENARIOS[IDS.index("sample")]), name)[0])
    wrong[at[0]][at[1]]["concurencyPolicy"] = "x"
    done = conforms([wrong], schemas)
    assert done.returncode == 1
    assert "concurencyPolicy" in done.stdout


@pytest.mark.parametrize("path", SCENARIOS, ids=IDS)
def test_argo_lint_offline_finds_nothing(path: Path, tmp_path: Path) -> None:
    argo = tool("argo")
    made = [item for item in scenario(path) if item["apiVersion"].startswith("argoproj.io/")]
    (tmp_path / "made.yaml").write_text(as_text(made))
    done = subprocess.run([argo, "lint", "--offline", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no linting errors" in done.stdout


def test_a_misspelt_parameter_does_not_pass_argo_lint(tmp_path: Path) -> None:
    argo = tool("argo")
    made = kind(scenario(SCENARIOS[IDS.index("sample")]), "WorkflowTemplate")
    (tmp_path / "made.yaml").write_text(as_text(made).replace("inputs.parameters.part", "inputs.parameters.prat"))
    assert subprocess.run([argo, "lint", "--offline", str(tmp_path)], capture_output=True, check=False).returncode != 0
